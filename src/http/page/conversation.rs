//! What people said of a proposal, and what happened to a promotion.

use jiff::Timestamp;
use maud::{Markup, html};

use super::markdown::markdown;
use super::parts::{Viewer, badge, badge_like, spoken};
use crate::app::views::{HistoryLine, ProposalView};

/// One thing that somebody said.
struct Said<'a> {
    by: &'a str,
    at: Timestamp,
    /// `approve` or `request_changes`, for a review.
    verdict: Option<&'a str>,
    /// Whether the review looked at what is there now.
    of: Looked,
    text: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Looked {
    AtThis,
    AtAnEarlierHead,
}

/// The proposal's own text, then reviews and comments in the order in which they came.
pub(super) fn conversation(proposal: &ProposalView, viewer: &Viewer<'_>) -> Markup {
    let said = said(proposal);
    html! {
        section class="card" aria-labelledby="conversation" {
            h2 id="conversation" { "Conversation" }
            details class="body" {
                summary { (proposal.title) }
                (markdown(&proposal.body))
            }
            @if said.is_empty() { p class="quiet" { "Nobody has said anything yet." } }
            ol class="said" {
                @for one in &said { (remark(one, viewer)) }
            }
        }
    }
}

fn said(proposal: &ProposalView) -> Vec<Said<'_>> {
    let reviews = proposal.reviews.iter().map(|review| Said {
        by: &review.by,
        at: review.at,
        verdict: Some(&review.verdict),
        of: if review.head == proposal.head { Looked::AtThis } else { Looked::AtAnEarlierHead },
        text: review.comment.as_deref().unwrap_or_default(),
    });
    let comments = proposal.comments.iter().map(|comment| Said {
        by: &comment.by,
        at: comment.at,
        verdict: None,
        of: Looked::AtThis,
        text: &comment.body,
    });
    let mut said: Vec<Said<'_>> = reviews.chain(comments).collect();
    said.sort_by_key(|one| one.at);
    said
}

fn remark(one: &Said<'_>, viewer: &Viewer<'_>) -> Markup {
    html! {
        li {
            p class="line" {
                strong { (one.by) }
                @match one.verdict {
                    Some("approve") => { " " (badge_like("approve", "approved")) },
                    Some("request_changes") => { " " (badge_like("request_changes", "asked for changes")) },
                    Some(other) => { " " (badge(other)) },
                    None => {},
                }
                @if one.of == Looked::AtAnEarlierHead {
                    span class="quiet" { "(of an earlier commit)" }
                }
                span class="age" { (viewer.age(one.at)) }
            }
            @if !one.text.is_empty() { (markdown(one.text)) }
        }
    }
}

/// What happened, oldest first.
pub(super) fn history(lines: &[HistoryLine], viewer: &Viewer<'_>) -> Markup {
    html! {
        section class="card" aria-labelledby="history" {
            h2 id="history" { "What happened" }
            @if lines.is_empty() { p class="quiet" { "Nothing yet." } }
            ol class="timeline" {
                @for line in lines {
                    li {
                        (spoken(&line.text))
                        span class="by" {
                            (line.actor) " · " (viewer.age(line.at))
                            @if let Some(commit) = &line.commit {
                                " · " code title=(commit) { (commit.short()) }
                            }
                        }
                    }
                }
            }
        }
    }
}
