//! What some models refuse and others need: known by their names and addresses, or learnt from what they refused.

use crate::error::{Cause, LlmError};

/// What some models refuse and others need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// It has a temperature of its own and refuses another.
    pub no_temperature: bool,
    /// It calls the longest answer `max_completion_tokens`.
    pub completion_tokens: bool,
    /// It refuses texts at which its answer is to end.
    pub no_stop: bool,
    /// It wants to be told again what it thought before it called tools, in `reasoning_content`.
    pub wants_reasoning: bool,
    /// It wants the same in `reasoning_details`, unchanged. OpenRouter knows it for all of its models.
    pub wants_details: bool,
    /// It knows no tools whose arguments must fulfil their schema to the letter, or not with these schemas.
    pub no_strict: bool,
    /// It has no form of an answer but schemas, and no word for any object.
    pub no_object: bool,
    /// It takes no names of calls but those of nine letters and digits.
    pub short_ids: bool,
    /// It is not to be asked for a longer answer than one that will do.
    pub short_answers: bool,
    /// What was thought in this conversation it did not think itself. Never so of a model, only of a conversation.
    pub strange_thoughts: bool,
    /// Tokens for which it is to have room, where its server has to be told. Never learnt, only set.
    pub context_window: Option<u32>,
}

impl Quirks {
    /// What is known of a model by its name.
    pub fn of(model: &str) -> Self {
        /// The names of Mistral's models begin so, wherever they are served.
        const MISTRALS: [&str; 9] = [
            "mistral",
            "ministral",
            "magistral",
            "codestral",
            "devstral",
            "pixtral",
            "mixtral",
            "open-mistral",
            "open-mixtral",
        ];
        let model = model.rsplit('/').next().unwrap_or(model);
        let begins = |with: &str| model.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
        let is_numbered_o = |rest: &str| rest.starts_with(|character: char| character.is_ascii_digit());
        let reasons = model.starts_with("gpt-5") || model.strip_prefix('o').is_some_and(is_numbered_o);
        Self {
            no_temperature: reasons,
            completion_tokens: reasons,
            no_stop: reasons,
            wants_reasoning: begins("deepseek"),
            short_ids: MISTRALS.into_iter().any(begins),
            ..Self::default()
        }
    }

    /// What is known besides by the address at which a model is served.
    #[must_use]
    pub fn at(self, base_url: &str) -> Self {
        let host = base_url.split("://").nth(1).unwrap_or("").split(['/', ':', '?']).next().unwrap_or("");
        let is_of = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        Self {
            wants_reasoning: self.wants_reasoning || is_of("deepseek.com"),
            wants_details: self.wants_details || is_of("openrouter.ai"),
            short_ids: self.short_ids || is_of("mistral.ai"),
            ..self
        }
    }

    /// What is known after a model refused a request with this message; the same where it says nothing of it.
    #[must_use]
    pub fn learnt(self, error: &LlmError) -> Self {
        if error.cause != Cause::BadRequest {
            return self;
        }
        let detail = error.detail.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| detail.contains(word));
        let is_of_another = is_of_a_tool(&detail) || has(&["tool"]);
        let says = |word: &str| !is_of_another && error.detail.contains(word);
        // Who says that it is missing wants it; who says anything else of it does not know it.
        let is_missed = has(&["missing", "must be pass", "must be provided", "required", "preserved"]);
        let wants = |names: &[&str], known: bool| match has(names) && !is_of_a_tool(&detail) {
            true => is_missed,
            false => known,
        };
        Self {
            no_temperature: self.no_temperature || (!is_of_another && has(&["temperature"]) && is_not_taken(&detail)),
            completion_tokens: self.completion_tokens || says("max_completion_tokens"),
            no_stop: self.no_stop || says("'stop'") || says("`stop`"),
            wants_reasoning: wants(&["reasoning_content"], self.wants_reasoning),
            wants_details: wants(&["reasoning_details", "reasoning details"], self.wants_details),
            // LM Studio, for one, knows schemas only. Others know it, and refuse a request that does not speak of JSON: whoever asks has to mend that.
            no_object: self.no_object
                || (has(&["json_object", "'response_format.type' must be 'json_schema'"]) && !has(&["the word"])),
            short_ids: self.short_ids || (has(&["call id"]) && has(&["length of 9", "length 9"])),
            ..self
        }
    }

    /// The same after a model refused an answer that may be as long as is usual.
    #[must_use]
    pub fn shortened(self, error: &LlmError) -> Self {
        // What does not fit beside this prompt may fit beside the next one.
        let detail = error.detail.to_lowercase();
        let says = |word: &str| detail.contains(word);
        let is_of_the_prompt = ["context limit", "context length", "max_new_tokens"].into_iter().any(says)
            || (says("exceed") && says("context"));
        let is_refused = error.cause == Cause::BadRequest && is_of_length(error) && !is_of_the_prompt;
        Self { short_answers: self.short_answers || is_refused, ..self }
    }
}

