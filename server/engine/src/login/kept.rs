//! The refresh tokens of services that the user signed in to: one file that only its owner reads. It is written whole or not at all.

use super::LoginError;
use security::secret::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The name of the file.
const FILE: &str = "logins.json";

/// The logins of the user.
pub struct Logins {
    path: PathBuf,
    services: BTreeMap<String, Login>,
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
        let wrong = |why: String| LoginError::File(path.display().to_string(), why);
        let services = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| wrong("it holds something else".to_owned()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(wrong(error.to_string())),
        };
        Ok(Self { path, services })
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
        self.services.insert(url.to_owned(), Login { refresh_token: refresh.expose().to_owned() });
        self.write()
    }

    /// Forgets a service.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn forget(&mut self, url: &str) -> Result<(), LoginError> {
        self.services.remove(url);
        self.write()
    }

    fn write(&self) -> Result<(), LoginError> {
        let wrong = |error: std::io::Error| LoginError::File(self.path.display().to_string(), error.to_string());
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
            wrong(error)
        })
    }
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
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
        std::fs::write(folder.path().join(FILE), "[]").unwrap();
        let Err(error) = read() else { panic!("it is none") };
        assert!(error.to_string().contains("something else"), "{error}");
    }
}
