//! How a registry or a forge proves who it is.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::{UnverifiedHook, manner};
use crate::app::ingest::signature::BadSignature;
use crate::app::policy::Hook;
use crate::app::secrets::is_shown;

/// Where a sender's proof stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The secret itself in `Authorization`, with `Bearer` before it or without.
    Authorization,
    /// The secret itself in a header of the sender's own.
    Header(&'static str),
    /// The secret itself in the address: these senders can do no better.
    Address,
    /// HMAC-SHA256 over the body in one of these headers, in hex, with this before it or without.
    Signature(&'static [&'static str], &'static str),
}

/// Finds out whether a delivery is the source's. Every secret is tried, and each comparison takes
/// the same time wherever the bytes differ.
pub(in crate::app::ingest) fn verify(
    hook: &Hook,
    delivery: &UnverifiedHook,
) -> Result<(), BadSignature> {
    let fits = |secret: &SecretString| match manner(hook.kind).origin {
        Origin::Authorization => {
            let shown = delivery.headers.get("authorization");
            shown.is_some_and(|shown| is_shown(secret, without_scheme(shown)))
        }
        Origin::Header(name) => {
            delivery.headers.get(name).is_some_and(|shown| is_shown(secret, shown))
        }
        Origin::Address => {
            let shown = delivery.secret.as_ref();
            shown.is_some_and(|shown| is_shown(secret, shown.expose_secret()))
        }
        Origin::Signature(headers, prefix) => {
            let shown = headers.iter().filter_map(|name| delivery.headers.get(*name));
            shown.fold(false, |found, shown| found | signs(secret, shown, prefix, &delivery.body))
        }
    };
    let fits = hook.secrets.iter().fold(false, |found, secret| found | fits(secret));
    if fits { Ok(()) } else { Err(BadSignature::Hook) }
}

/// What stands behind `Bearer`; some senders write the header whole, and others only the secret.
fn without_scheme(shown: &str) -> &str {
    match shown.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim(),
        Some(_) | None => shown,
    }
}

fn signs(secret: &SecretString, shown: &str, prefix: &str, body: &[u8]) -> bool {
    let secret = secret.expose_secret();
    let digits = shown.strip_prefix(prefix).unwrap_or(shown);
    let Ok(signature) = hex::decode(digits) else { return false };
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    !secret.is_empty() && mac.chain_update(body).verify_slice(&signature).is_ok()
}
