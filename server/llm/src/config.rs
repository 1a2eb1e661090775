//! What can be set: targets, the cache, budgets, the way of choosing. Plain data; keys are named here and read elsewhere.

use crate::breaker::Watched;
use crate::budget::{Limits, Price, price_of};
use crate::limit::LimitConfig;
use crate::pool::MOST;
use crate::prompt::{MOST_PICTURES, PromptLimits, Thoughts, is_open};
use crate::providers::{FillFormat, Provider, ProviderKind, Quirks};
use crate::request::Request;
pub use crate::shared::address::RedisSource;
use schemars::JsonSchema;
use security::secret::Secret;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The language models that may be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ModelsSettings {
    /// The models, in the order in which they are preferred.
    pub target: Vec<TargetSettings>,
    /// Bytes of a prompt, pictures left out; a longer one is refused.
    #[schemars(range(min = 1024))]
    pub max_prompt_bytes: usize,
    /// Bytes of an answer; a longer one is cut off and counts as failed.
    #[schemars(range(min = 1024))]
    pub max_answer_bytes: usize,
    /// Bytes of prompts and answers under way at one time, over all requests, pictures left out; what would go beyond is refused.
    #[schemars(range(min = 65_536))]
    pub max_bytes_in_flight: usize,
    /// Milliseconds until the first word of an answer.
    #[schemars(range(min = 1))]
    pub first_word_ms: u64,
    /// Milliseconds between two words of an answer.
    #[schemars(range(min = 1))]
    pub stall_ms: u64,
    /// Requests that a target is given at a time to begin with; from then on it follows what the target bears.
    #[schemars(range(min = 1))]
    pub concurrency: usize,
    /// The most requests that a target is ever given at a time.
    #[schemars(range(min = 1))]
    pub max_concurrency: usize,
    /// Whether the number of requests at a time follows what is measured; otherwise it stays at `concurrency`.
    pub adaptive: bool,
    /// Whether room and connections are made ready for requests that are foreseen.
    pub predictive: bool,
    /// Whether a second target is asked where the first word of one is late: at most one question in twenty.
    pub hedging: bool,
    /// Whether pictures in conversations that come through the service go to models. Secrets are taken out of texts, and nobody looks for any in
    /// a picture; `attached` sends no addresses, and `refuse` sends none at all.
    pub pictures: PicturesSetting,
}

/// Whether pictures go to models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PicturesSetting {
    /// As whoever asks attached them, and addresses at which the model's provider fetches them, where that is none of one's own.
    #[default]
    Allow,
    /// Only those that are attached, and no addresses.
    Attached,
    /// Never.
    Refuse,
}

impl Default for ModelsSettings {
    fn default() -> Self {
        Self {
            target: Vec::new(),
            max_prompt_bytes: 1 << 20,
            max_answer_bytes: 1 << 20,
            max_bytes_in_flight: MOST,
            first_word_ms: 60_000,
            stall_ms: 20_000,
            concurrency: 32,
            max_concurrency: 1024,
            adaptive: true,
            predictive: true,
            hedging: true,
            pictures: PicturesSetting::default(),
        }
    }
}

/// One model at one provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TargetSettings {
    /// How it is called here; the model's name where it is left out.
    pub name: String,
    /// The wire format that it speaks.
    pub provider: ProviderKind,
    /// The model's name at the provider.
    pub model: String,
    /// Its address; the provider's own where it is left out.
    pub base_url: Option<String>,
    /// Where its key is found. A key itself never stands in a settings file.
    pub api_key: Option<KeySource>,
    /// How it is given a hole in a text to fill, for inline completions; it is asked for none where this is left out.
    pub fill: Option<FillFormat>,
    /// Tokens for which its model has room, the answer included. Told to Ollama, which mostly has room for 4096 where this is left out; other servers
    /// know it themselves.
    pub context_window: Option<u32>,
    /// What a million tokens cost; known for many models.
    pub price: Option<Price>,
    /// How often it is chosen by `weighted`, compared with the others.
    pub weight: Option<u32>,
    /// Whether answers come word by word.
    pub stream: Option<bool>,
    /// HTTP/2 without TLS, for servers of one's own that speak nothing else.
    pub http2: bool,
}

/// Where a key is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeySource {
    /// In an environment variable.
    Env(String),
    /// In a file, alone.
    File(String),
    /// The first line that a program prints; the program and its arguments, or both in one text without a shell to read it.
    Command(#[schemars(with = "CommandForm")] Vec<String>),
}

