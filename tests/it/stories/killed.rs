//! The real process, killed at many moments of the main path.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hoist::app::ports::{Clock as _, Remote, Server};
use hoist::wiring;

use crate::support::slack::{self, SIGNING_SECRET, Slack};
use crate::support::world::{Bot, signed};

/// How often the process is killed before it may go on to the end.
const KILLS: u32 = 12;
/// How long the end may take, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(300);

/// Starts a program as most machines do: it may open few files, until it asks for more.
const FEW_FILES: &str = r#"ulimit -Sn 256 && exec "$0" "$@""#;

struct Process {
    child: Child,
    address: String,
    remote: Arc<dyn Remote>,
}

impl Process {
    fn start(bot: &Bot) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listen = format!("127.0.0.1:{port}");
        let mut command = Command::new("sh");
        command.args(["-c", FEW_FILES, env!("CARGO_BIN_EXE_hoist")]);
        command.args(["serve", "--listen", &listen, "--config"]).arg(bot.config());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let url = format!("http://{listen}").parse().unwrap();
        let remote = wiring::remote(Server { url, token: None }).unwrap();
        Self { child: command.spawn().unwrap(), address: listen, remote }
    }

    /// The same process, or another, once it listens.
    async fn that_lives(self, bot: &Bot) -> Self {
        let mut process = self;
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(&process.address).await.is_err() {
            assert!(begun.elapsed() < PATIENCE, "the process never listened");
            tokio::time::sleep(Duration::from_millis(20)).await;
            process = process.or_started_again(bot);
        }
        process
    }

    /// The same process, or another where it ended by itself: between the choice of its port and
    /// its start another test took that port, or a fork of one held the store's lock.
    fn or_started_again(mut self, bot: &Bot) -> Self {
        match self.child.try_wait().unwrap() {
            Some(_) => Self::start(bot),
            None => self,
        }
    }

    /// Announces as CI does that has been told to try until it is answered.
    async fn announce(&self, within: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < within {
            if self.remote.announce(&signed("shop", "v1.4.2")).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    /// SIGKILL: it is not asked, and puts nothing in order.
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Each pack of each mirror is one.
#[tokio::test]
async fn a_process_that_serves_may_open_as_many_files_as_the_machine_allows() {
    let bot = Bot::asleep(&[("staging", "merge: automatic")]);
    let process = Process::start(&bot).that_lives(&bot).await;
    let limits = format!("/proc/{}/limits", process.child.id());
    let limits = std::fs::read_to_string(limits).unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let [soft, hard, _unit] = files.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{files}")
    };
    assert_ne!(soft, "256");
    assert_eq!(soft, hard);
}

#[tokio::test]
async fn a_process_that_is_killed_again_and_again_promotes_once() {
    let bot = Bot::asleep(&[
        ("staging", "merge: automatic"),
        ("prod", "after: [staging], gates: [{soak: 1s}], merge: automatic"),
    ]);
    for kill in 0..KILLS {
        let process = Process::start(&bot);
        let lives = Duration::from_millis(80 + 60 * u64::from(kill));
        let begun = Instant::now();
        process.announce(lives).await;
        tokio::time::sleep(lives.saturating_sub(begun.elapsed())).await;
    }
    let mut process = Process::start(&bot);
    let begun = Instant::now();
    while !bot.version_line("prod").contains("v1.4.2") && begun.elapsed() < PATIENCE {
        process = process.or_started_again(&bot);
        process.announce(Duration::from_secs(2)).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // It goes on for a moment, and must find nothing more to do.
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop(process);
    insta::assert_snapshot!(bot.git_log(), @"
    begin
    Merge proposal #1: staging: promote shop to v1.4.2
    Merge proposal #2: prod: promote shop to v1.4.2
    ");
    let proposals =
        bot.remote.ask(&["for-each-ref", "--format=%(refname)", "refs/hoist/proposals"]);
    assert_eq!(proposals, "refs/hoist/proposals/1\nrefs/hoist/proposals/2");
    let changes = bot.remote.ask(&["log", "--no-merges", "--format=%s", "--numstat", "-2", "main"]);
    insta::assert_snapshot!(changes, @"
    prod: promote shop to v1.4.2

    1	1	environments/prod/apps/shop/kustomization.yaml
    staging: promote shop to v1.4.2

    1	1	environments/staging/apps/shop/kustomization.yaml
    ");
}

/// A hoist that hears one person in Slack.
fn listening(slack: &Slack) -> Bot {
    let bot = Bot::asleep(&[("staging", "merge: automatic"), ("prod", "after: [staging]")]);
    let secret = bot.config().with_file_name("signing");
    std::fs::write(&secret, SIGNING_SECRET).unwrap();
    let process = std::fs::read_to_string(bot.config()).unwrap();
    let chat = format!(
        "chat: {{slack: {{signing_secret: {{file: \"{}\"}}, answers: \"{}\"}}}}\n",
        secret.display(),
        slack.url()
    );
    let process = process.replace("dora: {}", "dora: {slack: U0D}") + &chat;
    std::fs::write(bot.config(), process).unwrap();
    bot
}

/// Says something as Slack does, once the process listens. Nobody repeats it.
async fn say(process: &Process, slack: &Slack, text: &str) {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let body = slack.types("U0D", text, text);
        let request = slack::signed(&body, wiring::clock().now());
        let url = format!("http://{}/hooks/slack", process.address);
        let sent = reqwest::Client::new().post(url).headers(request.headers().clone()).body(body);
        if sent.send().await.is_ok_and(|answer| answer.status().is_success()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the process never listened");
}

#[tokio::test]
async fn what_is_said_to_a_process_that_is_killed_then_is_done_once_and_answered() {
    let slack = Slack::start().await;
    let mut bot = listening(&slack);
    for kill in 0..KILLS {
        let process = Process::start(&bot).that_lives(&bot).await;
        say(&process, &slack, &format!("freeze prod because of number {kill}.")).await;
        // Between the receipt, the freeze and its answer; each is a few milliseconds.
        tokio::time::sleep(Duration::from_millis(2 * u64::from(kill))).await;
    }
    let mut process = Process::start(&bot);
    let begun = Instant::now();
    let reason = |kill: u32| format!("of number {kill}.");
    // One may be answered twice, if it was told and died before it knew: their number says nothing.
    let is_answered = |kill| slack.answers().iter().any(|it| it.contains(&reason(kill)));
    while !(0..KILLS).all(is_answered) && begun.elapsed() < PATIENCE {
        process = process.or_started_again(&bot);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(process);
    bot.restart().await;
    let entries = bot.app().store.audit(0, 1000).await.unwrap();
    for kill in 0..KILLS {
        let frozen = entries.iter().filter(|it| it.line.verb == "freeze");
        let frozen = frozen.filter(|it| it.line.text.contains(&reason(kill))).count();
        assert_eq!(frozen, 1, "number {kill}");
        assert!(is_answered(kill), "number {kill} was not answered: {:?}", slack.answers());
    }
}
