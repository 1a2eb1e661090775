//! Settings: the one place where they come together, are checked, and change while the program runs.
//!
//! Only this file reads the environment. A setting that is wrong never stops anything: the layer it stands in keeps its last good
//! state, and one sentence says what is wrong.

pub(crate) mod check;
pub mod keys;
pub mod sections;
mod session;
pub mod state;

use arc_swap::ArcSwap;
pub use check::check_store_argument;
use check::{check, check_editor, check_workspace, object};
use schemars::Schema;
use sections::Settings;
use serde_json::{Map, Value};
pub use state::state_dir;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use workspace::files::{DiskFiles, FileError, FileSystem, read_text};

/// The name of the file with a workspace's settings.
pub const FILE_NAME: &str = "code-agent.toml";
const ENVIRONMENT_PREFIX: &str = "CODE_AGENT__";
/// Far more than anybody writes by hand.
const MAX_CONFIG_SIZE: u64 = 1 << 20;

/// Why settings were not taken over: one sentence with the source, the key, and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{source_name}: {problem}; the settings of this source stay as they were.")]
pub struct ConfigError {
    /// The file, or where else it stands.
    pub source_name: String,
    /// The key and what is wrong with it, without a full stop.
    pub problem: String,
}

/// Where settings come from, the strongest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    User,
    Workspace,
    Environment,
    Editor,
    Flags,
}

const LAYERS: usize = 5;

/// What is handed in: everything outside that settings come from.
pub struct Sources {
    /// Reads the files.
    pub file_system: Arc<dyn FileSystem>,
    /// Environment variables; those without the prefix are passed over.
    pub environment: Vec<(String, String)>,
    /// The user's own file, whether it exists or not.
    pub user_file: Option<PathBuf>,
    /// What stood on the command line, as nested objects.
    pub flags: Value,
}

impl Sources {
    /// The environment and the files of this machine.
    pub fn of_machine(flags: Value) -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = variable("XDG_CONFIG_HOME")
            .filter(|folder| folder.is_absolute())
            .or_else(|| variable("HOME").map(|home| home.join(".config")))
            .or_else(|| variable("APPDATA"));
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX))
            .collect();
        Self {
            file_system: Arc::new(DiskFiles),
            environment,
            user_file: folder.map(|folder| folder.join("code-agent").join("config.toml")),
            flags,
        }
    }

    /// Nothing but defaults, for tests.
    pub fn none() -> Self {
        Self { file_system: Arc::new(DiskFiles), environment: Vec::new(), user_file: None, flags: Value::Null }
    }
}

/// The last good state of each layer.
#[derive(Default)]
struct Layers {
    values: [Value; LAYERS],
    workspace_file: Option<PathBuf>,
}

/// Holds the settings in force. Readers never wait: they get the whole of what was in force when they asked.
pub struct ConfigurationManager {
    file_system: Arc<dyn FileSystem>,
    user_file: Option<PathBuf>,
    layers: Mutex<Layers>,
    current: ArcSwap<Settings>,
    generation: AtomicU64,
    watchers: Mutex<Vec<Watcher>>,
    /// Its editor is a client of a service, and sets only what is its own business.
    is_of_session: bool,
}

/// Called after the settings in force became others.
type Watcher = Arc<dyn Fn() + Send + Sync>;

impl ConfigurationManager {
    /// Reads all sources; those that are wrong count as empty, and are told.
    pub fn new(sources: Sources) -> (Self, Vec<ConfigError>) {
        let Sources { file_system, environment, user_file, flags } = sources;
        let manager = Self {
            file_system,
            user_file,
            layers: Mutex::default(),
            current: ArcSwap::default(),
            generation: AtomicU64::new(0),
            watchers: Mutex::default(),
            is_of_session: false,
        };
        let mut errors = Vec::new();
        {
            let mut layers = manager.lock();
            errors.extend(layers.set(Layer::Flags, "command line", Ok(flags)).err());
            let (environment, wrong) = of_environment(&environment);
            errors.extend(wrong);
            errors.extend(layers.set(Layer::Environment, "environment", Ok(environment)).err());
            if let Some(path) = &manager.user_file {
                errors.extend(manager.read_layer(&mut layers, Layer::User, path).err());
            }
            manager.publish(layers);
        }
        (manager, errors)
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.current.load_full()
    }

