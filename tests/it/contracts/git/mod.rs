//! What the `Git` port promises, over `file://` and over HTTP with basic auth.

mod disk;
mod network;
mod reading;
mod refs;

/// Runs each contract over each kind of remote.
macro_rules! over_each_remote {
    ($($contract:ident),+ $(,)?) => {
        mod over_file {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $contract() {
                super::$contract(crate::support::git::Remote::local()).await;
            })+
        }

        mod over_http {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $contract() {
                super::$contract(crate::support::git::Remote::http()).await;
            })+
        }
    };
}
use over_each_remote;
