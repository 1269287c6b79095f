//! What libgit2 keeps for the whole process.

use std::sync::Once;

use super::transport;

/// Longest wait for a connection.
const CONNECT_MILLIS: i32 = 10_000;

/// Longest silence of a server in the middle of an exchange.
const SILENCE_MILLIS: i32 = 60_000;

static TUNED: Once = Once::new();

/// Ends waits that would otherwise last for ever: libgit2's own default.
///
/// A server that sends a byte now and then escapes this; the caller's own deadline does not.
pub(super) fn tune() {
    TUNED.call_once(|| {
        #[expect(unsafe_code, reason = "libgit2 keeps its list of transports for the process")]
        // SAFETY: each mirror is opened after this, and this process uses libgit2 for nothing else
        // before its first mirror.
        let registered = unsafe { git2::transport::register(transport::SCHEME, transport::transport) };
        if let Err(error) = registered {
            tracing::error!(%error, "libgit2 takes no transport of ours; nothing by SSH is reached");
        }
        #[expect(unsafe_code, reason = "libgit2 offers its timeouts only as process-wide settings")]
        // SAFETY: plain integers, written once, before this process makes its first connection.
        let set = unsafe {
            git2::opts::set_server_connect_timeout_in_milliseconds(CONNECT_MILLIS)
                .and_then(|()| git2::opts::set_server_timeout_in_milliseconds(SILENCE_MILLIS))
        };
        if let Err(error) = set {
            tracing::warn!(%error, "libgit2 takes no timeouts; a silent Git server is waited for until the deadline");
        }
    });
}
