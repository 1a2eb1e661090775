//! The refresh tokens of services that the user signed in to: one file that only its owner reads. It is written whole or not at all.
//!
//! Several programs of a user may run at once. Whoever changes the file holds a lock on the file beside it, reads anew what stands there, and never changes
//! another entry than his own. Whoever gives a refresh token for the next one holds the lock all the while, since a token that comes twice ends its session.

use super::LoginError;
use security::secret::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The name of the file.
const FILE: &str = "logins.json";

/// The name of the file that is locked. It stays, and is empty: the other one is replaced with each change, so a lock on that would hold nobody.
const LOCK: &str = "logins.lock";

/// The logins of the user.
pub struct Logins {
    path: PathBuf,
    services: BTreeMap<String, Login>,
    /// Held until this is dropped, where nobody else may change anything meanwhile.
    held: Option<File>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    refresh_token: String,
}

impl Logins {
    /// Reads them from a folder of the user's own; there may be none yet.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn in_folder(folder: &Path) -> Result<Self, LoginError> {
        let path = folder.join(FILE);
        let services = read(&path)?;
        Ok(Self { path, services, held: None })
    }

    /// Waits until nobody else changes them, and reads them; then nobody else does until this is dropped.
    ///
    /// # Errors
    /// If they cannot be read or locked.
    pub fn held(folder: &Path) -> Result<Self, LoginError> {
        let path = folder.join(FILE);
        let held = Some(locked(&path)?);
        let services = read(&path)?;
        Ok(Self { path, services, held })
    }

    /// The service that is meant, and its token: the one of this address, or the only one.
    ///
    /// # Errors
    /// If there is none, or several are meant.
    pub fn find(&self, url: Option<&str>) -> Result<(String, Secret), LoginError> {
        let secret = |(url, login): (&String, &Login)| (url.clone(), Secret::new(login.refresh_token.clone()));
        match url.map(|url| url.trim_end_matches('/')) {
            Some(url) => {
                self.services.get_key_value(url).map(secret).ok_or_else(|| LoginError::Nobody(format!(" to {url}")))
            }
            None => {
                let mut all = self.services.iter().map(secret);
                match (all.next(), all.next()) {
                    (Some(one), None) => Ok(one),
                    (None, _) => Err(LoginError::Nobody(String::new())),
                    (Some(_), Some(_)) => Err(LoginError::Denied("you are signed in to several; name one".to_owned())),
                }
            }
        }
    }

    /// Keeps a token in the place of the one before.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep(&mut self, url: &str, refresh: &Secret) -> Result<(), LoginError> {
        let login = Login { refresh_token: refresh.expose().to_owned() };
        self.change(|services| {
            services.insert(url.to_owned(), login);
        })
    }

    /// Forgets a service.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn forget(&mut self, url: &str) -> Result<(), LoginError> {
        self.change(|services| {
            services.remove(url);
        })
    }

    /// Changes what stands in the file now, which others may have changed since it was read.
    fn change(&mut self, change: impl FnOnce(&mut BTreeMap<String, Login>)) -> Result<(), LoginError> {
        let _lock = match &self.held {
            Some(_) => None,
            None => Some(locked(&self.path)?),
        };
        self.services = read(&self.path)?;
        change(&mut self.services);
        self.write()
    }

    fn write(&self) -> Result<(), LoginError> {
        let text = serde_json::to_vec_pretty(&self.services).unwrap_or_default();
        let draft = self.path.with_extension(format!("{}.new", std::process::id()));
        // What an end of the process left behind may have other rights.
        let _ = std::fs::remove_file(&draft);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&draft).and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()));
        let placed = written.and_then(|()| std::fs::rename(&draft, &self.path));
        placed.map_err(|error| {
            let _ = std::fs::remove_file(&draft);
            wrong(&self.path, error.to_string())
        })
    }
}

fn wrong(path: &Path, why: String) -> LoginError {
    LoginError::File(path.display().to_string(), why)
}

fn read(path: &Path) -> Result<BTreeMap<String, Login>, LoginError> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| wrong(path, "it holds something else".to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(wrong(path, error.to_string())),
    }
}

/// Waits for the lock of the file of logins; it is let go when this is dropped.
fn locked(path: &Path) -> Result<File, LoginError> {
    let beside = path.with_file_name(LOCK);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let taken = options.open(&beside).and_then(|file| file.lock().map(|()| file));
    taken.map_err(|error| wrong(&beside, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_kept_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let read = || Logins::in_folder(folder.path());
        let mut logins = read().unwrap();
        assert!(logins.find(None).unwrap_err().to_string().contains("not signed in"));
        logins.keep("https://a.example", &Secret::new("one")).unwrap();
        logins.keep("https://a.example", &Secret::new("two")).unwrap();
        let (url, token) = read().unwrap().find(None).unwrap();
        assert_eq!((&*url, token.expose()), ("https://a.example", "two"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        logins.keep("https://b.example", &Secret::new("three")).unwrap();
        assert!(logins.find(None).is_err(), "which one is not said");
        assert_eq!(logins.find(Some("https://b.example/")).unwrap().1.expose(), "three");
        logins.forget("https://a.example").unwrap();
        assert_eq!(read().unwrap().find(None).unwrap().0, "https://b.example");
        let mut left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [FILE, LOCK], "no draft is left");
        std::fs::write(folder.path().join(FILE), "[]").unwrap();
        let Err(error) = read() else { panic!("it is none") };
        assert!(error.to_string().contains("something else"), "{error}");
    }

    #[test]
    fn many_who_write_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        // All have read the file while nothing stood in it.
        let all: Vec<Logins> = (0..8).map(|_| Logins::in_folder(folder.path()).unwrap()).collect();
        std::thread::scope(|scope| {
            for (number, mut logins) in all.into_iter().enumerate() {
                scope.spawn(move || {
                    for turn in 0..10 {
                        let token = Secret::new(format!("{number}-{turn}"));
                        logins.keep(&format!("https://{number}.example"), &token).unwrap();
                    }
                });
            }
        });
        let mut logins = Logins::in_folder(folder.path()).unwrap();
        for number in 0..8 {
            let (_, token) = logins.find(Some(&format!("https://{number}.example"))).unwrap();
            assert_eq!(token.expose(), format!("{number}-9"));
        }
        let mut other = Logins::in_folder(folder.path()).unwrap();
        other.keep("https://0.example", &Secret::new("newer")).unwrap();
        logins.forget("https://1.example").unwrap();
        let now = Logins::in_folder(folder.path()).unwrap();
        assert_eq!(now.find(Some("https://0.example")).unwrap().1.expose(), "newer", "only the one entry is changed");
        assert!(now.find(Some("https://1.example")).is_err());
    }

    #[test]
    fn nobody_changes_anything_while_they_are_held() {
        let folder = tempfile::tempdir().unwrap();
        let mut held = Logins::held(folder.path()).unwrap();
        let mut other = Logins::in_folder(folder.path()).unwrap();
        let (done, is_done) = std::sync::mpsc::channel();
        let writer = std::thread::spawn(move || {
            other.keep("https://b.example", &Secret::new("two")).unwrap();
            done.send(()).unwrap();
        });
        assert!(is_done.recv_timeout(std::time::Duration::from_millis(200)).is_err(), "it waits");
        held.keep("https://a.example", &Secret::new("one")).unwrap();
        drop(held);
        writer.join().unwrap();
        is_done.recv().unwrap();
        let now = Logins::in_folder(folder.path()).unwrap();
        let found = ["https://a.example", "https://b.example"].map(|url| now.find(Some(url)).is_ok());
        assert_eq!(found, [true, true]);
    }
}
