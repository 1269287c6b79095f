//! What is urgent does not wait for what is not, and nobody for those who wait themselves.

use std::sync::Arc;
use std::time::Duration;

use hoist::scheduler;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::troubled::Gate;
use crate::support::world::{Bot, file};

/// How many applications are worked on at once.
const WORKERS: usize = 8;

/// Waits until something is so, which it is soon or never.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..4_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never comes that {what}");
}

/// The shop runs v1.4.2, and there are more applications than are worked on at once.
async fn crowd() -> (Bot, Vec<String>) {
    let bot = Bot::with(&[("prod", "merge: automatic")]).await;
    let names: Vec<String> = (0..=WORKERS).map(|number| format!("app-{number}")).collect();
    for name in &names {
        let text = format!("images:\n  - name: ghcr.io/acme/{name}\n    newTag: v1.0.0\n");
        bot.remote.push("main", "main", &file("prod", name), &text);
    }
    bot.announce("v1.4.2").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    (bot, names)
}

fn is_proposed(bot: &Bot, name: &str) -> bool {
    bot.remote.tip(&format!("hoist/prod/{name}")).is_some()
}

/// A version of each is announced, and hoist runs as it does for ever.
async fn run(bot: &Bot, names: &[String]) -> (oneshot::Sender<()>, JoinHandle<()>) {
    for name in names {
        assert_eq!(bot.announce_of(name, "v2.0.0").await, 202);
    }
    let (stop, stopped) = oneshot::channel();
    let ended = async move { drop(stopped.await) };
    (stop, tokio::spawn(scheduler::run(Arc::clone(bot.app()), ended)))
}

/// Everything is let through, and hoist ends.
async fn end((stop, running): (oneshot::Sender<()>, JoinHandle<()>), gate: &Gate) {
    drop(stop);
    until("hoist ends", || {
        gate.open();
        running.is_finished()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_is_worked_on_although_everybody_works() {
    let (mut bot, names) = crowd().await;
    let gate = bot.restart_with_slow_merges().await;
    let running = run(&bot, &names).await;
    let count = || names.iter().filter(|name| is_proposed(&bot, name)).count();
    until("all who work wait for their merges", || count() == WORKERS).await;

    bot.roll_back("dora", None).await.unwrap();
    until("the rollback is proposed", || is_proposed(&bot, "shop")).await;
    assert_eq!(count(), WORKERS, "and the ninth application is not");
    let is_in = |name: &str| bot.version_line_of("prod", name).contains("v2.0.0");
    until("all of it is merged", || {
        gate.open();
        bot.version_line("prod").contains("v1.0.0") && names.iter().all(|name| is_in(name))
    })
    .await;
    end(running, &gate).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_turn_at_a_forge_keeps_nobody_from_work() {
    let (mut bot, names) = crowd().await;
    let gate = bot.restart_with_late_turns().await;
    let running = run(&bot, &names).await;
    until("the ninth is proposed, too", || names.iter().all(|it| is_proposed(&bot, it))).await;
    assert!(names.iter().all(|it| bot.version_line_of("prod", it).contains("v1.0.0")));
    end(running, &gate).await;
}
