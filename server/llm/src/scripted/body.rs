//! Carries out what a behaviour says of the body of an answer, step by step, so that a huge answer takes no more memory than its next word.

use super::behaviour::{Behaviour, Fault, Trouble};
use super::formats::{End, Wire};
use super::{Seen, remember};
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// Longer than anybody waits.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// Counts a request as under way; dropped before it is told that all is done, the client has left.
pub(super) struct Guard {
    seen: Arc<Seen>,
    done: bool,
}

impl Guard {
    /// The request came.
    pub fn begin(seen: &Arc<Seen>) -> (Self, usize) {
        let at_once = seen.at_once.fetch_add(1, Ordering::Relaxed) + 1;
        seen.most_at_once.fetch_max(at_once, Ordering::Relaxed);
        (Self { seen: seen.clone(), done: false }, at_once)
    }

    /// All that was to be sent is sent.
    pub fn finish(&mut self) {
        if !std::mem::replace(&mut self.done, true) {
            self.seen.finished.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// It is the server that ends it.
    pub fn give_up(&mut self) {
        self.done = true;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.seen.at_once.fetch_sub(1, Ordering::Relaxed);
        if !self.done {
            remember(&self.seen.aborted_at, Instant::now());
            self.seen.aborted.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What is told at the end of this behaviour.
pub(super) fn end_of(behaviour: &Behaviour) -> End {
    End {
        finish: behaviour.finish,
        is_novel: behaviour.is_novel,
        prompt: behaviour.prompt,
        cached: behaviour.cached,
        thoughts: behaviour.thoughts as u64,
        words: (behaviour.words.len() * behaviour.times) as u64,
    }
}

/// What is to be done next.
enum Step {
    Send(Bytes),
    Wait(Duration),
    Cut,
}

/// Where an answer is.
enum Stage {
    Opening,
    Thoughts(usize),
    Words(usize),
    Calls(usize),
    Fault,
    Closing,
    Over,
}

/// An answer that is being given.
struct Play {
    behaviour: Behaviour,
    wire: Box<dyn Wire>,
    stage: Stage,
    /// Whether the pace of the next piece was kept.
    has_waited: bool,
}

impl Play {
    fn next(&mut self) -> Option<Step> {
        loop {
            match self.stage {
                Stage::Opening => {
                    if self.must_wait(self.behaviour.before_first) {
                        return Some(Step::Wait(self.behaviour.before_first));
                    }
                    self.stage = Stage::Thoughts(0);
                    let mut text = self.wire.opening(&end_of(&self.behaviour));
                    if self.behaviour.is_novel {
                        text += &self.wire.novelty();
                    }
                    if !text.is_empty() {
                        return Some(Step::Send(text.into()));
                    }
                }
                Stage::Thoughts(done) if done < self.behaviour.thoughts => {
                    if self.must_wait(self.behaviour.pace) {
                        return Some(Step::Wait(self.behaviour.pace));
                    }
                    self.stage = Stage::Thoughts(done + 1);
                    return Some(Step::Send(self.wire.thought("hmm ").into()));
                }
                Stage::Thoughts(_) => self.stage = Stage::Words(0),
                Stage::Words(done) => {
                    let count = self.behaviour.words.len();
                    let word = self.behaviour.words.get(done.checked_rem(count).unwrap_or(0));
                    let Some(word) = word.filter(|_| done < count * self.behaviour.times).cloned() else {
                        self.stage = Stage::Calls(0);
                        continue;
                    };
                    if self.must_wait(self.behaviour.pace) {
                        return Some(Step::Wait(self.behaviour.pace));
                    }
                    self.stage = Stage::Words(done + 1);
                    return Some(Step::Send(self.wire.word(&word).into()));
                }
                Stage::Calls(done) => {
                    let Some(call) = self.behaviour.calls.get(done).cloned() else {
                        self.stage = if self.behaviour.fault.is_some() { Stage::Fault } else { Stage::Closing };
                        continue;
                    };
                    if self.must_wait(self.behaviour.pace) {
                        return Some(Step::Wait(self.behaviour.pace));
                    }
                    self.stage = Stage::Calls(done + 1);
                    return Some(Step::Send(self.wire.call(done, &call).into()));
                }
                Stage::Fault => {
                    self.stage = Stage::Over;
                    return self.behaviour.fault.and_then(|fault| self.fault(fault));
                }
                Stage::Closing => {
                    self.stage = Stage::Over;
                    return Some(Step::Send(self.wire.closing(&end_of(&self.behaviour)).into()));
                }
                Stage::Over if self.behaviour.stays_open => return Some(Step::Wait(FOR_EVER)),
                Stage::Over => return None,
            }
        }
    }

    /// Whether to wait before the next piece; once for each.
    fn must_wait(&mut self, time: Duration) -> bool {
        self.has_waited = !self.has_waited && !time.is_zero();
        self.has_waited
    }

    fn fault(&mut self, fault: Fault) -> Option<Step> {
        let text = match fault {
            Fault::Cut => return Some(Step::Cut),
            Fault::Ends => return None,
            Fault::Stall => return Some(Step::Wait(FOR_EVER)),
            Fault::Garbage => self.wire.garbage(),
            Fault::Quota => self.wire.trouble(Trouble::Quota),
            Fault::Says(trouble) => self.wire.trouble(trouble),
            Fault::NotUtf8 => {
                let event = self.wire.word("\u{1}").replace("\\u0001", "\u{1}");
                let bytes: Vec<u8> = event.bytes().map(|byte| if byte == 1 { 0xff } else { byte }).collect();
                return Some(Step::Send(bytes.into()));
            }
        };
        Some(Step::Send(text.into()))
    }
}

/// A body that gives the answer piece by piece.
pub(super) fn streamed(behaviour: Behaviour, wire: Box<dyn Wire>, guard: Guard) -> Body {
    let play = Play { behaviour, wire, stage: Stage::Opening, has_waited: false };
    let frames = stream::unfold((play, guard), |(mut play, mut guard)| async move {
        loop {
            match play.next() {
                Some(Step::Send(bytes)) => return Some((Ok(Frame::data(bytes)), (play, guard))),
                Some(Step::Wait(time)) => tokio::time::sleep(time).await,
                Some(Step::Cut) => {
                    guard.give_up();
                    return Some((Err(std::io::Error::other("cut")), (play, guard)));
                }
                None => {
                    guard.finish();
                    return None;
                }
            }
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

/// A body that is whole.
pub(super) fn whole(bytes: impl Into<Bytes>, guard: Guard) -> Body {
    let frames = stream::unfold((Some(bytes.into()), guard), |(bytes, mut guard)| async move {
        let Some(bytes) = bytes else {
            guard.finish();
            return None;
        };
        Some((Ok(Frame::data(bytes)), (None, guard)))
    });
    StreamBody::new(frames).boxed_unsync()
}
