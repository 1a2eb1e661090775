//! Runs over many files for the command line: parallel, with results in the order of paths. Blocks the calling thread.
//!
//! A file is written only whole, only after the proof of its edits, and only if nobody else wrote it meanwhile.

mod items;
mod reports;

use crate::answers::{BatchOptions, FileChangeReport, FileProblem, FileReport, Summary};
use crate::commands::action_offer;
use crate::server_core::{ServerCore, Shared};
use crate::tasks::in_order;
use crate::view::{self, Customs, View};
use actions::edit::{Proved, Refusal};
use actions::layout;
use actions::offer::OfferKind;
use actions::writer::WriterOptions;
use analysis::diagnostic::Finding;
use items::{Item, expand};
use reports::{panicked, panicked_change, problem_change, problem_report, unsupported};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use syntax::extract::{Depth, fingerprint_from};
use syntax::language::Language;
use syntax::model::{FileModel, Symbol};
use syntax::text::{LineIndex, Span, apply_edits};
use workspace::index::{FileRecord, RepositoryFacts};

/// The rule whose findings depend on what other files do.
const UNKNOWN_TAG: &str = "unknown-tag";
/// Mending one thing can bring another to light; more rounds than this were never needed.
const MAX_ROUNDS: usize = 4;
/// Files that are looked at for the customs of the repository before writing.
const SURVEY_FILES: usize = 300;

/// What is to be done to a file.
#[derive(Clone, Copy)]
enum Work<'a> {
    Document {
        symbol: Option<&'a str>,
    },
    /// Mends; `uncertain` takes what only may be wrong along.
    Fix {
        uncertain: bool,
    },
}

impl ServerCore {
    /// Checks all supported files under `paths`. `on_file` gets every file's report, in the order of paths, while others are still checked.
    pub fn check_paths(
        &self,
        paths: &[PathBuf],
        options: &BatchOptions,
        on_file: &mut dyn FnMut(FileReport),
    ) -> Summary {
        let shared = self.shared();
        let items = expand(shared, paths);
        let view = shared.view();
        let mut summary = Summary::default();
        let mut facts = RepositoryFacts::default();
        let mut held: VecDeque<FileReport> = VecDeque::new();
        let check = |item: &Item| shared.check_file(item, &view);
        let failed = |item: &Item, message: String| (panicked(&item.path, &message), None);
        in_order(&items, self.threads(options), check, failed, |_, (report, record)| {
            if let Some(record) = record {
                facts.add(&record);
            }
            held.push_back(report);
            // A tag that is not a custom yet may still become one, so its file and those behind it are held back.
            while let Some(mut report) = held.pop_front() {
                drop_custom_tags(&mut report, &facts);
                if report.findings.iter().any(|finding| finding.rule == UNKNOWN_TAG) {
                    held.push_front(report);
                    break;
                }
                summary.count_check(&report);
                on_file(report);
            }
        });
        for mut report in held {
            drop_custom_tags(&mut report, &facts);
            summary.count_check(&report);
            on_file(report);
        }
        summary
    }

    /// Checks a text as if it were the file at `path`.
    pub fn check_text(&self, path: &Path, text: Arc<str>) -> FileReport {
        let shared = self.shared();
        let check = || shared.check_content(path, text, &shared.view());
        guarded(check).unwrap_or_else(|message| (panicked(path, &message), None)).0
    }

    /// Writes documentation where it is missing, in all supported files under `paths`. Every file that was read is reported.
    pub fn document_paths(
        &self,
        paths: &[PathBuf],
        options: &BatchOptions,
        on_file: &mut dyn FnMut(FileChangeReport),
    ) -> Summary {
        self.change_paths(paths, options, Work::Document { symbol: options.symbol.as_deref() }, on_file)
    }

