//! Intake: group commit beside one transaction for each announcement, in the same run.
//!
//! `cargo bench --bench intake`. Sixty-four clients announce artifacts with bodies of 4 KiB, each
//! waiting for its answer before the next. The second way goes through the same store and the same
//! statements; a lock around each announcement leaves the group nothing to gather.
//! Rounds alternate, so that a busy machine is busy for both.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench reads the machine's clock, tells a person, and may fail loudly"
)]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hoist::adapters::store::sqlite::SqliteStore;
use hoist::app::ports::{Announced, Announcement, DeliveryOutcome, Store};
use hoist::domain::artifact::{Artifact, Build, SourceCode};
use hoist::domain::id::{ApplicationKey, ArtifactId, EventId};
use jiff::Timestamp;
use tokio::sync::Mutex;

const CLIENTS: u128 = 64;
const ROUNDS: usize = 3;
const BODY: usize = 4096;

/// How announcements reach the store.
#[derive(Clone, Copy)]
enum Way {
    Together,
    OneByOne,
}

impl Way {
    /// Announcements of each client in a round: enough for a few seconds.
    fn announcements(self) -> u128 {
        match self {
            Self::Together => 200,
            Self::OneByOne => 20,
        }
    }
}

fn announcement(number: u128) -> Announcement {
    let at = Timestamp::UNIX_EPOCH;
    let application = ApplicationKey {
        pipeline: "services".parse().unwrap(),
        application: format!("app-{}", number % 100).parse().unwrap(),
    };
    let artifact = Artifact {
        id: ArtifactId::new(at, number),
        image: "ghcr.io/acme/shop".parse().unwrap(),
        digest: format!("sha256:{number:064x}").parse().unwrap(),
        tag: Some(format!("v{number}").parse().unwrap()),
        version: None,
        source: SourceCode::default(),
        build: Build::default(),
        actor: None,
        accepted_at: at,
        examination: None,
    };
    Announcement {
        event: EventId::new(at, number),
        source: "ci".parse().unwrap(),
        delivery: Some(number.to_string()),
        speaks_for: None,
        token: None,
        body: vec![b'x'; BODY],
        received_at: at,
        artifacts: vec![(application, artifact)],
        outcome: DeliveryOutcome::Accepted,
    }
}

/// One client: announces, waits, announces again; how long each answer took.
async fn client(
    store: Arc<SqliteStore>,
    turn: Arc<Mutex<()>>,
    way: Way,
    first: u128,
) -> Vec<Duration> {
    let mut waits = Vec::new();
    for number in first..first + way.announcements() {
        let sent = Instant::now();
        let turn = match way {
            Way::Together => None,
            Way::OneByOne => Some(turn.lock().await),
        };
        let answer = store.announce(announcement(number)).await.unwrap();
        drop(turn);
        assert!(matches!(answer, Announced::New(_)), "{answer:?}");
        waits.push(sent.elapsed());
    }
    waits
}

struct Measured {
    rate: f64,
    waits: Vec<Duration>,
}

/// One round: all clients against an empty store.
async fn round(folder: &Path, way: Way) -> Measured {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let store = Arc::new(SqliteStore::open(&folder.path().join("hoist.db")).await.unwrap());
    let turn = Arc::new(Mutex::new(()));
    let start = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let first = number * way.announcements();
            tokio::spawn(client(Arc::clone(&store), Arc::clone(&turn), way, first))
        })
        .collect();
    let mut waits = Vec::new();
    for client in clients {
        waits.extend(client.await.unwrap());
    }
    let length = start.elapsed();
    store.close().await.unwrap();
    #[expect(clippy::cast_precision_loss, reason = "thousands, not quadrillions")]
    let rate = waits.len() as f64 / length.as_secs_f64();
    Measured { rate, waits }
}

fn tell(name: &str, mut measured: Vec<Measured>) -> f64 {
    let mut waits: Vec<_> = measured.iter_mut().flat_map(|it| it.waits.drain(..)).collect();
    waits.sort();
    measured.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let rate = measured[measured.len() / 2].rate;
    let share = |percent: usize| waits[(waits.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    println!(
        "{name:32} {rate:7.0}/s (from {:.0} to {:.0})   p50 {:6.1} ms   p99 {:6.1} ms",
        measured[0].rate,
        measured[measured.len() - 1].rate,
        share(50),
        share(99),
    );
    rate
}

/// What one durable write of 4 KiB costs here: the time that group commit shares.
fn tell_the_disk(folder: &Path) {
    let mut file = tempfile::tempfile_in(folder).unwrap();
    let mut waits: Vec<_> = (0..200)
        .map(|_| {
            let start = Instant::now();
            file.write_all(&[b'x'; BODY]).unwrap();
            file.sync_data().unwrap();
            start.elapsed()
        })
        .collect();
    waits.sort();
    let milliseconds = waits[waits.len() / 2].as_secs_f64() * 1000.0;
    println!("{:32} {milliseconds:.2} ms at the median", "one durable write of 4 KiB");
}

fn main() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(folder).unwrap();
    tell_the_disk(folder);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (mut together, mut one_by_one) = (Vec::new(), Vec::new());
    for _round in 0..ROUNDS {
        together.push(runtime.block_on(round(folder, Way::Together)));
        one_by_one.push(runtime.block_on(round(folder, Way::OneByOne)));
    }
    let one_by_one = tell("one transaction an announcement", one_by_one);
    let together = tell("group commit", together);
    println!("{:32} {:.1} times", "group commit is faster", together / one_by_one);
}
