//! A whole hoist in a temporary folder, and everybody around it, in the words of the trade.
//!
//! The store, the mirror, the forge and the doors are the real ones; only time and chance are told
//! what to say. A test moves the clock; nothing happens unless it says [`Bot::work`].

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::Request;
use hoist::adapters::forge::builtin::BuiltinForge;
use hoist::app::ingest::identity::Issuers;
use hoist::app::ingest::send::{Outgoing, SenderProof, SignedAnnouncement};
use hoist::app::ports::{Clock, Dice, Forge, ForgeError, Proposal, ProposalState};
use hoist::app::views::{
    Allowance, CheckRequest, CheckWord, CommandView, EnvironmentView, FreezeRequest, HoldRequest,
    PromoteRequest, ProposalRequest, ResumeRequest, RollbackRequest, SkipRequest, ThawRequest,
};
use hoist::app::{App, AppError, Outside, Repository};
use hoist::domain::artifact::{Build, SourceCode};
use hoist::domain::command::{Identity, Newer, ProposalStep};
use hoist::domain::id::{ProposalNumber, RepositoryName};
use hoist::{config, http, scheduler, wiring};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tower::ServiceExt;
use url::Url;

use super::argocd::{self, ArgoCd};
use super::github::{self, GitHub, Key};
use super::gitlab::{self, GitLab};
use super::mortal::{Life, MortalGit, MortalStore};
use super::remote::Remote;
use super::ssh_server::SshServer;
use super::troubled::{Gate, Troubled};

pub const SECRET: &str = "what ci signs with";

/// Staging by itself, prod after half an hour and one approval.
pub const STAGING_THEN_PROD: [(&str, &str); 2] = [
    ("staging", "merge: automatic"),
    ("prod", "after: [staging], gates: [{soak: 30m}], merge: on-approval"),
];

/// Most tests are about what comes after a registry's word.
const NOBODY_IS_ASKED: &str = "    verify: {digest: none}\n";

/// The applications that stand in the repository from the beginning.
const APPLICATIONS: [&str; 2] = ["cart", "shop"];

/// A clock that stands still until a test moves it.
pub struct HandClock(AtomicU64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst).try_into().unwrap()).unwrap()
    }
}

/// Counts, so that what is made later sorts later.
#[derive(Default)]
struct CountingDice(AtomicU64);

impl Dice for CountingDice {
    fn roll(&self) -> u128 {
        self.0.fetch_add(1, Ordering::SeqCst).into()
    }
}

/// hoist, and whoever stands around it.
pub struct Bot {
    /// The GitOps repository, and a person with a clone of it.
    pub remote: Remote,
    home: TempDir,
    clock: Arc<HandClock>,
    dice: Arc<CountingDice>,
    app: Option<Arc<App>>,
}

impl Bot {
    /// Runs with [`STAGING_THEN_PROD`]. Nobody has looked at the repository yet.
    pub async fn new() -> Self {
        Self::with(&STAGING_THEN_PROD).await
    }

    /// Runs with these environments: a name, and what its entry says besides `edit`.
    pub async fn with(environments: &[(&str, &str)]) -> Self {
        let bot = Self::asleep(environments);
        let app = bot.wake(None).await;
        Self { app: Some(Arc::new(app)), ..bot }
    }

