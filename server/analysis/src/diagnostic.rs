//! A finding and what would mend it, as plain data.

use syntax::docstring::EntryKind;
use syntax::text::Span;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Wrong.
    Error,
    /// Very likely wrong.
    Warning,
    /// Worth knowing.
    Info,
    /// A suggestion.
    Hint,
}

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule's name, kebab-case: `param-renamed`.
    pub rule: &'static str,
    /// Index of the symbol in the model; 0 is the module.
    pub symbol: usize,
    /// The symbol's path (`Class.method`); empty for the module.
    pub symbol_path: String,
    /// Names concerned: parameters, exceptions, …
    pub names: Vec<String>,
    /// After profile and settings.
    pub severity: Severity,
    /// One sentence that says what is wrong, ending with a full stop.
    pub message: String,
    /// What to underline: the entry or the name, never a whole function.
    pub span: Span,
    /// Other places that explain it: the parameter in the signature, the raise.
    pub related: Vec<Related>,
    /// What mends it; empty where nothing can be done by a machine.
    pub repairs: Vec<Repair>,
    /// The repairs may be wrong: a person can choose them, but nothing makes them unasked.
    pub needs_choice: bool,
    /// How an editor may show it.
    pub tag: Option<FindingTag>,
}

impl Finding {
    /// A finding about `symbol`; its rule and severity are filled in by the one who collects it.
    pub fn new(symbol: usize, symbol_path: &str, span: Span, message: impl Into<String>) -> Self {
        Self {
            rule: "",
            symbol,
            symbol_path: symbol_path.to_owned(),
            names: Vec::new(),
            severity: Severity::Hint,
            message: message.into(),
            span,
            related: Vec::new(),
            repairs: Vec::new(),
            needs_choice: false,
            tag: None,
        }
    }

    /// Adds a name that is concerned.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }

    /// Adds names that are concerned.
    pub fn names<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.names.extend(names.into_iter().map(Into::into));
        self
    }

    /// Adds what mends it.
    pub fn repair(mut self, repair: Repair) -> Self {
        self.repairs.push(repair);
        self
    }

    /// Leaves the repairs to a person's choice, unless they are certain.
    pub fn chosen_unless(mut self, is_certain: bool) -> Self {
        self.needs_choice = !is_certain;
        self
    }

    /// Whether its repairs may be made without asking.
    pub fn is_mended_unasked(&self) -> bool {
        !self.repairs.is_empty() && !self.needs_choice && !self.repairs.contains(&Repair::Draft)
    }

    /// Adds a place that explains it.
    pub fn related(mut self, span: Span, message: impl Into<String>) -> Self {
        self.related.push(Related { span, message: message.into() });
        self
    }

    /// Sets how an editor may show it.
    pub fn tagged(mut self, tag: FindingTag) -> Self {
        self.tag = Some(tag);
        self
    }
}

/// A place that explains a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// The place.
    pub span: Span,
    /// What is to be seen there, a short phrase.
    pub message: String,
}

/// How an editor may show a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingTag {
    /// Faded: the entry speaks of something that is gone.
    Unnecessary,
    /// Struck through.
    Deprecated,
}

/// What to do to the documentation of a finding's symbol. Entry numbers index [`syntax::docstring::Docstring::entries`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Write documentation where there is none, or in place of an empty one.
    Draft,
    /// Document the parameter (index in the symbol's parameters) at its place.
    AddParam { param: usize },
    /// Document a field of a destructured parameter: `opts.x`.
    AddParamField { param: usize, field: usize },
    /// Document the generic parameter (index in the symbol's).
    AddTypeParam { type_param: usize },
    /// Give one name of an entry another spelling, in back-ticked prose too.
    RenameName { entry: usize, name: usize, to: String },
    /// Drop one name of an entry, and the entry and its section when nothing is left.
    RemoveName { entry: usize, name: usize },
    /// Drop an entry, and its section when nothing is left.
    RemoveEntry { entry: usize },
    /// Put the parameters' entries into the order of the signature.
    OrderParams,
    /// Give an entry this type.
    SetType { entry: usize, to: String },
    /// State this default.
    SetDefault { entry: usize, to: String },
    /// Document the returned value.
    AddReturn,
    /// Document the yielded value.
    AddYield,
    /// Turn what is said of one kind into another: returns into yields.
    Retitle { from: EntryKind, to: EntryKind },
    /// Drop all that is said of a kind.
    RemoveKind { kind: EntryKind },
    /// Document an exception (index in the facts' throws).
    AddRaise { throw: usize },
    /// Document a rejection (index in the facts' rejects).
    AddReject { reject: usize },
    /// Write the section on panics, errors or safety.
    AddSection { kind: EntryKind },
    /// Document an attribute: index of the member in the model's symbols, or a name assigned in the constructor.
    AddAttribute { name: String },
    /// Replace these bytes, which lie inside the documentation.
    Replace { span: Span, to: String },
}
