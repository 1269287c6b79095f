//! An Argo CD that keeps applications and answers about them, on a free loopback port.
//!
//! It answers as the real one does where hoist could be misled: an application that is missing is
//! forbidden to whoever does not name its project. Every status that it gives is held against Argo
//! CD's own schema, which is closed first, so that a mistyped field is found, too.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Path, Query, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hoist::domain::id::CommitId;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

const SCHEMA: &str = include_str!("../../fixtures/argocd/application-status.json");

/// What hoist's account shows.
pub const TOKEN: &str = "a-token-of-argo-cd";

pub struct ArgoCd {
    port: u16,
    state: Arc<Mutex<Applications>>,
    server: JoinHandle<()>,
}

struct Applications {
    validator: jsonschema::Validator,
    by_name: BTreeMap<String, Application>,
    /// Set while it does not do its work: the status of every answer.
    broken: Option<StatusCode>,
    /// How often it was asked about an application.
    asked: u32,
}

struct Application {
    project: String,
    status: Value,
}

impl Drop for ArgoCd {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl ArgoCd {
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(Applications {
            validator: validator(),
            by_name: BTreeMap::new(),
            broken: None,
            asked: 0,
        }));
        let router = Router::new()
            .route("/api/v1/applications/{name}", get(show_application))
            .with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, state, server }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn state(&self) -> MutexGuard<'_, Applications> {
        self.state.lock().unwrap()
    }

    /// How often it was asked about an application.
    pub fn asked(&self) -> u32 {
        self.state().asked
    }

    /// An application is made; it has no status yet.
    pub fn creates(&self, name: &str, project: &str) {
        let application = Application { project: project.into(), status: json!({}) };
        self.state().by_name.insert(name.into(), application);
    }

    /// An application's status becomes this.
    pub fn has(&self, name: &str, status: Value) {
        let mut state = self.state();
        let errors: Vec<String> =
            state.validator.iter_errors(&status).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "Argo CD never says {status}: {errors:?}");
        state.by_name.get_mut(name).expect("the application was made").status = status;
    }

    /// An application's status changes in one place.
    pub fn changes(&self, name: &str, pointer: &str, value: Value) {
        let mut status = self.state().by_name[name].status.clone();
        *status.pointer_mut(pointer).expect("the status has such a place") = value;
        self.has(name, status);
    }

    /// It syncs an application to a revision; all is well at once.
    pub fn deploys(&self, name: &str, revision: &CommitId, at: Timestamp) {
        self.has(name, deployed(revision, at));
    }

    /// The health of an application changes.
    pub fn judges(&self, name: &str, health: &str, message: Option<&str>) {
        let mut word = json!({"status": health});
        if let Some(message) = message {
            word["message"] = message.into();
        }
        self.changes(name, "/health", word);
    }

    /// Every answer has this status from now on.
    pub fn breaks(&self, status: u16) {
        self.state().broken = Some(StatusCode::from_u16(status).unwrap());
    }

    /// It works again.
    pub fn is_mended(&self) {
        self.state().broken = None;
    }
}

/// A status of an application that was synced to `revision` and is healthy.
pub fn deployed(revision: &CommitId, at: Timestamp) -> Value {
    json!({
        "sync": {"status": "Synced", "revision": revision},
        "health": {"status": "Healthy", "lastTransitionTime": at},
        "operationState": {
            "phase": "Succeeded",
            "message": "successfully synced (all tasks run)",
            "operation": {"sync": {"revision": revision}, "initiatedBy": {"automated": true}},
            "startedAt": at,
            "finishedAt": at,
            "syncResult": {"revision": revision, "resources": []},
        },
        "reconciledAt": at,
        "sourceType": "Kustomize",
        "summary": {"images": []},
    })
}

/// Argo CD's schema, in which no field may stand that it does not know.
fn validator() -> jsonschema::Validator {
    let mut schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for definition in schema["definitions"].as_object_mut().unwrap().values_mut() {
        if definition.get("properties").is_some() {
            definition["additionalProperties"] = false.into();
        }
    }
    schema["$ref"] = "#/definitions/v1alpha1ApplicationStatus".into();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

async fn show_application(
    State(state): State<Arc<Mutex<Applications>>>,
    Path(name): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let mut state = state.lock().unwrap();
    state.asked += 1;
    if let Some(refused) = refusal(&state, &headers) {
        return refused;
    }
    let project = query.get("project");
    match (state.by_name.get(&name), project) {
        (Some(found), None) => Json(answer(&name, found)).into_response(),
        (Some(found), Some(project)) if *project == found.project => {
            Json(answer(&name, found)).into_response()
        }
        (None, Some(_)) => {
            let message = format!("applications.argoproj.io \"{name}\" not found");
            error(StatusCode::NOT_FOUND, 5, &message)
        }
        (Some(_), Some(_)) | (None, None) => error(StatusCode::FORBIDDEN, 7, "permission denied"),
    }
}

fn answer(name: &str, application: &Application) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {"project": application.project},
        "status": application.status,
    })
}

fn refusal(state: &Applications, headers: &HeaderMap) -> Option<Response> {
    if let Some(status) = state.broken {
        return Some((status, "upstream connect error").into_response());
    }
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let message = "invalid session: token signature is invalid";
    (shown != Some(&format!("Bearer {TOKEN}")))
        .then(|| error(StatusCode::UNAUTHORIZED, 16, message))
}

fn error(status: StatusCode, code: u32, message: &str) -> Response {
    (status, Json(json!({"error": message, "code": code, "message": message}))).into_response()
}
