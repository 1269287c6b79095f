//! Announcements through the whole door: headers, proof, parsing, and the durable answer.
//!
//! `cargo bench --bench announce [ROUNDS]`. Sixty-four clients, each waiting for its answer before
//! it sends the next, by three proofs in turns: HMAC of the body, and tokens of a CI signed with RSA
//! and with ECDSA, each used once. Everything is real but the sockets: requests go straight into the
//! router.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench reads the machine's clock, starts git, tells a person, and may fail loudly"
)]

#[path = "../tests/it/support/issuer.rs"]
#[expect(dead_code, unreachable_pub, reason = "the tests need more of it")]
mod issuer;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use hmac::{Hmac, KeyInit, Mac};
use hoist::{http, scheduler, wiring};
use issuer::{CiIssuer, SigningKey};
use serde_json::json;
use sha2::Sha256;
use tower::ServiceExt;

const CLIENTS: usize = 64;
const EACH: usize = 40;
const SECRET: &str = "what ci signs with";
const APPLICATIONS: usize = 100;

/// How an announcement proves where it is from.
#[derive(Clone, Copy)]
enum Way {
    Hmac,
    Rsa,
    Ecdsa,
}

const WAYS: [(Way, &str); 3] = [
    (Way::Hmac, "HMAC-SHA256 of the body"),
    (Way::Rsa, "CI's token, RS256"),
    (Way::Ecdsa, "CI's token, ES256"),
];

/// Makes requests, each of which nobody has sent before.
struct Ci {
    issuer: CiIssuer,
    rsa: SigningKey,
    ecdsa: SigningKey,
    made: usize,
}

impl Ci {
    async fn start() -> Self {
        let (rsa, ecdsa) = (SigningKey::rsa("one"), SigningKey::ec("two"));
        let issuer = CiIssuer::start().await;
        issuer.publish(&[&rsa, &ecdsa]);
        Self { issuer, rsa, ecdsa, made: 0 }
    }

    fn request(&mut self, way: Way) -> Request<Body> {
        self.made += 1;
        let (number, application) = (self.made, self.made % APPLICATIONS);
        let body = json!({
            "image": format!("ghcr.io/acme/app-{application}"),
            "digest": format!("sha256:{number:064x}"),
            "tag": format!("v{number}"),
            "source": {"repository": "https://github.com/acme/app", "commit": "9f2c"},
            "build": {"url": format!("https://ci.example.com/{number}")},
        });
        let body = body.to_string();
        let request = Request::post("/hooks/artifacts").header("content-type", "application/json");
        let request = match way {
            Way::Hmac => {
                let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
                mac.update(body.as_bytes());
                let digits = hex::encode(mac.finalize().into_bytes());
                request.header("x-hub-signature-256", format!("sha256={digits}"))
            }
            Way::Rsa => request.header("authorization", self.bearer(&self.rsa)),
            Way::Ecdsa => request.header("authorization", self.bearer(&self.ecdsa)),
        };
        request.body(body.into()).unwrap()
    }

    fn bearer(&self, key: &SigningKey) -> String {
        let now = jiff::Timestamp::now().as_second();
        let claims = json!({
            "iss": self.issuer.url(), "aud": "hoist", "sub": "repo:acme/app", "iat": now,
            "exp": now + 3600, "jti": self.made.to_string(), "repository": "acme/app",
            "ref": "refs/heads/main",
        });
        format!("Bearer {}", key.token(&claims))
    }
}

struct Measured {
    rate: f64,
    waits: Vec<Duration>,
}

fn main() {
    let rounds = std::env::args().filter_map(|text| text.parse().ok()).next().unwrap_or(5);
    tokio::runtime::Runtime::new().unwrap().block_on(measure(rounds));
}

async fn measure(rounds: usize) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(folder).unwrap();
    let home = tempfile::tempdir_in(folder).unwrap();
    let mut ci = Ci::start().await;
    let config = configure(home.path(), &ci.issuer.url());
    let app = Arc::new(wiring::open_app(&config).await.unwrap());
    scheduler::sweep(&app).await;
    let router = http::router(app);
    let mut measured = WAYS.map(|_| Vec::new());
    for _round in 0..rounds {
        for (place, (way, _)) in WAYS.into_iter().enumerate() {
            measured[place].push(round(&mut ci, way, &router).await);
        }
    }
    println!("| proof | durably accepted, median round | p50 | p99 |");
    println!("|---|---|---|---|");
    for ((_, name), measured) in WAYS.into_iter().zip(measured) {
        tell(name, measured);
    }
}

