//! A public symbol has no documentation.

use super::{Check, Group, RuleInfo};
use crate::context::{Reporter, SymbolContext};
use crate::diagnostic::{Repair, Severity};
use syntax::model::{SymbolKind, Visibility};
use syntax::text::Span;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "missing-doc",
    summary: "A public symbol has no documentation.",
    group: Group::Documentation,
    default_severity: Severity::Info,
    fixable: true,
    aliases: &["missing_docs", "D100", "D101", "D102", "D103", "D104", "D105", "D106", "D107", "GL08", "jsdoc/require-jsdoc", "missing_docs_in_private_items", "ST1000", "exported", "MissingJavadocMethod"],
    page: include_str!("../../rules/missing-doc.md"),
    needs_bodies: false,
    check: Check::Symbol(check),
};

fn check(context: &SymbolContext<'_>, report: &mut Reporter<'_>) {
    let symbol = context.symbol;
    if symbol.doc.is_some() || !is_expected(context) {
        return;
    }
    let place = if context.index == 0 { Span::at(0) } else { symbol.name_span };
    let message = match symbol.kind {
        SymbolKind::Module => "The module has no documentation.".to_owned(),
        kind => format!("The {} `{}` has no documentation.", kind.word(), symbol.name),
    };
    let finding = context.finding(place, message);
    let finding = if context.index == 0 { finding } else { finding.name(&symbol.name) };
    report.add(if symbol.doc_slot.usable { finding.repair(Repair::Draft) } else { finding });
}

fn is_expected(context: &SymbolContext<'_>) -> bool {
    let (file, symbol, flags) = (context.file, context.symbol, context.symbol.flags);
    let option = |name: &str| file.settings.switch(RULE.name, name).unwrap_or(false);
    if flags.is_local || flags.is_test || flags.is_override || flags.is_overload || flags.is_setter || flags.owes_no_doc || symbol.name.is_empty() && context.index != 0 {
        return false;
    }
    if symbol.visibility != Visibility::Public && !option("private") {
        return false;
    }
    let is_magic = symbol.name.starts_with("__") && symbol.name.ends_with("__") && symbol.name.len() > 4;
    if is_magic && !option("magic") {
        return false;
    }
    let is_kind = match symbol.kind {
        SymbolKind::Module => option("modules") || (file.is("rust") && option("fields")),
        SymbolKind::Class | SymbolKind::Interface | SymbolKind::Struct | SymbolKind::Enum | SymbolKind::Function | SymbolKind::Method | SymbolKind::Macro => true,
        SymbolKind::Property => !file.is_script(),
        SymbolKind::TypeAlias => file.is("rust") || file.is("go"),
        SymbolKind::Constant => (file.is("rust") || file.is("go")) && option("fields"),
        SymbolKind::Field | SymbolKind::Variant => option("fields"),
        SymbolKind::Constructor => file.is("go"),
        SymbolKind::Impl | SymbolKind::Namespace => false,
    };
    is_kind && (!file.is_script() || is_exported(context))
}

/// In a module with exports, what is not exported is nobody else's business.
fn is_exported(context: &SymbolContext<'_>) -> bool {
    let symbols = &context.file.model.symbols;
    let mut symbol = context.symbol;
    while let Some(parent) = symbol.parent.filter(|parent| *parent != 0).and_then(|parent| symbols.get(parent)) {
        symbol = parent;
    }
    symbol.flags.is_exported || context.file.model.exports.contains(&symbol.name) || !context.file.has_exports()
}

#[cfg(test)]
mod tests {
    use crate::testing::check_only;

    #[test]
    fn an_attribute_that_documents_or_hides_is_enough() {
        for attribute in ["doc = \"Does.\"", "doc=include_str!(\"f.md\")", "doc(hidden)", "cfg_attr(docsrs, doc = \"Does.\")"] {
            check_only("missing-doc", "rust", &format!("#[{attribute}]\npub fn f() {{}}\n"), &[]);
        }
        check_only("missing-doc", "rust", "#[doc(alias = \"g\")]\npub fn f() {}\n", &["missing-doc [f] at \"f\""]);
        check_only("missing-doc", "rust", "#[doc(hidden)]\npub mod m {\n    pub struct S;\n    impl S {\n        pub fn f() {}\n    }\n}\n", &[]);
    }

    #[test]
    fn documented_overloads_speak_for_their_implementation() {
        let source = "/** Does with text. */\nexport function f(a: string): void;\n/** Does with numbers. */\nexport function f(a: number): void;\nexport function f(a: any): void { use(a); }\n";
        check_only("missing-doc", "typescript", source, &[]);
        let bare = source.replace("/** Does with text. */\n", "").replace("/** Does with numbers. */\n", "");
        check_only("missing-doc", "typescript", &bare, &["missing-doc [f] at \"f\""]);
    }

    #[test]
    fn public_functions_and_classes_need_documentation() {
        let source = "def f():\n    return 1\n\nclass C:\n    \"\"\"Doc.\"\"\"\n    def m(self):\n        return 2\n    def _p(self):\n        return 3\n    def __len__(self):\n        return 4\n";
        check_only("missing-doc", "python", source, &["missing-doc [f] at \"f\"", "missing-doc [m] at \"m\""]);
    }

    #[test]
    fn nested_functions_need_none() {
        check_only("missing-doc", "python", "def f():\n    \"\"\"Doc.\"\"\"\n    def inner():\n        return 1\n    return inner\n", &[]);
    }
}
