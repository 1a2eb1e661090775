//! An example calls the function in a way that its signature does not allow.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::Severity;
use crate::calls::{self, Call};
use crate::prose;
use syntax::model::{Param, ParamKind, SymbolKind};

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "stale-example",
    summary: "An example calls the function in a way that its signature does not allow.",
    group: Group::Documentation,
    default_severity: Severity::Warning,
    fixable: false,
    aliases: &[],
    page: include_str!("../../rules/stale-example.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    if doc.doc.examples.is_empty() || !(doc.file.is("python") || doc.file.is_script()) {
        return;
    }
    let Some((name, params)) = called(doc) else { return };
    for example in &doc.doc.examples {
        for call in calls::find(&example.code, name) {
            let Some((problem, concerned)) = misfit(doc, &call, params) else { continue };
            let lines = doc.doc.block.lines.get(example.lines.clone()).unwrap_or(&[]);
            let place = lines.iter().find(|line| doc.text(line.span).contains(call.text)).map(|line| line.span);
            let place = place.or_else(|| lines.iter().find(|line| prose::has_word(doc.text(line.span), name)).map(|line| line.span)).unwrap_or(doc.symbol.name_span);
            let finding = doc.finding(place, format!("The example calls `{name}` {problem}."));
            report.add(finding.names(concerned).related(doc.symbol.name_span, "The signature."));
        }
    }
}

/// The name under which the symbol is called, and what it takes; `None` where decorators may change that.
fn called<'a>(doc: &DocContext<'a>) -> Option<(&'a str, &'a [Param])> {
    let symbol = doc.symbol;
    let is_harmless = |decorator: &String| matches!(decorator.as_str(), "staticmethod" | "classmethod" | "abstractmethod" | "override" | "final" | "functools.cache" | "cache");
    match symbol.kind {
        SymbolKind::Function | SymbolKind::Method if symbol.decorators.iter().all(is_harmless) && doc.file.overloads(doc.index).is_empty() => {
            Some((&symbol.name, &symbol.params))
        }
        SymbolKind::Class if symbol.decorators.is_empty() => {
            let (owner, constructor) = doc.file.constructor(doc.index)?;
            let has_own_new = doc.file.children(doc.index).any(|(_, member)| member.name == "__new__");
            let is_plain = !has_own_new && constructor.decorators.is_empty() && doc.file.overloads(owner).is_empty();
            is_plain.then_some((symbol.name.as_str(), constructor.params.as_slice()))
        }
        _ => None,
    }
}

fn misfit(doc: &DocContext<'_>, call: &Call<'_>, params: &[Param]) -> Option<(String, Vec<String>)> {
    let is_method = doc.symbol.kind == SymbolKind::Method;
    // `other.name(…)` may be another function of the same name.
    if is_method != call.has_receiver || (is_method && !doc.file.is_thorough()) {
        return None;
    }
    let takes_any = |kind: ParamKind| params.iter().any(|param| param.kind == kind);
    let is_open = |kind: ParamKind| takes_any(kind) || params.iter().any(|param| param.kind == ParamKind::Pattern && kind == ParamKind::KeywordRest);
    if doc.file.is("python") && !is_open(ParamKind::KeywordRest) {
        let unknown = call.keywords.iter().find(|keyword| !params.iter().any(|param| param.name == **keyword && param.kind != ParamKind::PositionalOnly));
        if let Some(unknown) = unknown {
            return Some((format!("with `{unknown}`, which is no parameter of it"), vec![(*unknown).to_owned()]));
        }
    }
    let places = params.iter().filter(|param| matches!(param.kind, ParamKind::Normal | ParamKind::PositionalOnly | ParamKind::Pattern)).count();
    if call.positional > places && !call.has_spread && !takes_any(ParamKind::Rest) {
        let plural = if places == 1 { "" } else { "s" };
        return Some((format!("with {} arguments, but it takes {places} parameter{plural}", call.positional), Vec::new()));
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::{check, check_quiet};

    fn source(call: &str) -> String {
        format!("def grow(tree, by=1):\n    \"\"\"Grow.\n\n    >>> {call}\n    3\n    \"\"\"\n    return tree\n")
    }

    #[test]
    fn an_unknown_keyword_and_one_argument_too_many_are_found() {
        check("python", &source("grow(t, amount=2)"), &Settings::default(), &["stale-example [amount] at \">>> grow(t, amount=2)\""]);
        check("python", &source("grow(t, 2, [3, 4])"), &Settings::default(), &["stale-example [] at \">>> grow(t, 2, [3, 4])\""]);
    }

    #[test]
    fn calls_that_fit_are_fine() {
        for call in ["grow(t, by=2)", "grow(*all, 1, 2)", "shrink(grow(t), 1, 2)", "grow(f(1, 2, 3), 'a, b, c')", "other.grow(1, 2, 3)"] {
            check_quiet("python", &source(call));
        }
    }
}
