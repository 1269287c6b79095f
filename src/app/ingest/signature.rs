//! Who sent it: a delivery is verified here or goes no further.
//!
//! GitHub's `X-Hub-Signature-256` and Standard Webhooks (standardwebhooks.com, specification 1.0).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::cloud_event::Envelope;
use super::identity::Speaker;
use crate::app::policy::{Proof, Source};
use crate::app::ports::TokenUse;

/// How far a signed timestamp may be off: older, and a caught request could be sent again.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// No sender needs more; each is compared with every secret.
const MOST_SIGNATURES: usize = 16;

/// What a sender says of itself, as it stands in the headers.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    /// `X-Hub-Signature-256`.
    pub hub_signature: Option<String>,
    /// `webhook-id`.
    pub webhook_id: Option<String>,
    /// `webhook-timestamp`.
    pub webhook_timestamp: Option<String>,
    /// `webhook-signature`.
    pub webhook_signature: Option<String>,
    /// `X-Hoist-Delivery`, else `X-GitHub-Delivery`.
    pub delivery: Option<String>,
    /// What follows `Authorization: Bearer`.
    pub bearer: Option<SecretString>,
    /// How the body is wrapped.
    pub envelope: Envelope,
}

/// A delivery that nobody has vouched for. It can be verified, and nothing else.
pub struct UnverifiedDelivery {
    headers: Headers,
    body: Vec<u8>,
}

/// A delivery whose sender is known.
#[derive(Clone)]
pub struct Verified<'a> {
    /// Who may have sent it: never nobody, and more than one only if a token fits several sources.
    pub speakers: Vec<Speaker<'a>>,
    /// The token that vouches for it, if one does.
    pub token: Option<TokenUse>,
    /// The sender's own id for it.
    pub delivery: Option<String>,
    /// The bytes that were signed.
    pub body: Vec<u8>,
    /// What they are wrapped in.
    pub envelope: Envelope,
}

/// Why a delivery is not believed. None of these tells which source or secret came close.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// There is none.
    #[error(
        "the request is not signed: send `X-Hub-Signature-256`, or `webhook-id`, \
         `webhook-timestamp` and `webhook-signature` (Standard Webhooks), or `Authorization: \
         Bearer` with a token of CI (OIDC)"
    )]
    Missing,
    /// Standard Webhooks, and one of the three headers is not there.
    #[error("`{0}` is missing: Standard Webhooks signs with all three of its headers")]
    Incomplete(&'static str),
    /// A header is not written as it has to be.
    #[error("`{header}` is not {expected}")]
    Unreadable {
        /// Which.
        header: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// It was signed too long ago.
    #[error(
        "`webhook-timestamp` is {seconds} s old, and at most 300 s are accepted: sign at the \
         time of sending"
    )]
    TooOld {
        /// By how much.
        seconds: i64,
    },
    /// It was signed in the future.
    #[error(
        "`webhook-timestamp` is {seconds} s ahead of our clock, and at most 300 s are accepted: \
         check both clocks"
    )]
    TooNew {
        /// By how much.
        seconds: i64,
    },
    /// No secret of ours made it.
    #[error(
        "the signature was made by no secret that is configured: sign the very bytes that are \
         sent, with HMAC-SHA256 and the secret of a source in `sources:`"
    )]
    Wrong,
    /// At the door of a registry or a forge. It does not tell which sources there are.
    #[error(
        "no source of that name is known here whose secret came with this: look at `sources:`, at \
         its `sender` and `secret`, and at the address and the secret where it is sent from; \
         docs/senders.md says where each sender puts it"
    )]
    Hook,
}

impl UnverifiedDelivery {
    /// Takes what came.
    pub fn new(headers: Headers, body: Vec<u8>) -> Self {
        Self { headers, body }
    }

    /// Finds the source whose secret signed the delivery.
    ///
    /// Where two sources share a secret the first is taken.
    pub fn verify(self, sources: &[Source], now: Timestamp) -> Result<Verified<'_>, BadSignature> {
        let Headers { webhook_id, webhook_timestamp, webhook_signature, .. } = &self.headers;
        let standard = [webhook_id, webhook_timestamp, webhook_signature];
        let hub = self.headers.hub_signature.as_ref().filter(|_| webhook_signature.is_none());
        let (source, delivery) = if let Some(signature) = hub {
            let signature = read_hub_signature(signature)?;
            (signer(sources, &[&self.body], &[signature]), self.headers.delivery.clone())
        } else if standard.iter().any(|header| header.is_some()) {
            let claim = StandardClaim::read(&self.headers, now)?;
            (claim.signer(sources, &self.body), Some(claim.id.to_owned()))
        } else {
            return Err(BadSignature::Missing);
        };
        let source = source.ok_or(BadSignature::Wrong)?;
        Ok(Verified {
            speakers: vec![Speaker { source, application: None }],
            token: None,
            delivery,
            body: self.body,
            envelope: self.headers.envelope,
        })
    }

    /// The token that vouches for the delivery. A signature, where there is one, comes first: it
    /// is over the body, and a token is not.
    pub(super) fn token(&self) -> Option<&SecretString> {
        let Headers { hub_signature, webhook_id, webhook_timestamp, webhook_signature, .. } =
            &self.headers;
        let signed = [hub_signature, webhook_id, webhook_timestamp, webhook_signature];
        if signed.iter().any(|header| header.is_some()) {
            return None;
        }
        self.headers.bearer.as_ref()
    }

    /// What came, and what it is wrapped in.
    pub(super) fn into_parts(self) -> (Vec<u8>, Envelope) {
        (self.body, self.headers.envelope)
    }

    /// What came.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }
}

