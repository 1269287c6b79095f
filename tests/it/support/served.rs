//! A whole hoist for the doors' tests: a real repository, the builtin forge, SQLite, both files.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use hmac::{Hmac, KeyInit, Mac};
use hoist::app::App;
use hoist::app::ports::Clock;
use hoist::{config, http, scheduler, wiring};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use super::git::git;
use super::troubled::{Gate, Troubled};

/// Where people reach it, unless a test really listens.
pub const PUBLIC: &str = "http://hoist.test";

const PROCESS: &str = r#"
public_url: {PUBLIC}
store: sqlite://{FOLDER}/hoist.db
data: {FOLDER}/data
pipelines: {FOLDER}/pipelines.yaml
repositories:
  gitops: {forge: builtin, url: "file://{FOLDER}/gitops.git"}
sources:
  ci: {hmac: {file: "{FOLDER}/secret"}, images: ["ghcr.io/acme/*"]}
roles:
  sre: {may: [review, merge, promote, rollback, hold, resume, freeze, status, audit], environments: ["*"]}
  leads: {may: [promote, skip-gates, status], environments: ["*"]}
  readers: {may: [status], environments: ["*"]}
  robots: {may: [promote], environments: [staging]}
tokens:
  - {name: alice, sha256: "{alice}", roles: [sre]}
  - {name: bob, sha256: "{bob}", roles: [sre]}
  - {name: carol, sha256: "{carol}", roles: [leads]}
  - {name: reader, sha256: "{reader}", roles: [readers]}
  - {name: robot, sha256: "{robot}", roles: [robots]}
"#;

pub const PIPELINES: &str = r#"
pipelines:
  services:
    repository: gitops
    applications: discover
    image: ghcr.io/acme/{application}
    verify: {digest: none}
    environments:
      - name: staging
        edit:
          - {file: "environments/staging/apps/{application}/values.yaml", path: image.tag, value: "{tag}"}
        merge: automatic
      - name: prod
        after: [staging]
        edit:
          - {file: "environments/prod/apps/{application}/values.yaml", path: image.tag, value: "{tag}"}
        gates:
          - approvals: 1
        merge: manual
"#;

const VALUES: &str = "\
# Who is called at night: the shop's team.
replicas: 3
image:
  repository: ghcr.io/acme/shop
  tag: v1.0.0 # moved by hoist
resources:
  limits: {memory: 256Mi}
";

/// A clock that stands still until it is told to move.
pub struct StoppedClock(Mutex<Timestamp>);

impl StoppedClock {
    pub fn forward(&self, length: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(length).unwrap();
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// The token of somebody: it is their name, and only its SHA-256 is in the configuration.
pub fn token(name: &str) -> String {
    format!("the token of {name}")
}

/// A whole hoist whose repository has the applications `shop` and `cart`.
pub struct Served {
    pub app: Arc<App>,
    pub clock: Arc<StoppedClock>,
    router: Router,
    folder: tempfile::TempDir,
}

impl Served {
    pub async fn start() -> Self {
        Self::start_at(PUBLIC).await
    }

    pub async fn start_at(public_url: &str) -> Self {
        let clock = Arc::new(StoppedClock(Mutex::new("2026-03-10T12:00:00Z".parse().unwrap())));
        Self::start_with(public_url, Arc::clone(&clock), clock).await
    }

    /// A hoist that goes with the machine's time, for a scheduler that really runs.
    pub async fn start_live(public_url: &str) -> Self {
        let unused = Arc::new(StoppedClock(Mutex::new(Timestamp::UNIX_EPOCH)));
        Self::start_with(public_url, unused, Arc::new(wiring::clock())).await
    }

    async fn start_with(public_url: &str, clock: Arc<StoppedClock>, shown: Arc<dyn Clock>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), public_url);
        Self::open(folder, clock, shown).await
    }