/// Whether what is refused is a tool, or the schema of one or of an answer. Its fields may have any name, and what is wrong with it is no quirk of a model.
fn is_of_a_tool(detail: &str) -> bool {
    ["function", "schema", "properties"].iter().any(|word| detail.contains(word))
}

/// Whether it is said that a field is not taken. A model that names a range takes the field, with another value.
fn is_not_taken(detail: &str) -> bool {
    const SAID: [&str; 8] = [
        "deprecated",
        "support",
        "not allowed",
        "not permitted",
        "unrecognized",
        "unexpected",
        "unknown",
        // "only 1 is allowed for this model", "may only be set to 1"
        "only",
    ];
    const OF_A_RANGE: [&str; 12] = [
        "range",
        "between",
        "less than",
        "greater than",
        "at most",
        "at least",
        "above",
        "below",
        "maximum",
        "minimum",
        "<=",
        ">=",
    ];
    let says = |words: &[&str]| words.iter().any(|word| detail.contains(word));
    says(&SAID) && !says(&OF_A_RANGE)
}

/// Whether a model refuses thoughts that it did not think: another one, or the same for another account.
pub(crate) fn is_of_thoughts(error: &LlmError) -> bool {
    let detail = error.detail.to_lowercase();
    let says = |word: &str| detail.contains(word);
    // The first three are Google's, the last is Anthropic's.
    const WORDS: [&str; 4] =
        ["thought signature", "thought_signature", "thoughtsignature", "`signature` in `thinking`"];
    error.cause == Cause::BadRequest && WORDS.into_iter().any(says)
}

/// Whether a model to which a strict tool was told knows none. It names the field by its place, or says of the field itself that it is not taken.
/// The word alone stands in many a name, and in what is said of a schema.
pub(crate) fn knows_no_strict(error: &LlmError) -> bool {
    let detail = error.detail.to_lowercase();
    error.cause == Cause::BadRequest && (names_strict(&detail) || refuses_strict(&detail))
}

/// Whether the place of the field is named: `tools.0.custom.strict: Extra inputs are not permitted`, or the same in a `body`.
fn names_strict(detail: &str) -> bool {
    let Some((before, _)) = detail.split_once("extra inputs") else { return false };
    let before = before.trim_end_matches(|letter: char| letter == ':' || letter.is_whitespace());
    let place = before.rsplit(char::is_whitespace).next().unwrap_or("");
    let mut names = place.strip_prefix("body.").unwrap_or(place).split('.');
    let is_of_a_tool = names.next() == Some("tools") && names.next().is_some_and(|name| name.parse::<usize>().is_ok());
    is_of_a_tool && names.next_back() == Some("strict")
}

