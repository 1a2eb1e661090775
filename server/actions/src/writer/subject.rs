//! What is known of the symbol being written about, asked in the writer's terms.

use super::usage::{Token, Usage, body_text, tokens, usage};
use super::{Person, WriterOptions, verbs};
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
}

impl<'a> Subject<'a> {
    /// Looks at one symbol.
    pub fn new(model: &'a FileModel, index: usize, style: DocStyle, options: &WriterOptions) -> Option<Self> {
        let symbol = model.symbols.get(index)?;
        let tongue = match model.language.id {
            "python" => Tongue::Python,
            "javascript" => Tongue::JavaScript,
            "typescript" | "tsx" => Tongue::TypeScript,
            "rust" => Tongue::Rust,
            "go" => Tongue::Go,
            _ => Tongue::Other,
        };
        let owner = symbol
            .parent
            .and_then(|parent| model.symbols.get(parent))
            .filter(|owner| owner.kind.is_type() || owner.kind == SymbolKind::Impl);
        let person = options.person.or_else(|| majority(model)).unwrap_or(match tongue {
            Tongue::Rust | Tongue::Go => Person::Third,
            _ => Person::Imperative,
        });
        let person = if tongue == Tongue::Go { Person::Third } else { person };
        let tokens = tokens(body_text(model, symbol));
        let named = owner.map(|owner| owner.name.as_str()).or_else(|| {
            let path = symbol.receiver.as_ref().and_then(|_| symbol.path.rsplit_once('.'))?;
            Some(path.0.rsplit('.').next().unwrap_or(path.0))
        });
        let owner_name = named
            .map(|name| name.split(['<', ' ', '[']).next().unwrap_or("").to_owned())
            .filter(|name| !name.is_empty());
        Some(Self { model, index, symbol, owner, owner_name, tongue, style, person, tokens })
    }

    /// What the body does with a name.
    pub fn usage(&self, name: &str) -> Usage {
        usage(&self.tokens, name)
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
                Some(Token::Word("for" | "let" | "const" | "var" | "mut" | "as" | "with")) => return true,
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
