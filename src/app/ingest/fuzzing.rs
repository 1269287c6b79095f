//! Doors to the parsers for the fuzz targets in `fuzz/`, and for the tests below, which try them
//! with fewer texts at each run; nobody else comes this way.

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::SecretString;

use super::body::Notice;
use super::cloud_event;
use super::identity;
use super::senders::{self, UnverifiedHook};
use super::signature::{Headers, UnverifiedDelivery};
use crate::app::chat::SlackRequest;
use crate::app::forge_event;
use crate::app::policy::{Hook, Proof, Source};
use crate::domain::id::SourceName;
use crate::domain::sender::SenderKind;

/// What nobody who makes up headers knows, and the same in the form of Standard Webhooks.
const SECRETS: [&str; 2] = ["b0d1f7c2a94e43d8", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];

/// The time of every look: signed timestamps are held against it.
const NOW: i64 = 1_795_381_200;

/// The headers that some proof stands in, besides [`senders::HEADERS`].
pub const PROOFS: [&str; 5] = [
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "x-slack-request-timestamp",
    "x-slack-signature",
];

/// Names the doors at which headers and a body prove who sent them. That must be none: whoever made
/// them up knows no secret.
pub fn believed(headers: &BTreeMap<&'static str, String>, body: &[u8]) -> Vec<String> {
    let header = |name: &str| headers.get(name).cloned();
    let secrets: Vec<SecretString> = SECRETS.map(SecretString::from).into();
    let now = Timestamp::from_second(NOW).unwrap_or_default();
    let mut doors = Vec::new();
    let source = Source {
        name: SourceName::try_from("ci".to_owned()).expect("it is a name"),
        proof: Proof::Secrets(secrets.clone()),
        images: Vec::new(),
        per_minute: 1,
    };
    let signed = Headers {
        hub_signature: header("x-hub-signature-256"),
        webhook_id: header("webhook-id"),
        webhook_timestamp: header("webhook-timestamp"),
        webhook_signature: header("webhook-signature"),
        ..Headers::default()
    };
    if UnverifiedDelivery::new(signed, body.to_vec()).verify(&[source], now).is_ok() {
        doors.push("a source".to_owned());
    }
    for kind in senders::ORDER {
        let hook = Hook { kind, secrets: secrets.clone(), registry: None };
        let secret = header("authorization").map(SecretString::from);
        let delivery = UnverifiedHook { headers: headers.clone(), secret, body: body.to_vec() };
        if senders::proof::verify(&hook, &delivery).is_ok() {
            doors.push(kind.as_str().to_owned());
        }
    }
    let (timestamp, signature) = (header("x-slack-request-timestamp"), header("x-slack-signature"));
    let slack = SlackRequest::new(timestamp, signature, body.to_vec());
    if slack.proves(&secrets[0], now) {
        doors.push("Slack".to_owned());
    }
    let shown = headers.values().filter(|shown| forge_event::vouches_any(&secrets[0], shown, body));
    doors.extend(shown.map(|_| "a forge".to_owned()));
    doors
}

/// Reads the body of an announcement, and gives all free text that it understood.
pub fn announcement(body: &[u8]) -> Option<Vec<String>> {
    drop(cloud_event::delivery(body));
    let notice = Notice::parse(body).ok()?;
    let (source, build) = (notice.source, notice.build);
    let texts = [
        notice.version,
        notice.actor,
        source.repository,
        source.commit,
        source.reference,
        build.url,
        build.id,
    ];
    Some(texts.into_iter().flatten().collect())
}

/// Reads a delivery of a registry or a forge, and gives the announcements that it stands for.
pub fn delivery(
    kind: SenderKind,
    headers: BTreeMap<&'static str, String>,
    body: &[u8],
) -> Vec<Vec<u8>> {
    let hook = Hook { kind, secrets: Vec::new(), registry: None };
    let delivery = UnverifiedHook { headers, secret: None, body: body.to_vec() };
    let told = senders::read(&hook, &delivery).map(|reading| reading.told).unwrap_or_default();
    let body = |told: &senders::Told| serde_json::Value::Object(told.announcement(kind));
    told.iter().map(|told| body(told).to_string().into_bytes()).collect()
}

/// Reads who made a token, of which nothing is believed yet.
pub fn token(text: &str) -> Option<String> {
    identity::issuer_of(text).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What stands in headers that prove something, and what looks like it.
    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            "sha256=[0-9a-fA-F]{60,66}",
            "v0=[0-9a-f]{60,66}",
            "(v1,[A-Za-z0-9+/]{43}=? ?){0,20}",
            "v1a,.{0,20}",
            "[0-9a-f]{64}",
            Just(NOW.to_string()),
            "-?[0-9]{1,20}",
            "(Bearer|bearer|Basic) .{0,40}",
            ".{0,40}",
        ]
    }

    fn headers() -> impl Strategy<Value = BTreeMap<&'static str, String>> {
        let names: Vec<&'static str> = senders::HEADERS.into_iter().chain(PROOFS).collect();
        prop::collection::btree_map(prop::sample::select(names), value(), 0..8)
    }

    proptest! {
        #[test]
        fn headers_that_are_made_up_prove_nothing(headers in headers(), body in ".{0,40}") {
            prop_assert_eq!(believed(&headers, body.as_bytes()), Vec::<String>::new());
        }

        #[test]
        fn no_body_is_read_without_an_end(body in prop::collection::vec(any::<u8>(), 0..300)) {
            for text in announcement(&body).into_iter().flatten() {
                prop_assert!(!text.chars().any(char::is_control), "{:?}", text);
            }
            drop(token(&String::from_utf8_lossy(&body)));
            for kind in senders::ORDER {
                for told in delivery(kind, BTreeMap::new(), &body) {
                    drop(announcement(&told));
                }
            }
        }
    }
}