/// Whether it is said of the field, and of no schema in which a word may be one that strict tools do not have.
fn refuses_strict(detail: &str) -> bool {
    const SAID: [&str; 2] = ["is not supported", "is not permitted"];
    // Pydantic's, after the list of names that ends with this one.
    const UNKNOWN: [&str; 2] = ["extra inputs are not permitted", "extra fields not permitted"];
    let goes_on = |letter: char| letter.is_alphanumeric() || "_.-".contains(letter);
    let is_between = |letter: char| letter.is_whitespace() || "'`\"()[]:,".contains(letter);
    let is_refused = |(at, word): (usize, &str)| {
        let (before, after) = (detail.get(..at).unwrap_or(""), detail.get(at + word.len()..).unwrap_or(""));
        let rest = after.trim_start_matches(is_between);
        let message = rest.strip_prefix("msg").unwrap_or(rest).trim_start_matches(is_between);
        let is_alone = !before.ends_with(goes_on) && !after.starts_with(goes_on);
        is_alone
            && (SAID.iter().any(|said| rest.starts_with(said)) || UNKNOWN.iter().any(|said| message.starts_with(said)))
    };
    !detail.contains("schema") && detail.match_indices("strict").any(is_refused)
}

/// Whether a model that takes strict tools refuses the schema of one: it knows a part of JSON Schema only, and that to a bound.
pub(crate) fn is_of_strictness(error: &LlmError) -> bool {
    const WORDS: [&str; 5] = ["strict", "schema", "grammar", "additionalproperties", "tools."];
    let detail = error.detail.to_lowercase();
    error.cause == Cause::BadRequest && WORDS.iter().any(|word| detail.contains(word))
}

/// What a failure before the first word means where pictures were sent: that the model sees none, or not these. It says nothing of the provider,
/// whatever its status: many servers tell a picture that they cannot read, or an address at which there is none, as a failure of their own.
/// `may_be_bare` is where that may be so without a word of anything: vLLM answers with nothing but 500 where it finds none at an address.
pub(crate) fn unseen(error: LlmError, may_be_bare: bool) -> LlmError {
    const WORDS: [&str; 6] = ["image", "picture", "multimodal", "multi-modal", "mmproj", "vision is not"];
    let detail = error.detail.to_lowercase();
    let is_of_pictures = WORDS.iter().any(|words| detail.contains(words));
    let is_refused = match error.cause {
        Cause::BadRequest | Cause::Malformed => is_of_pictures,
        Cause::Server => is_of_pictures || (may_be_bare && says_nothing(&detail)),
        _ => false,
    };
    if is_refused { LlmError { cause: Cause::NoPicture, ..error } } else { error }
}

/// Whether nothing was said of what went wrong.
fn says_nothing(detail: &str) -> bool {
    detail.trim().is_empty() || detail.starts_with("it answered with status")
}

/// Whether a model refused a picture because it sees none, and not because of this one.
pub(crate) fn sees_nothing(error: &LlmError) -> bool {
    const WORDS: [&str; 11] = [
        "image input is not supported",
        "image inputs are not supported",
        "images are not supported",
        "not support image",
        "that support image",
        "not support vision",
        "vision is not",
        "not a multimodal",
        "mmproj",
        "image_url is only supported",
        "unknown variant `image_url`",
    ];
    const OF_THIS: [&str; 9] =
        [" format", "mime", "larger", "size", "resolution", "dimension", "decode", "image url", "media type"];
    let detail = error.detail.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| detail.contains(words));
    error.cause == Cause::NoPicture && says(&WORDS) && !says(&OF_THIS)
}

