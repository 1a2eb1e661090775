//! Why a model did not answer, named by what can be done about it.

use std::time::Duration;

/// What lies behind a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The key is missing, wrong or revoked.
    Auth,
    /// The key is right, and not allowed to do this.
    Forbidden,
    /// The account has no credit left.
    Quota,
    /// Too many requests or tokens in a time.
    Rate,
    /// The provider has no room.
    Overload,
    /// The provider failed.
    Server,
    /// The prompt is longer than the model can read.
    ContextLength,
    /// The provider refuses to answer this.
    ContentFilter,
    /// There is no such model, or the request is not understood.
    BadRequest,
    /// The model fills no holes.
    NoFill,
    /// The model sees no pictures, or not these.
    NoPicture,
    /// What came back cannot be read.
    Malformed,
    /// The answer has no word. Asked the same, the model is likely to say as much again, and that is paid for too.
    Empty,
    /// The connection failed or broke.
    Transport,
    /// Nothing came in time.
    Timeout,
    /// The prompt is larger than is allowed here.
    TooLarge,
    /// The answer is longer than is allowed here.
    LongAnswer,
    /// A budget is used up.
    Budget,
    /// Too many requests of our own wait for it.
    Busy,
    /// The breaker of every target is open, or there is no target.
    NoTarget,
}

/// How far a cause reaches: what a breaker is to keep away from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// This request only.
    Request,
    /// All requests with this key.
    Key,
    /// All requests for this model with this key: a limit that is counted for both.
    Limit,
    /// All requests for this model.
    Model,
    /// All requests to this provider.
    Provider,
}

impl Scope {
    /// The word for it in machine-readable output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Key => "key",
            Self::Limit => "limit",
            Self::Model => "model",
            Self::Provider => "provider",
        }
    }
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Auth,
        Self::Forbidden,
        Self::Quota,
        Self::Rate,
        Self::Overload,
        Self::Server,
        Self::ContextLength,
        Self::ContentFilter,
        Self::BadRequest,
        Self::NoFill,
        Self::NoPicture,
        Self::Malformed,
        Self::Empty,
        Self::Transport,
        Self::Timeout,
        Self::TooLarge,
        Self::LongAnswer,
        Self::Budget,
        Self::Busy,
        Self::NoTarget,
    ];

    /// The word for it in logs, metrics and machine-readable output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Forbidden => "forbidden",
            Self::Quota => "quota",
            Self::Rate => "rate",
            Self::Overload => "overload",
            Self::Server => "server",
            Self::ContextLength => "context-length",
            Self::ContentFilter => "content-filter",
            Self::BadRequest => "bad-request",
            Self::NoFill => "no-fill",
            Self::NoPicture => "no-picture",
            Self::Malformed => "malformed",
            Self::Empty => "empty",
            Self::Transport => "transport",
            Self::Timeout => "timeout",
            Self::TooLarge => "too-large",
            Self::LongAnswer => "long-answer",
            Self::Budget => "budget",
            Self::Busy => "busy",
            Self::NoTarget => "no-target",
        }
    }

    /// The cause of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }

    /// How far it reaches.
    pub fn scope(self) -> Scope {
        match self {
            Self::Auth | Self::Quota => Scope::Key,
            Self::Forbidden | Self::Rate => Scope::Limit,
            Self::Overload | Self::Timeout => Scope::Model,
            Self::Server | Self::Transport => Scope::Provider,
            Self::Malformed => Scope::Model,
            Self::ContextLength | Self::ContentFilter | Self::BadRequest => Scope::Request,
            Self::NoFill | Self::NoPicture | Self::Empty => Scope::Request,
            Self::TooLarge | Self::LongAnswer | Self::Budget | Self::Busy | Self::NoTarget => Scope::Request,
        }
    }

    /// Whether the same target may answer if it is asked once more.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Rate | Self::Overload | Self::Server | Self::Malformed | Self::Transport | Self::Timeout)
    }

    /// Whether another target may answer.
    pub fn may_pass_elsewhere(self) -> bool {
        !matches!(self, Self::TooLarge | Self::LongAnswer)
    }

    /// What the person at the keyboard can do.
    fn advice(self) -> &'static str {
        match self {
            Self::Auth => "check its `api-key`",
            Self::Forbidden => "its key is not allowed to use this model",
            Self::Quota => "its account has no credit left",
            Self::Rate => "it asks for fewer requests",
            Self::Overload => "it has no room, try again later",
            Self::Server => "it failed, try again later",
            Self::ContextLength => {
                "the text is longer than this model can read; choose a smaller part, or give an Ollama more room by the `context-window` of its target"
            }
            Self::ContentFilter => "it refuses to answer this",
            Self::BadRequest => "check its `model` and `base-url`",
            Self::NoFill => "take `fill` out of its settings, or set it as the model needs it",
            Self::NoPicture => NO_PICTURE,
            Self::Malformed => "what it sent could not be read",
            Self::Empty => "ask in other words, or allow a longer answer",
            Self::Transport => "it could not be reached; check its `base-url` and the network",
            Self::Timeout => "it did not answer in time",
            Self::TooLarge => "the text is larger than is allowed",
            Self::LongAnswer => "ask for a shorter answer",
            Self::Budget => "wait for tomorrow, or raise the budget",
            Self::Busy => "too much is asked at the same time, try again later",
            Self::NoTarget => "no model can be asked",
        }
    }
}

