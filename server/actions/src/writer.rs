//! The offline writer: real sentences from names and facts.
//!
//! It never invents: every word comes from the code, its facts, or a fixed table of what names mean. It leaves no placeholder.

pub mod added;
pub mod asked;
pub mod condition;
pub mod entries;
pub mod kinds;
pub mod naming;
pub mod outcome;
pub mod special;
pub mod subject;
pub mod summary;
pub mod surroundings;
pub mod trouble;
pub mod usage;
pub mod verbs;
pub mod words;

use subject::{Subject, Tongue};
use syntax::docstring::{DocDraft, DocStyle, EntryDraft};
use syntax::model::FileModel;

/// Whether entries carry types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Types {
    /// As most entries of the file do; where there is none, as the style's own guide says.
    #[default]
    LikeNeighbours,
    /// Wherever the code states one.
    Always,
    /// Never.
    Never,
}

/// The grammatical person of summaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// "Return the …".
    Imperative,
    /// "Returns the …".
    Third,
}

/// For whom documentation is written when a whole file is documented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// Users: what is not private.
    #[default]
    Users,
    /// Everyone: private definitions too.
    Everyone,
}

/// How to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriterOptions {
    /// The user's style; left alone in languages that it does not belong to.
    pub style: Option<DocStyle>,
    /// The styles of the repository's majority, by language identifier.
    pub repository_styles: Vec<(String, DocStyle)>,
    /// Column to wrap at.
    pub width: usize,
    /// Whether entries carry types.
    pub types: Types,
    /// The person of summaries; `None`: as most of the file's summaries, then as the language does.
    pub person: Option<Person>,
    /// For whom.
    pub audience: Audience,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            style: None,
            repository_styles: Vec::new(),
            width: 88,
            types: Types::default(),
            person: None,
            audience: Audience::default(),
        }
    }
}

impl WriterOptions {
    /// The style of the repository's majority for a language.
    pub fn repository_style(&self, language: &str) -> Option<DocStyle> {
        self.repository_styles.iter().find(|(id, _)| id == language).map(|&(_, style)| style)
    }
}

/// The words for a symbol's documentation.
pub fn draft(model: &FileModel, symbol: usize, style: DocStyle, options: &WriterOptions) -> Option<DocDraft> {
    let subject = Subject::new(model, symbol, style, options)?;
    let item = subject.symbol;
    let mut draft = if item.kind.is_callable() {
        callable(&subject)
    } else {
        DocDraft { summary: kinds::noun(&subject), attributes: outcome::attributes(&subject), ..DocDraft::default() }
    };
    if matches!(style, DocStyle::Godoc | DocStyle::Sphinx) {
        each_text(&mut draft, |text| mark(text, style));
    }
    Some(draft)
}

/// The words for a function.
fn callable(subject: &Subject<'_>) -> DocDraft {
    let item = subject.symbol;
    let mut draft = DocDraft { summary: summary::summary(subject), ..DocDraft::default() };
    let noun = item.flags.is_getter && subject.tongue == Tongue::Python;
    match subject.tongue {
        Tongue::Rust => {
            draft.raises = trouble::errors(subject);
            draft.panics = trouble::panics(subject);
            draft.safety = trouble::safety(subject);
        }
        Tongue::Go => {}
        _ => {
            draft.type_params = type_params(subject);
            draft.params = entries::params(subject);
            draft.yields = outcome::yields(subject);
            draft.returns = if noun || draft.yields.is_some() && subject.tongue == Tongue::Python {
                None
            } else {
                outcome::returns(subject)
            };
            draft.raises = trouble::raises(subject);
            if draft.raises.is_empty() && !matches!(subject.tongue, Tongue::Python) {
                draft.rejects = trouble::rejects(subject);
            }
        }
    }
    draft
}

/// Entries for generic parameters, in the styles that have them.
fn type_params(subject: &Subject<'_>) -> Vec<EntryDraft> {
    if !matches!(subject.style, DocStyle::Tsdoc | DocStyle::Jsdoc) || subject.tongue == Tongue::JavaScript {
        return Vec::new();
    }
    (0..subject.symbol.type_params.len()).filter_map(|index| type_param(subject, index)).collect()
}

