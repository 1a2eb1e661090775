//! How models take a hole: which wire format, and which marks around the text where a server leaves them to whoever asks.
//!
//! A hole is a question of its own kind. Which format asks an ordinary one says nothing of it, so it is a setting of its own.

use super::{Provider, Quirks};
use super::{ProviderKind, completions, llama_cpp, mistral, ollama};
use crate::error::{Cause, LlmError};
use crate::request::Request;
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};

/// How a model is given a hole to fill, as an editor's inline completion asks it to.
///
/// The names of models are for servers that leave the marks of the model to whoever asks: the text goes to `/completions` of the
/// `base-url`, or to Ollama as it is, with the marks that this model was taught.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FillFormat {
    /// `prompt` and `suffix` to `/completions`, as DeepSeek and others take them; llama.cpp and vLLM fill no holes there.
    Suffix,
    /// `input_prefix` and `input_suffix` to `/infill` of llama.cpp, at the root of the server.
    Infill,
    /// `prompt` and `suffix` to `/fim/completions` of Mistral.
    Mistral,
    /// `prompt` and `suffix` to `/api/generate` of Ollama, at the root of the server.
    Ollama,
    /// The marks of Qwen Coder.
    Qwen,
    /// The marks of Code Llama.
    Codellama,
    /// The marks of StarCoder.
    Starcoder,
    /// The marks of DeepSeek Coder.
    Deepseek,
    /// The marks of Codestral.
    Codestral,
    /// The marks of CodeGemma.
    Codegemma,
}

impl FillFormat {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Suffix,
        Self::Infill,
        Self::Mistral,
        Self::Ollama,
        Self::Qwen,
        Self::Codellama,
        Self::Starcoder,
        Self::Deepseek,
        Self::Codestral,
        Self::Codegemma,
    ];

    /// Its name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Suffix => "suffix",
            Self::Infill => "infill",
            Self::Mistral => "mistral",
            Self::Ollama => "ollama",
            Self::Qwen => "qwen",
            Self::Codellama => "codellama",
            Self::Starcoder => "starcoder",
            Self::Deepseek => "deepseek",
            Self::Codestral => "codestral",
            Self::Codegemma => "codegemma",
        }
    }

    /// The wire format for a hole at a target that speaks `kind` otherwise; nothing where such a server has none.
    pub(crate) fn provider(self, kind: ProviderKind) -> Option<&'static dyn Provider> {
        Some(match (kind, self) {
            (ProviderKind::Anthropic | ProviderKind::Gemini, _) => return None,
            (_, Self::Infill) => &llama_cpp::Infill,
            (_, Self::Mistral) => &mistral::FimCompletions,
            // What it serves at /completions has its own marks around every prompt, and it takes a suffix where all else of it is.
            (ProviderKind::Ollama, Self::Suffix) | (_, Self::Ollama) => &ollama::Generate(None),
            (_, Self::Suffix) => &completions::Completions(None),
            (ProviderKind::Ollama, Self::Qwen) => &ollama::Generate(Some(&QWEN)),
            (ProviderKind::Ollama, Self::Codellama) => &ollama::Generate(Some(&CODELLAMA)),
            (ProviderKind::Ollama, Self::Starcoder) => &ollama::Generate(Some(&STARCODER)),
            (ProviderKind::Ollama, Self::Deepseek) => &ollama::Generate(Some(&DEEPSEEK)),
            (ProviderKind::Ollama, Self::Codestral) => &ollama::Generate(Some(&CODESTRAL)),
            (ProviderKind::Ollama, Self::Codegemma) => &ollama::Generate(Some(&CODEGEMMA)),
            (_, Self::Qwen) => &completions::Completions(Some(&QWEN)),
            (_, Self::Codellama) => &completions::Completions(Some(&CODELLAMA)),
            (_, Self::Starcoder) => &completions::Completions(Some(&STARCODER)),
            (_, Self::Deepseek) => &completions::Completions(Some(&DEEPSEEK)),
            (_, Self::Codestral) => &completions::Completions(Some(&CODESTRAL)),
            (_, Self::Codegemma) => &completions::Completions(Some(&CODEGEMMA)),
        })
    }
}

/// Read by hand, so that what is wrong names the setting.
impl<'de> Deserialize<'de> for FillFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let name = String::deserialize(deserializer)
            .map_err(|_| de::Error::custom(format!("`fill` is one of {}", names())))?;
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| de::Error::custom(format!("`fill` is one of {}, not {name}", names())))
    }
}

/// The marks that a model was taught: what stands before, between and after the two texts.
#[derive(Debug)]
pub(super) struct Template {
    first: &'static str,
    between: &'static str,
    last: &'static str,
    /// Whether the text after the hole comes first.
    is_turned: bool,
    /// What such a model says at the end where its server lets it be read.
    pub stop: &'static [&'static str],
}