/// A program with its arguments.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum CommandForm {
    /// One by one.
    Words(Vec<String>),
    /// Parted by spaces.
    Line(String),
}

impl CommandForm {
    /// The program and its arguments; nothing where no program is named.
    fn words(self) -> Option<Vec<String>> {
        let words = match self {
            Self::Words(words) => words,
            Self::Line(line) => line.split_whitespace().map(str::to_owned).collect(),
        };
        words.first().is_some_and(|program| !program.trim().is_empty()).then_some(words)
    }
}

/// Read by hand, because the derived messages quote what stands there, and that may be the key itself.
impl<'de> Deserialize<'de> for KeySource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = KeySource;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("where a key is found")
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<KeySource, E> {
                Err(E::custom(KEY_FORM))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<KeySource, A::Error> {
                let wrong = || de::Error::custom(KEY_FORM);
                let kind = map.next_key::<String>().ok().flatten().ok_or_else(wrong)?;
                let place = match kind.as_str() {
                    "env" => KeySource::Env(map.next_value().map_err(|_| wrong())?),
                    "file" => KeySource::File(map.next_value().map_err(|_| wrong())?),
                    "command" => {
                        let form: CommandForm = map.next_value().map_err(|_| wrong())?;
                        KeySource::Command(form.words().ok_or_else(wrong)?)
                    }
                    _ => return Err(wrong()),
                };
                match map.next_key::<String>() {
                    Ok(None) => Ok(place),
                    _ => Err(wrong()),
                }
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

const KEY_FORM: &str = "`api-key` says where the key is, { env = \"NAME\" }, { file = \"PATH\" } or { command = [\"PROGRAM\", \"ARGUMENT\"] }; the key itself never stands in settings";

/// Answers that are kept.
///
/// With a Redis, or a Redis Cluster, several processes share their answers and what they spend. Answers with secrets in them stay in memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CacheSettings {
    /// Bytes in memory; 0 keeps nothing.
    pub max_bytes: u64,
    /// Seconds for which an answer is good.
    #[schemars(range(min = 1))]
    pub seconds: u64,
    /// Seconds for which an answer is fresh. An older one is still given at once, and another one is fetched meanwhile. As `seconds` where it is left out.
    pub fresh_seconds: Option<u64>,
    /// The Redis that is shared; none where it is left out.
    pub redis: Option<RedisSource>,
    /// Milliseconds that a question may wait for the Redis; it goes on without it then.
    #[schemars(range(min = 1, max = 10_000))]
    pub redis_deadline_ms: u64,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { max_bytes: 16 << 20, seconds: 86_400, fresh_seconds: None, redis: None, redis_deadline_ms: 5 }
    }
}

/// How a target is chosen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RoutingSettings {
    /// The way.
    pub strategy: RoutingStrategy,
    /// The target that chooses between two answers that both pass all checks and differ; without one, and about pictures, the first answer counts.
    pub judge: Option<String>,
}

/// A way to choose among targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RoutingStrategy {
    /// The same target for the same conversation, because providers remember beginnings; another where that one is busy or failing.
    #[default]
    Sticky,
    /// In the order of the settings.
    Ordered,
    /// By their weights.
    Weighted,
    /// The one that is quickest with its first word.
    Fastest,
    /// The one that costs least.
    Cheapest,
    /// The one with the fewest requests under way.
    LeastBusy,
}

/// All of it together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// `[models]`.
    pub models: ModelsSettings,
    /// `[cache]`.
    pub cache: CacheSettings,
    /// `[budget]`.
    pub budget: Limits,
    /// `[routing]`.
    pub routing: RoutingSettings,
    /// The folder in which calls are written down, for budgets over processes and for looking back; without one they are only in memory.
    pub journal: Option<PathBuf>,
}

/// A target with everything known that is needed to ask it.
#[derive(Clone, Debug)]
pub struct Target {
    /// How it is called here.
    pub name: String,
    /// The wire format.
    pub provider: ProviderKind,
    /// The model's name at the provider.
    pub model: String,
    /// Without a slash at the end.
    pub base_url: String,
    /// How it is given a hole to fill.
    pub fill: Option<FillFormat>,
    /// Its key.
    pub key: Option<Secret>,
    /// Tokens for which its model is to have room, where somebody said so.
    pub context_window: Option<u32>,
    /// What it costs; nothing where that is not known.
    pub price: Price,
    /// How often it is chosen by `weighted`.
    pub weight: u32,
    /// Whether answers come word by word.
    pub stream: bool,
    /// HTTP/2 without TLS.
    pub http2: bool,
    /// Whether it stands on the open web. One that does not would fetch from the inside what whoever asks has no way to.
    pub is_open: bool,
    /// What is watched over when it is asked: provider, model and something that stands for the key.
    pub watched: Watched,
}

