//! One way to two databases: statements are written once, with `$1` and portable types.
//! It must never know a table, and no value may get into the text of a statement.
//!
//! SQLite has one connection that writes and some that read, so that writers wait in line instead of for a lock.
//! It takes no row locks, and needs none, because a writing transaction holds the whole file: `FOR UPDATE` at the end of a statement is cut off.

use crate::{Backend, StoreError};
use sqlx::postgres::{PgPool, PgRow};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite, Transaction};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// The way to one of both.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    pub base: Base,
    /// Told when a transaction of this process that has news for others is on the disk.
    pub news: Arc<Notify>,
}

/// Connections to one of both.
#[derive(Debug, Clone)]
pub(crate) enum Base {
    Sqlite { write: SqlitePool, read: SqlitePool },
    Postgres(PgPool),
}

/// A value of a statement.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Text(Option<&'a str>),
    Number(Option<i64>),
}

/// A transaction that writes. Without [`Writing::commit`] nothing of it stays.
pub(crate) struct Writing {
    begun: Begun,
    news: Arc<Notify>,
    has_news: bool,
}

enum Begun {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// A row that was read.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// The values of a statement, in the order of their numbers.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::Value::from($value)),*] };
}
pub(crate) use values;

macro_rules! bind {
    ($sql:expr, $values:expr) => {{
        let mut query = sqlx::query($sql);
        for value in $values {
            query = match *value {
                Value::Text(text) => query.bind(text.map(storable)),
                Value::Number(number) => query.bind(number),
            };
        }
        query
    }};
}

/// Far longer than any statement takes; a server that is silent for so long is away.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a server says, or that it says nothing: its machine may be gone without a word.
///
/// What it waits for is given in a box, here and below: the state of a statement is as large as ten kilobytes, and would be part of the state of
/// every request that may come to ask the store, moved from layer to layer, though most never do.
async fn in_time<T>(said: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    match tokio::time::timeout(PATIENCE, said).await {
        Ok(said) => Ok(said?),
        Err(_) => Err(StoreError::Unavailable("it does not answer".to_owned()).counted()),
    }
}

/// PostgreSQL has no zero bytes in texts, so neither database is given one.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

impl Pool {
    pub fn backend(&self) -> Backend {
        match &self.base {
            Base::Sqlite { .. } => Backend::Sqlite,
            Base::Postgres(_) => Backend::Postgres,
        }
    }

    pub async fn close(&self) {
        match &self.base {
            // The last connection to leave folds the log into the file, so the writer goes last.
            Base::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Base::Postgres(pool) => pool.close().await,
        }
    }

    /// Begins a transaction that writes.
    pub async fn begin(&self) -> Result<Writing, StoreError> {
        let begun = match &self.base {
            // A transaction that begins by reading could not write if somebody else wrote meanwhile.
            Base::Sqlite { write, .. } => Begun::Sqlite(Box::pin(write.begin_with("BEGIN IMMEDIATE")).await?),
            Base::Postgres(pool) => Begun::Postgres(in_time(Box::pin(pool.begin())).await?),
        };
        Ok(Writing { begun, news: self.news.clone(), has_news: false })
    }

    /// One statement that writes, in a transaction of its own; how many rows it changed.
    pub async fn run(&self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let mut writing = self.begin().await?;
        let changed = writing.run(sql, values).await?;
        writing.commit().await?;
        Ok(changed)
    }

    /// Reads all rows of a statement.
    pub async fn rows(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        self.rows_of(sql.into_sql_str(), values).await
    }

    /// The same for a statement that was put together. Its text must come from this crate alone.
    pub async fn rows_built(&self, sql: String, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        self.rows_of(AssertSqlSafe(sql).into_sql_str(), values).await
    }

