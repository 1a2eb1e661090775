//! Texts of source code: what is wrong with them, what is in them, and what they are with their documentation written or mended.
//!
//! A text comes with its request and goes with its answer. Its name says which language it is; no file of this machine is looked at.

use crate::auth::Principal;
use crate::error::{Kind, Problem, ProblemBody};
use crate::extract::Valid;
use crate::state::Gateway;
use axum::extract::State;
use axum::{Extension, Json};
use engine::analysis::diagnostic::Finding;
use engine::answers::{FileChangeReport, OutlineItem};
use engine::syntax::text::{LineIndex, Position, PositionEncoding, Span};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use utoipa::ToSchema;

/// The name of a file, relative to a folder that it does not leave. It says which language the file is in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(
    min_length = 1,
    max_length = 512,
    pattern = r"^(?:(?:[^./\\]|\.[^./\\]|\.\.[^/\\])[^/\\]*/)*[^/\\]+\.(?:py|pyi|pyw|js|jsx|mjs|cjs|ts|mts|cts|tsx|rs|go)$",
    example = "src/orders.py"
)]
pub(crate) struct FileName(pub String);

/// A text.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "path": "src/orders.py", "text": "def total(prices):\n    return sum(prices)\n" }))]
pub(crate) struct Text {
    /// The name of the file.
    pub path: FileName,
    /// What is in it.
    #[schema(max_length = 2_000_000, example = "def total(prices):\n    return sum(prices)\n")]
    pub text: String,
}

impl Text {
    /// The name, as long as it is one (no way out of a folder) and the text is not larger than is allowed. `place` is where the text
    /// stands in the body.
    pub fn name(&self, gateway: &Gateway, place: &str) -> Result<PathBuf, Problem> {
        name_of(gateway, &self.path, &self.text, place)
    }
}

/// The same for a name and a text.
pub(crate) fn name_of(gateway: &Gateway, name: &FileName, text: &str, place: &str) -> Result<PathBuf, Problem> {
    let FileName(name) = name;
    let path = PathBuf::from(name);
    let is_plain = |part: std::path::Component| matches!(part, std::path::Component::Normal(_));
    if !path.components().all(is_plain) || name.contains('\\') {
        return Err(Problem::new(Kind::Invalid, "A path is relative, without `..`.").at(format!("{place}/path")));
    }
    check_size(gateway, text, &format!("{place}/text"))?;
    Ok(path)
}

/// Refuses a text that is larger than is allowed.
pub(crate) fn check_size(gateway: &Gateway, text: &str, place: &str) -> Result<(), Problem> {
    let most = gateway.most_text();
    if text.len() > most {
        let said = format!("The text has {} bytes, and {most} are allowed (`limits.max-file-size`).", text.len());
        return Err(Problem::new(Kind::TooLarge, said).at(place));
    }
    Ok(())
}

/// A place in a text: lines and columns from 0, columns in UTF-16 code units. One behind the end is the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    /// The line.
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    pub line: u32,
    /// The column.
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    pub character: u32,
}

/// From a place to another.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Range {
    /// Where it begins.
    pub start: Place,
    /// Where it ends.
    pub end: Place,
}

impl Range {
    /// The bytes of it; in whichever order its ends come.
    pub fn span(self, text: &str) -> Span {
        let lines = LineIndex::new(text);
        let offset = |place: Place| {
            let position = Position { line: place.line, character: place.character };
            lines.offset(text, position, PositionEncoding::Utf16)
        };
        let (start, end) = (self.start.min(self.end), self.start.max(self.end));
        Span::new(offset(start), offset(end))
    }

    pub fn of(lines: &LineIndex, text: &str, span: Span) -> Self {
        let place = |offset| {
            let position = lines.position(text, offset, PositionEncoding::Utf16);
            Place { line: position.line, character: position.character }
        };
        Self { start: place(span.start), end: place(span.end) }
    }
}

/// Something that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Diagnostic {
    /// The rule.
    #[schema(example = "param-renamed")]
    code: &'static str,
    /// How serious: `error`, `warning`, `info`, `hint`.
    #[schema(example = "warning")]
    severity: String,
    /// One sentence.
    message: String,
    /// The symbol.
    #[schema(example = "Store.load")]
    symbol: String,
    /// Where it is.
    range: Range,
    /// Whether it can be mended.
    fixable: bool,
}

impl Diagnostic {
    fn of(lines: &LineIndex, text: &str, finding: &Finding) -> Self {
        Self {
            code: finding.rule,
            severity: serde_json::to_value(finding.severity)
                .ok()
                .and_then(|name| Some(name.as_str()?.to_owned()))
                .unwrap_or_default(),
            message: finding.message.clone(),
            symbol: finding.symbol_path.clone(),
            range: Range::of(lines, text, finding.span),
            fixable: !finding.repairs.is_empty(),
        }
    }
}

/// What is wrong with a text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Diagnostics {
    /// In the order of their places.
    diagnostics: Vec<Diagnostic>,
}

