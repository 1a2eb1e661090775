//! Databases that are new, old, broken, away, or not ours.

use crate::databases::{Ground, new_database, new_job, on_both, run};
use crate::servers::{Server, shared_server, wait};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};
use store::{Backend, Store, StoreError};

on_both!(what_was_written_is_there_after_opening_again, tables_of_a_newer_program_are_left_alone);

async fn what_was_written_is_there_after_opening_again(ground: Ground) {
    let ada = ground.account("ada").await;
    let job = ground.job("ada", 0).await;
    ground.store.close().await;
    assert!(ground.store.ping().await.expect_err("it is closed").is_transient());
    let again = Store::open(&ground.url).await.expect("it opens");
    again.ping().await.expect("it answers");
    assert_eq!(again.account(&ada.id).await.expect("read"), Some(ada));
    assert_eq!(again.job(&job.id).await.expect("read"), Some(job));
    again.close().await;
}

async fn tables_of_a_newer_program_are_left_alone(ground: Ground) {
    let success = if ground.store.backend() == Backend::Sqlite { "1" } else { "true" };
    let checksum = if ground.store.backend() == Backend::Sqlite { "x'00'" } else { "'\\x00'" };
    ground
        .tamper(&format!(
            "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time)
             VALUES (99, 'later', '2030-01-01 00:00:00', {success}, {checksum}, 1)"
        ))
        .await;
    let error = Store::open(&ground.url).await.expect_err("it is newer");
    assert!(matches!(error, StoreError::Newer(99)), "{error}");
}

async fn open_many_times(url: &str) {
    let opening = (0..6).map(|_| {
        let url = url.to_owned();
        tokio::spawn(async move { Store::open(&url).await })
    });
    for opened in opening.collect::<Vec<_>>() {
        let store = opened.await.expect("it goes through").expect("it opens");
        store.ping().await.expect("it answers");
        store.close().await;
    }
}

#[test]
fn many_open_a_new_file_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    run(open_many_times(&format!("sqlite://{}/new.db", folder.path().display())));
}

#[test]
fn many_open_a_new_database_at_once() {
    run(async { open_many_times(&new_database(shared_server()).await).await });
}

#[test]
fn a_file_is_read_by_its_owner_alone() {
    run(async {
        let ground = Ground::new(Backend::Sqlite).await;
        ground.account("ada").await;
        let folder = ground.folder.path().join("state");
        let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for name in ["store.db", "store.db-wal", "store.db-shm"] {
            assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
        }
        ground.store.close().await;
        let file = folder.join("store.db");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("it is ours");
        Store::open(&ground.url).await.expect("it opens").close().await;
        assert_eq!(mode(&file), 0o600);
    });
}

async fn error_of(url: &str) -> String {
    Store::open(url).await.expect_err(url).to_string()
}

#[test]
fn what_is_no_database_is_said_so() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("text.db"), "This is a letter and no database. ".repeat(200)).expect("written");
        let error = error_of(&format!("sqlite:{}", at("text.db").display())).await;
        assert!(error.starts_with("The database is damaged or is no database ("), "{error}");
        assert!(error.contains("restore it from a backup"), "{error}");
        let error = error_of(&format!("sqlite:{}/x.db", at("text.db").display())).await;
        assert!(error.starts_with("The database file ") && error.contains("cannot be opened: "), "{error}");
        for url in ["", "mysql://x", "sqlite:", "sqlite::memory:", "postgres://[", "/tmp/x.db"] {
            let error = error_of(url).await;
            assert!(error.starts_with("The address of the database must be "), "{url}: {error}");
        }
        let began = Instant::now();
        let error = error_of("postgres://u:hunter2@127.0.0.1:1/x?sslmode=disable").await;
        assert!(error.starts_with("The database cannot be reached: ") && !error.contains("hunter2"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(10));
        let error = error_of(&shared_server().url("no_such_database")).await;
        assert!(error.starts_with("The database cannot be reached: "), "{error}");
    });
}

#[test]
fn a_damaged_file_is_said_to_be_damaged() {
    run(async {
        let ground = Ground::new(Backend::Sqlite).await;
        for number in 0..50 {
            ground.account(&format!("a{number}")).await;
        }
        ground.store.close().await;
        let path = ground.folder.path().join("state/store.db");
        let mut bytes = std::fs::read(&path).expect("read");
        // The first page, which says what the others are, stays.
        bytes[4096..].fill(0x5a);
        std::fs::write(&path, bytes).expect("written");
        let error = match Store::open(&ground.url).await {
            Ok(store) => store.accounts(None, 10).await.expect_err("it is damaged"),
            Err(error) => error,
        };
        assert!(matches!(error, StoreError::Broken(_)), "{error}");
    });
}