    /// Grows whenever the settings in force become others.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Has `watcher` called whenever the settings in force became others, on the thread that changed them.
    pub fn watch(&self, watcher: impl Fn() + Send + Sync + 'static) {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(watcher));
    }

    /// Names the folder whose `code-agent.toml` counts: in it, or in the nearest folder above it up to the root of its repository;
    /// without a folder there is none.
    ///
    /// # Errors
    /// If the file is there but wrong; what stood in it does not count then.
    pub fn set_workspace(&self, folder: Option<&Path>) -> Result<(), ConfigError> {
        let file = folder.map(|folder| self.find_workspace_file(folder));
        let mut layers = self.lock();
        if layers.workspace_file != file {
            // What another folder's file said must not stay when this one's cannot be read.
            layers.clear(Layer::Workspace);
            layers.workspace_file.clone_from(&file);
        }
        let result = match &file {
            Some(file) => self.read_layer(&mut layers, Layer::Workspace, file),
            None => Ok(()),
        };
        self.publish(layers);
        result
    }

    /// The workspace file in force, whether it exists or not.
    pub fn workspace_file(&self) -> Option<PathBuf> {
        self.lock().workspace_file.clone()
    }

    /// Takes over the editor's settings, the object under the key `code-agent`.
    ///
    /// # Errors
    /// If one is wrong; all of the editor's then stay as they were.
    pub fn set_editor(&self, settings: Value) -> Result<(), ConfigError> {
        let settings = if self.is_of_session { session::own(settings) } else { settings };
        let mut layers = self.lock();
        let result = layers.set(Layer::Editor, "editor settings", Ok(settings));
        self.publish(layers);
        result
    }

    /// Reads the files again. Requests under way finish with the settings they began with.
    pub fn reload(&self) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        let mut layers = self.lock();
        if let Some(path) = &self.user_file {
            errors.extend(self.read_layer(&mut layers, Layer::User, path).err());
        }
        if let Some(path) = layers.workspace_file.clone() {
            errors.extend(self.read_layer(&mut layers, Layer::Workspace, &path).err());
        }
        self.publish(layers);
        errors
    }

    /// Whether a change of the file at `path` calls for a reload.
    pub fn reads(&self, path: &Path) -> bool {
        self.user_file.as_deref() == Some(path) || path.file_name().is_some_and(|name| name == FILE_NAME)
    }

    /// The JSON Schema of all settings.
    pub fn schema() -> Schema {
        schemars::schema_for!(Settings)
    }

    /// The settings in force as TOML.
    pub fn show(&self) -> String {
        toml::to_string_pretty(&*self.settings()).unwrap_or_default()
    }

    fn find_workspace_file(&self, folder: &Path) -> PathBuf {
        let own = folder.join(FILE_NAME);
        for above in folder.ancestors() {
            let file = above.join(FILE_NAME);
            if self.file_system.exists(&file) {
                return file;
            }
            if self.file_system.exists(&above.join(".git")) {
                break;
            }
        }
        own
    }

    fn read_layer(&self, layers: &mut Layers, layer: Layer, path: &Path) -> Result<(), ConfigError> {
        let name = path.display().to_string();
        let value = match read_text(&*self.file_system, path, MAX_CONFIG_SIZE) {
            Ok(text) => parse_toml(&text),
            Err(FileError::NotFound { .. }) => Ok(Value::Null),
            // The source is named in front of it already.
            Err(FileError::Unreadable { reason, .. }) => Err(format!("the file could not be read ({reason})")),
            Err(error) => Err(error.to_string().trim_end_matches('.').to_string()),
        };
        layers.set(layer, &name, value)
    }

    /// Puts the sum of the layers in force, gives their lock back, and tells the watchers.
    fn publish(&self, layers: MutexGuard<'_, Layers>) {
        let settings = layers.merged();
        if *self.current.load_full() == settings {
            return;
        }
        self.current.store(Arc::new(settings));
        self.generation.fetch_add(1, Ordering::Release);
        drop(layers);
        let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        watchers.iter().for_each(|watcher| watcher());
    }

    fn lock(&self) -> MutexGuard<'_, Layers> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for ConfigurationManager {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ConfigurationManager").field("settings", &self.settings()).finish_non_exhaustive()
    }
}