    /// A hoist whose process file was changed like that, with more files beside it; `{FOLDER}` is
    /// where they are.
    pub async fn start_edited(files: &[(&str, &str)], edit: impl FnOnce(String) -> String) -> Self {
        let clock = Arc::new(StoppedClock(Mutex::new("2026-03-10T12:00:00Z".parse().unwrap())));
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), PUBLIC);
        let process = folder.path().join("hoist.yaml");
        let text = edit(std::fs::read_to_string(&process).unwrap());
        let place = folder.path().display().to_string();
        std::fs::write(&process, text.replace("{FOLDER}", &place)).unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        Self::open(folder, Arc::clone(&clock), clock).await
    }

    /// The same hoist after its process has ended and begun anew.
    pub async fn restarted(self) -> Self {
        let Self { app, clock, router, folder } = self;
        drop((app, router));
        Self::open(folder, Arc::clone(&clock), clock).await
    }

    async fn open(
        folder: tempfile::TempDir,
        clock: Arc<StoppedClock>,
        shown: Arc<dyn Clock>,
    ) -> Self {
        let app = Arc::new(open_app(&folder, shown).await);
        let router = http::router(Arc::clone(&app));
        Self { app, clock, router, folder }
    }

    /// The same, with a forge whose merges wait at the gate.
    pub async fn restarted_with_slow_merges(self) -> (Self, Arc<Gate>) {
        let Self { app, clock, router, folder } = self;
        drop((app, router));
        let mut app = open_app(&folder, Arc::clone(&clock) as Arc<dyn Clock>).await;
        let gate = Arc::new(Gate::default());
        for repository in app.repositories.values_mut() {
            repository.forge = Arc::new(Troubled::slow(Arc::clone(&repository.forge), &gate));
        }
        let app = Arc::new(app);
        let router = http::router(Arc::clone(&app));
        (Self { app, clock, router, folder }, gate)
    }

    /// More applications come into some environments, by one commit.
    pub fn add_applications(&self, names: &[String], environments: &[&str]) {
        let mut stream =
            "commit refs/heads/main\ncommitter Ada <ada@example.com> 1770000000 +0000\n\
                          data 4\nmore\nfrom refs/heads/main^0\n"
                .to_owned();
        let places = names.iter().flat_map(|name| environments.iter().map(move |it| (name, it)));
        for (name, environment) in places {
            let text = VALUES.replace("/shop", &format!("/{name}"));
            let path = format!("environments/{environment}/apps/{name}/values.yaml");
            let _ = write!(stream, "M 100644 inline {path}\ndata {}\n{text}\n", text.len());
        }
        let mut import = Command::new("git");
        import
            .arg("-C")
            .arg(self.folder.path().join("gitops.git"))
            .args(["fast-import", "--quiet"]);
        let mut child = import.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Runs `git` in the GitOps repository.
    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.folder.path().join("gitops.git"), arguments)
    }

    /// Lets hoist do all that it has to do; a second passes with each step.
    pub async fn settle(&self) {
        scheduler::sweep(&self.app).await;
        for _pass in 0..10 {
            self.clock.forward(SignedDuration::from_secs(1));
            scheduler::work_off(&self.app).await;
            self.app.store.wake(None, self.app.clock.now()).await.unwrap();
        }
    }

    /// Announces an artifact of `application` through the webhook, as CI does.
    pub async fn announce(&self, application: &str, tag: &str) {
        let body = serde_json::json!({
            "application": application,
            "image": format!("ghcr.io/acme/{application}"),
            "digest": format!("sha256:{}", hex::encode(Sha256::digest(tag))),
            "tag": tag,
            "source": {
                "repository": format!("https://git.example.com/acme/{application}"),
                "commit": "9f2c1d0e9f2c1d0e9f2c1d0e9f2c1d0e9f2c1d0e",
                "ref": "refs/heads/main",
            },
            "build": {"url": "https://ci.example.com/1234", "id": "1234"},
            "actor": "carol",
        })
        .to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        let request = Request::post("/hooks/artifacts")
            .header("content-type", "application/json")
            .header("x-hub-signature-256", signature)
            .body(Body::from(body))
            .unwrap();
        let answer = self.send(request).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    }

    /// Sends a request to the doors.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 24).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }
}

async fn open_app(folder: &tempfile::TempDir, clock: Arc<dyn Clock>) -> App {
    let configuration = config::load(&folder.path().join("hoist.yaml")).unwrap();
    let (app, _) = wiring::app_at(configuration, clock).await.unwrap();
    app
}

/// What a door answered.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The cookie of that name as it was set, with all that is said about it.
    pub fn set_cookie(&self, name: &str) -> Option<&str> {
        let lines = self.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
        lines.into_iter().find(|line| line.starts_with(&format!("{name}=")))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn fill(folder: &Path, public_url: &str) {
    let place = folder.display().to_string();
    let mut process = PROCESS.replace("{FOLDER}", &place).replace("{PUBLIC}", public_url);
    for name in ["alice", "bob", "carol", "reader", "robot"] {
        let sha256 = hex::encode(Sha256::digest(token(name)));
        process = process.replace(&format!("{{{name}}}"), &sha256);
    }
    std::fs::write(folder.join("hoist.yaml"), process).unwrap();
    std::fs::write(folder.join("pipelines.yaml"), PIPELINES).unwrap();
    std::fs::write(folder.join("secret"), SECRET).unwrap();
    seed(folder);
}

/// A bare repository with what people wrote into it.
fn seed(folder: &Path) {
    let work: PathBuf = folder.join("work");
    for environment in ["staging", "prod"] {
        for application in ["shop", "cart"] {
            let home = work.join(format!("environments/{environment}/apps/{application}"));
            std::fs::create_dir_all(&home).unwrap();
            let text = VALUES.replace("shop", application);
            std::fs::write(home.join("values.yaml"), text).unwrap();
        }
    }
    git(&work, &["init", "-q", "-b", "main"]);
    git(&work, &["add", "."]);
    let who = ["-c", "user.name=Dana", "-c", "user.email=dana@example.com"];
    git(&work, &[&who[..], &["commit", "-q", "-m", "Write the first values"]].concat());
    git(folder, &["clone", "-q", "--bare", "work", "gitops.git"]);
}
