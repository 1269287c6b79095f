//! One promotion's Git work: hoist's ways beside those of the `git` command line, in the same run.
//!
//! `cargo bench --bench git [ROUNDS [APPLICATIONS]]`; with 0 rounds, only many at once, and with
//! `anew` before the numbers only what a mirror costs that is built anew. A promotion
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

mod anew;
mod cost;
mod memory;
mod ways;
mod world;

#[expect(dead_code, reason = "the tests ask the server for more")]
#[path = "../../tests/it/support/git_server.rs"]
mod git_server;

use std::time::Duration;

use hoist::adapters::git::{Mirror, Speaker};
use hoist::app::ports::Git;

use cost::{Cost, Costs};
use memory::Asked;
use ways::{CommandLine, open, prepare, promote};
use world::World;

/// How many applications, each in three environments; and how often the slowest ways are tried.
const SIZES: [usize; 3] = [100, 5_000, 20_000];

/// What is promoted at once.
const CROWD: usize = 100;

/// How often hoist's ways do that.
const CROWDS: usize = 7;

/// How long the command line may take over one promotion after the other, and over a crowd, before
/// it is left alone.
const PATIENCE: Duration = Duration::from_secs(120);
const PATIENCE_WITH_CROWDS: Duration = Duration::from_secs(20);

/// hoist's ways.
const OWN: [(&str, &str, Speaker); 2] =
    [("own", "hoist", Speaker::Own), ("libgit2", "hoist, `transport: libgit2`", Speaker::LibGit2)];

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Some(asked) = Asked::of_us() {
        return runtime.block_on(async {
            if asked.way == anew::NAME {
                anew::promote_and_tell(asked).await;
            } else {
                promote_and_tell(asked).await;
            }
        });
    }
    let all = std::env::args().all(|text| text != anew::NAME);
    let mut numbers = std::env::args().filter_map(|text| text.parse::<usize>().ok());
    let rounds = numbers.next().unwrap_or(9);
    let only = numbers.next();
    for applications in SIZES.into_iter().filter(|size| only.is_none_or(|only| *size == only)) {
        let world = World::new(applications);
        println!("\n## {applications} applications × 3 environments\n");
        if all {
            runtime.block_on(compare(&world, rounds));
        }
        anew::compare(&world);
    }
}

async fn compare(world: &World, rounds: usize) {
    for way in CommandLine::ALL {
        prepare(world, way);
    }
    if rounds > 0 {
        one_by_one(world, rounds).await;
    }
    many_at_once(world).await;
}

/// One promotion at a time, each way in its turn.
async fn one_by_one(world: &World, rounds: usize) {
    let mirrors = own_mirrors(world);
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
        costs.tell(words, &memory::of_process(name, &world.url(), 1), floor);
    }
    for (way, costs) in &others {
        let (path, branch) = world.next(way.name(), rounds + 1);
        let most = memory::of_children(|| way.promote(world, &path, &branch));
        costs.tell(way.words(), &format!("{most} MiB"), floor);
    }
}

/// As a process of its own: so many promotions at once, and what memory they took.
async fn promote_and_tell(Asked { way, url, data, count }: Asked) {
    let (name, _, speaker) = OWN.into_iter().find(|(name, _, _)| *name == way).unwrap();
    let mirror = open(&url, &data, speaker);
    mirror.fetch().await.unwrap();
    let places = (0..count).map(|number| {
        let path = format!("environments/prod-eu/apps/app-{number}/values.yaml");
        (path, format!("refs/heads/hoist/memory-{name}-{count}-{number}"))
    });
    all_at_once(&mirror, places).await;
    let (most, own) = memory::ours();
    println!("{most} {own}");
}

/// A mirror for each of hoist's ways.
fn own_mirrors(world: &World) -> [Mirror; 2] {
    OWN.map(|(_, _, speaker)| {
        let data = tempfile::tempdir_in(world.directory.path()).unwrap().keep();
        open(&world.url(), &data, speaker)
    })
}

/// Many promotions at once: hoist's ways take turns; the command line does one after the other.
async fn many_at_once(world: &World) {
    let mirrors = own_mirrors(world);
    for mirror in &mirrors {
        mirror.fetch().await.unwrap();
    }
    let mut ours = [Costs::default(), Costs::default()];
    let mut pushes = [0, 0];
    for round in 0..CROWDS {
        for (way, (name, _, _)) in OWN.into_iter().enumerate() {
            let name = format!("crowd-{round}-{name}");
            let places: Vec<_> = (0..CROWD).map(|number| world.place(&name, number)).collect();
            // What the other way pushed is not this one's to pay for.
            mirrors[way].fetch().await.unwrap();
            drop(world.next(&name, round));
            let (before, cost) = (world.pushes(), Cost::begin(world));
            all_at_once(&mirrors[way], places.into_iter()).await;
            ours[way].add(cost.end(world));
            pushes[way] += world.pushes() - before;
        }
    }
    println!(
        "\n| {CROWD} at once | p50 | p95 | processor | memory | bytes | beside hoist |\n\
         |---|---|---|---|---|---|---|"
    );
    let floor = ours[0].median();
    for (way, (name, words, _)) in OWN.into_iter().enumerate() {
        let words = format!("{words}, {} pushes in {CROWDS} rounds", pushes[way]);
        ours[way].tell(&words, &memory::of_process(name, &world.url(), CROWD), floor);
    }
    CommandLine::ALL.into_iter().for_each(|way| one_after_the_other(world, way, floor));
}

async fn all_at_once(mirror: &Mirror, places: impl Iterator<Item = (String, String)>) {
    let all = places.map(|(path, branch)| async move { promote(mirror, &path, &branch).await });
    futures::future::join_all(all).await;
}

/// The same by the command line; those promotions for which there is no time are reckoned from
/// those that were done.
fn one_after_the_other(world: &World, way: CommandLine, floor: Duration) {
    let name = format!("crowd-{}", way.name());
    let (mut done, mut costs) = (0, Costs::default());
    let cost = Cost::begin(world);
    while done < CROWD && cost.end(world).time < PATIENCE_WITH_CROWDS {
        let (path, branch) = world.place(&name, done);
        way.promote(world, &path, &branch);
        done += 1;
    }
    costs.add(cost.end(world).reckoned(done, CROWD));
    let reckoned = if done < CROWD { format!(", reckoned from {done}") } else { String::new() };
    costs.tell(&format!("{}{reckoned}", way.words()), "as above", floor);
}
