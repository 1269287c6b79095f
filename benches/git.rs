//! One promotion's Git work: hoist's mirror beside the `git` command line, in the same run.
//!
//! `cargo bench --bench git [ROUNDS]`. A promotion is: see one new commit of somebody else's, read a
//! file, change one scalar, commit, push a new branch. The command line does what a script in CI does:
//! `clone --depth 1`, checkout, edit, commit, push. Rounds alternate between the ways, so that a
//! busy machine is busy for both. Needs nginx, fcgiwrap and git.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a bench reads the machine's clock, starts git, tells a person, and may fail loudly"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hoist::adapters::git::{Credentials, Mirror, RemoteSettings, Speaker, Trust, create_bare};
use hoist::app::ports::{CommitSpec, Git, RefOutcome, RefUpdate, Signature};
use hoist::yaml_edit::{Edit, Rule, Which, edit, find};

#[expect(dead_code, reason = "the tests ask the server for more")]
#[path = "../tests/it/support/git_server.rs"]
mod git_server;

use git_server::{GitServer, PASSWORD, USER};

const ENVIRONMENTS: [&str; 3] = ["staging", "prod-eu", "prod-us"];
const MAIN: &str = "refs/heads/main";
const HISTORY: usize = 500;

fn main() {
    let rounds = std::env::args().filter_map(|text| text.parse().ok()).next().unwrap_or(9);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!(
        "| applications | remote | first fetch | hoist, p50 | git clone --depth 1 …, p50 | ratio |"
    );
    println!("|---|---|---|---|---|---|");
    for applications in [100, 5_000] {
        for kind in [Kind::File, Kind::Http] {
            runtime.block_on(compare(applications, kind, rounds));
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    File,
    Http,
}

/// A generated repository and the ways to it.
struct World {
    directory: tempfile::TempDir,
    server: Option<GitServer>,
}

impl World {
    fn new(applications: usize, kind: Kind) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let bare = directory.path().join("gitops.git");
        create_bare(&bare, "main").unwrap();
        git(&bare, &["config", "http.receivepack", "true"]);
        import(&bare, &history(applications));
        let server = match kind {
            Kind::File => None,
            Kind::Http => Some(GitServer::start(directory.path())),
        };
        Self { directory, server }
    }

    fn url(&self, who: &str) -> String {
        match &self.server {
            Some(server) => format!("http://{who}127.0.0.1:{}/gitops.git", server.port),
            None => format!("file://{}/gitops.git", self.directory.path().display()),
        }
    }

    /// Somebody else's commit.
    fn advance(&self, round: usize) {
        let text = format!(
            "commit {MAIN}\ncommitter Ada <ada@example.com> {0} +0000\ndata 1\nx\nfrom {MAIN}^0\n\
             M 100644 inline notes/{round}\ndata 2\n{1}\n",
            2_000_000 + round,
            round % 10,
        );
        import(&self.directory.path().join("gitops.git"), &text);
    }
}

async fn compare(applications: usize, kind: Kind, rounds: usize) {
    let world = World::new(applications, kind);
    let settings = RemoteSettings {
        name: "gitops".parse().unwrap(),
        url: world.url(""),
        credentials: match kind {
            Kind::File => Credentials::None,
            Kind::Http => {
                Credentials::Basic { username: USER.into(), password: PASSWORD.to_owned().into() }
            }
        },
        trust: Trust::default(),
        speaker: Speaker::Own,
    };
    let mirror = Mirror::open(settings, &world.directory.path().join("data")).unwrap();
    let started = Instant::now();
    mirror.fetch().await.unwrap();
    let first = started.elapsed();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let path =
            format!("environments/prod-eu/apps/app-{}/values.yaml", round * 7 % applications);
        world.advance(2 * round);
        let started = Instant::now();
        promote(&mirror, &path, &format!("refs/heads/hoist/ours-{round}")).await;
        ours.push(started.elapsed());
        world.advance(2 * round + 1);
        let started = Instant::now();
        promote_by_command_line(&world, &path, &format!("hoist/theirs-{round}"));
        theirs.push(started.elapsed());
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "| {applications} × 3 | {} | {} ms | {} ms | {} ms | {:.1} |",
        match kind {
            Kind::File => "file://",
            Kind::Http => "http, basic auth, loopback",
        },
        first.as_millis(),
        ours.as_millis(),
        theirs.as_millis(),
        theirs.as_secs_f64() / ours.as_secs_f64(),
    );
}

