//! A key, token or password stands in the code.

use super::{Check, Group, RuleInfo};
use crate::context::{FileContext, Reporter};
use crate::diagnostic::Severity;
use security::scan::SecretKind;
use syntax::text::Span;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "hardcoded-secret",
    summary: "A key, token or password stands in the code.",
    group: Group::Code,
    default_severity: Severity::Warning,
    fixable: false,
    aliases: &["S105", "S106", "S107", "B105", "B106", "B107", "no-secrets/no-secrets", "G101"],
    page: include_str!("../../rules/hardcoded-secret.md"),
    needs_bodies: false,
    check: Check::File(check),
};

fn check(file: &FileContext<'_>, report: &mut Reporter<'_>) {
    let mut told: Vec<Span> = Vec::new();
    for literal in &file.model.literals {
        let Some(found) = security::scan::scan_value(&literal.name, &literal.value) else { continue };
        told.push(literal.span);
        let secret = literal.value.get(found.range).unwrap_or("");
        tell(file, report, &literal.name, literal.span, found.kind, secret);
    }
    // What is certain by its own form is one wherever it stands: in a string of any shape, a comment, a docstring.
    for found in security::scan::scan_forms(&file.model.text) {
        let span = Span::new(found.range.start, found.range.end);
        if !told.iter().any(|literal| literal.overlaps(span)) {
            tell(file, report, "", span, found.kind, span.of(&file.model.text));
        }
    }
}

fn tell(file: &FileContext<'_>, report: &mut Reporter<'_>, name: &str, span: Span, kind: SecretKind, secret: &str) {
    let symbol = file.model.symbol_at(span.start).unwrap_or(0);
    if file.symbol(symbol).is_some_and(|symbol| symbol.flags.is_test) {
        return;
    }
    // The message goes to logs and reports: no more of the secret than shows which one is meant.
    let shown: String = secret.chars().take(if secret.chars().count() >= 12 { 4 } else { 0 }).collect();
    let holder = if name.is_empty() { "This text".to_owned() } else { format!("`{name}`") };
    let finding = file.finding(symbol, span, format!("{holder} holds what looks like {} (`{shown}…`).", kind.label()));
    report.add(if name.is_empty() { finding } else { finding.name(name) });
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::findings;

    #[test]
    fn the_triggers_of_every_language_cover_the_words_of_every_form() {
        for language in ["python", "javascript", "typescript", "go", "rust"] {
            let language = syntax::language::Language::from_id(language).unwrap();
            for keyword in security::scan::keywords() {
                assert!(language.looks_at_literals_for(keyword), "{} does not look for {keyword}", language.name);
            }
        }
    }

    #[test]
    fn secrets_are_found_in_every_form_of_literal() {
        let mixed = "Zq8vT2mXw7Lk4Rj9Hn3Bd6Yc1Fs5Gp0AoVuKeItPxQzWbNrMhJy";
        let take = |count: usize| mixed.chars().cycle().take(count).collect::<String>();
        let pem = format!("-----BEGIN {} KEY-----\n{}\n-----END {} KEY-----", "RSA PRIVATE", take(64), "RSA PRIVATE");
        let (npm, google, openai) = (format!("npm_{}", take(36)), format!("AIza{}", take(35)), format!("sk-proj-{}", take(60)));
        let web = format!("eyJhbGciOiJIUzI1NiJ9.eyJ{}.{}", take(20), take(43));
        let azure = format!("DefaultEndpointsProtocol=https;AccountKey={}==", take(86));
        for (language, source) in [
            ("python", format!("PEM = \"\"\"\n{pem}\n\"\"\"\n")),
            ("python", format!("GOOG = \"{google}\"\n")),
            ("python", format!("connect(\"{openai}\")\n")),
            ("python", format!("x = [\"{web}\"]\n")),
            ("python", format!("def f():\n    return '{npm}'\n")),
            ("javascript", format!("const a = `{npm}`;\n")),
            ("javascript", format!("connect(`{google}`, 1);\n")),
            ("typescript", format!("const a = {{ b: `{pem}` }};\n")),
            ("typescript", format!("connect(\"{openai}\");\n")),
            ("go", format!("package p\n\nvar a = `{pem}`\n")),
            ("go", format!("package p\n\nfunc f() {{ connect(`{azure}`) }}\n")),
            ("rust", format!("const A: &str = r#\"{pem}\"#;\n")),
            ("rust", format!("fn f() {{ connect(\"{web}\"); }}\n")),
        ] {
            assert_eq!(findings(language, &source, &Settings::only("hardcoded-secret")).len(), 1, "{source}");
        }
        for (language, source) in [
            ("python", format!("x = a if b else \"{npm}\"\n")),
            ("python", format!("# {npm}\n")),
            ("python", format!("def f():\n    \"\"\"Takes {npm} as it is.\"\"\"\n    g()\n")),
            ("python", format!("x = f\"{npm} {{y}}\"\n")),
            ("python", format!("x = {{\"{google}\"}} | y[\"z\"]\n")),
            ("javascript", format!("const a = b ? `{npm} ${{c}}` : d;\n")),
            ("javascript", format!("// {google}\n")),
            ("typescript", format!("const a = [\"{google}\"] as const;\n")),
            ("go", format!("package p\n\nvar a = []string{{\"{npm}\"}}\n")),
            ("go", format!("package p\n\n// {web}\nvar a = 1\n")),
            ("rust", format!("fn f() -> &'static str {{ if a {{ \"{npm}\" }} else {{ b }} }}\n")),
            ("rust", format!("/// Takes {google} as it is.\npub fn f() {{}}\n")),
        ] {
            assert_eq!(findings(language, &source, &Settings::only("hardcoded-secret")).len(), 1, "{source}");
        }
        let prose = "# Write postgres://admin:Hq7vT2mXw7@db.internal.net/x to connect.\n";
        assert!(findings("python", prose, &Settings::only("hardcoded-secret")).is_empty());
        let quiet = "connect(\"a plain text with a token\", `npm_${name}`);\n";
        assert!(findings("javascript", quiet, &Settings::only("hardcoded-secret")).is_empty());
    }

    #[test]
    fn a_key_is_found_and_not_repeated() {
        let key = format!("{}{}", "AKIA", "Q3EGRIXJ7ZT5NWPL");
        let source = format!("aws_secret_key = '{key}'\nplaceholder_token = 'changeme'\n");
        let found = findings("python", &source, &Settings::default());
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].rule, "hardcoded-secret");
        assert!(!found[0].message.contains(&key[..6]));
    }
}