    /// Has its files on disk, and does not run.
    pub fn asleep(environments: &[(&str, &str)]) -> Self {
        let mut files = vec![("README.md".to_owned(), "What runs where.\n".to_owned())];
        for (environment, _) in environments {
            for application in APPLICATIONS {
                let text = kustomization(application, "v1.0.0");
                files.push((file(environment, application), text));
            }
        }
        let files: Vec<_> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
        let remote = Remote::with_main(&files);
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("pipelines.yaml"), pipelines(environments)).unwrap();
        std::fs::write(home.path().join("ci-secret"), SECRET).unwrap();
        let begin = 1_795_381_200; // 2026-11-22T21:00:00Z
        let clock = Arc::new(HandClock(AtomicU64::new(begin)));
        let bot = Self { remote, home, clock, dice: Arc::default(), app: None };
        std::fs::write(bot.config(), bot.process_file()).unwrap();
        bot
    }

    /// Runs with [`STAGING_THEN_PROD`] and a rule of the pipeline's, as `moved_tags: ask`.
    pub async fn with_rule(rule: &str) -> Self {
        let bot = Self::asleep(&STAGING_THEN_PROD);
        let mut policy = pipelines(&STAGING_THEN_PROD);
        if rule.starts_with("verify") {
            policy = policy.replace(NOBODY_IS_ASKED, "");
        }
        let policy = policy.replace("discover\n", &format!("discover\n    {rule}\n"));
        std::fs::write(bot.home.path().join("pipelines.yaml"), policy).unwrap();
        let app = bot.wake(None).await;
        Self { app: Some(Arc::new(app)), ..bot }
    }

    /// The same, with its images in a registry at that address.
    pub async fn with_registry(rule: &str, url: &str) -> Self {
        let mut bot = Self::with_rule(rule).await;
        let entry = format!("registries: {{ghcr.io: {{url: \"{url}\"}}}}\n");
        std::fs::write(bot.config(), bot.process_file() + &entry).unwrap();
        bot.restart().await;
        bot
    }

    /// Runs with an Argo CD, which `health: {argocd: main, …}` means.
    pub async fn with_argocd(environments: &[(&str, &str)], argocd: &ArgoCd) -> Self {
        let bot = Self::asleep(environments);
        let token = bot.home.path().join("argocd-token");
        std::fs::write(&token, argocd::TOKEN).unwrap();
        let entry = format!(
            "argocd:\n  main: {{url: \"{}\", token: {{file: \"{1}\"}}, \
             webhook_secret: {{file: \"{1}\"}}}}\n",
            argocd.url(),
            token.display()
        );
        std::fs::write(bot.config(), bot.process_file() + &entry).unwrap();
        let app = bot.wake(None).await;
        Self { app: Some(Arc::new(app)), ..bot }
    }

    /// Runs with its repository on a GitHub, which knows bob by another name.
    pub async fn on_github(environments: &[(&str, &str)]) -> (Self, GitHub) {
        Self::on_github_merging(environments, "merge").await
    }

    /// The same, with the method by which GitHub merges.
    pub async fn on_github_merging(environments: &[(&str, &str)], method: &str) -> (Self, GitHub) {
        let bot = Self::asleep(environments);
        let hub = GitHub::start(bot.remote.path()).await;
        let at = format!("github, url: \"{}\", api: \"{}\"", hub.git(), hub.api());
        bot.move_to(&at, github::TOKEN, method);
        let app = bot.wake(None).await;
        (Self { app: Some(Arc::new(app)), ..bot }, hub)
    }

    /// The same, where hoist is an App whose tokens end.
    pub async fn on_github_as_an_app(environments: &[(&str, &str)]) -> (Self, GitHub) {
        let bot = Self::asleep(environments);
        let hub = GitHub::start(bot.remote.path()).await;
        let key = Key::make();
        hub.install_app(1234, &key);
        let at = format!("github, url: \"{}\", api: \"{}\"", hub.git(), hub.api());
        bot.move_to(&at, &key.private, "merge");
        let text = std::fs::read_to_string(bot.config()).unwrap();
        let text = text.replace("{token: {file", "{app_id: 1234, private_key: {file");
        std::fs::write(bot.config(), text).unwrap();
        let app = bot.wake(None).await;
        (Self { app: Some(Arc::new(app)), ..bot }, hub)
    }

    /// The same, where GitHub makes the commits for the App.
    pub async fn on_github_that_commits(environments: &[(&str, &str)]) -> (Self, GitHub) {
        let (mut bot, hub) = Self::on_github_as_an_app(environments).await;
        bot.change_the_process_file(|text| {
            text.replace("webhook_secret: ", "commits: api, webhook_secret: ")
        })
        .await;
        (bot, hub)
    }

    /// The same, where Git goes by SSH and only questions by https.
    pub async fn on_github_by_ssh(environments: &[(&str, &str)]) -> (Self, GitHub, SshServer) {
        let bot = Self::asleep(environments);
        let hub = GitHub::start(bot.remote.path()).await;
        let ssh = bot.move_behind_ssh("github", "acme/gitops.git", (hub.api(), github::TOKEN));
        let app = bot.wake(None).await;
        (Self { app: Some(Arc::new(app)), ..bot }, hub, ssh)
    }

    /// The same on a GitLab.
    pub async fn on_gitlab_by_ssh(environments: &[(&str, &str)]) -> (Self, GitLab, SshServer) {
        let bot = Self::asleep(environments);
        let lab = GitLab::start(bot.remote.path()).await;
        let path = format!("{}.git", gitlab::PROJECT);
        let ssh = bot.move_behind_ssh("gitlab", &path, (lab.api(), gitlab::TOKEN));
        let app = bot.wake(None).await;
        (Self { app: Some(Arc::new(app)), ..bot }, lab, ssh)
    }

    fn move_behind_ssh(&self, forge: &str, path: &str, (api, token): (Url, &str)) -> SshServer {
        let ssh = SshServer::start(self.home.path());
        ssh.name(path, self.remote.path());
        let at = format!(
            "{forge}, url: \"ssh://{}@127.0.0.1:{}/{path}\", api: \"{api}\", \
             known_hosts: [\"{}\"]",
            ssh.user,
            ssh.port,
            ssh.fingerprint("host_ed25519"),
        );
        self.move_to(&at, token, "merge");
        let key = format!("credentials: {{ssh_key: {{file: \"{}\"}}, ", ssh.file("key").display());
        let text = std::fs::read_to_string(self.config()).unwrap().replace("credentials: {", &key);
        std::fs::write(self.config(), text).unwrap();
        ssh
    }

    /// Runs with its repository on a GitLab, which knows bob by another name.
    pub async fn on_gitlab(environments: &[(&str, &str)]) -> (Self, GitLab) {
        let bot = Self::asleep(environments);
        let lab = GitLab::start(bot.remote.path()).await;
        let at = format!("gitlab, url: \"{}\", api: \"{}\"", lab.git(), lab.api());
        bot.move_to(&at, gitlab::TOKEN, "merge");
        let app = bot.wake(None).await;
        (Self { app: Some(Arc::new(app)), ..bot }, lab)
    }

    /// Writes into its process file that its repository is on a forge.
    fn move_to(&self, at: &str, token: &str, method: &str) {
        let place = |name: &str| self.home.path().join(name);
        std::fs::write(place("forge-token"), token).unwrap();
        std::fs::write(place("forge-secret"), SECRET).unwrap();
        let builtin = format!("{{forge: builtin, url: \"{}\", branch: main}}", self.remote.url());
        let there = format!(
            "{{forge: {at}, credentials: {{token: {{file: \"{}\"}}}}, \
             webhook_secret: {{file: \"{}\"}}, merge_method: {method}}}",
            place("forge-token").display(),
            place("forge-secret").display(),
        );
        let text = self.process_file();
        assert!(text.contains(&builtin) && text.contains("bob: {}, carol: {}, dora: {}"), "{text}");
        let text = text
            .replace(&builtin, &there)
            .replace("bob: {}", "bob: {github: Bobby, gitlab: Bobby}")
            .replace("dora: {}", "dora: {github: dora, gitlab: dora}");
        std::fs::write(self.config(), text).unwrap();
    }

    /// The process file, for a real process.
    pub fn config(&self) -> PathBuf {
        self.home.path().join("hoist.yaml")
    }

    fn process_file(&self) -> String {
        let home = self.home.path().display();
        let mut text = format!(
            "listen: 127.0.0.1:1\n\
             public_url: https://hoist.example.com\n\
             store: sqlite://{home}/var/hoist.db\n\
             data: {home}/var\n\
             pipelines: {home}/pipelines.yaml\n\
             repositories:\n  gitops: {{forge: builtin, url: \"{}\", branch: main}}\n\
             sources:\n  ci: {{hmac: {{file: \"{home}/ci-secret\"}}, images: [\"ghcr.io/acme/*\"]}}\n\
             people: {{alice: {{}}, bob: {{}}, carol: {{}}, dora: {{}}}}\n\
             roles:\n\
             \x20 reviewers:\n    people: [alice, bob, carol]\n    \
             may: [review, merge, promote, rollback, hold, resume, status, audit]\n    \
             environments: [\"*\"]\n\
             \x20 on-call:\n    people: [dora]\n    \
             may: [review, merge, promote, rollback, hold, resume, freeze, skip-gates, status, audit]\n    \
             environments: [\"*\"]\n\
             tokens:\n",
            self.remote.url(),
        );
        for person in ["alice", "bob", "carol", "dora"] {
            let sha256 = hex::encode(Sha256::digest(token(person)));
            let _ = writeln!(
                text,
                "  - {{name: {person}s-laptop, person: {person}, sha256: \"{sha256}\", roles: []}}"
            );
        }
        text
    }

    /// Opens everything anew, as a start of the process does; mortal, if it is given a life.
    async fn wake(&self, life: Option<&Arc<Life>>) -> App {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let App { mut store, mut repositories, watchers, registry, policy, chat, .. } =
            self.open(&clock).await;
        if let Some(life) = life {
            store = Arc::new(MortalStore { store, life: Arc::clone(life) });
            for (name, repository) in &mut repositories {
                let git = Arc::clone(&repository.git);
                let git = Arc::new(MortalGit { git, life: Arc::clone(life) });
                let forge = BuiltinForge::new(git.clone(), name, &policy.public_url);
                let Repository { branch, commits, .. } = repository.clone();
                *repository = Repository { git, forge: Arc::new(forge), branch, commits };
            }
        }
        App::new(
            store,
            Outside { repositories, watchers, issuers: Issuers::new(), registry },
            policy,
            clock,
            self.dice.clone(),
        )
        .with_chat(chat)
    }

    /// Waits for the store's lock: a program that another test is just starting shares it for the
    /// moment between its fork and its exec.
    async fn open(&self, clock: &Arc<dyn Clock>) -> App {
        for _ in 0..500 {
            let configuration = config::load(&self.config()).unwrap();
            match wiring::app_at(configuration, Arc::clone(clock)).await {
                Ok((app, _)) => return app,
                Err(error) if format!("{error:#}").contains("another hoist uses") => {
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                }
                Err(error) => panic!("{error:#}"),
            }
        }
        panic!("the store stays locked")
    }

    /// The process ends between two steps, and starts again on the same disk.
    pub async fn restart(&mut self) {
        self.app = None;
        self.app = Some(Arc::new(self.wake(None).await));
    }

    /// The process file is changed, and the process starts anew with it.
    pub async fn change_the_process_file(&mut self, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(self.config()).unwrap();
        std::fs::write(self.config(), change(text)).unwrap();
        self.restart().await;
    }

    /// The process ends.
    pub fn stop(&mut self) {
        self.app = None;
    }

    /// The pipelines file gets more, and the process starts anew with it.
    pub async fn add_to_the_pipelines(&mut self, more: &str) {
        let path = self.home.path().join("pipelines.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, text + more).unwrap();
        self.restart().await;
    }

    /// Something in the pipelines file is another, and the process starts anew with it.
    pub async fn change_the_pipelines(&mut self, from: &str, to: &str) {
        let path = self.home.path().join("pipelines.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
        self.restart().await;
    }

    /// The process ends, and the disk with the store and the mirror is lost.
    pub fn stop_and_lose_the_store(&mut self) {
        self.app = None;
        std::fs::remove_dir_all(self.home.path().join("var")).unwrap();
    }

    /// The disk with the store and the mirror is lost, and the process starts on a new one.
    pub async fn lose_the_store(&mut self) {
        self.stop_and_lose_the_store();
        self.app = Some(Arc::new(self.wake(None).await));
    }

    /// The shop's promotions by environment, as [`Bot::history`] has them.
    pub async fn history_by_place(&self) -> String {
        Self::by_place(&self.history().await)
    }

    /// The lines of a history with those of one environment together, each in its order.
    pub fn by_place(history: &str) -> String {
        let mut lines: Vec<&str> = history.lines().collect();
        lines.sort_by_key(|line| line.split(' ').next().unwrap().to_owned());
        lines.join("\n")
    }

    /// The process starts again; half of the forge's answers and of the fetches are lost to it,
    /// and it ends at a point that `life` knows.
    pub async fn restart_in_trouble(&mut self, life: &Arc<Life>) {
        self.app = None;
        let mut app = self.wake(Some(life)).await;
        for repository in app.repositories.values_mut() {
            repository.forge = Arc::new(Troubled::new(Arc::clone(&repository.forge)));
            repository.git = Arc::new(Troubled::new(Arc::clone(&repository.git)));
        }
        self.app = Some(Arc::new(app));
    }

    /// The process starts again, reaches its repository through the file system, and a forge at
    /// another pace: what keeps to the pace of a real one would take a test an hour.
    pub async fn restart_in_a_hurry(&mut self, forge: Arc<dyn Forge>) {
        self.app = None;
        let mut app = self.wake(None).await;
        for repository in app.repositories.values_mut() {
            repository.git = Arc::new(self.remote.mirror());
            repository.forge = Arc::clone(&forge);
        }
        self.app = Some(Arc::new(app));
    }

    /// The process starts again with `--read-only`.
    pub async fn restart_read_only(&mut self) {
        self.app = None;
        let mut app = self.wake(None).await;
        app.mode = hoist::app::Mode::ReadOnly;
        self.app = Some(Arc::new(app));
    }

    /// The process starts again with a forge whose merges wait at the gate.
    pub async fn restart_with_slow_merges(&mut self) -> Arc<Gate> {
        self.app = None;
        let mut app = self.wake(None).await;
        let gate = Arc::new(Gate::default());
        for repository in app.repositories.values_mut() {
            repository.forge = Arc::new(Troubled::slow(Arc::clone(&repository.forge), &gate));
        }
        self.app = Some(Arc::new(app));
        gate
    }

    /// The process starts again with a forge whose turns to merge are waited for at the gate.
    pub async fn restart_with_late_turns(&mut self) -> Arc<Gate> {
        self.app = None;
        let mut app = self.wake(None).await;
        let gate = Arc::new(Gate::default());
        for repository in app.repositories.values_mut() {
            repository.forge = Arc::new(Troubled::busy(Arc::clone(&repository.forge), &gate));
        }
        self.app = Some(Arc::new(app));
        gate
    }

    /// The process starts again, and will end at a point that `life` knows.
    pub async fn restart_mortal(&mut self, life: &Arc<Life>) {
        self.app = None;
        self.app = Some(Arc::new(self.wake(Some(life)).await));
    }

    pub fn app(&self) -> &Arc<App> {
        self.app.as_ref().unwrap()
    }

    fn repository(&self) -> &Repository {
        &self.app().repositories[&"gitops".parse::<RepositoryName>().unwrap()]
    }

    // Time and work.

    pub fn seconds_pass(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn minutes_pass(&self, minutes: u64) {
        self.clock.0.fetch_add(minutes * 60, Ordering::SeqCst);
    }

    pub fn clock_goes_back(&self, minutes: u64) {
        self.clock.0.fetch_sub(minutes * 60, Ordering::SeqCst);
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// hoist does what it was woken for, and nothing else.
    pub async fn work_off(&self) {
        scheduler::work_off(self.app()).await;
    }

    /// Time passes, and hoist looks every half minute.
    pub async fn watch(&self, minutes: u64) {
        for _ in 0..minutes * 2 {
            self.clock.0.fetch_add(29, Ordering::SeqCst);
            self.work().await;
        }
    }

    /// hoist looks at everything and does what there is to do, until nothing is.
    pub async fn work(&self) {
        // What happens later has a later time.
        self.clock.0.fetch_add(1, Ordering::SeqCst);
        scheduler::sweep(self.app()).await;
        scheduler::work_off(self.app()).await;
    }

    // CI.

    /// CI announces a version of the shop; the answer's status.
    pub async fn announce(&self, version: &str) -> u16 {
        self.announce_of("shop", version).await
    }

    pub async fn announce_of(&self, application: &str, version: &str) -> u16 {
        self.send(announcement(application, version)).await
    }

    /// CI announces again what it announced, in a delivery of its own.
    pub async fn announce_in_another_delivery(&self, version: &str) -> u16 {
        let mut request = announcement("shop", version);
        request.headers_mut().remove("x-hoist-delivery");
        self.send(request).await
    }

    /// CI announces another digest under a tag that it announced before.
    pub async fn announce_moved(&self, tag: &str, digest: &str) -> u16 {
        let outgoing = Outgoing { digest: digest.parse().unwrap(), ..outgoing("shop", tag) };
        self.send(request(outgoing.signed(&SECRET.to_owned().into()))).await
    }

    /// CI announces what is under a tag, and that it was built from a commit.
    pub async fn announce_pushed(&self, tag: &str, digest: &str, commit: &str) -> u16 {
        let mut outgoing = Outgoing { digest: digest.parse().unwrap(), ..outgoing("shop", tag) };
        outgoing.source.commit = Some(commit.to_owned());
        self.send(request(outgoing.signed(&SECRET.to_owned().into()))).await
    }

    /// CI announces a version of the shop and does not say who started the build.
    pub async fn announce_by_nobody(&self, version: &str) -> u16 {
        let outgoing = Outgoing { actor: None, ..outgoing("shop", version) };
        self.send(request(outgoing.signed(&SECRET.to_owned().into()))).await
    }

    /// CI announces a version of the shop, and says of it what it likes.
    pub async fn announce_in_words(
        &self,
        version: &str,
        words: impl FnOnce(&mut Outgoing),
    ) -> (u16, String) {
        let mut outgoing = outgoing("shop", version);
        words(&mut outgoing);
        let request = request(outgoing.signed(&SECRET.to_owned().into()));
        let answer = http::router(Arc::clone(self.app())).oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// CI announces a version of the shop and what it was built from.
    pub async fn announce_built_from(&self, version: &str, source: SourceCode) -> u16 {
        let outgoing = Outgoing { source, ..outgoing("shop", version) };
        self.send(request(outgoing.signed(&SECRET.to_owned().into()))).await
    }

    /// What CI is told when it announces a version of the shop: why it does not go, if it does not.
    pub async fn told_at_once(&self, version: &str) -> String {
        let router = http::router(Arc::clone(self.app()));
        let response = router.oneshot(request(signed("shop", version))).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let view: serde_json::Value = serde_json::from_slice(&body).unwrap();
        view["why"].as_str().unwrap_or("-").to_owned()
    }

    /// How far a version of the shop has come, as its pipeline is told: `arrival state: words`.
    pub async fn progress(&self, version: &str, environment: &str) -> String {
        let path = format!("/hooks/artifacts/progress?environment={environment}");
        let router = http::router(Arc::clone(self.app()));
        let response = router.oneshot(request_to(&path, signed("shop", version))).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let view: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let Some(shop) = view["applications"].get(0) else { return view["detail"].to_string() };
        let word = |name: &str| shop[name].as_str().unwrap().to_owned();
        format!("{} {}: {}", word("arrival"), word("state"), word("told"))
    }

    /// Argo CD says that something happened; the answer's status.
    pub async fn notify(&self, authorization: &str, body: &str) -> u16 {
        let request = Request::post("/hooks/argocd")
            .header("content-type", "application/json")
            .header("authorization", authorization)
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.send(request).await
    }

    /// A forge says that something happened in a repository; the answer's status and body.
    pub async fn forge_says(
        &self,
        repository: &str,
        headers: [(&str, &str); 3],
        body: &str,
    ) -> (u16, String) {
        let mut request = Request::post(format!("/hooks/forge/{repository}"))
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let answer = http::router(Arc::clone(self.app())).oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn send(&self, request: Request<Body>) -> u16 {
        let router = http::router(Arc::clone(self.app()));
        router.oneshot(request).await.unwrap().status().as_u16()
    }

    // People on the page and at the command line.

    /// A page of hoist's, as somebody sees it who has signed in.
    pub async fn page(&self, person: &str, path: &str) -> String {
        let router = http::router(Arc::clone(self.app()));
        let form = Request::post("/sign-in")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", self.app().policy.public_url.trim_end_matches('/'))
            .body(Body::from(format!("token={}", token(person).replace(' ', "+"))));
        let answer = router.clone().oneshot(form.unwrap()).await.unwrap();
        let cookies = answer.headers().get_all("set-cookie").iter();
        let cookies: Vec<&str> =
            cookies.filter_map(|it| it.to_str().unwrap().split(';').next()).collect();
        let request = Request::get(path).header("cookie", cookies.join("; "));
        let answer = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 24).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// What Prometheus reads.
    pub async fn metrics(&self) -> String {
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let answer = http::router(Arc::clone(self.app())).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        let body = axum::body::to_bytes(answer.into_body(), 1 << 24).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    async fn identity(&self, person: &str) -> Identity {
        self.app().identify(&token(person)).await.unwrap()
    }

    /// The environment of the shop, as `hoist status` has it.
    pub async fn environment(&self, environment: &str) -> EnvironmentView {
        let view = self.app().application("shop").await.unwrap();
        let mut all = view.environments.into_iter();
        all.find(|it| it.environment.as_str() == environment).unwrap()
    }

    /// A person takes a step on the open proposal of the shop; the answer, or why not.
    pub async fn step(
        &self,
        person: &str,
        environment: &str,
        step: ProposalStep,
    ) -> Result<String, String> {
        let next = self.environment(environment).await.next.unwrap();
        let request = ProposalRequest {
            step,
            head: None,
            comment: Some("a word about it".into()),
            check: None,
        };
        let app = self.app();
        said(app.review(&self.identity(person).await, next.promotion.as_str(), request).await)
    }

    /// Somebody tells what a check found on the open proposal of the shop; the answer, or why not.
    pub async fn report(
        &self,
        person: &str,
        environment: &str,
        (name, state): (&str, CheckWord),
    ) -> Result<String, String> {
        let next = self.environment(environment).await.next.unwrap();
        let request = ProposalRequest {
            step: ProposalStep::Check,
            head: None,
            comment: Some("https://ci.example.com/7".into()),
            check: Some(CheckRequest { name: name.into(), state }),
        };
        let app = self.app();
        said(app.review(&self.identity(person).await, next.promotion.as_str(), request).await)
    }

    pub async fn approve(&self, person: &str, environment: &str) {
        self.step(person, environment, ProposalStep::Approve).await.unwrap();
    }

    /// The shop's newest version goes all the way into prod.
    pub async fn bring_into_prod(&self, version: &str) {
        self.propose_to_prod(version).await;
        self.approve("bob", "prod").await;
        self.work().await;
    }

    /// The shop's newest version goes as far as it does without people.
    pub async fn propose_to_prod(&self, version: &str) {
        self.announce(version).await;
        self.work().await;
        self.minutes_pass(30);
        self.work().await;
    }

    pub async fn close(&self, person: &str, environment: &str) {
        self.step(person, environment, ProposalStep::Close).await.unwrap();
    }

    pub async fn promote(&self, person: &str, request: PromoteRequest) -> Result<String, String> {
        said(self.app().promote(&self.identity(person).await, request).await)
    }

    pub async fn roll_back(&self, person: &str, to: Option<&str>) -> Result<String, String> {
        let request = RollbackRequest {
            application: "shop".into(),
            environment: "prod".into(),
            to: to.map(str::to_owned),
            reason: Some("payments fail".into()),
            over_drift: false,
            everywhere: false,
        };
        said(self.app().roll_back(&self.identity(person).await, request).await)
    }

    pub async fn hold(&self, person: &str) -> Result<String, String> {
        said(self.app().hold(&self.identity(person).await, hold("freeze week")).await)
    }

    /// The same for a length of time.
    pub async fn hold_for(&self, person: &str, length: &str) -> Result<String, String> {
        let hold = HoldRequest { length: Some(length.into()), ..hold("freeze week") };
        said(self.app().hold(&self.identity(person).await, hold).await)
    }

    /// Freezes an environment, or all with `*`, for a length of time or until it is thawed.
    pub async fn freeze(
        &self,
        person: &str,
        environment: &str,
        length: Option<&str>,
    ) -> Result<String, String> {
        self.freeze_allowing(person, (environment, length), &[]).await
    }

    /// The same, with what goes in nevertheless.
    pub async fn freeze_allowing(
        &self,
        person: &str,
        (environment, length): (&str, Option<&str>),
        allow: &[Allowance],
    ) -> Result<String, String> {
        let request = FreezeRequest {
            environment: environment.into(),
            length: length.map(str::to_owned),
            reason: "INC-123".into(),
            allow: allow.to_vec(),
        };
        said(self.app().freeze(&self.identity(person).await, request).await)
    }

    pub async fn skip(&self, person: &str, request: SkipRequest) -> Result<String, String> {
        said(self.app().skip(&self.identity(person).await, request).await)
    }

    pub async fn thaw(&self, person: &str, environment: &str) -> Result<String, String> {
        let request = ThawRequest { environment: environment.into(), reason: None };
        said(self.app().thaw(&self.identity(person).await, request).await)
    }

    pub async fn resume(&self, person: &str) -> Result<String, String> {
        self.resume_with(person, Some(Newer::With)).await
    }

    pub async fn resume_with(&self, person: &str, newer: Option<Newer>) -> Result<String, String> {
        let request = ResumeRequest {
            application: "shop".into(),
            environment: "prod".into(),
            newer,
            reason: Some("all is well".into()),
        };
        said(self.app().resume(&self.identity(person).await, request).await)
    }

    /// A rollback with everything that can be said of it.
    pub async fn roll_back_as(
        &self,
        person: &str,
        request: RollbackRequest,
    ) -> Result<String, String> {
        said(self.app().roll_back(&self.identity(person).await, request).await)
    }

    // People with a clone.

    /// A person adds applications to an environment.
    pub fn add_applications(&self, environment: &str, names: &[String]) {
        let files = names.iter().map(|it| (file(environment, it), kustomization(it, "v1.0.0")));
        self.remote.add_files(&files.collect::<Vec<_>>());
    }

    /// A person changes a file on main.
    pub fn edit_main(&self, path: &str, from: &str, to: &str) {
        self.edit("main", path, from, to);
    }

    /// A person changes a file on a branch.
    pub fn edit(&self, branch: &str, path: &str, from: &str, to: &str) {
        let text = self.file_on(branch, path);
        assert!(text.contains(from), "{path} on {branch} has no {from:?}:\n{text}");
        self.remote.push(branch, branch, path, &text.replacen(from, to, 1));
    }

    /// A file as the repository has it.
    pub fn file_on(&self, branch: &str, path: &str) -> String {
        self.remote.ask(&["show", &format!("{branch}:{path}")]) + "\n"
    }

    /// The line of the shop's file that holds its version, on main.
    pub fn version_line(&self, environment: &str) -> String {
        self.version_line_of(environment, "shop")
    }

    /// The same of another application.
    pub fn version_line_of(&self, environment: &str, application: &str) -> String {
        let text = self.file_on("main", &file(environment, application));
        text.lines().find(|line| line.contains("newTag")).unwrap().trim().to_owned()
    }

    // What is to be seen.

    /// Every environment of the shop in a line.
    pub async fn status(&self) -> String {
        self.status_of("shop").await
    }

    pub async fn status_of(&self, application: &str) -> String {
        let view = self.app().application(application).await.unwrap();
        let lines: Vec<String> = view.environments.iter().map(line).collect();
        plain(&lines.join("\n"))
    }

    /// Every application in every environment.
    pub async fn overview(&self) -> String {
        let mut text = String::new();
        for view in self.app().status().await.unwrap().applications {
            for environment in &view.environments {
                let _ = writeln!(text, "{} {}", view.application, line(environment));
            }
        }
        plain(&text)
    }

    /// What is on main, oldest first, one line a merge.
    pub fn git_log(&self) -> String {
        self.remote.ask(&["log", "--first-parent", "--reverse", "--format=%s", "main"])
    }

    /// The whole message of the newest commit on a branch.
    pub fn message_on(&self, branch: &str) -> String {
        plain(&self.remote.ask(&["log", "-1", "--format=%B", branch]))
    }

    /// What hoist and people said on a proposal.
    pub async fn comments(&self, number: u64) -> String {
        let comments = self.proposal(number).await.comments;
        let lines: Vec<_> = comments.iter().map(|it| format!("{}: {}", it.by, it.body)).collect();
        plain(&lines.join("\n"))
    }

    /// The proposals as the forge has them, one line each.
    pub async fn proposals(&self) -> String {
        let mut lines = Vec::new();
        for number in 1.. {
            let Some(it) = self.find_proposal(number).await else { break };
            let state = match it.state {
                ProposalState::Open => "open".to_owned(),
                ProposalState::Merged { by, .. } => {
                    format!("merged by {}", by.map_or("somebody".into(), String::from))
                }
                ProposalState::Closed { by, .. } => {
                    format!("closed by {}", by.map_or("somebody".into(), String::from))
                }
            };
            lines.push(format!("#{number} {}: {state}", it.title));
        }
        lines.join("\n")
    }

    pub async fn proposal(&self, number: u64) -> Proposal {
        self.find_proposal(number).await.unwrap()
    }

    async fn find_proposal(&self, number: u64) -> Option<Proposal> {
        let Repository { git, forge, .. } = self.repository();
        git.fetch().await.unwrap();
        match forge.load(ProposalNumber(number)).await {
            Ok(proposal) => Some(proposal),
            Err(ForgeError::NotFound(_)) => None,
            Err(error) => panic!("{error:?}"),
        }
    }

    /// The statuses on a proposal's head, by context.
    pub async fn statuses(&self, number: u64) -> String {
        let statuses = self.proposal(number).await.statuses;
        let line = |(context, status): (&String, &hoist::app::ports::Status)| {
            format!("{context} {:?}: {}", status.state, status.description)
        };
        statuses.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// The shop's promotions, oldest first: kind, version, where, state.
    pub async fn history(&self) -> String {
        self.history_of("shop").await
    }

    /// The same of another application.
    pub async fn history_of(&self, application: &str) -> String {
        let history = self.app().history(application, None).await.unwrap();
        let line = |it: &hoist::app::views::HistoryPromotion| {
            format!(
                "{} {} {} {}: {}",
                it.environment, it.kind, it.version, it.requested_by, it.state
            )
        };
        history.promotions.iter().rev().map(line).collect::<Vec<_>>().join("\n")
    }

    /// What was done, oldest first: the verbs of the audit log that concern the shop.
    pub async fn deeds(&self) -> String {
        let audit = self.app().audit(0, 1000).await.unwrap();
        let of_shop = audit.iter().filter(|it| {
            it.application.as_ref().is_some_and(|application| application.as_str() == "shop")
        });
        let deed = |it: &hoist::app::views::HistoryLine| {
            let place = it.environment.as_ref().map_or("-", |name| name.as_str());
            format!("{} {} {place}", it.actor, it.verb)
        };
        of_shop.map(deed).collect::<Vec<_>>().join("\n")
    }

    /// Takes the repository away, as an outage does; [`Bot::the_remote_comes_back`] ends it.
    pub fn the_remote_goes_away(&self) {
        std::fs::rename(self.remote.path(), self.home.path().join("away.git")).unwrap();
    }

    pub fn the_remote_comes_back(&self) {
        std::fs::rename(self.home.path().join("away.git"), self.remote.path()).unwrap();
    }
}

/// The shop's file, and everybody else's.
pub fn file(environment: &str, application: &str) -> String {
    format!("environments/{environment}/apps/{application}/kustomization.yaml")
}

/// What `hoist promote shop prod` asks.
pub fn promote_to_prod(version: Option<&str>) -> PromoteRequest {
    PromoteRequest {
        application: "shop".into(),
        environment: "prod".into(),
        version: version.map(str::to_owned),
        tag: None,
        digest: None,
        reason: Some("it is wanted".into()),
        allow_older: false,
        skip: Vec::new(),
        force_bad: false,
    }
}

/// What CI says, signed.
pub fn signed(application: &str, version: &str) -> SignedAnnouncement {
    outgoing(application, version).signed(&SECRET.to_owned().into())
}

fn outgoing(application: &str, version: &str) -> Outgoing {
    Outgoing {
        application: Some(application.parse().unwrap()),
        image: format!("ghcr.io/acme/{application}").parse().unwrap(),
        digest: digest(application, version).parse().unwrap(),
        tag: Some(version.parse().unwrap()),
        version: None,
        source: SourceCode {
            repository: Some(format!("https://github.com/acme/{application}")),
            commit: Some(format!("9f2c-{version}")),
            reference: Some("refs/heads/main".into()),
        },
        build: Build::default(),
        actor: Some("alice".into()),
    }
}

/// A request as CI sends it.
fn announcement(application: &str, version: &str) -> Request<Body> {
    request(signed(application, version))
}

fn request(signed: SignedAnnouncement) -> Request<Body> {
    request_to("/hooks/artifacts", signed)
}

fn request_to(path: &str, signed: SignedAnnouncement) -> Request<Body> {
    let SenderProof::Signature(signature) = signed.proof else { panic!("it is signed") };
    Request::post(path)
        .header("content-type", "application/json")
        .header("x-hub-signature-256", signature)
        .header("x-hoist-delivery", signed.delivery)
        .body(Body::from(signed.body))
        .unwrap()
}

/// The digest that a version of an application always has.
pub fn digest(application: &str, version: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(format!("{application} {version}"))))
}

fn token(person: &str) -> String {
    format!("the token of {person}")
}

fn hold(reason: &str) -> HoldRequest {
    HoldRequest {
        application: "shop".into(),
        environment: "prod".into(),
        length: None,
        reason: Some(reason.into()),
    }
}

fn said(answer: Result<CommandView, AppError>) -> Result<String, String> {
    answer.map(|view| view.message).map_err(|error| error.to_string())
}

/// A text without what no reader knows by heart: commits, digests and our own ids.
pub fn plain(text: &str) -> String {
    let mut plain = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let end = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_hex = end.bytes().all(|b| b.is_ascii_hexdigit());
        plain.push_str(match end.len() {
            64 if is_hex => "DIGEST",
            7..=40 if is_hex => "COMMIT",
            26 if end.starts_with("01") => "ID",
            _ => end,
        });
        plain.push_str(&word[end.len()..]);
    }
    plain
}

fn line(view: &EnvironmentView) -> String {
    let version = view.version.as_deref().unwrap_or("unknown");
    let mut text = format!("{}: {version}, {}", view.environment, view.state);
    if let Some(next) = &view.next {
        let _ = write!(text, ", next {} {}", next.version, next.state);
        if let Some(number) = next.proposal {
            let _ = write!(text, " in {number}");
        }
    }
    for behind in &view.behind {
        let _ = write!(text, ", then {} {}", behind.version, behind.state);
    }
    for next in view.next.iter().chain(&view.behind) {
        if let Some(waits_for) = &next.waits_for {
            let _ = write!(text, " ({waits_for})");
        }
    }
    if let Some(hold) = &view.hold {
        let _ = write!(text, " (held by {}: {})", hold.by, hold.reason.as_deref().unwrap_or("-"));
    }
    if let Some(waits_for) = &view.waits_for {
        let _ = write!(text, " ({waits_for})");
    }
    text
}

fn kustomization(application: &str, version: &str) -> String {
    format!(
        "# {application}: asked for by the shop's team\n\
         resources:\n  - ../../../../base/{application}\n\
         images:\n  - name: ghcr.io/acme/{application}\n    \
         newTag: {version} # hoist writes this\n\
         labels:\n  - pairs: {{team: shop}}\n\n\
         replicas:\n  - name: {application}\n    count: 2 # two are enough\n"
    )
}

fn pipelines(environments: &[(&str, &str)]) -> String {
    let mut text =
        "pipelines:\n  services:\n    repository: gitops\n    applications: discover\n    \
                    verify: {digest: none}\n    image: ghcr.io/acme/{application}\n    environments:\n"
            .to_owned();
    for (name, rest) in environments {
        let path = file(name, "{application}");
        let _ = writeln!(
            text,
            "      - {{name: {name}, edit: [{{file: \"{path}\", \
             kustomize_image: \"ghcr.io/acme/{{application}}\"}}], {rest}}}"
        );
    }
    text
}