impl Default for ConfigurationManager {
    fn default() -> Self {
        Self::new(Sources::none()).0
    }
}

impl Layers {
    fn clear(&mut self, layer: Layer) {
        if let Some(slot) = self.values.get_mut(layer as usize) {
            *slot = Value::Null;
        }
    }

    fn set(&mut self, layer: Layer, source_name: &str, value: Result<Value, String>) -> Result<(), ConfigError> {
        let error = |problem| ConfigError { source_name: source_name.to_string(), problem };
        let value = value.map_err(error)?;
        check(&value).map_err(error)?;
        match layer {
            Layer::Workspace => check_workspace(&value).map_err(error)?,
            Layer::Editor => check_editor(&value).map_err(error)?,
            Layer::User | Layer::Environment | Layer::Flags => {}
        }
        if let Some(slot) = self.values.get_mut(layer as usize) {
            *slot = value;
        }
        Ok(())
    }

    fn merged(&self) -> Settings {
        let [user, workspace, environment, editor, flags] = &self.values;
        // The order of strength: flags > editor > environment > workspace file > user file > defaults.
        let merged = [user, workspace, environment, editor, flags].into_iter().fold(Value::Object(Map::new()), merge);
        // Each layer was checked by itself, and merging keeps every type, so this does not fail.
        serde_json::from_value(merged).unwrap_or_default()
    }
}

/// Lays `over` over `under`: objects key by key, everything else whole.
fn merge(mut under: Value, over: &Value) -> Value {
    match (&mut under, over) {
        (_, Value::Null) => under,
        // Lua has one empty table for both, and so Neovim says `[]` where nothing is set.
        (Value::Object(_), Value::Array(list)) if list.is_empty() => under,
        (Value::Object(under_map), Value::Object(over_map)) => {
            for (key, value) in over_map {
                let slot = under_map.entry(key.clone()).or_insert(Value::Null);
                *slot = merge(slot.take(), value);
            }
            under
        }
        _ => over.clone(),
    }
}

fn parse_toml(text: &str) -> Result<Value, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    toml::from_str::<Value>(text).map_err(|error| {
        let line =
            error.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1);
        let message = error.message().lines().next().unwrap_or("not valid TOML").trim_end_matches('.').to_string();
        format!("line {line} is not valid TOML ({message})")
    })
}

/// `CODE_AGENT__DOCS__WIDTH=72` stands for `docs.width = 72`. Values are read as TOML where they can be, else as text.
fn of_environment(variables: &[(String, String)]) -> (Value, Vec<ConfigError>) {
    let mut errors = Vec::new();
    let mut sum = Value::Object(Map::new());
    let mut variables: Vec<_> = variables.iter().collect();
    variables.sort();
    for (name, value) in variables {
        let Some(keys) = name.strip_prefix(ENVIRONMENT_PREFIX) else { continue };
        let read = toml::from_str::<Value>(&format!("value = {value}")).ok();
        let value = read
            .and_then(|mut table| table.get_mut("value").map(Value::take))
            .unwrap_or_else(|| Value::String(value.clone()));
        let nested = keys
            .rsplit("__")
            .fold(value, |value, key| Value::Object(object(&key.to_lowercase().replace('_', "-"), value)));
        // Each variable is judged alone, so that one that is wrong takes no other along.
        match check(&nested) {
            Ok(()) => sum = merge(sum, &nested),
            Err(problem) => errors.push(ConfigError { source_name: format!("environment variable {name}"), problem }),
        }
    }
    (sum, errors)
}

#[cfg(test)]
mod tests;
