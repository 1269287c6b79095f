//! Wakes the reconciler: at a nudge, at the plan's own time, and every so often regardless.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::task::{JoinError, JoinSet};

use crate::app::App;
use crate::app::ports::Saying;

/// How often everything is looked at although nobody said that anything happened.
///
/// A lost webhook costs this much time, and never truth.
pub const SWEEP: SignedDuration = SignedDuration::from_secs(60);

/// How often it is looked whether anything is to be told, or was said and not rung for.
const HEARKEN: Duration = Duration::from_secs(2);

/// How many times it hearkens between two looks at the trains: they wait for people and for hours.
const TENDING: u32 = 5;

/// How much of what was said is looked at together.
const MOST_SPEAKERS: u32 = 50;

/// How many applications are worked on at once; those that only wait for their turn at a busy forge
/// are not counted, so that they keep nobody waiting whose forge is another.
const WORKERS: usize = 8;

/// How many there are at most, with those who wait.
const MOST: usize = 4 * WORKERS;

/// How many more there may be, where a rollback is on its way.
const SPARE: usize = 2;

/// How often it is looked for room while everybody works.
const GLANCE: Duration = Duration::from_secs(1);

/// Works until `shutdown` ends; then lets what has begun come to its end.
///
/// A restart needs nothing special: what was under way is due again, and every action looks
/// before it acts.
pub async fn run(app: Arc<App>, shutdown: impl Future<Output = ()>) {
    let mut shutdown = std::pin::pin!(shutdown);
    let mut next_sweep = app.clock.now();
    let mut passes = JoinSet::new();
    loop {
        if app.clock.now() >= next_sweep {
            tokio::select! {
                () = sweep(&app) => {}
                () = &mut shutdown => break,
            }
            next_sweep = app.clock.now() + SWEEP;
        }
        take_up(&app, &mut passes).await;
        let wait = match Room::of(&app, &passes).usual {
            0 => GLANCE,
            _ => until_next(&app, next_sweep).await,
        };
        tokio::select! {
            () = app.nudge.notified() => {}
            () = tokio::time::sleep(wait) => {}
            Some(ended) = passes.join_next() => note_breakdown(ended),
            () = &mut shutdown => break,
        }
    }
    while let Some(ended) = passes.join_next().await {
        note_breakdown(ended);
    }
}

/// Finds applications, decides what was left undecided, and makes everything due.
pub async fn sweep(app: &App) {
    // From before the reading: what is woken as of then takes that reading for its own.
    let begun = app.clock.now();
    match app.discover().await {
        Ok(discovery) => {
            if let Err(error) = app.decide_undecided(&discovery).await {
                tracing::warn!("deciding what was announced while Git was away: {error:#}");
            }
        }
        Err(error) => tracing::warn!("looking for applications: {error:#}"),
    }
    if let Err(error) = app.forget_deliveries().await {
        tracing::warn!("forgetting what came in long ago: {error:#}");
    }
    if let Err(error) = app.store.wake(None, begun).await {
        tracing::error!("waking the applications: {error:#}");
    }
}

/// Works on everything that is due, until nothing is.
pub async fn work_off(app: &Arc<App>) {
    let mut passes = JoinSet::new();
    loop {
        take_up(app, &mut passes).await;
        match passes.join_next().await {
            Some(ended) => note_breakdown(ended),
            None => return,
        }
    }
}

/// Begins a pass over each application that is due, as far as there are workers.
///
/// A slow one keeps its own worker busy and nobody else's.
async fn take_up(app: &Arc<App>, passes: &mut JoinSet<()>) {
    let claims = match Room::of(app, passes) {
        Room { usual: 0, rollbacks: 0 } => return,
        Room { usual: 0, rollbacks } => app.claim_rollbacks(rollbacks).await,
        Room { usual, .. } => app.claim(usual).await,
    };
    let claims = match claims {
        Ok(claims) => claims,
        Err(error) => return tracing::error!("claiming what is due: {error:#}"),
    };
    for claim in claims {
        let app = Arc::clone(app);
        passes.spawn(async move {
            if let Err(error) = app.pass(&claim).await {
                tracing::error!(application = %claim.application, "ending a pass: {error:#}");
            }
        });
    }
}

/// For how many more there is room.
struct Room {
    usual: u32,
    rollbacks: u32,
}

