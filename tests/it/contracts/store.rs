//! What every store must do. Each function below is one promise, made of [`Store`]'s methods alone,
//! so that a second engine joins by opening its own store for each of them.

mod announcing;
mod auditing;
mod changes;
mod claiming;
mod conversing;
mod forgetting;
mod freezes;
mod given;
mod running;
mod sessions;
mod sqlite;

use std::pin::Pin;

use hoist::adapters::store::sqlite::SqliteStore;
use hoist::app::ports::{Conversations, Store};

type Told<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Runs one promise against every engine, each with an empty store of its own.
async fn on_every_engine(promise: impl for<'a> Fn(&'a dyn Store) -> Told<'a>) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("hoist.db")).await.unwrap();
    promise(&store).await;
    store.close().await.unwrap();
}

/// The same for the part of the store that keeps conversations.
async fn on_every_engine_that_converses(
    promise: impl for<'a> Fn(&'a dyn Conversations) -> Told<'a>,
) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("hoist.db")).await.unwrap();
    promise(&store).await;
    store.close().await.unwrap();
}

/// Makes a test of each promise.
macro_rules! promises {
    ($($(#[$doc:meta])* async fn $name:ident($store:ident) $body:block)*) => {
        $(
            $(#[$doc])*
            #[tokio::test]
            async fn $name() {
                crate::contracts::store::on_every_engine(|$store| Box::pin(async move $body)).await;
            }
        )*
    };
}
use promises;
