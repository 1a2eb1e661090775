//! What may be done so that a model takes what it refused: asked for in another way, and only where it said what was wrong.
//!
//! Sends nothing, and says nothing of whether another model would take it.

use crate::attempt::Call;
use crate::config::Target;
use crate::error::LlmError;
use crate::providers::{Quirks, is_of_length, is_of_strictness, is_of_thoughts};
use crate::request::Request;

/// So many repairs are made for a question; none but [`Repair::Field`] twice.
pub(crate) const REPAIRS: usize = 3;

/// What is done.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Repair {
    /// It is asked for a shorter answer.
    Length,
    /// It is not told what another one thought.
    Thoughts,
    /// It is told the same tools without a word of strictness.
    Strictness,
    /// A field is left out, or told in another way.
    Field,
}

/// What may be done after a failure, and the way in which the target is asked then. `way` is how it was to be asked, `sent` how it was.
pub(crate) fn repair(call: Call<'_>, way: Quirks, sent: Quirks, error: &LlmError) -> Option<(Repair, Quirks)> {
    let Call { inner, request, target, .. } = call;
    let learnt = inner.learn(target, request, error, way, tells_strict(target, request, sent));
    let shorter = Quirks { short_answers: true, ..learnt };
    if is_of_length(error) && request.longest(shorter) < request.longest(sent) {
        Some((Repair::Length, shorter))
    } else if is_of_thoughts(error) {
        Some((Repair::Thoughts, Quirks { strange_thoughts: true, ..learnt }))
    } else if is_strict(target, request, sent) && is_of_strictness(error) {
        Some((Repair::Strictness, Quirks { no_strict: true, ..learnt }))
    } else {
        (learnt != way).then_some((Repair::Field, learnt))
    }
}

/// Whether a tool was told that is strict, to somebody who may take the same one otherwise.
pub(crate) fn is_strict(target: &Target, request: &Request, sent: Quirks) -> bool {
    let has_strict = || request.prompt.tools().iter().any(|tool| tool.strict == Some(true));
    target.provider.provider().loosens() && !sent.no_strict && has_strict()
}

/// Whether a word of strictness was told with a tool, to whomever.
pub(crate) fn tells_strict(target: &Target, request: &Request, sent: Quirks) -> bool {
    let provider = target.provider.provider();
    !sent.no_strict && request.prompt.tools().iter().any(|tool| provider.tells_strict(tool.strict))
}

/// A model, and what stands for the tools that it is told.
pub(crate) fn schemas(target: &Target, request: &Request) -> (String, blake3::Hash) {
    let mut hasher = blake3::Hasher::new();
    for tool in request.prompt.tools() {
        let strict = if tool.strict == Some(true) { "strict" } else { "" };
        for part in [tool.name.as_str(), tool.parameters.to_string().as_str(), strict] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
    }
    (target.watched.limit_name().to_owned(), hasher.finalize())
}
