//! A model as lines of text, for samples and their expected models, and for people who add a language.
//!
//! Says what a reader would check by eye; leaves out byte offsets, so that a sample can be edited without counting.

use crate::model::{BodyFacts, FileModel, Param, ParamKind, Symbol, SymbolFlags, ThrowFact, Visibility};
use std::fmt::Write;

/// One line a symbol, details indented below it.
pub fn outline(model: &FileModel) -> String {
    let mut out = String::new();
    for (index, symbol) in model.symbols.iter().enumerate() {
        let depth = depth(model, index);
        write_symbol(&mut out, model, symbol, depth);
    }
    for error in &model.syntax_errors {
        let line = model.lines.line(error.span.start) + 1;
        let _ = match &error.missing {
            Some(missing) => writeln!(out, "syntax error on line {line}: missing {missing}"),
            None => writeln!(out, "syntax error on line {line}"),
        };
    }
    for smell in &model.smells {
        let _ =
            writeln!(out, "smell {} on line {}: {}", smell.rule, model.lines.line(smell.span.start) + 1, smell.note);
    }
    for literal in &model.literals {
        let name = if literal.name.is_empty() { "without name" } else { &literal.name };
        let _ = writeln!(out, "literal {name} on line {}", model.lines.line(literal.span.start) + 1);
    }
    for todo in &model.todos {
        let _ = writeln!(out, "mark {}: {}", todo.mark, todo.text);
    }
    for suppression in &model.suppressions {
        let _ = writeln!(out, "suppression {} [{}]", suppression.dialect, suppression.codes.join(", "));
    }
    if !model.exports.is_empty() {
        let _ = writeln!(out, "exports {}", model.exports.join(", "));
    }
    out
}

fn depth(model: &FileModel, index: usize) -> usize {
    std::iter::successors(model.symbols[index].parent, |parent| {
        model.symbols.get(*parent).and_then(|symbol| symbol.parent)
    })
    .count()
}

fn write_symbol(out: &mut String, model: &FileModel, symbol: &Symbol, depth: usize) {
    let pad = "  ".repeat(depth);
    let _ = write!(out, "{pad}{}", symbol.kind.word());
    if !symbol.path.is_empty() {
        let _ = write!(out, " {}", symbol.path);
    }
    if symbol.visibility != Visibility::Public {
        let _ = write!(out, " {:?}", symbol.visibility);
    }
    for flag in flags(&symbol.flags) {
        let _ = write!(out, " {flag}");
    }
    let _ = writeln!(out);
    let mut detail = |text: String| {
        let _ = writeln!(out, "{pad}    {text}");
    };
    for decorator in &symbol.decorators {
        detail(format!("decorator {decorator}"));
    }
    if !symbol.bases.is_empty() {
        detail(format!("bases {}", symbol.bases.join(", ")));
    }
    for param in &symbol.type_params {
        detail(format!(
            "type parameter {}{}",
            param.name,
            param.bound.as_ref().map_or(String::new(), |bound| format!(": {bound}"))
        ));
    }
    if let Some(receiver) = &symbol.receiver {
        detail(format!("receiver {receiver}"));
    }
    for param in &symbol.params {
        detail(param_line(param));
    }
    for (word, part) in [("returns", &symbol.return_type), ("type", &symbol.value_type), ("value", &symbol.value)] {
        if let Some(part) = part {
            detail(format!("{word} {}", first_line(&part.text)));
        }
    }
    if let Some(facts) = &symbol.facts {
        for line in fact_lines(facts) {
            detail(line);
        }
    }
    if let Some(doc) = &symbol.doc {
        detail(format!("doc {}: {}", doc.style.name(), doc.summary_text(&model.text)));
    } else if symbol.doc_slot.usable {
        detail(format!("slot on line {}", model.lines.line(symbol.doc_slot.offset) + 1));
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("")
}

fn param_line(param: &Param) -> String {
    let mut line = format!("param {}", if param.kind == ParamKind::Pattern { "{…}" } else { &param.name });
    if param.kind != ParamKind::Normal {
        line += &format!(" {:?}", param.kind);
    }
    if let Some(type_text) = &param.type_text {
        line += &format!(": {}", type_text.text);
    }
    if let Some(default) = &param.default {
        line += &format!(" = {}", first_line(&default.text));
    } else if param.optional {
        line += " optional";
    }
    if param.is_property {
        line += " property";
    }
    for field in &param.fields {
        line += &format!(" {}{}", if field.is_rest { "..." } else { "." }, field.name);
        if let Some(default) = &field.default {
            line += &format!(" = {}", first_line(&default.text));
        }
    }
    line
}

fn flags(flags: &SymbolFlags) -> Vec<&'static str> {
    let all = [
        (flags.is_async, "async"),
        (flags.is_generator, "generator"),
        (flags.is_static, "static"),
        (flags.is_class_method, "class-method"),
        (flags.is_abstract, "abstract"),
        (flags.is_stub, "stub"),
        (flags.is_override, "override"),
        (flags.is_overload, "overload"),
        (flags.is_unsafe, "unsafe"),
        (flags.is_test, "test"),
        (flags.is_getter, "getter"),
        (flags.is_setter, "setter"),
        (flags.is_deprecated, "deprecated"),
        (flags.is_exported, "exported"),
        (flags.is_local, "local"),
        (flags.in_documented_group, "in-documented-group"),
        (flags.owes_no_doc, "owes-no-doc"),
    ];
    all.into_iter().filter(|(set, _)| *set).map(|(_, word)| word).collect()
}

