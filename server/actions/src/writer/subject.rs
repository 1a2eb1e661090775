//! What is known of the symbol being written about, asked in the writer's terms.

use super::condition::{self, Kind};
use super::usage::{Token, Usage, body_text, holds_word, masked, tokens, usage};
use super::{Person, WriterOptions, verbs};
use std::cell::OnceCell;
use syntax::docstring::DocStyle;
use syntax::model::{FileModel, Param, ParamKind, Symbol, SymbolFlags, SymbolKind};

/// The language as far as sentences depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    /// Python.
    Python,
    /// JavaScript without types.
    JavaScript,
    /// TypeScript.
    TypeScript,
    /// Rust.
    Rust,
    /// Go.
    Go,
    /// Any other.
    Other,
}

/// A symbol and what is around it.
pub struct Subject<'a> {
    /// The file.
    pub model: &'a FileModel,
    /// The symbol's index.
    pub index: usize,
    /// The symbol.
    pub symbol: &'a Symbol,
    /// The type that it belongs to.
    pub owner: Option<&'a Symbol>,
    /// The name of that type, which may be defined in another file.
    pub owner_name: Option<String>,
    /// The language.
    pub tongue: Tongue,
    /// The style to be written.
    pub style: DocStyle,
    /// The person of the summary.
    pub person: Person,
    tokens: Vec<Token<'a>>,
    masks: OnceCell<Masks>,
}

/// The body's code from the start of its first line, as [`masked`] shows it.
pub struct Masks {
    /// Where it begins in the file.
    pub start: usize,
    /// Without comments.
    pub bare: String,
    /// Without what stands in strings, too.
    pub blank: String,
}

impl<'a> Subject<'a> {
    /// Looks at one symbol.
    pub fn new(model: &'a FileModel, index: usize, style: DocStyle, options: &WriterOptions) -> Option<Self> {
        let symbol = model.symbols.get(index)?;
        let tongue = tongue_of(model);
        let owner = symbol
            .parent
            .and_then(|parent| model.symbols.get(parent))
            .filter(|owner| owner.kind.is_type() || owner.kind == SymbolKind::Impl);
        let person = person_of(model, options);
        let tokens = tokens(body_text(model, symbol));
        let named = owner.map(|owner| owner.name.as_str()).or_else(|| {
            let path = symbol.receiver.as_ref().and_then(|_| symbol.path.rsplit_once('.'))?;
            Some(path.0.rsplit('.').next().unwrap_or(path.0))
        });
        let owner_name = named
            .map(|name| name.split(['<', ' ', '[']).next().unwrap_or("").to_owned())
            .filter(|name| !name.is_empty());
        Some(Self { model, index, symbol, owner, owner_name, tongue, style, person, tokens, masks: OnceCell::new() })
    }

    /// The body's code without comments and strings; made once, when it is first asked for.
    pub fn masks(&self) -> &Masks {
        self.masks.get_or_init(|| {
            let text = &self.model.text;
            let body = self.symbol.body.unwrap_or_default();
            // From the start of the line, so that the first statement has its indentation.
            let lead = text.get(..body.start).and_then(|text| text.rsplit(['\n', '\r']).next()).unwrap_or("");
            let start = if lead.trim().is_empty() { body.start - lead.len() } else { body.start };
            let code = text.get(start..body.end).unwrap_or("");
            Masks { start, bare: masked(code, false), blank: masked(code, true) }
        })
    }

    /// What the body does with a name.
    pub fn usage(&self, name: &str) -> Usage {
        usage(&self.tokens, name)
    }

    /// A condition of the body in words that a reader of the signature can follow; `None` where there are none.
    pub fn clause(&self, condition: &str) -> Option<String> {
        let seen = self.resolved(condition)?;
        let said = condition::clause(&seen, &|name| self.kind_of(name))?;
        Some(said)
    }

    /// An expression with each local name replaced by the one value that the body gives it; `None` where one has no such value.
    fn resolved(&self, expression: &str) -> Option<String> {
        if !self.names_local(expression) {
            return Some(expression.to_owned());
        }
        let mut text = expression.to_owned();
        let locals: Vec<&str> = tokens(expression)
            .into_iter()
            .filter_map(|token| match token {
                Token::Word(word) if self.names_local(word) => Some(word),
                _ => None,
            })
            .collect();
        for local in locals {
            let value = self.only_value(local)?;
            text = replace_word(&text, local, &value);
        }
        (!self.names_local(&text) && text.len() <= 60).then_some(text)
    }

