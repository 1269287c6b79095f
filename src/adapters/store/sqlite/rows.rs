//! Between rows and domain values. What cannot be read back says where it stands.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Row, Type};

use crate::app::ports::StoreError;
use crate::domain::id::ApplicationKey;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

/// A time as the tables hold it: fixed width, so that the order of texts is the order of times.
pub(super) fn time(at: Timestamp) -> String {
    format!("{at:.9}")
}

/// A value as JSON text.
pub(super) fn json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Unavailable(error.into()))
}

/// One row on the way into a domain value.
pub(super) struct Cells<'a> {
    table: &'static str,
    key: &'static str,
    row: &'a SqliteRow,
}

impl<'a> Cells<'a> {
    /// Reads `row` of `table`; the column `key` names it to people.
    pub(super) fn new(table: &'static str, key: &'static str, row: &'a SqliteRow) -> Self {
        Self { table, key, row }
    }

    /// What stands in `column`, as SQLite has it.
    pub(super) fn get<'r, T>(&'r self, column: &'static str) -> Result<T, StoreError>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite>,
    {
        self.row.try_get(column).map_err(|error| self.problem(column, &error))
    }

    /// What stands in `column`, parsed.
    pub(super) fn parsed<T>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T: FromStr<Err: Display>,
    {
        self.get::<&str>(column)?.parse().map_err(|error| self.problem(column, &error))
    }

    /// What stands in `column`, parsed, if anything does.
    pub(super) fn maybe<T>(&self, column: &'static str) -> Result<Option<T>, StoreError>
    where
        T: FromStr<Err: Display>,
    {
        let text: Option<&str> = self.get(column)?;
        text.map(|text| text.parse().map_err(|error| self.problem(column, &error))).transpose()
    }

    /// What stands in `column`, read as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(self.get(column)?).map_err(|error| self.problem(column, &error))
    }

    /// What stands in `column`, read as JSON, if anything does.
    pub(super) fn maybe_json<T: DeserializeOwned>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let text: Option<&str> = self.get(column)?;
        let read = |text| serde_json::from_str(text).map_err(|error| self.problem(column, &error));
        text.map(read).transpose()
    }

    /// What stands in `column`, a number that does not count below zero.
    pub(super) fn count<T: TryFrom<i64, Error: Display>>(
        &self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.get::<i64>(column)?.try_into().map_err(|error| self.problem(column, &error))
    }

    /// The application in the columns `pipeline` and `application`.
    pub(super) fn application(&self) -> Result<ApplicationKey, StoreError> {
        Ok(ApplicationKey {
            pipeline: self.parsed("pipeline")?,
            application: self.parsed("application")?,
        })
    }

    /// Says what is wrong with `column`.
    pub(super) fn problem(&self, column: &'static str, problem: &dyn Display) -> StoreError {
        // The key is a text, or a number where rows are counted.
        let key = self.row.try_get::<String, _>(self.key);
        let row = key.or_else(|_| self.row.try_get::<i64, _>(self.key).map(|n| n.to_string()));
        StoreError::Inconsistent {
            table: self.table,
            row: row.unwrap_or_else(|_| "(without a key)".to_owned()),
            problem: format!("column `{column}`: {problem}"),
        }
    }
}
