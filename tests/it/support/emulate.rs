//! Somebody else's idea of a Slack: the npm package `emulate`, which `tests/run` installs.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// Where `tests/run` puts it.
const PROGRAM: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/node/node_modules/emulate/dist/index.js");

/// A running one; it ends with the test.
pub struct Emulate {
    child: Child,
    port: u16,
    http: reqwest::Client,
}

impl Emulate {
    /// Starts a Slack with a few channels.
    pub async fn slack() -> Self {
        assert!(Path::new(PROGRAM).exists(), "`tests/run` installs `emulate`: run it once");
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut node = Command::new("node");
        node.args([PROGRAM, "start", "--service", "slack", "--port", &port.to_string()]);
        let child = node.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let emulate = Self { child, port, http: reqwest::Client::new() };
        for _ in 0..600 {
            let called = emulate.http.post(format!("{}/auth.test", emulate.api())).send().await;
            if called.is_ok() {
                return emulate;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("`emulate` does not answer");
    }

    /// Where its API is.
    pub fn api(&self) -> String {
        format!("http://localhost:{}/api", self.port)
    }

    /// Calls it as the bot with that token.
    pub async fn call(&self, method: &str, token: &str, form: &[(&str, &str)]) -> Value {
        let request = self.http.post(format!("{}/{method}", self.api())).bearer_auth(token);
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(body).send().await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["ok"], true, "{method}: {answer}");
        answer
    }
}

impl Drop for Emulate {
    fn drop(&mut self) {
        let _gone = self.child.kill().and_then(|()| self.child.wait());
    }
}
