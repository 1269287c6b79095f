//! The sender's side: an announcement as CI makes and signs it.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::domain::artifact::{Build, Digest, ImageName, SourceCode, Tag};
use crate::domain::id::ApplicationName;

/// What is announced, field by field as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outgoing {
    /// The application; may be left out when the image decides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationName>,
    /// The image.
    pub image: ImageName,
    /// What it is.
    pub digest: Digest,
    /// What it was tagged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// What people call it, where that is not the tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Where its source stands.
    pub source: SourceCode,
    /// What built it.
    pub build: Build,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

/// An announcement that is ready to be sent, as often as it takes.
#[derive(Debug, Clone)]
pub struct SignedAnnouncement {
    /// The bytes that are sent.
    pub body: Vec<u8>,
    /// What shows who sends them.
    pub proof: SenderProof,
    /// For `X-Hoist-Delivery`: it follows from the body, so that a retry is the same delivery.
    pub delivery: String,
}

/// What shows who sends an announcement.
#[derive(Debug, Clone)]
pub enum SenderProof {
    /// For `X-Hub-Signature-256`.
    Signature(String),
    /// For `Authorization: Bearer`.
    Token(SecretString),
}

impl Outgoing {
    /// Writes it down, for CI's token to vouch for.
    pub fn with_token(&self, token: SecretString) -> SignedAnnouncement {
        let body = self.body();
        SignedAnnouncement { delivery: delivery(&body), proof: SenderProof::Token(token), body }
    }

    /// Writes it down and signs it with a source's secret.
    pub fn signed(&self, secret: &SecretString) -> SignedAnnouncement {
        let body = self.body();
        let key = secret.expose_secret().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(&body);
        SignedAnnouncement {
            proof: SenderProof::Signature(format!(
                "sha256={}",
                hex::encode(mac.finalize().into_bytes())
            )),
            delivery: delivery(&body),
            body,
        }
    }

    fn body(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts in named fields are always JSON")
    }
}

fn delivery(body: &[u8]) -> String {
    format!("hoist-{}", &hex::encode(Sha256::digest(body))[..32])
}

#[cfg(test)]
mod tests {
    use super::super::body::Notice;
    use super::super::signature::{Headers, UnverifiedDelivery};
    use super::*;
    use crate::app::policy::{Proof, Source};

    fn outgoing() -> Outgoing {
        Outgoing {
            application: Some("shop".parse().unwrap()),
            image: "ghcr.io/acme/shop".parse().unwrap(),
            digest: format!("sha256:{}", "a".repeat(64)).parse().unwrap(),
            tag: Some("v1.4.2".parse().unwrap()),
            version: None,
            source: SourceCode { commit: Some("9f2c".into()), ..SourceCode::default() },
            build: Build::default(),
            actor: Some("alice".into()),
        }
    }

    #[test]
    fn what_is_sent_is_believed_and_understood() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let SignedAnnouncement { body, proof, delivery } = outgoing().signed(&secret);
        let SenderProof::Signature(signature) = proof else { panic!() };
        let headers = Headers {
            hub_signature: Some(signature),
            delivery: Some(delivery),
            ..Headers::default()
        };
        let proof = Proof::Secrets(vec![secret]);
        let source = Source { name: "ci".parse().unwrap(), proof, images: vec![], per_minute: 600 };
        let now = "2026-11-22T22:00:00Z".parse().unwrap();
        let sources = [source];
        let verified = UnverifiedDelivery::new(headers, body).verify(&sources, now).unwrap();
        let notice = Notice::parse(&verified.body).unwrap();
        assert_eq!(notice.image, outgoing().image);
        assert_eq!(notice.source, outgoing().source);
        assert_eq!(notice.actor.as_deref(), Some("alice"));
    }

    #[test]
    fn the_same_announcement_is_the_same_delivery() {
        let secret = SecretString::from("s3cret");
        assert_eq!(outgoing().signed(&secret).delivery, outgoing().signed(&secret).delivery);
        let other = Outgoing { tag: Some("v1.4.3".parse().unwrap()), ..outgoing() };
        assert_ne!(other.signed(&secret).delivery, outgoing().signed(&secret).delivery);
    }
}
