//! What others say of a commit: its statuses, and the runs of its checks.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use serde::de::DeserializeOwned;

use super::GitHubForge;
use super::api::Api;
use super::raw::{RawCheckRun, RawCheckRuns, RawCombinedStatus, RawStatus};
use super::route::with_query;
use crate::app::ports::ForgeError;
use crate::domain::checks::{Check, CheckState, OWN, SourceCommit};

/// The most that GitHub puts on one page.
const PAGE: usize = 100;

/// How many pages are read of one commit's checks.
const PAGES: usize = 20;

/// How many sources' repositories are remembered with their answers.
const REPOSITORIES: usize = 200;

/// The ways into repositories of sources, by their addresses.
pub(super) type Sources = BTreeMap<String, Arc<Api>>;

impl GitHubForge {
    /// What is said of a commit of this repository, hoist's own statuses left out.
    pub(super) async fn checks_of(&self, commit: &str) -> Result<Vec<Check>, ForgeError> {
        checks_of(&self.api, commit).await
    }

    /// What is said of a commit of another repository of the same GitHub.
    pub(super) async fn checks_elsewhere(
        &self,
        of: &SourceCommit,
    ) -> Result<Vec<Check>, ForgeError> {
        let api = self.source(&of.repository)?;
        checks_of(&api, of.commit.as_str()).await
    }

    /// The way into a source's repository.
    pub(super) fn source(&self, repository: &str) -> Result<Arc<Api>, ForgeError> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sources.get(repository) {
            return Ok(Arc::clone(known));
        }
        let beside = self.api.beside(repository).map_err(|error| {
            ForgeError::Refused(format!("reaching the source's repository: {error:#}"))
        })?;
        if sources.len() >= REPOSITORIES {
            sources.clear();
        }
        let api = Arc::new(beside);
        sources.insert(repository.to_owned(), Arc::clone(&api));
        Ok(api)
    }
}

async fn checks_of(api: &Api, commit: &str) -> Result<Vec<Check>, ForgeError> {
    let statuses = async {
        let route = api.repo().route(&["commits", commit, "status"]);
        let doing = "reading the statuses of a commit";
        read_pages(api, &route, doing, |page: RawCombinedStatus| page.statuses).await
    };
    let runs = async {
        let route = api.repo().route(&["commits", commit, "check-runs"]);
        let doing = "reading the checks of a commit";
        read_pages(api, &route, doing, |page: RawCheckRuns| page.check_runs).await
    };
    let (statuses, runs) = futures::try_join!(statuses, runs)?;
    let checks = statuses.into_iter().map(of_status).chain(runs.into_iter().map(of_run));
    Ok(checks.filter(|check| !check.name.starts_with(OWN)).collect())
}

/// Reads all pages of what GitHub gives inside an object.
async fn read_pages<P: DeserializeOwned, T>(
    api: &Api,
    route: &str,
    doing: &str,
    items: impl Fn(P) -> Vec<T>,
) -> Result<Vec<T>, ForgeError> {
    let mut all = Vec::new();
    for page in 1..=PAGES {
        let (size, page) = (PAGE.to_string(), page.to_string());
        let pairs = [("per_page", size.as_str()), ("page", page.as_str())];
        let answer = api.get(&with_query(route, &pairs)).await?;
        let these = items(answer.expect(api.repo(), doing)?);
        let is_last = these.len() < PAGE;
        all.extend(these);
        if is_last {
            break;
        }
    }
    Ok(all)
}

fn of_status(status: RawStatus) -> Check {
    let state = match status.state.as_str() {
        "success" => CheckState::Success,
        "failure" | "error" => CheckState::Failure,
        _ => CheckState::Pending,
    };
    Check {
        name: status.context,
        state,
        description: status.description.unwrap_or_default(),
        url: status.target_url,
        since: status.updated_at,
    }
}

/// GitHub itself takes a check that was skipped, or that is neutral, for passed.
fn of_run(run: RawCheckRun) -> Check {
    let state = match (run.status.as_str(), run.conclusion.as_deref()) {
        ("completed", Some("success" | "neutral" | "skipped")) => CheckState::Success,
        ("completed", Some(_)) => CheckState::Failure,
        (_, _) => CheckState::Pending,
    };
    let words = run.output.and_then(|output| output.title);
    Check {
        name: run.name,
        state,
        description: words.or(run.conclusion).unwrap_or_default(),
        url: run.html_url.or(run.details_url),
        since: run.completed_at.or(run.started_at),
    }
}
