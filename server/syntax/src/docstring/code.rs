//! Tells code from prose in a documentation comment: fences, doctests, literal blocks, indented code.
//!
//! It only marks lines and copies code out; whether the code is right is the matter of a rule.

use super::Example;
use super::flow::Lines;
use std::ops::Range;

/// How prose is marked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Markup {
    /// reStructuredText and what people write in Python strings.
    Python,
    /// Markdown with block tags.
    Tags,
    /// Markdown with rustdoc's code blocks and links.
    Rustdoc,
    /// godoc's own light marks.
    Godoc,
}

/// Which lines are code.
#[derive(Debug)]
pub(crate) struct Survey {
    /// One flag a line.
    code: Vec<bool>,
    /// Lengths from which on fences of back-ticks and of tildes are known to stay open.
    open_fences: [usize; 2],
    /// The code of the comment's own language.
    pub examples: Vec<Example>,
}

impl Survey {
    /// Whether line `number` is code, or belongs to the marks around it.
    pub fn is_code(&self, number: usize) -> bool {
        self.code.get(number).copied().unwrap_or(false)
    }

    /// Marks lines as code.
    pub fn mark(&mut self, lines: Range<usize>) {
        for number in lines {
            if let Some(flag) = self.code.get_mut(number) {
                *flag = true;
            }
        }
    }
}

/// Directives whose body is no prose.
const CODE_DIRECTIVES: &[&str] = &[
    "code-block",
    "code",
    "sourcecode",
    "code-cell",
    "ipython",
    "plot",
    "math",
    "doctest",
    "testcode",
    "testsetup",
    "testoutput",
    "parsed-literal",
    "jupyter-execute",
    "raw",
    "graphviz",
    "mermaid",
    "prompt",
    "productionlist",
    "uml",
];

/// Finds the code of a comment.
pub(crate) fn survey(lines: &Lines<'_>, markup: Markup) -> Survey {
    let mut survey = Survey { code: vec![false; lines.len()], open_fences: [usize::MAX; 2], examples: Vec::new() };
    let mut number = 0;
    while number < lines.len() {
        let next = fence(lines, number, markup, &mut survey).or_else(|| match markup {
            Markup::Python => doctest(lines, number, &mut survey)
                .or_else(|| directive(lines, number, &mut survey))
                .or_else(|| literal(lines, number, &mut survey)),
            Markup::Rustdoc => indented(lines, number, 4, &mut survey),
            Markup::Godoc => indented(lines, number, 1, &mut survey),
            Markup::Tags => None,
        });
        number = next.unwrap_or(number + 1).max(number + 1);
    }
    survey
}

/// The code of `range` without its common indentation; prompts are taken off and output is left out.
pub(crate) fn code_of(lines: &Lines<'_>, range: Range<usize>, markup: Markup) -> String {
    let prompted = range.clone().any(|number| prompt(lines.text(number)).is_some());
    let margin =
        range.clone().filter(|&number| !lines.blank(number)).map(|number| lines.indent(number)).min().unwrap_or(0);
    let mut code: Vec<String> = Vec::new();
    let mut open = false;
    for number in range {
        let text = lines.text(number);
        if prompted {
            // Three dots continue a statement only behind a prompt; elsewhere they are output.
            let rest = prompt(text).or_else(|| if open { continued(text) } else { None });
            open = rest.is_some();
            code.extend(rest.map(str::to_owned));
            continue;
        }
        let text = match markup {
            Markup::Rustdoc if text == "#" => "",
            Markup::Rustdoc => text.strip_prefix("# ").unwrap_or(text),
            _ => text,
        };
        let gap = if text.is_empty() { 0 } else { lines.indent(number).saturating_sub(margin) };
        code.push(format!("{}{text}", " ".repeat(gap)));
    }
    while code.last().is_some_and(|line| line.is_empty()) {
        code.pop();
    }
    code.join("\n")
}

/// Whether a line opens or closes a fence: its mark and length, and what stands behind it.
pub(crate) fn fence_mark(text: &str) -> Option<(char, usize, &str)> {
    let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let length = super::scan::run(text, mark);
    let rest = text.get(length..)?;
    (length >= 3 && !(mark == '`' && rest.contains('`'))).then_some((mark, length, rest.trim()))
}

fn prompt(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(">>>")?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix(' ') }
}

fn continued(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("...")?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix(' ') }
}

fn is_own_language(info: &str, markup: Markup) -> bool {
    let mut words = info
        .split(|character: char| character == ',' || character == '{' || character == '}' || character.is_whitespace());
    let own = |word: &str| match markup {
        Markup::Python => matches!(word, "python" | "py" | "python3" | "py3" | "pycon" | "ipython" | "doctest"),
        Markup::Tags => matches!(word, "js" | "javascript" | "jsx" | "ts" | "typescript" | "tsx" | "mjs" | "cjs"),
        Markup::Rustdoc => {
            matches!(word, "rust" | "ignore" | "no_run" | "should_panic" | "compile_fail")
                || word.starts_with("edition")
        }
        Markup::Godoc => word == "go",
    };
    info.is_empty() || words.any(|word| own(&word.to_ascii_lowercase()))
}