    /// The short expression that is assigned to a name, where that happens once and nothing else binds it.
    fn only_value(&self, name: &str) -> Option<String> {
        let mut found: Option<String> = None;
        for index in 0..self.tokens.len() {
            let at = |index: usize| self.tokens.get(index);
            let previous = index.checked_sub(1).and_then(at);
            if at(index) != Some(&Token::Word(name)) || matches!(previous, Some(Token::Mark('.'))) {
                continue;
            }
            let begins =
                matches!(previous, None | Some(Token::Line | Token::Word("const" | "let" | "var") | Token::Mark(';')));
            match at(index + 1) {
                Some(Token::Mark('=')) if begins && found.is_none() => {
                    let value = self.tokens.get(index + 2..)?;
                    let end = value.iter().position(|token| matches!(token, Token::Line | Token::Mark(';')))?;
                    found = Some(written(value.get(..end)?)?);
                }
                Some(Token::Mark('=')) if begins => return None,
                Some(Token::Operator("+=" | "-=" | "*=" | "/=")) => return None,
                Some(Token::Mark(',' | ')') | Token::Word("in")) if !begins || previous.is_none() => {
                    if matches!(previous, Some(Token::Word("for" | "as"))) {
                        return None;
                    }
                }
                Some(Token::Mark(',')) => return None,
                _ if matches!(previous, Some(Token::Word("for" | "as" | "mut"))) => return None,
                _ => {}
            }
        }
        found.filter(|value| !holds_word(value, name))
    }

    /// What is known of the values of a parameter.
    pub fn kind_of(&self, name: &str) -> Kind {
        let Some(param) = self.symbol.params.iter().find(|param| param.name == name) else {
            return Kind::Unknown;
        };
        if matches!(param.kind, ParamKind::Rest | ParamKind::KeywordRest) {
            return Kind::Sized;
        }
        if self.usage(name).reassigned {
            return Kind::Unknown;
        }
        if let Some(declared) = &param.type_text {
            let declared = declared.text.trim().trim_matches(['"', '\'']);
            let outer = declared.split('[').next().unwrap_or(declared).rsplit('.').next().unwrap_or(declared);
            return match outer.to_lowercase().as_str() {
                _ if declared.contains(['|', '?']) => Kind::Unknown,
                "bool" | "boolean" => Kind::Truth,
                "int" | "float" | "number" | "complex" => Kind::Number,
                "str" | "string" | "bytes" | "list" | "dict" | "set" | "tuple" | "sequence" | "mapping" => Kind::Sized,
                _ => Kind::Unknown,
            };
        }
        match param.default.as_ref().map(|default| default.text.trim()) {
            Some("True" | "False" | "true" | "false") => Kind::Truth,
            Some(number) if number.parse::<f64>().is_ok() => Kind::Number,
            _ => Kind::Unknown,
        }
    }

    /// Whether an expression uses a name that only the body knows, so that no reader of the documentation can.
    pub fn names_local(&self, expression: &str) -> bool {
        let mut previous = Token::Line;
        for token in tokens(expression) {
            if let Token::Word(word) = token
                && !matches!(previous, Token::Mark('.') | Token::Operator("::"))
                && !self.symbol.params.iter().any(|param| param.name == word)
                && self.is_bound(word)
            {
                return true;
            }
            previous = token;
        }
        false
    }

    /// Whether the body gives `name` a value: by a loop, a declaration or an assignment.
    fn is_bound(&self, name: &str) -> bool {
        let at = |index: Option<usize>| index.and_then(|index| self.tokens.get(index));
        (0..self.tokens.len()).filter(|&index| self.tokens.get(index) == Some(&Token::Word(name))).any(|index| {
            match at(index.checked_sub(1)) {
                Some(Token::Mark('.') | Token::Operator("::")) => return false,
                Some(Token::Word("for" | "let" | "const" | "var" | "mut" | "as")) => return true,
                _ => {}
            }
            let mut end = index + 1;
            while matches!(at(Some(end)), Some(Token::Mark(',' | ')') | Token::Word(_)))
                && !matches!(at(Some(end)), Some(Token::Word("in" | "if" | "and" | "or")))
            {
                end += 1;
            }
            let walrus = at(Some(end)) == Some(&Token::Mark(':')) && at(Some(end + 1)) == Some(&Token::Mark('='));
            walrus || matches!(at(Some(end)), Some(Token::Mark('=') | Token::Word("in")))
        })
    }

