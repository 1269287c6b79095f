//! `/promotions/{id}`: one promotion's story, and where its proposal is reviewed.

use maud::{Markup, html};

use super::conversation::{conversation, history};
use super::parts::{
    Shown, Viewer, application_path, badge, badge_like, field, form, outside_link, spoken,
};
use crate::app::Mode;
use crate::app::views::{
    ArtifactView, ExaminationView, GateView, PromotionView, ProposalView, ReviewedHere,
};
use crate::domain::command::Right;
use crate::domain::gate::HOLD;
use crate::messages::{examination, explain, page as words};

/// The story. `draft` is a comment that could not be sent, so that nobody types it twice.
pub(super) fn promotion(view: &PromotionView, viewer: &Viewer<'_>, draft: &str) -> Markup {
    html! {
        (heading(view, viewer))
        div class="columns" {
            div class="story" {
                @if let Some(diff) = &view.diff { (change(diff)) }
                @if let Some(proposal) = &view.proposal {
                    (desk(view, proposal, viewer, draft))
                    (conversation(proposal, viewer))
                }
                (history(&view.history, viewer))
            }
            div class="facts" {
                @if !view.gates.is_empty() { (gates(view, viewer)) }
                @if let Some(proposal) = &view.proposal { (facts(proposal)) }
                @if let Some(artifact) = &view.artifact { (made(artifact, viewer)) }
            }
        }
    }
}

fn heading(view: &PromotionView, viewer: &Viewer<'_>) -> Markup {
    let up = application_path(&view.pipeline, &view.application);
    html! {
        nav aria-label="Where you are" class="crumbs" {
            a href="/" { "Applications" } " / " a href=(up) { (view.application) }
        }
        div class="heading" {
            h1 {
                @if view.kind == "rollback" { "Rollback of " }
                (view.application) " "
                @if view.kind == "rollback" { span class="quiet" { "to " } }
                span class="version" { (view.version) }
                span class="quiet" { " in " } (view.environment)
            }
            p class="standing" {
                (badge(&view.state)) " " span { (spoken(&view.explanation)) }
                " " span class="quiet" { "since " (viewer.age(view.since)) }
            }
            p class="quiet" {
                "Asked for by " strong { (view.requested_by) } " " (viewer.age(view.created_at))
                @if let Some(reason) = &view.reason { ", because " q { (reason) } }
            }
            @for skipped in &view.skipped {
                p class="quiet" { "Past the gate " (skipped) }
            }
        }
    }
}

fn change(diff: &str) -> Markup {
    html! {
        section class="card" aria-labelledby="change" {
            h2 id="change" { "What changes" }
            pre class="diff" tabindex="0" role="region" aria-labelledby="change" {
                code {
                    @for line in diff.lines() { span class=(class_of(line)) { (line) "\n" } }
                }
            }
        }
    }
}

/// What a line of a unified diff is. The signs stay, so that colour is not needed.
fn class_of(line: &str) -> &'static str {
    const ABOUT_THE_FILE: [&str; 8] =
        ["diff ", "index ", "--- ", "+++ ", "new file", "deleted file", "old mode", "new mode"];
    if ABOUT_THE_FILE.iter().any(|start| line.starts_with(start)) {
        "file"
    } else if line.starts_with("@@") {
        "place"
    } else if line.starts_with('+') {
        "added"
    } else if line.starts_with('-') {
        "removed"
    } else {
        "same"
    }
}

/// Where the proposal is approved, refused, merged or closed.
fn desk(view: &PromotionView, proposal: &ProposalView, viewer: &Viewer<'_>, draft: &str) -> Markup {
    if proposal.state != "open" {
        return html! {};
    }
    html! {
        section class="card desk" aria-labelledby="review" {
            h2 id="review" { "Review" }
            @match proposal.reviewed_here {
                ReviewedHere::Yes => (forms(view, proposal, viewer, draft)),
                ReviewedHere::No => p {
                    "It is reviewed and merged on its forge: "
                    (outside_link(&proposal.url, &format!("proposal {}", proposal.number))) "."
                },
            }
        }
    }
}