/// What the three headers of Standard Webhooks claim.
struct StandardClaim<'a> {
    id: &'a str,
    timestamp: &'a str,
    signatures: Vec<Vec<u8>>,
}

impl<'a> StandardClaim<'a> {
    fn read(headers: &'a Headers, now: Timestamp) -> Result<Self, BadSignature> {
        let required = |header: &'a Option<String>, name| {
            header.as_deref().filter(|it| !it.is_empty()).ok_or(BadSignature::Incomplete(name))
        };
        let id = required(&headers.webhook_id, "webhook-id")?;
        let timestamp = required(&headers.webhook_timestamp, "webhook-timestamp")?;
        let signatures = required(&headers.webhook_signature, "webhook-signature")?;
        check_time(timestamp, now)?;
        // A signature of another version (`v1a`, asymmetric) stands beside ours and is no mistake.
        let ours = signatures.split(' ').filter_map(|signature| signature.strip_prefix("v1,"));
        let signatures: Vec<Vec<u8>> = ours
            .filter_map(|signature| STANDARD.decode(signature).ok())
            .take(MOST_SIGNATURES)
            .collect();
        if signatures.is_empty() {
            return Err(BadSignature::Unreadable {
                header: "webhook-signature",
                expected: "`v1,` and the signature in base64 (several with a space between)",
            });
        }
        Ok(Self { id, timestamp, signatures })
    }

    fn signer<'s>(&self, sources: &'s [Source], body: &[u8]) -> Option<&'s Source> {
        let signed = [self.id.as_bytes(), b".", self.timestamp.as_bytes(), b".", body];
        signer(sources, &signed, &self.signatures)
    }
}

fn check_time(timestamp: &str, now: Timestamp) -> Result<(), BadSignature> {
    let signed_at =
        timestamp.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).ok_or(
            BadSignature::Unreadable {
                header: "webhook-timestamp",
                expected: "a time in whole seconds since 1970",
            },
        )?;
    let age = now.duration_since(signed_at);
    if age > TOLERANCE {
        return Err(BadSignature::TooOld { seconds: age.as_secs() });
    }
    if age < -TOLERANCE {
        return Err(BadSignature::TooNew { seconds: -age.as_secs() });
    }
    Ok(())
}

fn read_hub_signature(header: &str) -> Result<Vec<u8>, BadSignature> {
    let digits = header.strip_prefix("sha256=").filter(|digits| digits.len() == 64);
    digits.and_then(|digits| hex::decode(digits).ok()).ok_or(BadSignature::Unreadable {
        header: "X-Hub-Signature-256",
        expected: "`sha256=` and 64 hex digits",
    })
}

/// The source of which one secret made one of `signatures` over the parts of a message.
///
/// Every secret is tried to the end, whatever matched before, and each comparison takes the same
/// time wherever the bytes differ: how long it takes tells nothing about the secrets.
fn signer<'s>(
    sources: &'s [Source],
    message: &[&[u8]],
    signatures: &[Vec<u8>],
) -> Option<&'s Source> {
    let mut found = None;
    for source in sources {
        let secrets = match &source.proof {
            Proof::Secrets(secrets) => secrets.as_slice(),
            Proof::Token(_) | Proof::Hook(_) => &[],
        };
        for key in secrets.iter().flat_map(|secret| keys(secret.expose_secret())) {
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { continue };
            message.iter().for_each(|part| mac.update(part));
            for signature in signatures {
                let matches = mac.clone().verify_slice(signature).is_ok();
                found = found.or(matches.then_some(source));
            }
        }
    }
    found
}

