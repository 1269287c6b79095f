//! What it costs to build a mirror anew beside the one in use, and what a promotion feels of it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use hoist::adapters::git::{Bounds, Mirror, Speaker};
use hoist::app::ports::Git;

use crate::memory::{self, Asked};
use crate::ways::{open, open_within, promote};
use crate::world::World;

/// How such a child of this bench is told from the others.
pub const NAME: &str = "anew";

/// How many promotions are measured before the mirror is built anew, and after.
const BESIDE_NOTHING: usize = 9;

/// How many are made at most while it is.
const MOST: usize = 1_000;

/// Any mirror has outgrown them.
const NONE: Bounds =
    Bounds { wait: Duration::from_secs(600), slack: 0, packs: 0, again: Duration::from_secs(600) };

/// Has a process of its own do it, and tells.
#[expect(clippy::print_stdout, reason = "a bench tells a person")]
pub fn compare(world: &World) {
    println!(
        "\n| built anew | promotions | p50 | longest |\n|---|---|---|---|\n{}",
        memory::told_by_child(NAME, &world.url())
    );
}

/// As that process: promotes before, while and after its mirror is built anew.
#[expect(clippy::print_stdout, reason = "tells the process that started it")]
pub async fn promote_and_tell(Asked { url, data, .. }: Asked) {
    let before = several(&open(&url, &data, Speaker::Own), "before").await;
    let path = data.join("mirrors/gitops.git");
    let which = || fs::metadata(&path).map_or(0, |it| it.ino());
    let (quiet, old) = (memory::ours(), which());
    let mirror = open_within((&url, &data), Speaker::Own, NONE);
    // It is weighed after its first fetch.
    mirror.fetch().await.unwrap();
    let began = Instant::now();
    let mut beside = Vec::new();
    while which() == old && beside.len() < MOST {
        beside.push(one(&mirror, "beside", beside.len()).await);
    }
    let took = began.elapsed();
    // The last one fetched into the new mirror and put it in its place.
    let swap = beside.pop().unwrap_or_default();
    let (most, own) = memory::ours();
    drop(mirror);
    let after = several(&open(&url, &data, Speaker::Own), "after").await;
    tell("before", before);
    tell("while it was", beside);
    tell("the one that took the new one over", vec![swap]);
    tell("after", after);
    println!(
        "\nIt took {:.1} s with all these promotions beside it. The process held {} MiB at most \
         before, {most} with it, of which {own} were its own at the end.",
        took.as_secs_f64(),
        quiet.0,
    );
}

async fn several(mirror: &Mirror, name: &str) -> Vec<Duration> {
    mirror.fetch().await.unwrap();
    let mut times = Vec::new();
    for number in 0..BESIDE_NOTHING {
        times.push(one(mirror, name, number).await);
    }
    times
}

async fn one(mirror: &Mirror, name: &str, number: usize) -> Duration {
    let path = format!("environments/prod-eu/apps/app-{}/values.yaml", number % 100);
    let began = Instant::now();
    promote(mirror, &path, &format!("refs/heads/hoist/anew-{name}-{number}")).await;
    began.elapsed()
}

#[expect(clippy::print_stdout, reason = "tells the process that started it")]
fn tell(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let (Some(median), Some(longest)) = (times.get(times.len() / 2), times.last()) else {
        return println!("| {name} | none | | |");
    };
    let (median, longest) = (median.as_millis(), longest.as_millis());
    println!("| {name} | {} | {median} ms | {longest} ms |", times.len());
}
