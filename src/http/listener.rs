//! The socket: every connection is served, and none is kept waiting for ever.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

type Served = http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>>;

/// How long a connection may take over what.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// Until the head of its next request is there.
    pub head: Duration,
    /// To come to its end, once hoist does.
    pub end: Duration,
}

impl Default for Deadlines {
    /// A head may take longer than proxies keep a connection for the next request (nginx: 60 s), so
    /// that it is they who close it, and never while they are sending one. The end comes before a
    /// service manager loses its patience (30 s in what `deploy/` has for them).
    fn default() -> Self {
        Self { head: Duration::from_secs(75), end: Duration::from_secs(20) }
    }
}

/// How long no connection is taken after the machine could not give one, for want of open files.
const BREATH: Duration = Duration::from_secs(1);

/// Serves `router` to all who come, until `shutdown` ends; then lets what has begun come to its end.
///
/// A connection whose request has no whole head in time is closed: whoever sends it byte by byte,
/// or nothing, would hold it for ever. What bodies may take is the doors' own affair; how long
/// somebody reads an answer counts only at the end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    within: Deadlines,
    shutdown: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(within.head);
    let (ending, ended) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        let stream = tokio::select! {
            stream = accept(&listener) => stream,
            () = &mut shutdown => break,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service);
        tokio::spawn(attend(connection, ended.clone(), within.end));
    }
    drop((listener, ended));
    ending.send_replace(());
    // Every connection that is still open has the other end.
    ending.closed().await;
}

/// Serves a connection; after the end of all, only the request that has begun, and not for ever.
async fn attend(connection: Served, mut ended: watch::Receiver<()>, end_within: Duration) {
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        _ = ended.changed() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(end_within, connection).await {
                Ok(served) => served,
                Err(_) => return tracing::debug!("a connection was cut off: it did not end"),
            }
        }
    };
    if let Err(error) = served {
        tracing::debug!("a connection ended: {error}");
    }
}

/// The next connection, however long that takes.
async fn accept(listener: &TcpListener) -> TcpStream {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // Whoever came is gone again.
            Err(error)
                if matches!(
                    error.kind(),
                    ConnectionAborted | ConnectionRefused | ConnectionReset
                ) => {}
            Err(error) => {
                tracing::error!("taking a connection: {error}");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}