/// What can be done where a model sees no pictures, or none at an address.
const NO_PICTURE: &str = "it takes no such picture; ask a model that sees, or attach the picture itself";

/// What can be done where a picture was not taken, as far as is told why. One that is attached already is not to be attached.
fn advice_of_pictures(detail: &str) -> &'static str {
    const LARGE: [&str; 7] =
        ["too large", "too big", "larger than", "exceed", "dimension", "resolution", "too many pixels"];
    const UNREADABLE: [&str; 12] = [
        " format",
        "of this type",
        "media type",
        "mime",
        "decode",
        "corrupt",
        "truncated",
        "could not process",
        "failed to load",
        "failed to process",
        "not a valid image",
        "invalid image",
    ];
    // Ours speak of formats in another sense.
    let detail = detail.to_lowercase().replace("its format has no place", "");
    let says = |words: &[&str]| words.iter().any(|word| detail.contains(word));
    if says(&LARGE) {
        "the picture is too large for it; show a smaller one"
    } else if says(&UNREADABLE) {
        "it cannot read the picture; save it anew, as PNG or JPEG"
    } else {
        NO_PICTURE
    }
}

/// What is said where there is no target of a name.
const UNKNOWN: &str = "there is no model of this name";
/// What is said where no target is set.
const NONE_SET: &str = "no `[[models.target]]` is set";

/// Why there is no answer: one sentence with the target, what happened, and what can be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct LlmError {
    /// The target's name, or the setting that stood in the way.
    pub target: String,
    /// What lies behind it.
    pub cause: Cause,
    /// What was said, without a full stop and never with a key or a prompt in it.
    pub detail: String,
    /// When the target wants to be asked again.
    pub retry_after: Option<Duration>,
    /// Whether a provider that did not understand it meant the request, and neither the name of its model nor the address.
    pub(crate) blames_request: bool,
    /// Whether another target only was not well just now, and may answer the same later.
    pub(crate) others_may: bool,
}

impl LlmError {
    fn sentence(&self) -> String {
        let Self { target, detail, cause, .. } = self;
        match cause {
            // No target stands behind it.
            Cause::Budget => format!("The budget is used up: {detail}."),
            Cause::NoPicture => format!("{target}: {detail} ({}).", advice_of_pictures(detail)),
            // No setting helps.
            _ if self.is_of_request() => format!("{target}: {detail} (it does not take this request)."),
            _ => format!("{target}: {detail} ({}).", cause.advice()),
        }
    }

