//! `/`: every application in every environment.

use std::collections::BTreeMap;

use jiff::Timestamp;
use maud::{Markup, html};

use super::freezes;
use super::parts::{Viewer, badge, path_of, spoken};
use crate::app::views::{
    ApplicationView, EnvironmentView, HoldView, NextView, ScheduleView, StatusView, UnreadView,
};
use crate::domain::id::{EnvironmentName, PipelineName};
use crate::messages::page as words;
use crate::messages::schedule::what_goes;

/// The table of everything, one per pipeline.
pub(super) fn overview(status: &StatusView, viewer: &Viewer<'_>) -> Markup {
    let mut pipelines: BTreeMap<&PipelineName, Vec<&ApplicationView>> = BTreeMap::new();
    for application in &status.applications {
        pipelines.entry(&application.pipeline).or_default().push(application);
    }
    html! {
        div class="heading" {
            h1 { "Applications" }
            @if !status.applications.is_empty() { p class="quiet" { (summary(status)) } }
        }
        @for it in &status.unread { (unread(it)) }
        @for (name, what) in &status.renamed {
            div class="notice" { strong { "The repository " (name) ": " } (spoken(&words::sentence(what))) }
        }
        (freezes::freezes(status, viewer))
        @if status.applications.is_empty() {
            section class="card empty" {
                p { (spoken(words::NOTHING_YET)) }
                p { (spoken(words::FIRST_STEP)) }
            }
        }
        @for (pipeline, applications) in &pipelines {
            section aria-labelledby={ "pipeline-" (pipeline) } {
                h2 id={ "pipeline-" (pipeline) } class=[(pipelines.len() == 1).then_some("unseen")] {
                    "Pipeline " (pipeline)
                }
                (table(applications, viewer))
            }
        }
        (timetable(&status.schedules))
        (freezes::offer(status, viewer))
    }
}

/// When what gathers goes.
fn timetable(schedules: &[ScheduleView]) -> Markup {
    html! {
        @if !schedules.is_empty() {
            section class="card" {
                h2 { "Schedules" }
                @for it in schedules {
                    h3 { (it.name) ": " (what_goes(&it.pipeline, it.applications.as_deref(), &it.environments)) }
                    @for note in &it.unmatched { p class="waits" { (spoken(&words::sentence(note))) } }
                    ol class="quiet" {
                        @for local in &it.local { li { (local) } }
                    }
                }
            }
        }
    }
}

/// A repository that cannot be read: what is shown of it may be old.
pub(super) fn unread(it: &UnreadView) -> Markup {
    html! {
        div class="notice refused" role="alert" {
            strong { "The repository " (it.repository) " cannot be read: " } (it.why) "\n"
            (spoken(&words::sentence(&it.next)))
        }
    }
}

/// The whole in one line.
fn summary(status: &StatusView) -> String {
    let environments = || status.applications.iter().flat_map(|it| &it.environments);
    let count = |one: &str, many: &str, number: usize| match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        number => Some(format!("{number} {many}")),
    };
    let parts = [
        count("application", "applications", status.applications.len()),
        count(
            "promotion on its way",
            "promotions on their way",
            environments().map(|it| it.next.iter().count() + it.behind.len()).sum(),
        ),
        count("hold", "holds", environments().filter(|it| it.hold.is_some()).count()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn table(applications: &[&ApplicationView], viewer: &Viewer<'_>) -> Markup {
    let columns = columns(applications);
    // The roles say again what the elements mean: a phone shows them as blocks, and some
    // browsers forget a table's meaning then.
    html! {
        table class="grid" role="table" {
            thead role="rowgroup" {
                tr role="row" {
                    th scope="col" role="columnheader" { "Application" }
                    @for environment in &columns {
                        th scope="col" role="columnheader" { (environment) }
                    }
                }
            }
            tbody role="rowgroup" {
                @for application in applications {
                    tr role="row" {
                        th scope="row" role="rowheader" {
                            a href=(path_of(application)) { (application.application) }
                        }
                        @for environment in &columns {
                            (cell(application, environment, viewer))
                        }
                    }
                }
            }
        }
    }
}

/// The environments of all of them, in the order in which they first stand.
fn columns<'a>(applications: &[&'a ApplicationView]) -> Vec<&'a EnvironmentName> {
    let mut columns = Vec::new();
    for environment in applications.iter().flat_map(|it| &it.environments) {
        if !columns.contains(&&environment.environment) {
            columns.push(&environment.environment);
        }
    }
    columns
}

fn cell(application: &ApplicationView, name: &EnvironmentName, viewer: &Viewer<'_>) -> Markup {
    let environment = application.environments.iter().find(|it| it.environment == *name);
    html! {
        td role="cell" data-label=(name) {
            @match environment {
                Some(environment) => (inside(environment, viewer)),
                None => span class="quiet" { "not part of it" },
            }
        }
    }
}

/// What one environment holds, what is on its way, and what that waits for.
pub(super) fn inside(environment: &EnvironmentView, viewer: &Viewer<'_>) -> Markup {
    html! {
        div class="now" {
            @match (&environment.version, &environment.promotion) {
                (Some(version), Some(id)) => {
                    a class="version" href={ "/promotions/" (id) } title=[environment.digest.as_ref()] {
                        (version)
                    }
                },
                (Some(version), None) => {
                    span class="version" title=[environment.digest.as_ref()] { (version) }
                },
                (None, _) => span class="version none" { "nothing seen yet" },
            }
            @if environment.version.is_some() { (badge(&environment.state)) }
            @if let Some(since) = environment.since {
                span class="age" { (viewer.age(since)) }
            }
        }
        (waits(environment.waits_for.as_deref(), environment.until, viewer))
        @if let Some(url) = environment.health.as_ref().and_then(|health| health.url.as_ref()) {
            p class="waits" { a href=(url) rel="noreferrer" { (words::ITS_HEALTH) } }
        }
        @if let Some(next) = &environment.next { (on_its_way("next", next, viewer)) }
        @for behind in &environment.behind { (on_its_way("then", behind, viewer)) }
        @if let Some(hold) = &environment.hold { (held(hold, viewer)) }
    }
}

fn on_its_way(place: &str, next: &NextView, viewer: &Viewer<'_>) -> Markup {
    html! {
        p class="next" {
            span class="quiet" { (place) }
            a class="version" href={ "/promotions/" (next.promotion) } { (next.version) }
            (badge(&next.state))
            @if let Some(proposal) = &next.proposal { span class="quiet" { (proposal) } }
        }
        (waits(next.waits_for.as_deref(), next.until, viewer))
    }
}

/// What something waits for, and when that ends by itself.
fn waits(words: Option<&str>, until: Option<Timestamp>, viewer: &Viewer<'_>) -> Markup {
    html! {
        @if let Some(words) = words {
            p class="waits" {
                (spoken(words))
                @if let Some(until) = until { " · " (viewer.age(until)) }
            }
        }
    }
}

pub(super) fn held(hold: &HoldView, viewer: &Viewer<'_>) -> Markup {
    html! {
        p class="hold" {
            (badge("held"))
            span {
                "by " strong { (hold.by) } " " (viewer.age(hold.since))
                @if let Some(reason) = &hold.reason { ": " q { (reason) } }
                @if let Some(until) = hold.until { ", ends " (viewer.age(until)) }
            }
        }
    }
}
