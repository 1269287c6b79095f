//! `/applications/{application}`: one application, its history, and what can be asked for it.

use maud::{Markup, html};

use super::overview::{inside, unread};
use super::parts::{Shown, Viewer, badge, check, field, form, path_of, spoken};
use crate::app::views::{ApplicationView, EnvironmentView, HistoryPromotion, HistoryView};
use crate::domain::command::Right;
use crate::messages::page as words;

/// The environments with their forms, then the history.
pub(super) fn application(
    view: &ApplicationView,
    history: &HistoryView,
    viewer: &Viewer<'_>,
) -> Markup {
    html! {
        nav aria-label="Where you are" class="crumbs" { a href="/" { "Applications" } }
        div class="heading" {
            h1 { (view.application) }
            p class="quiet" { "Pipeline " (view.pipeline) }
        }
        @if let Some(it) = &view.unread { (unread(it)) }
        @else if let Some(trouble) = &view.trouble {
            div class="notice refused" role="alert" {
                strong { "The last look at it failed: " } (trouble)
            }
        }
        div class="stops" {
            @for environment in &view.environments { (stop(view, environment, history, viewer)) }
        }
        (past(history, viewer))
    }
}

/// One environment on the pipeline's way.
fn stop(
    view: &ApplicationView,
    environment: &EnvironmentView,
    history: &HistoryView,
    viewer: &Viewer<'_>,
) -> Markup {
    let name = &environment.environment;
    let id = format!("in-{name}");
    html! {
        section class="card stop" aria-labelledby=(id) {
            h2 id=(id) { (name) }
            (inside(environment, viewer))
            p { a href={ (path_of(view)) "/why/" (name) } { "Why?" } }
            (commands(view, environment, history, viewer))
        }
    }
}

/// What can be asked for, as far as the viewer's roles allow it.
fn commands(
    view: &ApplicationView,
    environment: &EnvironmentView,
    history: &HistoryView,
    viewer: &Viewer<'_>,
) -> Markup {
    let name = &environment.environment;
    let base = path_of(view);
    let hidden = html! {
        (viewer.form_token())
        input type="hidden" name="environment" value=(name);
    };
    let may = |right| viewer.offer(right, name) == Shown::Yes;
    let versions = format!("versions-{name}");
    let (to, why, length) = (format!("to-{name}"), format!("why-{name}"), format!("for-{name}"));
    html! {
        datalist id=(versions) {
            @for version in versions_of(history) { option value=(version) {} }
        }
        @if environment.hold.is_some() && may(Right::Resume) {
            (form("Resume", words::WHAT_RESUME_DOES, &format!("{base}/resume"), &html! {
                (hidden)
                p class="field" {
                    label for={ "newer-" (name) } { "What came since a rollback" }
                    select id={ "newer-" (name) } name="newer" {
                        option value="" { "ask me if there is any" }
                        option value="with" { "goes in through its gates" }
                        option value="without" { "stays out" }
                    }
                }
                (field(&format!("resume-{why}"), "reason", "Why", "optional"))
            }))
        }
        @if may(Right::Promote) {
            (form("Promote", words::WHAT_PROMOTE_DOES, &format!("{base}/promote"), &html! {
                (hidden)
                p class="field" {
                    label for={ "promote-" (to) } { "Version, tag or digest" }
                    input type="text" id={ "promote-" (to) } name="version" list=(versions)
                        placeholder="the newest that may go" autocomplete="off" maxlength="200";
                }
                (field(&format!("promote-{why}"), "reason", "Why", "optional"))
                (check(&format!("older-{name}"), "allow_older",
                    "even if it is older than what is there"))
                (check(&format!("bad-{name}"), "force_bad",
                    "even if it was rolled back; say why"))
                @if may(Right::SkipGates) {
                    (field(&format!("skip-{name}"), "skip", "Skip environments",
                        "none; what is named here needs a reason"))
                }
            }))
        }
        @if may(Right::Rollback) {
            (form("Roll back", words::WHAT_ROLLBACK_DOES, &format!("{base}/roll-back"), &html! {
                (hidden)
                p class="field" {
                    label for={ "back-" (to) } { "To which version" }
                    input type="text" id={ "back-" (to) } name="to" list=(versions)
                        placeholder="the last that succeeded here" autocomplete="off"
                        maxlength="200";
                }
                (field(&format!("back-{why}"), "reason", "Why", "what is wrong with this one"))
                (check(&format!("everywhere-{name}"), "everywhere",
                    "also in the environments after it that run the same"))
                (check(&format!("drift-{name}"), "over_drift", "even over what other hands put there"))
            }))
        }
        @if may(Right::Hold) {
            (form("Hold", words::WHAT_HOLD_DOES, &format!("{base}/hold"), &html! {
                (hidden)
                (field(&format!("hold-{length}"), "for", "For how long", "2h, or nothing: until resumed"))
                (field(&format!("hold-{why}"), "reason", "Why", "optional"))
            }))
        }
    }
}

/// The versions that the history knows, each once, newest first.
fn versions_of(history: &HistoryView) -> Vec<&str> {
    let mut versions: Vec<&str> = Vec::new();
    for promotion in &history.promotions {
        if !versions.contains(&promotion.version.as_str()) {
            versions.push(&promotion.version);
        }
    }
    versions
}

fn past(history: &HistoryView, viewer: &Viewer<'_>) -> Markup {
    html! {
        section aria-labelledby="history" {
            h2 id="history" { "History" }
            @if history.promotions.is_empty() {
                p class="card empty quiet" { "Nothing has been promoted yet." }
            } @else {
                table class="grid history" role="table" {
                    thead role="rowgroup" {
                        tr role="row" {
                            @for column in ["Version", "Environment", "State", "When", "By"] {
                                th scope="col" role="columnheader" { (column) }
                            }
                        }
                    }
                    tbody role="rowgroup" {
                        @for promotion in &history.promotions { (line(promotion, viewer)) }
                    }
                }
            }
        }
    }
}

fn line(promotion: &HistoryPromotion, viewer: &Viewer<'_>) -> Markup {
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                a class="version" href={ "/promotions/" (promotion.promotion) } {
                    (promotion.version)
                }
                @if promotion.kind == "rollback" { " " (badge("rollback")) }
                @if promotion.kind == "found" { " " span class="quiet" { "found" } }
            }
            td role="cell" data-label="Environment" { (promotion.environment) }
            td role="cell" data-label="State" { (badge(&promotion.state)) }
            td role="cell" data-label="When" { (viewer.age(promotion.since)) }
            td role="cell" data-label="By" {
                (promotion.requested_by)
                @if let Some(reason) = &promotion.reason {
                    " " q class="quiet" { (reason) }
                }
                @if let Some(ended) = &promotion.ended {
                    " " span class="quiet" { (spoken(ended)) }
                }
            }
        }
    }
}
