//! A hoist with a real store and a real Git repository, and whoever knocks at its first door.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use hoist::adapters::forge::builtin::BuiltinForge;
use hoist::adapters::health::http::HttpCaller;
use hoist::adapters::health::prometheus::Prometheus;
use hoist::adapters::issuer::OidcIssuer;
use hoist::adapters::registry::Registries;
use hoist::adapters::store::sqlite::SqliteStore;
use hoist::app::committing::Committing;
use hoist::app::ingest::identity::Issuers;
use hoist::app::policy::{Policy, Proof, Source, TokenRule};
use hoist::app::ports::{
    Clock, CommitSpec, Dice, Git, Issuer, RefUpdate, Registry, Signature, Store,
};
use hoist::app::watch::Watchers;
use hoist::app::{App, Outside, Repository};
use hoist::domain::command::Roles;
use hoist::domain::examination::{DigestCheck, Verify};
use hoist::domain::health::{HealthRule, Unhealthy};
use hoist::domain::pipeline::{
    Applications, EditRule, Environment, MergePolicy, Pipeline, Review, Target,
};
use hoist::domain::template::Template;
use hoist::http;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::Sha256;
use tower::ServiceExt;

use crate::support::git::Remote;
use crate::support::issuer::CiIssuer;

/// What the source `ci` signs with since its rotation; before, it was [`OLD_SECRET`].
pub const SECRET: &str = "a new secret of ci";
pub const OLD_SECRET: &str = "an old secret of ci";
/// What the source `actions` signs with, which may speak for one image only.
pub const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub const NOW: i64 = 1_795_381_200;

/// A clock that stands still until it is turned.
#[derive(Default)]
struct StillClock(AtomicI64);

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(NOW + self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// Counts.
#[derive(Default)]
struct CountingDice(AtomicU64);

impl Dice for CountingDice {
    fn roll(&self) -> u128 {
        self.0.fetch_add(1, Ordering::Relaxed).into()
    }
}

/// What one request was answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: StatusCode,
    pub content_type: String,
    pub location: Option<String>,
    pub json: Value,
}

impl Answer {
    pub fn id(&self) -> &str {
        self.json["id"].as_str().unwrap()
    }

    /// Status, field and detail in one line.
    pub fn line(&self) -> String {
        let word = |key: &str| self.json[key].as_str().unwrap_or("-").to_owned();
        format!("{} {}: {}", self.status.as_u16(), word("field"), word("detail"))
    }
}

pub struct World {
    pub app: Arc<App>,
    pub store: Arc<SqliteStore>,
    pub router: Router,
    mirror: Arc<dyn Git>,
    remote: Remote,
    clock: Arc<StillClock>,
}

/// What a job of `acme` on main says of itself.
const JOBS: [(&str, &str); 2] = [("repository", "acme/{application}"), ("ref", "refs/heads/main")];

/// The source of jobs whose tokens say this, and who vouches for them.
fn jobs<const N: usize>(issuer: &CiIssuer, claims: [(&str, &str); N]) -> (Source, Issuers) {
    let url = issuer.url();
    let claims = claims.map(|(name, value)| (name.to_owned(), vec![value.parse().unwrap()]));
    let rule = TokenRule { issuer: url.clone(), audience: "hoist".into(), claims: claims.into() };
    let source = Source {
        name: "jobs".parse().unwrap(),
        proof: Proof::Token(rule),
        images: vec!["ghcr.io/acme/{application}".parse().unwrap()],
        per_minute: 1000,
    };
    let keys: Arc<dyn Issuer> = Arc::new(OidcIssuer::new(&url, &[]).unwrap());
    (source, [(url, keys)].into())
}

impl World {
    /// The shop and the cart stand at the repository's tip; nobody has looked yet.
    pub async fn new() -> Self {
        Self::with(Vec::new(), Issuers::new(), no_registry()).await
    }

