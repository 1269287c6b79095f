//! A GitHub that keeps state, on a free loopback port: repositories of real Git, pull requests,
//! reviews, statuses and comments, its credentials, its limits and its failures.
//!
//! Every request and every answer is held against GitHub's own description of its API; what does
//! not fit fails the test when the GitHub is dropped.

mod checks;
mod contract;
mod credentials;
mod events;
mod graphql;
mod landing;
mod objects;
mod pulls;
mod rights;
mod teams;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, IF_NONE_MATCH};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use url::Url;

pub use super::hosted::Asked;
pub use super::hosted::Harm;
use super::hosted::repository::Repository;
use super::hosted::{self, Bearing, Fault, backend, decode, send, tell_limit};
use contract::Operation;
use credentials::{Credentials, Who};
pub use credentials::{Installed, Key, TOKEN};
use events::Seen;
pub use objects::Signing;
use pulls::Hub;
pub use pulls::{Mergeability, NAME, OWNER, Protection, Rules};
use rights::Rights;

/// The path under which an Enterprise server has its API, and its other one.
const PREFIX: &str = "/api/v3";
const GRAPHQL: &str = "/api/graphql";

pub struct GitHub {
    port: u16,
    state: Shared,
    server: JoinHandle<()>,
}

type Shared = Arc<Mutex<Inside>>;

struct Inside {
    hub: Hub,
    credentials: Credentials,
    faults: Vec<Fault>,
    bearing: Bearing,
    /// Whose branch somebody pushes to at which call.
    meanwhile: Option<((&'static str, &'static str), String)>,
    calls: Vec<Asked>,
    /// How much of its limit is used up.
    spent: u64,
    /// What the repository is called now.
    renamed: Option<String>,
    /// What its webhooks have told of.
    seen: Seen,
    violations: Vec<String>,
}

impl Drop for GitHub {
    fn drop(&mut self) {
        self.server.abort();
        if !std::thread::panicking() {
            let violations = &self.inside().violations;
            assert!(violations.is_empty(), "not as GitHub describes it: {violations:#?}");
        }
    }
}