    /// What a loop over `name` goes through, where that is a parameter.
    pub fn loop_source(&self, name: &str) -> Option<&'a str> {
        self.tokens.windows(4).find_map(|window| match window {
            [Token::Word("for"), Token::Word(item), Token::Word("in" | "of"), Token::Word(source)] if *item == name => {
                self.symbol.params.iter().find(|param| param.name == *source).map(|param| param.name.as_str())
            }
            _ => None,
        })
    }

    /// The tokens of the body.
    pub fn tokens(&self) -> &[Token<'a>] {
        &self.tokens
    }

    /// Whether the body can use names without naming them.
    pub fn is_opaque(&self) -> bool {
        self.tokens.iter().any(|token| matches!(token, Token::Word("locals" | "eval" | "exec" | "vars" | "arguments")))
    }

    /// The owner's name in back-ticks, with its article.
    pub fn owner_phrase(&self) -> Option<String> {
        let name = self.owner_name.as_deref()?;
        Some(match self.tongue {
            Tongue::Rust => format!("this `{name}`"),
            _ => format!("the `{name}`"),
        })
    }

    /// The owner's name in back-ticks, with "a" or "an".
    pub fn an_owner(&self) -> Option<String> {
        let phrase = self.owner_phrase()?;
        let name = phrase.trim_start_matches("the ").trim_start_matches("this ");
        Some(format!("{} {name}", super::words::article(name)))
    }

    /// Parameters that a summary may speak of: named ones that must be given, yes-or-no ones left out.
    pub fn required(&self) -> Vec<&'a Param> {
        self.symbol
            .params
            .iter()
            .filter(|param| {
                matches!(param.kind, ParamKind::Normal | ParamKind::PositionalOnly | ParamKind::KeywordOnly)
            })
            .filter(|param| {
                param.default.is_none()
                    && !param.optional
                    && !is_bool(param)
                    && !param.name.is_empty()
                    && !param.name.starts_with('_')
            })
            .collect()
    }

    /// Whether the symbol works on an instance of its owner.
    pub fn has_instance(&self) -> bool {
        let flags = self.symbol.flags;
        self.owner_name.is_some() && !flags.is_static && !flags.is_class_method
    }

    /// Flags of the symbol.
    pub fn flags(&self) -> SymbolFlags {
        self.symbol.flags
    }

    /// Whether a caller gets a value (not counting what a generator yields).
    pub fn returns_value(&self) -> bool {
        if self.symbol.kind == SymbolKind::Constructor && self.tongue != Tongue::Rust && self.tongue != Tongue::Go {
            return false;
        }
        let declared = self.symbol.return_type.as_ref().map(|declared| declared.text.trim().trim_matches(['"', '\'']));
        let none = |text: &str| {
            matches!(
                text,
                "None"
                    | "void"
                    | "undefined"
                    | "never"
                    | "NoReturn"
                    | "Never"
                    | "typing.NoReturn"
                    | "Promise<void>"
                    | "()"
                    | "!"
                    | ""
            ) || text.starts_with("asserts ")
        };
        if matches!(self.tongue, Tongue::Rust | Tongue::Go) {
            return declared.is_some_and(|declared| !none(declared));
        }
        match &self.symbol.facts {
            // Where there is a body, only the body tells; a stub tells nothing.
            Some(facts) => !declared.is_some_and(none) && facts.returns.iter().any(|fact| fact.has_value()),
            None => declared.is_some_and(|declared| !none(declared)) && !self.flags().is_generator,
        }
    }

    /// Whether each value returned is true or false.
    pub fn returns_bool(&self) -> bool {
        if let Some(declared) = &self.symbol.return_type {
            return matches!(declared.text.trim(), "bool" | "boolean" | "Promise<boolean>" | "builtins.bool");
        }
        let Some(facts) = &self.symbol.facts else {
            return false;
        };
        let values: Vec<&str> =
            facts.returns.iter().filter_map(|fact| fact.value.as_ref()).map(|value| value.text.trim()).collect();
        !values.is_empty() && values.iter().all(|value| is_truth(value))
    }
}

fn tongue_of(model: &FileModel) -> Tongue {
    match model.language.id {
        "python" => Tongue::Python,
        "javascript" => Tongue::JavaScript,
        "typescript" | "tsx" => Tongue::TypeScript,
        "rust" => Tongue::Rust,
        "go" => Tongue::Go,
        _ => Tongue::Other,
    }
}