fn fact_lines(facts: &BodyFacts) -> Vec<String> {
    let mut lines = Vec::new();
    for fact in &facts.returns {
        lines.push(
            fact.value.as_ref().map_or("return".to_string(), |value| format!("return {}", first_line(&value.text))),
        );
    }
    for fact in &facts.yields {
        lines.push(format!(
            "yield{} {}",
            if fact.delegates { " from" } else { "" },
            fact.value.as_deref().map_or("", first_line)
        ));
    }
    let thrown = |word: &str, fact: &ThrowFact| {
        let mut line = format!("{word} {}", if fact.type_name.is_empty() { "?" } else { &fact.type_name });
        if let Some(condition) = &fact.condition {
            line += &format!(" if {condition}");
        }
        if fact.is_rethrow {
            line += " (again)";
        }
        line
    };
    lines.extend(facts.throws.iter().map(|fact| thrown("throws", fact)));
    lines.extend(facts.rejects.iter().map(|fact| thrown("rejects", fact)));
    for panic in &facts.panics {
        lines.push(format!(
            "panics {}{}",
            panic.call,
            panic.condition.as_ref().map_or(String::new(), |condition| format!(" if {condition}"))
        ));
    }
    if !facts.catches.is_empty() {
        lines.push(format!("catches {}", facts.catches.join(", ")));
    }
    for attribute in &facts.assigned_attributes {
        lines.push(format!("assigns {}", attribute.text));
    }
    if !facts.calls.is_empty() {
        lines.push(format!("calls {}", facts.calls.join(", ")));
    }
    lines.push(format!(
        "complexity {} {}{}",
        facts.cyclomatic,
        facts.cognitive,
        if facts.falls_through { "" } else { ", end not reached" }
    ));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::{Depth, model};
    use crate::language::Language;
    use std::path::{Path, PathBuf};

    /// Where the samples are; with `UPDATE=1` their models are written anew, to be read before they are kept.
    fn samples() -> Vec<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/queries");
        let mut found: Vec<PathBuf> = Vec::new();
        for folder in std::fs::read_dir(root).unwrap().flatten().filter(|folder| folder.path().is_dir()) {
            let files = std::fs::read_dir(folder.path()).unwrap().flatten().map(|file| file.path());
            found.extend(files.filter(|file| Language::from_path(file).is_some()));
        }
        found.sort();
        found
    }

    fn read(path: &Path) -> FileModel {
        let text = std::fs::read_to_string(path).unwrap();
        model(Language::from_path(path).unwrap(), text.into(), Depth::Full)
    }

    #[test]
    fn every_sample_has_the_model_beside_it() {
        let samples = samples();
        assert!(samples.len() > 20, "the samples are gone");
        let update = std::env::var_os("UPDATE").is_some();
        let mut wrong = Vec::new();
        for path in samples {
            let expected = path.with_extension("model");
            let found = outline(&read(&path));
            if update {
                std::fs::write(&expected, &found).unwrap();
            } else if std::fs::read_to_string(&expected).unwrap_or_default() != found {
                wrong.push(format!("{}\n{found}", expected.display()));
            }
        }
        assert!(wrong.is_empty(), "UPDATE=1 writes these models anew:\n{}", wrong.join("\n"));
    }

    #[test]
    fn every_language_has_samples() {
        let samples = samples();
        for language in Language::all() {
            let has_one =
                samples.iter().any(|path| Language::from_path(path).is_some_and(|found| found.id == language.id));
            assert!(has_one, "{} has no sample", language.id);
        }
    }

    #[test]
    fn a_file_that_ends_anywhere_has_a_model_whose_places_lie_in_it() {
        for path in samples() {
            let whole = read(&path);
            for cut in (0..whole.text.len()).step_by(37).filter(|cut| whole.text.is_char_boundary(*cut)) {
                let model = model(whole.language, whole.text[..cut].into(), Depth::Full);
                for symbol in &model.symbols {
                    assert!(symbol.span.end <= cut && symbol.signature.end <= cut && symbol.doc_slot.offset <= cut);
                    assert!(
                        model.text.is_char_boundary(symbol.span.start)
                            && model.text.is_char_boundary(symbol.name_span.end)
                    );
                }
            }
        }
    }
}
