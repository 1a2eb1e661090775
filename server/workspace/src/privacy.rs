//! Which files are never shown to a language model, whatever the user asks: those that hold secrets by their name, and those that an ignore
//! file names. On by default; `.code-agentignore` adds to it, and takes away from it by a line that begins with `!`.

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::path::Path;

/// Names of files that hold secrets, as lines of an ignore file.
const SECRETS: [&str; 32] = [
    ".env",
    ".env.*",
    "*.env",
    "!.env.example",
    "!.env.sample",
    "!.env.template",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.asc",
    "*.ovpn",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".npmrc",
    ".netrc",
    "_netrc",
    ".pypirc",
    ".pgpass",
    ".htpasswd",
    ".git-credentials",
    "credentials.json",
    "secrets.*",
    ".aws/",
    ".ssh/",
    ".gnupg/",
    "terraform.tfstate*",
];

/// The file in which a user names more.
pub const IGNORE_FILE: &str = ".code-agentignore";

/// Why a file is not shown to a model; `None` where it may be. `root` is the folder whose ignore files hold, and those below it.
pub fn reason(root: Option<&Path>, path: &Path) -> Option<String> {
    let mut verdict = None;
    let mut look = |rules: &Gitignore, said: &str| {
        let below = path.strip_prefix(rules.path()).unwrap_or(path);
        match rules.matched_path_or_any_parents_of(below) {
            Some(true) => verdict = Some(format!("{said} keeps it from models")),
            Some(false) => verdict = None,
            None => {}
        }
    };
    let mut builder = GitignoreBuilder::new("");
    SECRETS.iter().for_each(|line| {
        // The lines are constants, which a test compiles.
        builder.add_line(None, line).ok();
    });
    let named = builder.build().unwrap_or_else(|_| Gitignore::empty());
    look(&named, "its name says that it holds secrets, which");
    let Some(root) = root.filter(|root| path.starts_with(root)) else { return verdict };
    let mut folders: Vec<&Path> = path.ancestors().skip(1).take_while(|folder| folder.starts_with(root)).collect();
    folders.reverse();
    for file in [".gitignore", IGNORE_FILE] {
        for folder in &folders {
            let ignore = folder.join(file);
            if ignore.is_file() {
                let (rules, _) = Gitignore::new(&ignore);
                look(&rules, &format!("`{file}`"));
            }
        }
    }
    verdict
}

/// Asks an ignore file about a path and the folders it lies in.
trait Asked {
    fn matched_path_or_any_parents_of(&self, path: &Path) -> Option<bool>;
}

impl Asked for Gitignore {
    /// Whether it is ignored; `None` where no line speaks of it.
    fn matched_path_or_any_parents_of(&self, path: &Path) -> Option<bool> {
        let verdict = |path: &Path, is_folder: bool| match self.matched(path, is_folder) {
            ignore::Match::Ignore(_) => Some(true),
            ignore::Match::Whitelist(_) => Some(false),
            ignore::Match::None => None,
        };
        let folders = path
            .ancestors()
            .skip(1)
            .filter(|folder| !folder.as_os_str().is_empty() && folder.has_root() == path.has_root());
        verdict(path, false)
            .or_else(|| folders.filter(|folder| folder.file_name().is_some()).find_map(|folder| verdict(folder, true)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_kept(root: Option<&Path>, path: &str) -> bool {
        let path = root.map_or_else(|| Path::new(path).to_path_buf(), |root| root.join(path));
        reason(root, &path).is_some()
    }

    #[test]
    fn files_with_secrets_are_kept_by_their_names() {
        for path in [
            "/w/.env",
            "/w/.env.local",
            "/w/prod.env",
            "/w/a/server.pem",
            "/w/.ssh/config",
            "/w/id_rsa",
            "/w/secrets.yaml",
        ] {
            assert!(is_kept(None, path), "{path}");
        }
        for path in ["/w/.env.example", "/w/environment.py", "/w/keys.py", "/w/src/main.rs", "/w/secret_santa.py"] {
            assert!(!is_kept(None, path), "{path}");
        }
    }

    #[test]
    fn ignore_files_add_and_take_away() {
        let folder = tempfile::tempdir().unwrap();
        let root = Some(folder.path());
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put(".gitignore", "build/\n*.log\n");
        put(".code-agentignore", "internal/\n!build/\n!.env\n");
        put("src/.code-agentignore", "private.py\n");
        for (path, kept) in [
            ("internal/a.py", true),
            ("build/a.py", false),
            ("x.log", true),
            ("src/private.py", true),
            ("private.py", false),
            (".env", false),
            ("src/a.py", false),
        ] {
            assert_eq!(is_kept(root, path), kept, "{path}");
        }
        let said = reason(root, &folder.path().join("internal/a.py")).unwrap();
        assert_eq!(said, "`.code-agentignore` keeps it from models");
        assert!(!is_kept(root, "../elsewhere.py"));
    }
}
