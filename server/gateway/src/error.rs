//! What a client is told when something cannot be done: problem details (RFC 9457), each with a kind that does not change, one sentence, and the
//! number under which the log knows the request.
//!
//! Never tells what is inside: no path of the machine, no query, no secret.

use crate::auth::factors::FRESH_SECONDS;
use crate::routes::ErrorAnswer;
use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::converse::{Cause, LlmError};
use engine::error::CoreError;
use engine::store::StoreError;
use engine::tasks::TaskError;
use serde::Serialize;
use tracing::Instrument;
use utoipa::ToSchema;

/// What a job may take until the next one is begun, as far as anybody can say.
const A_JOB_SECONDS: u64 = 10;

tokio::task_local! {
    /// The number of the request that is being answered.
    pub(crate) static CORRELATION: String;
}

/// The number of this request; empty outside of one.
pub(crate) fn correlation() -> String {
    CORRELATION.try_with(Clone::clone).unwrap_or_default()
}

/// Work for a task of its own, which the log still tells of under the number of this request.
pub(crate) fn of_this_request<F: Future>(work: F) -> impl Future<Output = F::Output> {
    CORRELATION.scope(correlation(), work).in_current_span()
}

/// What went wrong, as RFC 9457 has it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Stands for the kind of problem, and does not change.
    #[schema(example = "urn:code-agent:problem:not-found")]
    r#type: String,
    /// The kind in words.
    #[schema(example = "Not found")]
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, example = 404)]
    status: u16,
    /// What happened here, in a sentence.
    #[schema(example = "There is no job 0192f0c1-7d5e-7000-8000-000000000000.")]
    detail: String,
    /// Where in the body or the query it is, as a JSON Pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/files/0/path")]
    pointer: Option<String>,
    /// The number of the request, which stands in the log too.
    correlation: String,
}

/// The kinds of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The body, the query or the path is not what the document says.
    Invalid,
    /// Nobody knows who asks.
    Unauthenticated,
    /// The password is right, and a code of the second factor is missing.
    SecondFactorNeeded,
    /// Who asks has to show again that it is he.
    StepUpNeeded,
    /// It is known who asks, and it is not allowed.
    Forbidden,
    /// It is not there, or not to be seen.
    NotFound,
    /// The path is there, the method is not.
    MethodNotAllowed,
    /// It does not go together with what is there.
    Conflict,
    /// The body comes too slowly, while others wait for its place.
    TooSlow,
    /// The body is larger than is allowed.
    TooLarge,
    /// The body is of a type that is not understood.
    UnsupportedMediaType,
    /// It is to be asked for in another protocol.
    UpgradeRequired,
    /// It was understood and cannot be done.
    Refused,
    /// Too much was asked.
    TooManyRequests,
    /// More than whoever asks may use.
    QuotaExceeded,
    /// It is our fault.
    Internal,
    /// Something that is needed is not there just now.
    Unavailable,
    /// A model failed.
    Upstream,
    /// It took too long.
    Timeout,
}

impl Kind {
    pub(crate) fn facts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Invalid => (StatusCode::BAD_REQUEST, "invalid", "Invalid request"),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "Not signed in"),
            Self::SecondFactorNeeded => (StatusCode::UNAUTHORIZED, "second-factor-needed", "Second factor needed"),
            Self::StepUpNeeded => (StatusCode::UNAUTHORIZED, "step-up-needed", "Step-up needed"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "Not allowed"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed"),
            Self::Conflict => (StatusCode::CONFLICT, "conflict", "Conflict"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "too-slow", "Too slow"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large"),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type")
            }
            Self::UpgradeRequired => (StatusCode::UPGRADE_REQUIRED, "upgrade-required", "Upgrade required"),
            Self::Refused => (StatusCode::UNPROCESSABLE_ENTITY, "refused", "Cannot be done"),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests"),
            Self::QuotaExceeded => (StatusCode::TOO_MANY_REQUESTS, "quota-exceeded", "Quota exceeded"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available"),
            Self::Upstream => (StatusCode::BAD_GATEWAY, "model-failed", "A model failed"),
            Self::Timeout => (StatusCode::GATEWAY_TIMEOUT, "timeout", "Took too long"),
        }
    }
}

