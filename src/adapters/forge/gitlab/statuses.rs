//! What is said of a commit: hoist's own statuses, and what others say.
//!
//! GitLab keeps a status as a job: it goes from state to state, and what has ended is followed by
//! a new one of the same name.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use gitlab::api::projects::repository::commits::{
    CommitStatusState, CommitStatuses, CreateCommitStatus,
};
use reqwest::StatusCode;

use super::GitLabForge;
use super::api::{Api, built};
use super::raw::RawStatus;
use crate::app::ports::{ForgeError, Status, StatusState};
use crate::domain::checks::{Check, CheckState, OWN, SourceCommit};

/// The longest description that the crate lets pass, in bytes; GitLab counts as many characters.
const LONGEST_DESCRIPTION: usize = 255;

/// How many sources' projects are remembered with their answers.
const PROJECTS: usize = 200;

/// The ways into projects of sources, by their addresses.
pub(super) type Sources = BTreeMap<String, Arc<Api>>;

impl GitLabForge {
    /// The latest statuses of a commit, by name.
    pub(super) async fn statuses(
        &self,
        head: &str,
    ) -> Result<BTreeMap<String, Status>, ForgeError> {
        let latest = latest(&self.api, head).await?;
        let status = |it: &RawStatus| {
            let description = it.description.clone().unwrap_or_default();
            Status { state: state_of(&it.status), description }
        };
        Ok(latest.values().map(|it| (it.name.clone(), status(it))).collect())
    }

    /// Puts a status on a commit of this project, unless it is there.
    pub(super) async fn write_status(
        &self,
        head: &str,
        name: &str,
        wanted: &Status,
    ) -> Result<(), ForgeError> {
        write(&self.api, head, (name, None), wanted).await
    }

    /// Puts a status on a commit of another project of the same GitLab, unless it is there.
    pub(super) async fn write_status_elsewhere(
        &self,
        of: &SourceCommit,
        (name, url): (&str, &str),
        wanted: &Status,
    ) -> Result<(), ForgeError> {
        let api = self.source(&of.repository)?;
        write(&api, of.commit.as_str(), (name, Some(url)), wanted).await
    }
    /// What is said of a commit of this project, hoist's own statuses left out.
    pub(super) async fn checks_of(&self, commit: &str) -> Result<Vec<Check>, ForgeError> {
        checks_of(&self.api, commit).await
    }

    /// What is said of a commit of another project of the same GitLab.
    pub(super) async fn checks_elsewhere(
        &self,
        of: &SourceCommit,
    ) -> Result<Vec<Check>, ForgeError> {
        let api = self.source(&of.repository)?;
        checks_of(&api, of.commit.as_str()).await
    }

    fn source(&self, repository: &str) -> Result<Arc<Api>, ForgeError> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sources.get(repository) {
            return Ok(Arc::clone(known));
        }
        let beside = self.api.beside(repository).map_err(|error| {
            ForgeError::Refused(format!("reaching the source's project: {error:#}"))
        })?;
        if sources.len() >= PROJECTS {
            sources.clear();
        }
        let api = Arc::new(beside);
        sources.insert(repository.to_owned(), Arc::clone(&api));
        Ok(api)
    }
}

/// Puts a status on a commit, unless it is there; what it is about has a name and may have a page.
async fn write(
    api: &Api,
    head: &str,
    (name, url): (&str, Option<&str>),
    wanted: &Status,
) -> Result<(), ForgeError> {
    let description = within(&wanted.description, LONGEST_DESCRIPTION);
    let latest = latest(api, head).await?;
    let held = latest.get(name);
    if held.is_some_and(|it| {
        state_of(&it.status) == wanted.state
            && it.description.as_deref().unwrap_or_default() == description
    }) {
        return Ok(());
    }
    for state in steps(held.map(|it| it.status.as_str()), wanted.state) {
        let mut endpoint = CreateCommitStatus::builder();
        if let Some(url) = url {
            endpoint.target_url(url);
        }
        endpoint.project(api.project()).commit(head).name(name);
        endpoint.state(*state).description(description);
        let answer = api.write(&built(endpoint.build())?).await?;
        if answer.status == StatusCode::NOT_FOUND && answer.says("commit") {
            return Err(ForgeError::Stale);
        }
        // Somebody else of us was faster: what is there now is looked at anew.
        if answer.status == StatusCode::BAD_REQUEST && answer.says("cannot transition") {
            return Err(ForgeError::Stale);
        }
        answer.check(api.project(), &format!("setting the status {name}"))?;
    }
    Ok(())
}

