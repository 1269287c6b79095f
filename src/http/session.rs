//! Who sends a request to the page, and whether they meant to.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};

use super::body::in_time;
use super::page::Refusal;
use super::problem::Problem;
use crate::app::App;
use crate::app::sessions::{Allowed, NewSession, Ownership, SignedIn};
use crate::domain::command::Right;
use crate::messages::page as words;

/// The cookie that carries a session.
const SESSION: &str = "hoist_session";

/// Somebody signed in who may look at what is where.
pub(super) struct Person(pub(super) SignedIn);

impl FromRequestParts<Arc<App>> for Person {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let signed_in = signed_in(parts, app).await?;
        match app.allows(&signed_in.identity, Right::Status, None) {
            Allowed::Yes => Ok(Self(signed_in)),
            Allowed::No => {
                let name = &signed_in.identity.actor.name;
                Err(Problem::forbidden(words::may_not_look(name)).into())
            }
        }
    }
}

async fn signed_in(parts: &Parts, app: &App) -> Result<SignedIn, Refusal> {
    let found = match session_cookie(&parts.headers) {
        Some(cookie) => app.session(cookie).await?,
        None => None,
    };
    found.ok_or_else(|| Refusal::SignInFirst {
        // A form cannot be sent again by a redirect; its page can be opened again.
        next: (parts.method == Method::GET)
            .then(|| parts.uri.path_and_query().map(ToString::to_string))
            .flatten(),
    })
}

/// A form from a page that hoist made for this very session. There is no other way to one.
pub(super) struct SignedForm {
    /// Who sent it.
    pub(super) by: SignedIn,
    /// What it says.
    pub(super) fields: Fields,
}

impl FromRequest<Arc<App>> for SignedForm {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let by = signed_in(&parts, app).await?;
        let fields = Fields::from_request(Request::from_parts(parts, body), app).await?;
        match by.owns_form(fields.get("form_token").unwrap_or_default()) {
            Ownership::Theirs => Ok(Self { by, fields }),
            Ownership::NotTheirs => Err(Problem::forbidden(words::FOREIGN_FORM).into()),
        }
    }
}

/// The fields of a form.
pub(super) struct Fields(BTreeMap<String, String>);

impl FromRequest<Arc<App>> for Fields {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refusal> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let detail = "a form of this page is sent as application/x-www-form-urlencoded";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).into());
        }
        let body = in_time(Bytes::from_request(request, app))
            .await?
            .map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
        Ok(Self(url::form_urlencoded::parse(&body).into_owned().collect()))
    }
}

impl Fields {
    /// A field as it was sent.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A field that says something.
    pub(super) fn said(&self, name: &str) -> Option<String> {
        self.get(name).map(str::trim).filter(|text| !text.is_empty()).map(ToOwned::to_owned)
    }
}

/// The session that a request carries.
pub(super) fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    cookie_of(headers, SESSION)
}

/// A request's cookie of that name. The first one counts, as browsers send the closest first.
pub(super) fn cookie_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs =
        lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value).next()
}

/// The cookies of an answer.
pub(super) struct CookieJar {
    secure: &'static str,
    cookies: Vec<HeaderValue>,
}

impl CookieJar {
    /// An empty one.
    pub(super) fn new(app: &App) -> Self {
        // Over plain HTTP, as on one's own machine, a browser would drop a cookie marked so.
        let secure = if app.policy.public_url.starts_with("https://") { "; Secure" } else { "" };
        Self { secure, cookies: Vec::new() }
    }

    /// Gives the browser a session.
    pub(super) fn open(&mut self, session: &NewSession) {
        self.set(SESSION, session.cookie_value(), session.lasts.as_secs());
    }

    /// Takes the session out of the browser.
    pub(super) fn close(&mut self) {
        self.remove(SESSION);
    }

    /// Sets a cookie that no script can read and no other site's form sends along.
    ///
    /// Lax and not Strict: a link to a promotion, followed from a chat, shall find its reader
    /// signed in.
    pub(super) fn set(&mut self, name: &str, value: &str, seconds: i64) {
        let secure = self.secure;
        let line =
            format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        self.cookies.extend(HeaderValue::from_str(&line));
    }

    /// Removes a cookie.
    pub(super) fn remove(&mut self, name: &str) {
        self.set(name, "", 0);
    }
}

impl IntoResponseParts for CookieJar {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        for cookie in self.cookies {
            parts.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(parts)
    }
}

/// Sends the browser to another page of ours, by GET.
pub(super) fn see(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(location) => (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response(),
        // Every path of ours is escaped; this one was not made here.
        Err(_) => (StatusCode::SEE_OTHER, [(LOCATION, "/")]).into_response(),
    }
}
