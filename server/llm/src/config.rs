//! What can be set: targets, the cache, budgets, the way of choosing. Plain data; keys are named here and read elsewhere.

use crate::budget::{Limits, Price, price_of};
use crate::pool::MOST;
use crate::providers::ProviderKind;
use schemars::JsonSchema;
use security::secret::Secret;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// The language models that may be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ModelsSettings {
    /// The models, in the order in which they are preferred.
    pub target: Vec<TargetSettings>,
    /// Bytes of a prompt; a longer one is refused.
    #[schemars(range(min = 1024))]
    pub max_prompt_bytes: usize,
    /// Bytes of an answer; a longer one is cut off and counts as failed.
    #[schemars(range(min = 1024))]
    pub max_answer_bytes: usize,
    /// Bytes of prompts and answers under way at one time, over all requests; what would go beyond is refused.
    #[schemars(range(min = 65_536))]
    pub max_bytes_in_flight: usize,
    /// Milliseconds until the first word of an answer.
    #[schemars(range(min = 1))]
    pub first_word_ms: u64,
    /// Milliseconds between two words of an answer.
    #[schemars(range(min = 1))]
    pub stall_ms: u64,
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
                let (kind, place) = map.next_entry::<String, String>().ok().flatten().ok_or_else(wrong)?;
                if map.next_key::<String>().ok().flatten().is_some() {
                    return Err(wrong());
                }
                match kind.as_str() {
                    "env" => Ok(KeySource::Env(place)),
                    "file" => Ok(KeySource::File(place)),
                    _ => Err(wrong()),
                }
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

const KEY_FORM: &str = "`api-key` says where the key is, { env = \"NAME\" } or { file = \"PATH\" }; the key itself never stands in settings";

/// Answers that are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CacheSettings {
    /// Bytes in memory; 0 keeps nothing.
    pub max_bytes: u64,
    /// Seconds for which an answer is good.
    #[schemars(range(min = 1))]
    pub seconds: u64,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { max_bytes: 16 << 20, seconds: 86_400 }
    }
}

/// How a target is chosen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RoutingSettings {
    /// The way.
    pub strategy: RoutingStrategy,
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
    /// Its key.
    pub key: Option<Secret>,
    /// What it costs; nothing where that is not known.
    pub price: Price,
    /// How often it is chosen by `weighted`.
    pub weight: u32,
    /// Whether answers come word by word.
    pub stream: bool,
    /// HTTP/2 without TLS.
    pub http2: bool,
}

/// A target that cannot be asked as it is set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`models.target` {name}: {problem}")]
pub struct TargetError {
    /// Its name, or its number.
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
                        name,
                        problem: "There is another one of this name; give it a `name` of its own.".to_owned(),
                    });
                }
                Ok(target) => targets.push(target),
                Err(problem) => errors.push(TargetError { name, problem }),
            }
        }
        (targets, errors)
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
        let key = self.api_key.as_ref().map(key).transpose()?;
        if key.as_ref().is_some_and(Secret::is_empty) {
            return Err("Its `api-key` is empty.".to_owned());
        }
        Ok(Target {
            name: name.to_owned(),
            provider: self.provider,
            model: self.model.trim().to_owned(),
            base_url: base_url.trim_end_matches('/').to_owned(),
            key,
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
            KeySource::File(_) => Err("no".to_owned()),
        };
        let (targets, errors) = settings.targets(&key);
        (targets, errors.iter().map(ToString::to_string).collect())
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
    fn each_mistake_is_one_sentence_and_takes_no_other_target_along() {
        let (found, errors) = targets(
            "[[target]]\n[[target]]\nmodel = 'a'\napi-key = { env = 'GONE' }\n[[target]]\nmodel = 'b'\napi-key = { env = 'EMPTY' }\n\
             [[target]]\nmodel = 'c'\nbase-url = 'c.example'\n[[target]]\nmodel = 'd'\nprice = { input = -1 }\n[[target]]\nmodel = 'e'\n[[target]]\nmodel = 'e'\n",
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
            ]
        );
        assert!(
            toml::from_str::<ModelsSettings>("[[target]]\nmodel = 'a'\napi-key = 'sk-123'\n").is_err(),
            "no key in a file"
        );
    }
}
