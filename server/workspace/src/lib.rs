//! Keeps many files in: open documents, files on disk, and what is known of all of them. The only room that writes either.
//!
//! [`Workspace::apply`] is the only way to change a document; it is synchronous and quick. All readers hold a [`Snapshot`].
//! It never parses, and never waits for anything while it holds a lock.

pub mod files;
pub mod index;
pub mod log;
pub mod privacy;
pub mod snapshot;
pub mod uri;
pub mod walk;

pub use snapshot::Snapshot;

use dashmap::DashMap;
use files::{FileError, FileSystem};
use index::SymbolIndex;
use log::{ChangeLog, Conflict, Rebased};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use syntax::document::{Change, Content, Document};
use syntax::extract::Parsed;
use syntax::language::Language;
use syntax::text::{PositionEncoding, Span, TextEdit};

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// Applied; the document has this version now.
    Applied {
        /// The new version.
        version: i32,
    },
    /// Applied, since the order of arrival is what counts, although the version did not grow: the client is in error.
    OutOfOrder {
        /// The new version.
        version: i32,
        /// The version before.
        previous: i32,
    },
    /// The document is not open; nothing was changed.
    NotOpen,
}

/// One open document.
struct Entry {
    uri: Arc<str>,
    version: i32,
    /// Grows with every change of any document, whatever the client does with its versions.
    revision: u64,
    language: Option<&'static Language>,
    document: Document,
    log: ChangeLog,
}

impl Entry {
    fn snapshot(&self) -> Snapshot {
        Snapshot::new(
            self.uri.clone(),
            Some(self.version),
            self.revision,
            self.language,
            self.document.content().clone(),
            self.document.parsed().cloned(),
        )
    }
}

/// All documents of all roots.
pub struct Workspace {
    files: Arc<dyn FileSystem>,
    documents: DashMap<Arc<str>, Entry>,
    roots: RwLock<Vec<(String, PathBuf)>>,
    encoding: AtomicU8,
    revisions: AtomicU64,
    /// What is known of the files seen so far.
    pub index: SymbolIndex,
}

impl Workspace {
    /// An empty workspace that reads and writes through `files`.
    pub fn new(files: Arc<dyn FileSystem>) -> Self {
        Self {
            files,
            // One shard a few threads is plenty here, and the default number costs memory on large machines.
            documents: DashMap::with_shard_amount(8),
            roots: RwLock::default(),
            encoding: AtomicU8::new(1),
            revisions: AtomicU64::new(1),
            index: SymbolIndex::default(),
        }
    }

    /// The file system it reads and writes through.
    pub fn files(&self) -> &dyn FileSystem {
        &*self.files
    }

    /// The encoding of positions agreed on with the client; UTF-16 before that.
    pub fn encoding(&self) -> PositionEncoding {
        match self.encoding.load(Ordering::Relaxed) {
            0 => PositionEncoding::Utf8,
            2 => PositionEncoding::Utf32,
            _ => PositionEncoding::Utf16,
        }
    }

    /// Agrees on an encoding; to be called before the first document is opened.
    pub fn set_encoding(&self, encoding: PositionEncoding) {
        let number = match encoding {
            PositionEncoding::Utf8 => 0,
            PositionEncoding::Utf16 => 1,
            PositionEncoding::Utf32 => 2,
        };
        self.encoding.store(number, Ordering::Relaxed);
    }

    /// Adds a root by its URI; one that is no local directory is kept in mind but not walked.
    pub fn add_root(&self, root: &str) {
        let Some(path) = uri::to_path(root) else { return };
        let mut roots = self.roots.write().unwrap_or_else(PoisonError::into_inner);
        if !roots.iter().any(|(known, _)| known == root) {
            roots.push((root.to_string(), path));
        }
    }

    /// Removes a root, and what was known of its files that are not open.
    pub fn remove_root(&self, root: &str) {
        let mut roots = self.roots.write().unwrap_or_else(PoisonError::into_inner);
        roots.retain(|(known, _)| !uri::same_file(known, root));
        let left: Vec<PathBuf> = roots.iter().map(|(_, path)| path.clone()).collect();
        drop(roots);
        let inside = |file: &str| uri::to_path(file).is_some_and(|path| left.iter().any(|root| path.starts_with(root)));
        self.index.retain(|file| inside(file) || self.is_open(file));
    }

    /// Paths of the roots, in the order in which they came.
    pub fn roots(&self) -> Vec<PathBuf> {
        self.roots.read().unwrap_or_else(PoisonError::into_inner).iter().map(|(_, path)| path.clone()).collect()
    }

