//! From repairs to the operations of one docstring's editor: conflicts are settled here, places are found here.

use super::Skipped;
use crate::writer::subject::Subject;
use crate::writer::{WriterOptions, entries, mark, outcome, trouble, type_param};
use analysis::RepoFacts;
use analysis::context::{DocContext, FileContext};
use analysis::diagnostic::Repair;
use analysis::settings::Settings;
use syntax::docstring::editor::DocEditor;
use syntax::docstring::{DocStyle, Docstring, Entry, EntryDraft, EntryKind, Layout};
use syntax::model::{FileModel, Param, Symbol, SymbolKind};
use syntax::text::{Span, TextEdit};

/// What is to be done to one docstring.
pub struct Plan<'a> {
    model: &'a FileModel,
    text: &'a str,
    index: usize,
    symbol: &'a Symbol,
    doc: &'a Docstring,
    style: DocStyle,
    options: &'a WriterOptions,
    /// The symbol whose parameters are documented here, and the parameters.
    owner: usize,
    params: Vec<Param>,
    removed: Vec<usize>,
    renamed: Vec<(usize, usize, String)>,
}

impl<'a> Plan<'a> {
    /// Begins with the docstring as it is.
    pub fn new(
        model: &'a FileModel,
        index: usize,
        symbol: &'a Symbol,
        doc: &'a Docstring,
        style: DocStyle,
        options: &'a WriterOptions,
    ) -> Self {
        let (settings, repo) = (Settings::default(), RepoFacts::default());
        let file = FileContext::new(model, &settings, &repo);
        let context = DocContext::new(&file, index, symbol, doc);
        let (owner, params) = match context.signature() {
            Some(signature) => (signature.owner, signature.params.to_vec()),
            None => (index, symbol.params.clone()),
        };
        Self {
            model,
            text: &model.text,
            index,
            symbol,
            doc,
            style,
            options,
            owner,
            params,
            removed: Vec::new(),
            renamed: Vec::new(),
        }
    }

    /// The same plan for a docstring as it stands in another text.
    pub fn in_text(mut self, text: &'a str) -> Self {
        self.text = text;
        self
    }

    /// Does all repairs in one editor.
    pub fn mend(mut self, repairs: &[(usize, &Repair)], layout: Layout, skipped: &mut Vec<Skipped>) -> Vec<TextEdit> {
        let mut repairs: Vec<(usize, &Repair)> = repairs.to_vec();
        self.settle(&mut repairs, skipped);
        // Entries are added in the order of the signature, since places behind the same entry keep the order of the calls.
        repairs.sort_by_key(|(_, repair)| match repair {
            Repair::AddParam { param } => (1, *param, 0),
            Repair::AddParamField { param, field } => (1, *param, *field + 1),
            Repair::AddTypeParam { type_param } => (1, *type_param, 0),
            Repair::AddRaise { throw } => (2, *throw, 0),
            Repair::OrderParams => (3, 0, 0),
            _ => (0, 0, 0),
        });
        let mut editor = DocEditor::new(self.text, self.doc, layout).with_style(self.style);
        let mut replaced: Vec<Span> = Vec::new();
        let mut raised: Vec<String> = Vec::new();
        for (finding, repair) in repairs {
            if let Err(reason) = self.apply(&mut editor, repair, &mut replaced, &mut raised) {
                skipped.push(Skipped { finding, reason });
            }
        }
        editor.finish()
    }

