//! The settings as types. Their doc comments are what users read in the reference and in the JSON Schema.

mod oidc;
mod service;

pub use oidc::{LevelSettings, OidcSettings, RoleSetting, TokenAlgorithm, UnknownPeople};
pub use service::{MetricsAccess, QuotaSettings, ServiceSettings};

use actions::writer::{Audience, Person, Types, WriterOptions};
use llm::config::{CacheSettings, ModelsSettings, RoutingSettings};
use llm::strategy::AnswerStrategy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use syntax::docstring::DocStyle;

/// All settings of code-agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// What is checked, and how strictly.
    pub analysis: analysis::settings::Settings,
    /// How documentation is written.
    pub docs: DocsSettings,
    /// The language models that may be asked; without any, everything works from the code alone.
    pub models: ModelsSettings,
    /// Answers of models that are kept.
    pub cache: CacheSettings,
    /// What models may cost in a day.
    pub budget: llm::budget::Limits,
    /// How one of several models is chosen.
    pub routing: RoutingSettings,
    /// What is done with models.
    pub actions: ActionSettings,
    /// Code that a model suggests at the cursor.
    pub completion: CompletionSettings,
    /// Bounds on size and time.
    pub limits: LimitSettings,
    /// What an editor shows besides findings.
    pub editor: EditorSettings,
    /// How the program works as a whole.
    pub core: CoreSettings,
    /// What the program tells about itself.
    pub log: LogSettings,
    /// The service for a team, `code-agent serve`. Only in the user's own settings.
    pub service: ServiceSettings,
}

impl Settings {
    /// The part that the model manager takes.
    pub fn llm(&self) -> llm::config::Settings {
        llm::config::Settings {
            models: self.models.clone(),
            cache: self.cache.clone(),
            budget: self.budget,
            routing: self.routing.clone(),
            journal: None,
        }
    }
}

/// How documentation is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct DocsSettings {
    /// The style of new docstrings. `auto` takes that of the file, then that of the repository, then that of the language.
    pub style: StyleName,
    /// The column at which prose is wrapped.
    #[schemars(range(min = 40, max = 400))]
    pub width: u16,
    /// Whether entries carry types.
    pub types: TypesName,
    /// Whether summaries say "Return the …" (`imperative`), "Returns the …" (`third`), or what the file mostly says (`auto`).
    pub person: PersonName,
    /// For whom a whole file is documented: `users` leaves private definitions out, `everyone` does not.
    pub audience: AudienceName,
}

impl Default for DocsSettings {
    fn default() -> Self {
        Self {
            style: StyleName::Auto,
            width: 88,
            types: TypesName::Auto,
            person: PersonName::Auto,
            audience: AudienceName::Users,
        }
    }
}

/// A style of documentation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StyleName {
    /// As the neighbours do.
    #[default]
    Auto,
    /// `Args:` with indented entries.
    Google,
    /// Underlined section titles.
    Numpy,
    /// `:param x:` fields.
    Sphinx,
    /// `@param {type} x - text`.
    Jsdoc,
    /// `@param x - text`, without types.
    Tsdoc,
    /// Markdown with `# Errors`, `# Panics`, `# Safety`.
    Rustdoc,
    /// Plain paragraphs that begin with the name.
    Godoc,
}

impl StyleName {
    /// The style itself; `None` for `auto`.
    pub fn style(self) -> Option<DocStyle> {
        Some(match self {
            Self::Auto => return None,
            Self::Google => DocStyle::Google,
            Self::Numpy => DocStyle::Numpy,
            Self::Sphinx => DocStyle::Sphinx,
            Self::Jsdoc => DocStyle::Jsdoc,
            Self::Tsdoc => DocStyle::Tsdoc,
            Self::Rustdoc => DocStyle::Rustdoc,
            Self::Godoc => DocStyle::Godoc,
        })
    }
}

/// Whether entries carry types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TypesName {
    /// As most entries of the file do.
    #[default]
    Auto,
    /// Wherever the code states one.
    Always,
    /// Never.
    Never,
}

/// The grammatical person of summaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PersonName {
    /// As most summaries of the file have it.
    #[default]
    Auto,
    /// "Return the …".
    Imperative,
    /// "Returns the …".
    Third,
}

/// For whom documentation is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AudienceName {
    /// What is not private.
    #[default]
    Users,
    /// Private definitions too.
    Everyone,
}