    /// Opens a document, or opens it anew. The language is that of the identifier, else that of the path.
    pub fn open(&self, uri: &str, language_id: &str, version: i32, text: &str) -> Snapshot {
        let uri: Arc<str> = uri.into();
        let by_path = || Language::from_path(&uri::to_path(&uri).unwrap_or_else(|| PathBuf::from(&*uri)));
        let language = Language::from_id(language_id).or_else(by_path);
        let revision = self.next_revision();
        let document = Document::new(text);
        let entry = Entry { uri: uri.clone(), version, revision, language, document, log: ChangeLog::new(revision) };
        let snapshot = entry.snapshot();
        self.documents.insert(uri, entry);
        snapshot
    }

    /// Changes a document: the only way to do so. All changes of the message are made in their order.
    pub fn apply(&self, uri: &str, version: i32, changes: &[Change]) -> ChangeOutcome {
        let encoding = self.encoding();
        let Some(mut entry) = self.documents.get_mut(uri) else { return ChangeOutcome::NotOpen };
        let edits = entry.document.apply(changes, encoding);
        entry.revision = self.next_revision();
        let revision = entry.revision;
        edits.into_iter().for_each(|edit| entry.log.push(revision, edit));
        let previous = std::mem::replace(&mut entry.version, version);
        if version > previous {
            ChangeOutcome::Applied { version }
        } else {
            ChangeOutcome::OutOfOrder { version, previous }
        }
    }

    /// Closes a document; says whether it was open.
    pub fn close(&self, uri: &str) -> bool {
        self.documents.remove(uri).is_some()
    }

    /// Whether the document is open.
    pub fn is_open(&self, uri: &str) -> bool {
        self.documents.contains_key(uri)
    }

    /// How many documents are open, and how many bytes they have together.
    pub fn held(&self) -> (usize, usize) {
        let bytes = self.documents.iter().map(|entry| entry.document.content().len()).sum();
        (self.documents.len(), bytes)
    }

    /// The URIs of all open documents, sorted.
    pub fn open_uris(&self) -> Vec<Arc<str>> {
        let mut uris: Vec<Arc<str>> = self.documents.iter().map(|entry| entry.key().clone()).collect();
        uris.sort_unstable();
        uris
    }

    /// What an open document is now.
    pub fn snapshot(&self, uri: &str) -> Option<Snapshot> {
        self.documents.get(uri).map(|entry| entry.snapshot())
    }

    /// What the document is now if it is open under any spelling of its URI, else what is on disk.
    ///
    /// # Errors
    /// If it is not open and the file cannot be read, or the URI is none of a local file.
    pub fn load(&self, uri: &str, limit: u64) -> Result<Snapshot, FileError> {
        if let Some(snapshot) = self.snapshot(uri) {
            return Ok(snapshot);
        }
        let path = uri::to_path(uri).ok_or_else(|| FileError::NotFound { path: PathBuf::from(uri) })?;
        match self.open_uri_of(&path).and_then(|uri| self.snapshot(&uri)) {
            Some(snapshot) => Ok(snapshot),
            None => self.load_path(uri, &path, limit),
        }
    }

    fn load_path(&self, uri: &str, path: &Path, limit: u64) -> Result<Snapshot, FileError> {
        let text = files::read_text(self.files(), path, limit)?;
        let content = Arc::new(Content::plain(text));
        Ok(Snapshot::new(uri.into(), None, 0, Language::from_path(path), content, None))
    }

    /// The URI under which a file is open.
    pub fn open_uri_of(&self, path: &Path) -> Option<Arc<str>> {
        let direct = uri::from_path(path);
        if let Some(entry) = self.documents.get(direct.as_str()) {
            return Some(entry.key().clone());
        }
        self.documents.iter().map(|entry| entry.key().clone()).find(|uri| uri::to_path(uri).as_deref() == Some(path))
    }

    /// Hands in the tree of an earlier revision, so that the next parse is incremental; dropped where too much happened since.
    pub fn adopt(&self, uri: &str, revision: u64, parsed: Parsed) {
        if let Some(mut entry) = self.documents.get_mut(uri) {
            let entry = &mut *entry;
            if let Some(edits) = entry.log.since(revision) {
                entry.document.adopt(parsed, edits);
            }
        }
    }

    /// Moves edits made for `revision` to the text of now, and says which version and text they fit.
    ///
    /// # Errors
    /// If their range or a place they rely on was touched meanwhile, or the document was closed or changed beyond memory.
    pub fn rebase(
        &self,
        uri: &str,
        revision: u64,
        edits: &[TextEdit],
        relied_on: &[Span],
    ) -> Result<(Snapshot, Rebased), Conflict> {
        let entry = self.documents.get(uri).ok_or(Conflict::Forgotten)?;
        let rebased = entry.log.rebase(edits, relied_on, revision)?;
        Ok((entry.snapshot(), rebased))
    }

    /// Where a place of an earlier revision lies in a later one.
    ///
    /// # Errors
    /// If what it held was changed in between, or the document was closed, opened anew or changed beyond memory.
    pub fn carry(&self, uri: &str, place: Span, from: u64, to: u64) -> Result<Span, Conflict> {
        if from == to {
            return Ok(place);
        }
        self.documents.get(uri).ok_or(Conflict::Forgotten)?.log.carry(place, from, to)
    }

