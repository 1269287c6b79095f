//! GitHub's other API: what it tells and does there alone.
//!
//! Whatever goes wrong there, it answers 200 and says so in the body.

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Call, DEFAULT_WAIT, unreachable};
use super::api::Api;
use crate::adapters::forge::common::shown;
use crate::app::ports::{ForgeError, Turn};

/// How much of somebody's own words is shown.
const SHOWN: usize = 400;

/// All that keeps a pull request out, and what GitHub was asked to do with it by itself.
pub(super) const STANDING: &str = "
query Standing($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      id
      headRefOid
      isDraft
      mergeStateStatus
      reviewDecision
      isMergeQueueEnabled
      author { __typename login }
      autoMergeRequest { enabledBy { __typename login } }
      mergeQueueEntry { enqueuer { __typename login } headCommit { oid } }
      latestOpinionatedReviews(first: 100, writersOnly: true) { nodes { state } }
      reviewThreads(first: 100) { nodes { isResolved } }
      commits(last: 100) { nodes { commit { signature { isValid } } } }
      statusCheckRollup {
        contexts(first: 100) {
          nodes {
            __typename
            ... on CheckRun {
              name
              status
              conclusion
              isRequired(pullRequestNumber: $number)
            }
            ... on StatusContext {
              context
              state
              isRequired(pullRequestNumber: $number)
            }
          }
        }
      }
      baseRef {
        refUpdateRule {
          requiredApprovingReviewCount
          requiredStatusCheckContexts
          requiresCodeOwnerReviews
          requiresConversationResolution
          requiresSignatures
          requiresLinearHistory
          viewerCanPush
        }
      }
      drafted: timelineItems(first: 1, itemTypes: [CONVERT_TO_DRAFT_EVENT]) { totalCount }
      timelineItems(
        last: 50
        itemTypes: [
          PULL_REQUEST_COMMIT
          HEAD_REF_FORCE_PUSHED_EVENT
          ADDED_TO_MERGE_QUEUE_EVENT
          REMOVED_FROM_MERGE_QUEUE_EVENT
        ]
      ) {
        nodes {
          __typename
          ... on AddedToMergeQueueEvent { actor { __typename login } }
          ... on RemovedFromMergeQueueEvent { actor { __typename login } reason }
        }
      }
    }
  }
}";

/// Whether we may ask here of the repository.
pub(super) const PRESENCE: &str = "
query Presence($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) { __typename }
}";

pub(super) const ENQUEUE: &str = "
mutation Enqueue($id: ID!, $head: GitObjectID!) {
  enqueuePullRequest(input: {pullRequestId: $id, expectedHeadOid: $head}) {
    mergeQueueEntry { position }
  }
}";

pub(super) const DEQUEUE: &str = "
mutation Dequeue($id: ID!) {
  dequeuePullRequest(input: {id: $id}) { mergeQueueEntry { position } }
}";

pub(super) const ENABLE_AUTO_MERGE: &str = "
mutation EnableAutoMerge(
  $id: ID!
  $head: GitObjectID!
  $method: PullRequestMergeMethod!
  $headline: String
  $body: String
) {
  enablePullRequestAutoMerge(
    input: {
      pullRequestId: $id
      expectedHeadOid: $head
      mergeMethod: $method
      commitHeadline: $headline
      commitBody: $body
    }
  ) {
    pullRequest { number }
  }
}";

pub(super) const MARK_READY: &str = "
mutation MarkReady($id: ID!) {
  markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { number } }
}";

pub(super) const DISABLE_AUTO_MERGE: &str = "
mutation DisableAutoMerge($id: ID!) {
  disablePullRequestAutoMerge(input: {pullRequestId: $id}) { pullRequest { number } }
}";

/// What GitHub said in GraphQL.
pub(super) enum Told {
    /// What was asked for, or as much of it as these credentials may see.
    Data(Value),
    /// It understood, and did not do it; in its words.
    Refused(String),
    /// This server has no such API, or not what was asked for in it.
    Unknown,
}

#[derive(Deserialize)]
struct RawTold {
    #[serde(default)]
    data: Value,
    #[serde(default)]
    errors: Vec<RawProblem>,
}

#[derive(Deserialize)]
struct RawProblem {
    #[serde(default)]
    message: String,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    extensions: Value,
}

impl Api {
    /// Asks something in GraphQL.
    pub(super) async fn query(&self, text: &str, variables: Value) -> Result<Told, ForgeError> {
        let body = json!({ "query": text, "variables": variables });
        self.told(self.ask(self.graphql(), Call::Post(&body)).await?)
    }

    /// Does something in GraphQL, when it is our turn.
    pub(super) async fn mutate(&self, text: &str, variables: Value) -> Result<Told, ForgeError> {
        let body = json!({ "query": text, "variables": variables });
        self.told(self.write(self.graphql(), Call::Post(&body)).await?)
    }

    /// Does something in GraphQL at once, in a turn that was waited for.
    pub(super) async fn mutate_in(
        &self,
        turn: &Turn,
        text: &str,
        variables: Value,
    ) -> Result<Told, ForgeError> {
        let body = json!({ "query": text, "variables": variables });
        self.told(self.write_in(turn, self.graphql(), Call::Post(&body)).await?)
    }

    fn told(&self, answer: Answer) -> Result<Told, ForgeError> {
        match answer.status {
            StatusCode::NOT_FOUND => return Ok(Told::Unknown),
            StatusCode::FORBIDDEN => return Ok(Told::Refused(answer.words())),
            _ => {}
        }
        let RawTold { data, errors } = answer.expect(self.repo(), "asking in GraphQL")?;
        // What could not be told is null in it.
        let has_data = match &data {
            Value::Object(fields) => fields.values().any(|it| !it.is_null()),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => false,
        };
        if has_data {
            return Ok(Told::Data(data));
        }
        if errors.iter().any(|it| it.kind.as_deref() == Some("RATE_LIMITED")) {
            let seconds = answer.until_reset().unwrap_or(DEFAULT_WAIT);
            return Err(self.limited(self.graphql(), seconds));
        }
        if errors.iter().any(RawProblem::is_of_the_schema) {
            return Ok(Told::Unknown);
        }
        let words: Vec<&str> = errors.iter().map(|it| it.message.as_str()).collect();
        let words = shown(&words.join("; "), SHOWN);
        if errors.iter().any(|it| it.kind.is_some()) {
            return Ok(Told::Refused(words));
        }
        // What GitHub has no word for is its own trouble, and passes.
        Err(unreachable(&format!("asking in GraphQL: {words}")))
    }
}

impl RawProblem {
    /// Tells whether the question is not one of this server's.
    fn is_of_the_schema(&self) -> bool {
        let code = self.extensions.get("code").and_then(Value::as_str);
        matches!(code, Some("undefinedField" | "undefinedType" | "argumentNotAccepted"))
    }
}

/// What stands at a path in an answer.
pub(super) fn at<'a>(data: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(data, |value, name| value.get(name)).filter(|it| !it.is_null())
}
