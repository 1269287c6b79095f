//! Statuses of commits, in this repository and in those of sources.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use serde_json::json;

use super::answer::Call;
use super::api::Api;
use super::cut;
use super::raw::{RawCombinedStatus, RawStatus};
use super::route::with_query;
use crate::app::ports::{ForgeError, Status, StatusState};
use crate::domain::id::CommitId;

/// The longest description of a status that GitHub takes.
const LONGEST_DESCRIPTION: usize = 140;

/// The latest statuses of a commit, by context.
pub(super) async fn latest(api: &Api, head: &str) -> Result<BTreeMap<String, Status>, ForgeError> {
    let route = api.repo().route(&["commits", head, "status"]);
    let answer = api.get(&with_query(&route, &[("per_page", "100")])).await?;
    let combined: RawCombinedStatus =
        answer.expect(api.repo(), "reading the statuses of a commit")?;
    let status = |it: RawStatus| {
        let state = match it.state.as_str() {
            "success" => StatusState::Success,
            "failure" | "error" => StatusState::Failure,
            _ => StatusState::Pending,
        };
        (it.context, Status { state, description: it.description.unwrap_or_default() })
    };
    Ok(combined.statuses.into_iter().map(status).collect())
}

/// Puts a status on a commit, unless it is there; what it is about has a name and may have a page.
pub(super) async fn write(
    api: &Api,
    head: &CommitId,
    (context, url): (&str, Option<&str>),
    status: &Status,
) -> Result<(), ForgeError> {
    let description = cut(&status.description, LONGEST_DESCRIPTION).to_owned();
    let status = Status { state: status.state, description };
    if latest(api, head.as_str()).await?.get(context) == Some(&status) {
        return Ok(());
    }
    let state = match status.state {
        StatusState::Pending => "pending",
        StatusState::Success => "success",
        StatusState::Failure => "failure",
    };
    let mut body = json!({"context": context, "state": state, "description": status.description});
    if let Some(url) = url {
        body["target_url"] = url.into();
    }
    let route = api.repo().route(&["statuses", head.as_str()]);
    let answer = api.write(&route, Call::Post(&body)).await?;
    if answer.status == StatusCode::UNPROCESSABLE_ENTITY && answer.says("No commit found") {
        return Err(ForgeError::Stale);
    }
    if answer.status.is_success() {
        return Ok(());
    }
    Err(answer.refusal(api.repo(), &format!("setting the status {context}")))
}