/// A commit's statuses and jobs; of those of one name, in whatever pipeline, the newest.
async fn latest(api: &Api, commit: &str) -> Result<BTreeMap<String, RawStatus>, ForgeError> {
    let mut endpoint = CommitStatuses::builder();
    endpoint.project(api.project()).commit(commit);
    let doing = "reading the statuses of a commit";
    let mut all: Vec<RawStatus> = api.list(&built(endpoint.build())?, doing).await?;
    all.sort_by_key(|it| it.id);
    Ok(all.into_iter().map(|it| (it.name.clone(), it)).collect())
}

async fn checks_of(api: &Api, commit: &str) -> Result<Vec<Check>, ForgeError> {
    let latest = latest(api, commit).await?;
    Ok(latest.into_values().filter(|it| !it.name.starts_with(OWN)).map(check).collect())
}

/// What takes a status from what is held to what is wanted.
///
/// GitLab refuses a step onto the same state, also where only the words are new: from pending they
/// go on into running, which is no more than pending to us, and from there they must end first.
fn steps(held: Option<&str>, wanted: StatusState) -> &'static [CommitStatusState] {
    use CommitStatusState::{Canceled, Failed, Pending, Running, Success};
    match (wanted, held) {
        (StatusState::Pending, Some("pending")) => &[Running],
        (StatusState::Pending, Some("running")) => &[Canceled, Pending],
        (StatusState::Pending, Some(_) | None) => &[Pending],
        (StatusState::Success, _) => &[Success],
        (StatusState::Failure, _) => &[Failed],
    }
}

fn state_of(status: &str) -> StatusState {
    match status {
        "success" => StatusState::Success,
        "failed" | "canceled" => StatusState::Failure,
        _ => StatusState::Pending,
    }
}

/// GitLab itself takes a job that was skipped, that nobody has to start, or that may fail, for
/// passed.
fn check(status: RawStatus) -> Check {
    let state = match (status.status.as_str(), status.allow_failure) {
        ("success" | "skipped", _) | ("failed" | "canceled" | "manual", true) => {
            CheckState::Success
        }
        ("failed" | "canceled", false) => CheckState::Failure,
        (_, _) => CheckState::Pending,
    };
    Check {
        state,
        description: status.description.unwrap_or(status.status),
        url: status.target_url,
        since: status.finished_at.or(status.created_at),
        name: status.name,
    }
}

/// The beginning of a text, at most so many bytes.
fn within(text: &str, longest: usize) -> &str {
    text.get(..text.floor_char_boundary(longest)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_status_steps_onto_itself() {
        use CommitStatusState::{Canceled, Failed, Pending, Running, Success};
        assert_eq!(steps(None, StatusState::Pending), [Pending]);
        assert_eq!(steps(Some("pending"), StatusState::Pending), [Running]);
        assert_eq!(steps(Some("running"), StatusState::Pending), [Canceled, Pending]);
        assert_eq!(steps(Some("success"), StatusState::Pending), [Pending]);
        assert_eq!(steps(Some("running"), StatusState::Success), [Success]);
        assert_eq!(steps(Some("failed"), StatusState::Failure), [Failed]);
    }

    #[test]
    fn a_description_ends_between_letters() {
        assert_eq!(within("short", 255), "short");
        assert_eq!(within(&"é".repeat(140), 255), "é".repeat(127));
    }
}