    /// Mends what can be mended in all supported files under `paths`. Every file that was read is reported.
    pub fn fix_paths(
        &self,
        paths: &[PathBuf],
        options: &BatchOptions,
        on_file: &mut dyn FnMut(FileChangeReport),
    ) -> Summary {
        self.change_paths(paths, options, Work::Fix { uncertain: options.uncertain }, on_file)
    }

    /// Documents a text as if it were the file at `path`; nothing is written.
    pub fn document_text(&self, path: &Path, text: Arc<str>, options: &BatchOptions) -> FileChangeReport {
        self.change_text(path, text, options, Work::Document { symbol: options.symbol.as_deref() })
    }

    /// Mends a text as if it were the file at `path`; nothing is written.
    pub fn fix_text(&self, path: &Path, text: Arc<str>, options: &BatchOptions) -> FileChangeReport {
        self.change_text(path, text, options, Work::Fix { uncertain: options.uncertain })
    }

    /// The supported files that a run over `paths` looks at, in its order.
    pub fn files_under(&self, paths: &[PathBuf]) -> Vec<PathBuf> {
        expand(self.shared(), paths).into_iter().map(|item| item.path).collect()
    }

    fn change_text(&self, path: &Path, text: Arc<str>, options: &BatchOptions, work: Work<'_>) -> FileChangeReport {
        let shared = self.shared();
        let view = shared.view();
        let writer = writer(&view, options);
        let change = || shared.change_content(path, text.clone(), &view, &writer, work);
        guarded(change).unwrap_or_else(|message| panicked_change(path, &message))
    }

    fn change_paths(
        &self,
        paths: &[PathBuf],
        options: &BatchOptions,
        work: Work<'_>,
        on_file: &mut dyn FnMut(FileChangeReport),
    ) -> Summary {
        let shared = self.shared();
        let items = expand(shared, paths);
        let threads = self.threads(options);
        if options.style.is_none() {
            shared.learn_customs(&items, threads);
        }
        let view = shared.view();
        let writer = writer(&view, options);
        let change = |item: &Item| shared.change_file(item, &view, &writer, work, options);
        let failed = |item: &Item, message: String| panicked_change(&item.path, &message);
        let mut summary = Summary::default();
        in_order(&items, threads, change, failed, |_, report| {
            summary.count_change(&report);
            on_file(report);
        });
        summary
    }

    fn threads(&self, options: &BatchOptions) -> usize {
        let set = usize::from(self.shared().view().settings.core.threads);
        match (options.threads, set) {
            (0, 0) => self.inner.mode.threads(std::thread::available_parallelism().map_or(2, usize::from)),
            (0, threads) | (threads, _) => threads,
        }
    }
}

impl Shared {
    fn check_file(&self, item: &Item, view: &View) -> (FileReport, Option<FileRecord>) {
        match self.read_item(item) {
            Ok(text) => self.check_content(&item.path, text, view),
            Err(problem) => (problem_report(&item.path, problem), None),
        }
    }

    fn check_content(&self, path: &Path, text: Arc<str>, view: &View) -> (FileReport, Option<FileRecord>) {
        let Some(model) = self.model_of(path, text, view.depth()) else {
            return (problem_report(path, unsupported(path)), None);
        };
        let findings = view::findings(&model, view, &self.metrics);
        let record = FileRecord::customs_of(&model);
        let empty = findings.is_empty();
        let text = if empty { Arc::from("") } else { model.text.clone() };
        let lines = if empty { Arc::new(LineIndex::new("")) } else { model.lines.clone() };
        (FileReport { path: path.into(), text, lines, findings, problem: None }, Some(record))
    }

    fn model_of(&self, path: &Path, text: Arc<str>, depth: Depth) -> Option<FileModel> {
        let language = Language::from_path(path)?;
        let parsed = view::parse(language, &text, None, &|| false, &self.metrics)?;
        Some(view::model(&parsed, text, depth, language.id, &self.metrics))
    }

