//! Where the program keeps what it must know after it was ended: a folder of the user's own that nobody else reads.
//!
//! Nothing is written here; whoever keeps something names a file in the folder.

use std::io;
use std::path::{Path, PathBuf};

/// Why there is no folder to keep anything in.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Nothing says where it would be.
    #[error("There is no folder to keep work in: neither XDG_STATE_HOME nor HOME nor LOCALAPPDATA names one.")]
    Unknown,
    /// It cannot be made.
    #[error("The folder {path} cannot be made to keep work in: {reason}.")]
    Unmade {
        /// The folder.
        path: String,
        /// What the system says.
        reason: io::Error,
    },
}

/// The folder `code-agent` in `$XDG_STATE_HOME`, made where it is not there, for its owner alone.
///
/// # Errors
/// If nothing says where it would be, or it cannot be made.
pub fn state_dir() -> Result<PathBuf, StateError> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = variable("XDG_STATE_HOME")
        .filter(|folder| folder.is_absolute())
        .or_else(|| variable("HOME").map(|home| home.join(".local").join("state")))
        .or_else(|| variable("LOCALAPPDATA"))
        .ok_or(StateError::Unknown)?
        .join("code-agent");
    make(&folder).map_err(|reason| StateError::Unmade { path: folder.display().to_string(), reason })?;
    Ok(folder)
}

/// Makes a folder that only its owner can look into. One that is there stays as it is.
fn make(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_its_owners_alone_and_a_file_in_its_place_is_told() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("state").join("code-agent");
        make(&folder).unwrap();
        make(&folder).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        }
        let file = outer.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(make(&file.join("code-agent")).is_err());
    }
}