/// The entry for one generic parameter: where it occurs.
pub fn type_param(subject: &Subject<'_>, index: usize) -> Option<EntryDraft> {
    let item = subject.symbol;
    let param = item.type_params.get(index)?;
    let names = |declared: &str| words_of(declared).any(|word| word == param.name);
    let takes: Vec<String> = item
        .params
        .iter()
        .filter(|other| other.type_text.as_ref().is_some_and(|declared| names(&declared.text)))
        .filter_map(|other| words::code(&other.name))
        .take(2)
        .collect();
    let returned = item.return_type.as_ref().is_some_and(|declared| names(&declared.text));
    let place = match (takes.is_empty(), returned) {
        (false, true) => format!("The type of {} and of the result", words::list(&takes, "and")),
        (false, false) => format!("The type of {}", words::list(&takes, "and")),
        (true, true) => "The type of the result".to_owned(),
        (true, false) => "A type that the caller chooses".to_owned(),
    };
    let bound = param
        .bound
        .as_deref()
        .and_then(words::code)
        .map(|bound| format!(", which extends {bound}"))
        .unwrap_or_default();
    Some(EntryDraft { name: param.name.clone(), text: format!("{place}{bound}."), ..EntryDraft::default() })
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !(character.is_alphanumeric() || character == '_'))
}

/// Code in running text as the style marks it: nothing in godoc, two back-ticks in reStructuredText.
pub fn mark(text: &str, style: DocStyle) -> String {
    match style {
        DocStyle::Godoc => text.replace('`', ""),
        DocStyle::Sphinx => text.replace("``", "`").replace('`', "``"),
        _ => text.to_owned(),
    }
}

