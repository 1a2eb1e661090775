//! Documentation comments: what is in them, and how to change them without touching a byte that need not change.
//!
//! A docstring is parsed into [`Docstring`] (data only); [`editor::DocEditor`] changes one in place; [`render`] writes a new one.
//! This module never invents text: words come from the caller.

pub mod block;
mod canon;
mod code;
pub mod convert;
pub mod editor;
mod escape;
mod flow;
pub mod jsdoc;
#[cfg(test)]
mod laws;
pub mod markdown;
pub mod prose;
pub mod python;
pub mod render;
mod scan;
mod shape;
#[cfg(test)]
mod sketch;
mod wrap;

use crate::text::Span;
use std::ops::Range;

/// A convention for documentation comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DocStyle {
    /// Google: `Args:` and indented entries.
    Google,
    /// NumPy: underlined section titles.
    Numpy,
    /// reStructuredText fields: `:param x:`.
    Sphinx,
    /// Epydoc fields: `@param x:` in a Python string; read, never chosen for new text.
    Epydoc,
    /// JSDoc block tags: `@param {type} x - text`.
    Jsdoc,
    /// TSDoc: `@param x - text`, no types.
    Tsdoc,
    /// rustdoc: Markdown with `# Errors`, `# Panics`, `# Safety`.
    Rustdoc,
    /// godoc: plain paragraphs, `Deprecated:`.
    Godoc,
    /// Prose only: no section or tag gives the style away.
    Plain,
}

impl DocStyle {
    /// All styles, in the order in which they are listed to users.
    pub const ALL: [DocStyle; 9] = [
        Self::Google,
        Self::Numpy,
        Self::Sphinx,
        Self::Epydoc,
        Self::Jsdoc,
        Self::Tsdoc,
        Self::Rustdoc,
        Self::Godoc,
        Self::Plain,
    ];

    /// The name in settings: `google`, `numpy`, …
    pub fn name(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Numpy => "numpy",
            Self::Sphinx => "sphinx",
            Self::Epydoc => "epydoc",
            Self::Jsdoc => "jsdoc",
            Self::Tsdoc => "tsdoc",
            Self::Rustdoc => "rustdoc",
            Self::Godoc => "godoc",
            Self::Plain => "plain",
        }
    }

    /// The style of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|style| style.name() == name)
    }
}

/// How the comment is written down.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CommentForm {
    /// A Python string statement; `prefix` is `r`, `u`, … or empty, `quote` is `"""`, `'''`, `"` or `'`.
    PythonString {
        /// Letters before the quote.
        prefix: String,
        /// The quote.
        quote: String,
    },
    /// `/** … */`: lines may begin with ` * `.
    Block {
        /// `/**`, `/*!`.
        open: String,
    },
    /// Each line begins with the marker: `///`, `//!`, `//`, `#`.
    Lines {
        /// The marker.
        marker: String,
    },
}

/// A documentation comment cut into its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocBlock {
    /// First to last byte, delimiters included. For [`CommentForm::Lines`] from the first marker to the end of the last line (line break excluded).
    pub span: Span,
    /// How it is written.
    pub form: CommentForm,
    /// White space before the first line of the block.
    pub indent: String,
    /// The content lines: without delimiters, markers, common indentation and line breaks. The first line may share its line with the opening delimiter.
    pub lines: Vec<DocLine>,
}

/// One content line of a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocLine {
    /// The content after marker and common indentation, trailing white space excluded. Empty span for a blank line.
    pub span: Span,
    /// The whole physical line (line break excluded) that the content stands on, clipped to the block.
    pub physical: Span,
}

/// A parsed documentation comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Docstring {
    /// Where and how it is written.
    pub block: DocBlock,
    /// Its own style; [`DocStyle::Plain`] where it shows none.
    pub style: DocStyle,
    /// Lines of the first paragraph; empty where there is no prose.
    pub summary: Range<usize>,
    /// Sections in order. JSDoc, TSDoc, Sphinx and Epydoc have none: there each entry is a tag or field.
    pub sections: Vec<Section>,
    /// Entries in source order, of all sections and all tags.
    pub entries: Vec<Entry>,
    /// Names in back-ticks, links and roles, outside of examples.
    pub mentions: Vec<Mention>,
    /// Example code.
    pub examples: Vec<Example>,
    /// Tags and sections that could not be read.
    pub problems: Vec<DocProblem>,
    /// `@inheritDoc`, `{@inheritdoc}`, `inherit`: the text comes from elsewhere, nothing is to be said.
    pub inherits: bool,
}

