//! What is frozen, and the buttons to freeze and to thaw: a part of the overview.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::parts::{Shown, Viewer, badge_like, check, field, form};
use crate::app::Mode;
use crate::app::views::{Allowance, FreezeView, StatusView};
use crate::domain::command::{Right, may_everywhere};
use crate::domain::id::EnvironmentName;
use crate::messages::page as words;

/// The freezes that are on or will be.
pub(super) fn freezes(status: &StatusView, viewer: &Viewer<'_>) -> Markup {
    let scopes = scopes(status, viewer);
    html! {
        @for freeze in &status.freezes { (one(freeze, &scopes, viewer)) }
    }
}

/// The form for another freeze, for those who may.
pub(super) fn offer(status: &StatusView, viewer: &Viewer<'_>) -> Markup {
    let scopes = scopes(status, viewer);
    html! {
        @if !scopes.is_empty() { (freeze_form(&scopes, viewer)) }
    }
}

/// What this viewer may freeze.
fn scopes(status: &StatusView, viewer: &Viewer<'_>) -> Vec<String> {
    let all: BTreeSet<&EnvironmentName> = status
        .applications
        .iter()
        .flat_map(|it| &it.environments)
        .map(|it| &it.environment)
        .collect();
    let may = |name: &&EnvironmentName| viewer.offer(Right::Freeze, name) == Shown::Yes;
    let mut scopes: Vec<String> = all.into_iter().filter(may).map(ToString::to_string).collect();
    let works = viewer.mode == Mode::Active;
    if works && may_everywhere(&viewer.person.identity, Right::Freeze, viewer.roles) {
        scopes.push("*".to_owned());
    }
    scopes
}

fn one(freeze: &FreezeView, scopes: &[String], viewer: &Viewer<'_>) -> Markup {
    let thaws = match (&freeze.id, freeze.environments.as_slice()) {
        (Some(_), [scope]) if scopes.contains(scope) => Some(scope),
        (Some(_) | None, _) => None,
    };
    html! {
        div class="notice freeze" role="status" {
            @if freeze.on { (badge_like("held", "frozen")) } @else { (badge_like("waiting", "freeze to come")) }
            span {
                strong { (words::frozen_places(&freeze.environments)) }
                " by " strong { (freeze.by) }
                @if freeze.on { ", since " (viewer.age(freeze.from)) }
                @else { ", begins " (viewer.age(freeze.from)) }
                @match freeze.until {
                    Some(until) => { ", ends " (viewer.age(until)) },
                    None => { ", until somebody thaws it" },
                }
                @if let Some(reason) = &freeze.reason { ": " q { (reason) } }
                @if freeze.allow.contains(&Allowance::Rollback) { ". Rollbacks go in" }
                "."
            }
            @if let Some(scope) = thaws {
                form method="post" action="/freezes/thaw" {
                    (viewer.form_token())
                    input type="hidden" name="environment" value=(scope);
                    button type="submit" { "Thaw " (words::frozen_places(&freeze.environments)) }
                }
            }
        }
    }
}

fn freeze_form(scopes: &[String], viewer: &Viewer<'_>) -> Markup {
    form(
        "Freeze",
        words::WHAT_FREEZE_DOES,
        "/freezes",
        &html! {
            (viewer.form_token())
            p class="field" {
                label for="freeze-where" { "Environment" }
                select id="freeze-where" name="environment" {
                    @for scope in scopes {
                        option value=(scope) { (words::frozen_places(std::slice::from_ref(scope))) }
                    }
                }
            }
            (field("freeze-for", "for", "For how long", "2h, or nothing: until thawed"))
            (field("freeze-why", "reason", "Why", "an incident's number, a link"))
            (check("freeze-allow", "allow_rollback", "let rollbacks in nevertheless"))
        },
    )
}
