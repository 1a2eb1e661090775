//! Builds the core out of its concrete parts. The only place that names them.

#[cfg(feature = "service")]
mod service;
#[cfg(feature = "service")]
mod traces;

use crate::commands::Failure;
use crate::output::terminal::complain;
use engine::analysis::settings::Profile;
use engine::config::sections::{LogLevel, LogSettings, ModeName, Settings, StrategyName};
use engine::config::{ConfigError, ConfigurationManager, Sources};
use engine::metrics::MetricsCollector;
use engine::mode::{BatchMode, EditorMode, Mode, Offline, Strategy};
use engine::workspace::files::DiskFiles;
use engine::{Parts, ServerCore};
use llm::LlmManager;
use llm::config::KeySource;
use security::secret::Secret;
use serde_json::{Map, Value, json};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
#[cfg(feature = "service")]
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

#[cfg(feature = "service")]
pub use service::service;
#[cfg(feature = "service")]
pub use traces::end as end_traces;

/// What a user wants different from the settings, and where the settings are looked for.
#[derive(Debug, Default)]
pub struct Wish {
    /// The profile of rules.
    pub profile: Option<Profile>,
    /// How much is logged.
    pub log: Option<LogLevel>,
    /// Files and folders of the workspace; the current folder where there are none.
    pub places: Vec<PathBuf>,
}

/// The core for work over files. A setting that is wrong is a reason not to begin.
pub fn batch(wish: Wish) -> Result<ServerCore, Failure> {
    let config = settings(wish)?;
    // The built-in queries take the place of those that are wrong.
    own_queries(&config.settings()).iter().for_each(|problem| complain(problem));
    Ok(core(config, Arc::new(BatchMode)))
}

/// The core for an editor. A setting that is wrong is told, and the others hold.
pub fn editor(wish: Wish) -> (ServerCore, Vec<String>) {
    let (config, errors) = ConfigurationManager::new(sources(&wish));
    let told = errors.iter().map(ToString::to_string);
    let problems = told.chain(own_queries(&config.settings())).collect();
    (core(config, Arc::new(EditorMode)), problems)
}

/// The manager of language models, and a sentence for each target that cannot be used.
pub fn models(wish: Wish) -> Result<(LlmManager, Vec<String>), Failure> {
    let config = settings(wish)?;
    let key = |source: &KeySource| engine::config::keys::read_key(&DiskFiles, source);
    let mut settings = config.settings().llm();
    let mut problems = Vec::new();
    match engine::config::state_dir() {
        Ok(folder) => settings.journal = Some(folder),
        // Without a budget nobody misses it.
        Err(_) if settings.budget == llm::budget::Limits::default() => {}
        Err(error) => problems.push(format!("`budget` holds only within this process. {error}")),
    }
    let (manager, errors) = LlmManager::new(&settings, &key);
    problems.extend(errors.iter().map(ToString::to_string));
    Ok((manager, problems))
}

/// A secret from where it is said to be, or one sentence why there is none.
pub fn secret(source: &KeySource) -> Result<Secret, String> {
    engine::config::keys::read_key(&DiskFiles, source)
}

/// The settings in force for a place.
pub fn settings(wish: Wish) -> Result<ConfigurationManager, Failure> {
    let config = quiet_settings(wish)?;
    log(&config.settings().log);
    Ok(config)
}

/// The same before anything is logged.
fn quiet_settings(wish: Wish) -> Result<ConfigurationManager, Failure> {
    let (config, errors) = ConfigurationManager::new(sources(&wish));
    if let Some(error) = errors.first() {
        return Err(refusal(error));
    }
    config.set_workspace(Some(&folder_of(&wish.places))).map_err(|error| refusal(&error))?;
    Ok(config)
}

fn core(config: ConfigurationManager, usual: Arc<dyn Mode>) -> ServerCore {
    let settings = config.settings();
    log(&settings.log);
    ServerCore::new(Parts {
        file_system: Arc::new(DiskFiles),
        mode: mode(&settings, usual),
        strategy: strategy(&settings),
        config: Arc::new(config),
        metrics: Arc::new(MetricsCollector::default()),
        // Where there is no such folder, calls are counted in memory.
        journal: || engine::config::state_dir().ok(),
    })
}

/// Takes the user's own queries into use; gives a sentence for each that cannot be.
fn own_queries(settings: &Settings) -> Vec<String> {
    let folder = settings.core.queries.as_deref().map(Path::new);
    folder.map_or_else(Vec::new, |folder| engine::queries::install(&DiskFiles, folder))
}

