//! Queries of the user's own in the place of the built-in ones: a folder laid out as `queries/` is.
//!
//! A folder that is wrong costs its language nothing: the built-in queries stay, and one sentence says why.

use std::path::Path;
use syntax::language::Language;
use workspace::files::{FileSystem, read_text};

/// No query is longer than this.
const LONGEST: u64 = 1 << 20;
/// What may stand in a language's folder.
const FILES: [&str; 6] = ["symbols.scm", "signature.scm", "docs.scm", "calls.scm", "complexity.scm", "smells.scm"];

/// Takes the queries below `folder` into use, for the rest of the process; to be called before the first file is read.
///
/// Returns a sentence for each file or language that could not be taken.
pub fn install(files: &dyn FileSystem, folder: &Path) -> Vec<String> {
    if !files.is_directory(folder) {
        return vec![format!("The folder of queries {} does not exist.", folder.display())];
    }
    let mut problems = Vec::new();
    for language in Language::all() {
        let own = folder.join(language.id);
        let mut sources = Vec::new();
        for name in FILES {
            let path = own.join(name);
            if files.exists(&path) {
                match read_text(files, &path, LONGEST) {
                    Ok(source) => sources.push((name.to_owned(), source.to_string())),
                    Err(error) => problems.push(error.to_string()),
                }
            }
        }
        if !sources.is_empty()
            && let Err(problem) = language.replace_queries(&sources)
        {
            problems.push(format!("{problem} The built-in queries for {} are used.", language.name));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use workspace::files::DiskFiles;

    #[test]
    fn a_broken_query_is_told_of_and_the_built_in_one_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(install(&DiskFiles, &folder.path().join("gone")).len(), 1);
        std::fs::create_dir(folder.path().join("go")).unwrap();
        std::fs::write(folder.path().join("go/smells.scm"), "(call_expression").unwrap();
        let problems = install(&DiskFiles, folder.path());
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("smells.scm") && problems[0].contains("built-in"), "{problems:?}");
        let go = Language::from_id("go").unwrap();
        let model = syntax::extract::model(go, "package p\n\nfunc F() {}\n".into(), syntax::extract::Depth::Full);
        assert_eq!(model.symbols.len(), 2);
    }
}
