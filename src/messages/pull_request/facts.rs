//! What a template may tell: the names are a contract with those who write templates
//! (`docs/templates.md`).

use std::fmt::Display;

use minijinja::Value;
use serde::Serialize;

use crate::domain::artifact::Artifact;
use crate::domain::examination::Examination;
use crate::domain::gate::{Judged, Verdict};
use crate::domain::plan::PlannedEdit;
use crate::domain::promotion::{BadArtifact, Kind, Promotion};
use crate::domain::range::is_range;

use super::super::{commit, examination, time};
use super::{Back, Story};

/// Everything that a template may tell. A [`Value`] is ours and stands as it is; a [`String`] is
/// from outside, and is made harmless where it is put in.
#[derive(Debug, Serialize)]
pub(super) struct Facts {
    application: Value,
    environment: Value,
    version: String,
    from: String,
    subject: String,
    url: Value,
    edits: Vec<Edit>,
    rollback: Option<Rollback>,
    forced: bool,
    artifact: Option<About>,
    compare: Option<Value>,
    before: Vec<Before>,
    asked_by: String,
    reason: Option<String>,
    gates: Vec<Gate>,
}

#[derive(Debug, Serialize)]
struct Edit {
    file: String,
    pointer: String,
    from: String,
    to: String,
    ends_range: bool,
    begins_range: bool,
}

#[derive(Debug, Serialize)]
struct Rollback {
    restores: String,
    succeeded_at: Value,
    undoes: String,
    since: Value,
    commit: Option<Value>,
    compare: Option<Value>,
}

#[derive(Debug, Serialize)]
struct About {
    image: String,
    digest: String,
    tag: Option<String>,
    repository: Option<String>,
    commit: Option<String>,
    build: Option<String>,
    found: Vec<Found>,
}

#[derive(Debug, Serialize)]
struct Found {
    name: Value,
    says: String,
    contradicts: bool,
}

#[derive(Debug, Serialize)]
struct Before {
    environment: Value,
    state: Value,
    since: Value,
}

#[derive(Debug, Serialize)]
struct Gate {
    name: Value,
    open: bool,
    verdict: Option<Value>,
    saw: Value,
}

fn ours(text: impl Display) -> Value {
    Value::from_safe_string(text.to_string())
}

impl Facts {
    pub(super) fn of(story: &Story<'_>) -> Self {
        let promotion = story.promotion;
        Self {
            application: ours(&promotion.application.application),
            environment: ours(&promotion.environment),
            version: promotion.version.clone(),
            from: story.from.to_owned(),
            subject: commit::subject(promotion),
            url: ours(story.url),
            edits: story.edits.iter().map(Edit::of).collect(),
            rollback: story.back.as_ref().map(Rollback::of),
            forced: matches!(promotion.kind, Kind::Forward { bad: BadArtifact::Forced, .. }),
            artifact: story.artifact.map(About::of),
            compare: story.compare.as_ref().map(ours),
            before: story.before.iter().map(|it| Before::of(it)).collect(),
            asked_by: promotion.requested_by.name.to_string(),
            reason: promotion.reason.clone(),
            gates: story.gates.iter().map(Gate::of).collect(),
        }
    }

    /// Everything is known: what a template is tried with.
    pub(super) fn many() -> Self {
        let some = |text: &str| Some(text.to_owned());
        Self {
            rollback: Some(Rollback {
                restores: "v1.4.2".to_owned(),
                succeeded_at: ours("2026-11-22 21:30 UTC"),
                undoes: "v1.5.0".to_owned(),
                since: ours("2026-11-22 22:00 UTC"),
                commit: Some(ours("9f2c1e7")),
                compare: Some(ours("https://example.com/compare")),
            }),
            forced: true,
            artifact: Some(About {
                image: "ghcr.io/acme/shop".to_owned(),
                digest: "sha256:9f2c".to_owned(),
                tag: some("v1.5.0"),
                repository: some("https://example.com/acme/shop"),
                commit: some("9f2c1e7"),
                build: some("https://example.com/builds/1"),
                found: vec![Found {
                    name: ours(examination::CONTRADICTION),
                    says: "another version".to_owned(),
                    contradicts: true,
                }],
            }),
            compare: Some(ours("https://example.com/compare")),
            before: vec![Before {
                environment: ours("staging"),
                state: ours("succeeded"),
                since: ours("2026-11-22 21:30 UTC"),
            }],
            reason: some("because"),
            gates: vec![Gate {
                name: ours("soak"),
                open: true,
                verdict: Some(ours("open")),
                saw: ours("it ran for 30m"),
            }],
            ..Self::few()
        }
    }