fn mode(settings: &Settings, usual: Arc<dyn Mode>) -> Arc<dyn Mode> {
    match settings.core.mode {
        ModeName::Auto => usual,
        ModeName::Editor => Arc::new(EditorMode),
        ModeName::Batch => Arc::new(BatchMode),
    }
}

fn strategy(settings: &Settings) -> Arc<dyn Strategy> {
    match settings.core.strategy {
        StrategyName::Offline => Arc::new(Offline),
    }
}

fn sources(wish: &Wish) -> Sources {
    let mut flags = Map::new();
    if let Some(profile) = wish.profile {
        flags.insert("analysis".to_owned(), json!({ "profile": profile.name() }));
    }
    if let Some(level) = wish.log {
        flags.insert("log".to_owned(), json!({ "level": level.name() }));
    }
    Sources::of_machine(Value::Object(flags))
}

fn refusal(error: &ConfigError) -> Failure {
    Failure(format!("{}: {}.", error.source_name, error.problem.trim_end_matches('.')))
}

/// The folder in which the search for the workspace's settings begins: the nearest one that holds all places, in whichever order they come.
fn folder_of(places: &[PathBuf]) -> PathBuf {
    let folder = |place: &Path| {
        let whole = std::path::absolute(place).unwrap_or_else(|_| place.to_path_buf());
        if whole.is_dir() { whole } else { whole.parent().map(Path::to_path_buf).unwrap_or(whole) }
    };
    let shared = |one: PathBuf, other: PathBuf| {
        let same = one.components().zip(other.components()).take_while(|(one, other)| one == other);
        same.map(|(part, _)| part).collect()
    };
    places.iter().map(|place| folder(place)).reduce(shared).unwrap_or_else(|| folder(Path::new(".")))
}

/// Sends the log where the settings want it. Nothing is ever logged to standard output.
fn log(settings: &LogSettings) {
    // The first call counts: a program has one log.
    if let Some(log) = lines(settings) {
        let _ = tracing_subscriber::registry().with(log).try_init();
    }
}

/// The log with traces for a collector beside it.
///
/// # Errors
/// If the address is none.
#[cfg(feature = "service")]
fn log_with_traces(settings: &LogSettings, collector: &str) -> Result<(), Failure> {
    // The steps of the work are told at this level; those of libraries are not ours to tell.
    let ours = Targets::new()
        .with_targets(["gateway", "engine", "llm", "actions", "lsp", "store"].map(|room| (room, LevelFilter::DEBUG)));
    let traces = traces::layer(collector).map_err(Failure)?.with_filter(ours);
    let _ = tracing_subscriber::registry().with(traces).with(lines(settings)).try_init();
    Ok(())
}

/// Lines of the log; `None` where none are wanted.
fn lines<S>(settings: &LogSettings) -> Option<Box<dyn Layer<S> + Send + Sync>>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    if settings.level == LogLevel::Off {
        return None;
    }
    let filter = tracing_subscriber::EnvFilter::new(settings.level.name());
    let lines = tracing_subscriber::fmt::layer().with_ansi(false);
    let file = settings.file.as_ref().and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok());
    Some(match file {
        Some(file) => lines.with_writer(Mutex::new(file)).with_filter(filter).boxed(),
        None => lines.with_writer(std::io::stderr).with_filter(filter).boxed(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_looked_for_beside_the_file_that_is_named() {
        let folder = std::env::current_dir().expect("a folder");
        let folder_of = |places: &[&str]| super::folder_of(&places.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(folder_of(&[]), folder);
        assert_eq!(folder_of(&["src"]), folder.join("src"));
        assert_eq!(folder_of(&["src/main.rs"]), folder.join("src"));
        assert_eq!(folder_of(&["src/not_there.rs"]), folder.join("src"));
        assert_eq!(folder_of(&["src/output", "src/main.rs"]), folder.join("src"), "in whichever order");
        assert_eq!(folder_of(&["src/main.rs", "src/output"]), folder.join("src"));
    }

    #[test]
    fn flags_stand_over_everything() {
        let wish = Wish { profile: Some(Profile::Jsdoc), log: Some(LogLevel::Debug), places: Vec::new() };
        let wanted = json!({ "analysis": { "profile": "jsdoc" }, "log": { "level": "debug" } });
        assert_eq!(sources(&wish).flags, wanted);
    }
}
