//! What can be seen of it all, as text that a test compares.

use std::fmt::Write as _;

use hoist::app::Repository;
use hoist::app::ports::{ForgeError, Proposal, ProposalState};
use hoist::app::views::EnvironmentView;
use hoist::domain::id::ProposalNumber;

use super::Bot;

impl Bot {
    /// The shop's promotions by environment, as [`Bot::history`] has them.
    pub async fn history_by_place(&self) -> String {
        Self::by_place(&self.history().await)
    }

    /// The lines of a history with those of one environment together, each in its order.
    pub fn by_place(history: &str) -> String {
        let mut lines: Vec<&str> = history.lines().collect();
        lines.sort_by_key(|line| line.split(' ').next().unwrap().to_owned());
        lines.join("\n")
    }

    /// The environment of the shop, as `hoist status` has it.
    pub async fn environment(&self, environment: &str) -> EnvironmentView {
        let view = self.app().application("shop").await.unwrap();
        let mut all = view.environments.into_iter();
        all.find(|it| it.environment.as_str() == environment).unwrap()
    }

    /// Every environment of the shop in a line.
    pub async fn status(&self) -> String {
        self.status_of("shop").await
    }

    pub async fn status_of(&self, application: &str) -> String {
        let view = self.app().application(application).await.unwrap();
        let lines: Vec<String> = view.environments.iter().map(line).collect();
        plain(&lines.join("\n"))
    }

    /// Every application in every environment.
    pub async fn overview(&self) -> String {
        let mut text = String::new();
        for view in self.app().status().await.unwrap().applications {
            for environment in &view.environments {
                let _ = writeln!(text, "{} {}", view.application, line(environment));
            }
        }
        plain(&text)
    }

    /// What hoist and people said on a proposal.
    pub async fn comments(&self, number: u64) -> String {
        let comments = self.proposal(number).await.comments;
        let lines: Vec<_> = comments.iter().map(|it| format!("{}: {}", it.by, it.body)).collect();
        plain(&lines.join("\n"))
    }

    /// The proposals as the forge has them, one line each.
    pub async fn proposals(&self) -> String {
        let mut lines = Vec::new();
        for number in 1.. {
            let Some(it) = self.find_proposal(number).await else { break };
            let state = match it.state {
                ProposalState::Open => "open".to_owned(),
                ProposalState::Merged { by, .. } => {
                    format!("merged by {}", by.map_or("somebody".into(), String::from))
                }
                ProposalState::Closed { by, .. } => {
                    format!("closed by {}", by.map_or("somebody".into(), String::from))
                }
            };
            lines.push(format!("#{number} {}: {state}", it.title));
        }
        lines.join("\n")
    }

    pub async fn proposal(&self, number: u64) -> Proposal {
        self.find_proposal(number).await.unwrap()
    }

    pub(super) async fn find_proposal(&self, number: u64) -> Option<Proposal> {
        let Repository { git, forge, .. } = self.repository();
        git.fetch().await.unwrap();
        match forge.load(ProposalNumber(number)).await {
            Ok(proposal) => Some(proposal),
            Err(ForgeError::NotFound(_)) => None,
            Err(error) => panic!("{error:?}"),
        }
    }

    /// The statuses on a proposal's head, by context.
    pub async fn statuses(&self, number: u64) -> String {
        let statuses = self.proposal(number).await.statuses;
        let line = |(context, status): (&String, &hoist::app::ports::Status)| {
            format!("{context} {:?}: {}", status.state, status.description)
        };
        statuses.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// The shop's promotions, oldest first: kind, version, where, state.
    pub async fn history(&self) -> String {
        self.history_of("shop").await
    }

    /// The same of another application.
    pub async fn history_of(&self, application: &str) -> String {
        let history = self.app().history(application, None).await.unwrap();
        let line = |it: &hoist::app::views::HistoryPromotion| {
            format!(
                "{} {} {} {}: {}",
                it.environment, it.kind, it.version, it.requested_by, it.state
            )
        };
        history.promotions.iter().rev().map(line).collect::<Vec<_>>().join("\n")
    }

    /// What was done, oldest first: the verbs of the audit log that concern the shop.
    pub async fn deeds(&self) -> String {
        let audit = self.app().audit(0, 1000).await.unwrap();
        let of_shop = audit.iter().filter(|it| {
            it.application.as_ref().is_some_and(|application| application.as_str() == "shop")
        });
        let deed = |it: &hoist::app::views::HistoryLine| {
            let place = it.environment.as_ref().map_or("-", |name| name.as_str());
            format!("{} {} {place}", it.actor, it.verb)
        };
        of_shop.map(deed).collect::<Vec<_>>().join("\n")
    }
}

/// A text without what no reader knows by heart: commits, digests and our own ids.
pub fn plain(text: &str) -> String {
    let mut plain = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let end = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_hex = end.bytes().all(|b| b.is_ascii_hexdigit());
        plain.push_str(match end.len() {
            64 if is_hex => "DIGEST",
            7..=40 if is_hex => "COMMIT",
            26 if end.starts_with("01") => "ID",
            _ => end,
        });
        plain.push_str(&word[end.len()..]);
    }
    plain
}

pub(super) fn line(view: &EnvironmentView) -> String {
    let version = view.version.as_deref().unwrap_or("unknown");
    let mut text = format!("{}: {version}, {}", view.environment, view.state);
    if let Some(next) = &view.next {
        let _ = write!(text, ", next {} {}", next.version, next.state);
        if let Some(number) = next.proposal {
            let _ = write!(text, " in {number}");
        }
    }
    for behind in &view.behind {
        let _ = write!(text, ", then {} {}", behind.version, behind.state);
    }
    for next in view.next.iter().chain(&view.behind) {
        if let Some(waits_for) = &next.waits_for {
            let _ = write!(text, " ({waits_for})");
        }
    }
    if let Some(hold) = &view.hold {
        let _ = write!(text, " (held by {}: {})", hold.by, hold.reason.as_deref().unwrap_or("-"));
    }
    if let Some(waits_for) = &view.waits_for {
        let _ = write!(text, " ({waits_for})");
    }
    text
}