fn forms(
    view: &PromotionView,
    proposal: &ProposalView,
    viewer: &Viewer<'_>,
    draft: &str,
) -> Markup {
    let review = viewer.offer(Right::Review, &view.environment);
    let merge = viewer.offer(Right::Merge, &view.environment);
    if viewer.mode == Mode::ReadOnly {
        return html! { p { (words::ONLY_LOOKS) } };
    }
    if review == Shown::No && merge == Shown::No {
        return html! { p { (spoken(&words::may_not_review(viewer.name(), &view.environment))) } };
    }
    let shut = shut(&view.gates);
    html! {
        form method="post" action={ "/promotions/" (view.id) "/proposal" } {
            (viewer.form_token())
            input type="hidden" name="head" value=(proposal.head);
            p class="field" {
                label for="comment" { "Comment " span class="quiet" { "(optional for a review)" } }
                textarea id="comment" name="comment" rows="3" maxlength="10000" { (draft) }
            }
            @if review == Shown::Yes {
                p class="buttons" {
                    button class="yes" name="step" value="approve" { "Approve" }
                    button class="no" name="step" value="request_changes" { "Request changes" }
                    button name="step" value="comment" { "Comment" }
                }
                @if viewer.name() == view.requested_by {
                    p class="quiet" { (words::OWN_APPROVAL) }
                }
            }
            @if merge == Shown::Yes {
                (ending(proposal, &shut, viewer.offer(Right::SkipGates, &view.environment)))
            }
        }
    }
}

/// The buttons that end a proposal.
///
/// Past a shut gate only those may merge who may skip it; the others see why they may not.
fn ending(proposal: &ProposalView, shut: &[&str], may_skip: Shown) -> Markup {
    let class = if shut.is_empty() { "merge" } else { "" };
    html! {
        div class="ending" {
            @if !proposal.conflicts.is_empty() {
                p class="warning" { (words::conflicts_in(&proposal.conflicts)) }
            } @else if !shut.is_empty() {
                p class="warning" {
                    (words::gates_are_shut(shut)) " "
                    (match may_skip {
                        Shown::Yes => spoken(words::YOU_MAY_SKIP),
                        Shown::No => spoken(words::YOU_MAY_NOT_SKIP),
                    })
                }
            }
            p class="buttons" {
                @if proposal.conflicts.is_empty() {
                    button class=(class) name="step" value="merge"
                        disabled[!shut.is_empty() && may_skip == Shown::No] {
                        "Merge " code { (proposal.head.short()) }
                    }
                }
                button class="no" name="step" value="close" { "Close without merging" }
            }
            p class="quiet" { (words::WHAT_MERGE_DOES) }
        }
    }
}

/// The gates that keep it out.
fn shut(gates: &[GateView]) -> Vec<&str> {
    let is_shut = |it: &&GateView| !matches!(it.verdict.as_str(), "open" | "skipped");
    gates.iter().filter(is_shut).map(|it| it.name.as_str()).collect()
}

/// The form that lets it pass a gate, for those who may. A hold is not one of those.
fn skip_form(view: &PromotionView, viewer: &Viewer<'_>) -> Markup {
    let shut: Vec<&str> = shut(&view.gates).into_iter().filter(|it| *it != HOLD).collect();
    if shut.is_empty() || viewer.offer(Right::SkipGates, &view.environment) == Shown::No {
        return html! {};
    }
    let base = application_path(&view.pipeline, &view.application);
    form(
        "Skip a gate",
        words::WHAT_SKIP_DOES,
        &format!("{base}/skip"),
        &html! {
            (viewer.form_token())
            input type="hidden" name="environment" value=(view.environment);
            input type="hidden" name="promotion" value=(view.id);
            p class="field" {
                label for="skip-gate" { "Gate" }
                select id="skip-gate" name="gate" {
                    @for gate in shut { option value=(gate) { (gate) } }
                }
            }
            (field("skip-why", "reason", "Why", "it stays with the promotion"))
        },
    )
}

fn gates(view: &PromotionView, viewer: &Viewer<'_>) -> Markup {
    html! {
        section class="card" aria-labelledby="gates" {
            h2 id="gates" { "Gates" }
            ul class="checks" {
                @for gate in &view.gates {
                    li {
                        span class="line" {
                            strong { (gate.name) }
                            (badge_like(&gate.verdict, explain::verdict(&gate.verdict)))
                        }
                        span class="quiet" {
                            (gate.saw)
                            @if let Some(at) = gate.opens_at { " · opens " (viewer.age(at)) }
                        }
                    }
                }
            }
            (skip_form(view, viewer))
        }
    }
}