impl DocsSettings {
    /// The same as the writer takes it.
    pub fn writer(&self, repository_styles: Vec<(String, DocStyle)>) -> WriterOptions {
        WriterOptions {
            style: self.style.style(),
            repository_styles,
            width: usize::from(self.width),
            types: match self.types {
                TypesName::Auto => Types::LikeNeighbours,
                TypesName::Always => Types::Always,
                TypesName::Never => Types::Never,
            },
            person: match self.person {
                PersonName::Auto => None,
                PersonName::Imperative => Some(Person::Imperative),
                PersonName::Third => Some(Person::Third),
            },
            audience: match self.audience {
                AudienceName::Users => Audience::Users,
                AudienceName::Everyone => Audience::Everyone,
            },
        }
    }
}

/// What is done with models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ActionSettings {
    /// The way in which an answer comes about: `fast`, `best_of_two`, `cascade`, or `offline` for no model at all.
    pub strategy: AnswerStrategy,
    /// Tokens of code around a place that a model is shown.
    #[schemars(range(max = 100_000))]
    pub context_tokens: usize,
    /// A program that formats a file in place, with its arguments; `{file}` stands for the file. Only in the user's own settings.
    pub format: Vec<String>,
    /// A program that judges a file, with its arguments; an edit after which it fails is not offered. Only in the user's own settings.
    pub verify: Vec<String>,
    /// Whether the editor asks before it applies an edit of a model, where it can.
    pub confirm: bool,
    /// Whether the difference, the prompt, the model and the cost are shown first, and an edit of a model is applied only when you say so.
    pub preview: bool,
    /// The language that comments are translated into.
    pub translate_to: String,
}

impl Default for ActionSettings {
    fn default() -> Self {
        Self {
            strategy: AnswerStrategy::Fast,
            context_tokens: 1500,
            format: Vec::new(),
            verify: Vec::new(),
            confirm: false,
            preview: false,
            translate_to: "English".to_owned(),
        }
    }
}

/// Code that a model suggests at the cursor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CompletionSettings {
    /// Whether a model with `fill` is asked while you type.
    pub enabled: bool,
    /// The longest suggestion, in tokens.
    #[schemars(range(min = 1, max = 1024))]
    pub max_tokens: u32,
}

impl Default for CompletionSettings {
    fn default() -> Self {
        Self { enabled: false, max_tokens: 96 }
    }
}

/// Bounds on size and time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LimitSettings {
    /// Files with more bytes than this are not analysed.
    #[schemars(range(min = 1024))]
    pub max_file_size: u64,
    /// Milliseconds after which a request that somebody waits for is given up.
    #[schemars(range(min = 1))]
    pub deadline_ms: u64,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self { max_file_size: 4 << 20, deadline_ms: 15_000 }
    }
}

impl LimitSettings {
    /// The time after which a request is given up.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }
}

/// What an editor shows besides findings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct EditorSettings {
    /// Lines over definitions that say what is undocumented or has drifted.
    pub lenses: bool,
    /// A drafted docstring behind its opening.
    pub completion: bool,
    /// The documentation of the symbol under the cursor, with marks where it drifted.
    pub hover: bool,
}

impl Default for EditorSettings {
    fn default() -> Self {
        Self { lenses: true, completion: true, hover: true }
    }
}

/// How the program works as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CoreSettings {
    /// The way to work. `auto` is `editor` for the language server and `batch` for commands.
    pub mode: ModeName,
    /// The way in which the words of documentation come about.
    pub strategy: StrategyName,
    /// Threads for computing; 0 leaves the choice to the mode.
    #[schemars(range(max = 256))]
    pub threads: u16,
    /// A folder with queries of your own, laid out as `queries/` of the project: `<language>/<file>.scm`. Read once, when the program starts.
    pub queries: Option<String>,
}

/// A way to work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModeName {
    /// What fits the command.
    #[default]
    Auto,
    /// Quick answers to one person; most of the machine stays free.
    Editor,
    /// As much as the machine can do.
    Batch,
}

/// A way to make the words of documentation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StrategyName {
    /// From names and facts alone, without a model.
    #[default]
    Offline,
}

/// What the program tells about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LogSettings {
    /// How much is told.
    pub level: LogLevel,
    /// The file it is told to; standard error where there is none.
    pub file: Option<String>,
}

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What failed.
    #[default]
    Error,
    /// What may fail.
    Warn,
    /// What happens.
    Info,
    /// How it happens.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
