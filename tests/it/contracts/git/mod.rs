//! What the `Git` port promises, over `file://`, over HTTP with basic auth, and over SSH.

mod anew;
mod certificates;
mod disk;
mod killed;
mod network;
mod reading;
mod refs;
mod refusals;
mod roads;
mod signing;
mod ssh;
mod versions;

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

        mod over_http_by_libgit2 {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $contract() {
                super::$contract(crate::support::git::Remote::http_by_libgit2()).await;
            })+
        }

        mod over_ssh {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $contract() {
                super::$contract(crate::support::git::Remote::ssh()).await;
            })+
        }
    };
}
use over_each_remote;
