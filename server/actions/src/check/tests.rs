//! Sound and broken code in the place of a method, and what is said of it.

use super::*;
use crate::testing::{model, symbol};
use std::sync::Arc;
use syntax::text::apply_edits;

const TEXT: &str = "import os\r\n\r\nclass Store:\r\n    def __init__(self, path):\r\n        self.path = path\r\n\r\n    def load(self, name, limit=3):\r\n        # read it\r\n        file = open(os.path.join(self.path, name))\r\n        return file.read(limit)\r\n\r\ndef other(x):\r\n    return x\r\n";

fn ground(model: FileModel, region: Span) -> Ground {
    Ground::new(Arc::new(model), region, std::iter::empty())
}

fn verdict(code: &str, keeps: Keeps) -> Result<String, String> {
    let model = model("python", TEXT);
    let region = model.symbols[symbol(&model, "Store.load")].span;
    let edits = judge(&ground(model.clone(), region), region, code, keeps)?;
    let after = apply_edits(&model.text, &edits).unwrap();
    // Whatever was judged good changes nothing outside of its region.
    assert!(after.starts_with(&TEXT[..region.start]) && after.ends_with(&TEXT[region.end..]), "{after}");
    assert!(!after.replace("\r\n", "").contains('\n'), "{after:?}");
    Ok(after)
}

const GOOD: &str = "def load(self, name, limit=3):\n    # read it\n    with open(os.path.join(self.path, name)) as file:\n        return file.read(limit)\n";

#[test]
fn sound_code_takes_its_place_with_its_indentation_and_line_breaks() {
    let after = verdict(GOOD, Keeps::Signatures).unwrap();
    assert!(after.contains("    def load(self, name, limit=3):\r\n        # read it\r\n        with open("), "{after}");
    let indented: String = GOOD.lines().map(|line| format!("    {line}\n")).collect();
    assert_eq!(verdict(&indented, Keeps::Signatures).unwrap(), after);
    let model = model("python", TEXT);
    let region = model.symbols[symbol(&model, "Store.load")].span;
    let edits = judge(&ground(model, region), region, GOOD, Keeps::Signatures).unwrap();
    assert!(edits.iter().all(|edit| edit.span.start > region.start + 40), "lines that stay are not touched: {edits:?}");
}

#[test]
fn what_is_broken_is_refused_with_a_sentence() {
    for (code, reason) in [
        ("", "no code"),
        ("   \n", "no code"),
        ("def load(self, name, limit=3):\n    return open(", "parse"),
        ("def load(self, title, limit=3):\n    return title\n", "parameters"),
        ("def load(self, name):\n    return name\n", "parameters"),
        ("def read(self, name, limit=3):\n    return name\n", "no longer defines `Store.load`"),
        (
            "def load(self, name, limit=3):\n    # ... rest of the code unchanged\n    return name\n",
            "leaves a part out",
        ),
        ("def load(self, name, limit=3):\n    return fetch_remote(name)\n", "`fetch_remote`"),
        ("def load(self, name, limit=3):\n    return self.fetch(name)\n", "`fetch`"),
    ] {
        let refusal = verdict(code, Keeps::Signatures).unwrap_err();
        assert!(refusal.contains(reason) && refusal.ends_with('.'), "{code:?}: {refusal}");
    }
    let before = model("python", TEXT);
    let other = before.symbols[symbol(&before, "other")].span;
    let twice = judge(
        &ground(before, other),
        other,
        "def other(x):\n    return x + 1\n\nclass Store:\n    pass\n",
        Keeps::Names,
    );
    assert!(twice.unwrap_err().contains("`Store` a second time"));
    let huge = format!("def load(self, name, limit=3):\n{}", "    x = 1\n".repeat(1 << 20));
    assert!(verdict(&huge, Keeps::Signatures).unwrap_err().contains("far more"));
    let same = TEXT[TEXT.find("def load").unwrap()..TEXT.find("\r\n\r\ndef other").unwrap()].to_owned();
    assert!(verdict(&same, Keeps::Signatures).is_err());
}

#[test]
fn what_the_code_brings_itself_it_may_use() {
    for code in [
        "def load(self, name, limit=3):\n    def inner(x):\n        return x\n    return inner(name)\n",
        "def load(self, name, limit=3):\n    reader = open\n    return reader(name).read_all()\n",
        "def load(self, name, limit=3):\n    from json import loads\n    return loads(name)\n",
        "def load(self, name, limit=3):\n    return self.load(other(name))\n",
    ] {
        verdict(code, Keeps::Signatures).unwrap_or_else(|refusal| panic!("{code}: {refusal}"));
    }
    assert!(verdict("def load(self, name):\n    return name\n", Keeps::Names).is_ok(), "a signature that may change");
}

