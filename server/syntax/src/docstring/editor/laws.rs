//! Laws that hold for every comment and every choice of changes.

use super::*;
use crate::docstring::render::render;
use crate::docstring::{CommentForm, DocDraft, parse};
use crate::text::apply_edits;
use proptest::prelude::*;

fn entry(name: &str, type_text: Option<&str>, text: String) -> EntryDraft {
    EntryDraft { name: name.into(), type_text: type_text.map(str::to_owned), text, ..EntryDraft::default() }
}

/// A comment in a file, and where it stands.
#[derive(Clone, Debug)]
struct Case {
    text: String,
    span: Span,
    layout: Layout,
    style: DocStyle,
    params: usize,
}

const NAMES: [&str; 5] = ["alpha", "b2", "größe", "delta", "x"];
const NEW: [&str; 4] = ["new_one", "zwei", "y", "n4"];

fn form_of(style: DocStyle) -> CommentForm {
    match style {
        DocStyle::Jsdoc | DocStyle::Tsdoc => CommentForm::Block { open: "/**".into() },
        _ => CommentForm::PythonString { prefix: String::new(), quote: "\"\"\"".into() },
    }
}

fn sentences() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec!["the", "🎉", "value", "`b c`", "is", "used", "é", "then", "long"]);
    prop::collection::vec(word, 1..20).prop_map(|words| format!("Has {}.", words.join(" ")))
}

fn cases() -> impl Strategy<Value = Case> {
    let style = prop::sample::select(vec![
        DocStyle::Google,
        DocStyle::Numpy,
        DocStyle::Sphinx,
        DocStyle::Epydoc,
        DocStyle::Jsdoc,
        DocStyle::Tsdoc,
    ]);
    let shape = (
        prop::sample::select(vec!["", "    ", "\t"]),
        any::<bool>(),
        any::<bool>(),
        0usize..6,
        any::<bool>(),
        0usize..3,
    );
    let texts = prop::collection::vec(sentences(), 10);
    (style, shape, texts).prop_map(|(style, (indent, crlf, typed, params, returns, raises), texts)| {
        let layout = Layout {
            form: form_of(style),
            indent: indent.into(),
            indent_unit: if indent == "\t" { "\t".into() } else { "    ".into() },
            eol: if crlf { "\r\n".into() } else { "\n".into() },
            width: 60,
            with_types: typed,
        };
        let mut texts = texts.into_iter();
        let mut next = || texts.next().unwrap();
        let draft = DocDraft {
            summary: next(),
            details: vec![next()],
            params: NAMES.iter().take(params).map(|name| entry(name, Some("int"), next())).collect(),
            returns: returns.then(|| entry("", Some("str"), next())),
            raises: ["ValueError", "KeyError"].iter().take(raises).map(|name| entry(name, None, next())).collect(),
            ..DocDraft::default()
        };
        let before = format!("before{}{indent}", layout.eol);
        let comment = render(&draft, style, &layout);
        let span = Span::new(before.len(), before.len() + comment.len());
        Case {
            text: format!("{before}{comment}{}after", layout.eol),
            span,
            layout,
            style,
            params: params.min(NAMES.len()),
        }
    })
}

#[derive(Clone, Debug)]
enum Op {
    Rename(usize, usize),
    Remove(usize),
    Insert(usize, usize, String),
    Reorder(usize),
    DropReturns,
    Yields,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        (0..5usize, 0..2usize).prop_map(|(entry, name)| Op::Rename(entry, name)),
        (0..5usize).prop_map(Op::Remove),
        (0..6usize, 2..4usize, sentences()).prop_map(|(after, name, text)| Op::Insert(after, name, text)),
        (0..120usize).prop_map(Op::Reorder),
        Just(Op::DropReturns),
        Just(Op::Yields),
    ];
    prop::collection::vec(op, 1..6)
}

/// The order of that number among all orders of `count` things.
fn permutation(count: usize, mut number: usize) -> Vec<usize> {
    let mut left: Vec<usize> = (0..count).collect();
    let mut order = Vec::new();
    while !left.is_empty() {
        order.push(left.remove(number % left.len()));
        number /= left.len() + 1;
    }
    order
}

fn param_names(doc: &Docstring) -> Vec<String> {
    doc.entries_of(EntryKind::Param).flat_map(|(_, entry)| entry.names.iter().map(|name| name.name.clone())).collect()
}

