//! Something that answers over HTTP what it was told to answer, on a free loopback port.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{StatusCode, Uri, header::LOCATION};
use tokio::task::JoinHandle;

pub struct Service {
    port: u16,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

struct State {
    status: StatusCode,
    body: String,
    last: Option<Uri>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Service {
    pub async fn start() -> Self {
        let state = State { status: StatusCode::OK, body: String::new(), last: None };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let router = Router::new().fallback(async move |uri: Uri| {
            let mut state = shared.lock().unwrap();
            state.last = Some(uri);
            (state.status, [(LOCATION, "http://elsewhere.example.com/")], state.body.clone())
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, state, server }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it answers from now on, whatever it is asked.
    pub fn answers(&self, status: u16, body: &str) {
        let mut state = self.state.lock().unwrap();
        state.status = StatusCode::from_u16(status).unwrap();
        body.clone_into(&mut state.body);
    }

    /// The path of the last request.
    pub fn last_path(&self) -> String {
        self.state.lock().unwrap().last.as_ref().unwrap().path().to_owned()
    }
}
