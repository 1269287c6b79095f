//! `hoist demo`: a GitOps repository, a server, and an artifact's way up and down again.
//!
//! Nothing in it is make-believe: a bare Git repository on disk, the real webhook with a real
//! signature, the API and the page of a server on this machine.

mod folder;

mod narrate;

mod proof;

mod story;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::serve::{serve, sign_in_link};
use crate::wiring;
use folder::Folder;
use narrate::{Narrator, Port, Served};
use story::{Reviewer, Story};

/// The port that is tried first.
const PORT: u16 = 8080;

/// Runs the demo in `folder`. With [`Mode::Auto`] it does the person's part too and returns once
/// the Git history has proved everything; with [`Mode::Person`] it waits for the person and goes
/// on serving until Ctrl-C.
///
/// # Errors
///
/// When the folder holds something else than an earlier demo, nothing can be listened on, or a step
/// does not come to its end.
pub async fn run(folder: &Path, port: Option<u16>, mode: Mode) -> anyhow::Result<()> {
    let listener = listen(port).await?;
    let address = listener.local_addr()?;
    let public_url = format!("http://{address}");
    let folder = Folder::make(folder, &public_url)?;
    let (app, _) = wiring::app(wiring::configuration(&folder.config())?).await?;
    let app = Arc::new(app);
    folder.fill(&app).await.context("making the demo's GitOps repository")?;
    let narrator = Narrator;
    let port = match port {
        None if address.port() != PORT => Port::NextFree,
        Some(_) | None => Port::Wished,
    };
    narrator.welcome(&folder, Served { url: &public_url, port });
    let (end, ended) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, Arc::clone(&app), async move {
        drop(ended.await);
    }));
    let link = sign_in_link(&app).await?;
    let reviewer = match mode {
        Mode::Auto => Reviewer::Demo,
        Mode::Person => Reviewer::Person { sign_in: link },
    };
    let story = Story::new(&folder, &public_url, narrator, reviewer)?;
    let told = tokio::select! {
        told = story.tell() => told.map(Some),
        _ = tokio::signal::ctrl_c() => Ok(None),
    };
    let ended = match told {
        Ok(Some(promotions)) => proof::prove(&app, &promotions, &narrator).await.map(|()| mode),
        // Whoever interrupts has seen enough.
        Ok(None) => Ok(Mode::Auto),
        Err(error) => Err(error),
    };
    if let Ok(Mode::Person) = ended {
        narrator.look_around(&folder, &public_url);
        drop(tokio::signal::ctrl_c().await);
    }
    drop(end);
    server.await.context("waiting for the server")??;
    ended.map(|_| ())
}

/// Who does the person's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The demo itself.
    Auto,
    /// The person before the screen.
    Person,
}

/// Listens on the port that was asked for, or on the first free one from 8080.
async fn listen(port: Option<u16>) -> anyhow::Result<TcpListener> {
    if let Some(port) = port {
        return TcpListener::bind(("127.0.0.1", port))
            .await
            .with_context(|| format!("port {port} is taken; leave `--port` out for a free one"));
    }
    for port in PORT..PORT + 100 {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            return Ok(listener);
        }
    }
    TcpListener::bind(("127.0.0.1", 0)).await.context("no port on 127.0.0.1 is free")
}
