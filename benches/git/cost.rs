//! What a promotion costs: time, the processor's time, and bytes on the way.

use std::time::{Duration, Instant};

use crate::world::World;

/// How many ticks the kernel counts in a second, on every Linux of today.
const TICKS: u64 = 100;

/// What was spent up to a moment.
pub struct Cost {
    at: Instant,
    ticks: u64,
    bytes: u64,
}

/// What was spent between two moments.
pub struct Spent {
    time: Duration,
    ticks: u64,
    bytes: u64,
}

impl Cost {
    pub fn begin(world: &World) -> Self {
        Self { bytes: world.server.bytes(), ticks: ticks(), at: Instant::now() }
    }

    pub fn end(self, world: &World) -> Spent {
        let time = self.at.elapsed();
        Spent { time, ticks: ticks() - self.ticks, bytes: world.server.bytes() - self.bytes }
    }
}

/// What several promotions by one way cost.
#[derive(Default)]
pub struct Costs(Vec<Spent>);

impl Costs {
    pub fn add(&mut self, spent: Spent) {
        self.0.push(spent);
        self.0.sort_by_key(|it| it.time);
    }

    pub fn total(&self) -> Duration {
        self.0.iter().map(|it| it.time).sum()
    }

    pub fn median(&self) -> Duration {
        self.0[self.0.len() / 2].time
    }

    #[expect(clippy::print_stdout, reason = "a bench tells a person")]
    pub fn tell(&self, name: &str, floor: Duration) {
        let count = u64::try_from(self.0.len()).unwrap();
        let sum = |part: fn(&Spent) -> u64| self.0.iter().map(part).sum::<u64>();
        println!(
            "| {name} | {} ms | {} ms | {} ms | {} KB | {:.1} |",
            self.median().as_millis(),
            self.0[(self.0.len() - 1) * 95 / 100].time.as_millis(),
            sum(|it| it.ticks) * 1000 / TICKS / count,
            sum(|it| it.bytes) / 1000 / count,
            self.median().as_secs_f64() / floor.as_secs_f64(),
        );
    }
}

/// The processor's time of this process and of those that it started and that have ended.
///
/// The server's is not in it: nginx and its Git go on.
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit(") ").next().unwrap();
    after_name.split(' ').skip(11).take(4).map(|it| it.parse::<u64>().unwrap()).sum()
}

/// This process's memory, and how much of it is its own: the rest are pages of packs that the kernel
/// may take back.
pub fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mebibytes = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    format!("{} MiB, {} MiB of them its own", mebibytes("VmRSS:"), mebibytes("RssAnon:"))
}
