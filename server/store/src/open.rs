//! Opens a database and brings its tables up to date. It must never change tables that a newer program has made.

use crate::StoreError;
use crate::sql::{Base, Pool};
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, SqlSafeStr, SqlitePool};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// All changes of the tables there ever were. One that was released is never edited.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "beginning", include_str!("../migrations/0001_beginning.sql")),
    (2, "factors", include_str!("../migrations/0002_factors.sql")),
    (3, "providers", include_str!("../migrations/0003_providers.sql")),
    (4, "turns", include_str!("../migrations/0004_turns.sql")),
    (5, "foreign_tokens", include_str!("../migrations/0005_foreign_tokens.sql")),
    (6, "waiting_jobs", include_str!("../migrations/0006_waiting_jobs.sql")),
    (7, "invitations", include_str!("../migrations/0007_invitations.sql")),
    (8, "levels", include_str!("../migrations/0008_levels.sql")),
    (9, "order", include_str!("../migrations/0009_order.sql")),
    (10, "wrong_codes", include_str!("../migrations/0010_wrong_codes.sql")),
];

/// How long SQLite waits for another process.
const BUSY: Duration = Duration::from_secs(5);

/// What lies between two tries to open a file that another process is making.
const PAUSE: Duration = Duration::from_millis(20);

/// How long a call waits for a connection. A writer to SQLite stands in line here, with one fsync for each who is before it.
const PATIENCE_FOR_FILE: Duration = Duration::from_secs(30);

/// The same for a server, which is away if it takes longer.
const PATIENCE_FOR_SERVER: Duration = Duration::from_secs(5);

/// The smallest page that a file of SQLite can have, in bytes.
const SMALLEST_PAGE: usize = 512;

/// What a server does for whoever else waits, where its administrator has set nothing else. A replica that is paused, or whose machine is gone without a
/// word, must not keep what it held in the middle of a transaction for longer than others stand in line for a connection ([`PATIENCE_FOR_SERVER`]), or all
/// connections would wait for it and everybody else be turned away. Whoever waits for long all the same is told so by the server, before we would give up
/// and leave a connection behind on which nothing can be said. A statement and no option of the connection, which poolers do not take.
const BOUNDS: &str = "SELECT set_config(name, wanted, false) FROM (VALUES
    ('idle_in_transaction_session_timeout', '3s'), ('lock_timeout', '12s'),
    ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3')) AS bound (name, wanted)
    WHERE name LIKE 'tcp%' OR current_setting(name) = '0'";

const READERS: u32 = 4;
const CONNECTIONS: u32 = 16;

/// Opens what a setting names.
pub(crate) async fn open(url: &str) -> Result<Pool, StoreError> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        return open_file(Path::new(path.strip_prefix("//").unwrap_or(path))).await;
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return open_server(url).await;
    }
    Err(StoreError::Address(String::new()))
}

async fn open_file(path: &Path) -> Result<Pool, StoreError> {
    if path.file_name().is_none() || path.as_os_str() == ":memory:" {
        return Err(StoreError::Address(", with a file".to_owned()));
    }
    make_private(path).map_err(|error| file_error(path, &error.to_string()))?;
    if let Some(what) = torn(path).map_err(|error| file_error(path, &error.to_string()))? {
        return Err(StoreError::Broken(what.to_owned()));
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .foreign_keys(true);
    let pool = || SqlitePoolOptions::new().acquire_timeout(PATIENCE_FOR_FILE).idle_timeout(None).max_lifetime(None);
    let began = Instant::now();
    let write = loop {
        match writer(pool().max_connections(1), &options).await {
            // Of two that make a new file at once, SQLite does not let one wait for the other.
            Err(StoreError::Busy) if began.elapsed() < BUSY => tokio::time::sleep(PAUSE).await,
            opened => break opened?,
        }
    };
    let read = pool().max_connections(READERS).connect_lazy_with(options.pragma("query_only", "on"));
    Ok(Pool { base: Base::Sqlite { write, read }, news: Arc::default() })
}

/// The one connection that writes, to a file that is brought up to date.
async fn writer(pool: SqlitePoolOptions, options: &SqliteConnectOptions) -> Result<SqlitePool, StoreError> {
    // A write that finds no room can end its transaction behind the back of sqlx, which would begin no other on that connection any more.
    let write = pool
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        .connect_with(options.clone())
        .await?;
    // Migrations have no lock of their own on SQLite; inside of this transaction nobody else writes, and all of them stay or none.
    let mut transaction = write.begin_with("BEGIN IMMEDIATE").await?;
    migrate(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(write)
}

async fn open_server(url: &str) -> Result<Pool, StoreError> {
    let options = PgConnectOptions::from_str(url)?.application_name("code-agent");
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE_FOR_SERVER);
    let pool = pool.after_connect(|connection, _| {
        Box::pin(async move { sqlx::query(BOUNDS).execute(connection).await.map(drop) })
    });
    let pool = pool.connect_with(options).await?;
    // Not given back to the pool, because a migration that fails leaves its lock to its connection.
    let mut connection = pool.acquire().await?.detach();
    // Another replica may be changing a large table just now, which is worth waiting for.
    sqlx::query("SET lock_timeout = 0").execute(&mut connection).await?;
    migrate(&mut connection).await?;
    sqlx::Connection::close(connection).await?;
    Ok(Pool { base: Base::Postgres(pool), news: Arc::default() })
}

/// Under the lock of the database, if it has one.
async fn migrate(connection: &mut impl Migrate) -> Result<(), StoreError> {
    let migration = |&(version, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    let migrator = Migrator::with_migrations(MIGRATIONS.iter().map(migration).collect());
    migrator.run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) | MigrateError::VersionMismatch(version) => StoreError::Newer(version),
        MigrateError::Execute(error) => StoreError::from(error),
        other => StoreError::Migration(other.to_string()),
    })
}

/// Makes the folder and an empty file that only its owner reads. SQLite gives the files beside it the same rights.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new();
    file.read(true).append(true).create(true);
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        file.mode(0o600);
        folder.mode(0o700);
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        folder.create(parent)?;
    }
    let file = file.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
    }
    drop(file);
    Ok(())
}

/// What is wrong with a file that SQLite would take for an empty one, so that all that was in it would silently be begun anew: it ends before its first page
/// does, or it is empty while its log holds what was written, which SQLite would delete.
/// The size of a page stands in its head, at 16 (<https://www.sqlite.org/fileformat2.html#page_size>).
fn torn(path: &Path) -> std::io::Result<Option<&'static str>> {
    let beside = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    // What a power cut left of a file that was being made, SQLite puts right by the journal beside it.
    if beside("-journal").exists() {
        return Ok(None);
    }
    let mut head = Vec::with_capacity(SMALLEST_PAGE);
    let file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    if length == 0 {
        let log = match std::fs::metadata(beside("-wal")) {
            Ok(log) => log.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        // Another process that makes the file writes its first page before there is a log.
        return Ok(
            (log > 0 && std::fs::metadata(path)?.len() == 0).then_some("it is empty, and its log beside it is not")
        );
    }
    file.take(SMALLEST_PAGE as u64).read_to_end(&mut head)?;
    let size = match head.get(16..18) {
        Some([0, 1]) => 65_536,
        Some(&[high, low]) => u64::from(u16::from_be_bytes([high, low])),
        _ => 0,
    };
    Ok((length < size.max(SMALLEST_PAGE as u64)).then_some("it ends within its first page"))
}

fn file_error(path: &Path, reason: &str) -> StoreError {
    StoreError::File { path: path.display().to_string(), reason: reason.to_owned() }
}
