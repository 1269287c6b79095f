//! Secrets that somebody shows as they are.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Tells whether that is the secret. No secret is one that is empty.
///
/// Digests are compared, so that not even its length can be learned from the time.
pub(super) fn is_shown(secret: &SecretString, shown: &str) -> bool {
    let secret = secret.expose_secret();
    let same = Sha256::digest(secret).ct_eq(&Sha256::digest(shown));
    !secret.is_empty() && bool::from(same)
}
