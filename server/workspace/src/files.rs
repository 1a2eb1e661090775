//! Files on disk: read whole, checked, and written back only if nobody else wrote them meanwhile.
//!
//! A byte order mark is part of the text, so offsets are those of the file and it is written back by itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes at the beginning in which a NUL makes a file binary.
const BINARY_PROBE: usize = 8 * 1024;

/// Why a file was not read or written. Each is one sentence that says what happens next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is nothing at the path.
    #[error("{path} does not exist.")]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// The system refused to read it.
    #[error("{path} could not be read ({reason}) and is skipped.")]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// It holds bytes that are no text.
    #[error("{path} is a binary file and is skipped.")]
    Binary {
        /// The path.
        path: PathBuf,
    },
    /// It is not UTF-8.
    #[error(
        "{path} is not UTF-8: byte {byte:#04x} at offset {offset} (line {line}); it is skipped, save it as UTF-8 to have it analysed."
    )]
    NotUtf8 {
        /// The path.
        path: PathBuf,
        /// The first bad byte.
        byte: u8,
        /// Where it stands, from 0.
        offset: usize,
        /// In which line, from 1.
        line: usize,
    },
    /// It is larger than allowed.
    #[error("{path} has {size} bytes, more than the {limit} allowed by `limits.max-file-size`, and is skipped.")]
    TooLarge {
        /// The path.
        path: PathBuf,
        /// Its size.
        size: u64,
        /// What is allowed.
        limit: u64,
    },
    /// Somebody else wrote it after it was read.
    #[error("{path} was changed by another program after it was read and is left as it is; run the command again.")]
    ChangedMeanwhile {
        /// The path.
        path: PathBuf,
    },
    /// The system refused to write it.
    #[error("{path} could not be written ({reason}) and is left as it is.")]
    Unwritable {
        /// The path.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}

impl FileError {
    /// Whether a walk that comes upon such a file may pass it over: it is no trouble of the user's making.
    pub fn is_skip(&self) -> bool {
        matches!(self, Self::Binary { .. } | Self::TooLarge { .. } | Self::NotUtf8 { .. })
    }
}

/// What is outside: reading, writing and listing files. The real one is [`DiskFiles`]; [`MemoryFiles`] looks at no disk.
pub trait FileSystem: Send + Sync + 'static {
    /// The bytes of a file of at most `limit` bytes.
    ///
    /// # Errors
    /// If there is no such file, it cannot be read, or it is larger.
    fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>, FileError>;

    /// Replaces the content of a file in one step, keeping its permissions, if it still is `expected`.
    ///
    /// # Errors
    /// If it changed meanwhile or cannot be written; the file is then as it was.
    fn replace(&self, path: &Path, expected: &[u8], content: &[u8]) -> Result<(), FileError>;

    /// All files of supported languages under `root` (or `root` itself if it is a file), sorted, ignored ones left out.
    fn list(&self, root: &Path, stop: &(dyn Fn() -> bool + Sync)) -> Vec<PathBuf>;

    /// Whether there is something at the path.
    fn exists(&self, path: &Path) -> bool;

    /// Whether there is a directory at the path.
    fn is_directory(&self, path: &Path) -> bool;
}

/// Reads a file as text.
///
/// # Errors
/// If it cannot be read, is too large, binary, or not UTF-8.
pub fn read_text(files: &dyn FileSystem, path: &Path, limit: u64) -> Result<Arc<str>, FileError> {
    let bytes = files.read(path, limit)?;
    if bytes.iter().take(BINARY_PROBE).any(|&byte| byte == 0) {
        return Err(FileError::Binary { path: path.to_path_buf() });
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(error) => {
            let offset = error.utf8_error().valid_up_to();
            let bytes = error.as_bytes();
            let line = 1 + bytes.iter().take(offset).filter(|&&byte| byte == b'\n').count();
            Err(FileError::NotUtf8 {
                path: path.to_path_buf(),
                byte: bytes.get(offset).copied().unwrap_or(0),
                offset,
                line,
            })
        }
    }
}

/// The file system of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiskFiles;