/// Why a request is not answered as it wanted.
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    detail: String,
    pointer: Option<String>,
    retry_after: Option<u64>,
    /// The word of OpenAI's format for it, where that has one of its own.
    code: Option<&'static str>,
    /// What a client is asked for that has to come with another token, of another sign-in or with more scopes.
    asked: Option<String>,
    /// Whether the same request would be answered the same way, though programs that read its status would send it again.
    is_final: bool,
}

impl Problem {
    /// A problem with its sentence.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), pointer: None, retry_after: None, code: None, asked: None, is_final: false }
    }

    /// The place in the body.
    #[must_use]
    pub fn at(self, pointer: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), ..self }
    }

    /// After how many seconds it is worth asking again.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The word of OpenAI's format for it.
    #[must_use]
    pub(crate) fn called(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// By which class of sign-in, and how many seconds ago at most, the owner of a token has to have signed in at the provider.
    #[must_use]
    pub(crate) fn asking_for(self, acr_values: &[String], max_age: Option<i64>) -> Self {
        Self { asked: Some(asked(acr_values, max_age)), ..self }
    }

    /// Which scopes a token would need, with blanks between them, where they are all that is missing (RFC 6750, 3.1).
    #[must_use]
    pub(crate) fn for_want_of(self, scopes: &str) -> Self {
        Self { asked: Some(format!("Bearer error=\"insufficient_scope\", scope=\"{scopes}\"")), ..self }
    }

    /// The problem, for whoever shows it in another form.
    pub(crate) fn told(&self) -> Told {
        Told {
            kind: self.kind,
            detail: self.detail.clone(),
            pointer: self.pointer.clone(),
            retry_after: self.retry_after,
            code: self.code,
            is_final: self.is_final,
        }
    }

    /// The place in the body that was told.
    #[cfg(test)]
    pub fn pointer(&self) -> Option<&str> {
        self.pointer.as_deref()
    }

    /// Whether it is not allowed, and nothing else.
    pub fn is_denial(&self) -> bool {
        self.kind == Kind::Forbidden
    }

    /// Whether something that is needed is not there just now.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.kind == Kind::Unavailable
    }

    /// Whether too much was asked, and nothing else.
    pub fn is_throttled(&self) -> bool {
        self.kind == Kind::TooManyRequests
    }

    /// There is no such thing.
    pub fn missing(what: &str, id: &str) -> Self {
        Self::new(Kind::NotFound, format!("There is no {what} {id}."))
    }
}

/// What was told, for whoever shows it in another form.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The kind of problem.
    pub kind: Kind,
    /// Its sentence.
    pub detail: String,
    /// Where in the body it is.
    pub pointer: Option<String>,
    /// After how many seconds it is worth asking again.
    pub retry_after: Option<u64>,
    /// The word of OpenAI's format for it, where that has one of its own.
    pub code: Option<&'static str>,
    /// Whether the same request will be answered the same way.
    pub is_final: bool,
}

impl Told {
    /// The same in OpenAI's format.
    pub fn for_openai(&self) -> ErrorAnswer {
        let (status, name, _) = self.kind.facts();
        ErrorAnswer::of(status.as_u16(), &self.detail, self.pointer.as_deref(), self.code.unwrap_or(name))
    }