#[test]
fn a_file_that_ends_within_its_first_page_is_not_begun_anew() {
    run(async {
        let ground = Ground::new(Backend::Sqlite).await;
        ground.account("ada").await;
        ground.store.close().await;
        let path = ground.folder.path().join("state/store.db");
        let whole = std::fs::read(&path).expect("read");
        for length in [1, 17, 100, 511, 512, 1948, 4095] {
            std::fs::write(&path, &whole[..length]).expect("written");
            let error = Store::open(&ground.url).await.expect_err("it is torn");
            assert!(matches!(error, StoreError::Broken(_)), "{length}: {error}");
            assert!(error.to_string().contains("it ends within its first page"), "{length}: {error}");
            assert_eq!(std::fs::read(&path).expect("read"), &whole[..length], "it is left as it is");
        }
        std::fs::write(&path, &whole).expect("written");
        let store = Store::open(&ground.url).await.expect("the whole one opens");
        assert_eq!(store.count_accounts().await.expect("counted"), 1);
        store.close().await;
        // An empty file is what a service that ended at once leaves, and what an administrator may make.
        std::fs::write(&path, "").expect("written");
        let store = Store::open(&ground.url).await.expect("it opens");
        assert_eq!(store.count_accounts().await.expect("counted"), 0);
    });
}

#[test]
fn an_empty_file_beside_a_log_with_something_in_it_is_not_begun_anew() {
    run(async {
        let ground = Ground::new(Backend::Sqlite).await;
        ground.account("ada").await;
        let path = ground.folder.path().join("state/store.db");
        let wal = ground.folder.path().join("state/store.db-wal");
        // Closing moves what is in the log into the file, and takes the log away.
        let log = std::fs::read(&wal).expect("there is a log");
        assert!(!log.is_empty(), "the control");
        ground.store.close().await;
        let whole = std::fs::read(&path).expect("read");
        std::fs::write(&path, "").expect("written");
        std::fs::write(&wal, &log).expect("written");
        let error = Store::open(&ground.url).await.expect_err("it is torn");
        assert!(matches!(error, StoreError::Broken(_)), "{error}");
        assert!(error.to_string().contains("it is empty, and its log beside it is not"), "{error}");
        assert_eq!(std::fs::read(&path).expect("read"), b"", "it is left as it is");
        assert_eq!(std::fs::read(&wal).expect("read"), log, "and so is its log");
        // A log without anything in it loses nothing.
        std::fs::write(&wal, "").expect("written");
        let store = Store::open(&ground.url).await.expect("it opens");
        assert_eq!(store.count_accounts().await.expect("counted"), 0);
        store.close().await;
        let _ = std::fs::remove_file(&wal);
        std::fs::write(&path, &whole).expect("written");
        let store = Store::open(&ground.url).await.expect("the whole one opens");
        assert_eq!(store.count_accounts().await.expect("counted"), 1);
    });
}

#[test]
fn a_server_that_was_away_is_found_again() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let (server, _held) = Server::start_alone(folder.path());
        let store = Store::open(&new_database(&server).await).await.expect("it opens");
        let job = store.create_job(new_job("ada", 0), None).await.expect("made");
        let leased = store.lease_job("w", &["work"], 60_000, None).await.expect("asked").leased.expect("a job");
        server.freeze();
        let began = Instant::now();
        let error = store.ping().await.expect_err("it hangs").to_string();
        assert_eq!(error, "The database cannot be reached: it does not answer.");
        assert!(began.elapsed() < Duration::from_secs(5));
        server.thaw();
        wait("the server answers again", async || store.ping().await.is_ok()).await;
        server.stop();
        let error = store.create_job(new_job("ada", 0), None).await.expect_err("it is away");
        assert!(error.is_transient(), "{error}");
        assert!(error.to_string().starts_with("The database cannot be reached: "), "{error}");
        assert!(store.ping().await.expect_err("it is away").is_transient());
        server.run_again();
        wait("the server is found again", async || store.ping().await.is_ok()).await;
        assert_eq!(store.job(&job.id).await.expect("read").expect("there").attempts, 1);
        assert!(
            store.finish_job(&leased, &store::jobs::Outcome::Cancelled).await.expect("asked").is_some(),
            "the lease holds"
        );
        store.create_job(new_job("ada", 0), None).await.expect("made");
    });
}
