//! A GitLab that keeps state, on a free loopback port, under a path as some are served: a project
//! of real Git, merge requests, approvals, statuses and notes, its tokens, its limits and its
//! failures.
//!
//! What it is asked is what the crate `gitlab` makes of GitLab's documentation; what it answers is
//! what that documentation shows.

mod approvals;
mod events;
mod groups;
mod landing;
mod merges;
mod notes;
mod statuses;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, IF_NONE_MATCH};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use url::Url;

pub use super::hosted::Harm;
use super::hosted::repository::Repository;
use super::hosted::{self, Asked, Bearing, Fault, backend, decode, send, tell_limit};
use events::Seen;
use merges::Lab;
pub use merges::{Mergeability, Method as MergeMethod, Rules, Server};

/// The path that it is served under, and its project's.
const ROOT: &str = "/git";
pub const PROJECT: &str = "acme/infra/gitops";

/// The token that it knows, and whose it is: a project's.
pub const TOKEN: &str = "glpat-the-one-it-knows";
pub const BOT: &str = "project_7_bot_5e1f";

/// An answer: its status and its body.
type Told = (u16, Value);

pub struct GitLab {
    port: u16,
    state: Shared,
    server: JoinHandle<()>,
}

type Shared = Arc<Mutex<Inside>>;

struct Inside {
    lab: Lab,
    token: Token,
    faults: Vec<Fault>,
    bearing: Bearing,
    calls: Vec<Asked>,
    /// How much of its limit is used up.
    spent: u64,
    /// What its webhooks have told of.
    seen: Seen,
}

/// What has become of the token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Good,
    Expired,
    /// Its scope is to read only.
    ReadsOnly,
    /// Its role is that of a reporter, who may push nowhere.
    Reports,
}

impl Drop for GitLab {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl GitLab {
    /// A GitLab that has the bare repository as `acme/infra/gitops`.
    pub async fn start(bare: &Path) -> Self {
        let state = Arc::new(Mutex::new(Inside {
            lab: Lab::new(Repository::new(bare)),
            token: Token::Good,
            faults: Vec::new(),
            bearing: Bearing::default(),
            calls: Vec::new(),
            spent: 0,
            seen: Seen::default(),
        }));
        let router = Router::new().fallback(serve).with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, state, server }
    }

    /// The address of its API.
    pub fn api(&self) -> Url {
        format!("http://127.0.0.1:{}{ROOT}/api/v4", self.port).parse().unwrap()
    }

    /// The address of the project's Git.
    pub fn git(&self) -> Url {
        format!("http://127.0.0.1:{}{ROOT}/{PROJECT}.git", self.port).parse().unwrap()
    }

    /// A person merges, past whatever may block.
    pub fn merge_by(&self, user: &str, number: u64) {
        let told = self.inside().lab.land(user, number, &BTreeMap::new());
        assert_eq!(told.0, 200, "{}", told.1);
    }

    /// A person closes a merge request.
    pub fn close(&self, number: u64) {
        self.inside().lab.close(number);
    }

    /// The rules of the project.
    pub fn rule(&self, rules: Rules) {
        self.inside().lab.rules = rules;
    }

    /// Whether it has worked out by now what can be merged.
    pub fn work_out(&self, mergeability: Mergeability) {
        self.inside().lab.mergeability = mergeability;
    }

    /// Somebody renames the project; what reads is sent on, what changes something is not.
    pub fn rename_project(&self, to: &str) {
        self.inside().lab.renamed = Some(to.to_owned());
    }

    /// The token ends before anybody made a new one.
    pub fn expire_token(&self) {
        self.inside().token = Token::Expired;
    }

    /// Somebody renews it.
    pub fn renew_token(&self) {
        self.inside().token = Token::Good;
    }

    /// Somebody makes the token anew, with a scope to read and no other.
    pub fn let_token_only_read(&self) {
        self.inside().token = Token::ReadsOnly;
    }

    /// Somebody gives the token the role of a reporter.
    pub fn let_token_report(&self) {
        self.inside().token = Token::Reports;
    }

    /// It bears so many more writes that people are told of, and asks then to be left alone.
    pub fn bear(&self, most: usize) {
        self.inside().bearing.bear(most);
    }

    /// How often it was asked for more than it bears.
    pub fn refused(&self) -> usize {
        self.inside().bearing.refused
    }