/// The person of summaries in this file: as asked, as most of them, as the language does. It reads all summaries.
pub fn person_of(model: &FileModel, options: &WriterOptions) -> Person {
    match tongue_of(model) {
        Tongue::Go => Person::Third,
        Tongue::Rust => options.person.or_else(|| majority(model)).unwrap_or(Person::Third),
        _ => options.person.or_else(|| majority(model)).unwrap_or(Person::Imperative),
    }
}

/// Tokens as they are usually written; `None` where they are too many for a sentence.
fn written(tokens: &[Token<'_>]) -> Option<String> {
    // Handing on an error is no part of the value.
    let tokens = tokens.strip_suffix(&[Token::Mark('?')]).unwrap_or(tokens);
    if tokens.is_empty() || tokens.len() > 16 {
        return None;
    }
    let mut text = String::new();
    let mut previous: Option<&Token<'_>> = None;
    for token in tokens {
        let piece = match token {
            Token::Word(word) | Token::Text(word) => (*word).to_owned(),
            Token::Mark(mark) => mark.to_string(),
            // What computes, chooses or makes a function reads badly inside of another expression.
            Token::Operator("::") => "::".to_owned(),
            Token::Operator(_) | Token::Line => return None,
        };
        if matches!(
            token,
            Token::Mark('+' | '-' | '*' | '/' | '%' | '<' | '>' | '?' | '|' | '&' | '^' | '~' | '{' | '=')
        ) || matches!(
            token,
            Token::Word(
                "if" | "else" | "for" | "lambda" | "and" | "or" | "not" | "await" | "yield" | "new" | "in" | "is"
            )
        ) {
            return None;
        }
        if matches!((previous, token), (Some(Token::Word(_)), Token::Word(_) | Token::Text(_))) {
            return None;
        }
        if previous == Some(&Token::Mark(',')) {
            text.push(' ');
        }
        text.push_str(&piece);
        previous = Some(token);
    }
    (text.len() <= 40).then_some(text)
}

/// The text with `name`, where it is a word of its own, as `value`.
fn replace_word(text: &str, name: &str, value: &str) -> String {
    let part = |character: char| character.is_alphanumeric() || character == '_';
    let mut new = String::new();
    let mut end = 0;
    for (at, _) in text.match_indices(name) {
        let before = text.get(..at).and_then(|text| text.chars().last());
        let after = text.get(at + name.len()..).and_then(|text| text.chars().next());
        if at < end || before.is_some_and(|edge| part(edge) || edge == '.') || after.is_some_and(part) {
            continue;
        }
        new.push_str(text.get(end..at).unwrap_or(""));
        new.push_str(value);
        end = at + name.len();
    }
    new.push_str(text.get(end..).unwrap_or(""));
    new
}

/// Whether a parameter takes yes or no.
pub fn is_bool(param: &Param) -> bool {
    match &param.type_text {
        Some(declared) => matches!(
            declared.text.trim(),
            "bool"
                | "boolean"
                | "Optional[bool]"
                | "bool | None"
                | "t.Optional[bool]"
                | "typing.Optional[bool]"
                | "boolean | undefined"
        ),
        None => param
            .default
            .as_ref()
            .is_some_and(|default| matches!(default.text.trim(), "True" | "False" | "true" | "false")),
    }
}

/// Whether an expression can only be true or false.
fn is_truth(value: &str) -> bool {
    if matches!(value, "True" | "False" | "true" | "false")
        || value.starts_with("not ")
        || value.starts_with('!')
        || value.starts_with("isinstance(")
    {
        return true;
    }
    super::condition::is_comparison(value)
}

/// The person of most summaries in the file; `None` where there are too few to tell.
fn majority(model: &FileModel) -> Option<Person> {
    let (mut imperative, mut third) = (0, 0);
    for symbol in model.symbols.iter().filter(|symbol| symbol.kind.is_callable()) {
        let Some(doc) = &symbol.doc else { continue };
        let summary = doc.summary_text(&model.text);
        let word = summary.split(|character: char| !character.is_alphabetic()).next().unwrap_or("").to_lowercase();
        let stems = [
            word.strip_suffix('s').map(str::to_owned),
            word.strip_suffix("es").map(str::to_owned),
            word.strip_suffix("ies").map(|stem| format!("{stem}y")),
        ];
        if verbs::verb(&word).is_some() {
            imperative += 1;
        } else if stems.into_iter().flatten().any(|stem| verbs::verb(&stem).is_some()) {
            third += 1;
        }
    }
    match (imperative, third) {
        (imperative, third) if third > imperative && third > 1 => Some(Person::Third),
        (imperative, third) if imperative > third && imperative > 1 => Some(Person::Imperative),
        _ => None,
    }
}
