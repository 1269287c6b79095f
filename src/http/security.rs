//! What every answer tells browsers to forbid, and which requests a browser should not have sent.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::page::Refusal;
use super::problem::Problem;
use crate::app::App;
use crate::messages::page as words;

/// Nothing but our own style sheet and pictures that stand in the page itself. No script, ever.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; \
                           form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// An answer for machines shows nothing, whoever opens it.
const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Refuses what another site made a browser send, and forbids everything a page does not need.
pub(super) async fn guard_page(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let response = if request.method().is_safe()
        || sender(request.headers(), &app.policy.public_url) == Sender::Ours
    {
        next.run(request).await
    } else {
        Refusal::from(Problem::forbidden(words::FOREIGN_SITE)).into_response()
    };
    forbid_page(response)
}

/// Forbids everything that a page does not need.
pub(super) fn forbid_page(response: Response) -> Response {
    forbid(response, PAGE_POLICY)
}

/// Forbids everything for answers to machines.
pub(super) async fn guard_api(request: Request, next: Next) -> Response {
    forbid(next.run(request).await, API_POLICY)
}

fn forbid(mut response: Response, policy: &'static str) -> Response {
    let headers = response.headers_mut();
    let lines: [(HeaderName, &'static str); 6] = [
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: browsers would then send our own forms with `Origin: null`.
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in lines {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Which site made the browser send a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sender {
    /// A page of ours.
    Ours,
    /// Another site's, or nobody says.
    Foreign,
}

/// Tells who made the browser send a request, by what browsers say and no script can change.
///
/// It stands beside the form token: it also covers signing in, where there is no session yet that
/// a token could belong to, and another site might sign somebody in as somebody else.
fn sender(headers: &HeaderMap, public_url: &str) -> Sender {
    let text = |name: HeaderName| headers.get(name).and_then(|it| it.to_str().ok());
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        // `none` is a person's own doing, which no site can bring about.
        let ours = ["same-origin", "none"].contains(&site);
        return if ours { Sender::Ours } else { Sender::Foreign };
    }
    // Browsers say `Sec-Fetch-Site` only over HTTPS and to one's own machine, `Origin` always.
    let Some(origin) = text(ORIGIN) else { return Sender::Foreign };
    let authority =
        origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")).unwrap_or("");
    let is_host = text(HOST).is_some_and(|host| host.eq_ignore_ascii_case(authority));
    let public = url::Url::parse(public_url).map(|url| url.origin().ascii_serialization());
    let is_public = public.is_ok_and(|public| public == origin);
    if !authority.is_empty() && (is_host || is_public) { Sender::Ours } else { Sender::Foreign }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[(&'static str, &'static str)]) -> Sender {
        let headers = lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        sender(&headers.collect(), "https://hoist.example.com")
    }

    #[test]
    fn only_our_own_pages_may_send_forms() {
        assert_eq!(check(&[("sec-fetch-site", "same-origin")]), Sender::Ours);
        assert_eq!(check(&[("origin", "https://hoist.example.com")]), Sender::Ours);
        assert_eq!(
            check(&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")]),
            Sender::Ours
        );
        for foreign in [
            &[][..],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("origin", "https://hoist.example.com")],
            &[("origin", "null")],
            &[("origin", "null"), ("host", "null")],
            &[("origin", "https://evil.example"), ("host", "127.0.0.1:8080")],
            &[("origin", "https://hoist.example.com.evil.example")],
            &[("origin", "http://hoist.example.com")],
        ] {
            assert_eq!(check(foreign), Sender::Foreign, "{foreign:?}");
        }
    }
}