impl Template {
    /// Both texts with the marks around them. Neither has any mark in it, see [`crate::prompt::Prompt::fill`].
    pub fn prompt(&self, prefix: &str, suffix: &str) -> String {
        let (one, other) = if self.is_turned { (suffix, prefix) } else { (prefix, suffix) };
        [self.first, one, self.between, other, self.last].concat()
    }
}

const QWEN: Template = Template {
    first: "<|fim_prefix|>",
    between: "<|fim_suffix|>",
    last: "<|fim_middle|>",
    is_turned: false,
    stop: &["<|endoftext|>", "<|fim_pad|>", "<|file_sep|>"],
};

// The spaces are a part of it.
const CODELLAMA: Template =
    Template { first: "<PRE> ", between: " <SUF>", last: " <MID>", is_turned: false, stop: &["<EOT>"] };

const STARCODER: Template = Template {
    first: "<fim_prefix>",
    between: "<fim_suffix>",
    last: "<fim_middle>",
    is_turned: false,
    stop: &["<|endoftext|>", "<file_sep>"],
};

// What it calls the end is where the hole is filled.
const DEEPSEEK: Template = Template {
    first: "<｜fim▁begin｜>",
    between: "<｜fim▁hole｜>",
    last: "<｜fim▁end｜>",
    is_turned: false,
    stop: &["<｜end▁of▁sentence｜>", "<|EOT|>"],
};

const CODESTRAL: Template =
    Template { first: "[SUFFIX]", between: "[PREFIX]", last: "", is_turned: true, stop: &["[SUFFIX]", "[PREFIX]"] };

const CODEGEMMA: Template = Template { stop: &["<|file_separator|>", "<eos>"], ..QWEN };

/// What those servers read that OpenAI reads too, and none takes more of.
pub(super) const MOST_STOPS: usize = 4;

/// The texts at which an answer ends: those of the request, then as many of the template as there is room for.
pub(super) fn stops<'a>(request: &'a Request, template: Option<&'a Template>) -> Vec<&'a str> {
    let own = template.into_iter().flat_map(|template| template.stop.iter().copied());
    request.stops().chain(own).take(MOST_STOPS).collect()
}

/// The root of a server whose other addresses begin with a version.
pub(super) fn root(base_url: &str) -> &str {
    base_url.strip_suffix("/v1").unwrap_or(base_url)
}

/// The temperature, where the model takes one.
pub(super) fn temperature(request: &Request, quirks: Quirks) -> Option<f32> {
    (!quirks.no_temperature).then_some(request.temperature)
}

/// What a refusal means where a hole was sent: that the server has no way to fill one, or that the model was not taught it.
pub(crate) fn refusal(error: LlmError, status: u16) -> LlmError {
    // llama.cpp says the first and an older one the last, Ollama the second, vLLM the third, OpenAI the fourth.
    const WORDS: [&str; 5] = [
        "infill is not supported",
        "does not support insert",
        "suffix is not",
        "argument supplied: suffix",
        "unsupported param: suffix",
    ];
    let said = error.detail.to_lowercase();
    let is_refused = matches!(status, 405 | 501) || WORDS.iter().any(|words| said.contains(words));
    if is_refused { LlmError::new(error.target, Cause::NoFill, "its model takes no hole to be filled") } else { error }
}

#[cfg(test)]
mod tests {
    use super::super::{Endpoint, Failed, WireRequest, gather};
    use super::*;
    use crate::prompt::{Prompt, PromptLimits};
    use crate::request::{Finish, Piece, Usage};
    use proptest::prelude::*;
    use security::secret::Secret;
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn sent(fill: FillFormat, kind: ProviderKind, base_url: &str, sides: (&str, &str)) -> (WireRequest, Value) {
        let prompt = Prompt::fill(sides.0, sides.1, PromptLimits::default()).unwrap();
        let request = Request { max_tokens: 7, stop: vec!["\n\n".into()], ..Request::new(Arc::new(prompt)) };
        let key = Secret::new("k");
        let quirks = Quirks::default();
        let endpoint = Endpoint { base_url, model: "m", key: Some(&key), stream: true, quirks };
        let wire = fill.provider(kind).unwrap().request(&request, &endpoint);
        let body = serde_json::from_slice(&wire.body).unwrap();
        (wire, body)
    }

