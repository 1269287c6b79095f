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
#[derive(Clone, Copy)]
pub struct Spent {
    pub time: Duration,
    ticks: u64,
    bytes: u64,
}

impl Cost {
    pub fn begin(world: &World) -> Self {
        Self { bytes: world.server.bytes(), ticks: ticks(), at: Instant::now() }
    }

    pub fn end(&self, world: &World) -> Spent {
        let time = self.at.elapsed();
        Spent { time, ticks: ticks() - self.ticks, bytes: world.server.bytes() - self.bytes }
    }
}

impl Spent {
    /// In milliseconds.
    pub fn processor(&self) -> u64 {
        self.ticks * 1000 / TICKS
    }

    pub fn kilobytes(&self) -> u64 {
        self.bytes / 1000
    }

    /// What `all` would cost, if `done` cost this.
    pub fn reckoned(&self, done: usize, all: usize) -> Self {
        let (done, all) = (u32::try_from(done).unwrap(), u32::try_from(all).unwrap());
        let scaled = |number: u64| number * u64::from(all) / u64::from(done);
        Self { time: self.time * all / done, ticks: scaled(self.ticks), bytes: scaled(self.bytes) }
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
    pub fn tell(&self, name: &str, memory: &str, floor: Duration) {
        let count = u64::try_from(self.0.len()).unwrap();
        let sum = |part: fn(&Spent) -> u64| self.0.iter().map(part).sum::<u64>();
        println!(
            "| {name} | {} ms | {} ms | {} ms | {memory} | {} KB | {:.1} |",
            self.median().as_millis(),
            self.0[(self.0.len() * 95).div_ceil(100) - 1].time.as_millis(),
            sum(Spent::processor) / count,
            sum(Spent::kilobytes) / count,
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