/// The keys that a secret may mean: `whsec_` and base64 the bytes in it, as Standard Webhooks has
/// it, and any secret its own text, as GitHub has it.
///
/// An empty secret is no key: anyone could sign with it.
fn keys(secret: &str) -> Vec<Vec<u8>> {
    let decoded = secret
        .strip_prefix("whsec_")
        .and_then(|text| STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok());
    let keys = [decoded, Some(secret.as_bytes().to_vec())];
    keys.into_iter().flatten().filter(|key| !key.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GITHUB: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const STANDARD_SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const SIGNED_AT: i64 = 1_614_265_330;

    fn source(name: &str, secrets: &[&str]) -> Source {
        Source {
            name: name.parse().unwrap(),
            proof: Proof::Secrets(secrets.iter().map(|it| (*it).to_owned().into()).collect()),
            images: vec![],
            per_minute: 600,
        }
    }

    fn hub(signature: &str) -> UnverifiedDelivery {
        let headers = Headers {
            hub_signature: Some(signature.to_owned()),
            delivery: Some("72d3162e".to_owned()),
            ..Headers::default()
        };
        UnverifiedDelivery::new(headers, b"Hello, World!".to_vec())
    }

    fn standard(signature: &str) -> UnverifiedDelivery {
        let headers = Headers {
            webhook_id: Some("msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned()),
            webhook_timestamp: Some(SIGNED_AT.to_string()),
            webhook_signature: Some(signature.to_owned()),
            ..Headers::default()
        };
        UnverifiedDelivery::new(headers, br#"{"test": 2432232314}"#.to_vec())
    }

    /// Tells who signed, or why nobody did.
    fn check(delivery: UnverifiedDelivery, sources: &[Source], seconds: i64) -> String {
        match delivery.verify(sources, Timestamp::from_second(seconds).unwrap()) {
            Ok(verified) => {
                format!("{} {}", verified.speakers[0].source.name, verified.delivery.unwrap())
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn githubs_published_signature_is_believed() {
        let sources = [source("other", &["x"]), source("ci", &["It's a Secret to Everybody"])];
        assert_eq!(check(hub(GITHUB), &sources, 0), "ci 72d3162e");
    }

    #[test]
    fn the_published_signature_of_standard_webhooks_is_believed() {
        let sources = [source("ci", &[STANDARD_SECRET])];
        let said = check(standard(STANDARD_SIGNATURE), &sources, SIGNED_AT);
        assert_eq!(said, "ci msg_p5jXN8AQM9LWM0D4loKWxJek");
    }

    #[test]
    fn a_signature_counts_among_others_that_do_not() {
        let sources = [source("ci", &["old", STANDARD_SECRET])];
        let wrong = STANDARD.encode([7; 32]);
        let several = format!("v1a,{wrong} v1,{wrong} {STANDARD_SIGNATURE} v1,not-base64");
        let said = check(standard(&several), &sources, SIGNED_AT);
        assert_eq!(said, "ci msg_p5jXN8AQM9LWM0D4loKWxJek");
    }

    #[test]
    fn a_timestamp_counts_for_five_minutes_either_way() {
        let sources = [source("ci", &[STANDARD_SECRET])];
        let at = |seconds| check(standard(STANDARD_SIGNATURE), &sources, seconds);
        assert!(at(SIGNED_AT + 300).starts_with("ci "));
        assert!(at(SIGNED_AT - 300).starts_with("ci "));
        assert!(at(SIGNED_AT + 301).starts_with("`webhook-timestamp` is 301 s old"));
        assert!(at(SIGNED_AT - 301).starts_with("`webhook-timestamp` is 301 s ahead"));
    }

    #[test]
    fn an_empty_secret_signs_nothing() {
        let mac = Hmac::<Sha256>::new_from_slice(b"").unwrap().chain_update(b"Hello, World!");
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        for secret in ["", "whsec_"] {
            let said = check(hub(&signature), &[source("ci", &[secret])], 0);
            assert_eq!(said, BadSignature::Wrong.to_string(), "{secret:?}");
        }
    }

    #[test]
    fn a_forged_header_is_refused_and_panics_nowhere() {
        let sources = [source("ci", &["It's a Secret to Everybody", STANDARD_SECRET])];
        for forged in ["", "sha256=", "sha256=zz", "sha1=00", "sha256=é", &GITHUB[..70]] {
            let said = check(hub(forged), &sources, 0);
            assert_eq!(said, "`X-Hub-Signature-256` is not `sha256=` and 64 hex digits");
        }
        let zeros = format!("sha256={}", "0".repeat(64));
        assert_eq!(check(hub(&zeros), &sources, 0), BadSignature::Wrong.to_string());
        for forged in ["v1,", "v1, ", "v2,AAAA", STANDARD_SIGNATURE.trim_start_matches("v1,")] {
            let said = check(standard(forged), &sources, SIGNED_AT);
            assert!(!said.starts_with("ci"), "{forged:?}: {said}");
        }
        for forged in ["", "soon", "99999999999999999999", "-1", "9223372036854775807"] {
            let mut delivery = standard(STANDARD_SIGNATURE);
            delivery.headers.webhook_timestamp = Some(forged.to_owned());
            assert!(delivery.verify(&sources, Timestamp::UNIX_EPOCH).is_err(), "{forged:?}");
        }
    }
}