impl GitHub {
    /// A GitHub that has the bare repository as `acme/gitops`.
    pub async fn start(bare: &Path) -> Self {
        let state = Arc::new(Mutex::new(Inside {
            hub: Hub::new(Repository::new(bare)),
            credentials: Credentials::default(),
            faults: Vec::new(),
            bearing: Bearing::default(),
            meanwhile: None,
            calls: Vec::new(),
            spent: 0,
            renamed: None,
            seen: Seen::default(),
            violations: Vec::new(),
        }));
        let router = Router::new().fallback(serve).with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, state, server }
    }

    /// The address of its API.
    pub fn api(&self) -> Url {
        format!("http://127.0.0.1:{}{PREFIX}", self.port).parse().unwrap()
    }

    /// The address of the repository's Git.
    pub fn git(&self) -> Url {
        format!("http://127.0.0.1:{}/{OWNER}/{NAME}.git", self.port).parse().unwrap()
    }

    /// A person reviews a pull request's head as it is: `APPROVED`, `CHANGES_REQUESTED`, ….
    pub fn review(&self, number: u64, by: &str, state: &str) {
        self.inside().hub.review(number, by, state, "COLLABORATOR");
    }

    /// Somebody who has no rights here reviews.
    pub fn review_from_outside(&self, number: u64, by: &str, state: &str) {
        self.inside().hub.review(number, by, state, "NONE");
    }

    /// A person merges, past whatever may block.
    pub fn merge_by(&self, login: &str, number: u64) {
        let told = self.inside().hub.merge(login, number, &json!({}));
        assert_eq!(told.0, 200, "{}", told.1);
    }

    /// A person closes a pull request.
    pub fn close(&self, number: u64) {
        self.inside().hub.pulls.get_mut(&number).unwrap().close();
    }

    /// A person dismisses all reviews.
    pub fn dismiss_reviews(&self, number: u64) {
        let mut inside = self.inside();
        for review in &mut inside.hub.pulls.get_mut(&number).unwrap().reviews {
            review["state"] = "DISMISSED".into();
        }
    }

    /// A person comments.
    pub fn remark(&self, number: u64, by: &str, body: &str) {
        self.inside().hub.remark(number, by, body);
    }

    /// A person comments; the event in which GitHub tells of it.
    pub fn say(&self, number: u64, by: &str, body: &str) -> Value {
        let comment = self.inside().hub.remark(number, by, body);
        json!({
            "action": "created",
            "repository": {"full_name": format!("{OWNER}/{NAME}")},
            "issue": {"number": number, "pull_request": {"url": format!("{}pulls/{number}", self.api())}},
            "comment": comment,
        })
    }

    /// Who reacted to a comment, and how.
    pub fn reactions(&self, comment: &Value) -> Vec<String> {
        let inside = self.inside();
        let given = inside.hub.reactions.iter().filter(|(id, _, _)| comment["id"] == *id);
        given.map(|(_, by, content)| format!("{by}: {content}")).collect()
    }

    /// What is written on a pull request, as GitHub keeps it.
    pub fn comments_on(&self, number: u64) -> Vec<String> {
        let inside = self.inside();
        let comments = &inside.hub.pulls[&number].comments;
        comments.iter().map(|it| it["body"].as_str().unwrap().to_owned()).collect()
    }

    /// The protection of the branch.
    pub fn protect(&self, rules: Rules) {
        self.inside().hub.rules = rules;
    }

    /// Whether it has worked out by now what can be merged.
    pub fn work_out(&self, mergeability: Mergeability) {
        self.inside().hub.mergeability = mergeability;
    }

    /// Lets the next `times` calls go wrong whose method is this and whose path ends so.
    pub fn break_next(&self, (method, end): (&'static str, &str), times: usize, harm: Harm) {
        self.inside().faults.push(Fault::new((method, end), times, harm));
    }

    /// The same, after so many such calls that go well.
    pub fn break_next_but(
        &self,
        calls: usize,
        (method, end): (&'static str, &str),
        times: usize,
        harm: Harm,
    ) {
        self.inside().faults.push(Fault::new((method, end), times, harm).after(calls));
    }

    /// It bears so many more writes that people are told of, and asks then to be left alone.
    pub fn bear(&self, most: usize) {
        self.inside().bearing.bear(most);
    }

    /// How often it was asked for more than it bears.
    pub fn refused(&self) -> usize {
        self.inside().bearing.refused
    }

    /// Somebody pushes to a branch while GitHub is at the next call of that kind.
    pub fn push_during(&self, call: (&'static str, &'static str), branch: &str) {
        self.inside().meanwhile = Some((call, branch.to_owned()));
    }

    /// The title and the body of a pull request.
    pub fn text_of(&self, number: u64) -> (String, String) {
        let inside = self.inside();
        let pull = &inside.hub.pulls[&number];
        (pull.title.clone(), pull.body.clone())
    }

    /// Lets the next `times` things that are done in GraphQL be done, and their answers go wrong.
    pub fn answer_late(&self, times: usize, harm: Harm) {
        self.break_next(("MUTATION", "/graphql"), times, harm);
    }

    /// The labels on a pull request, and those who are asked to review it.
    pub fn dress_of(&self, number: u64) -> (Vec<String>, Vec<String>) {
        let inside = self.inside();
        let pull = &inside.hub.pulls[&number];
        (pull.labels.clone(), pull.asked.clone())
    }

    /// The teams that are asked to review a pull request, and whose it is to see to.
    pub fn teams_and_assignees_of(&self, number: u64) -> (Vec<String>, Vec<String>) {
        let inside = self.inside();
        let pull = &inside.hub.pulls[&number];
        (pull.teams.clone(), pull.assignees.clone())
    }

    /// How many pull requests there are.
    pub fn count(&self) -> usize {
        self.inside().hub.pulls.len()
    }

    /// How many statuses were ever written.
    pub fn statuses_written(&self) -> usize {
        self.inside().hub.statuses.len()
    }

    /// What was asked since the last time this was asked.
    pub fn take_calls(&self) -> Vec<Asked> {
        std::mem::take(&mut self.inside().calls)
    }

    /// Lets an App in, whose key this is, and nobody by a plain token any more.
    pub fn install_app(&self, app_id: u64, key: &Key) {
        self.inside().credentials.install(app_id, key);
    }

    /// Ends all tokens that were given to installations, before their time.
    pub fn revoke_tokens(&self) {
        self.inside().credentials.revoke();
    }

    /// Somebody renames the repository: GitHub sends on to it by its number, and Git by its name.
    pub fn rename(&self, name: &str) {
        let mut inside = self.inside();
        inside.renamed = Some(format!("{OWNER}/{name}"));
        inside.credentials.rename(name);
    }

    /// Somebody gives the repository to another owner, who has installed the App or has not: tokens
    /// of its installation at the owner before do not see it any more.
    pub fn give_to(&self, owner: &str, installed: Installed) {
        let mut inside = self.inside();
        inside.renamed = Some(format!("{owner}/{NAME}"));
        inside.credentials.move_to(installed);
    }

    /// How long the tokens are good that are given from now on.
    pub fn let_tokens_last(&self, seconds: i64) {
        self.inside().credentials.let_tokens_last(seconds);
    }

    /// Leaves hoist these rights and no more, as `contents=write`; a right to write is one to read.
    pub fn leave_only(&self, rights: &[&'static str]) {
        let rights = Rights::only(rights);
        let mut inside = self.inside();
        inside.hub.hides_runs = !rights.hold("checks=read");
        inside.credentials.rights = rights;
    }

    /// How many tokens were given to installations.
    pub fn tokens_given(&self) -> usize {
        self.inside().credentials.given()
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
    let authorization = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok()).unwrap_or("");
    let renamed = state.lock().unwrap().renamed.clone();
    let host = headers.get("host").and_then(|it| it.to_str().ok()).unwrap_or_default();
    // Who does not see it is not shown either where it has gone.
    if !state.lock().unwrap().credentials.sees(authorization) {
        return (StatusCode::NOT_FOUND, r#"{"message": "Not Found"}"#).into_response();
    }
    let path = match renamed.as_deref().map(|name| now_at((host, name), &method, &uri)) {
        Some(Err(moved)) => return *moved,
        Some(Ok(path)) => path,
        None => uri.path().to_owned(),
    };
    let git = format!("/{OWNER}/{NAME}.git/");
    if let Some(rest) = path.strip_prefix(&git) {
        let (known, bare) = {
            let inside = state.lock().unwrap();
            if !inside.credentials.may_in_git(rest, uri.query()) {
                return (StatusCode::FORBIDDEN, "Write access not granted.").into_response();
            }
            let known = inside.credentials.knows_in_git(authorization);
            (known, inside.hub.repository.path().to_owned())
        };
        return backend::serve(known, &bare, (&method, rest, &uri), (&headers, body)).await;
    }
    let path = match path.strip_prefix(PREFIX) {
        Some(path) => path,
        None if path == GRAPHQL => "/graphql",
        None => return StatusCode::NOT_FOUND.into_response(),
    };
    let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let request = Request {
        method: method.as_str(),
        path,
        query: query.into_owned().collect(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let known = headers.get(IF_NONE_MATCH).and_then(|it| it.to_str().ok());
    let (response, harm) = {
        let mut inside = state.lock().unwrap();
        let (status, mut told, broken) = inside.answer(authorization, &request);
        if let (Some(name), Some(full_name)) = (&renamed, told.get_mut("full_name")) {
            *full_name = json!(name);
        }
        // A question in GraphQL is no write although it is posted.
        let is_question =
            request.body["query"].as_str().is_some_and(|it| it.trim().starts_with("query"));
        let method = if is_question { "QUERY" } else { method.as_str() };
        inside.calls.push(Asked { what: format!("{method} {path}"), status });
        let last = inside.calls.last_mut().unwrap();
        let mut response = send(last, told, (known, broken.clone()));
        // What is as it was costs nothing, and the other API has a limit of its own.
        if last.status != 304 && path != "/graphql" {
            inside.spent += 1;
        }
        tell_limit(&mut response, "x-ratelimit", inside.spent);
        (response, broken)
    };
    hosted::give(response, harm.as_ref()).await
}

/// What a path of a renamed repository means; or where it is now, if it is asked by its old name.
fn now_at((host, name): (&str, &str), method: &Method, uri: &Uri) -> Result<String, Box<Response>> {
    let (path, query) = (uri.path(), uri.query().unwrap_or_default());
    let moved = |status: StatusCode, to: String| {
        let to = format!("http://{host}{to}");
        let body = r#"{"message": "Moved Permanently"}"#;
        Err(Box::new((status, [("location", to)], body).into_response()))
    };
    if let Some(rest) = path.strip_prefix(&format!("/{OWNER}/{NAME}.git/")) {
        return moved(StatusCode::MOVED_PERMANENTLY, format!("/{name}.git/{rest}?{query}"));
    }
    if let Some(rest) = path.strip_prefix(&format!("{PREFIX}/repositories/7")) {
        return Ok(format!("{PREFIX}/repos/{OWNER}/{NAME}{rest}"));
    }
    if let Some(rest) = path.strip_prefix(&format!("{PREFIX}/repos/{OWNER}/{NAME}")) {
        let to = format!("{PREFIX}/repositories/7{rest}?{query}");
        let reads = *method == Method::GET;
        let how =
            if reads { StatusCode::MOVED_PERMANENTLY } else { StatusCode::TEMPORARY_REDIRECT };
        return moved(how, to);
    }
    let path = path.replacen(&format!("/{name}"), &format!("/{OWNER}/{NAME}"), 1);
    Ok(path)
}

struct Request<'a> {
    method: &'a str,
    path: &'a str,
    query: Vec<(String, String)>,
    body: Value,
}

impl Inside {
    fn answer(&mut self, authorization: &str, request: &Request<'_>) -> (u16, Value, Option<Harm>) {
        let is_mutation =
            request.body["query"].as_str().is_some_and(|it| it.trim().starts_with("mutation"));
        let method = if is_mutation { "MUTATION" } else { request.method };
        let call = (request.method, request.path);
        if let Some(((verb, end), branch)) =
            self.meanwhile.take_if(|((verb, end), _)| *verb == call.0 && call.1.ends_with(*end))
        {
            let tip = self.hub.repository.tip(&branch).unwrap();
            let tree = format!("{tip}^{{tree}}");
            self.hub.repository.land(&branch, &tree, &[&tip], &format!("during {verb} {end}"));
        }
        let harm = self.bearing.refusal(call, 403);
        let harm = harm.or_else(|| hosted::harm(&mut self.faults, (method, request.path)));
        if let Some(Harm::Instead(status, _, body)) = &harm {
            return (*status, body.clone(), harm.clone());
        }
        if request.path == "/graphql" {
            return self.answer_in_graphql(authorization, &request.body, harm);
        }
        let Some(operation) = Operation::find(request.method, request.path) else {
            let call = format!("{} {}", request.method, request.path);
            self.violations.push(format!("GitHub has no {call}"));
            return (404, json!({"message": "Not Found"}), None);
        };
        let problems = operation.problems_of_request(&request.query, &request.body);
        self.violations.extend(problems);
        let asks = (request.path, &request.body);
        let (status, known) = match self.credentials.who(authorization, asks) {
            Who::Nobody => (401, json!({"message": "Bad credentials"})),
            Who::Told(told) => told,
            Who::Known(login) => {
                let decoded: Vec<String> =
                    request.path.trim_start_matches('/').split('/').map(decode).collect();
                let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
                let query: BTreeMap<String, String> = request.query.iter().cloned().collect();
                if let Some(needed) = self.credentials.lacks((request.method, &segments)) {
                    let words = json!({"message": "Resource not accessible by integration"});
                    let headers = vec![("x-accepted-github-permissions", needed.to_owned())];
                    return (403, words.clone(), Some(Harm::Instead(403, headers, words)));
                }
                self.hub.answer(&login, (request.method, &segments), (&query, &request.body))
            }
        };
        self.hub.act_by_itself();
        let told = if status < 300 { operation.filled(status, &known) } else { known };
        self.violations.extend(operation.problems_of_answer(status, &told));
        match harm {
            Some(Harm::Done(status)) => {
                (status, json!({"message": "We couldn't respond to your request in time."}), None)
            }
            harm => (status, told, harm),
        }
    }

    /// The other API answers 200 whatever happens, but for a failure of the whole.
    fn answer_in_graphql(
        &mut self,
        authorization: &str,
        body: &Value,
        harm: Option<Harm>,
    ) -> (u16, Value, Option<Harm>) {
        let Who::Known(login) = self.credentials.who(authorization, ("/graphql", body)) else {
            return (401, json!({"message": "Bad credentials"}), None);
        };
        let (told, violation) = self.hub.graphql(&login, body);
        self.violations.extend(violation);
        self.hub.act_by_itself();
        match harm {
            Some(Harm::Done(status)) => (status, json!({"message": "Bad gateway"}), None),
            harm => (200, told, harm),
        }
    }
}
