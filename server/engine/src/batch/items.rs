//! Which files a run is over.

use crate::server_core::Shared;
use rustc_hash::FxHashSet;
use std::path::PathBuf;

/// A path to be worked on.
pub(super) struct Item {
    /// As given or as walked.
    pub path: PathBuf,
    /// The user named it, so that passing it over in silence would be wrong.
    pub is_named: bool,
}

/// All files to work on: each path's own, sorted, in the order of the paths, none twice.
pub(super) fn expand(shared: &Shared, paths: &[PathBuf]) -> Vec<Item> {
    let files = shared.workspace.files();
    let mut seen = FxHashSet::default();
    let mut items = Vec::new();
    for path in paths {
        let listed = files.list(path, &|| false);
        let is_named = listed.is_empty() && !files.is_directory(path) || listed.first() == Some(path);
        let found = if is_named { vec![path.clone()] } else { listed };
        // `./a.py` and `a.py` are one file; writing it twice at a time would be a conflict with ourselves.
        let key = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        items.extend(found.into_iter().filter(|path| seen.insert(key(path))).map(|path| Item { path, is_named }));
    }
    items
}