    /// The same, where these registries and forges send by themselves: each may speak of its one
    /// image, which an application has; and where tags are asked of that registry.
    pub async fn hearing(senders: Vec<(Source, &str)>, registry: Arc<dyn Registry>) -> Self {
        let mut sources = Vec::new();
        let mut pipelines = Vec::new();
        for (mut source, image) in senders {
            source.images = vec![image.parse().unwrap()];
            let named = Applications::Named(vec![source.name.as_str().parse().unwrap()]);
            pipelines.push(pipeline(&format!("of-{}", source.name), image, named));
            sources.push(source);
        }
        let mut policy = policy(sources);
        policy.pipelines.extend(pipelines.into_iter().map(|it| (it.name.clone(), it)));
        Self::governed(policy, Issuers::new(), registry).await
    }

    /// The same, where jobs of `acme` on main are believed that the issuer vouches for.
    pub async fn trusting(issuer: &CiIssuer) -> Self {
        Self::trusting_by(issuer, JOBS).await
    }

    /// The same, where these claims have to fit.
    pub async fn trusting_by<const N: usize>(issuer: &CiIssuer, claims: [(&str, &str); N]) -> Self {
        let (source, issuers) = jobs(issuer, claims);
        Self::with(vec![source], issuers, no_registry()).await
    }

    /// The process ends, and another one begins on the same disk, with the same trust.
    pub async fn begin_again(self, issuer: &CiIssuer) -> Self {
        let Self { app, store, router, mirror, remote, clock } = self;
        store.close().await.unwrap();
        // Whoever still holds the mirror keeps it from the next one.
        drop((app, store, router, mirror));
        let (source, issuers) = jobs(issuer, JOBS);
        let world = Self::at(remote, policy(vec![source]), issuers, no_registry()).await;
        // Its dice begin anew, so that it must be later.
        world.seconds_pass(clock.0.load(Ordering::Relaxed) + 1);
        world
    }

    async fn with(sources: Vec<Source>, issuers: Issuers, registry: Arc<dyn Registry>) -> Self {
        Self::governed(policy(sources), issuers, registry).await
    }

    async fn governed(policy: Policy, issuers: Issuers, registry: Arc<dyn Registry>) -> Self {
        let world = Self::at(Remote::local(), policy, issuers, registry).await;
        world.commit(&[&files_of("shop")[..], &files_of("cart")].concat()).await;
        world
    }

    /// Runs beside what is in the remote's folder already.
    async fn at(
        remote: Remote,
        policy: Policy,
        issuers: Issuers,
        registry: Arc<dyn Registry>,
    ) -> Self {
        let clock = Arc::new(StillClock::default());
        let mirror: Arc<dyn Git> = Arc::new(remote.mirror());
        let store = SqliteStore::open(&remote.directory.path().join("hoist.db")).await.unwrap();
        let store = Arc::new(store);
        let name = "gitops".parse().unwrap();
        let repository = Repository {
            git: Arc::clone(&mirror),
            forge: Arc::new(BuiltinForge::new(Arc::clone(&mirror), &name, PUBLIC_URL)),
            branch: "main".into(),
            commits: Committing::default(),
        };
        let app = Arc::new(App::new(
            Arc::clone(&store) as Arc<dyn Store>,
            Outside {
                repositories: [(name, repository)].into(),
                watchers: nobody(),
                issuers,
                registry,
            },
            policy,
            Arc::clone(&clock) as Arc<dyn Clock>,
            Arc::new(CountingDice::default()),
        ));
        let router = http::router(Arc::clone(&app));
        Self { app, store, router, mirror, remote, clock }
    }

    pub fn seconds_pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Commits empty files to the repository's main branch, as somebody else does.
    pub async fn commit(&self, paths: &[String]) {
        self.mirror.fetch().await.unwrap();
        let tip = self.mirror.refs("refs/heads/main").await.unwrap().into_values().next();
        let spec = CommitSpec {
            parents: tip.iter().cloned().collect(),
            files: paths.iter().map(|path| (path.clone(), Some(b"{}\n".to_vec()))).collect(),
            message: "somebody's work\n".into(),
            author: Signature {
                name: "alice".into(),
                email: "alice@example.com".into(),
                at: Timestamp::from_second(NOW).unwrap(),
            },
        };
        let new = Some(self.mirror.commit(spec).await.unwrap());
        let update = RefUpdate { name: "refs/heads/main".into(), expected: tip, new };
        self.mirror.push(vec![update]).await.unwrap();
    }

