//! Wakes the reconciler: at a nudge, at the plan's own time, and every so often regardless.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use crate::app::App;

/// How often everything is looked at although nobody said that anything happened.
///
/// A lost webhook costs this much time, and never truth.
pub const SWEEP: SignedDuration = SignedDuration::from_secs(60);

/// How many applications are worked on at once.
const WORKERS: u32 = 8;

/// Works until `shutdown` ends; then lets what has begun come to its end.
///
/// A restart needs nothing special: what was under way is due again, and every action looks
/// before it acts.
pub async fn run(app: Arc<App>, shutdown: impl Future<Output = ()>) {
    let mut shutdown = std::pin::pin!(shutdown);
    let mut next_sweep = app.clock.now();
    loop {
        if app.clock.now() >= next_sweep {
            tokio::select! {
                () = sweep(&app) => {}
                () = &mut shutdown => return,
            }
            next_sweep = app.clock.now() + SWEEP;
        }
        work_off(&app).await;
        let wait = until_next(&app, next_sweep).await;
        tokio::select! {
            () = app.nudge.notified() => {}
            () = tokio::time::sleep(wait) => {}
            () = &mut shutdown => return,
        }
    }
}

/// Finds applications, decides what was left undecided, and makes everything due.
pub async fn sweep(app: &App) {
    match app.discover().await {
        Ok(discovery) => {
            if let Err(error) = app.decide_undecided(&discovery).await {
                tracing::warn!("deciding what was announced while Git was away: {error:#}");
            }
        }
        Err(error) => tracing::warn!("looking for applications: {error:#}"),
    }
    if let Err(error) = app.store.wake(None, app.clock.now()).await {
        tracing::error!("waking the applications: {error:#}");
    }
}

/// Works on everything that is due, until nothing is.
pub async fn work_off(app: &Arc<App>) {
    loop {
        let claims = match app.claim(WORKERS).await {
            Ok(claims) => claims,
            Err(error) => {
                tracing::error!("claiming what is due: {error:#}");
                return;
            }
        };
        if claims.is_empty() {
            return;
        }
        let mut passes = JoinSet::new();
        for claim in claims {
            let app = Arc::clone(app);
            passes.spawn(async move {
                if let Err(error) = app.pass(&claim).await {
                    tracing::error!(application = %claim.application, "ending a pass: {error:#}");
                }
            });
        }
        while let Some(ended) = passes.join_next().await {
            if let Err(error) = ended {
                tracing::error!("a pass broke down: {error}");
            }
        }
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