    /// Lets the next `times` calls go wrong whose method is this and whose path ends so.
    pub fn break_next(&self, which: (&'static str, &str), times: usize, harm: Harm) {
        self.inside().faults.push(Fault::new(which, times, harm));
    }

    /// The labels on a merge request, and those who are to review it.
    pub fn dress_of(&self, number: u64) -> (Vec<String>, Vec<String>) {
        self.inside().lab.dress_of(number)
    }

    /// Whose a merge request is to see to.
    pub fn assignees_of(&self, number: u64) -> Vec<String> {
        self.inside().lab.merges[&number].assignees.clone()
    }

    /// The title and the description of a merge request.
    pub fn text_of(&self, number: u64) -> (String, String) {
        self.inside().lab.text_of(number)
    }

    /// A person makes a draft of a merge request.
    pub fn make_draft(&self, number: u64) {
        self.inside().lab.make_draft(number);
    }

    /// How many merge requests there are.
    pub fn count(&self) -> usize {
        self.inside().lab.merges.len()
    }

    /// The quick actions that were obeyed.
    pub fn obeyed(&self) -> Vec<String> {
        self.inside().lab.obeyed.clone()
    }

    /// What was asked since the last time this was asked.
    pub fn take_calls(&self) -> Vec<Asked> {
        std::mem::take(&mut self.inside().calls)
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

async fn serve(
    State(state): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or("");
    let git = format!("{ROOT}/{PROJECT}.git/");
    if let Some(rest) = uri.path().strip_prefix(&git) {
        let (token, bare) = {
            let inside = state.lock().unwrap();
            (inside.token, inside.lab.repository.path().to_owned())
        };
        let pushing = uri.path().ends_with("/git-receive-pack")
            || uri.query().is_some_and(|it| it.contains("git-receive-pack"));
        if pushing && matches!(token, Token::ReadsOnly | Token::Reports) {
            let words = "You are not allowed to push code to this project.";
            let plain = [("content-type", "text/plain; charset=UTF-8")];
            return (StatusCode::FORBIDDEN, plain, words).into_response();
        }
        let known = token != Token::Expired && pushes(header(AUTHORIZATION.as_str()));
        return backend::serve(known, &bare, (&method, rest, &uri), (&headers, body)).await;
    }
    let Some(path) = uri.path().strip_prefix(&format!("{ROOT}/api/v4")) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let known = headers.get(IF_NONE_MATCH).and_then(|it| it.to_str().ok());
    let (response, harm) = {
        let mut inside = state.lock().unwrap();
        let (status, told, broken) = inside.answer(
            header("private-token"),
            (method.as_str(), path),
            &fields(uri.query().unwrap_or_default().as_bytes()),
            &fields(&body),
        );
        inside.calls.push(Asked { what: format!("{method} {path}"), status });
        let last = inside.calls.last_mut().unwrap();
        let mut response = send(last, told, (known, broken.clone()));
        // What was renamed is sent on to by its number.
        if status == 301 {
            let rest = path.splitn(4, '/').nth(3).map(|it| format!("/{it}")).unwrap_or_default();
            let query = uri.query().map(|it| format!("?{it}")).unwrap_or_default();
            let to = format!("http://{}{ROOT}/api/v4/projects/7{rest}{query}", header("host"));
            response.headers_mut().insert("location", to.parse().unwrap());
        }
        inside.spent += 1;
        tell_limit(&mut response, "ratelimit", inside.spent);
        (response, broken)
    };
    hosted::give(response, harm.as_ref()).await
}

/// What a form or a query says; what is said several times stands behind each other.
pub type Fields = BTreeMap<String, Vec<String>>;

fn fields(text: &[u8]) -> Fields {
    let mut fields = Fields::new();
    for (key, value) in url::form_urlencoded::parse(text).into_owned() {
        fields.entry(key).or_default().push(value);
    }
    fields
}

/// One field's text.
pub fn field<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.get(name)?.first().map(String::as_str)
}

fn pushes(authorization: &str) -> bool {
    let pair = authorization.strip_prefix("Basic ").unwrap_or_default();
    STANDARD.decode(pair).unwrap_or_default() == format!("oauth2:{TOKEN}").as_bytes()
}

impl Inside {
    fn answer(
        &mut self,
        token: &str,
        (method, path): (&str, &str),
        query: &Fields,
        body: &Fields,
    ) -> (u16, Value, Option<Harm>) {
        let harm = self.bearing.refusal((method, path), 429);
        let harm = harm.or_else(|| hosted::harm(&mut self.faults, (method, path)));
        if let Some(Harm::Instead(status, _, body)) = &harm {
            return (*status, body.clone(), harm.clone());
        }
        self.lab.act_by_itself();
        let (status, told) = match self.refusal(token, method) {
            Some(refusal) => refusal,
            None => {
                let decoded: Vec<String> =
                    path.trim_start_matches('/').split('/').map(decode).collect();
                let mut segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
                // By its number it is found whatever it is called.
                let is_numbered = segments.get(1) == Some(&"7");
                if is_numbered {
                    segments[1] = PROJECT;
                }
                self.lab.answer((method, &segments), (query, body), is_numbered)
            }
        };
        match harm {
            Some(Harm::Done(status)) => (status, json!({"message": "Bad Gateway"}), None),
            harm => (status, told, harm),
        }
    }

    fn refusal(&self, token: &str, method: &str) -> Option<Told> {
        if token != TOKEN {
            return Some((401, json!({"message": "401 Unauthorized"})));
        }
        match self.token {
            Token::Expired => {
                let words =
                    "Token is expired. You can either do re-authorization or token refresh.";
                Some((401, json!({"error": "invalid_token", "error_description": words})))
            }
            Token::ReadsOnly if method != "GET" => {
                let words = "The request requires higher privileges than provided by the access \
                             token.";
                let told = json!({
                    "error": "insufficient_scope", "error_description": words, "scope": "api",
                });
                Some((403, told))
            }
            Token::Reports if method != "GET" => Some((403, json!({"message": "403 Forbidden"}))),
            Token::Good | Token::ReadsOnly | Token::Reports => None,
        }
    }
}
