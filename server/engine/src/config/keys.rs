//! Reads the keys of models from where the settings say they are. A key is never shown and never stands in the settings themselves.

use llm::config::KeySource;
use security::cage;
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
        KeySource::Command(words) => of_command(words),
    }
}

/// The first line that a program prints: what stands behind a key in a store of passwords are remarks.
fn of_command(words: &[String]) -> Result<Secret, String> {
    let (program, arguments) = words.split_first().ok_or("Its key is expected from a program, and none is named.")?;
    let printed = cage::run(program, arguments, cage::Bounds::default())
        .map_err(|error| format!("Its key is expected from a program. {error}"))?;
    let text = String::from_utf8(printed)
        .map_err(|_| format!("Its key is expected from a program, but what {program} printed is not text."))?;
    Ok(Secret::new(text.lines().next().unwrap_or("").trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use workspace::files::MemoryFiles;

    #[cfg(unix)]
    #[test]
    fn a_key_is_the_first_line_of_a_program_and_its_failure_is_told() {
        let read = |words: &[&str]| {
            let words = words.iter().map(|&word| word.to_owned()).collect();
            read_key(&MemoryFiles::default(), &KeySource::Command(words)).map(|key| key.expose().to_owned())
        };
        assert_eq!(read(&["printf", "abc \\nuser: me\\n"]), Ok("abc".into()));
        assert_eq!(read(&["true"]), Ok(String::new()), "an empty key is refused where it is used");
        assert_eq!(
            read(&["sh", "-c", "echo 'no such entry' >&2; exit 1"]).unwrap_err(),
            "Its key is expected from a program. The program sh failed with code 1: no such entry."
        );
        assert!(read(&["no-such-program-here"]).unwrap_err().contains("no-such-program-here"));
        assert!(read(&["printf", "\\377"]).unwrap_err().contains("not text"));
    }

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