    /// The model of a text that is to be changed, read from one parse with the fingerprint that the proof needs.
    fn provable_model_of(&self, path: &Path, text: Arc<str>) -> Option<FileModel> {
        let language = Language::from_path(path)?;
        let parsed = view::parse(language, &text, None, &|| false, &self.metrics)?;
        let code = Some(fingerprint_from(&parsed, &text));
        Some(FileModel { code, ..view::model(&parsed, text, Depth::Full, language.id, &self.metrics) })
    }

    fn read_item(&self, item: &Item) -> Result<Arc<str>, FileProblem> {
        if Language::from_path(&item.path).is_none() && self.workspace.files().exists(&item.path) {
            return Err(unsupported(&item.path));
        }
        self.read(&item.path)
            .map_err(|error| FileProblem { is_trouble: item.is_named || !error.is_skip(), message: error.to_string() })
    }

    fn change_file(
        &self,
        item: &Item,
        view: &View,
        writer: &WriterOptions,
        work: Work<'_>,
        options: &BatchOptions,
    ) -> FileChangeReport {
        let (write, asked_style) = (options.write, options.style);
        let text = match self.read_item(item) {
            Ok(text) => text,
            Err(problem) => return problem_change(&item.path, problem),
        };
        if let Work::Document { symbol: Some(name) } = work
            && item.is_named
            && !self.defines(&item.path, text.clone(), name)
        {
            let message = format!("{}: There is no definition named `{name}`.", item.path.display());
            return problem_change(&item.path, FileProblem { message, is_trouble: true });
        }
        if let (Work::Document { .. }, Some(style), Some(language)) =
            (work, asked_style, Language::from_path(&item.path).filter(|_| item.is_named))
            && !layout::family(language.doc_style).contains(&style)
        {
            let refusal = Refusal::StyleUnfit { style: style.name(), language: language.name.clone() };
            let message = format!("{}: {refusal}", item.path.display());
            return problem_change(&item.path, FileProblem { message, is_trouble: true });
        }
        let mut report = self.change_content(&item.path, text, view, writer, work);
        if write && report.before != report.after {
            let written = self.workspace.files().replace(&item.path, report.before.as_bytes(), report.after.as_bytes());
            if let Err(error) = written {
                // The file is as it was, and so is what was found in it.
                let model = self.model_of(&item.path, report.before.clone(), Depth::Full);
                let findings = model.map(|model| view::findings(&model, view, &self.metrics)).unwrap_or_default();
                report = FileChangeReport {
                    after: report.before.clone(),
                    lines: Arc::new(LineIndex::new(&report.before)),
                    written: 0,
                    mended: 0,
                    findings,
                    problem: Some(FileProblem { message: error.to_string(), is_trouble: true }),
                    ..report
                };
            }
        }
        report
    }

    fn defines(&self, path: &Path, text: Arc<str>, name: &str) -> bool {
        let model = self.model_of(path, text, Depth::Documented);
        model.is_some_and(|model| model.symbols.iter().skip(1).any(|symbol| is_called(symbol, name)))
    }

    fn change_content(
        &self,
        path: &Path,
        before: Arc<str>,
        view: &View,
        writer: &WriterOptions,
        work: Work<'_>,
    ) -> FileChangeReport {
        let Some(mut model) = self.provable_model_of(path, before.clone()) else {
            return problem_change(path, unsupported(path));
        };
        let mut findings = view::findings(&model, view, &self.metrics);
        let (found, mut written, mut problem) = (findings.len(), 0, None);
        for _ in 0..MAX_ROUNDS {
            let Proved { edits, proof } = match self.edits(&model, &findings, writer, work) {
                Ok(proved) => proved,
                Err(Refusal::NothingToDo) => break,
                Err(refusal) => {
                    problem =
                        Some(FileProblem { message: format!("{}: {refusal}", path.display()), is_trouble: false });
                    break;
                }
            };
            let Some(after) = apply_edits(&model.text, &edits).filter(|after| **after != *model.text) else { break };
            // What the proof read already is not read again.
            let next = match proof.filter(|proof| *proof.after.text == *after) {
                Some(proof) if view.depth() == Depth::Documented => Some(proof.after),
                Some(proof) => {
                    let text = proof.after.text.clone();
                    Some(view::model(&proof.parsed, text, Depth::Full, model.language.id, &self.metrics))
                }
                None => self.provable_model_of(path, after.into()),
            };
            let Some(next) = next else { break };
            model = next;
            findings = view::findings(&model, view, &self.metrics);
            match work {
                // Documentation is complete after one round by its own proof.
                Work::Document { .. } => {
                    written = edits.len();
                    break;
                }
                Work::Fix { .. } => {}
            }
        }
        let mended = found.saturating_sub(findings.len());
        let (after, lines) = (model.text.clone(), model.lines.clone());
        FileChangeReport { path: path.into(), before, after, lines, written, mended, findings, problem }
    }

