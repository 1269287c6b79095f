//! What the demo says on the terminal.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use super::folder::Folder;
use crate::app::ingest::send::Outgoing;
use crate::app::views::{EnvironmentView, PromotionView, StatusView};
use crate::domain::id::EventId;

const HEADING: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();
const PLUS: Style = AnsiColor::Green.on_default();
const MINUS: Style = AnsiColor::Red.on_default();
const HUNK: Style = AnsiColor::Cyan.on_default();
const PROMPT: Style = AnsiColor::Yellow.on_default().bold();

/// Where the demo serves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Served<'a> {
    pub(super) url: &'a str,
    pub(super) port: Port,
}

/// Whether the demo got the port that a person expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    Wished,
    NextFree,
}

/// Speaks to standard output; colours only where that is a terminal.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Narrator;

impl Narrator {
    fn line(self, text: &str) {
        let mut out = anstream::stdout().lock();
        // Somebody closed the terminal; the demo's own end follows from that, not from here.
        drop(writeln!(out, "{text}").and_then(|()| out.flush()));
    }

    fn styled(self, style: Style, text: &str) {
        self.line(&format!("{style}{text}{style:#}"));
    }

    pub(super) fn welcome(self, folder: &Folder, served: Served<'_>) {
        self.styled(HEADING, "hoist demo");
        let repository = folder.path().join("gitops.git");
        self.line(&format!(
            "A GitOps repository with three applications: {}\nhoist serves on {}{}",
            repository.display(),
            served.url,
            match served.port {
                Port::Wished => "",
                Port::NextFree => " (8080 is taken)",
            }
        ));
    }

    pub(super) fn step(self, text: &str) {
        self.line("");
        self.styled(HEADING, &format!("▶ {text}"));
    }

    pub(super) fn says(self, text: &str) {
        self.line(&format!("  {text}"));
    }

    pub(super) fn types(self, command: &str) {
        self.line(&format!("  {PROMPT}${PROMPT:#} {command}"));
    }

    pub(super) fn found(self, status: &StatusView) {
        for application in &status.applications {
            let there: Vec<String> = application
                .environments
                .iter()
                .map(|e| format!("{} {}", e.environment, e.version.as_deref().unwrap_or("?")))
                .collect();
            self.says(&format!("{:<12} {}", application.application, there.join(" · ")));
        }
    }

    pub(super) fn announced(self, announcement: &Outgoing, event: &EventId) {
        self.says(&format!(
            "POST /hooks/artifacts, signed: {}@{}",
            announcement.image,
            announcement.digest.short()
        ));
        self.styled(QUIET, &format!("  202 Accepted, event {event}"));
    }

    pub(super) fn proposed(self, promotion: &PromotionView) {
        let Some(proposal) = &promotion.proposal else { return };
        self.says(&format!("Proposal {}: {}", proposal.number, proposal.title));
        self.diff(promotion.diff.as_deref().unwrap_or_default());
        for status in &proposal.statuses {
            self.styled(
                QUIET,
                &format!("  {} {}: {}", status.state, status.context, status.description),
            );
        }
    }

    pub(super) fn merged(self, promotion: &PromotionView, how: &str) {
        let number = promotion.proposal.as_ref().map(|proposal| proposal.number.to_string());
        let commit = promotion
            .proposal
            .as_ref()
            .and_then(|proposal| proposal.merge_commit.as_ref())
            .map_or("", |commit| commit.short());
        self.says(&format!(
            "{PLUS}✓{PLUS:#} {} is in {}: proposal {} {how} ({commit})",
            promotion.version,
            promotion.environment,
            number.unwrap_or_default()
        ));
        if promotion.environment.as_str() == "staging" {
            self.diff(promotion.diff.as_deref().unwrap_or_default());
        }
    }

    pub(super) fn your_turn(self, sign_in: &str, promotion: &PromotionView) {
        let url = promotion.proposal.as_ref().map_or("", |proposal| proposal.url.as_str());
        self.line("");
        self.styled(PROMPT, "  Your turn. Sign in (the link works once), review it, and merge it:");
        self.line(&format!("    {sign_in}\n    then {url}"));
        self.styled(
            QUIET,
            "  hoist merges it once it is approved; or close it. Ctrl-C ends the demo.",
        );
    }

    pub(super) fn rolled_back(self, there: &EnvironmentView) {
        let version = there.version.as_deref().unwrap_or("?");
        self.says(&format!(
            "prod runs {version} again, and is {}: nothing brings the bad version back.",
            there.state
        ));
    }

    pub(super) fn proved(self, what: &str) {
        self.says(&format!("{PLUS}✓{PLUS:#} {what}"));
    }

    pub(super) fn look_around(self, folder: &Folder, url: &str) {
        self.line("");
        self.styled(HEADING, "▶ Look around");
        let folder = folder.path().display();
        self.says(&format!("the page       {url}"));
        self.says(&format!("the history    git -C {folder}/gitops.git log --stat main"));
        self.says(&format!(
            "the command    HOIST_SERVER={url} HOIST_TOKEN=$(cat {folder}/token) hoist status"
        ));
        self.says("Ctrl-C ends the demo; the folder stays.");
    }

    fn diff(self, diff: &str) {
        for line in diff.lines().filter(|line| !is_header(line)) {
            let style = match line.chars().next() {
                Some('+') => PLUS,
                Some('-') => MINUS,
                Some('@') => HUNK,
                Some(_) | None => QUIET,
            };
            self.styled(style, &format!("    {line}"));
        }
    }
}

/// Tells whether a diff's line names files by their object ids only.
fn is_header(line: &str) -> bool {
    line.starts_with("index ") || line.starts_with("diff --git ")
}