/// Something that cannot be used as it is set; all else works without it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct TargetError {
    /// The setting, and of several the name or the number.
    pub name: String,
    /// What is wrong, a sentence.
    pub problem: String,
}

/// Bounds in time and size, as they are used.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of an answer.
    pub answer: usize,
    /// Until the first word.
    pub first_word: Duration,
    /// Between two words.
    pub stall: Duration,
}

impl ModelsSettings {
    /// The bounds on prompts as they are used.
    pub fn prompt_limits(&self) -> PromptLimits {
        let pictures = match self.pictures {
            PicturesSetting::Allow | PicturesSetting::Attached => MOST_PICTURES,
            PicturesSetting::Refuse => 0,
        };
        let addresses = self.pictures == PicturesSetting::Allow;
        PromptLimits { max_bytes: self.max_prompt_bytes, pictures, addresses }
    }

    /// The limits on requests at a time as they are used.
    pub fn limit(&self) -> LimitConfig {
        LimitConfig {
            first: self.concurrency,
            most: self.max_concurrency.max(self.concurrency),
            adapts: self.adaptive,
            foresees: self.predictive,
        }
    }

    /// The bounds as they are used.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            answer: self.max_answer_bytes,
            first_word: Duration::from_millis(self.first_word_ms),
            stall: Duration::from_millis(self.stall_ms),
        }
    }

    /// The targets that can be asked, and what is wrong with the others. `key` reads a key.
    pub fn targets(&self, key: &dyn Fn(&KeySource) -> Result<Secret, String>) -> (Vec<Target>, Vec<TargetError>) {
        let (mut targets, mut errors) = (Vec::<Target>::new(), Vec::new());
        for (index, settings) in self.target.iter().enumerate() {
            let name = match (settings.name.trim(), settings.model.trim()) {
                ("", "") => format!("number {}", index + 1),
                ("", model) => model.to_owned(),
                (name, _) => name.to_owned(),
            };
            match settings.resolve(&name, key) {
                Ok(target) if targets.iter().any(|other| other.name == target.name) => {
                    errors.push(TargetError {
                        name: format!("`models.target` {name}"),
                        problem: "There is another one of this name; give it a `name` of its own.".to_owned(),
                    });
                }
                Ok(target) => targets.push(target),
                Err(problem) => errors.push(TargetError { name: format!("`models.target` {name}"), problem }),
            }
        }
        (targets, errors)
    }
}

/// What a user is told of a model before it is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// How it is called here.
    pub name: String,
    /// Whether it runs on this machine.
    pub is_local: bool,
    /// What it costs, where that is known.
    pub price: Option<Price>,
}

impl ModelsSettings {
    /// The model that is asked first, without a look at any key; `None` where none is set.
    pub fn first(&self) -> Option<Label> {
        let first = self.target.iter().find(|target| !target.model.trim().is_empty())?;
        let name = if first.name.trim().is_empty() { &first.model } else { &first.name };
        let url = first.base_url.as_deref().unwrap_or_else(|| first.provider.provider().base_url());
        let host = url.split("://").nth(1).unwrap_or("").split(['/', '?']).next().unwrap_or("");
        let is_local = ["localhost", "127.", "[::1]"].iter().any(|own| host.starts_with(own));
        Some(Label { name: name.trim().to_owned(), is_local, price: first.price.or_else(|| price_of(&first.model)) })
    }
}

impl Target {
    /// The wire format of a request to this target; nothing where it has a hole and the target fills none.
    pub(crate) fn speaks(&self, request: &Request) -> Option<&'static dyn Provider> {
        match request.prompt.hole() {
            None => Some(self.provider.provider()),
            Some(_) => self.fill?.provider(self.provider),
        }
    }
}

impl Target {
    /// Whether the pictures of a request are shown in its format: nearly all that are attached are, and some on the open web go and fetch others.
    pub(crate) fn sees(&self, request: &Request) -> bool {
        let provider = self.provider.provider();
        request.prompt.shown_pictures().all(|picture| match picture.data() {
            Some((media, _)) => provider.shows(media),
            None => self.is_open && picture.address().is_some_and(|address| provider.fetches(address)),
        })
    }

