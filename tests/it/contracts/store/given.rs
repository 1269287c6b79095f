//! Things to store, each different from the others where it must be.

use hoist::app::ports::{Announcement, AuditLine, Claim, DeliveryOutcome, Hold, Session, Store};
use hoist::domain::artifact::{Artifact, Build, SourceCode};
use hoist::domain::command::{Actor, Door};
use hoist::domain::health::Finding;
use hoist::domain::id::{ApplicationKey, ArtifactId, CommitId, EventId, HoldId, PromotionId};
use hoist::domain::promotion::{FieldValue, Kind, Promotion, Proposed, State};
use hoist::domain::pulse::Pulse;
use hoist::yaml_edit::Place;
use jiff::{SignedDuration, Timestamp};

/// A time, `seconds` after the tests' beginning of time.
pub fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-22T08:00:00.123456789Z".parse().unwrap();
    start + SignedDuration::from_secs(seconds)
}

pub fn application(name: &str) -> ApplicationKey {
    ApplicationKey { pipeline: "services".parse().unwrap(), application: name.parse().unwrap() }
}

pub fn event(number: u128) -> EventId {
    EventId::new(at(0), number)
}

/// The artifact `number`: its id and its digest are its own.
pub fn artifact(number: u128) -> Artifact {
    Artifact {
        id: ArtifactId::new(at(0), number),
        image: "ghcr.io/acme/shop".parse().unwrap(),
        digest: format!("sha256:{number:064x}").parse().unwrap(),
        tag: Some(format!("v{number}").parse().unwrap()),
        version: Some(format!("{number}.0")),
        source: SourceCode { commit: Some("9f2c".into()), ..SourceCode::default() },
        build: Build { id: Some("1234".into()), ..Build::default() },
        actor: Some("alice".into()),
        accepted_at: at(i64::try_from(number).unwrap()),
        examination: None,
    }
}

/// An announcement of artifact `number` for one application, with a delivery id of its own.
pub fn announcement(name: &str, number: u128) -> Announcement {
    Announcement {
        event: event(number),
        source: "ci".parse().unwrap(),
        delivery: Some(format!("delivery-{number}")),
        speaks_for: None,
        token: None,
        body: format!("{{\"number\": {number}}}").into_bytes(),
        received_at: at(0),
        artifacts: vec![(application(name), artifact(number))],
        outcome: DeliveryOutcome::Accepted,
    }
}

pub fn commit(digit: char) -> CommitId {
    digit.to_string().repeat(40).parse().unwrap()
}

/// A promotion of artifact `number` that waits.
pub fn promotion(name: &str, environment: &str, number: u128) -> Promotion {
    let since = at(i64::try_from(number).unwrap());
    Promotion {
        id: PromotionId::new(since, number),
        application: application(name),
        environment: environment.parse().unwrap(),
        kind: Kind::Forward {
            skips: vec!["dev".parse().unwrap()],
            bad: hoist::domain::promotion::BadArtifact::Refused,
        },
        artifact: Some(artifact(number).id),
        version: format!("v{number}"),
        values: vec![],
        requested_by: Actor { name: "alice".into(), door: Door::Ci },
        reason: Some("because".into()),
        created_at: since,
        state: State::Waiting,
        since,
        proposal: None,
        skipped: Vec::new(),
    }
}

pub fn proposed(number: u64) -> Proposed {
    Proposed {
        number: hoist::domain::id::ProposalNumber(number),
        head: commit('a'),
        base: commit('b'),
    }
}

pub fn value(text: &str) -> FieldValue {
    FieldValue {
        file: "environments/prod/apps/shop/values.yaml".into(),
        place: Place { document: 0, pointer: "/image/tag".into() },
        value: text.into(),
    }
}

/// A look `number` at what promotion 1 brought.
pub fn pulse(number: i64) -> Pulse {
    Pulse {
        promotion: promotion("shop", "prod", 1).id,
        finding: Finding::Well,
        since: at(0),
        seen_at: at(number),
        saw: format!("look {number}"),
        well_for: SignedDuration::from_secs(number),
        ill_for: SignedDuration::ZERO,
        answered_at: None,
    }
}

pub fn hold(name: &str, environment: &str, number: u128) -> Hold {
    Hold {
        id: HoldId::new(at(0), number),
        application: application(name),
        environment: environment.parse().unwrap(),
        by: Actor { name: "bob".into(), door: Door::Page },
        reason: Some(format!("reason {number}")),
        since: at(1),
        until: Some(at(100)),
    }
}

pub fn line(text: &str) -> AuditLine {
    AuditLine {
        at: at(5),
        actor: Actor { name: "alice".into(), door: Door::Api },
        verb: "promote".into(),
        application: Some(application("shop")),
        environment: Some("prod".parse().unwrap()),
        promotion: Some(promotion("shop", "prod", 1).id),
        commit: Some(commit('c')),
        text: text.into(),
    }
}

pub fn session(key: &str) -> Session {
    Session {
        key: key.into(),
        actor: "alice".into(),
        roles: vec!["developers".into(), "release-managers".into()],
        form_key: "f0".into(),
        until: at(100),
    }
}

/// Claims the one application that is due.
pub async fn claim(store: &dyn Store, now: Timestamp) -> Claim {
    let claims = store.claim(now, SignedDuration::from_mins(5), 10).await.unwrap();
    let [claim] = claims.as_slice() else { panic!("one application is due, not {claims:?}") };
    claim.clone()
}

/// An application that is known and claimed.
pub async fn claimed(store: &dyn Store, name: &str) -> Claim {
    store.enlist(vec![application(name)], at(0)).await.unwrap();
    claim(store, at(0)).await
}