/// Whether a shorter answer may be all that is wanted.
pub(crate) fn is_of_length(error: &LlmError) -> bool {
    const LENGTHS: [&str; 7] = [
        "max_new_tokens",
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "maxoutputtokens",
        "completion tokens",
        "output tokens",
    ];
    let detail = error.detail.to_lowercase();
    match error.cause {
        Cause::ContextLength => true,
        // One that knows the field by another name says so.
        Cause::BadRequest if is_of_a_tool(&detail) => false,
        Cause::BadRequest => LENGTHS.iter().any(|word| detail.contains(word)) && !detail.contains("supported with"),
        // There is money for a shorter one.
        Cause::Quota => detail.contains("fewer max_tokens"),
        // The longest answer counts whole among the tokens of a minute.
        Cause::Rate => detail.contains("request too large"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(detail: &str) -> LlmError {
        LlmError::new("t", Cause::BadRequest, detail)
    }

    #[test]
    fn models_are_known_by_their_names_and_addresses() {
        let short = |model: &str| Quirks::of(model).short_ids;
        for model in
            ["mistral-large-latest", "codestral-2508", "mistralai/Ministral-8B", "devstral", "open-mixtral-8x7b"]
        {
            assert!(short(model), "{model}");
        }
        assert!(!short("my-mistral") && !short("gpt-4o") && !short("mi"));
        assert!(Quirks::of("deepseek/deepseek-v3.2").wants_reasoning && !Quirks::of("gpt-4o").wants_reasoning);
        let at = |url: &str| Quirks::default().at(url);
        assert!(at("https://api.mistral.ai/v1").short_ids && at("https://mistral.ai:443").short_ids);
        assert!(at("https://api.deepseek.com").wants_reasoning);
        assert!(at("https://openrouter.ai/api/v1").wants_details && !at("https://api.deepseek.com").wants_details);
        for url in ["https://notmistral.ai/v1", "https://h/mistral.ai", "mistral.ai", "https://mistral.ai.example"] {
            assert_eq!(at(url), Quirks::default(), "{url}");
        }
    }

    #[test]
    fn a_temperature_that_is_not_taken_is_told_from_one_that_is_out_of_range() {
        for said in [
            "`temperature` is deprecated for this model.",
            "Unsupported parameter: 'temperature' is not supported with this model.",
            "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.",
            "temperature: Extra inputs are not permitted",
            "invalid temperature: only 1 is allowed for this model",
        ] {
            assert!(Quirks::default().learnt(&refused(said)).no_temperature, "{said}");
        }
        for said in [
            "temperature: range: 0..1",
            "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
            "Only values between 0 and 1 are supported for temperature.",
            "`temperature` must be strictly positive",
            "Unsupported schema for function 'get_temperature'",
        ] {
            assert!(!Quirks::default().learnt(&refused(said)).no_temperature, "{said}");
        }
        let failed = LlmError::new("t", Cause::Server, "`temperature` is deprecated for this model.");
        assert!(!Quirks::default().learnt(&failed).no_temperature);
    }

    #[test]
    fn who_misses_thoughts_is_told_them_and_who_does_not_know_them_is_not() {
        let link =
            "For more information, please refer to https://api-docs.deepseek.com/guides/thinking_mode#tool-calls";
        let older = format!("Missing `reasoning_content` field in the assistant message at message index 2. {link}");
        for said in [
            older.as_str(),
            "The `reasoning_content` in the thinking mode must be passed back to the API.",
            "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2",
        ] {
            assert!(Quirks::default().learnt(&refused(said)).wants_reasoning, "{said}");
        }
        let wants = Quirks { wants_reasoning: true, ..Quirks::default() };
        for said in ["property 'reasoning_content' is unsupported", "reasoning_content: Extra inputs are not permitted"]
        {
            assert!(!wants.learnt(&refused(said)).wants_reasoning, "{said}");
        }
        assert!(wants.learnt(&refused("temperature")).wants_reasoning);
        let gemini = "Gemini models require OpenRouter reasoning details to be preserved in each request.";
        let learnt = Quirks::default().learnt(&refused(gemini));
        assert!(learnt.wants_details && !learnt.wants_reasoning);
        let refusal = refused("reasoning_details: Extra inputs are not permitted");
        assert!(!Quirks { wants_details: true, ..Quirks::default() }.learnt(&refusal).wants_details);
        let other = LlmError::new("t", Cause::Server, "reasoning_content is missing");
        assert_eq!(Quirks::default().learnt(&other), Quirks::default());
    }

    #[test]
    fn who_knows_no_strict_tools_is_told_from_who_refuses_a_schema() {
        let unknown = refused("tools.0.custom.strict: Extra inputs are not permitted");
        assert!(knows_no_strict(&unknown) && is_of_strictness(&unknown));
        assert!(knows_no_strict(&refused("tools.12.strict: Extra inputs are not permitted")));
        for said in [
            "body.tools.0.function.strict: Extra inputs are not permitted",
            "[{'loc': ('body', 'tools', 0, 'function', 'strict'), 'msg': 'Extra inputs are not permitted'}]",
            "'strict' is not supported",
            "The field `strict` is not permitted for tools of this model.",
            "strict: Extra inputs are not permitted",
        ] {
            assert!(knows_no_strict(&refused(said)), "{said}");
        }
        for said in [
            "the argument 'strict' is not known",
            "Invalid schema for function 'read': 'strict' is not supported",
            "strict mode: 'oneOf' is not permitted",
            "'is_strict' is not supported",
            "messages.0.strict: Extra inputs are not permitted",
            "tools.x.strict: Extra inputs are not permitted",
            "tools.0.custom.cache: Extra inputs are not permitted",
        ] {
            assert!(!knows_no_strict(&refused(said)), "{said}");
            assert!(!Quirks::default().learnt(&refused(said)).no_strict, "{said}");
        }
        for said in [
            "tools.0.custom: For 'object' type, 'additionalProperties' must be explicitly set to false",
            "The compiled grammar is too large.",
            "Schema is too complex.",
        ] {
            assert!(is_of_strictness(&refused(said)), "{said}");
            assert!(!knows_no_strict(&refused(said)), "another schema may do: {said}");
        }
        assert!(!is_of_strictness(&refused("no such model")));
        assert!(!is_of_strictness(&LlmError::new("t", Cause::Server, "strict")));
        assert!(!knows_no_strict(&LlmError::new("t", Cause::Server, "tools.0.strict: Extra inputs")));
    }

    #[test]
    fn a_template_that_wants_nine_characters_is_understood() {
        for said in [
            "Tool call id was abc but must be a-z, A-Z, 0-9, with a length of 9.",
            "Tool call IDs should be alphanumeric strings with length 9!",
        ] {
            assert!(Quirks::default().learnt(&refused(said)).short_ids, "{said}");
        }
        assert!(!Quirks::default().learnt(&refused("no call id")).short_ids);
    }

    #[test]
    fn an_answer_that_is_too_long_for_the_model_is_told_from_one_that_is_for_this_prompt() {
        for said in [
            "max_tokens is too large: 16384. This model supports at most 4096 completion tokens.",
            "max_tokens: 16384 > 8192, which is the maximum allowed number of output tokens for claude-x",
            "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
            "it has a maxOutputTokens value of 16384 but the supported range is from 1 to 8193",
        ] {
            assert!(
                is_of_length(&refused(said)) && Quirks::default().shortened(&refused(said)).short_answers,
                "{said}"
            );
        }
        let beside = refused("input length and `max_tokens` exceed context limit: 190000 + 16384 > 200000");
        assert!(is_of_length(&beside) && !Quirks::default().shortened(&beside).short_answers);
        let named = "Unsupported parameter: 'max_tokens' is not supported with this model.";
        assert!(!is_of_length(&refused(named)) && !is_of_length(&refused("no such model")));
        assert!(is_of_length(&LlmError::new("t", Cause::ContextLength, "too long")));
        assert!(!is_of_length(&LlmError::new("t", Cause::Server, "max_tokens")));
        let sum = "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8192. Given: 10 and 16384";
        assert!(is_of_length(&refused(sum)) && !Quirks::default().shortened(&refused(sum)).short_answers);
        let both = "`max_completion_tokens` must be less than or equal to `8192`, the maximum value for \
                    `max_completion_tokens` is less than the `context_window` for this model";
        assert!(is_of_length(&refused(both)) && Quirks::default().shortened(&refused(both)).short_answers);
    }

    #[test]
    fn a_shorter_answer_may_be_paid_for_or_fit_into_a_minute() {
        let poor = "This request requires more credits, or fewer max_tokens. You requested up to 16384 tokens, but can only afford 3919.";
        let large = "Request too large for gpt-x on tokens per min (TPM): Limit 10000, Requested 16890.";
        for (cause, said) in [(Cause::Quota, poor), (Cause::Rate, large)] {
            let error = LlmError::new("t", cause, said);
            // That is so now, and not of the model.
            assert!(is_of_length(&error) && Quirks::default().shortened(&error) == Quirks::default(), "{said}");
        }
        assert!(!is_of_length(&LlmError::new("t", Cause::Quota, "You exceeded your current quota.")));
        assert!(!is_of_length(&LlmError::new("t", Cause::Rate, "Rate limit reached.")));
    }

    #[test]
    fn what_is_wrong_with_the_field_of_a_tool_is_learnt_of_no_model() {
        for said in [
            "function_declarations[0].parameters.properties[max_tokens].enum: only allowed for STRING type",
            "Invalid schema for response_format 'answer': 'required' is required to be supplied. Missing 'reasoning_content'.",
        ] {
            let error = refused(said);
            assert!(!is_of_length(&error), "{said}");
            assert_eq!(Quirks::default().learnt(&error).shortened(&error), Quirks::default(), "{said}");
        }
    }

    #[test]
    fn a_model_that_sees_nothing_or_not_this_is_told_from_a_server_that_fails() {
        let of = |cause, said: &str| unseen(LlmError::new("t", cause, said), false).cause;
        for said in [
            "No endpoints found that support image input",
            "Invalid content type. image_url is only supported by certain models.",
            "unknown variant `image_url`, expected `text`",
            "m is not a multimodal model",
        ] {
            assert_eq!(of(Cause::BadRequest, said), Cause::NoPicture, "{said}");
        }
        let llama = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj";
        assert_eq!(of(Cause::Server, llama), Cause::NoPicture);
        for said in [
            "missing data required for image input",
            "failed to process inputs: image: unknown format",
            "Failed to load image or audio file",
        ] {
            assert_eq!(of(Cause::Server, said), Cause::NoPicture, "{said}");
            assert_eq!(of(Cause::Malformed, said), Cause::NoPicture, "{said}");
            assert_eq!(of(Cause::Overload, said), Cause::Overload, "{said}");
        }
        assert_eq!(of(Cause::Server, "Internal Server Error"), Cause::Server);
        let of_an_address = |cause, said: &str| unseen(LlmError::new("t", cause, said), true).cause;
        let bare = "it answered with status 500";
        assert_eq!(of_an_address(Cause::Server, bare), Cause::NoPicture);
        assert_eq!(of_an_address(Cause::Overload, bare), Cause::Overload);
        assert_eq!(of(Cause::Server, bare), Cause::Server);
        let ordinary = "The server had an error while processing your request";
        assert_eq!(of_an_address(Cause::Server, ordinary), Cause::Server);
        assert_eq!(of(Cause::BadRequest, "no such model"), Cause::BadRequest);
        assert_eq!(of(Cause::ContextLength, "the images are too many tokens"), Cause::ContextLength);
    }

    #[test]
    fn a_model_that_sees_nothing_is_told_from_one_that_refuses_this_picture() {
        let is_blind = |said: &str| sees_nothing(&LlmError::new("t", Cause::NoPicture, said));
        for said in [
            "No endpoints found that support image input",
            "Invalid content type. image_url is only supported by certain models.",
            "unknown variant `image_url`, expected `text`",
            "m is not a multimodal model",
            "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
            "This model does not support image input.",
        ] {
            assert!(is_blind(said), "{said}");
            assert!(!sees_nothing(&refused(said)), "{said}");
        }
        for said in [
            "failed to process inputs: image: unknown format",
            "This model does not support image format bmp",
            "We do not support images larger than 20 MB",
            "Image URLs are not supported",
            "Could not process image",
        ] {
            assert!(!is_blind(said), "{said}");
        }
    }

    #[test]
    fn thoughts_of_somebody_else_are_known_from_the_refusal() {
        assert!(is_of_thoughts(&refused("Corrupted thought signature.")));
        assert!(is_of_thoughts(&refused("Function call is missing a thought_signature in functionCall parts.")));
        assert!(is_of_thoughts(&refused("messages.1.content.0: Invalid `signature` in `thinking` block")));
        assert!(!is_of_thoughts(&refused("no such model")));
        assert!(!is_of_thoughts(&LlmError::new("t", Cause::Server, "thought signature")));
    }
}
