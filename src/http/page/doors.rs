//! Signing in and out.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::flash::Flash;
use super::local_path::LocalPath;
use super::{Refusal, layout, sign_in as templates};
use crate::app::App;
use crate::http::session::{CookieJar, Fields, SignedForm, see, session_cookie};
use crate::messages::page as words;

/// What a link to the sign-in says.
#[derive(Deserialize)]
pub(super) struct Link {
    code: Option<String>,
    next: Option<String>,
}

/// `GET /sign-in`, with `?code=…` from a one-time link. It signs nobody in: see the template.
pub(super) async fn show_sign_in(
    State(app): State<Arc<App>>,
    Query(link): Query<Link>,
    headers: HeaderMap,
) -> Response {
    let next = LocalPath::new(link.next.as_deref().unwrap_or_default());
    let content = match &link.code {
        Some(code) => templates::by_code(code, &next),
        None => templates::by_token(&next),
    };
    let flash = Flash::taken(&headers);
    let mut jar = CookieJar::new(&app);
    if flash.is_some() {
        Flash::forget(&mut jar);
    }
    (jar, layout::page_for_strangers("Sign in", flash.as_ref(), &content)).into_response()
}

/// `POST /sign-in`, with a token or a one-time code.
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Refusal> {
    let next = LocalPath::new(fields.get("next").unwrap_or_default());
    let (session, otherwise) = match (fields.said("code"), fields.said("token")) {
        (Some(code), _) => (app.sign_in_with_code(&code).await?, words::CODE_SPENT),
        (None, Some(token)) => (app.sign_in_with_token(&token).await?, words::NOBODYS_TOKEN),
        (None, None) => (None, words::NOBODYS_TOKEN),
    };
    let Some(session) = session else {
        tracing::warn!("a sign-in was refused");
        let flash = Flash::refused(otherwise);
        let content = templates::by_token(&next);
        let page = layout::page_for_strangers("Sign in", Some(&flash), &content);
        return Ok((StatusCode::FORBIDDEN, page).into_response());
    };
    // A browser has one session: the one before ends here, whoever's it was.
    if let Some(earlier) = session_cookie(&headers) {
        app.sign_out(earlier).await?;
    }
    let mut jar = CookieJar::new(&app);
    jar.open(&session);
    Flash::done(words::SIGNED_IN).keep(&mut jar);
    Ok((jar, see(next.as_str())).into_response())
}

/// `POST /sign-out`
pub(super) async fn sign_out(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    _form: SignedForm,
) -> Result<Response, Refusal> {
    if let Some(cookie) = session_cookie(&headers) {
        app.sign_out(cookie).await?;
    }
    let mut jar = CookieJar::new(&app);
    jar.close();
    Flash::done(words::SIGNED_OUT).keep(&mut jar);
    Ok((jar, see("/sign-in")).into_response())
}
