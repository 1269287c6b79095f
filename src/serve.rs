//! `hoist serve`: opens the doors, works, and ends in order.

use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use futures::future::BoxFuture;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::app::App;
pub use crate::app::Mode;
use crate::domain::id::{PersonName, RoleName};
use crate::wiring::{self, Start};
use crate::{http, scheduler};

/// Serves until the process is told to end (SIGINT or SIGTERM).
///
/// # Errors
///
/// When the configuration has problems, the store or a mirror cannot be opened, or the address
/// is taken.
pub async fn run(config: &Path, listen: Option<&str>, mode: Mode) -> anyhow::Result<()> {
    open_many_files();
    let mut configuration = wiring::configuration(config)?;
    let settings = &mut configuration.settings;
    // Links lead where hoist listens, unless the configuration says where else people reach it.
    if let Some(listen) = listen {
        if settings.public_url == format!("http://{}", settings.listen) {
            settings.public_url = format!("http://{listen}");
        }
        listen.clone_into(&mut settings.listen);
    }
    let address = settings.listen.clone();
    let has_tokens = !configuration.settings.tokens.is_empty();
    let (mut app, start) = wiring::app(configuration).await?;
    app.mode = mode;
    if let Some(lost) = app.lost_history().await? {
        bail!(lost);
    }
    let app = Arc::new(app);
    let listener = TcpListener::bind(&address).await.with_context(|| {
        format!("{address} cannot be listened on; choose another with `--listen`")
    })?;
    let shown = listener.local_addr()?;
    say(&format!("hoist listens on http://{shown}; people reach it at {}", app.policy.public_url));
    match mode {
        Mode::Active => {}
        Mode::ReadOnly => say("It plans, shows and answers, and changes nothing: --read-only."),
    }
    if start == Start::First || !has_tokens {
        let link = sign_in_link(&app).await?;
        say(&format!("Sign in within the hour, once: {link}"));
    }
    serve(listener, app, told_to_end()).await
}

/// Serves `app` on `listener` until `shutdown` ends.
///
/// Stops accepting, lets the current actions finish, then returns. A restart needs nothing
/// special, so there is nothing else to put in order.
///
/// # Errors
///
/// When one of its workers broke down.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let (ending, ended) = watch::channel(());
    let mut for_scheduler = ended.clone();
    let mut for_http = ended;
    let scheduler = tokio::spawn(scheduler::run(Arc::clone(&app), async move {
        drop(for_scheduler.changed().await);
    }));
    let mut for_schedules = ending.subscribe();
    let schedules = tokio::spawn(scheduler::depart(Arc::clone(&app), async move {
        drop(for_schedules.changed().await);
    }));
    let mut for_people = ending.subscribe();
    let people = tokio::spawn(scheduler::converse(Arc::clone(&app), async move {
        drop(for_people.changed().await);
    }));
    tokio::spawn(async move {
        shutdown.await;
        drop(ending);
    });
    let router = http::router(app);
    let ended = async move { drop(for_http.changed().await) };
    http::listener::serve(listener, router, http::listener::Deadlines::default(), ended).await;
    schedules.await.context("waiting for the schedules")?;
    people.await.context("waiting for the conversations")?;
    scheduler.await.context("waiting for the scheduler")
}

/// Looks at everything, does what there is to do, and tells it; for a process that ends then.
pub fn once(app: Arc<App>) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        scheduler::sweep(&app).await;
        scheduler::work_off(&app).await;
        scheduler::answer_all(&app).await;
    })
}

/// A link that signs an operator in once, with every role there is.
///
/// # Errors
///
/// When the store cannot keep its code.
pub async fn sign_in_link(app: &App) -> anyhow::Result<String> {
    let operator: PersonName = "operator".parse()?;
    let roles: Vec<RoleName> = app.policy.roles.keys().cloned().collect();
    let code = app.invite(&operator, roles).await?;
    Ok(crate::app::sessions::sign_in_url(&app.policy.public_url, &code))
}

/// Says something to the person who started hoist: not a log line, because links must not be one.
fn say(text: &str) {
    let mut out = anstream::stdout().lock();
    // A closed terminal is no reason to stop serving.
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// Lets this process open as many files as the machine allows: each pack of each mirror is one, and
/// each connection. The 1,024 that are usual protect programs that wait by `select`, as none of ours
/// does.
fn open_many_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "no more files can be open than {:?}", limit.current);
    }
}

/// Ends when somebody presses Ctrl-C or the service manager says so.
async fn told_to_end() {
    let interrupt = tokio::signal::ctrl_c();
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = interrupt => {}
        () = terminate => {}
    }
    tracing::info!("ending: what has begun comes to its end first");
}
