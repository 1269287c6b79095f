//! What every door answers when it cannot do as asked: `application/problem+json` (RFC 9457).

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::app::AppError;
use crate::app::ports::{ForgeError, GitError, StoreError};
use crate::app::reconcile::chain;
use crate::app::views::ProblemView;

/// How long a client waits before it asks again, where nothing better is known.
const RETRY_SECONDS: u64 = 10;

/// A refusal or a failure on its way to the client.
///
/// `type` is `about:blank` throughout: the status says what kind of problem it is, `detail` says
/// what happened, why, and what to do, and `field` names what is to be mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    field: Option<String>,
    instance: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem of that status; `detail` says what happened, why, and what to do next.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), field: None, instance: None, headers: Vec::new() }
    }

    /// 400: the request cannot be understood.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 401: nobody has vouched for the request; `challenge` is what `WWW-Authenticate` asks for.
    pub fn unauthorized(challenge: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    /// 403: it is known who asks, and they may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 404: there is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 408: the client did not send what it began. The connection is of no use any more.
    pub fn timed_out(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, detail)
            .with_header(CONNECTION, HeaderValue::from_static("close"))
    }

    /// 503: what is needed cannot be had now; the client shall ask again.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
            .with_header(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS))
    }

    /// 500: a mistake of ours. The client learns that there is one, the log learns which.
    pub fn ours() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "something is wrong inside hoist; nothing was done, and its log says what is wrong",
        )
    }

    /// Names the field of the request that is to be mended.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Names the thing that the problem is about, by its URL.
    #[must_use]
    pub fn with_instance(mut self, url: impl Into<String>) -> Self {
        self.instance = Some(url.into());
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The status it answers with.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What happened, why, and what to do: for a door that answers in another form, as the page.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let view = ProblemView {
            kind: "about:blank".into(),
            title: self.status.canonical_reason().unwrap_or("Problem").into(),
            status: self.status.as_u16(),
            detail: self.detail,
            instance: self.instance,
            field: self.field,
        };
        let mut response = (self.status, Json(view)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.extend(self.headers.into_iter().map(|(name, value)| (Some(name), value)));
        response
    }
}

/// The answer to a path that leads nowhere.
pub(super) async fn not_found(uri: Uri) -> Problem {
    Problem::not_found(format!("there is nothing at {}", uri.path()))
}

/// The answer to a path that is known and a method that is not; axum adds `Allow`.
pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{} does not take {method}; the `Allow` header says what it takes", uri.path()),
    )
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        match error {
            AppError::NotFound { what } => Self::not_found(what),
            AppError::Invalid { field, what } => {
                let problem = Self::malformed(what);
                field.map_or(problem.clone(), |field| problem.with_field(field))
            }
            AppError::NotAllowed(refusal) => Self::forbidden(refusal.to_string()),
            AppError::Refused { what } => Self::new(StatusCode::CONFLICT, what),
            AppError::Git(error) => Self::from(error),
            AppError::Forge(error) => Self::from(error),
            AppError::Store(error) => Self::from(error),
        }
    }
}

impl From<GitError> for Problem {
    fn from(error: GitError) -> Self {
        log(&error);
        match error {
            GitError::Missing(_) => Self::not_found(error.to_string()),
            GitError::Busy { seconds, .. } => {
                Self::unavailable(format!("{error}; nothing was done"))
                    .with_header(RETRY_AFTER, HeaderValue::from(seconds))
            }
            GitError::Unreachable(_)
            | GitError::Unauthorized(_)
            | GitError::Untrusted(_)
            | GitError::NoRepository(_)
            | GitError::Mirror(_) => Self::unavailable(format!(
                "{error}; nothing was done. hoist's log says more; ask again later"
            )),
        }
    }
}

impl From<ForgeError> for Problem {
    fn from(error: ForgeError) -> Self {
        log(&error);
        match error {
            ForgeError::NotFound(_) => Self::not_found(error.to_string()),
            ForgeError::Stale => {
                Self::new(StatusCode::CONFLICT, format!("{error}; look at it again"))
            }
            ForgeError::Refused(_) => Self::new(StatusCode::CONFLICT, error.to_string()),
            ForgeError::RateLimited { seconds } | ForgeError::Paced { seconds } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
                    .with_header(RETRY_AFTER, HeaderValue::from(seconds))
            }
            ForgeError::Unauthorized | ForgeError::Unreachable(_) => {
                Self::unavailable(format!("{error}; hoist's log says more; ask again later"))
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        log(&error);
        match error {
            StoreError::NotFound(_) => Self::not_found(error.to_string()),
            StoreError::FenceLost(_) | StoreError::Step { .. } | StoreError::Taken { .. } => {
                Self::new(StatusCode::CONFLICT, format!("{error}; nothing was recorded"))
            }
            StoreError::Unavailable(_) => {
                Self::unavailable(format!("{error}; nothing was recorded; ask again later"))
            }
            StoreError::Inconsistent { .. } => Self::ours(),
        }
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

/// Logs a failure with its whole chain: the answer carries only the sentence at its top.
fn log(error: &(dyn std::error::Error + 'static)) {
    tracing::warn!("a request failed: {}", chain(error));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_problem_is_what_rfc_9457_says() {
        let problem = Problem::malformed("a digest starts with `sha256:`").with_field("digest");
        let response = problem.into_response();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        insta::assert_snapshot!(
            String::from_utf8_lossy(&body),
            @r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"a digest starts with `sha256:`","field":"digest"}"#
        );
    }

    #[test]
    fn a_failing_store_is_asked_again_later() {
        let error = StoreError::Unavailable(anyhow::anyhow!("disk full at /secret/path"));
        let problem = Problem::from(AppError::from(error));
        assert_eq!(problem.status(), StatusCode::SERVICE_UNAVAILABLE);
        insta::assert_snapshot!(
            problem.detail(),
            @"the store could not be reached; nothing was recorded; ask again later"
        );
    }
}
