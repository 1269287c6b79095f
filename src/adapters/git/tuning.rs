//! What libgit2 keeps for the whole process.

use std::sync::Once;

use super::transport;

static TUNED: Once = Once::new();

/// How many packs all mirrors together keep open: one that was read longest ago is closed for the
/// next, and opened again in some 20 µs when it is read again. A process may have 1,024 files, where
/// nobody has raised that, and connections, the store and its doors want theirs.
const OPEN_PACKS: usize = 256;

/// Makes our ways to a server known to libgit2, before this process uses it, and has it read as
/// Git itself does.
pub(super) fn tune() {
    TUNED.call_once(|| {
        // Hashing again each object that is read took three quarters of a hundred promotions' time:
        // a folder of twenty thousand applications is most of a megabyte. What a fetch brings is
        // hashed when it comes, what is read carries the checksum of its compression, and a pack
        // that was cut off is found before each fetch.
        git2::opts::strict_hash_verification(false);
        #[expect(unsafe_code, reason = "libgit2 keeps its list of transports for the process")]
        // SAFETY: each mirror is opened after this, and this process makes no transfer before.
        let registered =
            unsafe { git2::transport::register(transport::SCHEME, transport::transport) };
        if let Err(error) = registered {
            tracing::error!(%error, "libgit2 takes no transport of ours; no Git server is reached");
        }
        #[expect(unsafe_code, reason = "libgit2 keeps its limits for the process")]
        // SAFETY: as above; and it is one number, which is read under a lock where packs are opened.
        let limited = unsafe { git2::opts::set_mwindow_file_limit(OPEN_PACKS) };
        if let Err(error) = limited {
            tracing::warn!(%error, "libgit2 keeps each pack open that was ever read");
        }
    });
}
