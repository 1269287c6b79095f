//! `/applications/{application}/why/{environment}`: what keeps a version out, and what can be done.

use maud::{Markup, html};

use super::overview::{held, unread};
use super::parts::{Viewer, application_path, badge, badge_like, spoken};
use crate::app::views::{CandidateView, GateLine, WhyView};
use crate::messages::{explain, page as words};

/// The answer, then everything that it is made of.
pub(super) fn why(view: &WhyView, viewer: &Viewer<'_>) -> Markup {
    let up = application_path(&view.pipeline, &view.application);
    html! {
        nav aria-label="Where you are" class="crumbs" {
            a href="/" { "Applications" } " / " a href=(up) { (view.application) }
        }
        div class="heading" {
            h1 { "Why " (view.application) span class="quiet" { " in " } (view.environment) "?" }
            p { (spoken(&words::sentence(&view.answer))) }
            p class="quiet" {
                @if let Some(version) = &view.version {
                    span class="version" { (version) } " is there"
                    @if let Some(since) = view.since { ", since " (viewer.age(since)) }
                    " · "
                }
                "hoist looks again " (viewer.age(view.looks_again))
            }
            @if let Some(hold) = &view.hold { (held(hold, viewer)) }
        }
        @if let Some(it) = &view.unread { (unread(it)) }
        @for candidate in &view.candidates { (one(candidate, viewer)) }
    }
}

fn one(it: &CandidateView, viewer: &Viewer<'_>) -> Markup {
    html! {
        section class="card" {
            h2 {
                @if let Some(id) = &it.promotion {
                    a class="version" href={ "/promotions/" (id) } { (it.version) }
                } @else { span class="version" { (it.version) } }
                " " (badge(&it.state)) " " span class="age" { (viewer.age(it.since)) }
            }
            p { (spoken(&words::sentence(&it.why))) }
            p class="quiet" { "What you can do: " (spoken(&it.next)) }
            @if !it.gates.is_empty() {
                h3 { "Gates" }
                ul class="checks" { @for gate in &it.gates { li { (gate_of(gate, viewer)) } } }
            }
        }
    }
}

fn gate_of(line: &GateLine, viewer: &Viewer<'_>) -> Markup {
    let gate = &line.gate;
    html! {
        span class="line" { strong { (gate.name) } (badge_like(&gate.verdict, explain::verdict(&gate.verdict))) }
        span class="quiet" {
            (gate.saw) " · since " (viewer.age(line.since))
            @if let Some(at) = gate.opens_at { " · opens " (viewer.age(at)) }
            @if let Some(at) = line.looks_again { " · looks again " (viewer.age(at)) }
            @if let Some(next) = &line.next { " · " (spoken(next)) }
        }
    }
}
