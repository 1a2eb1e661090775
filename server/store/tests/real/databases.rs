//! Gives each test a database of its own, and runs the same test on both kinds.

use crate::servers::{Server, shared_server};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use std::sync::atomic::{AtomicU32, Ordering};
use store::accounts::{Account, Role};
use store::jobs::{Job, NewJob};
use store::{Backend, Store};
use tempfile::TempDir;

/// A new database, and a store that is open on it.
pub struct Ground {
    pub store: Store,
    pub url: String,
    /// Where it lies, if it is a file.
    pub folder: TempDir,
}

impl Ground {
    pub async fn new(backend: Backend) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = match backend {
            Backend::Sqlite => format!("sqlite:{}", folder.path().join("state/store.db").display()),
            Backend::Postgres => new_database(shared_server()).await,
        };
        Self { store: Store::open(&url).await.expect("it opens"), url, folder }
    }

    /// Changes rows behind the store's back.
    pub async fn tamper(&self, sql: &str) {
        match self.store.backend() {
            Backend::Sqlite => {
                let mut connection = SqliteConnection::connect(&self.url).await.expect("it opens");
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("it is changed");
            }
            Backend::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await.expect("it opens");
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("it is changed");
            }
        }
    }

    pub async fn account(&self, name: &str) -> Account {
        self.store.create_account(name, Role::Developer, None).await.expect("an account")
    }

    pub async fn job(&self, account: &str, priority: i64) -> Job {
        self.store.create_job(new_job(account, priority), None).await.expect("a job")
    }
}

/// A job of the kind `work` with three attempts.
pub fn new_job(account: &str, priority: i64) -> NewJob {
    NewJob {
        kind: "work".to_owned(),
        account: account.to_owned(),
        priority,
        input: serde_json::json!({ "b": 1, "a": [null, "ä"] }),
        max_attempts: 3,
        run_at: None,
    }
}

/// An empty database on a server.
pub async fn new_database(server: &Server) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect(&server.url("postgres")).await.expect("the server answers");
    // Two at once get in each other's way, because both copy the same template.
    sqlx::raw_sql("SELECT pg_advisory_lock(1)").execute(&mut connection).await.expect("a lock");
    let sql = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("a database");
    connection.close().await.expect("it closes");
    server.url(&name)
}

/// Runs a test, which may use several threads.
pub fn run<F: Future<Output = ()>>(test: F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    runtime.expect("a runtime").block_on(test);
}

/// Makes of each function that takes a [`Ground`] a test on SQLite and one on PostgreSQL.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $test() {
                crate::databases::run(async {
                    super::$test(crate::databases::Ground::new(store::Backend::Sqlite).await).await;
                });
            })*
        }
        mod postgres {
            $(#[test]
            fn $test() {
                crate::databases::run(async {
                    super::$test(crate::databases::Ground::new(store::Backend::Postgres).await).await;
                });
            })*
        }
    };
}
pub(crate) use on_both;
