//! A whole hoist in a temporary folder, and everybody around it, in the words of the trade.
//!
//! The store, the mirror, the forge and the doors are the real ones; only time and chance are told
//! what to say. A test moves the clock; nothing happens unless it says [`Bot::work`].

mod announcing;
mod hosts;
mod people;
mod repository;
mod restarts;
mod telling;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hoist::adapters::forge::builtin::BuiltinForge;
use hoist::app::ingest::identity::Issuers;
use hoist::app::ports::{Clock, Dice};
use hoist::app::{App, Outside, Repository};
use hoist::domain::id::RepositoryName;
use hoist::{config, scheduler, wiring};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::mortal::{Life, MortalGit, MortalStore};
use super::remote::Remote;

pub use announcing::{digest, signed};
pub use people::promote_to_prod;
pub use repository::file;
use repository::{kustomization, pipelines};
pub use telling::plain;

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

fn token(person: &str) -> String {
    format!("the token of {person}")
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

    pub fn app(&self) -> &Arc<App> {
        self.app.as_ref().unwrap()
    }

    fn repository(&self) -> &Repository {
        &self.app().repositories[&"gitops".parse::<RepositoryName>().unwrap()]
    }

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
}
