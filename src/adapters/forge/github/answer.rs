//! What GitHub answers, and what its refusals mean: the only place that knows.

use anyhow::anyhow;
use jiff::fmt::rfc2822;
use octocrab::Octocrab;
use reqwest::StatusCode;
use reqwest::header::{DATE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, LOCATION, RETRY_AFTER};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::route::Repo;
use crate::adapters::forge::common::shown;
use crate::app::ports::ForgeError;

/// How long to leave GitHub alone when it asks for that and does not say for how long: what its
/// documentation says of secondary limits.
pub(super) const DEFAULT_WAIT: u64 = 60;

/// How much of somebody's own words is shown.
const SHOWN: usize = 400;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Call<'a> {
    /// To read, if it is not what it was when it had this tag.
    Get {
        etag: Option<&'a str>,
    },
    Post(&'a Value),
    Patch(&'a Value),
    Put(&'a Value),
    Delete,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawError {
    message: String,
    errors: Vec<Value>,
}

impl Answer {
    /// Asks, and reads the answer to its end: one that breaks off is none.
    pub(super) async fn to(
        client: &Octocrab,
        path: &str,
        call: Call<'_>,
    ) -> Result<Self, octocrab::Error> {
        let nothing = None::<&Value>;
        let response = match call {
            Call::Get { etag } => client._get_with_headers(path, etag.and_then(only_if_new)).await,
            Call::Post(body) => client._post(path, Some(body)).await,
            Call::Patch(body) => client._patch(path, Some(body)).await,
            Call::Put(body) => client._put(path, Some(body)).await,
            Call::Delete => client._delete(path, nothing).await,
        }?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Self { status, headers, body: client.body_to_string(response).await? })
    }

    /// The tag by which GitHub knows this answer again.
    pub(super) fn etag(&self) -> Option<&str> {
        self.headers.get(ETAG)?.to_str().ok()
    }

    /// Where it sends on to.
    pub(super) fn sent_on_to(&self) -> Option<&str> {
        let is_sent_on = self.status.is_redirection() && self.status != StatusCode::NOT_MODIFIED;
        self.text(LOCATION.as_str()).filter(|_| is_sent_on)
    }

    /// What it holds, if it is a yes.
    pub(super) fn expect<T: DeserializeOwned>(
        &self,
        repo: &Repo,
        doing: &str,
    ) -> Result<T, ForgeError> {
        if !self.status.is_success() {
            return Err(self.refusal(repo, doing));
        }
        serde_json::from_str(&self.body).map_err(|error| {
            unreachable(&format!("{doing}: GitHub's answer makes no sense: {error}"))
        })
    }

    /// What GitHub said, in one line.
    pub(super) fn words(&self) -> String {
        let Ok(RawError { message, errors }) = serde_json::from_str(&self.body) else {
            return shown(&self.body, SHOWN);
        };
        let details = errors.iter().map(|error| {
            match error.as_str().or_else(|| error.get("message")?.as_str()) {
                Some(text) => text.to_owned(),
                None => format!("`{}` is {}", part(error, "field"), part(error, "code")),
            }
        });
        shown(&std::iter::once(message).chain(details).collect::<Vec<_>>().join("; "), SHOWN)
    }

    /// Tells whether GitHub's words have this in them, in whatever case.
    pub(super) fn says(&self, part: &str) -> bool {
        self.body.to_ascii_lowercase().contains(&part.to_ascii_lowercase())
    }

    /// Sorts a refusal by what can be done about it. `doing` is a participle.
    pub(super) fn refusal(&self, repo: &Repo, doing: &str) -> ForgeError {
        if let Some(seconds) = self.wait() {
            return ForgeError::RateLimited { seconds };
        }
        let (status, words) = (self.status, self.words());
        if status == StatusCode::UNAUTHORIZED {
            tracing::warn!("GitHub answered 401 when {doing} in {repo}: {words}");
            return ForgeError::Unauthorized;
        }
        if status.is_redirection() {
            let to = self.sent_on_to().unwrap_or("another address");
            return ForgeError::Refused(format!(
                "{doing}: {repo} has moved to {}: set the repository's `url` to its new address",
                shown(to, SHOWN)
            ));
        }
        if status == StatusCode::FORBIDDEN {
            let needed = self.text("x-accepted-github-permissions").map_or_else(
                || "look at what they may do".to_owned(),
                |needed| format!("they need `{}`", shown(needed, SHOWN)),
            );
            return ForgeError::Refused(format!(
                "{doing}: these credentials may not do that in {repo} ({words}); {needed}"
            ));
        }
        if status == StatusCode::NOT_FOUND {
            return ForgeError::Refused(format!(
                "{doing}: GitHub shows these credentials no such thing in {repo}; it hides what \
                 they may not see"
            ));
        }
        if status.is_client_error() {
            return ForgeError::Refused(format!("{doing} in {repo}: {words}"));
        }
        unreachable(&format!("{doing}: GitHub answered {status}: {words}"))
    }

    /// How long GitHub asks us to wait, if that is what it says.
    ///
    /// A limit that is used up is told with 403 as a missing right is, and with 429.
    pub(super) fn wait(&self) -> Option<u64> {
        let is_used_up = self.text("x-ratelimit-remaining") == Some("0");
        let is_limit = match self.status {
            StatusCode::TOO_MANY_REQUESTS => true,
            StatusCode::FORBIDDEN => {
                is_used_up || self.headers.contains_key(RETRY_AFTER) || self.says("rate limit")
            }
            _ => false,
        };
        if !is_limit {
            return None;
        }
        let asked = self.text(RETRY_AFTER.as_str()).and_then(|text| text.parse().ok());
        let until_reset = is_used_up.then(|| self.until_reset()).flatten();
        Some(asked.or(until_reset).unwrap_or(DEFAULT_WAIT).max(1))
    }

    /// The seconds until the limit starts anew, by GitHub's own clock.
    pub(super) fn until_reset(&self) -> Option<u64> {
        let reset: i64 = self.text("x-ratelimit-reset")?.parse().ok()?;
        let now = rfc2822::parse(self.text(DATE.as_str())?).ok()?.timestamp().as_second();
        u64::try_from(reset.checked_sub(now)?.checked_add(1)?).ok()
    }

    fn text(&self, header: &str) -> Option<&str> {
        self.headers.get(header)?.to_str().ok()
    }
}

/// GitHub could not be asked, or broke down.
pub(super) fn unreachable(why: &str) -> ForgeError {
    ForgeError::Unreachable(anyhow!("{why}"))
}

fn only_if_new(etag: &str) -> Option<HeaderMap> {
    let value = HeaderValue::from_str(etag).ok()?;
    Some(HeaderMap::from_iter([(IF_NONE_MATCH, value)]))
}

fn part<'a>(error: &'a Value, name: &str) -> &'a str {
    error.get(name).and_then(Value::as_str).unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Answer {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_static(value)));
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.collect(),
            body: body.to_owned(),
        }
    }

    fn sorted(answer: &Answer) -> String {
        let repo = Repo { owner: "acme".to_owned(), name: "gitops".to_owned() };
        match answer.refusal(&repo, "opening a pull request") {
            ForgeError::Unreachable(cause) => format!("unreachable: {cause}"),
            error @ (ForgeError::RateLimited { .. }
            | ForgeError::Paced { .. }
            | ForgeError::Stale
            | ForgeError::Unauthorized
            | ForgeError::NotFound(_)
            | ForgeError::Refused(_)) => error.to_string(),
        }
    }

    #[test]
    fn a_limit_is_told_in_many_ways() {
        let limited = |seconds: u64| format!("the forge asks us to wait {seconds}s");
        let secondary = r#"{"message": "You have exceeded a secondary rate limit."}"#;
        for status in [403, 429] {
            assert_eq!(sorted(&answer(status, &[("retry-after", "7")], "{}")), limited(7));
            assert_eq!(sorted(&answer(status, &[], secondary)), limited(60));
        }
        let used_up = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1767607230"),
            ("date", "Mon, 05 Jan 2026 10:00:00 GMT"),
        ];
        assert_eq!(sorted(&answer(403, &used_up, "{}")), limited(31));
        assert_eq!(sorted(&answer(403, &used_up[..1], "{}")), limited(60));
        let past = [used_up[0], ("x-ratelimit-reset", "17"), used_up[2]];
        assert_eq!(sorted(&answer(403, &past, "{}")), limited(60));
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let forbidden = answer(
            403,
            &[
                ("x-accepted-github-permissions", "pull_requests=write"),
                ("x-ratelimit-remaining", "4999"),
            ],
            r#"{"message": "Resource not accessible by integration"}"#,
        );
        insta::assert_snapshot!(sorted(&forbidden), @"the forge refuses: opening a pull request: these credentials may not do that in acme/gitops (Resource not accessible by integration); they need `pull_requests=write`");
        let invalid = r#"{"message": "Validation Failed", "errors": [
            {"resource": "PullRequest", "field": "head", "code": "invalid"},
            {"message": "No commits between main and hoist/prod/shop"}, "and more"]}"#;
        insta::assert_snapshot!(sorted(&answer(422, &[], invalid)), @"the forge refuses: opening a pull request in acme/gitops: Validation Failed; `head` is invalid; No commits between main and hoist/prod/shop; and more");
        let moved = answer(301, &[("location", "https://api.github.com/repositories/1/pulls")], "");
        insta::assert_snapshot!(sorted(&moved), @"the forge refuses: opening a pull request: acme/gitops has moved to https://api.github.com/repositories/1/pulls: set the repository's `url` to its new address");
        insta::assert_snapshot!(sorted(&answer(502, &[], "<html>\nBad gateway")), @"unreachable: opening a pull request: GitHub answered 502 Bad Gateway: <html> Bad gateway");
        insta::assert_snapshot!(sorted(&answer(401, &[], "{}")), @"the forge does not know us, or no longer trusts us");
    }
}
