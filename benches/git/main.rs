//! One promotion's Git work: hoist's ways beside those of the `git` command line, in the same run.
//!
//! `cargo bench --bench git [ROUNDS [APPLICATIONS]]`; with 0 rounds, only many at once. A promotion
//! is: see one new commit of somebody else's, read a file, change one scalar, commit, push a new
//! branch. Rounds alternate between the ways, so that a busy machine is busy for all of them. Needs
//! nginx, fcgiwrap and git.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a bench reads the machine's clock, starts git, tells a person, and may fail loudly"
)]

mod cost;
mod memory;
mod ways;
mod world;

#[expect(dead_code, reason = "the tests ask the server for more")]
#[path = "../../tests/it/support/git_server.rs"]
mod git_server;

use std::sync::Arc;
use std::time::Duration;

use hoist::adapters::git::Speaker;
use hoist::app::ports::Git;

use cost::{Cost, Costs};
use ways::{CommandLine, open, prepare, promote};
use world::World;

/// How many applications, each in three environments; and how often the slowest ways are tried.
const SIZES: [usize; 3] = [100, 5_000, 20_000];

/// What is promoted at once.
const CROWD: usize = 100;

/// How long the command line may take over one promotion after the other, and over a crowd, before
/// it is left alone.
const PATIENCE: Duration = Duration::from_secs(120);
const PATIENCE_WITH_CROWDS: Duration = Duration::from_secs(20);

/// hoist's ways.
const OWN: [(&str, &str, Speaker); 2] =
    [("own", "hoist", Speaker::Own), ("libgit2", "hoist, `transport: libgit2`", Speaker::LibGit2)];

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Some((way, url)) = memory::asked_of_us() {
        return runtime.block_on(promote_and_tell(&way, &url));
    }
    let mut numbers = std::env::args().filter_map(|text| text.parse::<usize>().ok());
    let rounds = numbers.next().unwrap_or(9);
    let only = numbers.next();
    for applications in SIZES.into_iter().filter(|size| only.is_none_or(|only| *size == only)) {
        runtime.block_on(compare(applications, rounds));
    }
}

async fn compare(applications: usize, rounds: usize) {
    let world = World::new(applications);
    println!("\n## {applications} applications × 3 environments\n");
    for way in CommandLine::ALL {
        prepare(&world, way);
    }
    if rounds > 0 {
        one_by_one(&world, rounds).await;
    }
    println!("\n| {CROWD} at once | time | processor | bytes | pushes |\n|---|---|---|---|---|");
    for (name, words, speaker) in OWN {
        crowd(&world, (name, words), speaker).await;
    }
    CommandLine::ALL.into_iter().for_each(|way| one_after_the_other(&world, way));
}

/// One promotion at a time, each way in its turn.
async fn one_by_one(world: &World, rounds: usize) {
    let mirrors = OWN.map(|(_, _, speaker)| open(&world.url(), world.directory.path(), speaker));
    let mut ours = [Costs::default(), Costs::default()];
    let mut others = CommandLine::ALL.map(|way| (way, Costs::default()));
    for mirror in &mirrors {
        mirror.fetch().await.unwrap();
    }
    // The first round is not counted: that is when everybody finds out what the server can.
    for round in 0..=rounds {
        for (((name, _, _), mirror), costs) in OWN.into_iter().zip(&mirrors).zip(&mut ours) {
            let (path, branch) = world.next(name, round);
            let cost = Cost::begin(world);
            promote(mirror, &path, &branch).await;
            if round > 0 {
                costs.add(cost.end(world));
            }
        }
        for (way, costs) in &mut others {
            if costs.total() < PATIENCE && round > 0 {
                let (path, branch) = world.next(way.name(), round);
                let cost = Cost::begin(world);
                way.promote(world, &path, &branch);
                costs.add(cost.end(world));
            }
        }
    }
    println!(
        "| way | p50 | p95 | processor | memory | bytes | beside hoist |\n|---|---|---|---|---|---|---|"
    );
    let floor = ours[0].median();
    for ((name, words, _), costs) in OWN.into_iter().zip(&ours) {
        let (most, own) = memory::of_process(name, &world.url());
        costs.tell(words, &format!("{most} MiB ({own} its own at the end)"), floor);
    }
    for (way, costs) in &others {
        let (path, branch) = world.next(way.name(), rounds + 1);
        let most = memory::of_children(|| way.promote(world, &path, &branch));
        costs.tell(way.words(), &format!("{most} MiB"), floor);
    }
}

/// As a process of its own: one promotion, and what memory it took.
async fn promote_and_tell(way: &str, url: &str) {
    let (name, _, speaker) = OWN.into_iter().find(|(name, _, _)| *name == way).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mirror = open(url, directory.path(), speaker);
    mirror.fetch().await.unwrap();
    let path = "environments/prod-eu/apps/app-1/values.yaml";
    promote(&mirror, path, &format!("refs/heads/hoist/memory-{name}")).await;
    let (most, own) = memory::ours();
    println!("{most} {own}");
}

/// Many promotions at once.
async fn crowd(world: &World, (name, words): (&str, &str), speaker: Speaker) {
    let mirror = Arc::new(open(&world.url(), world.directory.path(), speaker));
    mirror.fetch().await.unwrap();
    let (pushes, cost) = (world.pushes(), Cost::begin(world));
    let name = format!("crowd-{name}");
    let all = (0..CROWD).map(|number| {
        let (path, branch) = world.place(&name, number);
        let mirror = Arc::clone(&mirror);
        async move { promote(&mirror, &path, &branch).await }
    });
    futures::future::join_all(all).await;
    let spent = cost.end(world);
    let pushes = world.pushes() - pushes;
    println!(
        "| {words} | {:.1} s | {:.1} s | {} KB | {pushes} |",
        spent.time.as_secs_f64(),
        Duration::from_millis(spent.processor()).as_secs_f64(),
        spent.kilobytes(),
    );
}

/// The same by the command line, which does one after the other; those for which there is no time
/// are reckoned from those that were done.
fn one_after_the_other(world: &World, way: CommandLine) {
    let name = format!("crowd-{}", way.name());
    let cost = Cost::begin(world);
    let mut done = 0;
    while done < CROWD && cost.end(world).time < PATIENCE_WITH_CROWDS {
        let (path, branch) = world.place(&name, done);
        way.promote(world, &path, &branch);
        done += 1;
    }
    let spent = cost.end(world).reckoned(done, CROWD);
    let reckoned = if done < CROWD { format!(", reckoned from {done}") } else { String::new() };
    println!(
        "| {}{reckoned} | {:.1} s | {:.1} s | {} KB | {CROWD} |",
        way.words(),
        spent.time.as_secs_f64(),
        Duration::from_millis(spent.processor()).as_secs_f64(),
        spent.kilobytes(),
    );
}
