//! What libgit2 keeps for the whole process.

use std::sync::Once;

use super::transport;

static TUNED: Once = Once::new();

/// Makes our ways to a server known to libgit2, before this process uses it, and has it read as
/// Git itself does.
pub(super) fn tune() {
    TUNED.call_once(|| {
        // Hashing again each object that is read took three quarters of a hundred promotions' time:
        // a folder of twenty thousand applications is most of a megabyte. What a fetch brings is
        // hashed when it comes, what is read carries the checksum of its compression, and a pack
        // that was cut off is found before each fetch.
        git2::opts::strict_hash_verification(false);
        // No limit is set to how many packs are open (`set_mwindow_file_limit`): libgit2 1.9 chooses
        // which one to close under a lock and closes it after it, when another thread may have
        // freed it.
        #[expect(unsafe_code, reason = "libgit2 keeps its list of transports for the process")]
        // SAFETY: each mirror is opened after this, and this process makes no transfer before.
        let registered =
            unsafe { git2::transport::register(transport::SCHEME, transport::transport) };
        if let Err(error) = registered {
            tracing::error!(%error, "libgit2 takes no transport of ours; no Git server is reached");
        }
    });
}