#[test]
fn other_languages_know_their_own_definitions() {
    for (language, text, code) in [
        (
            "rust",
            "fn a(x: u8) -> u8 { x }\n",
            "fn a(x: u8) -> u8 {\n    let y = Some(x);\n    y.unwrap_or_default()\n}\n",
        ),
        (
            "go",
            "package p\n\nfunc A(x int) int {\n\treturn x\n}\n",
            "func A(x int) int {\n\ty := make([]int, x)\n\treturn len(y)\n}\n",
        ),
        (
            "typescript",
            "export function a(x: number) {\n  return x;\n}\n",
            "export function a(x: number) {\n  const f = (y: number) => y;\n  return f(parseInt(String(x)));\n}\n",
        ),
    ] {
        let before = model(language, text);
        let name = if language == "go" { "A" } else { "a" };
        let region = before.symbols[symbol(&before, name)].span;
        judge(&ground(before.clone(), region), region, code, Keeps::Signatures)
            .unwrap_or_else(|refusal| panic!("{language}: {refusal}"));
        let invented =
            code.replace("len(", "lenx(").replace("parseInt(", "parseInteger(").replace("Some(", "Anything(");
        assert!(
            judge(&ground(before.clone(), region), region, &invented, Keeps::Signatures)
                .unwrap_err()
                .contains("does not exist"),
            "{language}"
        );
    }
}

#[test]
fn a_ground_that_judged_much_judges_as_a_new_one_does() {
    let text: String = (0..40)
        .map(|number| format!("def f_{number}(a, b=1):\n    \"\"\"Add.\"\"\"\n    return f_{number}(a + b)\n\n\n"))
        .collect();
    let before = model("python", &text);
    let mut sound = 0;
    for number in 0..40 {
        let region = before.symbols[symbol(&before, &format!("f_{number}"))].span;
        let old = ground(before.clone(), region);
        for (from, to) in [
            ("a + b", "b + a"),
            ("return", "retrun (("),
            ("(a, b", "(c, b"),
            ("(a + b)", "(\n        b)\n"),
            ("f_", "g_"),
        ] {
            let code = region.of(&text).replace(from, to);
            let fresh = judge(&ground(before.clone(), region), region, &code, Keeps::Signatures);
            sound += usize::from(fresh.is_ok());
            assert_eq!(judge(&old, region, &code, Keeps::Signatures), fresh, "{code}");
        }
    }
    assert_eq!(sound, 80);
}

#[test]
fn a_definition_judged_alone_is_judged_as_with_its_whole_file() {
    let text = "import os\n\n\n@cached\ndef first(a):\n    return a\n\n\nclass Store:\n    def load(self, a):\n        return a\n\n    def keep(self, b):\n        return b\n\n\ndef last(c):\n    return c\n";
    let before = model("python", text);
    let mut verdicts = Vec::new();
    for name in ["first", "Store.load", "Store.keep", "last"] {
        let region = before.symbols[symbol(&before, name)].span;
        let old = region.of(text);
        let mut codes = vec![
            format!("{old}\n\ndef another():\n    return 1"),
            format!("{old}\n\ndef last(c):\n    return 1"),
            format!("{old} + first(1)"),
            format!("{old} + nothing(1)"),
            format!("{old} + \"\"\"x"),
            format!("{old} + 'x"),
            format!("{old} + (1"),
            format!("{old} + \\"),
            format!("{old} \\"),
            format!("{old}\nelse:\n    x = 1"),
            format!("{old}\n@cached"),
            format!("{old}\n  x = 1"),
            format!("{old}  # \\"),
            old.replace("return", "x = 1\n        return"),
            old.replace("return", "if a:\n  return"),
            old.replace("return", "return f'{x} {'"),
        ];
        codes.push(old.replace("return ", "return 2 * "));
        for code in codes {
            for keeps in [Keeps::Signatures, Keeps::Names] {
                let alone = judge(&ground(before.clone(), region), region, &code, keeps);
                // Alone it is judged harder where it would take in what stands below: a decorator, a line that goes on.
                let whole = judge(&ground(before.clone(), region).whole(), region, &code, keeps);
                assert!(
                    alone == whole || alone.is_err() && code.ends_with(['\\', 'd']),
                    "{name}: {code}\n{alone:?}\n{whole:?}"
                );
                verdicts.push(alone.is_ok());
            }
        }
    }
    assert!(
        verdicts.iter().filter(|is_ok| **is_ok).count() > 10 && verdicts.iter().filter(|is_ok| !**is_ok).count() > 60
    );
    let in_store = before.symbols[symbol(&before, "Store.load")].span;
    assert!(ground(before, in_store).part().text.starts_with("class Store"), "only its class is read again");
}