/// All clients at once; what they send is made beforehand.
async fn round(ci: &mut Ci, way: Way, router: &Router) -> Measured {
    let batches: Vec<Vec<_>> =
        (0..CLIENTS).map(|_| (0..EACH).map(|_| ci.request(way)).collect()).collect();
    let start = Instant::now();
    let clients: Vec<_> =
        batches.into_iter().map(|batch| tokio::spawn(client(router.clone(), batch))).collect();
    let mut waits = Vec::new();
    for client in clients {
        waits.extend(client.await.unwrap());
    }
    let length = start.elapsed();
    #[expect(clippy::cast_precision_loss, reason = "thousands, not quadrillions")]
    let rate = waits.len() as f64 / length.as_secs_f64();
    Measured { rate, waits }
}

async fn client(router: Router, requests: Vec<Request<Body>>) -> Vec<Duration> {
    let mut waits = Vec::new();
    for request in requests {
        let sent = Instant::now();
        let answer = router.clone().oneshot(request).await.unwrap();
        waits.push(sent.elapsed());
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }
    waits
}

fn tell(name: &str, mut measured: Vec<Measured>) {
    let mut waits: Vec<_> = measured.iter_mut().flat_map(|it| it.waits.drain(..)).collect();
    waits.sort();
    measured.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let rate = measured[measured.len() / 2].rate;
    let share = |percent: usize| waits[(waits.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    println!("| {name} | {rate:.0}/s | {:.1} ms | {:.1} ms |", share(50), share(99));
}

/// Writes the files and a repository with all applications; gives the first file's path.
fn configure(home: &Path, issuer: &str) -> PathBuf {
    let place = home.display();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
        let status = Command::new("git").args(identity).args(arguments).status();
        assert!(status.unwrap().success(), "{arguments:?}");
    };
    let (bare, work) = (format!("{place}/gitops.git"), format!("{place}/work"));
    git(&["init", "--quiet", "--bare", "-b", "main", &bare]);
    git(&["clone", "--quiet", &bare, &work]);
    for application in 0..APPLICATIONS {
        let folder = home.join(format!("work/environments/staging/apps/app-{application}"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("values.yaml"), "image:\n  tag: v0\n").unwrap();
    }
    git(&["-C", &work, "add", "."]);
    git(&["-C", &work, "commit", "--quiet", "-m", "begin"]);
    git(&["-C", &work, "push", "--quiet", "origin", "HEAD:main"]);
    let images = "images: [\"ghcr.io/acme/*\"], per_minute: 100000";
    let process = format!(
        "data: {place}/var\nstore: sqlite://{place}/hoist.db\npipelines: {place}/pipelines.yaml\n\
         repositories:\n  gitops: {{forge: builtin, url: \"file://{bare}\"}}\n\
         sources:\n  ci: {{hmac: {{file: {place}/secret}}, {images}}}\n  \
         jobs: {{oidc: {{issuer: \"{issuer}\", audience: hoist}}, \
         claims: {{repository: \"acme/*\", ref: refs/heads/main}}, {images}}}\n"
    );
    let file = "environments/staging/apps/{application}/values.yaml";
    let pipelines = format!(
        "pipelines:\n  services:\n    repository: gitops\n    \
         image: \"ghcr.io/acme/{{application}}\"\n    verify: {{digest: none}}\n    environments:\n      \
         - {{name: staging, edit: [{{file: \"{file}\", path: image.tag, value: \"{{tag}}\"}}]}}\n"
    );
    std::fs::write(home.join("secret"), SECRET).unwrap();
    std::fs::write(home.join("pipelines.yaml"), pipelines).unwrap();
    std::fs::write(home.join("hoist.yaml"), process).unwrap();
    home.join("hoist.yaml")
}