impl FileSystem for DiskFiles {
    fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
        use std::io::Read;
        let unreadable = |error: std::io::Error| read_error(path, &error);
        // Looked at before it is opened: opening a pipe waits for somebody who writes into it.
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() {
            let reason = if metadata.is_dir() { "it is a directory" } else { "it is no regular file" };
            return Err(FileError::Unreadable { path: path.to_path_buf(), reason: reason.into() });
        }
        let file = std::fs::File::open(path).map_err(unreadable)?;
        if metadata.len() > limit {
            return Err(FileError::TooLarge { path: path.to_path_buf(), size: metadata.len(), limit });
        }
        let mut bytes = Vec::with_capacity(metadata.len() as usize);
        // A device or a file that grows has no honest length, so the limit holds for what is read as well.
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > limit {
            return Err(FileError::TooLarge { path: path.to_path_buf(), size: bytes.len() as u64, limit });
        }
        Ok(bytes)
    }

    fn replace(&self, path: &Path, expected: &[u8], content: &[u8]) -> Result<(), FileError> {
        let unwritable =
            |error: std::io::Error| FileError::Unwritable { path: path.to_path_buf(), reason: error.to_string() };
        // Renaming over a link would put a file in its place, so the file behind it is replaced.
        let target = std::fs::canonicalize(path).map_err(|error| read_error(path, &error))?;
        let is_as_expected = || std::fs::read(&target).is_ok_and(|now| now == expected);
        if !is_as_expected() {
            return Err(FileError::ChangedMeanwhile { path: path.to_path_buf() });
        }
        let metadata = std::fs::metadata(&target).map_err(unwritable)?;
        if metadata.permissions().readonly() {
            return Err(FileError::Unwritable { path: path.to_path_buf(), reason: "it is read-only".into() });
        }
        let temporary = write_beside(&target, content, metadata.permissions()).map_err(unwritable)?;
        keep_owner(&temporary, &metadata);
        if !is_as_expected() {
            let _left_behind = std::fs::remove_file(&temporary);
            return Err(FileError::ChangedMeanwhile { path: path.to_path_buf() });
        }
        std::fs::rename(&temporary, &target).map_err(|error| {
            let _left_behind = std::fs::remove_file(&temporary);
            unwritable(error)
        })
    }

    fn list(&self, root: &Path, stop: &(dyn Fn() -> bool + Sync)) -> Vec<PathBuf> {
        crate::walk::walk(root, stop)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn is_directory(&self, path: &Path) -> bool {
        path.is_dir()
    }
}

/// Writes a new file in the directory of `target`, so that it can be renamed onto it, and gives its path.
fn write_beside(target: &Path, content: &[u8], permissions: std::fs::Permissions) -> std::io::Result<PathBuf> {
    use std::io::Write;
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    loop {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let temporary = target.with_file_name(format!(".{name}.{}-{number}.tmp", std::process::id()));
        let mut file = match std::fs::OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        };
        let written = file
            .write_all(content)
            .and_then(|()| file.set_permissions(permissions))
            // Without this a crash of the machine soon after the rename could leave an empty file.
            .and_then(|()| file.sync_all());
        return match written {
            Ok(()) => Ok(temporary),
            Err(error) => {
                let _left_behind = std::fs::remove_file(&temporary);
                Err(error)
            }
        };
    }
}

/// Gives a new file the owner of the one it replaces. Only the superuser may need that and can: for all others both are the same.
#[cfg(unix)]
fn keep_owner(temporary: &Path, metadata: &std::fs::Metadata) {
    use std::os::unix::fs::{MetadataExt, chown};
    if let Err(error) = chown(temporary, Some(metadata.uid()), Some(metadata.gid())) {
        tracing::debug!(%error, path = %temporary.display(), "the owner could not be kept");
    }
}

#[cfg(not(unix))]
fn keep_owner(_temporary: &Path, _metadata: &std::fs::Metadata) {}

fn read_error(path: &Path, error: &std::io::Error) -> FileError {
    match error.kind() {
        std::io::ErrorKind::NotFound => FileError::NotFound { path: path.to_path_buf() },
        _ => FileError::Unreadable { path: path.to_path_buf(), reason: error.to_string() },
    }
}

/// Files in memory: for tests, and for documents whose files lie on another machine.
#[derive(Debug, Default)]
pub struct MemoryFiles {
    files: Mutex<BTreeMap<PathBuf, Vec<u8>>>,
}