    /// Bytes of a request that this target is told.
    pub(crate) fn told(&self, request: &Request, quirks: Quirks) -> usize {
        let prompt = &request.prompt;
        // Mostly there is none, and it is asked for often.
        let is_thought = prompt.thoughts() != Thoughts::default();
        let format = if is_thought { self.speaks(request) } else { None };
        prompt.len() + format.map_or(0, |format| format.thoughts(prompt, &self.model, quirks))
    }
}

impl TargetSettings {
    fn resolve(&self, name: &str, key: &dyn Fn(&KeySource) -> Result<Secret, String>) -> Result<Target, String> {
        if self.model.trim().is_empty() {
            return Err("Its `model` is missing.".to_owned());
        }
        let base_url = self.base_url.as_deref().unwrap_or_else(|| self.provider.provider().base_url());
        if !base_url.starts_with("http://") && !base_url.starts_with("https://") {
            return Err(format!("Its `base-url` must begin with http:// or https://, not as {base_url} does."));
        }
        let price = self.price.or_else(|| price_of(&self.model)).unwrap_or_default();
        if [price.input, price.output, price.cached.unwrap_or(0.0)]
            .iter()
            .any(|price| !(0.0..=1_000_000.0).contains(price))
        {
            return Err("Its `price` must be numbers from 0 to a million.".to_owned());
        }
        if let Some(fill) = self.fill.filter(|fill| fill.provider(self.provider).is_none()) {
            return Err(format!(
                "Its `fill` cannot be {}, since its `provider` has no way to fill a hole.",
                fill.name()
            ));
        }
        if self.context_window == Some(0) {
            return Err("Its `context-window` must be at least 1.".to_owned());
        }
        let key = self.api_key.as_ref().map(key).transpose()?;
        if key.as_ref().is_some_and(Secret::is_empty) {
            return Err("Its `api-key` is empty.".to_owned());
        }
        let (model, base_url) = (self.model.trim(), base_url.trim_end_matches('/'));
        let digest = key.as_ref().map(|key| blake3::hash(key.expose().as_bytes()).to_hex().to_string());
        Ok(Target {
            name: name.to_owned(),
            provider: self.provider,
            is_open: is_open(base_url),
            watched: Watched::new(base_url, model, &digest.unwrap_or_default()),
            model: model.to_owned(),
            base_url: base_url.to_owned(),
            fill: self.fill,
            key,
            context_window: self.context_window,
            price,
            weight: self.weight.unwrap_or(1),
            stream: self.stream.unwrap_or(true),
            http2: self.http2,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(toml: &str) -> (Vec<Target>, Vec<String>) {
        let settings: ModelsSettings = toml::from_str(toml).unwrap();
        let key = |source: &KeySource| match source {
            KeySource::Env(name) if name == "KEY" => Ok(Secret::new("k")),
            KeySource::Env(name) if name == "EMPTY" => Ok(Secret::new(" ")),
            KeySource::Env(name) => Err(format!("The environment variable {name} is not set.")),
            KeySource::File(_) | KeySource::Command(_) => Err("no".to_owned()),
        };
        let (targets, errors) = settings.targets(&key);
        (targets, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn who_stands_on_the_inside_is_known_by_the_address() {
        let is_open = |url: &str| {
            let (found, errors) = targets(&format!("[[target]]\nmodel = \"m\"\nbase-url = \"{url}\""));
            assert_eq!(errors, Vec::<String>::new());
            found[0].is_open
        };
        assert!(targets("[[target]]\nmodel = \"m\"").0[0].is_open && is_open("https://llm.example.org:8443/v1/"));
        for url in
            ["http://localhost:8000/v1", "http://10.0.0.7/v1", "http://[::1]:8000", "http://gpu", "https://gpu.corp/v1"]
        {
            assert!(!is_open(url), "{url}");
        }
    }

    #[test]
    fn what_is_left_out_is_known() {
        let (found, errors) = targets(
            "[[target]]\nmodel = 'gpt-4o-mini'\napi-key = { env = 'KEY' }\n[[target]]\nname = 'here'\nprovider = 'ollama'\nmodel = 'qwen'\nbase-url = 'http://127.0.0.1:1/'\n",
        );
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!((found[0].name.as_str(), found[0].base_url.as_str()), ("gpt-4o-mini", "https://api.openai.com/v1"));
        assert!(found[0].price.input > 0.0 && found[0].key.is_some() && found[0].stream);
        assert_eq!((found[1].base_url.as_str(), found[1].price), ("http://127.0.0.1:1", Price::default()));
    }

    #[test]
    fn a_fill_is_one_of_a_list_and_goes_with_some_providers() {
        let read = |form: &str| {
            toml::from_str::<ModelsSettings>(&format!("[[target]]\nmodel = 'm'\nfill = {form}\n"))
                .map(|settings| settings.target[0].fill)
                .map_err(|error| error.message().to_owned())
        };
        for format in FillFormat::ALL {
            assert_eq!(read(&format!("'{}'", format.name())), Ok(Some(format)));
            assert_eq!(serde_json::json!(format), format.name());
        }
        let names = "suffix, infill, mistral, ollama, qwen, codellama, starcoder, deepseek, codestral, codegemma";
        assert_eq!(read("'middle'"), Err(format!("`fill` is one of {names}, not middle")));
        assert_eq!(read("7"), Err(format!("`fill` is one of {names}")));
        let (found, errors) = targets(
            "[[target]]\nmodel = 'a'\nprovider = 'anthropic'\nfill = 'suffix'\n[[target]]\nmodel = 'b'\nfill = 'qwen'\n",
        );
        assert_eq!(
            errors,
            ["`models.target` a: Its `fill` cannot be suffix, since its `provider` has no way to fill a hole."]
        );
        assert_eq!(found.iter().map(|target| target.fill).collect::<Vec<_>>(), [Some(FillFormat::Qwen)]);
    }

    #[test]
    fn a_command_is_words_or_a_line_and_what_is_wrong_is_not_quoted() {
        let read = |form: &str| {
            let settings = toml::from_str::<ModelsSettings>(&format!("[[target]]\nmodel = 'm'\napi-key = {form}\n"));
            settings.map(|settings| settings.target[0].api_key.clone()).map_err(|error| error.message().to_owned())
        };
        let command =
            |words: &[&str]| Ok(Some(KeySource::Command(words.iter().map(|&word| word.to_owned()).collect())));
        assert_eq!(read("{ command = ['pass', 'show', 'a b'] }"), command(&["pass", "show", "a b"]));
        assert_eq!(read("{ command = ' pass  show x ' }"), command(&["pass", "show", "x"]));
        for wrong in ["{ command = [] }", "{ command = ' ' }", "{ command = ['', 'hush'] }", "{ command = 7 }"]
            .into_iter()
            .chain([
                "{ command = ['hush', 7] }",
                "{ command = 'hush', env = 'X' }",
                "{ hush = 'x' }",
                "{ env = ['hush'] }",
            ])
        {
            assert_eq!(read(wrong), Err(KEY_FORM.to_owned()), "{wrong}");
        }
        let schema = serde_json::to_string(&schemars::schema_for!(KeySource)).unwrap();
        assert!(schema.contains("\"command\"") && schema.contains("array") && schema.contains("string"), "{schema}");
    }

    #[test]
    fn each_mistake_is_one_sentence_and_takes_no_other_target_along() {
        let (found, errors) = targets(
            "[[target]]\n[[target]]\nmodel = 'a'\napi-key = { env = 'GONE' }\n[[target]]\nmodel = 'b'\napi-key = { env = 'EMPTY' }\n\
             [[target]]\nmodel = 'c'\nbase-url = 'c.example'\n[[target]]\nmodel = 'd'\nprice = { input = -1 }\n[[target]]\nmodel = 'e'\n[[target]]\nmodel = 'e'\n\
             [[target]]\nmodel = 'f'\ncontext-window = 0\n",
        );
        assert_eq!(found.iter().map(|target| target.name.as_str()).collect::<Vec<_>>(), ["e"]);
        assert_eq!(
            errors,
            [
                "`models.target` number 1: Its `model` is missing.",
                "`models.target` a: The environment variable GONE is not set.",
                "`models.target` b: Its `api-key` is empty.",
                "`models.target` c: Its `base-url` must begin with http:// or https://, not as c.example does.",
                "`models.target` d: Its `price` must be numbers from 0 to a million.",
                "`models.target` e: There is another one of this name; give it a `name` of its own.",
                "`models.target` f: Its `context-window` must be at least 1.",
            ]
        );
        assert!(
            toml::from_str::<ModelsSettings>("[[target]]\nmodel = 'a'\napi-key = 'sk-123'\n").is_err(),
            "no key in a file"
        );
    }
}