/// A definition.
#[derive(Debug, Serialize, ToSchema)]
#[schema(no_recursion)]
pub(crate) struct Symbol {
    /// Its name.
    name: String,
    /// What it is.
    #[schema(example = "function")]
    kind: String,
    /// Its signature in short.
    detail: String,
    /// All of it.
    range: Range,
    /// Its members.
    children: Vec<Symbol>,
}

impl Symbol {
    fn of(lines: &LineIndex, text: &str, item: &OutlineItem) -> Self {
        Self {
            name: item.name.clone(),
            kind: item.kind.word().to_owned(),
            detail: item.detail.clone(),
            range: Range::of(lines, text, item.span),
            children: item.children.iter().map(|child| Self::of(lines, text, child)).collect(),
        }
    }
}

/// What is defined in a text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Symbols {
    /// In their order.
    symbols: Vec<Symbol>,
}

/// A text that was changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Changed {
    /// The text from now on; as it was where nothing was to be done.
    text: String,
    /// Docstrings that were written.
    written: usize,
    /// Findings that were mended.
    mended: usize,
    /// What is wrong still.
    diagnostics: Vec<Diagnostic>,
}

impl Changed {
    fn of(report: FileChangeReport) -> Result<Self, Problem> {
        refused(report.problem.as_ref().map(|problem| problem.message.as_str()))?;
        let diagnostics =
            report.findings.iter().map(|finding| Diagnostic::of(&report.lines, &report.after, finding)).collect();
        Ok(Self { text: report.after.to_string(), written: report.written, mended: report.mended, diagnostics })
    }
}

fn refused(problem: Option<&str>) -> Result<(), Problem> {
    problem.map_or(Ok(()), |message| Err(Problem::new(Kind::Refused, message)))
}

/// What is wrong with a text.
#[utoipa::path(post, path = "/documents/diagnostics", tag = "documents", operation_id = "documents.diagnostics",
    extensions(("x-group" = json!("documents.run"))), request_body = Text, responses(
    (status = 200, description = "The findings", body = Diagnostics),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 413, description = "Too large", body = ProblemBody), (status = 415, description = "No JSON", body = ProblemBody),
    (status = 422, description = "A language that is not supported", body = ProblemBody)))]
pub(crate) async fn diagnostics(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Valid(body): Valid<Text>,
) -> Result<Json<Diagnostics>, Problem> {
    let name = body.name(&gateway, "")?;
    let text: Arc<str> = body.text.into();
    let report = gateway.core(&principal.account.id).check(name, text.clone()).await?;
    refused(report.problem.as_ref().map(|problem| problem.message.as_str()))?;
    let found = report.findings.iter().map(|finding| Diagnostic::of(&report.lines, &report.text, finding));
    Ok(Json(Diagnostics { diagnostics: found.collect() }))
}

/// What is defined in a text.
#[utoipa::path(post, path = "/documents/symbols", tag = "documents", operation_id = "documents.symbols",
    extensions(("x-group" = json!("documents.run"))), request_body = Text, responses(
    (status = 200, description = "The definitions", body = Symbols),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 413, description = "Too large", body = ProblemBody), (status = 415, description = "No JSON", body = ProblemBody),
    (status = 422, description = "A language that is not supported", body = ProblemBody)))]
pub(crate) async fn symbols(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Valid(body): Valid<Text>,
) -> Result<Json<Symbols>, Problem> {
    let name = body.name(&gateway, "")?;
    let text: Arc<str> = body.text.into();
    let items = gateway.core(&principal.account.id).outline_of(name, text.clone()).await?;
    let lines = LineIndex::new(&text);
    Ok(Json(Symbols { symbols: items.iter().map(|item| Symbol::of(&lines, &text, item)).collect() }))
}

/// The text with the documentation that it lacks.
#[utoipa::path(post, path = "/documents/document", tag = "documents", operation_id = "documents.document",
    extensions(("x-group" = json!("documents.run"))), request_body = Text, responses(
    (status = 200, description = "The text", body = Changed),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 413, description = "Too large", body = ProblemBody), (status = 415, description = "No JSON", body = ProblemBody),
    (status = 422, description = "A language that is not supported", body = ProblemBody)))]
pub(crate) async fn write(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Valid(body): Valid<Text>,
) -> Result<Json<Changed>, Problem> {
    let name = body.name(&gateway, "")?;
    let report = gateway.core(&principal.account.id).document(name, body.text.into()).await?;
    Changed::of(report).map(Json)
}

/// The text with its documentation made true again.
#[utoipa::path(post, path = "/documents/update-docs", tag = "documents", operation_id = "documents.update_docs",
    extensions(("x-group" = json!("documents.run"))), request_body = Text, responses(
    (status = 200, description = "The text", body = Changed),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 413, description = "Too large", body = ProblemBody), (status = 415, description = "No JSON", body = ProblemBody),
    (status = 422, description = "A language that is not supported", body = ProblemBody)))]
pub(crate) async fn update(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Valid(body): Valid<Text>,
) -> Result<Json<Changed>, Problem> {
    let name = body.name(&gateway, "")?;
    let report = gateway.core(&principal.account.id).update_docs(name, body.text.into()).await?;
    Changed::of(report).map(Json)
}
