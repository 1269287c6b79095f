//! What GitLab answers, and what its refusals mean: the only place that knows.

use anyhow::anyhow;
use jiff::fmt::rfc2822;
use reqwest::StatusCode;
use reqwest::header::{DATE, ETAG, HeaderMap, LOCATION, RETRY_AFTER};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::adapters::forge::common::shown;
use crate::app::ports::ForgeError;

/// How long to leave GitLab alone when it asks for that and does not say for how long: its limits
/// are for a minute each.
const DEFAULT_WAIT: u64 = 60;

/// How much of somebody's own words is shown.
const SHOWN: usize = 400;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawError {
    message: Value,
    error: Value,
    error_description: Value,
}

impl Answer {
    /// The tag by which GitLab knows this answer again.
    pub(super) fn etag(&self) -> Option<&str> {
        self.text(ETAG.as_str())
    }

    /// What it holds, if it is a yes.
    pub(super) fn expect<T: DeserializeOwned>(
        &self,
        project: &str,
        doing: &str,
    ) -> Result<T, ForgeError> {
        self.check(project, doing)?;
        serde_json::from_slice(&self.body).map_err(|error| {
            unreachable(&format!("{doing}: GitLab's answer makes no sense: {error}"))
        })
    }

    /// A yes, or the refusal sorted. `doing` is a participle.
    pub(super) fn check(&self, project: &str, doing: &str) -> Result<(), ForgeError> {
        if self.status.is_success() { Ok(()) } else { Err(self.refusal(project, doing)) }
    }

    /// What GitLab said, in one line: a text, a list of them, or lists by field.
    pub(super) fn words(&self) -> String {
        let Ok(RawError { message, error, error_description }) =
            serde_json::from_slice::<RawError>(&self.body)
        else {
            return shown(&String::from_utf8_lossy(&self.body), SHOWN);
        };
        let said: Vec<String> =
            [message, error, error_description].iter().flat_map(|it| sentences(None, it)).collect();
        shown(&said.join("; "), SHOWN)
    }

    /// Tells whether GitLab's words have this in them, in whatever case.
    pub(super) fn says(&self, part: &str) -> bool {
        let said = String::from_utf8_lossy(&self.body).to_ascii_lowercase();
        said.contains(&part.to_ascii_lowercase())
    }

    /// Tells whether the project is elsewhere.
    pub(super) fn is_of_moved(&self) -> bool {
        let is_sent_on = self.status.is_redirection() && self.status != StatusCode::NOT_MODIFIED;
        let is_refused = self.status == StatusCode::METHOD_NOT_ALLOWED;
        is_sent_on || (is_refused && self.says("moved projects"))
    }

    /// Sorts a refusal by what can be done about it.
    pub(super) fn refusal(&self, project: &str, doing: &str) -> ForgeError {
        if let Some(seconds) = self.wait() {
            return ForgeError::RateLimited { seconds };
        }
        let (status, words) = (self.status, self.words());
        if status == StatusCode::UNAUTHORIZED {
            tracing::warn!("GitLab answered 401 when {doing} in {project}: {words}");
            return ForgeError::Unauthorized;
        }
        // What changes something is not even sent on by GitLab, but refused in words.
        if self.is_of_moved() {
            let to = self.text(LOCATION.as_str()).unwrap_or("another path");
            return ForgeError::Refused(format!(
                "{doing}: {project} has moved to {}: set the repository's `url` to its new address",
                shown(to, SHOWN)
            ));
        }
        if status == StatusCode::FORBIDDEN {
            let needed = if self.says("insufficient_scope") {
                "its scope must be `api`"
            } else {
                "its role must be Developer, or Maintainer where the branch asks for that"
            };
            return ForgeError::Refused(format!(
                "{doing}: this token may not do that in {project} ({words}); {needed}"
            ));
        }
        if status == StatusCode::NOT_FOUND {
            return ForgeError::Refused(format!(
                "{doing}: GitLab shows this token no such thing in {project} ({words}); it hides \
                 what it may not see"
            ));
        }
        if status.is_client_error() {
            return ForgeError::Refused(format!("{doing} in {project}: {words}"));
        }
        unreachable(&format!("{doing}: GitLab answered {status}: {words}"))
    }

    /// How long GitLab asks us to wait, if that is what it says.
    pub(super) fn wait(&self) -> Option<u64> {
        if self.status != StatusCode::TOO_MANY_REQUESTS {
            return None;
        }
        let asked = self.text(RETRY_AFTER.as_str()).and_then(|text| text.parse().ok());
        Some(asked.or_else(|| self.until_reset()).unwrap_or(DEFAULT_WAIT).max(1))
    }

