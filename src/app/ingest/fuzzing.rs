//! Doors to the parsers for the fuzz targets in `fuzz/`; nobody else comes this way.

use std::collections::BTreeMap;

use super::body::Notice;
use super::cloud_event;
use super::identity;
use super::senders::{self, UnverifiedHook};
use crate::app::policy::Hook;
use crate::domain::sender::SenderKind;

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
