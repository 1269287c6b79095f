//! A browser driven by the W3C WebDriver protocol: plain HTTP and JSON, so no driver library.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine;
use serde_json::{Value, json};

/// The key under which WebDriver hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Headless Chromium with a fresh profile, gone when it is dropped.
pub struct WebDriver {
    driver: Child,
    port: u16,
    session: String,
    client: reqwest::Client,
    _profile: tempfile::TempDir,
}

/// An element of the page.
pub struct Element<'a> {
    driver: &'a WebDriver,
    id: String,
}

impl WebDriver {
    pub async fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed by tests/run (Debian: chromium-driver)");
        let mut said = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = said.next().expect("chromedriver says its port").unwrap();
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').parse().unwrap();
            }
        };
        // What it says later must not fill the pipe.
        std::thread::spawn(move || said.count());
        let profile = tempfile::tempdir().unwrap();
        let mut this = Self {
            driver,
            port,
            session: String::new(),
            client: reqwest::Client::new(),
            _profile: profile,
        };
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--window-size=1280,900",
        ];
        let profile = format!("--user-data-dir={}", this._profile.path().display());
        let arguments: Vec<&str> = flags.into_iter().chain([&*profile]).collect();
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let session = this.post("/session", wanted).await;
        this.session = format!("/session/{}", session["sessionId"].as_str().unwrap());
        this
    }

    pub async fn open(&self, url: &str) {
        self.command("/url", json!({"url": url})).await;
    }

    pub async fn address(&self) -> String {
        self.run("return location.href").await.as_str().unwrap().to_owned()
    }

    /// Runs a script of the test's own, which the page's policy does not stop.
    pub async fn run(&self, script: &str) -> Value {
        self.command("/execute/sync", json!({"script": script, "args": []})).await
    }

    /// The one element that the selector finds.
    pub async fn find(&self, selector: &str) -> Element<'_> {
        let query = json!({"using": "css selector", "value": selector});
        let found = self.command("/element", query).await;
        Element { driver: self, id: found[ELEMENT].as_str().unwrap().to_owned() }
    }

    /// What the page says, as a person sees it.
    ///
    /// Asked in one step, and again where the page is just being left for another: an element that
    /// was found a moment ago may be gone.
    pub async fn text(&self) -> String {
        let url = format!("http://127.0.0.1:{}{}/execute/sync", self.port, self.session);
        let body = json!({"script": "return document.body.innerText", "args": []});
        for _ in 0..100 {
            let answer = self.client.post(&url).json(&body).send().await.unwrap();
            let answer: Value = answer.json().await.unwrap();
            if let Some(text) = answer["value"].as_str() {
                return text.to_owned();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("the page has no text")
    }

    /// What the browser complained about since the last question: a policy broken, a file missing.
    pub async fn complaints(&self) -> Vec<String> {
        let lines = self.command("/se/log", json!({"type": "browser"})).await;
        let lines = lines.as_array().unwrap().iter();
        lines.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Asks Chromium itself for what WebDriver has no word for.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.command("/goog/cdp/execute", body).await
    }

    /// Takes a picture of the whole page.
    pub async fn picture(&self, path: &Path) {
        let shot =
            self.devtools("Page.captureScreenshot", json!({"captureBeyondViewport": true})).await;
        let png = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, png.unwrap()).unwrap();
    }

    async fn command(&self, path: &str, body: Value) -> Value {
        self.post(&format!("{}{path}", self.session), body).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let answer = self.client.post(url).json(&body).send().await.unwrap();
        let status = answer.status();
        let mut answer: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{path} {body}: {answer:#}");
        answer["value"].take()
    }
}

impl Element<'_> {
    pub async fn click(&self) {
        self.command("/click", json!({})).await;
    }

    pub async fn write(&self, text: &str) {
        self.command("/value", json!({"text": text})).await;
    }

    async fn command(&self, path: &str, body: Value) -> Value {
        self.driver.command(&format!("/element/{}{path}", self.id), body).await
    }
}

impl Drop for WebDriver {
    fn drop(&mut self) {
        // Ending the session ends Chromium; ending the driver alone would leave it behind. By hand,
        // because a drop cannot wait for the asynchronous client.
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let request = format!(
                "DELETE {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
                self.session
            );
            if stream.write_all(request.as_bytes()).is_ok() {
                let _answered = BufReader::new(stream).lines().next();
            }
        }
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}