impl MemoryFiles {
    /// Puts a file there.
    pub fn put(&self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) {
        self.lock().insert(path.into(), content.into());
    }

    /// Takes a file away.
    pub fn remove(&self, path: &Path) {
        self.lock().remove(path);
    }

    /// What a file holds.
    pub fn get(&self, path: &Path) -> Option<Vec<u8>> {
        self.lock().get(path).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, Vec<u8>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FileSystem for MemoryFiles {
    fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
        let bytes = self.get(path).ok_or_else(|| FileError::NotFound { path: path.to_path_buf() })?;
        if bytes.len() as u64 > limit {
            return Err(FileError::TooLarge { path: path.to_path_buf(), size: bytes.len() as u64, limit });
        }
        Ok(bytes)
    }

    fn replace(&self, path: &Path, expected: &[u8], content: &[u8]) -> Result<(), FileError> {
        let mut files = self.lock();
        if files.get(path).map(Vec::as_slice) != Some(expected) {
            return Err(FileError::ChangedMeanwhile { path: path.to_path_buf() });
        }
        files.insert(path.to_path_buf(), content.to_vec());
        Ok(())
    }

    fn list(&self, root: &Path, stop: &(dyn Fn() -> bool + Sync)) -> Vec<PathBuf> {
        let files = self.lock();
        let supported = |path: &&PathBuf| syntax::language::Language::from_path(path).is_some();
        files.keys().filter(|path| path.starts_with(root)).filter(supported).take_while(|_| !stop()).cloned().collect()
    }

    fn exists(&self, path: &Path) -> bool {
        self.lock().keys().any(|file| file.starts_with(path))
    }

    fn is_directory(&self, path: &Path) -> bool {
        self.lock().keys().any(|file| file != path && file.starts_with(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1 << 20;

    #[test]
    fn a_byte_order_mark_is_part_of_the_text() {
        let files = MemoryFiles::default();
        files.put("/a.py", "\u{feff}x = 1\r\n");
        assert_eq!(read_text(&files, Path::new("/a.py"), LIMIT).as_deref(), Ok("\u{feff}x = 1\r\n"));
    }

    #[test]
    fn the_first_bad_byte_is_named() {
        let files = MemoryFiles::default();
        files.put("/a.py", b"# ok\n# \xe9t\xe9\n".to_vec());
        let error = read_text(&files, Path::new("/a.py"), LIMIT).unwrap_err();
        assert_eq!(error, FileError::NotUtf8 { path: "/a.py".into(), byte: 0xe9, offset: 7, line: 2 });
        assert!(error.to_string().contains("byte 0xe9 at offset 7 (line 2)"), "{error}");
    }

    #[test]
    fn binary_large_and_missing_files_are_told_apart() {
        let files = MemoryFiles::default();
        files.put("/b.py", b"\x7fELF\0\0".to_vec());
        files.put("/c.py", vec![b' '; 100]);
        let read = |path: &str, limit| read_text(&files, Path::new(path), limit).unwrap_err();
        assert_eq!(read("/b.py", LIMIT), FileError::Binary { path: "/b.py".into() });
        assert_eq!(read("/c.py", 99), FileError::TooLarge { path: "/c.py".into(), size: 100, limit: 99 });
        assert_eq!(read("/d.py", LIMIT), FileError::NotFound { path: "/d.py".into() });
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.py");
        std::fs::write(&path, "new").unwrap();
        let error = DiskFiles.replace(&path, b"old", b"mine").unwrap_err();
        assert_eq!(error, FileError::ChangedMeanwhile { path: path.clone() });
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[cfg(unix)]
    #[test]
    fn replacing_keeps_permissions_and_links() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.py"), folder.path().join("link.py"));
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o751)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        DiskFiles.replace(&link, b"old", b"mine").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o751);
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file stays");
    }

    #[test]
    fn a_directory_and_a_nul_path_are_errors_not_panics() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(DiskFiles.read(folder.path(), LIMIT), Err(FileError::Unreadable { .. })));
        assert!(DiskFiles.read(Path::new("/a\0b"), LIMIT).is_err());
        assert!(DiskFiles.replace(&folder.path().join("none"), b"", b"x").is_err());
    }
}