fn edit(case: &Case, ops: &[Op]) -> (Docstring, Vec<TextEdit>, Vec<String>) {
    let doc = parse(&case.text, case.span, case.layout.form.clone(), case.style);
    let entries: Vec<usize> = doc.entries_of(EntryKind::Param).map(|(number, _)| number).collect();
    assert_eq!(entries.len(), case.params);
    let mut editor = DocEditor::new(&case.text, &doc, case.layout.clone()).with_style(case.style);
    let mut names: Vec<Option<String>> = NAMES.iter().take(case.params).map(|name| Some((*name).to_owned())).collect();
    let mut order: Vec<usize> = (0..case.params).collect();
    let mut behind: Vec<Vec<String>> = vec![Vec::new(); case.params];
    let mut first: Vec<String> = Vec::new();
    let mut renamed: Vec<(usize, &str)> = Vec::new();
    for op in ops {
        match op {
            Op::Rename(at, name) if *at < case.params => {
                editor.rename(entries[*at], 0, NEW[*name]);
                renamed.retain(|(other, _)| other != at);
                renamed.push((*at, NEW[*name]));
            }
            Op::Remove(at) if *at < case.params => {
                editor.remove_entry(entries[*at]);
                names[*at] = None;
            }
            Op::Insert(after, name, text) => {
                let place = after.checked_sub(1).filter(|at| *at < case.params);
                editor.insert(
                    EntryKind::Param,
                    place.map(|at| entries[at]),
                    &entry(NEW[*name], Some("int"), text.clone()),
                );
                match place {
                    Some(at) => behind[at].push(NEW[*name].to_owned()),
                    None => first.push(NEW[*name].to_owned()),
                }
            }
            Op::Reorder(number) => {
                order = permutation(case.params, *number);
                editor.reorder(&order.iter().map(|at| entries[*at]).collect::<Vec<_>>());
            }
            Op::DropReturns => editor.remove_kind(EntryKind::Return),
            Op::Yields => editor.retitle(EntryKind::Return, EntryKind::Yield),
            _ => {}
        }
    }
    for (at, name) in renamed {
        if names[at].is_some() {
            names[at] = Some(name.to_owned());
        }
    }
    let mut expected = first;
    for at in order {
        expected.extend(names[at].clone());
        expected.extend(behind[at].clone());
    }
    let edits = editor.finish();
    (doc, edits, expected)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_changes_give_the_entries_meant_and_keep_all_other_lines(case in cases(), ops in ops()) {
        let (doc, edits, expected) = edit(&case, &ops);
        for edit in &edits {
            prop_assert!(case.span.contains(edit.span), "{:?}", edit);
        }
        let after = apply_edits(&case.text, &edits).unwrap();
        let end = after.len() - (case.text.len() - case.span.end);
        let new = parse(&after, Span::new(case.span.start, end), case.layout.form.clone(), case.style);
        prop_assert_eq!(param_names(&new), expected.clone(), "\n{}\n{}", case.text, after);
        prop_assert!(new.problems.is_empty());

        let drops_returns = ops.iter().any(|op| matches!(op, Op::DropReturns));
        let yields = ops.iter().any(|op| matches!(op, Op::Yields));
        let had_returns = doc.speaks_of(EntryKind::Return);
        prop_assert_eq!(new.speaks_of(EntryKind::Return), had_returns && !drops_returns && !yields, "\n{}", after);
        prop_assert_eq!(new.speaks_of(EntryKind::Yield), had_returns && !drops_returns && yields, "\n{}", after);

        for (_, old) in doc.entries_of(EntryKind::Param) {
            let same = |other: &&crate::docstring::Entry| other.kind == old.kind && other.names[0].name == old.names[0].name;
            if let Some(kept) = new.entries.iter().find(same) {
                prop_assert_eq!(&kept.description, &old.description);
                prop_assert_eq!(kept.type_text.as_ref().map(|mention| &mention.text), old.type_text.as_ref().map(|mention| &mention.text));
            }
        }

        // Each filled line of the comment that no change speaks of is in the new text as often as before.
        let renamed = |name: &str| ops.iter().any(|op| matches!(op, Op::Rename(at, _) | Op::Remove(at) if NAMES[*at] == name));
        let touched: Vec<&crate::docstring::Entry> = doc
            .entries
            .iter()
            .filter(|entry| entry.kind == EntryKind::Return || entry.names.iter().any(|name| renamed(&name.name)))
            .collect();
        let is_touched = |number: usize| {
            let line = doc.block.lines[number].physical.of(&case.text);
            touched.iter().any(|entry| entry.lines.contains(&number))
                || doc.sections.iter().any(|section| section.header.contains(&number))
                || line.contains("type")
        };
        let count = |text: &str, line: &str| text.matches(line).count();
        for (number, line) in doc.block.lines.iter().enumerate() {
            let line = line.physical.of(&case.text);
            if !line.trim().is_empty() && !is_touched(number) {
                prop_assert!(count(&after, line) >= 1, "{:?} is gone from\n{}", line, after);
            }
        }
        let eol = &case.layout.eol;
        prop_assert_eq!(after.matches('\n').count(), after.matches(eol.as_str()).count(), "one kind of line break");
        let blank = if matches!(case.layout.form, CommentForm::Block { .. }) { format!("{eol}{} *", case.layout.indent) } else { eol.clone() };
        let run = format!("{blank}{blank}{eol}");
        prop_assert!(!after.contains(&run), "double blank in\n{}", after);

        // The same wishes on the result change nothing.
        let names: Vec<usize> = new.entries_of(EntryKind::Param).map(|(number, _)| number).collect();
        let mut editor = DocEditor::new(&after, &new, case.layout.clone()).with_style(case.style);
        editor.reorder(&names);
        for &number in &names {
            editor.rename(number, 0, &new.entries[number].names[0].name);
            if let Some(mention) = &new.entries[number].type_text {
                editor.set_type(number, Some(&mention.text));
            }
        }
        if drops_returns {
            editor.remove_kind(EntryKind::Return);
        }
        prop_assert_eq!(editor.finish(), Vec::new());
    }
}