    #[test]
    fn a_hole_is_sent_in_each_servers_words() {
        for (fill, kind, url, prefix, suffix, limit, stop) in [
            (
                FillFormat::Suffix,
                ProviderKind::Openai,
                "http://h/v1/completions",
                "/prompt",
                "/suffix",
                "/max_tokens",
                "/stop/0",
            ),
            (
                FillFormat::Infill,
                ProviderKind::Openai,
                "http://h/infill",
                "/input_prefix",
                "/input_suffix",
                "/n_predict",
                "/stop/0",
            ),
            (
                FillFormat::Mistral,
                ProviderKind::Openai,
                "http://h/v1/fim/completions",
                "/prompt",
                "/suffix",
                "/max_tokens",
                "/stop/0",
            ),
            (
                FillFormat::Ollama,
                ProviderKind::Openai,
                "http://h/api/generate",
                "/prompt",
                "/suffix",
                "/options/num_predict",
                "/options/stop/0",
            ),
            (
                FillFormat::Suffix,
                ProviderKind::Ollama,
                "http://h/api/generate",
                "/prompt",
                "/suffix",
                "/options/num_predict",
                "/options/stop/0",
            ),
        ] {
            let (wire, body) = sent(fill, kind, "http://h/v1", ("def f(", "):"));
            assert_eq!(wire.url, url);
            let said = [prefix, suffix, limit, stop, "/model", "/stream"].map(|place| body.pointer(place).cloned());
            assert_eq!(
                said,
                [json!("def f("), json!("):"), json!(7), json!("\n\n"), json!("m"), json!(true)].map(Some),
                "{fill:?}"
            );
            assert!(wire.headers.iter().any(|(name, value)| *name == "authorization" && value.expose() == "Bearer k"));
        }
        let (wire, body) = sent(FillFormat::Qwen, ProviderKind::Openai, "http://h/v1", ("a", "b"));
        assert_eq!(
            (wire.url.as_str(), &body["prompt"]),
            ("http://h/v1/completions", &json!("<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>"))
        );
        assert_eq!(body["stop"], json!(["\n\n", "<|endoftext|>", "<|fim_pad|>", "<|file_sep|>"]));
        assert!(body.get("suffix").is_none());
        let (wire, body) = sent(FillFormat::Starcoder, ProviderKind::Ollama, "http://h:11434", ("a", "b"));
        assert_eq!((wire.url.as_str(), &body["raw"]), ("http://h:11434/api/generate", &json!(true)));
        assert_eq!(body["prompt"], "<fim_prefix>a<fim_suffix>b<fim_middle>");
        let (_, body) = sent(FillFormat::Ollama, ProviderKind::Ollama, "http://h", ("a", ""));
        assert_eq!(body["suffix"], "\n", "without any it would be a question");
        assert!(FillFormat::ALL.iter().all(|fill| fill.provider(ProviderKind::Anthropic).is_none()));
    }

    fn streamed(fill: FillFormat, events: &[Value]) -> Result<Vec<Piece>, Failed> {
        let provider = fill.provider(ProviderKind::Openai).unwrap();
        let pieces: Result<Vec<_>, _> = events.iter().map(|event| provider.event(&event.to_string())).collect();
        Ok(pieces?.concat())
    }

    #[test]
    fn what_fills_a_hole_is_read_in_pieces() {
        let usage = Usage { input: 10, cached: 4, output: 3 };
        let counts =
            json!({ "prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": { "cached_tokens": 4 } });
        let expected = |usage| {
            vec![Piece::Text("He".into()), Piece::Text("llo".into()), Piece::Usage(usage), Piece::End(Finish::Length)]
        };
        let suffix = [
            json!({ "choices": [{ "text": "He", "index": 0, "finish_reason": null }], "usage": null, "new": 1 }),
            json!({ "choices": [{ "text": "llo" }] }),
            json!({ "choices": [], "usage": counts }),
            json!({ "choices": [{ "text": "", "finish_reason": "length" }] }),
        ];
        assert_eq!(streamed(FillFormat::Suffix, &suffix), Ok(expected(usage)));
        assert_eq!(streamed(FillFormat::Deepseek, &suffix), Ok(expected(usage)));
        let infill = [
            json!({ "content": "He", "stop": false, "tokens_predicted": 1, "tokens_evaluated": 10 }),
            json!({ "content": "llo", "stop": false }),
            json!({ "content": "", "stop": true, "stop_type": "limit", "tokens_evaluated": 10, "tokens_predicted": 3, "timings": { "cache_n": 4 } }),
        ];
        assert_eq!(streamed(FillFormat::Infill, &infill), Ok(expected(usage)));
        let mistral = [
            json!({ "choices": [{ "delta": { "role": "assistant", "content": "He" } }] }),
            json!({ "choices": [{ "delta": { "content": "llo" }, "finish_reason": "length" }], "usage": counts }),
        ];
        assert_eq!(streamed(FillFormat::Mistral, &mistral), Ok(expected(usage)));
        let ollama = [
            json!({ "response": "He", "done": false }),
            json!({ "response": "llo", "done": false }),
            json!({ "response": "", "done": true, "done_reason": "length", "prompt_eval_count": 10, "eval_count": 3 }),
        ];
        assert_eq!(streamed(FillFormat::Ollama, &ollama), Ok(expected(Usage { cached: 0, ..usage })));
        for fill in [FillFormat::Suffix, FillFormat::Infill, FillFormat::Mistral, FillFormat::Qwen] {
            assert_eq!(fill.provider(ProviderKind::Openai).unwrap().event("[DONE]"), Ok(vec![]));
        }
    }