    fn next_revision(&self) -> u64 {
        self.revisions.fetch_add(1, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::MemoryFiles;
    use syntax::text::Position;

    const URI: &str = "file:///w/a.py";

    fn workspace() -> (Arc<MemoryFiles>, Workspace) {
        let files = Arc::new(MemoryFiles::default());
        (files.clone(), Workspace::new(files))
    }

    fn insert(line: u32, character: u32, text: &str) -> Vec<Change> {
        let place = Position { line, character };
        vec![Change { range: Some((place, place)), text: text.into() }]
    }

    #[test]
    fn a_snapshot_stays_what_it_was() {
        let (_, workspace) = workspace();
        let first = workspace.open(URI, "python", 1, "x = 1\n");
        assert_eq!(workspace.apply(URI, 2, &insert(0, 0, "🎉 ")), ChangeOutcome::Applied { version: 2 });
        let second = workspace.snapshot(URI).unwrap();
        assert_eq!((&*first.text(), &*second.text()), ("x = 1\n", "🎉 x = 1\n"));
        assert_eq!((first.version, second.version), (Some(1), Some(2)));
        assert!(first.revision < second.revision);
        assert_eq!(second.language.map(|language| language.id), Some("python"));
    }

    #[test]
    fn changes_arrive_as_they_come_even_with_odd_versions() {
        let (_, workspace) = workspace();
        assert_eq!(workspace.apply(URI, 2, &insert(0, 0, "a")), ChangeOutcome::NotOpen);
        workspace.open(URI, "python", 5, "");
        assert_eq!(workspace.apply(URI, 5, &insert(0, 0, "a")), ChangeOutcome::OutOfOrder { version: 5, previous: 5 });
        assert_eq!(workspace.apply(URI, 3, &insert(0, 1, "b")), ChangeOutcome::OutOfOrder { version: 3, previous: 5 });
        assert_eq!(&*workspace.snapshot(URI).unwrap().text(), "ab");
    }

    #[test]
    fn an_edit_is_rebased_or_refused_by_revision() {
        let (_, workspace) = workspace();
        let revision = workspace.open(URI, "python", 1, "def f(): pass\n").revision;
        let edit = [TextEdit::replace(Span::new(4, 5), "g")];
        workspace.apply(URI, 1, &insert(0, 0, "# é\n"));
        let (now, moved) = workspace.rebase(URI, revision, &edit, &[]).unwrap();
        assert_eq!(syntax::text::apply_edits(&now.text(), &moved.edits).as_deref(), Some("# é\ndef g(): pass\n"));
        workspace.apply(URI, 1, &insert(1, 5, "oo"));
        assert_eq!(workspace.rebase(URI, revision, &edit, &[]).unwrap_err(), Conflict::Touched);
        workspace.open(URI, "python", 1, "def f(): pass\n");
        assert_eq!(workspace.rebase(URI, revision, &edit, &[]).unwrap_err(), Conflict::Forgotten, "opened anew");
        workspace.close(URI);
        assert_eq!(workspace.rebase(URI, revision, &edit, &[]).unwrap_err(), Conflict::Forgotten);
    }

    #[test]
    fn an_open_document_hides_its_file_under_every_spelling() {
        let (files, workspace) = workspace();
        files.put("/w/a-b.py", "disk");
        let load = |uri: &str| workspace.load(uri, 100).map(|snapshot| snapshot.text().to_string());
        assert_eq!(load("file:///w/a%2Db.py"), Ok("disk".into()));
        workspace.open("file:///w/a%2Db.py", "python", 1, "editor");
        assert_eq!(load("file:///w/a-b.py"), Ok("editor".into()));
        workspace.close("file:///w/a%2Db.py");
        assert_eq!(load("file:///w/a-b.py"), Ok("disk".into()));
        assert!(matches!(load("untitled:1"), Err(FileError::NotFound { .. })));
    }

    #[test]
    fn the_language_is_told_or_guessed_from_the_path() {
        let (_, workspace) = workspace();
        let language = |uri: &str, id: &str| workspace.open(uri, id, 1, "").language.map(|language| language.id);
        assert_eq!(language("file:///a.txt", "rust"), Some("rust"));
        assert_eq!(language("file:///a.py", "unheard-of"), Some("python"));
        assert_eq!(language("untitled:1", ""), None);
    }

    #[test]
    fn roots_come_and_go_with_what_is_known_of_them() {
        let (_, workspace) = workspace();
        workspace.add_root("file:///w");
        workspace.add_root("file:///w");
        workspace.add_root("untitled:x");
        assert_eq!(workspace.roots(), [PathBuf::from("/w")]);
        workspace.index.update(&URI.into(), index::FileRecord::default());
        workspace.remove_root("file:///w");
        assert!(workspace.roots().is_empty() && workspace.index.is_empty());
    }
}