async fn promote(mirror: &Mirror, path: &str, branch: &str) {
    mirror.fetch().await.unwrap();
    let tip = mirror.refs(MAIN).await.unwrap()[MAIN].clone();
    let files = mirror.read(&tip, BTreeSet::from([path.to_owned()])).await.unwrap();
    let text = &files[path];
    let fields = find(text, &Rule::path("image.tag").unwrap(), &Which::Matching).unwrap();
    let edits: Vec<Edit> = fields
        .into_iter()
        .map(|field| Edit { place: field.place, expect: field.value, value: "v2.0.0".into() })
        .collect();
    let spec = CommitSpec {
        parents: vec![tip],
        files: [(path.to_owned(), Some(edit(text, &edits).unwrap().text))].into(),
        message: "shop: v2.0.0 into prod-eu\n".into(),
        author: Signature {
            name: "hoist".into(),
            email: "hoist@example.com".into(),
            at: "2026-01-02T03:04:05Z".parse().unwrap(),
        },
    };
    let commit = mirror.commit(spec).await.unwrap();
    let update = RefUpdate { name: branch.into(), expected: None, new: Some(commit) };
    assert_eq!(mirror.push(vec![update]).await.unwrap(), [RefOutcome::Moved]);
}

fn promote_by_command_line(world: &World, path: &str, branch: &str) {
    let work = world.directory.path().join("work");
    let password = PASSWORD.replace('ö', "%C3%B6");
    let url = world.url(&format!("{USER}:{password}@"));
    git(world.directory.path(), &["clone", "-q", "--depth", "1", &url, "work"]);
    let file = work.join(path);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("tag: v1.0.0", "tag: v2.0.0")).unwrap();
    git(&work, &["commit", "-qam", "shop: v2.0.0 into prod-eu"]);
    git(&work, &["push", "-q", "origin", &format!("HEAD:refs/heads/{branch}")]);
    std::fs::remove_dir_all(&work).unwrap();
}

/// A `git fast-import` stream: all applications at once, then a history of single changes.
fn history(applications: usize) -> String {
    let mut stream =
        format!("commit {MAIN}\ncommitter Ada <ada@example.com> 1000000 +0000\ndata 1\nx\n");
    for environment in ENVIRONMENTS {
        for application in 0..applications {
            file(&mut stream, (environment, application), "v1.0.0", 0);
        }
    }
    for step in 1..=HISTORY {
        let when = 1_000_000 + step;
        writeln!(stream, "commit {MAIN}\ncommitter Ada <ada@example.com> {when} +0000\ndata 1\nx")
            .unwrap();
        file(&mut stream, ("staging", step * 13 % applications), "v1.0.0", step);
    }
    stream
}

fn file(stream: &mut String, (environment, application): (&str, usize), tag: &str, step: usize) {
    let mut text = format!(
        "# app-{application} in {environment}, change {step}\nreplicaCount: 3\nimage:\n  \
         repository: ghcr.io/acme/app-{application}\n  tag: {tag}   # set by hoist\n"
    );
    for line in 0..40 {
        writeln!(text, "setting{line}: \"{environment}-{application}-{line}\"").unwrap();
    }
    let path = format!("environments/{environment}/apps/app-{application}/values.yaml");
    write!(stream, "M 100644 inline {path}\ndata {}\n{text}\n", text.len()).unwrap();
}

fn import(bare: &Path, stream: &str) {
    let mut command = Command::new("git");
    command.arg("-C").arg(bare).args(["fast-import", "--quiet"]).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

fn git(directory: &Path, arguments: &[&str]) {
    let author = ["-c", "user.name=hoist", "-c", "user.email=hoist@example.com"];
    let mut command = Command::new("git");
    let status = command.arg("-C").arg(directory).args(author).args(arguments).status().unwrap();
    assert!(status.success(), "git {arguments:?}");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