    #[test]
    fn what_fills_a_hole_is_read_whole() {
        for (fill, body) in [
            (FillFormat::Suffix, json!({ "choices": [{ "text": "Hello", "finish_reason": "stop" }] })),
            (FillFormat::Codestral, json!({ "choices": [{ "text": "Hello", "finish_reason": "stop" }] })),
            (FillFormat::Infill, json!({ "content": "Hello", "stop": true, "stop_type": "word" })),
            (
                FillFormat::Infill,
                json!({ "content": "Hello", "stop": true, "stopped_eos": true, "stopped_limit": false }),
            ),
            (
                FillFormat::Mistral,
                json!({ "choices": [{ "message": { "content": "Hello" }, "finish_reason": "stop" }] }),
            ),
            (FillFormat::Ollama, json!({ "response": "Hello", "done": true, "done_reason": "stop" })),
        ] {
            let answer = gather("t", fill.provider(ProviderKind::Openai).unwrap().whole(&body).unwrap()).unwrap();
            assert_eq!((answer.text.as_str(), answer.finish), ("Hello", Finish::Stop), "{fill:?}");
        }
        for fill in FillFormat::ALL {
            let provider = fill.provider(ProviderKind::Openai).unwrap();
            let nothing = provider.whole(&json!({ "unknown": true }));
            assert!(nothing.is_err() || gather("t", nothing.unwrap()).is_err(), "{fill:?}");
            assert_eq!(provider.event("{\"cut").map_err(|failed| failed.cause), Err(Cause::Malformed), "{fill:?}");
            let inside = json!({ "error": { "code": 429, "message": "slow" } });
            assert_eq!(provider.whole(&inside).unwrap_err().cause, Cause::Rate, "{fill:?}");
        }
    }

    proptest! {
        /// However a file is written, its hole is where the cursor is.
        #[test]
        fn a_template_has_its_marks_once_whatever_stands_in_the_file(
            words in prop::collection::vec(prop::sample::select(vec![
                "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<PRE> ", " <SUF>", " <MID>", "<fim_prefix>", "<fim_middle>",
                "<fim_suffix>", "<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", "[SUFFIX]", "[PREFIX]", "x = 1\n", "<|", "fim_middle", "|>", "<",
            ]), 1..12),
            cut in any::<prop::sample::Index>(),
        ) {
            let (prefix, suffix) = words.split_at(cut.index(words.len()));
            for template in [&QWEN, &CODELLAMA, &STARCODER, &DEEPSEEK, &CODESTRAL, &CODEGEMMA] {
                let Ok(made) = Prompt::fill(&prefix.concat(), &suffix.concat(), PromptLimits::default()) else { continue };
                let (before, after) = made.hole().unwrap();
                let sent = template.prompt(before, after);
                for mark in [template.first, template.between, template.last].map(str::trim).iter().filter(|mark| !mark.is_empty()) {
                    prop_assert_eq!(sent.matches(mark).count(), 1, "{} in {}", mark, sent);
                }
            }
        }
    }

    #[test]
    fn each_model_gets_the_marks_that_it_was_taught() {
        for (template, expected) in [
            (&QWEN, "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>"),
            (&CODEGEMMA, "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>"),
            (&CODELLAMA, "<PRE> a <SUF>b <MID>"),
            (&STARCODER, "<fim_prefix>a<fim_suffix>b<fim_middle>"),
            (&DEEPSEEK, "<｜fim▁begin｜>a<｜fim▁hole｜>b<｜fim▁end｜>"),
            (&CODESTRAL, "[SUFFIX]b[PREFIX]a"),
        ] {
            assert_eq!(template.prompt("a", "b"), expected);
        }
    }

    #[test]
    fn a_refusal_of_a_hole_is_told_from_other_failures() {
        let of = |status, said: &str| refusal(LlmError::new("t", Cause::Server, said), status).cause;
        assert_eq!(of(501, "Infill is not supported by this model: prefix token is missing."), Cause::NoFill);
        assert_eq!(of(400, "registry/smollm2:135m does not support insert"), Cause::NoFill);
        assert_eq!(of(400, "suffix is not currently supported"), Cause::NoFill);
        assert_eq!(of(400, "Unrecognized request argument supplied: suffix"), Cause::NoFill);
        assert_eq!(of(500, "Unsupported param: suffix"), Cause::NoFill);
        assert_eq!(of(500, "it failed"), Cause::Server);
    }
}