    /// Next to nothing is known: what a template is tried with, too.
    pub(super) fn few() -> Self {
        Self {
            application: ours("shop"),
            environment: ours("prod"),
            version: "v1.5.0".to_owned(),
            from: "v1.4.2".to_owned(),
            subject: "prod: promote shop to v1.5.0".to_owned(),
            url: ours("https://example.com/promotions/1"),
            edits: vec![Edit {
                file: "prod/shop.yaml".to_owned(),
                pointer: "/image/tag".to_owned(),
                from: "v1.4.2".to_owned(),
                to: "v1.5.0".to_owned(),
                ends_range: false,
                begins_range: false,
            }],
            rollback: None,
            forced: false,
            artifact: None,
            compare: None,
            before: Vec::new(),
            asked_by: "alice".to_owned(),
            reason: None,
            gates: Vec::new(),
        }
    }
}

impl Edit {
    fn of(edit: &PlannedEdit) -> Self {
        Self {
            file: edit.file.clone(),
            pointer: edit.place.pointer.to_string(),
            from: edit.expect.clone(),
            to: edit.value.clone(),
            ends_range: is_range(&edit.expect),
            begins_range: is_range(&edit.value),
        }
    }
}

impl Rollback {
    fn of(told: &Back<'_>) -> Self {
        let Back { restores, undoes, undone, compare } = told;
        Self {
            restores: restores.version.clone(),
            succeeded_at: ours(time(restores.since)),
            undoes: undoes.version.clone(),
            since: ours(time(undoes.since)),
            commit: undone.map(ours),
            compare: compare.as_ref().map(ours),
        }
    }
}

impl About {
    fn of(artifact: &Artifact) -> Self {
        let traits = artifact.examination.as_ref().and_then(Examination::traits);
        let found = traits.map(examination::lines).unwrap_or_default();
        Self {
            image: artifact.image.to_string(),
            digest: artifact.digest.to_string(),
            tag: artifact.tag.as_ref().map(ToString::to_string),
            repository: artifact.source.repository.clone(),
            commit: artifact.source.commit.clone(),
            build: artifact.build.url.clone(),
            found: found.into_iter().map(Found::of).collect(),
        }
    }
}

impl Found {
    fn of((name, says): (&'static str, String)) -> Self {
        Self { name: ours(name), says, contradicts: name == examination::CONTRADICTION }
    }
}

impl Before {
    fn of(promotion: &Promotion) -> Self {
        Self {
            environment: ours(&promotion.environment),
            state: ours(promotion.state.name()),
            since: ours(time(promotion.since)),
        }
    }
}

impl Gate {
    fn of(gate: &Judged) -> Self {
        let verdict = match &gate.verdict {
            Verdict::Open => Some(ours("open")),
            Verdict::OpensAt(at) => Some(ours(format_args!("opens at {}", time(*at)))),
            Verdict::NeedsAction(what) => Some(ours(what)),
            Verdict::Skipped => None,
        };
        // Who skipped it, and why: in their own words.
        let saw = if verdict.is_some() { ours(&gate.saw) } else { Value::from(&gate.saw) };
        let open = matches!(gate.verdict, Verdict::Open | Verdict::Skipped);
        Self { name: ours(gate.name), open, verdict, saw }
    }
}
