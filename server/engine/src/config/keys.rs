//! Reads the keys of models from where the settings say they are. A key is never shown and never stands in the settings themselves.

use llm::config::KeySource;
use security::secret::Secret;
use std::path::Path;
use workspace::files::{FileSystem, read_text};

/// Far longer than any key.
const LONGEST: u64 = 64 << 10;

/// The key at a place.
///
/// # Errors
/// One sentence, if there is none.
pub fn read_key(files: &dyn FileSystem, source: &KeySource) -> Result<Secret, String> {
    match source {
        KeySource::Env(name) => match std::env::var(name) {
            Ok(key) => Ok(Secret::new(key.trim())),
            Err(_) => Err(format!("Its key is expected in the environment variable {name}, which is not set.")),
        },
        KeySource::File(path) => match read_text(files, Path::new(path), LONGEST) {
            Ok(key) => Ok(Secret::new(key.trim())),
            Err(error) => Err(format!("Its key is expected in a file. {error}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use workspace::files::MemoryFiles;

    #[test]
    fn a_key_is_read_without_the_end_of_its_line_and_a_missing_one_is_named() {
        let files = MemoryFiles::default();
        files.put("/k", "abc\n");
        let read = |source| read_key(&files, &source).map(|key| key.expose().to_owned());
        assert_eq!(read(KeySource::File("/k".into())), Ok("abc".into()));
        assert!(read(KeySource::File("/gone".into())).unwrap_err().contains("/gone"));
        assert!(read(KeySource::Env("CODE_AGENT_NO_SUCH_KEY".into())).unwrap_err().contains("CODE_AGENT_NO_SUCH_KEY"));
    }
}