    /// Says in a header when it is worth asking again, where that is known.
    pub fn tell_when(&self, headers: &mut HeaderMap) {
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
}

/// What a client is asked for, as RFC 9470 has it. The values have no quotes in them: the settings take none that do.
fn asked(acr_values: &[String], max_age: Option<i64>) -> String {
    let acr_values = match acr_values {
        [] => String::new(),
        all => format!(", acr_values=\"{}\"", all.join(" ")),
    };
    let max_age = max_age.map(|seconds| format!(", max_age={seconds}")).unwrap_or_default();
    format!("Bearer error=\"insufficient_user_authentication\"{acr_values}{max_age}")
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, name, title) = self.kind.facts();
        let told = self.told();
        if self.kind == Kind::Internal {
            tracing::error!(correlation = correlation(), "{}", self.detail);
        }
        let body = ProblemBody {
            r#type: format!("urn:code-agent:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: self.detail,
            pointer: self.pointer,
            correlation: correlation(),
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.kind {
            Kind::Unauthenticated | Kind::SecondFactorNeeded => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Kind::StepUpNeeded => {
                let asked = self.asked.unwrap_or_else(|| asked(&[], Some(FRESH_SECONDS)));
                if let Ok(asked) = HeaderValue::from_str(&asked) {
                    headers.insert(header::WWW_AUTHENTICATE, asked);
                }
            }
            Kind::Forbidden => {
                if let Some(asked) = self.asked.and_then(|asked| HeaderValue::from_str(&asked).ok()) {
                    headers.insert(header::WWW_AUTHENTICATE, asked);
                }
            }
            Kind::UpgradeRequired => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            }
            _ => {}
        }
        told.tell_when(headers);
        response.extensions_mut().insert(told);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken | StoreError::LastAdmin => Self::new(Kind::Conflict, error.to_string()),
            StoreError::Outdated => {
                Self::new(Kind::Conflict, "The account was changed meanwhile; sign in again with what holds now.")
            }
            StoreError::Invalid(_) => Self::new(Kind::Invalid, error.to_string()),
            StoreError::Missing(_) => Self::new(Kind::NotFound, error.to_string()),
            StoreError::Crowded(_) => Self::new(Kind::QuotaExceeded, error.to_string())
                .retry_after(A_JOB_SECONDS)
                .called("rate_limit_exceeded"),
            error @ StoreError::Full(_) => {
                tracing::error!(correlation = correlation(), %error, "The store has no room.");
                let said = "The disk on which things are kept is full, or cannot be written to; nothing was changed.";
                Self::new(Kind::Unavailable, said).retry_after(10)
            }
            error => {
                tracing::error!(correlation = correlation(), %error, "The store failed.");
                Self::new(Kind::Unavailable, "What is kept cannot be read or written just now; try again.")
                    .retry_after(1)
            }
        }
    }
}

impl From<LlmError> for Problem {
    fn from(error: LlmError) -> Self {
        let (kind, code) = match error.cause {
            Cause::ContextLength | Cause::TooLarge => (Kind::Invalid, Some("context_length_exceeded")),
            Cause::ContentFilter => (Kind::Refused, Some("content_filter")),
            Cause::NoPicture => (Kind::Refused, None),
            Cause::Budget => (Kind::QuotaExceeded, Some("insufficient_quota")),
            Cause::Rate => (Kind::TooManyRequests, Some("rate_limit_exceeded")),
            // Not there at all, other than those that are there and left alone for a while.
            Cause::NoTarget if error.is_missing() => (Kind::NotFound, Some("model_not_found")),
            Cause::NoTarget | Cause::Busy | Cause::Overload => (Kind::Unavailable, None),
            Cause::Timeout => (Kind::Timeout, None),
            Cause::Auth
            | Cause::Forbidden
            | Cause::Quota
            | Cause::Server
            | Cause::BadRequest
            | Cause::NoFill
            | Cause::Malformed
            | Cause::Empty
            | Cause::LongAnswer
            | Cause::Transport => (Kind::Upstream, None),
        };
        let seconds = error.retry_after.map(|wait| wait.as_secs_f64().ceil() as u64);
        let retry_after = seconds.or((kind == Kind::Unavailable).then_some(1));
        // A model that has no room just now, or is left alone for a while, may answer soon.
        let is_final = error.is_final() && kind != Kind::Unavailable;
        Self { retry_after, code, is_final, ..Self::new(kind, error.to_string()) }
    }
}

impl From<CoreError> for Problem {
    fn from(error: CoreError) -> Self {
        let kind = match &error {
            CoreError::UnsupportedLanguage { .. }
            | CoreError::NothingToDo
            | CoreError::Refused { .. }
            | CoreError::Conflict(_) => Kind::Refused,
            CoreError::TooLarge { .. } => Kind::TooLarge,
            CoreError::UnknownDocument { .. } | CoreError::File(_) => Kind::NotFound,
            CoreError::Task(TaskError::Deadline) => Kind::Timeout,
            CoreError::Task(TaskError::Panicked { .. }) => Kind::Internal,
            CoreError::Task(_) => Kind::Unavailable,
            CoreError::Config(_) => Kind::Internal,
            CoreError::Model(error) => return error.clone().into(),
        };
        match kind {
            Kind::Internal => {
                tracing::error!(correlation = correlation(), %error, "The core failed.");
                Self::new(kind, "Something failed here; the log has it under the correlation id.")
            }
            kind => Self::new(kind, error.to_string()),
        }
    }
}
