//! For whom something is written outside, and how urgent that is.
//!
//! It is said once, where the work begins, and heard where writes are counted: every question to a
//! forge would carry it otherwise, and none of them is asked differently for it.

use crate::domain::id::ApplicationKey;

tokio::task_local! {
    static CURRENT: Errand;
}

/// For whom something is done, so that a budget which many share can be shared fairly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    /// Whose it is: an application's, a train's.
    pub whose: String,
    /// How urgent it is.
    pub haste: Haste,
}

/// How urgent something is; what is more urgent comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Haste {
    /// Something bad runs, and its rollback is on its way.
    Rollback,
    /// Everything else.
    Usual,
}

impl Errand {
    /// One of an application's.
    pub fn of(application: &ApplicationKey, haste: Haste) -> Self {
        Self { whose: application.to_string(), haste }
    }

    /// What is gone on now; where nobody said so, it is hoist's own and can wait as others do.
    pub fn current() -> Self {
        let hoists = Self { whose: String::new(), haste: Haste::Usual };
        CURRENT.try_with(Self::clone).unwrap_or(hoists)
    }

    /// Does some work on this errand.
    pub async fn run<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }
}
