//! What is known of one file, as plain data: its symbols, their signatures, their documentation and what their bodies do.
//!
//! Rules, actions and doors read this and never a syntax tree. All spans are bytes of [`FileModel::text`].

use crate::docstring::Docstring;
use crate::language::Language;
use crate::text::{LineIndex, Span};
use std::sync::Arc;

/// The model of one version of one file.
#[derive(Clone, Debug)]
pub struct FileModel {
    /// The language it was read as.
    pub language: &'static Language,
    /// The text that all spans refer to.
    pub text: Arc<str>,
    /// Lines of the text.
    pub lines: Arc<LineIndex>,
    /// All symbols in source order, outer before inner. Index 0 is always the file itself ([`SymbolKind::Module`]).
    pub symbols: Vec<Symbol>,
    /// Places that do not parse.
    pub syntax_errors: Vec<SyntaxError>,
    /// Matches of `smells.scm`.
    pub smells: Vec<Smell>,
    /// `TODO`, `FIXME`, `XXX`, `HACK` marks in comments.
    pub todos: Vec<Todo>,
    /// String literals that stand as a value (for secret scanning).
    pub literals: Vec<NamedLiteral>,
    /// Comments that switch rules off.
    pub suppressions: Vec<Suppression>,
    /// Names that the file exports explicitly (`__all__`, `export {…}`); empty where the language has no such list.
    pub exports: Vec<String>,
    /// What the code is without its documentation; there only where the reader asked for it, because edits are to be proved.
    pub code: Option<crate::extract::CodeFingerprint>,
}

/// What kind of thing a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SymbolKind {
    /// The file.
    Module,
    /// A class.
    Class,
    /// An interface, protocol or trait.
    Interface,
    /// A struct or record.
    Struct,
    /// An enumeration.
    Enum,
    /// One case of an enumeration.
    Variant,
    /// An implementation block; never documented itself.
    Impl,
    /// A namespace or inner module.
    Namespace,
    /// A free function.
    Function,
    /// A function that belongs to a type.
    Method,
    /// What makes an instance (`__init__`, `constructor`, `NewX`).
    Constructor,
    /// A getter, setter or property function.
    Property,
    /// A field or attribute of a type.
    Field,
    /// A constant or variable of the module.
    Constant,
    /// A type alias.
    TypeAlias,
    /// A macro.
    Macro,
}

impl SymbolKind {
    /// Whether it has parameters and a body.
    pub fn is_callable(self) -> bool {
        matches!(self, Self::Function | Self::Method | Self::Constructor | Self::Property | Self::Macro)
    }

    /// Whether it is a type with members.
    pub fn is_type(self) -> bool {
        matches!(self, Self::Class | Self::Interface | Self::Struct | Self::Enum)
    }

    /// The word for it in messages: "function", "class", …
    pub fn word(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Class => "class",
            Self::Interface => "interface",
            Self::Struct => "struct",
            Self::Enum => "enum",
            Self::Variant => "variant",
            Self::Impl => "impl",
            Self::Namespace => "namespace",
            Self::Function => "function",
            Self::Method => "method",
            Self::Constructor => "constructor",
            Self::Property => "property",
            Self::Field => "field",
            Self::Constant => "constant",
            Self::TypeAlias => "type alias",
            Self::Macro => "macro",
        }
    }
}

/// Who may use a symbol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Visibility {
    /// Nobody outside its scope (`_x`, `#x`, no `pub`, lower case in Go).
    Private,
    /// Subclasses or the package (`protected`, `pub(crate)`).
    Restricted,
    /// Everybody.
    #[default]
    Public,
}

/// Yes-or-no facts of a symbol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SymbolFlags {
    /// `async`.
    pub is_async: bool,
    /// A generator by declaration (`function*`) or because its body yields.
    pub is_generator: bool,
    /// `@staticmethod`, `static`, an associated function without `self`.
    pub is_static: bool,
    /// `@classmethod`.
    pub is_class_method: bool,
    /// Abstract, a protocol member, a trait method without body.
    pub is_abstract: bool,
    /// Body is only `...`, `pass`, `raise NotImplementedError`, or missing.
    pub is_stub: bool,
    /// Marked as overriding (`@override`, `override`), or in a trait impl.
    pub is_override: bool,
    /// One signature of an overload group (`@overload`, a TypeScript signature without body).
    pub is_overload: bool,
    /// `unsafe fn`.
    pub is_unsafe: bool,
    /// A test function or in a test module.
    pub is_test: bool,
    /// A getter or `@property`.
    pub is_getter: bool,
    /// A setter or deleter.
    pub is_setter: bool,
    /// Deprecated by decorator or attribute.
    pub is_deprecated: bool,
    /// Exported (`export`, listed in `__all__`).
    pub is_exported: bool,
    /// Nested in a function body.
    pub is_local: bool,
    /// A comment on the group it is declared in speaks for it (`const ( … )`), so it may do without one of its own.
    pub in_documented_group: bool,
    /// An attribute documents it (`#[doc = "…"]`) or hides it from documentation, or its overloads are documented:
    /// no comment is owed, and none is to be written.
    pub owes_no_doc: bool,
}