fn each_text(draft: &mut DocDraft, change: impl Fn(&str) -> String) {
    draft.summary = change(&draft.summary);
    let lists =
        [&mut draft.type_params, &mut draft.params, &mut draft.attributes, &mut draft.raises, &mut draft.rejects];
    for entry in lists.into_iter().flatten().chain(&mut draft.returns).chain(&mut draft.yields) {
        entry.text = change(&entry.text);
    }
    for text in draft.panics.iter_mut().chain(&mut draft.safety).chain(&mut draft.details) {
        *text = change(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{model, symbol};

    fn draft_of(language: &str, text: &str, path: &str) -> DocDraft {
        let model = model(language, text);
        draft(&model, symbol(&model, path), model.language.doc_style, &WriterOptions::default()).expect("a draft")
    }

    #[test]
    fn summaries_come_from_names_and_facts() {
        for (language, text, path, summary) in [
            (
                "python",
                "def get_user_name(user_id):\n    return db[user_id]\n",
                "get_user_name",
                "Return the user name for `user_id`.",
            ),
            ("python", "def is_valid(token):\n    return token == 1\n", "is_valid", "Return whether `token` is valid."),
            (
                "python",
                "class C:\n    def __eq__(self, other):\n        return True\n",
                "C.__eq__",
                "Return whether the `C` is equal to `other`.",
            ),
            ("python", "class ParseError(Exception):\n    pass\n", "ParseError", "Raised when parsing fails."),
            (
                "python",
                "def rows(table):\n    for row in table:\n        yield row\n",
                "rows",
                "Yield the rows for `table`.",
            ),
            ("python", "def parse_URL(text):\n    return urlsplit(text)\n", "parse_URL", "Parse the URL from `text`."),
            (
                "python",
                "class T:\n    @property\n    def size(self):\n        return self._n\n",
                "T.size",
                "The size of the `T`, which is `self._n`.",
            ),
            (
                "javascript",
                "class EventBus { constructor(name) { this.name = name; } }\n",
                "EventBus.constructor",
                "Create an `EventBus` with `name`.",
            ),
            ("javascript", "export function toHex(color) { return f(color); }\n", "toHex", "Convert `color` to hex."),
            (
                "typescript",
                "class R { has(id: string): boolean { return this.s.has(id); } }\n",
                "R.has",
                "Return whether the `R` has `id`.",
            ),
            ("rust", "struct S;\nimpl S { pub fn load(&self, path: &Path) -> u8 { 1 } }\n", "S.load", "Loads `path`."),
            (
                "go",
                "package p\n\nfunc ParseURL(raw string) error { return nil }\n",
                "ParseURL",
                "ParseURL parses the URL from raw.",
            ),
        ] {
            assert_eq!(draft_of(language, text, path).summary, summary, "{text}");
        }
    }

    #[test]
    fn sentences_claim_nothing_false() {
        for (language, text, path, summary) in [
            ("go", "package p\n\nfunc MustParse(s string) int { return 1 }\n", "MustParse", "MustParse parses s."),
            (
                "go",
                "package p\n\nfunc Get(id string) (*Cart[int], error) { return nil, nil }\n",
                "Get",
                "Get returns the Cart for id.",
            ),
            (
                "typescript",
                "class Q<K, V> { get(key: K): V | undefined { return this.m.find(key); } }\n",
                "Q.get",
                "Return the value for `key`.",
            ),
            ("rust", "pub struct Point(f64, f64);\n", "Point", "A point as a type of its own."),
            ("rust", "pub union U { a: u8, b: i8 }\n", "U", "The type `U`."),
            ("python", "class Marker:\n    pass\n", "Marker", "An empty marker."),
            ("go", "package p\n\ntype Kind int\n", "Kind", "Kind is a type of its own, based on int."),
            ("go", "package p\n\ntype Kind = int\n", "Kind", "Kind is another name for int."),
            ("rust", "pub enum A { X, Y }\n", "A", "Enumerates the cases of `A`: `X` and `Y`."),
        ] {
            assert_eq!(draft_of(language, text, path).summary, summary, "{text}");
        }
        let two =
            draft_of("python", "def sound(loud):\n    if loud:\n        return 'WOOF'\n    return 'woof'\n", "sound");
        assert!(!two.summary.contains("which is"), "{}", two.summary);
    }

    #[test]
    fn a_loop_before_a_raise_is_its_reason_only_where_a_match_returns() {
        for (text, reason) in [
            (
                "def f(xs):\n    for x in xs:\n        if x:\n            return x\n    raise KeyError(1)\n",
                "If nothing in `xs` fits.",
            ),
            (
                "def f(n):\n    for i in range(n):\n        if g(i):\n            return i\n    raise KeyError(1)\n",
                "If none of the cases that return before applies.",
            ),
            (
                "def f(n):\n    for attempt in range(n):\n        try:\n            return g()\n        except OSError:\n            pass\n    raise KeyError(1)\n",
                "If all attempts fail.",
            ),
        ] {
            let told = draft_of("python", text, "f").raises;
            assert!(told.iter().any(|entry| entry.text == reason), "{told:?}");
        }
    }

    #[test]
    fn an_exception_is_told_with_all_that_leads_to_it() {
        for (text, told) in [
            (
                "def f(path, silent=False):\n    try:\n        os.remove(path)\n    except OSError:\n        if not silent:\n            raise\n",
                "If `os.remove(path)` fails and `silent` is false.",
            ),
            (
                "def f(a, n):\n    try:\n        first(a)\n        if a:\n            second(n)\n    except Exception:\n        undo()\n        raise\n",
                "If `first` or `second` fails.",
            ),
            (
                "def f(strict, x):\n    if strict:\n        if x < 0:  # if: not\n            raise ValueError\n",
                "If `strict` is truthy and `x` is negative.",
            ),
            (
                "def f(mode):\n    if mode == 'r':\n        return 1\n    elif mode == 'w':\n        return 2\n    else:\n        raise ValueError(mode)\n",
                "If `mode` is not `'r'` and `mode` is not `'w'`.",
            ),
            (
                "def f(self):\n    with self.lock:\n        if not self.tasks.acquire(False):\n            raise ValueError\n",
                "If `self.tasks.acquire(False)` does not hold.",
            ),
            ("def f(a):\n    fd = os.open(a)\n    if fd < 0:\n        raise OSError\n", "If `os.open(a)` is negative."),
            (
                "def f(xs):\n    for x in xs:\n        if x < 0:\n            raise ValueError\n",
                "If an item of `xs` is negative.",
            ),
            (
                "def f(a, on):\n    n = 0\n    for x in a:\n        n += x\n    if on:\n        if n > 3:\n            raise ValueError\n",
                "If `on` is truthy and a further condition holds.",
            ),
            (
                "def f(a):\n    n = 0\n    n += g(a)\n    if n > 3:\n        raise ValueError('bad magic number')\n",
                "Raised with the message “bad magic number”.",
            ),
        ] {
            let raises = draft_of("python", text, "f").raises;
            assert_eq!(raises.iter().map(|entry| entry.text.as_str()).collect::<Vec<_>>(), [told], "{text}");
        }
        let script =
            "function f(a, quiet) { try { open(a); } catch (error) { if (!quiet) { throw new Error('x'); } } }\n";
        let raises = draft_of("javascript", script, "f").raises;
        assert_eq!(raises.first().map(|entry| entry.text.as_str()), Some("If `open(a)` fails and `quiet` is falsy."));
    }

    #[test]
    fn names_that_only_the_body_knows_are_not_told() {
        let draft = draft_of("python", "def flat(xs):\n    for x in xs:\n        yield from x\n", "flat");
        assert_eq!(draft.yields.map(|entry| entry.text).as_deref(), Some("Each value of the items of `xs`."));
    }

    #[test]
    fn sentences_keep_to_the_grammar() {
        for (language, text, path, summary) in [
            (
                "rust",
                "pub struct Queue;\nimpl Queue { pub fn of(x: u8) -> Queue { Queue } }\n",
                "Queue.of",
                "Creates a `Queue` from `x`.",
            ),
            (
                "python",
                "class P:\n    def distance_to(self, other):\n        return self.x - other.x\n",
                "P.distance_to",
                "Return the distance of the `P` to `other`.",
            ),
            (
                "rust",
                "pub struct W;\nimpl W { pub fn into_inner(self) -> u8 { 1 } }\n",
                "W.into_inner",
                "Consumes this `W` and returns what it wraps.",
            ),
            (
                "rust",
                "pub struct Server { port: u16 }\nimpl Server { pub fn set_port(&mut self, port: u16) -> &mut Self { self.port = port; self } }\n",
                "Server.set_port",
                "Sets the port of this instance.",
            ),
            ("python", "def assert_ok(response):\n    assert response\n", "assert_ok", "Assert that `response` is OK."),
            ("python", "def mutate(tree):\n    tree.pop()\n", "mutate", "Mutate `tree`."),
            ("python", "def data(x):\n    x.pop()\n", "data", "Handle the data for `x`."),
            (
                "go",
                "package p\n\nfunc (s *Server) Start(ctx Context) { s.run() }\n",
                "Server.Start",
                "Start starts the Server with ctx.",
            ),
            (
                "go",
                "package p\n\nfunc (n *Tree) Add(item int) { n.items = append(n.items, item) }\n",
                "Tree.Add",
                "Add adds item to the Tree.",
            ),
        ] {
            assert_eq!(draft_of(language, text, path).summary, summary, "{text}");
        }
        let texts = |language, text| -> Vec<String> {
            draft_of(language, text, "f").params.into_iter().map(|entry| entry.text).collect()
        };
        assert_eq!(
            texts("python", "def f(it, to, loud: bool):\n    g(it)\n    if to:\n        pass\n"),
            ["Value that is passed on to `g`.", "The value of `to`.", "Whether to be loud."]
        );
        let taken = draft_of("javascript", "function f([first, second], { x = 1, y } = {}) { return first; }\n", "f");
        let told: Vec<_> = taken
            .params
            .iter()
            .map(|entry| (entry.name.as_str(), entry.type_text.as_deref(), entry.optional))
            .collect();
        assert_eq!(
            told.iter().filter(|(name, ..)| !name.contains('.')).map(|(_, kind, _)| *kind).collect::<Vec<_>>(),
            [Some("Array"), Some("object")],
            "{told:?}"
        );
        assert!(told.iter().any(|(name, _, optional)| name.ends_with(".x") && *optional), "{told:?}");
        assert!(told.iter().any(|(name, _, optional)| name.ends_with(".y") && *optional), "{told:?}");
        assert_eq!(verbs::participle("format"), "formatted");
        let missing = draft_of("python", "def result_missing(key):\n    return key + 1\n", "result_missing");
        assert_eq!(missing.returns.map(|entry| entry.text).as_deref(), Some("The result, worked out from `key`."));
    }

    #[test]
    fn a_name_that_only_looks_like_verb_and_object_is_told_as_a_noun() {
        for (language, text, path, summary) in [
            (
                "python",
                "class L:\n    def call_soon(self, callback, *args):\n        self.q.append(callback)\n",
                "L.call_soon",
                "Call `callback` soon by calling `self.q.append`.",
            ),
            (
                "python",
                "def bulk_update_mappings(rows):\n    rows.clear()\n",
                "bulk_update_mappings",
                "Update the mappings for `rows`.",
            ),
            (
                "python",
                "class P:\n    def return_ok(self, cookie):\n        return cookie == 1\n",
                "P.return_ok",
                "Return `True` or `False` for the ok, given `cookie`.",
            ),
            (
                "python",
                "class W:\n    def is_mount(self):\n        raise Unsupported('no')\n",
                "W.is_mount",
                "Return whether the `W` is a mount; raises `Unsupported`.",
            ),
            (
                "python",
                "class IncrementalDecoder:\n    def decode(self):\n        g()\n",
                "IncrementalDecoder",
                "An incremental decoder, with `decode`.",
            ),
            ("python", "class E(Exception):\n    pass\n", "E", "A kind of `Exception` of its own."),
            (
                "rust",
                "pub struct Arg;\nimpl Arg { pub fn is_takes_value_set(&self) -> bool { self.f } }\n",
                "Arg.is_takes_value_set",
                "Returns whether the takes value setting of this `Arg` is set, which is `self.f`.",
            ),
            (
                "go",
                "package p\n\nfunc HelloServer(w W, req *R) { w.Write(req) }\n",
                "HelloServer",
                "HelloServer is the hello server function, given w and req.",
            ),
            (
                "python",
                "def getregentry():\n    return codecs.CodecInfo(1)\n",
                "getregentry",
                "Return the regentry by calling `codecs.CodecInfo`.",
            ),
        ] {
            assert_eq!(draft_of(language, text, path).summary, summary, "{text}");
        }
    }

    #[test]
    fn a_numpy_result_has_a_type_before_its_words() {
        for (text, kind) in [
            ("def f(a):\n    return g(a)\n", "object"),
            ("def f(a):\n    return a == 1\n", "bool"),
            ("def f(a):\n    if a:\n        return None\n    return 'x'\n", "str or None"),
            ("def f(a) -> list[\n    int\n]:\n    return g(a)\n", "list[int]"),
            ("def f(a):\n    for b in a:\n        yield b\n", "object"),
        ] {
            let model = model("python", text);
            let draft = draft(&model, 1, DocStyle::Numpy, &WriterOptions::default()).expect("a draft");
            let told = draft.returns.or(draft.yields).expect("a result");
            assert_eq!((told.name.as_str(), told.type_text), (kind, None), "{text}");
        }
    }

    #[test]
    fn parameters_tell_their_use() {
        let text = "def f(mode, items, callback, n_jobs, verbose=False, *args):\n    if mode == 'r':\n        pass\n    for item in items:\n        callback(item)\n    self.n = n_jobs\n    run(*args)\n";
        let texts: Vec<String> = draft_of("python", text, "f").params.into_iter().map(|entry| entry.text).collect();
        assert_eq!(
            texts,
            [
                "The mode, compared with `'r'`.",
                "The items to iterate over.",
                "The function to call back, called as `callback(item)`.",
                "The number of jobs, kept as `self.n`.",
                "Whether to be verbose. Defaults to `False`.",
                "Positional arguments passed on to `run`.",
            ]
        );
    }

    #[test]
    fn failures_tell_their_condition() {
        let raises = draft_of("python", "def f(x, y):\n    if x < 0:\n        raise ValueError('x')\n    try:\n        g(y)\n    except KeyError as error:\n        raise LookupError('y') from error\n", "f").raises;
        let told: Vec<(String, String)> = raises.into_iter().map(|entry| (entry.name, entry.text)).collect();
        assert_eq!(
            told,
            [
                ("ValueError".to_owned(), "If `x` is negative.".to_owned()),
                ("LookupError".to_owned(), "If `g(y)` raises a `KeyError`.".to_owned())
            ]
        );
        let rust = draft_of(
            "rust",
            "pub unsafe fn f(p: *const u8) -> Result<u8, E> { let x = read(p)?; assert!(x > 0); Ok(x) }\n",
            "f",
        );
        assert_eq!(rust.raises.first().map(|entry| entry.text.as_str()), Some("Returns an error if `read` fails."));
        assert_eq!(rust.panics, ["Panics if `read(p)` is not positive."]);
        assert_eq!(
            rust.safety.as_deref(),
            Some("The caller must uphold the contracts of the unsafe operations in the body.")
        );
    }

    #[test]
    fn no_draft_holds_a_placeholder() {
        let text = "class A:\n    def _(self, _x, *, y=object()): ...\n    x = 1\ndef __(): pass\nasync def n(a, /, b, **k): return lambda: a\n";
        let model = model("python", text);
        for index in 0..model.symbols.len() {
            let draft = draft(&model, index, DocStyle::Google, &WriterOptions::default()).unwrap();
            let texts = draft.params.iter().map(|entry| &entry.text).chain([&draft.summary]);
            for text in texts {
                assert!(
                    text.ends_with('.') && text.len() > 8 && !text.contains("TODO") && !text.contains("  "),
                    "{text:?}"
                );
            }
        }
    }
}
