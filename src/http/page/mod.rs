//! The page: what people see and press, made on the server and without a script.

mod layout;

mod overview;

mod freezes;

mod promotion;

mod conversation;

mod application;

mod why;

mod sign_in;

mod doors;

mod desk;

mod flash;

mod local_path;

mod parts;

mod markdown;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use maud::Markup;

use self::flash::Flash;
use self::parts::Viewer;
use super::problem::Problem;
use super::security::guard_page;
use super::session::{CookieJar, Person, see};
use crate::app::sessions::SignedIn;
use crate::app::{App, AppError};

/// A form is small; a comment in it may be long.
const LARGEST_FORM: usize = 64 * 1024;

/// The routes of the page.
pub(super) fn page(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(show_overview))
        .route("/applications/{application}", get(show_application))
        .route("/applications/{application}/promote", post(desk::promote))
        .route("/applications/{application}/roll-back", post(desk::roll_back))
        .route("/applications/{application}/hold", post(desk::hold))
        .route("/applications/{application}/resume", post(desk::resume))
        .route("/applications/{application}/skip", post(desk::skip))
        .route("/applications/{application}/why/{environment}", get(show_why))
        .route("/freezes", post(desk::freeze))
        .route("/freezes/thaw", post(desk::thaw))
        .route("/promotions/{promotion}", get(show_promotion))
        .route("/promotions/{promotion}/proposal", post(desk::review))
        .route("/repositories/{repository}/proposals/{number}", get(find_promotion))
        .route("/sign-in", get(doors::show_sign_in).post(doors::sign_in))
        .route("/sign-out", post(doors::sign_out))
        .route("/assets/hoist.css", get(show_style))
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(from_fn_with_state(Arc::clone(&app), guard_page))
        .with_state(app)
}

/// `GET /`
async fn show_overview(
    State(app): State<Arc<App>>,
    Person(person): Person,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let status = app.status().await?;
    let content = overview::overview(&status, &viewer(&app, &person));
    Ok(show(&app, &person, &headers, ("Applications", &content)))
}

/// `GET /applications/{application}`
async fn show_application(
    State(app): State<Arc<App>>,
    Person(person): Person,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let view = app.application(&name).await?;
    let history = app.history(&name, None).await?;
    let content = application::application(&view, &history, &viewer(&app, &person));
    Ok(show(&app, &person, &headers, (view.application.as_str(), &content)))
}

/// `GET /applications/{application}/why/{environment}`
async fn show_why(
    State(app): State<Arc<App>>,
    Person(person): Person,
    Path((application, environment)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let view = app.why(&application, &environment).await?;
    let content = why::why(&view, &viewer(&app, &person));
    let title = format!("Why {} in {}?", view.application, view.environment);
    Ok(show(&app, &person, &headers, (&title, &content)))
}

/// `GET /promotions/{promotion}`
async fn show_promotion(
    State(app): State<Arc<App>>,
    Person(person): Person,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let view = app.promotion(&id).await?;
    let content = promotion::promotion(&view, &viewer(&app, &person), "");
    let title = format!("{} {} in {}", view.application, view.version, view.environment);
    Ok(show(&app, &person, &headers, (&title, &content)))
}

/// `GET /repositories/{repository}/proposals/{number}`: where a builtin proposal is looked at.
async fn find_promotion(
    State(app): State<Arc<App>>,
    _person: Person,
    Path((repository, number)): Path<(String, u64)>,
) -> Result<Response, Refusal> {
    let id = app.promotion_of_proposal(&repository, number).await?;
    Ok(see(&format!("/promotions/{id}")))
}

/// `GET /assets/hoist.css`
async fn show_style() -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        // Its address changes with its content.
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, layout::STYLE)
}

/// Whoever looks, as the templates see them.
fn viewer<'a>(app: &'a App, person: &'a SignedIn) -> Viewer<'a> {
    Viewer { person, roles: &app.policy.roles, mode: app.mode, now: app.clock.now() }
}

/// Answers with a page, and with what the last request came to, once.
fn show(
    app: &App,
    person: &SignedIn,
    headers: &HeaderMap,
    (title, content): (&str, &Markup),
) -> Response {
    let flash = Flash::taken(headers);
    let mut jar = CookieJar::new(app);
    if flash.is_some() {
        Flash::forget(&mut jar);
    }
    (jar, layout::page(title, &viewer(app, person), flash.as_ref(), content)).into_response()
}

/// Why there is no page to show.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Somebody has to sign in first.
    SignInFirst {
        /// Where they wanted to go.
        next: Option<String>,
    },
    /// It went wrong, or they may not.
    Problem(Problem),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        Self::Problem(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::SignInFirst { next: None } => see("/sign-in"),
            Self::SignInFirst { next: Some(next) } => {
                let query: String = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("next", &next)
                    .finish();
                see(&format!("/sign-in?{query}"))
            }
            Self::Problem(problem) => refuse(&problem),
        }
    }
}

fn refuse(problem: &Problem) -> Response {
    let status = problem.status();
    let title = match status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::SERVICE_UNAVAILABLE => "Not available now",
        _ => "Not done",
    };
    let content = sign_in::problem(title, problem.detail());
    (status, layout::page_for_strangers(title, None, &content)).into_response()
}
