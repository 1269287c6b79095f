//! What is SQLite's own: its file, its lock, its migrations, and hands that reach into it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use hoist::adapters::store::sqlite::SqliteStore;
use hoist::app::audit::{Broken, verify};
use hoist::app::ports::{Announced, Change, Store, StoreError};
use jiff::SignedDuration;
use sqlx::migrate::{MigrationSource, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tempfile::TempDir;

use super::given::{
    announcement, application, artifact, at, claim, claimed, event, hold, line, promotion, session,
};

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("var/of/its/own/hoist.db");
    (folder, path)
}

/// A connection of somebody else's.
async fn reach_into(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

async fn run(path: &Path, statements: &str) -> Result<(), sqlx::Error> {
    let mut connection = reach_into(path).await;
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection).await?;
    connection.close().await
}

#[tokio::test]
async fn folders_are_made_and_files_are_their_owners_alone() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).await.unwrap();
    store.announce(announcement("shop", 1)).await.unwrap();
    for file in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
    }
}

#[tokio::test]
async fn a_second_process_is_refused_until_the_first_has_closed() {
    let (_folder, path) = place();
    let first = SqliteStore::open(&path).await.unwrap();
    let Err(StoreError::Unavailable(why)) = SqliteStore::open(&path).await else {
        panic!("two processes have one store")
    };
    let why = format!("{why:#}");
    assert!(why.contains("another hoist uses") && why.contains("hoist.db.lock"), "{why}");

    first.close().await.unwrap();
    SqliteStore::open(&path).await.unwrap();
    let asked = first.applications().await;
    assert!(matches!(asked, Err(StoreError::Unavailable(_))), "{asked:?}");
    let asked = first.announce(announcement("shop", 1)).await;
    assert!(matches!(asked, Err(StoreError::Unavailable(_))), "{asked:?}");
    let asked = first.enlist(vec![], at(0)).await;
    assert!(matches!(asked, Err(StoreError::Unavailable(_))), "{asked:?}");
}

#[tokio::test]
async fn a_restart_keeps_everything_and_ends_every_claim() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).await.unwrap();
    store.announce(announcement("shop", 1)).await.unwrap();
    let lost = claim(&store, at(0)).await;
    let changes = vec![
        Change::Start(Box::new(promotion("shop", "prod", 1))),
        Change::Hold(hold("shop", "prod", 1)),
    ];
    store.outcome(&lost, changes, vec![line("one")]).await.unwrap();
    store.open_session(session("key")).await.unwrap();
    let before = store.load(&application("shop")).await.unwrap();
    // As after a crash: nothing is closed in order.
    drop(store);

    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(store.load(&application("shop")).await.unwrap(), before);
    assert_eq!(store.audit(0, 10).await.unwrap().len(), 1);
    assert_eq!(store.session("key", at(0)).await.unwrap(), Some(session("key")));
    let late = store.outcome(&lost, vec![], vec![line("late")]).await;
    assert!(matches!(late, Err(StoreError::FenceLost(_))), "{late:?}");
    assert!(claim(&store, at(0)).await.fence > lost.fence);
}

#[tokio::test]
async fn closing_answers_what_is_waiting() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).await.unwrap();
    let sent = (1..=100).map(|number| store.announce(announcement("shop", number)));
    let (answers, closed) = futures::join!(futures::future::join_all(sent), store.close());
    closed.unwrap();
    let stored = answers.iter().filter(|it| matches!(it, Ok(Announced::New(_)))).count();

    let store = SqliteStore::open(&path).await.unwrap();
    let found = store.load(&application("shop")).await.map_or(0, |record| record.artifacts.len());
    assert_eq!(found, stored);
}

#[tokio::test]
async fn the_audit_log_refuses_to_be_changed() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).await.unwrap();
    store.note(vec![line("one"), line("two")]).await.unwrap();
    for statement in [
        "UPDATE audit SET text = 'else' WHERE number = 1",
        "DELETE FROM audit WHERE number = 2",
        "INSERT INTO audit SELECT 9, at, actor, door, verb, pipeline, application, environment,
         promotion, commit_id, text, hash FROM audit WHERE number = 1",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE number = 2",
    ] {
        let refused = run(&path, statement).await.unwrap_err().to_string();
        assert!(refused.contains("the audit log"), "{statement}: {refused}");
    }
    assert_eq!(verify(&store.audit(0, 10).await.unwrap()), Ok(()));
}

