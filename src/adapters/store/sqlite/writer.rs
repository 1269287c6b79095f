//! The one connection that writes, and the file it writes to.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Transaction};

use crate::app::ports::StoreError;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How a connection to the database at `path` is set up.
///
/// WAL lets readers go on while something is written; `synchronous=FULL` makes every commit
/// durable before it is answered.
pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
}

/// Makes the folder and the empty file if they are missing, readable by their owner alone: SQLite
/// gives the files that it puts beside it the same mode.
pub(super) fn create(path: &Path) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("making the folder {}", folder.display()))?;
    }
    private().open(path).with_context(|| format!("opening the file {}", path.display()))?;
    Ok(())
}

/// Takes the lock beside the database, which lasts as long as the file is open.
///
/// It is what makes every lease found at start a dead one: no second process can be alive.
pub(super) fn lock(path: &Path) -> anyhow::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file =
        private().open(&name).with_context(|| format!("opening the file {}", name.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(anyhow!(
            "another hoist uses {} (it holds {}): one at a time has a store. Ask that one (`hoist \
             run` without `--once`), stop it, or give this one a `store:` of its own",
            path.display(),
            name.display()
        )),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("locking the file {}", name.display()))
        }
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The connection that writes. There is one, behind a lock, so that no write waits in SQLite.
pub(super) struct Writer {
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
}

impl Writer {
    /// Connects, brings the tables up to date, and ends the claims of the process before.
    pub(super) async fn open(options: SqliteConnectOptions) -> anyhow::Result<Self> {
        let mut connection = options.connect().await?;
        MIGRATIONS.run_direct(None, &mut connection, false).await.context(
            "bringing its tables up to date (a database that a newer hoist wrote needs that hoist)",
        )?;
        sqlx::query("UPDATE applications SET lease_until = NULL WHERE lease_until IS NOT NULL")
            .execute(&mut connection)
            .await
            .context("ending the claims of the process before")?;
        Ok(Self { options, connection: Some(connection) })
    }

    /// Begins a transaction that may write; dropped, it is rolled back.
    pub(super) async fn begin(&mut self) -> Result<Transaction<'_, Sqlite>, StoreError> {
        let Some(connection) = &mut self.connection else {
            return Err(StoreError::Unavailable(anyhow!("the store has been closed")));
        };
        // SQLite ends a transaction by itself when the disk is full or failing, and sqlx then
        // counts one that is not there. The ping waits for rollbacks that are still on their way.
        if connection.ping().await.is_err() || connection.is_in_transaction() {
            *connection = self.options.connect().await?;
        }
        Ok(connection.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Closes the connection; whatever is asked after that fails.
    pub(super) async fn close(&mut self) -> Result<(), StoreError> {
        match self.connection.take() {
            Some(connection) => Ok(connection.close().await?),
            None => Ok(()),
        }
    }
}