fn facts(proposal: &ProposalView) -> Markup {
    html! {
        section class="card" aria-labelledby="proposal" {
            h2 id="proposal" { "Proposal " (proposal.number) }
            dl {
                div { dt { "State" } dd {
                    @if proposal.state == "open" { (badge_like("proposed", "open")) }
                    @else { (badge(&proposal.state)) }
                    @if let Some(by) = &proposal.ended_by { " by " (by) }
                } }
                div { dt { "Approvals" } dd {
                    (words::approvals(proposal.approvals.len(), proposal.approvals_needed))
                    @if !proposal.approvals.is_empty() { " (" (proposal.approvals.join(", ")) ")" }
                } }
                div { dt { "Branch" } dd { code { (proposal.branch) } " → " code { (proposal.target) } } }
                div { dt { "Head" } dd { code title=(proposal.head) { (proposal.head.short()) } } }
                @if let Some(commit) = &proposal.merge_commit {
                    div { dt { "Merged as" } dd { code title=(commit) { (commit.short()) } } }
                }
            }
            @if !proposal.statuses.is_empty() {
                h3 { "Statuses" }
                ul class="checks" {
                    @for status in &proposal.statuses {
                        li {
                            span class="line" { strong { (status.context) } (badge(&status.state)) }
                            span class="quiet" { (status.description) }
                        }
                    }
                }
            }
        }
    }
}

fn made(artifact: &ArtifactView, viewer: &Viewer<'_>) -> Markup {
    html! {
        section class="card" aria-labelledby="artifact" {
            h2 id="artifact" { "Artifact" }
            dl {
                div { dt { "Version" } dd { span class="version" { (artifact.version) } } }
                div { dt { "Image" } dd { code { (artifact.image) } } }
                div { dt { "Digest" } dd { code class="long" { (artifact.digest) } } }
                @if let Some(tag) = artifact.tag.as_ref().filter(|it| **it != artifact.version) {
                    div { dt { "Tag" } dd { code { (tag) } } }
                }
                @if artifact.source.commit.is_some() || artifact.source.repository.is_some() {
                    div { dt { "Source" } dd { (source(artifact)) } }
                }
                @if let Some(url) = &artifact.build.url {
                    div { dt { "Build" } dd {
                        (outside_link(url, artifact.build.id.as_deref().unwrap_or(url)))
                    } }
                } @else if let Some(id) = &artifact.build.id {
                    div { dt { "Build" } dd { (id) } }
                }
                @if let Some(actor) = &artifact.actor { div { dt { "Made by" } dd { (actor) } } }
                div { dt { "Accepted" } dd { (viewer.age(artifact.accepted_at)) } }
                @if let Some(asked) = &artifact.examination { (examined(asked, viewer)) }
            }
        }
    }
}

/// What its registry said of it.
fn examined(asked: &ExaminationView, viewer: &Viewer<'_>) -> Markup {
    html! {
        @for (name, said) in asked.found.iter().flat_map(examination::lines) {
            div { dt { (capitalized(name)) } dd { (said) } }
        }
        @if let Some(why) = &asked.refused { div { dt { "Refused" } dd { (why) } } }
        div { dt { "Examined" } dd { (viewer.age(asked.at)) } }
    }
}

fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// The source's commit, with a link where the address has the shape that all forges share.
fn source(artifact: &ArtifactView) -> Markup {
    let short = |commit: &str| commit.chars().take(10).collect::<String>();
    let source = &artifact.source;
    html! {
        @match (&source.repository, &source.commit) {
            (Some(repository), Some(commit)) => {
                @let base = repository.trim_end_matches('/').trim_end_matches(".git");
                @let is_hex = commit.bytes().all(|b| b.is_ascii_hexdigit());
                @if is_hex {
                    (outside_link(&format!("{base}/commit/{commit}"), &short(commit)))
                } @else {
                    (outside_link(repository, &short(commit)))
                }
            },
            (Some(repository), None) => (outside_link(repository, repository)),
            (None, Some(commit)) => code { (short(commit)) },
            (None, None) => "",
        }
        @if let Some(reference) = &source.reference {
            " on " code { (reference.trim_start_matches("refs/heads/").trim_start_matches("refs/tags/")) }
        }
    }
}