    async fn rows_of(&self, sql: SqlStr, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        Ok(match &self.base {
            Base::Sqlite { read, .. } => {
                Box::pin(bind!(sql, values).fetch_all(read)).await?.into_iter().map(Row::Sqlite).collect()
            }
            Base::Postgres(pool) => {
                in_time(Box::pin(bind!(sql, values).fetch_all(pool))).await?.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// Reads one row, if there is one.
    pub async fn row(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        self.row_of(sql.into_sql_str(), values).await
    }

    /// The same for a statement that was put together. Its text must come from this crate alone.
    pub async fn row_built(&self, sql: String, values: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        self.row_of(AssertSqlSafe(sql).into_sql_str(), values).await
    }

    async fn row_of(&self, sql: SqlStr, values: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(match &self.base {
            Base::Sqlite { read, .. } => Box::pin(bind!(sql, values).fetch_optional(read)).await?.map(Row::Sqlite),
            Base::Postgres(pool) => {
                in_time(Box::pin(bind!(sql, values).fetch_optional(pool))).await?.map(Row::Postgres)
            }
        })
    }
}

impl Writing {
    /// Makes all of it stay; it is on the disk when this returns.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.begun {
            Begun::Sqlite(transaction) => Box::pin(transaction.commit()).await?,
            // Whether it stays is not known if this takes too long.
            Begun::Postgres(transaction) => in_time(Box::pin(transaction.commit())).await?,
        }
        if self.has_news {
            self.news.notify_waiters();
        }
        Ok(())
    }

    /// What is written is news for those who look at the store; they are told once it is on the disk.
    pub fn has_news(&mut self) {
        self.has_news = true;
    }

    /// Runs a statement; how many rows it changed.
    pub async fn run(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        Ok(match &mut self.begun {
            Begun::Sqlite(transaction) => {
                Box::pin(bind!(sql, values).execute(&mut **transaction)).await?.rows_affected()
            }
            Begun::Postgres(transaction) => {
                in_time(Box::pin(bind!(sql, values).execute(&mut **transaction))).await?.rows_affected()
            }
        })
    }

    /// Reads all rows of a statement, without holding any.
    pub async fn rows(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        Ok(match &mut self.begun {
            Begun::Sqlite(transaction) => {
                let rows = Box::pin(bind!(sql, values).fetch_all(&mut **transaction)).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Begun::Postgres(transaction) => {
                let rows = in_time(Box::pin(bind!(sql, values).fetch_all(&mut **transaction))).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// Reads one row, if there is one, and holds it if the statement ends with `FOR UPDATE`.
    pub async fn row(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        self.row_of(sql.into_sql_str(), values).await
    }

    /// The same for a statement that was put together. Its text must come from this crate alone.
    pub async fn row_built(&mut self, sql: String, values: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        self.row_of(AssertSqlSafe(sql).into_sql_str(), values).await
    }

    async fn row_of(&mut self, sql: SqlStr, values: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(match &mut self.begun {
            Begun::Sqlite(transaction) => {
                let sql = match sql.as_str().find(" FOR UPDATE") {
                    Some(end) => AssertSqlSafe(sql.as_str()[..end].to_owned()).into_sql_str(),
                    None => sql,
                };
                Box::pin(bind!(sql, values).fetch_optional(&mut **transaction)).await?.map(Row::Sqlite)
            }
            Begun::Postgres(transaction) => {
                in_time(Box::pin(bind!(sql, values).fetch_optional(&mut **transaction))).await?.map(Row::Postgres)
            }
        })
    }

    /// Waits for a row of `counters` and holds it to the end, so that only one of all replicas goes on.
    pub async fn hold(&mut self, counter: &'static str) -> Result<(), StoreError> {
        self.row("SELECT value FROM counters WHERE name = $1 FOR UPDATE", values![counter]).await?;
        Ok(())
    }

    /// The next number of a counter. Everybody else waits for it until the end, so it is taken as late as can be.
    pub async fn next(&mut self, counter: &'static str) -> Result<i64, StoreError> {
        let sql = "UPDATE counters SET value = value + 1 WHERE name = $1 RETURNING value";
        let row = self.row(sql, values![counter]).await?;
        row.ok_or(StoreError::Stored("counter"))?.number("value")
    }
}

impl Row {
    /// A text that is always there.
    pub fn text(&self, column: &str) -> Result<String, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// A text that may be missing.
    pub fn text_if_any(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// A number that is always there.
    pub fn number(&self, column: &str) -> Result<i64, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// A number that may be missing.
    pub fn number_if_any(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// Whether a number is not zero.
    pub fn truth(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.number(column)? != 0)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Self::Number(Some(i64::from(truth)))
    }
}