/// One definition.
#[derive(Clone, Debug)]
pub struct Symbol {
    /// What it is.
    pub kind: SymbolKind,
    /// Its own name; empty for an anonymous default export.
    pub name: String,
    /// The name with its owners: `Class.method`, `Type::method` is written `Type.method` too.
    pub path: String,
    /// Index of the owner in [`FileModel::symbols`]; `None` for the module.
    pub parent: Option<usize>,
    /// The whole definition with decorators, without its leading documentation comment.
    pub span: Span,
    /// The name.
    pub name_span: Span,
    /// From the first token of the definition (after decorators) to the start of the body.
    pub signature: Span,
    /// The body, braces included where there are any.
    pub body: Option<Span>,
    /// Who may use it; a private owner makes its members private.
    pub visibility: Visibility,
    /// Yes-or-no facts.
    pub flags: SymbolFlags,
    /// Parameters in order, receiver (`self`, `cls`, `this`) left out.
    pub params: Vec<Param>,
    /// Generic parameters: `T`, `K`, …; lifetimes left out.
    pub type_params: Vec<TypeParam>,
    /// The declared return type as written, without `->` or `:`.
    pub return_type: Option<Spanned>,
    /// Decorators or attributes as written, without `@` or `#[…]`.
    pub decorators: Vec<String>,
    /// Base classes, traits and interfaces as written.
    pub bases: Vec<String>,
    /// The declared type of a field, constant or property, as written.
    pub value_type: Option<Spanned>,
    /// The initial value of a field or constant, as written.
    pub value: Option<Spanned>,
    /// The receiver as written (`self`, `&mut self`, `s *Server`), where there is one.
    pub receiver: Option<String>,
    /// Its documentation.
    pub doc: Option<Docstring>,
    /// Where documentation would go, if there is none.
    pub doc_slot: DocSlot,
    /// What the body does; `None` where it was not asked for (see [`crate::extract::Depth`]) or there is no body.
    pub facts: Option<BodyFacts>,
}

/// A piece of text and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spanned {
    /// The text.
    pub text: String,
    /// Its place.
    pub span: Span,
}

/// Where a new documentation comment goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocSlot {
    /// Byte where the text is inserted. For [`Placement::Before`] it is the first byte of the line of the definition's first token
    /// (decorators included, `export` included); for [`Placement::Inside`] it is the first byte of the body's first statement.
    pub offset: usize,
    /// White space in front of each line of the comment.
    pub indent: String,
    /// Before the definition or inside its body.
    pub placement: Placement,
    /// False where no comment can be put safely (several definitions on a line, a body on the line of the signature, broken code).
    pub usable: bool,
}

/// On which side of the signature documentation stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Placement {
    /// A comment before the definition.
    #[default]
    Before,
    /// A string as the first statement of the body.
    Inside,
}

/// How a parameter takes its arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ParamKind {
    /// By position or by name.
    #[default]
    Normal,
    /// Only by position (before `/`).
    PositionalOnly,
    /// Only by name (after `*`).
    KeywordOnly,
    /// `*args`, `...rest`, variadic.
    Rest,
    /// `**kwargs`.
    KeywordRest,
    /// A destructured pattern without a name of its own; its fields are in [`Param::fields`].
    Pattern,
}

/// One parameter.
#[derive(Clone, Debug, Default)]
pub struct Param {
    /// Name without stars; for [`ParamKind::Pattern`] the empty string.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// How it takes arguments.
    pub kind: ParamKind,
    /// Declared type as written.
    pub type_text: Option<Spanned>,
    /// Default value as written.
    pub default: Option<Spanned>,
    /// May be left out (`x?: T`, a default, `Option` is not counted).
    pub optional: bool,
    /// Names bound by a destructured pattern, nested ones dotted: `opts.x`.
    pub fields: Vec<ParamField>,
    /// A constructor parameter that is a property too (`private x: T` in TypeScript).
    pub is_property: bool,
}

/// One name bound by a destructured parameter.
#[derive(Clone, Debug, Default)]
pub struct ParamField {
    /// The property's key, nested ones dotted.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// Default value as written.
    pub default: Option<Spanned>,
    /// Takes all other properties (`...rest`).
    pub is_rest: bool,
}

/// One generic parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeParam {
    /// Name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// Bound as written.
    pub bound: Option<String>,
}