#[tokio::test]
async fn who_drops_the_triggers_is_found_out_by_the_chain() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).await.unwrap();
    store.note(vec![line("one"), line("two"), line("three")]).await.unwrap();
    run(
        &path,
        "DROP TRIGGER audit_is_never_changed; UPDATE audit SET actor = 'eve' WHERE number = 2",
    )
    .await
    .unwrap();
    let log = store.audit(0, 10).await.unwrap();
    assert_eq!(verify(&log), Err(Broken::Altered { number: 2 }));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).await.unwrap();
    store.announce(announcement("shop", 1)).await.unwrap();
    let shop = application("shop");
    let changes = vec![
        Change::Start(Box::new(promotion("shop", "prod", 1))),
        Change::Hold(hold("shop", "prod", 1)),
    ];
    store.record(&shop, changes, vec![], at(0)).await.unwrap();
    let promotion = promotion("shop", "prod", 1).id.to_string();
    let (artifact, hold) = (artifact(1).id.to_string(), hold("shop", "prod", 1).id.to_string());

    for (spoil, mend, expected) in [
        (
            "UPDATE promotions SET details = json_set(details, '$.state.state', 'lost')",
            "UPDATE promotions SET details = json_set(details, '$.state.state', 'waiting')",
            ("promotions", &promotion, "column `details`: unknown variant `lost`"),
        ),
        (
            "UPDATE promotions SET state = 'merged'",
            "UPDATE promotions SET state = 'waiting'",
            ("promotions", &promotion, "column `state`: it says \"merged\""),
        ),
        (
            "UPDATE promotions SET since = 'yesterday'",
            "UPDATE promotions SET since = created_at",
            ("promotions", &promotion, "column `since`: "),
        ),
        (
            "UPDATE artifacts SET digest = 'sha256:0'",
            "UPDATE artifacts SET digest = 'sha256:' || printf('%064x', 1)",
            ("artifacts", &artifact, "column `digest`: after `sha256:`"),
        ),
        (
            "UPDATE holds SET held_by = 'bob'",
            "DELETE FROM holds",
            ("holds", &hold, "column `held_by`: "),
        ),
        (
            "INSERT INTO pulses VALUES ('services', 'shop', 'prod', '{}')",
            "DELETE FROM pulses",
            ("pulses", &"prod".to_owned(), "column `pulse`: missing field"),
        ),
        (
            "UPDATE applications SET wake_at = ''",
            "UPDATE applications SET wake_at = NULL",
            ("applications", &"shop".to_owned(), "column `wake_at`: "),
        ),
    ] {
        run(&path, spoil).await.unwrap();
        let error = store.load(&shop).await.unwrap_err();
        let StoreError::Inconsistent { table, row, problem } = &error else {
            panic!("{spoil}: {error:?}")
        };
        assert_eq!((*table, row), (expected.0, expected.1), "{spoil}");
        assert!(problem.starts_with(expected.2), "{spoil}: {problem}");
        run(&path, mend).await.unwrap();
        store.load(&shop).await.unwrap();
    }
}