    /// Drops what another repair makes needless or impossible, and notes what goes and what changes its name.
    fn settle(&mut self, repairs: &mut Vec<(usize, &Repair)>, skipped: &mut Vec<Skipped>) {
        let retitled: Vec<(EntryKind, EntryKind)> = repairs
            .iter()
            .filter_map(|(_, repair)| match repair {
                Repair::Retitle { from, to } => Some((*from, *to)),
                _ => None,
            })
            .collect();
        repairs.retain(|(_, repair)| match repair {
            Repair::RemoveKind { kind } => !retitled.iter().any(|(from, _)| from == kind),
            Repair::RemoveEntry { entry } => {
                !self.entry(*entry).is_some_and(|entry| retitled.iter().any(|(from, _)| *from == entry.kind))
            }
            Repair::AddYield => !retitled.iter().any(|(_, to)| *to == EntryKind::Yield),
            Repair::AddReturn => !retitled.iter().any(|(_, to)| *to == EntryKind::Return),
            _ => true,
        });
        let kinds: Vec<EntryKind> = repairs
            .iter()
            .filter_map(|(_, repair)| match repair {
                Repair::RemoveKind { kind } => Some(*kind),
                _ => None,
            })
            .collect();
        self.removed = self
            .doc
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| kinds.contains(&entry.kind))
            .map(|(index, _)| index)
            .collect();
        for (index, entry) in self.doc.entries.iter().enumerate() {
            let whole =
                repairs.iter().any(|(_, repair)| matches!(repair, Repair::RemoveEntry { entry } if *entry == index));
            let by_name = |name: usize| {
                repairs.iter().any(|(_, repair)| matches!(repair, Repair::RemoveName { entry, name: gone } if *entry == index && *gone == name))
            };
            let all_names = !entry.names.is_empty() && (0..entry.names.len()).all(by_name);
            if (whole || all_names) && !self.removed.contains(&index) {
                self.removed.push(index);
            }
        }
        let removed = self.removed.clone();
        let renamed = &mut self.renamed;
        repairs.retain(|(finding, repair)| match repair {
            Repair::RenameName { entry, name, to } => {
                if removed.contains(entry) {
                    return false;
                }
                if renamed.iter().any(|(other, at, _)| other == entry && at == name) {
                    skipped.push(Skipped {
                        finding: *finding,
                        reason: "Another repair renames the same entry.".to_owned(),
                    });
                    return false;
                }
                renamed.push((*entry, *name, to.clone()));
                true
            }
            Repair::SetType { entry, .. } | Repair::SetDefault { entry, .. } => !removed.contains(entry),
            _ => true,
        });
        let mut seen: Vec<Repair> = Vec::new();
        repairs.retain(|(_, repair)| {
            let new = !seen.contains(repair);
            if new {
                seen.push((*repair).clone());
            }
            new
        });
    }

    fn entry(&self, index: usize) -> Option<&'a Entry> {
        self.doc.entries.get(index)
    }

    /// Does one repair, or says in a sentence why not.
    fn apply(
        &self,
        editor: &mut DocEditor<'_>,
        repair: &Repair,
        replaced: &mut Vec<Span>,
        raised: &mut Vec<String>,
    ) -> Result<(), String> {
        let gone = || "The documentation changed since the finding was made.".to_owned();
        let wordless = || "There are no facts in the code to write it from.".to_owned();
        match repair {
            Repair::Draft => {}
            Repair::AddParam { .. } | Repair::AddParamField { .. }
                if matches!(self.style, DocStyle::Rustdoc | DocStyle::Godoc) =>
            {
                return Err("This style does not list parameters.".to_owned());
            }
            Repair::AddParam { param } => {
                let after = self.place(*param);
                let drafts = self.param_drafts(*param);
                if drafts.is_empty() {
                    return Err(wordless());
                }
                for draft in drafts {
                    editor.insert(EntryKind::Param, after, &self.marked(draft));
                }
            }
            Repair::AddParamField { param, field } => {
                let root = self.documented_root(*param);
                let after = self
                    .last_of(EntryKind::Param, |name| {
                        root.as_deref().is_some_and(|root| name.split(['.', '[']).next() == Some(root))
                    })
                    .or_else(|| self.place(*param));
                let mut draft = self.field_draft(*param, *field).ok_or_else(wordless)?;
                if let (Some(root), Some((_, rest))) = (root, draft.name.split_once('.')) {
                    draft.name = format!("{root}.{rest}");
                }
                editor.insert(EntryKind::Param, after, &self.marked(draft));
            }
            Repair::AddTypeParam { type_param: index } => {
                let subject = self.subject(self.index).ok_or_else(wordless)?;
                let draft = type_param(&subject, *index).ok_or_else(wordless)?;
                let earlier: Vec<&str> =
                    self.symbol.type_params.iter().take(*index).map(|param| param.name.as_str()).collect();
                let after = self.last_of(EntryKind::TypeParam, |name| earlier.contains(&name));
                editor.insert(EntryKind::TypeParam, after, &self.marked(draft));
            }
            Repair::RenameName { entry, name, to } => {
                let old = self.entry(*entry).and_then(|entry| entry.names.get(*name)).ok_or_else(gone)?;
                editor.rename(*entry, *name, to);
                if !self.params.iter().any(|param| param.name == old.name) {
                    for mention in self.doc.mentions.iter().filter(|mention| mention.text == old.name) {
                        if replaced.contains(&mention.span) {
                            continue;
                        }
                        let inside = self
                            .removed
                            .iter()
                            .filter_map(|&entry| self.entry(entry))
                            .any(|entry| entry.description_span.contains(mention.span));
                        if !inside {
                            replaced.push(mention.span);
                            editor.replace(mention.span, to);
                        }
                    }
                }
            }
            Repair::RemoveName { entry, name } => {
                if self.entry(*entry).is_none() {
                    return Err(gone());
                }
                if self.removed.contains(entry) {
                    editor.remove_entry(*entry)
                } else {
                    editor.remove_name(*entry, *name)
                }
            }
            Repair::RemoveEntry { entry } => {
                if self.entry(*entry).is_none() {
                    return Err(gone());
                }
                editor.remove_entry(*entry);
            }
            Repair::OrderParams => {
                let order =
                    self.order().ok_or("Names of several places share one entry, so that it cannot be moved.")?;
                for (entry, names) in self.grouped() {
                    editor.reorder_names(entry, &names);
                }
                editor.reorder(&order);
            }
            Repair::SetType { entry, to } => {
                self.entry(*entry).ok_or_else(gone)?;
                editor.set_type(*entry, Some(to));
            }
            Repair::SetDefault { entry, to } => {
                self.entry(*entry).ok_or_else(gone)?;
                editor.set_default(*entry, to);
            }
            Repair::AddReturn => {
                let subject = self.subject(self.index).ok_or_else(wordless)?;
                let draft = outcome::returns(&subject).ok_or_else(wordless)?;
                editor.insert(EntryKind::Return, None, &self.marked(draft));
            }
            Repair::AddYield => {
                let subject = self.subject(self.index).ok_or_else(wordless)?;
                let draft = outcome::yields(&subject).ok_or_else(wordless)?;
                editor.insert(EntryKind::Yield, None, &self.marked(draft));
            }
            Repair::Retitle { from, to } => editor.retitle(*from, *to),
            Repair::RemoveKind { kind } => editor.remove_kind(*kind),
            Repair::AddRaise { throw } => self.add_thrown(editor, EntryKind::Raise, *throw, raised)?,
            Repair::AddReject { reject } => self.add_thrown(editor, EntryKind::Reject, *reject, raised)?,
            Repair::AddSection { kind } => {
                let text = self.section_text(*kind).ok_or_else(wordless)?;
                editor.add_section(*kind, &mark(&text, self.style));
            }
            Repair::AddAttribute { name } => {
                let member = self.model.children(self.index).map(|(_, child)| child).find(|child| child.name == *name);
                let draft = outcome::attribute(name, member.and_then(|member| member.value_type.as_ref()));
                let after = self.last_of(EntryKind::Attribute, |_| true);
                editor.insert(EntryKind::Attribute, after, &self.marked(draft));
            }
            Repair::Replace { span, to } => {
                if !self.doc.block.span.contains(*span) {
                    return Err(gone());
                }
                let doomed = self
                    .removed
                    .iter()
                    .filter_map(|&entry| self.entry(entry))
                    .any(|entry| entry.description_span.contains(*span));
                // A rule tells of a name once; the same name elsewhere in the text is meant too.
                let meant = self.doc.mentions.iter().find(|mention| mention.span == *span);
                let same = self.doc.mentions.iter().filter(|mention| {
                    meant.is_some_and(|meant| meant.text == mention.text && meant.kind == mention.kind)
                });
                for span in std::iter::once(*span).filter(|_| !doomed).chain(same.map(|mention| mention.span)) {
                    if !replaced.iter().any(|known| known.overlaps(span)) {
                        replaced.push(span);
                        editor.replace(span, to);
                    }
                }
            }
        }
        Ok(())
    }

    fn subject(&self, index: usize) -> Option<Subject<'a>> {
        Subject::new(self.model, index, self.style, self.options)
    }

    fn marked(&self, mut draft: EntryDraft) -> EntryDraft {
        draft.text = mark(&draft.text, self.style);
        draft
    }

    /// Whether the parameters are those of a symbol; else they are a record's fields.
    fn has_symbol_params(&self) -> bool {
        self.owner != self.index || !self.symbol.kind.is_type()
    }

    fn param_drafts(&self, param: usize) -> Vec<EntryDraft> {
        if self.has_symbol_params() {
            return self.subject(self.owner).map(|subject| entries::param(&subject, param)).unwrap_or_default();
        }
        let field = self.params.get(param);
        field.map(|field| vec![outcome::attribute(&field.name, field.type_text.as_ref())]).unwrap_or_default()
    }

    fn field_draft(&self, param: usize, field: usize) -> Option<EntryDraft> {
        let subject = self.subject(self.owner)?;
        entries::field(&subject, param, field)
    }

    /// The name that an entry's name has after all renames.
    fn name_after(&self, entry: usize, name: usize) -> &str {
        match self.renamed.iter().find(|(other, at, _)| *other == entry && *at == name) {
            Some((_, _, to)) => to,
            None => self.entry(entry).and_then(|entry| entry.names.get(name)).map_or("", |name| name.name.as_str()),
        }
    }

    /// The last entry of a kind that stays and has a name that fits.
    fn last_of(&self, kind: EntryKind, fits: impl Fn(&str) -> bool) -> Option<usize> {
        let own = self.doc.entries_of(kind).filter(|(index, _)| !self.removed.contains(index));
        own.filter(|(index, entry)| {
            entry.names.is_empty() || (0..entry.names.len()).any(|name| fits(self.name_after(*index, name)))
        })
        .map(|(index, _)| index)
        .last()
    }

    /// The entry behind which a parameter belongs: that of the nearest one before it that is documented.
    fn place(&self, param: usize) -> Option<usize> {
        (0..param).rev().find_map(|earlier| {
            let root = self.documented_root(earlier)?;
            self.last_of(EntryKind::Param, |name| name.split(['.', '[']).next() == Some(root.as_str()))
        })
    }

    /// The name under which a parameter stands in the documentation.
    fn documented_root(&self, param: usize) -> Option<String> {
        let found = self.params.get(param)?;
        if !found.name.is_empty() {
            return Some(found.name.clone());
        }
        // A destructured parameter has no name in code: its entry is the one that no named parameter claims, in the same turn.
        let turn = self.params.iter().take(param).filter(|param| param.name.is_empty()).count();
        let mut roots: Vec<&str> = Vec::new();
        for (index, entry) in self.doc.entries_of(EntryKind::Param) {
            let Some(root) =
                (!entry.names.is_empty()).then(|| self.name_after(index, 0).split(['.', '[']).next().unwrap_or(""))
            else {
                continue;
            };
            if !roots.contains(&root) && !self.params.iter().any(|param| param.name == root) {
                roots.push(root);
            }
        }
        roots.get(turn).map(|root| (*root).to_owned())
    }

    /// The parameters' entries in the order of the signature; those that stand for none follow the one before them.
    fn order(&self) -> Option<Vec<usize>> {
        let mut keyed: Vec<(usize, usize, usize)> = Vec::new();
        let mut last = 0;
        for (index, entry) in self.doc.entries_of(EntryKind::Param).filter(|(index, _)| !self.removed.contains(index)) {
            let places: Vec<usize> = (0..entry.names.len())
                .filter_map(|name| {
                    let root = self.name_after(index, name).split(['.', '[']).next().unwrap_or("").to_owned();
                    (0..self.params.len()).find(|&param| self.documented_root(param).as_deref() == Some(root.as_str()))
                })
                .collect();
            if let (Some(&first), Some(&end)) = (places.iter().min(), places.iter().max()) {
                if end - first >= places.len() && places.len() > 1 {
                    return None;
                }
                last = first;
            }
            keyed.push((last, keyed.len(), index));
        }
        keyed.sort_unstable();
        Some(keyed.into_iter().map(|(_, _, entry)| entry).collect())
    }

    /// Entries whose several names are in another order than in the signature, with the order that they should have.
    fn grouped(&self) -> Vec<(usize, Vec<usize>)> {
        let place = |name: &str| self.params.iter().position(|param| param.name == name);
        let mut found = Vec::new();
        for (index, entry) in self.doc.entries_of(EntryKind::Param) {
            let mut order: Vec<usize> = (0..entry.names.len()).collect();
            let known = order.iter().all(|&name| place(self.name_after(index, name)).is_some());
            if entry.names.len() > 1 && known && !self.removed.contains(&index) {
                order.sort_by_key(|&name| place(self.name_after(index, name)));
                if !order.is_sorted() {
                    found.push((index, order));
                }
            }
        }
        found
    }

    /// Adds the entry for an exception type with all places that raise it.
    fn add_thrown(
        &self,
        editor: &mut DocEditor<'_>,
        kind: EntryKind,
        index: usize,
        raised: &mut Vec<String>,
    ) -> Result<(), String> {
        let wordless = || "There are no facts in the code to write it from.".to_owned();
        let facts = self.symbol.facts.as_ref().ok_or_else(wordless)?;
        let throws = if kind == EntryKind::Reject { &facts.rejects } else { &facts.throws };
        let fact = throws.get(index).ok_or_else(wordless)?;
        if raised.contains(&fact.type_name) {
            return Ok(());
        }
        raised.push(fact.type_name.clone());
        let subject = self.subject(self.index).ok_or_else(wordless)?;
        let own: Vec<_> = throws.iter().filter(|throw| throw.type_name == fact.type_name).collect();
        let draft = trouble::raise_entry(&subject, &fact.type_name, &own);
        let after = self.last_of(kind, |_| true);
        editor.insert(kind, after, &self.marked(draft));
        Ok(())
    }

    fn section_text(&self, kind: EntryKind) -> Option<String> {
        let subject = self.subject(self.index)?;
        let text = match kind {
            EntryKind::Panic => trouble::panics(&subject).join(" "),
            EntryKind::Safety => trouble::safety(&subject)?,
            EntryKind::Raise => {
                trouble::errors(&subject).into_iter().map(|entry| entry.text).collect::<Vec<_>>().join(" ")
            }
            EntryKind::Reject => {
                trouble::rejects(&subject).into_iter().map(|entry| entry.text).collect::<Vec<_>>().join(" ")
            }
            _ => String::new(),
        };
        (!text.is_empty() && (kind != EntryKind::Panic || self.symbol.kind != SymbolKind::Module)).then_some(text)
    }
}
