//! The repository under test, read as files. Nothing here judges.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One text file of the repository.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path from the root, with forward slashes.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// Whether it is declared as a module for tests.
    pub only_tests: bool,
}

impl SourceFile {
    /// A file made up for a test.
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), only_tests: false }
    }

    /// The file's name without its folder.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The lines in front of the file's inner test module; the whole file if it has none.
    pub fn lines_without_tests(&self) -> Vec<&str> {
        let lines: Vec<&str> = self.text.lines().collect();
        let tests = lines.windows(2).position(|pair| {
            pair[0].trim_end() == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].trim_end().ends_with('{')
        });
        lines[..tests.unwrap_or(lines.len())].to_vec()
    }

    /// The text in front of the file's inner test module, comments left out.
    pub fn code(&self) -> String {
        let mut code = String::new();
        for line in self.lines_without_tests() {
            if !line.trim_start().starts_with("//") {
                code.push_str(line);
                code.push('\n');
            }
        }
        code
    }

    /// Whether the whole file is tests, or an example that is run by hand.
    pub fn is_test(&self) -> bool {
        self.only_tests
            || self.path.starts_with("tests/")
            || ["/tests/", "/examples/"].iter().any(|folder| self.path.contains(folder))
    }

    /// Paths, without their ending, of the modules that this file declares for tests only.
    fn modules_for_tests(&self) -> Vec<String> {
        let folder = match self.path.strip_suffix("/lib.rs").or_else(|| self.path.strip_suffix("/main.rs")) {
            Some(folder) => folder,
            None => self.path.trim_end_matches(".rs"),
        };
        let lines: Vec<&str> = self.text.lines().map(str::trim).collect();
        let declared = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]");
        let names = declared.filter_map(|pair| pair[1].rsplit_once("mod ")?.1.strip_suffix(';'));
        names.map(|name| format!("{folder}/{name}")).collect()
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the repository has a root")
}

/// All text files that the repository holds or would hold: ignored ones are left out.
pub fn files() -> Vec<SourceFile> {
    let root = root();
    listed(&root)
        .into_iter()
        .filter_map(|path| {
            let text = std::fs::read_to_string(root.join(&path)).ok()?;
            Some(SourceFile::new(&path, &text))
        })
        .collect()
}

/// All Rust files of the repository but those that are samples for tests.
pub fn rust_files() -> Vec<SourceFile> {
    let mut files = files();
    files.retain(|file| file.path.ends_with(".rs") && !file.path.starts_with("tests/queries/"));
    let modules: Vec<String> = files.iter().flat_map(SourceFile::modules_for_tests).collect();
    for file in &mut files {
        let stem = file.path.trim_end_matches(".rs");
        file.only_tests = modules.iter().any(|module| {
            stem == module || stem.strip_prefix(module.as_str()).is_some_and(|rest| rest.starts_with('/'))
        });
    }
    assert!(files.len() > 20, "only {} Rust files were found; the search is broken", files.len());
    files
}

/// The text of one file.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path} cannot be read: {error}"))
}

fn listed(root: &Path) -> Vec<String> {
    let git = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root)
        .output()
        .ok()
        .filter(|output| output.status.success());
    match git {
        Some(output) => String::from_utf8_lossy(&output.stdout)
            .split('\0')
            .filter(|path| !path.is_empty() && root.join(path).is_file())
            .map(str::to_owned)
            .collect(),
        None => {
            let mut found = Vec::new();
            walk(root, root, &mut found);
            found
        }
    }
}

/// For a copy of the sources without git: everything that is not built or fetched.
fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "target" | "node_modules" | "__pycache__" | ".git" | ".cache" | "dist") {
                walk(root, &path, found);
            }
        } else if let Ok(relative) = path.strip_prefix(root) {
            found.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
}
