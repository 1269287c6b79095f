//! What `hoist recover` says: what is there again, and what cannot be.

/// The store is new, and the repository is not.
pub fn lost(repository: &str, traces: usize) -> String {
    format!(
        "the store is empty, but the newest commits of {repository} hold {traces} of hoist's own: \
         its store was lost, or another one is meant; run `hoist recover` to rebuild it from Git \
         and the forge, or name the right `store:`"
    )
}

/// A repository cannot be read.
pub fn unreadable(repository: &str, why: &str) -> String {
    format!("nothing is rebuilt, because {repository} could not be read: {why}")
}

/// Something is in the store.
pub const NOT_EMPTY: &str = "the store holds promotions already, and recover never mixes them with \
    others; move its file away first if it is to be rebuilt";

/// Why everything is held.
pub const HELD: &str = "the store was rebuilt; look whether this is right";

/// What stands in the list of deliveries.
pub const DELIVERY: &str = "rebuilt by `hoist recover` from the trailers of commits";

/// The audit log's line.
pub fn rebuilt(promotions: usize) -> String {
    format!("{promotions} promotions rebuilt from Git and the forge; held everywhere")
}

/// What neither Git nor the forge knows.
pub fn unknown() -> Vec<String> {
    [
        "holds that people had set, and why",
        "freezes that were not in the pipelines file",
        "deliveries, and artifacts that were neither merged nor proposed anywhere",
        "promotions that waited, were closed or were superseded before they were merged",
        "when each version was healthy, and how long it had soaked",
        "through which door each was asked for, and the source repository of each artifact",
        "the audit log and the sessions from before",
    ]
    .map(str::to_owned)
    .to_vec()
}