    /// The proved edits of one round.
    fn edits(
        &self,
        model: &FileModel,
        findings: &[Finding],
        writer: &WriterOptions,
        work: Work<'_>,
    ) -> Result<Proved, Refusal> {
        let asked: Vec<Finding>;
        let findings = match work {
            // Whoever asks for all of it has chosen.
            Work::Fix { uncertain: true } => {
                asked = findings.iter().map(|finding| finding.clone().chosen_unless(true)).collect();
                &asked
            }
            _ => findings,
        };
        let whole = Span::new(0, model.text.len());
        let run = |kind, findings_of: Vec<usize>| {
            self.strategy.run(model, findings, &action_offer(kind, whole, findings_of), writer)
        };
        match work {
            Work::Fix { .. } => run(OfferKind::FixAll, (0..findings.len()).collect()),
            Work::Document { symbol: None } => run(OfferKind::DocumentFile, Vec::new()),
            Work::Document { symbol: Some(name) } => {
                let named = model.symbols.iter().enumerate().skip(1).filter(|(_, symbol)| is_called(symbol, name));
                let mut edits = Vec::new();
                let mut refusal = None;
                for (index, _) in named {
                    match run(OfferKind::Document(index), Vec::new()) {
                        Ok(more) => edits.extend(more.edits),
                        Err(error) => refusal = Some(error),
                    }
                }
                match refusal {
                    Some(refusal) if edits.is_empty() => Err(refusal),
                    _ => Ok(edits.into()),
                }
            }
        }
    }

    /// Looks at a part of the files, so that what is written looks like what is there.
    fn learn_customs(&self, items: &[Item], threads: usize) {
        let step = items.len().div_ceil(SURVEY_FILES).max(1);
        let sample: Vec<&Item> = items.iter().step_by(step).collect();
        let mut facts = RepositoryFacts::default();
        let read = |item: &&Item| {
            let text = self.read_item(item).ok()?;
            Some(FileRecord::customs_of(&self.model_of(&item.path, text, Depth::Documented)?))
        };
        in_order(
            &sample,
            threads,
            read,
            |_, _| None,
            |_, record: Option<FileRecord>| {
                if let Some(record) = record {
                    facts.add(&record);
                }
            },
        );
        self.renew_view(Some(Customs::of(&facts)));
    }
}

fn writer(view: &View, options: &BatchOptions) -> WriterOptions {
    let writer = view.writer();
    WriterOptions { style: options.style.or(writer.style), ..writer }
}

fn drop_custom_tags(report: &mut FileReport, facts: &RepositoryFacts) {
    let is_custom = |finding: &Finding| {
        finding.rule == UNKNOWN_TAG && finding.names.first().is_some_and(|tag| facts.is_custom_tag(tag))
    };
    report.findings.retain(|finding| !is_custom(finding));
}

fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(|panic| crate::tasks::panic_message(&*panic))
}

/// Whether a user who writes `name` means the symbol.
fn is_called(symbol: &Symbol, name: &str) -> bool {
    symbol.path == name || symbol.name == name
}