/// What a section or an entry speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A parameter (`Args`, `Parameters`, `Other Parameters`, `Keyword Args`, `@param`, `:param`).
    Param,
    /// A generic parameter (`@template`, `@typeParam`).
    TypeParam,
    /// The returned value.
    Return,
    /// The yielded value.
    Yield,
    /// The value received by `yield` (NumPy `Receives`).
    Receive,
    /// An exception (`Raises`, `@throws`, rustdoc `# Errors`).
    Raise,
    /// A warning category (`Warns`).
    Warn,
    /// A promise's rejection (`@rejects`).
    Reject,
    /// An attribute or property of a type.
    Attribute,
    /// A method in a class's list of methods.
    Method,
    /// When it panics.
    Panic,
    /// What an unsafe caller must uphold.
    Safety,
    /// An example.
    Example,
    /// A deprecation notice.
    Deprecated,
    /// Any other section or tag (`Note`, `See Also`, `@since`, …).
    Other,
}

/// A titled part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What it speaks of.
    pub kind: EntryKind,
    /// The title as written, without `:`, `#` or underline.
    pub title: String,
    /// Where the title stands.
    pub title_span: Span,
    /// Title and underline lines.
    pub header: Range<usize>,
    /// All lines, the header included, trailing blank lines excluded.
    pub lines: Range<usize>,
    /// Its entries in [`Docstring::entries`].
    pub entries: Range<usize>,
}

/// One documented thing: a parameter, a return value, an exception, …
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it speaks of.
    pub kind: EntryKind,
    /// Index of its section, for section styles.
    pub section: Option<usize>,
    /// The tag or field as written without `@` and colons: `param`, `arg`, `returns`; `None` for section styles.
    pub tag: Option<String>,
    /// Where the tag's name stands.
    pub tag_span: Option<Span>,
    /// The names. NumPy and Google group them: `x, y : array_like`. Dotted for nested ones (`opts.x`). Empty for unnamed returns.
    pub names: Vec<EntryName>,
    /// The type as written, without its brackets or braces, `optional` and defaults taken out.
    pub type_text: Option<TypeMention>,
    /// Marked as optional (`, optional`, `[x]`).
    pub optional: bool,
    /// The default that the entry states (`, default: 5`, `[x=5]`, "Defaults to 5.", "Default is 5").
    pub default: Option<DefaultMention>,
    /// The description's text, lines joined by a space.
    pub description: String,
    /// Where the description stands (first to last byte; may cover prefixes of later lines). Empty at the entry's end where there is none.
    pub description_span: Span,
    /// Its lines.
    pub lines: Range<usize>,
}

/// A name of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryName {
    /// Without stars, escapes (`\_`) and brackets.
    pub name: String,
    /// The bytes to replace to rename it: the bare name, stars excluded (escapes included).
    pub span: Span,
    /// Leading stars as written: ``, `*`, `**`, `...`.
    pub stars: String,
}

/// A type in an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeMention {
    /// As written.
    pub text: String,
    /// The bytes to replace; for a separate `:type x:` field the bytes after its colon.
    pub span: Span,
}

/// A default in an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultMention {
    /// The value as written, back-ticks and a final full stop taken off.
    pub value: String,
    /// The bytes of `value`.
    pub span: Span,
}

/// How a name is marked in prose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MentionKind {
    /// One or two back-ticks.
    Code,
    /// `{@link x}`, `[`x`]`, `[x]`.
    Link,
    /// A Sphinx role: ``:func:`x` ``.
    Role,
}

/// A marked name in prose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The text inside the marks.
    pub text: String,
    /// The bytes of `text`.
    pub span: Span,
    /// How it is marked.
    pub kind: MentionKind,
    /// The role's name for [`MentionKind::Role`].
    pub role: Option<String>,
}

/// Example code in a docstring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The code, one line each, prompts (`>>>`, `...`) taken off; output lines left out.
    pub code: String,
    /// Lines of the docstring.
    pub lines: Range<usize>,
}

/// Something in a docstring that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocProblem {
    /// What is wrong.
    pub kind: DocProblemKind,
    /// Its place.
    pub span: Span,
}

/// Why a part could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocProblemKind {
    /// A tag that no dialect knows; the parser reports all tags outside its list, the rule subtracts what the repository uses.
    UnknownTag {
        /// As written, without `@` or colons.
        tag: String,
        /// The nearest known tag, if one is near.
        nearest: Option<String>,
    },
    /// A section title with text that does not fit its kind.
    UnparsableSection {
        /// The title.
        title: String,
        /// One sentence on what was expected.
        reason: String,
    },
}

