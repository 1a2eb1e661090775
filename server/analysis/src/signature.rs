//! Which parameters a docstring speaks of: the function's own, those of a class's constructor, the fields of a record.

use crate::context::DocContext;
use std::borrow::Cow;
use syntax::docstring::{Docstring, EntryKind};
use syntax::model::{Param, ParamKind, Symbol, SymbolKind};

/// The parameters that a docstring speaks of.
pub struct Signature<'a> {
    /// The symbol that has them: the function itself, or the constructor of a documented class.
    pub owner: usize,
    /// The parameters.
    pub params: Cow<'a, [Param]>,
    /// Further names that may be documented: parameters of the other overloads.
    pub known: Vec<&'a str>,
    /// Names documented in a place of equal rank: the class's text for its constructor, the other overloads' texts.
    pub documented_elsewhere: Vec<&'a str>,
    /// Takes names that it does not list.
    pub is_open: bool,
}

/// What the parameters of a docstring are to be compared with.
pub fn signature<'a>(doc: &DocContext<'a>) -> Option<Signature<'a>> {
    let (file, index, symbol) = (doc.file, doc.index, doc.symbol);
    if symbol.kind.is_type() {
        return class_signature(doc);
    }
    if !symbol.kind.is_callable() || symbol.kind == SymbolKind::Macro {
        return None;
    }
    if symbol.kind == SymbolKind::Property && symbol.params.is_empty() {
        return None;
    }
    let mut known = Vec::new();
    let mut documented_elsewhere = Vec::new();
    for (_, other) in file.overloads(index) {
        known.extend(other.params.iter().map(|param| param.name.as_str()));
        documented_elsewhere.extend(other.doc.iter().flat_map(documented_names));
    }
    if symbol.kind == SymbolKind::Constructor {
        let class = symbol.parent.and_then(|parent| file.symbol(parent)).and_then(|class| class.doc.as_ref());
        documented_elsewhere.extend(class.into_iter().flat_map(documented_names));
    }
    let is_open = symbol.params.iter().any(|param| param.kind == ParamKind::KeywordRest);
    Some(Signature { owner: index, params: Cow::Borrowed(&symbol.params), known, documented_elsewhere, is_open })
}

fn class_signature<'a>(doc: &DocContext<'a>) -> Option<Signature<'a>> {
    doc.entries(EntryKind::Param).next()?;
    if let Some((owner, constructor)) = doc.file.constructor(doc.index) {
        let documented_elsewhere = constructor.doc.iter().flat_map(documented_names).collect();
        let overloads = doc.file.overloads(owner);
        let known =
            overloads.iter().flat_map(|(_, other)| other.params.iter().map(|param| param.name.as_str())).collect();
        let has_own_new = doc.file.children(doc.index).any(|(_, member)| member.name == "__new__");
        let is_open = has_own_new || constructor.params.iter().any(|param| param.kind == ParamKind::KeywordRest);
        return Some(Signature {
            owner,
            params: Cow::Borrowed(&constructor.params),
            known,
            documented_elsewhere,
            is_open,
        });
    }
    if !is_record(doc.symbol) {
        return None;
    }
    let fields =
        doc.file.children(doc.index).filter(|(_, member)| member.kind == SymbolKind::Field && is_initialised(member));
    let params: Vec<Param> = fields.map(|(_, member)| param_of_field(member)).collect();
    let has_plain_base =
        doc.symbol.bases.iter().all(|base| base == "object" || is_record_base(base) || base.starts_with("Generic"));
    let is_open = !has_plain_base || params.is_empty();
    Some(Signature {
        owner: doc.index,
        params: Cow::Owned(params),
        known: Vec::new(),
        documented_elsewhere: Vec::new(),
        is_open,
    })
}

fn is_record(class: &Symbol) -> bool {
    let is_maker = |decorator: &String| {
        let name = crate::names::last_segment(decorator);
        matches!(name, "dataclass" | "define" | "frozen" | "mutable" | "s" | "attrs" | "dataclass_transform")
    };
    class.decorators.iter().any(is_maker) || class.bases.iter().any(|base| is_record_base(base))
}

fn is_record_base(base: &str) -> bool {
    matches!(crate::names::last_segment(base), "NamedTuple" | "TypedDict" | "BaseModel")
}

fn is_initialised(field: &Symbol) -> bool {
    let value = field.value.as_ref().map_or("", |value| value.text.as_str());
    let declared = field.value_type.as_ref().map_or("", |declared| declared.text.as_str());
    !declared.is_empty()
        && !declared.contains("ClassVar")
        && !value.contains("init=False")
        && !value.contains("init = False")
}

fn param_of_field(field: &Symbol) -> Param {
    Param {
        name: field.name.clone(),
        span: field.name_span,
        type_text: field.value_type.clone(),
        default: field.value.clone(),
        optional: field.value.is_some(),
        ..Param::default()
    }
}

/// The names of all documented parameters, at top level.
pub fn documented_names(doc: &Docstring) -> impl Iterator<Item = &str> {
    doc.entries_of(EntryKind::Param).flat_map(|(_, entry)| entry.names.iter()).map(|name| root_of(&name.name))
}

/// The part of a nested name before its first dot or bracket.
pub fn root_of(name: &str) -> &str {
    name.split(['.', '[']).next().unwrap_or(name)
}