#[tokio::test]
async fn what_another_hand_has_locked_is_waited_for() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).await.unwrap();
    let mut other = reach_into(&path).await;
    let transaction = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let (stored, ended) = futures::join!(store.announce(announcement("shop", 1)), async {
        // Reading goes on meanwhile.
        assert_eq!(store.deliveries(10).await.unwrap(), []);
        transaction.rollback().await
    });
    ended.unwrap();
    assert_eq!(stored.unwrap(), Announced::New(event(1)));
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_the_store_usable() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).await.unwrap();
    let held = claimed(&store, "shop").await;
    for number in 0..200 {
        let lines = (0..5).map(|it| line(&it.to_string())).collect();
        let mut asked = Box::pin(store.outcome(&held, vec![], lines));
        // As when a client hangs up: polled for a moment, then dropped in the middle.
        for _ in 0..number {
            if futures::poll!(&mut asked).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(asked);
    }
    store.note(vec![line("after")]).await.unwrap();
    let log = store.audit(0, 10_000).await.unwrap();
    assert_eq!(log.len() % 5, 1, "a transaction was kept in part");
    assert_eq!(verify(&log), Ok(()));
    let lease = SignedDuration::from_secs(1);
    assert_eq!(store.claim(at(0), lease, 10).await.unwrap(), []);
}

mod migrations {
    use super::*;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite")
    }

    /// What a migration does to a table that has rows already.
    fn faults(sql: &str) -> Vec<String> {
        let without_comments: String = sql
            .lines()
            .map(|line| line.split("--").next().unwrap_or(""))
            .collect::<Vec<_>>()
            .join(" ");
        let words = |text: &str| {
            text.split_whitespace().map(str::to_uppercase).collect::<Vec<_>>().join(" ")
        };
        let statements = without_comments.split(';').map(words);
        statements
            .filter(|it| it.starts_with("ALTER TABLE") && it.contains(" ADD "))
            .filter(|it| it.contains(" NOT NULL") && !it.contains(" DEFAULT "))
            .collect()
    }

    #[test]
    fn a_planted_column_without_a_default_is_found() {
        let planted = "ALTER TABLE holds -- a comment; with\n add column level text\n not null;";
        assert_eq!(faults(planted).len(), 1);
        assert_eq!(
            faults(&planted.replace(";\0", "").replace("null;", "null default '';")).len(),
            0
        );
    }

    #[tokio::test]
    async fn no_migration_adds_a_column_that_filled_tables_cannot_have() {
        let found = folder().as_path().resolve().await.unwrap();
        assert!(!found.is_empty());
        for migration in found {
            let faults = faults(migration.sql.as_str());
            assert!(faults.is_empty(), "{}: {faults:?}", migration.version);
        }
    }

    /// Every table as the first migration made it, with a row or more; later migrations must bring
    /// all of it along.
    const FILLED: &str = include_str!("filled_at_0001.sql");

    #[tokio::test]
    async fn a_filled_database_of_the_first_version_is_brought_up_to_date() {
        let (_folder, path) = place();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut connection = reach_into(&path).await;
        let migrator = Migrator::new(folder()).await.unwrap();
        migrator.run_to(1, &mut connection).await.unwrap();
        sqlx::raw_sql(FILLED).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();

        let store = SqliteStore::open(&path).await.unwrap();
        let record = store.load(&application("shop")).await.unwrap();
        assert_eq!(
            (record.artifacts.len(), record.promotions.len(), record.holds.len()),
            (2, 3, 1)
        );
        let mut connection = reach_into(&path).await;
        let broken =
            sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut connection).await.unwrap();
        assert_eq!(broken.len(), 0);
        assert_eq!(store.deliveries(10).await.unwrap().len(), 2);
        let log = store.audit(0, 10).await.unwrap();
        assert_eq!(log.len(), 3);
        assert_eq!(verify(&log), Ok(()));
        assert!(store.session("5e55", at(0)).await.unwrap().is_some());
        assert!(store.take_code("c0de", at(0)).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_database_of_a_newer_hoist_is_refused_with_a_reason() {
        let (_folder, path) = place();
        SqliteStore::open(&path).await.unwrap().close().await.unwrap();
        run(
            &path,
            "INSERT INTO _sqlx_migrations SELECT 9999, description, installed_on, success, checksum,
             execution_time FROM _sqlx_migrations LIMIT 1",
        )
        .await
        .unwrap();
        let Err(StoreError::Unavailable(why)) = SqliteStore::open(&path).await else {
            panic!("a newer database was opened")
        };
        let why = format!("{why:#}");
        assert!(why.contains("hoist.db") && why.contains("newer hoist"), "{why}");
    }
}