const WORDS: &[&str] = &[
    "Args:",
    "Returns:",
    "Returns: x",
    "Parameters",
    "----------",
    "Returns",
    "-------",
    "x",
    "x, y : int, optional",
    "x (int): text",
    "*args, **kwargs",
    ":param x:",
    ":type x:",
    ":rtype: int",
    ":raises ValueError:",
    ":param int x:",
    "@param",
    "{string}",
    "{{a",
    "}}",
    "[x=5]",
    "@returns",
    "@example",
    "# Errors",
    "# Arguments",
    "* `x` - text",
    "Deprecated: x",
    "`x`",
    "{@link x}",
    "Defaults to 5.",
    "é",
    "🎉",
    "*",
    "\\",
    ".. deprecated:: 1",
    "- a",
    "(",
];
const GAPS: &[&str] = &[
    "",
    " ",
    "  ",
    "    ",
    "\t",
    "\n",
    "\n    ",
    "\n        ",
    "\n\n",
    "\r\n",
    "\r\n    ",
    "\r",
    "\n * ",
    "\n\t",
    "\n///",
    "\n  /// ",
    " \n",
];

fn soup() -> impl Strategy<Value = String> {
    let parts = (prop::sample::select(WORDS), prop::sample::select(GAPS));
    prop::collection::vec(parts, 0..40)
        .prop_map(|parts| parts.into_iter().flat_map(|(word, gap)| [word, gap]).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_stands_any_change(
        body in soup(), form in 0usize..5, style in 0usize..9, calls in prop::collection::vec((0usize..10, 0usize..8, 0usize..4), 0..6),
    ) {
        let (open, close, form) = match form {
            0 => ("\"\"\"", "\"\"\"", CommentForm::PythonString { prefix: String::new(), quote: "\"\"\"".into() }),
            1 => ("r'''", "'''", CommentForm::PythonString { prefix: "r".into(), quote: "'''".into() }),
            2 => ("/**", "*/", CommentForm::Block { open: "/**".into() }),
            3 => ("///", "", CommentForm::Lines { marker: "///".into() }),
            _ => ("//", "", CommentForm::Lines { marker: "//".into() }),
        };
        let style = DocStyle::ALL[style];
        // A line without its marker is no comment.
        let marked = if close.is_empty() { open } else { "" };
        let body = body.replace("\r\n", "\n").replace('\r', "\n").split('\n').collect::<Vec<_>>().join(&format!("\n  {marked}"));
        let body = if close.is_empty() || style == DocStyle::Numpy { body } else { body.replace('\n', "\r\n") };
        let text = format!("a\n  {open}{body}{close}\nb");
        let span = Span::new(4, text.len() - 2);
        let doc = parse(&text, span, form.clone(), style);
        let layout = Layout { form, indent: "  ".into(), indent_unit: "    ".into(), eol: "\n".into(), width: 50, with_types: true };

        // Taking the comment apart and putting it together again gives the same bytes.
        let mut idle = DocEditor::new(&text, &doc, layout.clone()).with_style(style);
        for line in &doc.block.lines {
            idle.replace(Span::at(line.span.start), "");
        }
        prop_assert_eq!(idle.finish(), Vec::new(), "{:?}", &text);

        let mut editor = DocEditor::new(&text, &doc, layout).with_style(style);
        let kinds = [EntryKind::Param, EntryKind::Return, EntryKind::Raise, EntryKind::Yield];
        for &(call, entry, other) in &calls {
            match call {
                0 => editor.rename(entry, other % 2, "renamed"),
                1 => editor.remove_name(entry, other % 2),
                2 => editor.remove_entry(entry),
                3 => editor.remove_kind(kinds[other]),
                4 => editor.insert(kinds[other], entry.checked_sub(2), &self::entry("neu", Some("int"), "It is new.".into())),
                5 => editor.add_section(kinds[other], "Some words."),
                6 => editor.reorder(&[entry, other, 0]),
                7 => editor.set_type(entry, Some("int").filter(|_| other > 1)),
                8 => editor.set_default(entry, "7"),
                _ => editor.retitle(kinds[other], kinds[entry % 4]),
            }
        }
        let edits = editor.finish();
        for edit in &edits {
            prop_assert!(span.contains(edit.span));
        }
        prop_assert!(edits.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start));
        let after = apply_edits(&text, &edits).unwrap();
        let grown = &after[4..after.len() - 2];
        prop_assert!(grown.starts_with(open) && grown.ends_with(close), "{:?}", after);
    }
}
