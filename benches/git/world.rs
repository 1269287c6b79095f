//! A generated repository behind a server, and somebody else who works in it.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hoist::adapters::git::create_bare;

use crate::git_server::{GitServer, PASSWORD, USER};

pub const MAIN: &str = "refs/heads/main";
const ENVIRONMENTS: [&str; 3] = ["staging", "prod-eu", "prod-us"];

/// How many commits of history a repository has, one change each.
const HISTORY: usize = 2_000;

pub struct World {
    pub directory: tempfile::TempDir,
    pub server: GitServer,
    applications: usize,
    steps: Cell<usize>,
}

impl World {
    pub fn new(applications: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let bare = directory.path().join("gitops.git");
        create_bare(&bare, "main").unwrap();
        git(&bare, &["config", "http.receivepack", "true"]);
        git(&bare, &["config", "uploadpack.allowFilter", "true"]);
        import(&bare, &history(applications));
        git(&bare, &["repack", "-adq"]);
        let server = GitServer::start(directory.path());
        Self { directory, server, applications, steps: Cell::new(0) }
    }

    /// The repository's address, with who asks for the command line.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/gitops.git", self.server.port)
    }

    pub fn url_with_password(&self) -> String {
        let password = PASSWORD.replace('ö', "%C3%B6");
        format!("http://{USER}:{password}@127.0.0.1:{}/gitops.git", self.server.port)
    }

    /// How often the server was pushed to.
    pub fn pushes(&self) -> usize {
        self.server.requests("POST /gitops.git/git-receive-pack")
    }

    pub fn work(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Somebody else commits; then a promotion is to be made: of which file, as which branch.
    pub fn next(&self, name: &str, round: usize) -> (String, String) {
        let step = self.steps.get();
        self.steps.set(step + 1);
        let text = format!(
            "commit {MAIN}\ncommitter Ada <ada@example.com> {0} +0000\ndata 1\nx\nfrom {MAIN}^0\n\
             M 100644 inline notes/{step}\ndata 2\n{1}\n",
            2_000_000 + step,
            step % 10,
        );
        import(&self.directory.path().join("gitops.git"), &text);
        self.place(name, round)
    }

    /// A file to change and a branch to push.
    pub fn place(&self, name: &str, round: usize) -> (String, String) {
        let application = round * 7 % self.applications;
        let path = format!("environments/prod-eu/apps/app-{application}/values.yaml");
        (path, format!("refs/heads/hoist/{name}-{round}"))
    }
}

/// A `git fast-import` stream: all applications at once, then a history of single changes.
fn history(applications: usize) -> String {
    let mut stream =
        format!("commit {MAIN}\ncommitter Ada <ada@example.com> 1000000 +0000\ndata 1\nx\n");
    for environment in ENVIRONMENTS {
        for application in 0..applications {
            file(&mut stream, (environment, application), 0);
        }
    }
    for step in 1..=HISTORY {
        let when = 1_000_000 + step;
        writeln!(stream, "commit {MAIN}\ncommitter Ada <ada@example.com> {when} +0000\ndata 1\nx")
            .unwrap();
        file(&mut stream, ("staging", step * 13 % applications), step);
    }
    stream
}

fn file(stream: &mut String, (environment, application): (&str, usize), step: usize) {
    let mut text = format!(
        "# app-{application} in {environment}, change {step}\nreplicaCount: 3\nimage:\n  \
         repository: ghcr.io/acme/app-{application}\n  tag: v1.0.0   # set by hoist\n"
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

/// Runs `git` and gives what it printed; it must succeed.
pub fn git(directory: &Path, arguments: &[&str]) -> String {
    git_with(directory, &[], arguments)
}

/// The same with variables of its environment.
pub fn git_with(directory: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let author = ["-c", "user.name=hoist", "-c", "user.email=hoist@example.com"];
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).args(author).args(arguments);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "git {arguments:?}: {told}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