impl Room {
    fn of(app: &App, passes: &JoinSet<()>) -> Self {
        let all = passes.len();
        let working = all.saturating_sub(app.waiting_for_turns());
        let room = |more: usize| {
            let left = (WORKERS + more).saturating_sub(working);
            u32::try_from(left.min((MOST + more).saturating_sub(all))).unwrap_or(0)
        };
        Self { usual: room(0), rollbacks: room(SPARE) }
    }
}

/// Lets the schedules' runs depart at their times, and tells which freezes began and ended, until `shutdown` ends.
///
/// A run looks at many applications and takes its time; nothing else waits for it.
pub async fn depart(app: Arc<App>, shutdown: impl Future<Output = ()>) {
    let mut shutdown = std::pin::pin!(shutdown);
    for turn in 0_u32.. {
        if let Err(error) = app.turn_calendar().await {
            tracing::error!("looking at the freezes: {error:#}");
        }
        if let Err(error) = app.run_due().await {
            tracing::error!("looking at the schedules: {error:#}");
        }
        if turn.is_multiple_of(TENDING) {
            app.tend_trains().await;
        }
        tokio::select! {
            () = tokio::time::sleep(HEARKEN) => {}
            () = &mut shutdown => return,
        }
    }
}

/// Attends to what people say, and tells a channel what moves, until `shutdown` ends.
///
/// Beside [`run`], so that neither waits for the other: a chat that is slow or away keeps no
/// promotion waiting, and a slow look at Git keeps nobody from being heard.
pub async fn converse(app: Arc<App>, shutdown: impl Future<Output = ()>) {
    let mut shutdown = std::pin::pin!(shutdown);
    let mut speakers = HashSet::new();
    let mut attending = JoinSet::new();
    let telling = tell(&app);
    let mut telling = std::pin::pin!(telling);
    loop {
        listen(&app, &mut speakers, &mut attending).await;
        tokio::select! {
            () = app.chat.heard.notified() => {}
            () = tokio::time::sleep(HEARKEN) => {}
            Some(ended) = attending.join_next() => match ended {
                Ok(speaker) => drop(speakers.remove(&speaker)),
                Err(error) => tracing::error!("an answer broke down: {error}"),
            },
            () = &mut telling => {}
            () = &mut shutdown => break,
        }
    }
    while attending.join_next().await.is_some() {}
}

/// Attends to everything that was said, delivers what is due, and tells what moved; once.
pub async fn answer_all(app: &Arc<App>) {
    let unattended = app.unattended(MOST_SPEAKERS).await.unwrap_or_default();
    for saying in unattended {
        attend(app, &saying).await;
    }
    tell_once(app).await;
}

/// Begins to attend to whoever has said something. Of one speaker the first words come first: a
/// hold and the resume after it must not change places.
async fn listen(app: &Arc<App>, speakers: &mut HashSet<String>, attending: &mut JoinSet<String>) {
    let unattended = match app.unattended(MOST_SPEAKERS).await {
        Ok(unattended) => unattended,
        Err(error) => return tracing::error!("listening: {error:#}"),
    };
    for saying in unattended {
        if attending.len() >= WORKERS || !speakers.insert(saying.details.speaker.clone()) {
            continue;
        }
        let app = Arc::clone(app);
        attending.spawn(async move {
            attend(&app, &saying).await;
            saying.details.speaker
        });
    }
}

async fn attend(app: &App, saying: &Saying) {
    if let Err(error) = app.attend(saying).await {
        tracing::error!(saying = %saying.id, "answering: {error:#}");
    }
}

/// Delivers and tells, for ever.
async fn tell(app: &App) {
    loop {
        tell_once(app).await;
        tokio::time::sleep(HEARKEN).await;
    }
}

async fn tell_once(app: &App) {
    if let Err(error) = app.deliver_due().await {
        tracing::error!("delivering answers: {error:#}");
    }
    if let Err(error) = app.tell_channel().await {
        tracing::error!("telling the channel: {error:#}");
    }
    if let Err(error) = app.tell_sources().await {
        tracing::error!("telling the sources: {error:#}");
    }
    app.tell_audiences().await;
}

fn note_breakdown(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!("a pass broke down: {error}");
    }
}

/// How long nothing is due, as far as is known.
async fn until_next(app: &App, next_sweep: Timestamp) -> Duration {
    let next_wake = app.store.next_wake().await.ok().flatten();
    let next = next_wake.map_or(next_sweep, |wake| wake.min(next_sweep));
    let wait = next.duration_since(app.clock.now());
    // At least a moment: a failing store must not make this loop spin.
    Duration::try_from(wait).unwrap_or(Duration::ZERO).max(Duration::from_millis(20))
}
