//! One promotion's Git work: hoist's ways beside those of the `git` command line, in the same run.
//!
//! `cargo bench --bench git [ROUNDS [APPLICATIONS]]`; with 0 rounds, only many at once. A promotion is: see one new commit of somebody else's, read a
//! file, change one scalar, commit, push a new branch. Rounds alternate between the ways, so that a
//! busy machine is busy for all of them. Needs nginx, fcgiwrap and git.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a bench reads the machine's clock, starts git, tells a person, and may fail loudly"
)]

mod cost;
mod ways;
mod world;

#[expect(dead_code, reason = "the tests ask the server for more")]
#[path = "../../tests/it/support/git_server.rs"]
mod git_server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hoist::adapters::git::Speaker;
use hoist::app::ports::Git;

use cost::{Cost, Costs};
use ways::{CommandLine, open, prepare, promote};
use world::World;

/// How many applications, each in three environments; and how often the slowest ways are tried.
const SIZES: [usize; 3] = [100, 5_000, 20_000];

/// What is promoted at once.
const CROWD: usize = 100;

/// How long the command line may take over a size before it is left alone.
const PATIENCE: Duration = Duration::from_secs(120);

fn main() {
    let mut numbers = std::env::args().filter_map(|text| text.parse::<usize>().ok());
    let rounds = numbers.next().unwrap_or(9);
    let only = numbers.next();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for applications in SIZES.into_iter().filter(|size| only.is_none_or(|only| *size == only)) {
        runtime.block_on(compare(applications, rounds));
    }
}

async fn compare(applications: usize, rounds: usize) {
    let world = World::new(applications);
    println!("\n## {applications} applications × 3 environments\n");
    if rounds > 0 {
        one_by_one(&world, rounds).await;
    }
    for speaker in [Speaker::Own, Speaker::LibGit2] {
        crowd(&world, speaker).await;
    }
}

/// One promotion at a time, each way in its turn.
async fn one_by_one(world: &World, rounds: usize) {
    println!("| way | p50 | p95 | processor | bytes | beside hoist |\n|---|---|---|---|---|---|");
    let own = open(world, Speaker::Own);
    own.fetch().await.unwrap();
    let (path, branch) = world.next("warm", 0);
    promote(&own, &path, &branch).await;
    let alone = cost::resident();
    let libgit2 = open(world, Speaker::LibGit2);
    libgit2.fetch().await.unwrap();
    let (mut ours, mut theirs) = (Costs::default(), Costs::default());
    let mut others: Vec<(CommandLine, Costs)> =
        CommandLine::ALL.into_iter().map(|way| (way, Costs::default())).collect();
    for (way, _) in &others {
        prepare(world, *way);
    }
    for round in 0..rounds {
        for (name, mirror, costs) in [("own", &own, &mut ours), ("libgit2", &libgit2, &mut theirs)]
        {
            let (path, branch) = world.next(name, round);
            let cost = Cost::begin(world);
            promote(mirror, &path, &branch).await;
            costs.add(cost.end(world));
        }
        for (way, costs) in &mut others {
            if costs.total() < PATIENCE {
                let (path, branch) = world.next(way.name(), round);
                let cost = Cost::begin(world);
                way.promote(world, &path, &branch);
                costs.add(cost.end(world));
            }
        }
    }
    let floor = ours.median();
    ours.tell("hoist", floor);
    theirs.tell("hoist, `transport: libgit2`", floor);
    others.iter().for_each(|(way, costs)| costs.tell(way.words(), floor));
    println!("\nmemory of this process with hoist's mirror: {alone}\n");
}

/// Many promotions at once.
async fn crowd(world: &World, speaker: Speaker) {
    let mirror = Arc::new(open(world, speaker));
    mirror.fetch().await.unwrap();
    let pushes = || world.server.requests("POST /gitops.git/git-receive-pack");
    let (before, started) = (pushes(), Instant::now());
    let name = format!("crowd-{speaker:?}").to_lowercase();
    let all = (0..CROWD).map(|number| {
        let (path, branch) = world.place(&name, number);
        let mirror = Arc::clone(&mirror);
        async move { promote(&mirror, &path, &branch).await }
    });
    futures::future::join_all(all).await;
    println!(
        "{CROWD} at once, {speaker:?}: {} ms in {} pushes",
        started.elapsed().as_millis(),
        pushes() - before,
    );
}