    /// The seconds until the limit starts anew, by GitLab's own clock.
    fn until_reset(&self) -> Option<u64> {
        let reset: i64 = self.text("ratelimit-reset")?.parse().ok()?;
        let now = rfc2822::parse(self.text(DATE.as_str())?).ok()?.timestamp().as_second();
        u64::try_from(reset.checked_sub(now)?.checked_add(1)?).ok()
    }

    fn text(&self, header: &str) -> Option<&str> {
        self.headers.get(header)?.to_str().ok()
    }
}

/// GitLab could not be asked, or broke down.
pub(super) fn unreachable(why: &str) -> ForgeError {
    ForgeError::Unreachable(anyhow!("{why}"))
}

/// The sentences of what GitLab says, each with the field that it is about.
fn sentences(field: Option<&str>, said: &Value) -> Vec<String> {
    match said {
        Value::Null => Vec::new(),
        Value::String(text) => {
            // `base` is about the whole.
            let field = field.filter(|name| *name != "base");
            vec![field.map_or_else(|| text.clone(), |name| format!("`{name}` {text}"))]
        }
        Value::Array(several) => several.iter().flat_map(|it| sentences(field, it)).collect(),
        Value::Object(fields) => {
            fields.iter().flat_map(|(name, it)| sentences(Some(name), it)).collect()
        }
        Value::Bool(_) | Value::Number(_) => vec![said.to_string()],
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Answer {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_static(value)));
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    fn sorted(answer: &Answer) -> String {
        match answer.refusal("acme/gitops", "opening a merge request") {
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
    fn a_limit_is_told_by_its_status_alone() {
        let limited = |seconds: u64| format!("the forge asks us to wait {seconds}s");
        assert_eq!(sorted(&answer(429, &[("retry-after", "7")], "Retry later")), limited(7));
        assert_eq!(sorted(&answer(429, &[], "Retry later")), limited(60));
        let reset = [
            ("ratelimit-remaining", "0"),
            ("ratelimit-reset", "1767607230"),
            ("date", "Mon, 05 Jan 2026 10:00:00 GMT"),
        ];
        assert_eq!(sorted(&answer(429, &reset, "{}")), limited(31));
        let past = [reset[0], ("ratelimit-reset", "17"), reset[2]];
        assert_eq!(sorted(&answer(429, &past, "{}")), limited(60));
        let left = answer(403, &reset, r#"{"message": "403 Forbidden"}"#);
        assert!(sorted(&left).contains("may not do that"), "{}", sorted(&left));
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let scope = r#"{"error": "insufficient_scope", "error_description": "The request requires higher privileges than provided by the access token.", "scope": "api"}"#;
        insta::assert_snapshot!(sorted(&answer(403, &[], scope)), @"the forge refuses: opening a merge request: this token may not do that in acme/gitops (insufficient_scope; The request requires higher privileges than provided by the access token.); its scope must be `api`");
        insta::assert_snapshot!(sorted(&answer(403, &[], r#"{"message": "403 Forbidden"}"#)), @"the forge refuses: opening a merge request: this token may not do that in acme/gitops (403 Forbidden); its role must be Developer, or Maintainer where the branch asks for that");
        let invalid =
            r#"{"message": {"base": ["Not like this"], "title": ["is too long", "is odd"]}}"#;
        insta::assert_snapshot!(sorted(&answer(422, &[], invalid)), @"the forge refuses: opening a merge request in acme/gitops: Not like this; `title` is too long; `title` is odd");
        let moved = answer(301, &[("location", "https://gitlab.com/api/v4/projects/7")], "");
        insta::assert_snapshot!(sorted(&moved), @"the forge refuses: opening a merge request: acme/gitops has moved to https://gitlab.com/api/v4/projects/7: set the repository's `url` to its new address");
        let unmoved = r#"{"message": "405 Non GET methods are not allowed for moved projects"}"#;
        insta::assert_snapshot!(sorted(&answer(405, &[], unmoved)), @"the forge refuses: opening a merge request: acme/gitops has moved to another path: set the repository's `url` to its new address");
        insta::assert_snapshot!(sorted(&answer(502, &[], "<html>\nBad gateway")), @"unreachable: opening a merge request: GitLab answered 502 Bad Gateway: <html> Bad gateway");
        insta::assert_snapshot!(sorted(&answer(401, &[], r#"{"error": "invalid_token"}"#)), @"the forge does not know us, or no longer trusts us");
    }
}