    /// Whether there is no target to ask, or none of the name that was wanted; false where there is one and it is left alone just now.
    pub fn is_missing(&self) -> bool {
        let said = |words: &str| self.detail.starts_with(words);
        self.cause == Cause::NoTarget && (said(UNKNOWN) || said(NONE_SET))
    }

    /// Whether a provider does not take what was asked, as it was asked: for whoever wrote it to change, and not for whoever set the target.
    pub fn is_of_request(&self) -> bool {
        self.cause == Cause::BadRequest && self.blames_request && !self.others_may
    }

    /// Whether asking the same again is of no use.
    pub fn is_final(&self) -> bool {
        !self.cause.may_pass() && !self.others_may
    }

    /// There is no target of this name; `known` says which there are.
    pub(crate) fn unknown(name: &str, known: &str) -> Self {
        Self::new(name, Cause::NoTarget, format!("{UNKNOWN}; {known}"))
    }

    /// No target is set.
    pub(crate) fn none_set() -> Self {
        Self::new("models", Cause::NoTarget, NONE_SET)
    }

    /// An answer has more bytes than this.
    pub(crate) fn long_answer(target: &str, limit: usize) -> Self {
        let detail = format!("the answer is longer than the {limit} bytes of `models.max-answer-bytes`");
        Self::new(target, Cause::LongAnswer, detail)
    }

    /// A failure of a target.
    pub fn new(target: impl Into<String>, cause: Cause, detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        let detail = one_line(&detail);
        Self { target: target.into(), cause, detail, retry_after: None, blames_request: false, others_may: false }
    }
}

/// The first line, short enough to be read, with everything that looks like a secret taken out.
fn one_line(text: &str) -> String {
    const LONGEST: usize = 200;
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("no reason was given").trim();
    let mut clean = String::with_capacity(line.len());
    let mut at = 0;
    for secret in security::scan::scan(line) {
        clean.push_str(line.get(at..secret.range.start).unwrap_or(""));
        clean.push('…');
        at = secret.range.end;
    }
    clean.push_str(line.get(at..).unwrap_or(""));
    let clean = clean.trim_end_matches('.');
    match clean.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", clean.get(..cut).unwrap_or("")),
        None => clean.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_sentence_that_names_the_target_and_hides_keys() {
        let key = concat!("sk-proj-", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI0qWx");
        let error = LlmError::new("work", Cause::Auth, format!("\nIncorrect API key provided: {key}.\nmore"));
        assert_eq!(error.to_string(), "work: Incorrect API key provided: … (check its `api-key`).");
        let long = LlmError::new("work", Cause::Server, "é".repeat(500)).to_string();
        assert!(long.chars().count() < 300 && long.ends_with("later)."), "{long}");
    }

    #[test]
    fn who_can_do_something_about_a_picture_is_told_what() {
        let told = |detail: &str| LlmError::new("work", Cause::NoPicture, detail).to_string();
        for said in
            ["image exceeds 5 MB maximum", "Image dimensions: 9000x10", "images larger than 8000 pixels are refused"]
        {
            assert!(told(said).ends_with("(the picture is too large for it; show a smaller one)."), "{said}");
        }
        for said in [
            "failed to process inputs: image: unknown format",
            "Failed to load image or audio file",
            "Could not process image",
            "its format has no place for a picture of this type",
        ] {
            assert!(told(said).ends_with("(it cannot read the picture; save it anew, as PNG or JPEG)."), "{said}");
        }
        for said in ["it sees no image", "its format has no place for a picture that is at an address only"] {
            assert!(told(said).ends_with("attach the picture itself)."), "{said}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_request_is_not_held_against_the_target() {
        assert_eq!(Cause::ContextLength.scope(), Scope::Request);
        assert_eq!(Cause::Auth.scope(), Scope::Key);
        assert_eq!(Cause::Rate.scope(), Scope::Limit);
        assert_eq!(Cause::Server.scope(), Scope::Provider);
        assert!(!Cause::TooLarge.may_pass_elsewhere() && Cause::ContextLength.may_pass_elsewhere());
    }
}
