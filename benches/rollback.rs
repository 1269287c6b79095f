//! From the command to the open revert proposal, on a repository of 20,000 applications.
//!
//! `cargo bench --bench rollback [ROUNDS]`. The store, the mirror, the builtin forge and a bare
//! repository on this disk are real; there is no network. Each round somebody puts a bad version
//! into prod and hoist takes note; then the time runs: the command is recorded, the mirror fetched,
//! the commit made and proved, the branch pushed, the proposal opened and its statuses set.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench reads the machine's clock, starts git, tells a person, and may fail loudly"
)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use hoist::app::App;
use hoist::app::views::{ProposalRequest, RollbackRequest};
use hoist::domain::command::{Actor, Door, Identity, ProposalStep};
use hoist::{scheduler, wiring};

const APPLICATIONS: usize = 20_000;
const MAIN: &str = "refs/heads/main";

fn main() {
    let rounds = std::env::args().filter_map(|text| text.parse().ok()).next().unwrap_or(9);
    tokio::runtime::Runtime::new().unwrap().block_on(measure(rounds));
}

async fn measure(rounds: usize) {
    let home = tempfile::tempdir().unwrap();
    let bare = home.path().join("gitops.git");
    let status =
        Command::new("git").args(["init", "--quiet", "--bare", "-b", "main"]).arg(&bare).status();
    assert!(status.unwrap().success());
    import(&bare, &everything());
    let config = configure(home.path());
    let app = Arc::new(wiring::open_app(&config).await.unwrap());
    let actor = Actor { name: "dora".into(), door: Door::Api };
    let by = Identity::new(actor, vec!["on-call".parse().unwrap()]);
    work(&app).await;
    let mut times = Vec::new();
    for round in 0..rounds {
        import(&bare, &bad(round));
        work(&app).await;
        let request = RollbackRequest {
            application: "app-7".into(),
            environment: "prod".into(),
            to: None,
            reason: Some("it is bad".into()),
            over_drift: true,
            everywhere: false,
        };
        let started = Instant::now();
        let id = app.roll_back(&by, request).await.unwrap().promotion.unwrap();
        scheduler::work_off(&app).await;
        times.push(started.elapsed().as_millis());
        assert_eq!(app.promotion(id.as_str()).await.unwrap().state, "proposed");
        let close = ProposalRequest {
            step: ProposalStep::Close,
            head: None,
            comment: Some("next".into()),
            check: None,
        };
        app.review(&by, id.as_str(), close).await.unwrap();
        work(&app).await;
    }
    times.sort_unstable();
    println!("| applications | rollback to open proposal, p50 of {rounds} | slowest |");
    println!("|---|---|---|");
    println!("| {APPLICATIONS} × 2 | {} ms | {} ms |", times[rounds / 2], times[rounds - 1]);
}

async fn work(app: &Arc<App>) {
    scheduler::sweep(app).await;
    scheduler::work_off(app).await;
}

/// Writes both files; gives the first's path.
fn configure(home: &Path) -> std::path::PathBuf {
    let place = home.display();
    let process = format!(
        "data: {place}/var\npipelines: {place}/pipelines.yaml\n\
         repositories:\n  gitops: {{forge: builtin, url: \"file://{place}/gitops.git\"}}\n\
         sources:\n  ci: {{hmac: {{file: {place}/secret}}, images: [\"ghcr.io/acme/*\"]}}\n\
         roles:\n  on-call: {{may: [rollback, merge, review], environments: [\"*\"]}}\n"
    );
    let file = "environments/prod/apps/{application}/values.yaml";
    let pipelines = format!(
        "pipelines:\n  services:\n    repository: gitops\n    applications: [app-7]\n    \
         image: \"ghcr.io/acme/{{application}}\"\n    verify: {{digest: none}}\n    environments:\n      \
         - {{name: prod, edit: [{{file: \"{file}\", path: image.tag, value: \"{{tag}}\"}}]}}\n"
    );
    std::fs::write(home.join("secret"), "what ci signs with").unwrap();
    std::fs::write(home.join("pipelines.yaml"), pipelines).unwrap();
    std::fs::write(home.join("hoist.yaml"), process).unwrap();
    home.join("hoist.yaml")
}

/// A `git fast-import` stream: all applications at once.
fn everything() -> String {
    let mut stream =
        format!("commit {MAIN}\ncommitter Ada <ada@example.com> 1000000 +0000\ndata 1\nx\n");
    for environment in ["staging", "prod"] {
        for application in 0..APPLICATIONS {
            file(&mut stream, environment, application, "v1.0.0");
        }
    }
    stream
}

/// Somebody's commit that puts a bad version into prod.
fn bad(round: usize) -> String {
    let when = 2_000_000 + round;
    let mut stream = format!(
        "commit {MAIN}\ncommitter Ada <ada@example.com> {when} +0000\ndata 1\nx\nfrom {MAIN}^0\n"
    );
    file(&mut stream, "prod", 7, &format!("v2.0.{round}"));
    stream
}

fn file(stream: &mut String, environment: &str, application: usize, tag: &str) {
    let mut text = format!(
        "# app-{application} in {environment}\nreplicaCount: 3\nimage:\n  \
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
