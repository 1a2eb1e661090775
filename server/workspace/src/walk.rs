//! Which files of a directory are looked at: supported languages only, ignored, hidden and vendored ones left out. It never reads a file's content but ignore files.

use ignore::{WalkBuilder, WalkState};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use syntax::language::Language;

/// Directories that hold other people's or generated code, by convention of many tools.
const VENDORED: [&str; 11] = [
    "node_modules",
    "bower_components",
    "vendor",
    "third_party",
    "site-packages",
    "__pycache__",
    "__pypackages__",
    "target",
    "dist",
    "venv",
    "env",
];

/// Directories of [`VENDORED`] that are such only with this file beside or in them, as their names are common words.
fn is_vendored(path: &Path, name: &str) -> bool {
    let beside = |file: &str| path.parent().is_some_and(|parent| parent.join(file).exists());
    match name {
        "target" => beside("Cargo.toml"),
        "dist" => beside("package.json"),
        "vendor" => beside("go.mod") || beside("package.json") || beside("composer.json"),
        "venv" | "env" => path.join("pyvenv.cfg").exists(),
        _ => VENDORED.contains(&name),
    }
}

/// All supported files under `root`, sorted by path; `root` itself where it is a file, whatever its name.
///
/// `.gitignore`, `.ignore` and git's own excludes hold, inside a git repository or not. Links are not followed, so no file comes twice.
pub fn walk(root: &Path, stop: &(dyn Fn() -> bool + Sync)) -> Vec<PathBuf> {
    if root.is_file() {
        return vec![root.to_path_buf()];
    }
    let found = Mutex::new(Vec::new());
    let walker = WalkBuilder::new(root)
        .require_git(false)
        .follow_links(false)
        .threads(std::thread::available_parallelism().map_or(2, usize::from).min(8))
        .filter_entry(|entry| {
            let is_directory = entry.file_type().is_some_and(|kind| kind.is_dir());
            let name = entry.file_name().to_str().unwrap_or("");
            // What the user named is walked, whatever it is called.
            entry.depth() == 0 || !is_directory || !is_vendored(entry.path(), name)
        })
        .build_parallel();
    walker.run(|| {
        let found = &found;
        Box::new(move |entry| {
            if stop() {
                return WalkState::Quit;
            }
            // An entry that cannot be read is one the user's own tools do not see either.
            if let Ok(entry) = entry
                && entry.file_type().is_some_and(|kind| kind.is_file())
                && Language::from_path(entry.path()).is_some()
            {
                found.lock().unwrap_or_else(PoisonError::into_inner).push(entry.into_path());
            }
            WalkState::Continue
        })
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let (name, content) = file.split_once(':').unwrap_or((file, ""));
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        folder
    }

    fn names(folder: &tempfile::TempDir) -> Vec<String> {
        let found = walk(folder.path(), &|| false);
        found.iter().map(|path| path.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn only_supported_files_that_nobody_ignores_are_found_in_order() {
        let folder = tree(&[
            "b.py",
            "a.rs",
            "z/c.ts",
            "z/d.txt",
            ".hidden/e.py",
            ".gitignore:skip.py\n/out/",
            "skip.py",
            "out/f.py",
            "node_modules/g.js",
            "x/__pycache__/h.py",
        ]);
        assert_eq!(names(&folder), ["a.rs", "b.py", "z/c.ts"]);
    }

    #[test]
    fn common_words_are_vendored_only_with_their_mark() {
        let folder =
            tree(&["target/a.py", "r/Cargo.toml", "r/target/b.rs", "env/c.py", "v/venv/pyvenv.cfg", "v/venv/d.py"]);
        assert_eq!(names(&folder), ["env/c.py", "target/a.py"]);
    }

    #[test]
    fn a_walk_that_is_stopped_ends_early() {
        let folder = tree(&["a.py", "b.py"]);
        assert!(walk(folder.path(), &|| true).is_empty());
    }
}