impl Docstring {
    /// The same documentation, read where it began at byte `from`, in a text in which it begins at `to`.
    pub(crate) fn moved(mut self, from: usize, to: usize) -> Self {
        // Nothing in it begins before the line that it begins on, so that adding first keeps every number positive.
        let shift = |span: &mut Span| *span = Span::new(span.start + to - from, span.end + to - from);
        shift(&mut self.block.span);
        for line in &mut self.block.lines {
            shift(&mut line.span);
            shift(&mut line.physical);
        }
        self.sections.iter_mut().for_each(|section| shift(&mut section.title_span));
        for entry in &mut self.entries {
            entry.tag_span.iter_mut().for_each(shift);
            entry.names.iter_mut().for_each(|name| shift(&mut name.span));
            entry.type_text.iter_mut().for_each(|type_text| shift(&mut type_text.span));
            entry.default.iter_mut().for_each(|default| shift(&mut default.span));
            shift(&mut entry.description_span);
        }
        self.mentions.iter_mut().for_each(|mention| shift(&mut mention.span));
        self.problems.iter_mut().for_each(|problem| shift(&mut problem.span));
        self
    }

    /// Entries of one kind, with their indices.
    pub fn entries_of(&self, kind: EntryKind) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate().filter(move |(_, entry)| entry.kind == kind)
    }

    /// Whether anything is said about `kind`: an entry or a section with text.
    pub fn speaks_of(&self, kind: EntryKind) -> bool {
        self.entries.iter().any(|entry| entry.kind == kind) || self.sections.iter().any(|section| section.kind == kind)
    }

    /// Whether it has any section or tag at all.
    pub fn is_structured(&self) -> bool {
        !self.sections.is_empty() || !self.entries.is_empty()
    }

    /// The text of the first paragraph, lines joined by a space.
    pub fn summary_text(&self, text: &str) -> String {
        let lines = self.block.lines.get(self.summary.clone()).unwrap_or(&[]);
        let words = lines.iter().map(|line| line.span.of(text).trim()).collect::<Vec<_>>().join(" ");
        // Where there is no prose before the tags, the paragraph of `@description` or `@summary` stands for it.
        let tag = ["@description ", "@summary ", "@desc "].iter().find(|tag| words.starts_with(**tag));
        tag.map_or(words.as_str(), |tag| words.get(tag.len()..).unwrap_or("").trim_start()).to_owned()
    }
}

/// Reads the documentation comment at `span`.
///
/// `hint` is the language's family of styles: for Python strings Google, NumPy, Sphinx and Epydoc compete and the hint breaks a tie;
/// for the others the hint decides.
pub fn parse(text: &str, span: Span, form: CommentForm, hint: DocStyle) -> Docstring {
    let block = block::read(text, span, form);
    match hint {
        DocStyle::Google | DocStyle::Numpy | DocStyle::Sphinx | DocStyle::Epydoc | DocStyle::Plain => {
            python::parse(text, block, hint)
        }
        DocStyle::Jsdoc | DocStyle::Tsdoc => jsdoc::parse(text, block, hint),
        DocStyle::Rustdoc | DocStyle::Godoc => markdown::parse(text, block, hint),
    }
}

/// One entry to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryDraft {
    /// Name with its stars (`*args`); empty for an unnamed return.
    pub name: String,
    /// Type as it should be shown.
    pub type_text: Option<String>,
    /// May be left out.
    pub optional: bool,
    /// Default as written in code.
    pub default: Option<String>,
    /// Description: one or more sentences, no line breaks.
    pub text: String,
}

/// A whole docstring to be written: words and facts, no layout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocDraft {
    /// First sentence, full stop included.
    pub summary: String,
    /// Further paragraphs.
    pub details: Vec<String>,
    /// Generic parameters.
    pub type_params: Vec<EntryDraft>,
    /// Parameters in order.
    pub params: Vec<EntryDraft>,
    /// Attributes of a type.
    pub attributes: Vec<EntryDraft>,
    /// Returned value.
    pub returns: Option<EntryDraft>,
    /// Yielded value.
    pub yields: Option<EntryDraft>,
    /// Exceptions: `name` is the type. For rustdoc the texts become `# Errors`.
    pub raises: Vec<EntryDraft>,
    /// Rejections of a promise.
    pub rejects: Vec<EntryDraft>,
    /// Text of `# Panics`.
    pub panics: Vec<String>,
    /// Text of `# Safety`.
    pub safety: Option<String>,
    /// Deprecation notice.
    pub deprecated: Option<String>,
}

/// How a new comment is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How it is written down.
    pub form: CommentForm,
    /// White space in front of each line.
    pub indent: String,
    /// One level of indentation inside the comment.
    pub indent_unit: String,
    /// `\n` or `\r\n`.
    pub eol: String,
    /// Column to wrap prose at, in characters; counted from the start of the line.
    pub width: usize,
    /// Write types into entries (left out where the signature has them and the style's neighbours do so).
    pub with_types: bool,
}