    /// Takes the remote away, as an outage does.
    pub fn lose_the_remote(&self) {
        std::fs::rename(self.remote.bare(), self.lost()).unwrap();
    }

    pub fn find_the_remote_again(&self) {
        std::fs::rename(self.lost(), self.remote.bare()).unwrap();
    }

    fn lost(&self) -> PathBuf {
        self.remote.directory.path().join("lost.git")
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let header = |name| {
            let value: Option<&axum::http::HeaderValue> = response.headers().get(name);
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        let content_type = header("content-type").unwrap_or_default();
        let location = header("location");
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answer { status, content_type, location, json }
    }

    /// Announces as `ci`, signed as GitHub does.
    pub async fn announce(&self, body: &Value) -> Answer {
        self.send(signed(body.to_string().as_bytes())).await
    }

    /// The deliveries that were refused, newest first: `SOURCE why`.
    pub async fn refusals(&self) -> Vec<String> {
        let line = |it: hoist::app::ports::Delivery| {
            let source = it.source.map_or_else(|| "-".to_owned(), String::from);
            format!("{source} {:?}", it.outcome)
        };
        self.store.refused(1000).await.unwrap().into_iter().map(line).collect()
    }

    /// The deliveries that were believed, as the store has them: `EVENT outcome`.
    pub async fn deliveries(&self) -> Vec<String> {
        let deliveries = self.store.deliveries(1000).await.unwrap();
        let refused = |it: &&hoist::app::ports::Delivery| {
            matches!(it.outcome, hoist::app::ports::DeliveryOutcome::Refused { .. })
        };
        let believed = deliveries.iter().filter(|it| !refused(it));
        believed.map(|it| format!("{} {:?}", it.event, it.outcome)).collect()
    }

    /// The tags an application was announced with, in order.
    pub async fn tags_of(&self, pipeline: &str, application: &str) -> Vec<String> {
        let key = hoist::domain::id::ApplicationKey {
            pipeline: pipeline.parse().unwrap(),
            application: application.parse().unwrap(),
        };
        let artifacts = self.store.load(&key).await.unwrap().artifacts;
        artifacts.iter().map(|artifact| artifact.version().to_owned()).collect()
    }

    pub async fn audit(&self) -> Vec<String> {
        let entries = self.store.audit(0, 100).await.unwrap();
        entries.iter().map(|it| format!("{}: {}", it.line.verb, it.line.text)).collect()
    }
}

const PUBLIC_URL: &str = "https://hoist.example.com";

/// The files that make an application of the pipeline `services`.
pub fn files_of(application: &str) -> [String; 2] {
    let folder = format!("environments/staging/apps/{application}");
    [format!("{folder}/kustomization.yaml"), format!("{folder}/values.yaml")]
}

fn policy(more: Vec<Source>) -> Policy {
    let services = pipeline("services", "ghcr.io/acme/{application}", Applications::Discover);
    let sites = Applications::Named(vec!["blue".parse().unwrap(), "green".parse().unwrap()]);
    let sites = pipeline("sites", "ghcr.io/acme/web/site", sites);
    let source = |name: &str, secrets: &[&str], images: &[&str]| Source {
        name: name.parse().unwrap(),
        proof: Proof::Secrets(secrets.iter().map(|it| (*it).to_owned().into()).collect()),
        images: images.iter().map(|image| image.parse().unwrap()).collect(),
        per_minute: if name == "actions" { 20 } else { 1000 },
    };
    Policy {
        pipelines: [services, sites].into_iter().map(|it| (it.name.clone(), it)).collect(),
        freezes: Vec::new(),
        sources: [
            source("actions", &[WHSEC], &["ghcr.io/acme/shop"]),
            source("ci", &[OLD_SECRET, SECRET], &["ghcr.io/acme/*", "ghcr.io/acme/web/*"]),
        ]
        .into_iter()
        .chain(more)
        .collect(),
        roles: Roles::new(),
        tokens: Vec::new(),
        notifiers: Vec::new(),
        people: Vec::new(),
        keep_deliveries: SignedDuration::from_hours(90 * 24),
        forge_hooks: Vec::new(),
        schedules: Vec::new(),
        public_url: PUBLIC_URL.into(),
    }
}

/// Every registry is asked where it stands; no test here gets that far.
pub fn no_registry() -> Arc<dyn Registry> {
    Arc::new(Registries::new(BTreeMap::new(), Arc::new(StillClock::default())).unwrap())
}

fn nobody() -> Watchers {
    let metrics = Arc::new(Prometheus::new().unwrap());
    Watchers::new(BTreeMap::new(), Arc::new(HttpCaller::new().unwrap()), metrics)
}

fn pipeline(name: &str, image: &str, applications: Applications) -> Pipeline {
    let template = |text: &str| Template::parse(text, &["application"]).unwrap();
    let rule = |file: &String| EditRule {
        file: template(file),
        target: Target::Image(template(image)),
        document: None,
    };
    let staging = Environment {
        name: "staging".parse().unwrap(),
        after: Vec::new(),
        branch: None,
        edits: files_of("{application}").iter().map(rule).collect(),
        gates: Vec::new(),
        merge: MergePolicy::Automatic,
        review: Review::default(),
        health: HealthRule::Nobody,
        on_unhealthy: Unhealthy::default(),
        rollback: hoist::domain::pipeline::RollbackRules::default(),
    };
    Pipeline {
        name: name.parse().unwrap(),
        repository: "gitops".parse().unwrap(),
        applications,
        image: template(image),
        accept: hoist::domain::accept::Accept::default(),
        verify: Verify { digest: DigestCheck::Announcer, ..Verify::default() },
        source_status: None,
        environments: vec![staging],
    }
}

/// The announcement of one version of the shop; `number` makes its tag and its digest.
pub fn shop(number: u64) -> Value {
    json!({
        "application": "shop",
        "image": "ghcr.io/acme/shop",
        "digest": format!("sha256:{number:064x}"),
        "tag": format!("v{number}"),
        "source": {
            "repository": "https://github.com/acme/shop",
            "commit": "9f2c",
            "ref": "refs/heads/main",
        },
        "build": {"url": "https://ci.example.com/1234", "id": "1234"},
        "actor": "alice",
    })
}

/// The same with a field changed; `null` leaves it out.
pub fn shop_with(field: &str, value: Value) -> Value {
    let mut body = shop(1);
    match field.split_once('.') {
        Some((outer, inner)) => body[outer][inner] = value,
        None => body[field] = value,
    }
    body
}

pub fn hub_signature(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// A request with these headers.
pub fn request(headers: &[(&str, &str)], body: &[u8]) -> Request<Body> {
    let mut request = Request::post("/hooks/artifacts");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_vec())).unwrap()
}

/// A request as `ci` sends it.
pub fn signed(body: &[u8]) -> Request<Body> {
    let signature = hub_signature(SECRET, body);
    request(&[JSON, ("x-hub-signature-256", &signature)], body)
}

pub const JSON: (&str, &str) = ("content-type", "application/json");

/// A request as `actions` sends it: Standard Webhooks.
pub fn signed_standard(id: &str, at: i64, body: &[u8]) -> Request<Body> {
    let key = STANDARD.decode(WHSEC.trim_start_matches("whsec_")).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body);
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let at = at.to_string();
    let headers = [
        JSON,
        ("webhook-id", id),
        ("webhook-timestamp", at.as_str()),
        ("webhook-signature", signature.as_str()),
    ];
    request(&headers, body)
}
