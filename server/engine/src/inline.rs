//! Code suggested at the cursor by a model that fills holes. Off until it is switched on.
//!
//! One question a document at a time: the newest wins, after a pause that grows where the user types fast. What was suggested is given again
//! while the user types it, without a question.

use crate::error::CoreError;
use crate::server_core::ServerCore;
use actions::inline::{Suggestions, fitted, is_complete, is_single_line, window, with_chosen};
use dashmap::DashMap;
use llm::error::Cause;
use llm::prompt::{Prompt, PromptError};
use llm::request::{Piece, Request};
use std::sync::Arc;
use std::time::{Duration, Instant};
use syntax::text::Span;

/// The shortest and the longest pause before a question.
const SHORTEST: Duration = Duration::from_millis(25);
const LONGEST: Duration = Duration::from_millis(350);
/// How much the newest pause between two keys weighs in their mean.
const WEIGHT: f64 = 0.3;

/// A suggestion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inline {
    /// What is to be inserted.
    pub text: String,
    /// What it takes the place of; empty but for a completion that is chosen in a list.
    pub span: Span,
}

/// What is known of each document in which suggestions are wanted.
#[derive(Default)]
pub(crate) struct Inlines(DashMap<String, Typing>);

#[derive(Default)]
struct Typing {
    made: Suggestions,
    /// Number of the newest wish.
    newest: u64,
    last: Option<Instant>,
    /// Mean of the pauses between wishes, in seconds.
    pace: f64,
}

impl Inlines {
    /// Drops what is known of a document.
    pub fn forget(&self, uri: &str) {
        self.0.remove(uri);
    }

    /// Takes note of a wish; gives its number and how long to wait with it.
    fn enter(&self, uri: &str) -> (u64, Duration) {
        let mut typing = self.0.entry(uri.to_owned()).or_default();
        let now = Instant::now();
        if let Some(last) = typing.last.replace(now) {
            let pause = now.duration_since(last).as_secs_f64().min(2.0);
            typing.pace = if typing.pace == 0.0 { pause } else { typing.pace * (1.0 - WEIGHT) + pause * WEIGHT };
        }
        typing.newest += 1;
        // Who types a key every 120 ms is not done before one and a half of these; who pauses is not kept waiting.
        let wait = if typing.pace > 0.6 { SHORTEST } else { Duration::from_secs_f64(typing.pace * 1.5) };
        (typing.newest, wait.clamp(SHORTEST, LONGEST))
    }

    fn is_newest(&self, uri: &str, number: u64) -> bool {
        self.0.get(uri).is_some_and(|typing| typing.newest == number)
    }

    fn rest(&self, uri: &str, before: &str) -> Option<String> {
        self.0.get(uri)?.made.rest(before)
    }

    fn add(&self, uri: &str, before: &str, text: &str) {
        self.0.entry(uri.to_owned()).or_default().made.add(before, text);
    }
}

impl ServerCore {
    /// What a model suggests at a byte of an open document; `chosen` is what a list of completions has chosen, and its place. `None` where
    /// nothing is suggested, and where a newer wish came.
    ///
    /// # Errors
    /// If the models fail; that none is set up is no error.
    pub async fn inline(
        &self,
        uri: &str,
        offset: usize,
        chosen: Option<(Span, String)>,
    ) -> Result<Option<Inline>, CoreError> {
        let settings = self.shared().view().settings.completion.clone();
        if !settings.enabled {
            return Ok(None);
        }
        self.measured("inline", |correlation| async move {
            let Some(snapshot) = self.workspace().snapshot(uri) else { return Ok(None) };
            let Some(language) = snapshot.language else { return Ok(None) };
            let chosen = chosen.as_ref().map(|(span, word)| (*span, word.as_str()));
            let (text, offset, span) = with_chosen(&snapshot.text(), offset, chosen);
            let word = text.get(span.start..offset).unwrap_or("").to_owned();
            let give = |text: String| Some(Inline { text: format!("{word}{text}"), span });
            let inlines = &self.shared().inlines;
            let before = text.get(..offset).unwrap_or("");
            if let Some(rest) = inlines.rest(uri, before) {
                return Ok(give(rest));
            }
            let (number, wait) = inlines.enter(uri);
            if self.shared().check_shown(uri).is_err() {
                return Ok(None);
            }
            tokio::time::sleep(wait).await;
            if !inlines.is_newest(uri, number) {
                return Ok(None);
            }
            let Some(answer) = self.fill(uri, &text, offset, settings.max_tokens).await? else { return Ok(None) };
            if !inlines.is_newest(uri, number) {
                return Ok(None);
            }
            let whole: Arc<str> = text.as_str().into();
            let fit = move |_: &crate::server_core::Shared| fitted(language, &whole, offset, &answer);
            let Some(fitting) = self.compute("inline", correlation, fit).await? else { return Ok(None) };
            inlines.add(uri, before, &fitting);
            Ok(give(fitting))
        })
        .await
    }

    /// Asks for what stands between the two sides, as far as the block goes.
    async fn fill(&self, uri: &str, text: &str, offset: usize, max_tokens: u32) -> Result<Option<String>, CoreError> {
        let manager = self.models().await?;
        if !manager.can_fill() {
            return Ok(None);
        }
        let (before, after) = window(text, offset);
        let prompt = match Prompt::fill(before, after, manager.prompt_limits()) {
            Ok(prompt) => prompt,
            // Nothing is suggested inside of a secret, nor where there is no text.
            Err(PromptError::InsideSecret | PromptError::Empty) => return Ok(None),
            Err(error) => return Err(CoreError::refused(error.to_string())),
        };
        let single_line = is_single_line(after);
        let stop = if single_line { vec!["\n".to_owned()] } else { vec!["\n\n\n".to_owned()] };
        let request = Request {
            max_tokens,
            stop,
            client: self.client.to_string(),
            session: Some(uri.to_owned()),
            ..Request::new(Arc::new(prompt))
        };
        let mut stream = match manager.stream(request) {
            Ok(stream) => stream,
            Err(error) if error.cause == Cause::NoFill => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut answer = String::new();
        while let Some(piece) = stream.next().await {
            match piece? {
                Piece::Text(text) => answer.push_str(&text),
                Piece::Restart => answer.clear(),
                _ => {}
            }
            // What comes behind the block is not waited for; dropping the stream ends the call.
            if is_complete(before, &answer, single_line) {
                break;
            }
        }
        Ok(Some(answer))
    }
}

#[cfg(test)]
mod tests;