fn add_example(lines: &Lines<'_>, code: Range<usize>, all: Range<usize>, markup: Markup, survey: &mut Survey) {
    let code = code_of(lines, code, markup);
    if !code.trim().is_empty() {
        survey.examples.push(Example { code, lines: all });
    }
}

/// In tags and Python strings a fence that never closes is prose, so that one stray mark does not hide the parameters.
fn fence(lines: &Lines<'_>, number: usize, markup: Markup, survey: &mut Survey) -> Option<usize> {
    let (mark, length, info) = fence_mark(lines.text(number))?;
    let known = survey.open_fences.get_mut(usize::from(mark == '~'))?;
    if length >= *known {
        return None;
    }
    let closes = |at: &usize| {
        fence_mark(lines.text(*at)).is_some_and(|(other, run, rest)| other == mark && run >= length && rest.is_empty())
    };
    let Some(close) = (number + 1..lines.len()).find(closes) else {
        *known = length;
        if markup == Markup::Rustdoc {
            survey.mark(number..lines.len());
            return Some(lines.len());
        }
        return None;
    };
    survey.mark(number..close + 1);
    if is_own_language(info, markup) {
        add_example(lines, number + 1..close, number..close + 1, markup, survey);
    }
    Some(close + 1)
}

fn doctest(lines: &Lines<'_>, number: usize, survey: &mut Survey) -> Option<usize> {
    prompt(lines.text(number))?;
    let indent = lines.indent(number);
    let fenced = |at: usize| lines.text(at).starts_with("```");
    let end = (number + 1..lines.len())
        .find(|&at| lines.blank(at) || lines.indent(at) < indent || fenced(at))
        .unwrap_or(lines.len());
    survey.mark(number..end);
    add_example(lines, number..end, number..end, Markup::Python, survey);
    Some(end)
}

/// The lines behind `number` that are blank or stand deeper than it.
fn body(lines: &Lines<'_>, number: usize) -> Range<usize> {
    let indent = lines.indent(number);
    let end =
        (number + 1..lines.len()).find(|&at| !lines.blank(at) && lines.indent(at) <= indent).unwrap_or(lines.len());
    number + 1..lines.trim_blank(number + 1, end)
}

fn directive(lines: &Lines<'_>, number: usize, survey: &mut Survey) -> Option<usize> {
    let (name, argument) = lines.text(number).strip_prefix(".. ")?.split_once("::")?;
    let name = name.trim();
    CODE_DIRECTIVES.contains(&name).then_some(())?;
    let body = body(lines, number);
    survey.mark(number..body.end);
    let argument = argument.trim();
    let code = match name {
        "code-block" | "code" | "sourcecode" => is_own_language(argument, Markup::Python),
        "doctest" | "testcode" | "ipython" | "jupyter-execute" => true,
        _ => false,
    };
    if code {
        // Options of the directive come first: `:linenos:`.
        let start = body.clone().find(|&at| !lines.blank(at) && !lines.text(at).starts_with(':')).unwrap_or(body.end);
        add_example(lines, start..body.end, number..body.end, Markup::Python, survey);
    }
    Some(body.end)
}

fn literal(lines: &Lines<'_>, number: usize, survey: &mut Survey) -> Option<usize> {
    let text = lines.text(number);
    (text.ends_with("::") && !text.starts_with(".. ") && lines.blank(number + 1)).then_some(())?;
    let body = body(lines, number);
    let start = body.clone().find(|&at| !lines.blank(at))?;
    survey.mark(start..body.end);
    let word = text.to_ascii_lowercase();
    if word.contains("example") || word.contains("usage") || prompt(lines.text(start)).is_some() {
        add_example(lines, start..body.end, start..body.end, Markup::Python, survey);
    }
    Some(body.end)
}

/// Whether a line begins a list item.
pub(crate) fn is_list_item(text: &str) -> bool {
    let digits = text.trim_start_matches(|character: char| character.is_ascii_digit());
    let numbered = digits.len() < text.len() && (digits.starts_with(". ") || digits.starts_with(") "));
    numbered || ["- ", "* ", "+ ", "• "].iter().any(|mark| text.starts_with(mark))
}

fn indented(lines: &Lines<'_>, number: usize, least: usize, survey: &mut Survey) -> Option<usize> {
    let starts = !lines.blank(number) && lines.indent(number) >= least && !is_list_item(lines.text(number));
    starts.then_some(())?;
    let before = (0..number).rev().find(|&at| !lines.blank(at));
    // What is indented below a list item belongs to the item; Markdown wants a blank line before code.
    let in_list =
        before.is_some_and(|at| !survey.is_code(at) && (is_list_item(lines.text(at)) || lines.indent(at) > 0));
    let parted = least == 1 || before.is_none_or(|at| at + 1 < number);
    (!in_list && parted).then_some(())?;
    let column = lines.indent(number);
    let item = |at: usize| lines.indent(at) < column && is_list_item(lines.text(at)) && lines.blank(at - 1);
    let ends = |at: usize| !lines.blank(at) && (lines.indent(at) < least || item(at));
    let end = (number + 1..lines.len()).find(|&at| ends(at)).unwrap_or(lines.len());
    let end = lines.trim_blank(number, end);
    survey.mark(number..end);
    let markup = if least == 1 { Markup::Godoc } else { Markup::Rustdoc };
    add_example(lines, number..end, number..end, markup, survey);
    Some(end)
}