/// What a body does. Nested functions and classes are not counted.
#[derive(Clone, Debug, Default)]
pub struct BodyFacts {
    /// `return` statements and an expression body.
    pub returns: Vec<ReturnFact>,
    /// `yield` expressions.
    pub yields: Vec<YieldFact>,
    /// Exceptions that leave the body by a `throw`/`raise` in it (those caught inside are left out), assertions apart.
    pub throws: Vec<ThrowFact>,
    /// Exception types that the body's handlers catch.
    pub catches: Vec<String>,
    /// Calls that can panic (`unwrap`, `expect`, `panic!`, `assert!`, Go's `panic`), `debug_assert!`, `unreachable!` and tests left out.
    pub panics: Vec<PanicFact>,
    /// `Promise.reject(…)` or a throw in an async function.
    pub rejects: Vec<ThrowFact>,
    /// `self.x = …` / `this.x = …` assignments.
    pub assigned_attributes: Vec<Spanned>,
    /// Names of called functions as written (`os.path.join`), each once.
    pub calls: Vec<String>,
    /// The end can be reached without a return (falls through).
    pub falls_through: bool,
    /// Cyclomatic complexity (McCabe 1976): one and one more for each branch.
    pub cyclomatic: u32,
    /// Cognitive complexity (Campbell, SonarSource 2018).
    pub cognitive: u32,
}

/// One `return`.
#[derive(Clone, Debug, Default)]
pub struct ReturnFact {
    /// The statement.
    pub span: Span,
    /// The value as written; `None` for a bare return. `None`/`undefined`/`()` is a value as written.
    pub value: Option<Spanned>,
}

impl ReturnFact {
    /// Whether a caller gets something: not bare, not `None`, `undefined`, `void …`, `()`.
    pub fn has_value(&self) -> bool {
        self.value.as_ref().is_some_and(|value| {
            let text = value.text.trim();
            !matches!(text, "None" | "undefined" | "()" | "") && !text.starts_with("void ")
        })
    }
}

/// One `yield`.
#[derive(Clone, Debug, Default)]
pub struct YieldFact {
    /// The expression.
    pub span: Span,
    /// The value as written.
    pub value: Option<String>,
    /// `yield from` / `yield*`.
    pub delegates: bool,
}

/// One exception that leaves.
#[derive(Clone, Debug, Default)]
pub struct ThrowFact {
    /// Type name as written without its arguments (`ValueError`, `errors.NotFound`); empty where it is not known.
    pub type_name: String,
    /// The statement.
    pub span: Span,
    /// The condition of the nearest `if` around it that decides, as written and negated where it stands in the else branch ("not …").
    pub condition: Option<String>,
    /// The message literal given, without quotes, if it is a plain string.
    pub message: Option<String>,
    /// Raised again from a handler (`raise` or `raise e`); the type is then the handler's.
    pub is_rethrow: bool,
}

/// One call that can panic.
#[derive(Clone, Debug, Default)]
pub struct PanicFact {
    /// `unwrap`, `expect`, `panic!`, `assert!`, …
    pub call: String,
    /// The call.
    pub span: Span,
    /// The deciding condition as for [`ThrowFact::condition`].
    pub condition: Option<String>,
    /// The message, if it is a plain string.
    pub message: Option<String>,
}

/// A place that does not parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The unexpected text, or an empty span where something is missing.
    pub span: Span,
    /// What is missing, as the grammar names it; `None` for unexpected text.
    pub missing: Option<String>,
}

/// A match of `smells.scm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smell {
    /// The rule that it belongs to: `injection-risk`, `unsafe-eval`.
    pub rule: String,
    /// Its place.
    pub span: Span,
    /// What was found, for the message: "SQL built with an f-string".
    pub note: String,
}

/// A mark in a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Todo {
    /// `TODO`, `FIXME`, `XXX`, `HACK`.
    pub mark: String,
    /// The text behind it to the end of the line.
    pub text: String,
    /// The mark and its text.
    pub span: Span,
}

/// A string literal that is the value of a name, or stands in a call, a list or a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedLiteral {
    /// The variable, key or keyword argument; empty for a value without a name.
    pub name: String,
    /// The literal without quotes.
    pub value: String,
    /// The literal with quotes.
    pub span: Span,
}

/// A comment that switches rules off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Codes as written (`missing-doc`, `DOC101`, `jsdoc/require-param`, `missing_docs`); empty means all.
    pub codes: Vec<String>,
    /// Who reads such a comment: `doc-ignore`, `noqa`, `eslint-disable`, `allow`.
    pub dialect: String,
    /// Where it holds: a finding that starts in it is dropped.
    pub scope: Span,
    /// The comment.
    pub span: Span,
}

impl FileModel {
    /// The innermost symbol (never the module) whose span, or whose documentation, touches `offset`.
    pub fn symbol_at(&self, offset: usize) -> Option<usize> {
        (1..self.symbols.len())
            .filter(|&index| self.symbols[index].extent().touches(offset))
            .min_by_key(|&index| self.symbols[index].extent().len())
    }

    /// The members of a symbol.
    pub fn children(&self, parent: usize) -> impl Iterator<Item = (usize, &Symbol)> {
        self.symbols.iter().enumerate().filter(move |(_, symbol)| symbol.parent == Some(parent))
    }
}

impl Symbol {
    /// The definition together with its documentation.
    pub fn extent(&self) -> Span {
        match &self.doc {
            Some(doc) => Span::new(self.span.start.min(doc.block.span.start), self.span.end.max(doc.block.span.end)),
            None => self.span,
        }
    }
}
