//! One target asked once: [`open`] sends the request and reads as far as the first word, [`Opened::go_on`] reads the rest.
//!
//! The two are apart because until the first word nobody has seen anything: a call may still be given up for another without a trace.
//! Knows nothing of other targets.

use crate::breaker::State;
use crate::budget::{Money, Reserve};
use crate::coalesce::Writer;
use crate::config::Target;
use crate::echo::Echo;
use crate::error::{Cause, LlmError, Scope};
use crate::events::Event;
use crate::gathered::Gathered;
use crate::health::UnderWay;
use crate::limit::{Admission, Permit};
use crate::manager::{Inner, Plan};
use crate::pool::{Held, Reply, Upload};
use crate::prompt::{PICTURE_TOKENS, Said};
use crate::providers::fill::refusal;
use crate::providers::{Endpoint, Provider, Quirks, exhausted, failure, is_of_length, unseen};
use crate::reading::Reading;
use crate::repair::{REPAIRS, Repair, is_strict, repair, schemas};
use crate::request::{Answer, Finish, Piece, Request, Usage};
use crate::splice::Splice;
use crate::tools::ToolCall;
use security::secret::Secret;
use std::time::Duration;
use tokio::time::Instant;

/// Bytes of a token in code and English prose, on the safe side.
pub(crate) const BYTES_A_TOKEN: usize = 3;
/// How long the end of a stream is waited for after the answer said that it is whole.
const GRACE: Duration = Duration::from_secs(1);
/// So many stalls fit into the time in which an answer, or a call of a tool, that comes whole is written.
const WHOLE: u32 = 10;
/// An answer of so many tokens is written in that time.
const USUAL: u32 = 4096;
/// So many times as long as the first word may take a model may think aloud before it.
const THINKING: u32 = 10;
/// Bytes of pictures a second that go out at least, on which the first word waits.
const UPLOAD: f64 = 262_144.0;
/// Bytes around a byte of text at the worst: an event for each token, with names and numbers of its own.
const EVENT_OVERHEAD: usize = 1024;
/// A report of an error is never longer than this.
const ERROR_BYTES: usize = 64 << 10;

/// Who is asked what.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub inner: &'a Inner,
    pub plan: &'a Plan,
    pub request: &'a Request,
    pub target: &'a Target,
    /// How many were asked before it for the same question.
    pub attempt: usize,
    /// When the question came.
    pub came: Instant,
    /// Whether it is asked in spite of an open breaker.
    pub in_need: bool,
}

/// An answer that began.
pub(crate) struct Opened<'a> {
    call: Call<'a>,
    reply: Reply,
    reading: Reading,
    /// What came so far.
    pieces: Vec<Piece>,
    meter: Meter<'a>,
    under_way: UnderWay<'a>,
    /// Held until the answer is whole.
    _permit: Permit,
    /// The text and the calls of the answer, which are kept for all who read it, among the bytes that all calls together may hold.
    held: Held,
    began: Instant,
    read: usize,
    /// Whether everything was said.
    is_whole: bool,
    /// From the sending to the first word.
    pub first_word: Duration,
}

/// Asks a target, and gives back control when the first word of its answer is there. A model that refuses a field is asked once more
/// without it, one that refuses a strict tool with the same tool, and one for which the answer may be too long for a shorter one. A few of these
/// may meet in one question.
pub(crate) async fn open(call: Call<'_>) -> Result<Opened<'_>, LlmError> {
    let Call { inner, request, target, .. } = call;
    let mut way = inner.quirks(target);
    way.no_strict |= is_strict(target, request, way) && inner.loose.has(&schemas(target, request));
    let (mut made, mut tried): (Vec<Repair>, Vec<Quirks>) = (Vec::new(), Vec::new());
    loop {
        let mut sent = way;
        let is_first = call.attempt == 0 && made.is_empty();
        let error = match open_once(call, &mut sent, is_first).await {
            Ok(opened) => {
                if made.contains(&Repair::Strictness) {
                    inner.loose.add(schemas(target, request));
                }
                return Ok(opened);
            }
            Err(error) => error,
        };
        let Some((repair, better)) = repair(call, way, sent, &error) else { return Err(error) };
        tried.push(way);
        // One field after another may be refused; what was tried and what is of another kind is not done again.
        let is_done = tried.contains(&better) || (repair != Repair::Field && made.contains(&repair));
        if is_done || made.len() == REPAIRS {
            return Err(error);
        }
        made.push(repair);
        way = better;
    }
}

/// The same once, in the way that is known; says which of it was done. `is_first` is whether nothing was asked for this question before.
async fn open_once<'a>(call: Call<'a>, way: &mut Quirks, is_first: bool) -> Result<Opened<'a>, LlmError> {
    let Call { inner, plan, request, target, attempt, came, .. } = call;
    let at_the_gate = Instant::now();
    let permit = admit(call, *way).await?;
    let waited = at_the_gate.elapsed();
    if !call.in_need && matches!(inner.breakers.state(&target.watched), State::Open(_)) {
        let detail = "it began to fail while this waited for its turn";
        return Err(LlmError::new(&target.name, Cause::Busy, detail));
    }
    let (reserve, quirks) = reserve(call, *way).await?;
    *way = quirks;
    // The router has seen to it already; here it is what makes sure.
    let unfit = || LlmError::new(&target.name, Cause::NoFill, "it has no `fill`");
    let provider = target.speaks(request).ok_or_else(unfit)?;
    if !target.sees(request) {
        return Err(LlmError::new(&target.name, Cause::NoPicture, "its format has no place for such a picture"));
    }
    let at_the_pool = Instant::now();
    let upload = hold_pictures(call).await?;
    let waited = waited + at_the_pool.elapsed();
    let has_pictures = request.prompt.pictures().count > 0;
    let under_way = inner.health.begin(&target.name, request.prompt.len());
    let under_way = if has_pictures { under_way.apart() } else { under_way };
    let began = Instant::now();
    inner.events.tell(Event::Asked {
        target: target.name.clone(),
        provider: target.provider.provider().name(),
        model: target.model.clone(),
        attempt,
        overhead: is_first.then(|| began.saturating_duration_since(came).saturating_sub(waited)),
        waited,
    });
    let takes_calls = request.takes_calls();
    let wants_thoughts = takes_calls && quirks.wants_reasoning;
    let wants_details = takes_calls && quirks.wants_details;
    let gathered = Gathered { takes_calls, wants_thoughts, wants_details, ..Gathered::default() };
    let told = tokens(target.told(request, quirks));
    let meter = Meter { reserve: Some(reserve), gathered, target, told, was_read: false };
    let result = Box::pin(begin(call, provider, quirks, began, meter, upload)).await;
    let (reply, meter, beginning) = match result {
        Ok(beginning) => beginning,
        Err(error) => {
            under_way.failure(&error);
            // A question that is too large for its own length says nothing of how many may be asked.
            if matches!(error.cause, Cause::Rate | Cause::Overload | Cause::Timeout) && !is_of_length(&error) {
                permit.refused();
            }
            return Err(error);
        }
    };
    let first_word = began.elapsed();
    under_way.first_word(first_word);
    if !has_pictures {
        permit.first_word(first_word);
    }
    inner.events.tell(Event::FirstWord { target: target.name.clone(), took: first_word });
    let held = inner.pool.hold(&target.name, meter.gathered.kept())?;
    let Beginning { reading, pieces, read, is_whole } = beginning;
    debug_assert!(read <= plan.bounds.answer.saturating_mul(EVENT_OVERHEAD));
    let _permit = permit;
    Ok(Opened { call, reply, reading, pieces, meter, under_way, _permit, held, began, read, is_whole, first_word })
}

/// Waits for room for the pictures of a request, no longer than it has time. Just before they go out, so that nobody who waits for his turn at a
/// target keeps it from those who could send theirs.
async fn hold_pictures(call: Call<'_>) -> Result<Option<Upload>, LlmError> {
    let Call { inner, plan, request, target, came, .. } = call;
    let pictures = request.prompt.pictures();
    if pictures.count == 0 {
        return Ok(None);
    }
    let patience = request.patience(plan.bounds.first_word).saturating_sub(came.elapsed());
    inner.pool.hold_pictures(&target.name, pictures.bytes, patience).await.map(Some)
}

/// Waits for room at the target.
async fn admit(call: Call<'_>, quirks: Quirks) -> Result<Permit, LlmError> {
    let Call { inner, plan, request, target, .. } = call;
    let limiter = inner.limiters.of(target.watched.limit_name(), plan.limit);
    let admission = Admission {
        priority: request.priority,
        client: &request.client,
        bytes: target.told(request, quirks),
        patience: request.patience(plan.bounds.first_word),
    };
    if let Some(foreseen) = limiter.foreseen() {
        // One that does not come about is missed by nobody: whoever needs it opens it himself, and is told then.
        let _ = inner.pool.prepare(&target.name, &target.base_url, foreseen, target.http2);
    }
    limiter.admit(&target.name, admission).await
}

/// What was read up to the first word.
struct Beginning {
    reading: Reading,
    pieces: Vec<Piece>,
    read: usize,
    is_whole: bool,
}

async fn begin<'a>(
    call: Call<'a>,
    provider: &'static dyn Provider,
    quirks: Quirks,
    began: Instant,
    mut meter: Meter<'a>,
    upload: Option<Upload>,
) -> Result<(Reply, Meter<'a>, Beginning), LlmError> {
    let Call { inner, plan, request, target, .. } = call;
    let (name, bounds) = (target.name.as_str(), plan.bounds);
    let endpoint = Endpoint {
        base_url: &target.base_url,
        model: &target.model,
        key: target.key.as_ref(),
        stream: target.stream,
        quirks,
    };
    let echo = Echo::of(&request.prompt);
    let wire = provider.request(request, &endpoint);
    let upload_takes = Duration::from_secs_f64(request.prompt.pictures().bytes as f64 / UPLOAD);
    let first_by = began + bounds.first_word + upload_takes;
    let sent = Box::pin(inner.pool.post(name, &wire.url, &wire.headers, wire.body, upload.as_ref(), target.http2));
    let mut reply =
        tokio::time::timeout_at(first_by, sent).await.map_err(|_| late(name, "no answer began in time"))??;
    // The pictures have gone out.
    drop(upload);
    if !(200..300).contains(&reply.status()) {
        let body = tokio::time::timeout(bounds.stall, reply.whole(name, ERROR_BYTES)).await;
        let body = body.map_err(|_| late(name, "its report of an error broke off"))?.unwrap_or_default();
        let error = failure(name, reply.status(), &|header| reply.header(header), &echo.clean_json(&body));
        let error = match request.prompt.hole() {
            Some(_) => refusal(error, reply.status()),
            None if request.prompt.pictures().count > 0 => unseen(error, has_address(request) && reply.status() == 500),
            None => error,
        };
        return Err(without_ours(error, reply.status(), request, target));
    }
    meter.was_read = true;
    if let Some(wait) = exhausted(&|name| reply.header(name)) {
        // The next one would only be refused.
        inner.breakers.pause(&target.watched, Scope::Limit, wait);
    }
    if !target.stream {
        // It is written whole before anything of it comes.
        let usual = (request.longest(quirks) / USUAL).max(1);
        let by = first_by + bounds.stall.saturating_mul(WHOLE).saturating_mul(usual);
        let body = tokio::time::timeout_at(by, reply.whole(name, bounds.answer.saturating_mul(2))).await;
        let body = body.map_err(|_| late(name, "no answer came in time"))?.map_err(|error| match error.cause {
            Cause::LongAnswer => LlmError::long_answer(name, bounds.answer),
            _ => error,
        })?;
        let body = serde_json::from_slice(&body)
            .map_err(|error| LlmError::new(name, Cause::Malformed, format!("the answer is not JSON ({error})")))?;
        let pieces = provider.whole(&body).map_err(|failed| match echo.is_none() {
            true => failed,
            false => echo.cleaned(failed, provider.whole(&echo.clean_value(&body)).err()),
        });
        let pieces =
            pieces.map_err(|failed| of_pictures(LlmError::new(name, failed.cause, failed.detail), request, target))?;
        meter.gathered.take(&pieces);
        return Ok((reply, meter, Beginning { reading: Reading::new(provider), pieces, read: 0, is_whole: true }));
    }
    let mut reading = Reading::new(provider).without(echo);
    let (mut pieces, mut read) = (Vec::new(), 0);
    // A call of a tool may come whole, as an answer may.
    let patience = if request.takes_calls() { bounds.stall.saturating_mul(WHOLE) } else { Duration::ZERO };
    let mut deadline = first_by + patience;
    loop {
        let next = tokio::time::timeout_at(deadline, reply.bytes(name)).await;
        let Some(bytes) = next.map_err(|_elapsed| late(name, "no first word came in time"))?? else {
            let rest = reading.finish(name).map_err(|error| of_pictures(error, request, target))?;
            meter.gathered.take(&rest);
            pieces.extend(rest.into_iter().filter(is_shown));
            return Ok((reply, meter, Beginning { reading, pieces, read, is_whole: true }));
        };
        read += bytes.len();
        check_length(name, read, &meter.gathered, plan)?;
        let new = reading.push(name, &bytes).map_err(|error| of_pictures(error, request, target))?;
        meter.gathered.take(&new);
        pieces.extend(new.into_iter().filter(is_shown));
        // Thinking is work, as long as it goes on and has an end; other signs of life are no answer, and the clock goes on.
        if std::mem::take(&mut meter.gathered.thinks) {
            let longest = began + bounds.first_word.saturating_mul(THINKING) + upload_takes;
            deadline = deadline.max(longest.min(Instant::now() + bounds.first_word));
        }
        if meter.gathered.bytes > 0 || meter.gathered.end.is_some() {
            return Ok((reply, meter, Beginning { reading, pieces, read, is_whole: false }));
        }
    }
}

impl Opened<'_> {
    /// Reads the answer to its end, and shows it as it comes.
    pub async fn go_on(mut self, splice: &mut Splice, writer: &Writer) -> Result<Answer, LlmError> {
        if let Err(error) = self.read_on(splice).await {
            self.under_way.failure(&error);
            return Err(error);
        }
        self.under_way.success();
        let Call { inner, target, .. } = self.call;
        let text = splice.finish();
        let (usage, cost) = self.meter.settle();
        let (calls, finish) = if splice.is_at_stop() {
            // What a model says behind the end of its answer is no part of it.
            (Vec::new(), Finish::Stop)
        } else {
            let calls = std::mem::take(&mut self.meter.gathered.calls).finish(&self.call.request.prompt);
            match self.meter.gathered.end {
                Some(Finish::Stop) | None if !calls.is_empty() => (calls, Finish::ToolCalls),
                end => (calls, end.unwrap_or(Finish::Stop)),
            }
        };
        inner.events.tell(Event::Answered {
            target: target.name.clone(),
            watched: target.watched.clone(),
            first_word: self.first_word,
            took: self.began.elapsed(),
            usage,
            cost,
        });
        calls.into_iter().for_each(|call| writer.push(Piece::Call(call)));
        writer.push(Piece::From(target.name.clone()));
        writer.push(Piece::Usage(usage));
        writer.push(Piece::End(finish));
        Ok(Answer { text, finish, usage: Some(usage), target: target.name.clone(), from_cache: false })
    }

    async fn read_on(&mut self, splice: &mut Splice) -> Result<(), LlmError> {
        let Call { plan, target, .. } = self.call;
        let name = target.name.as_str();
        show(&std::mem::take(&mut self.pieces), splice);
        // Between two words there is little time; before a call that comes whole there may be much.
        let times = if self.meter.gathered.takes_calls { WHOLE } else { 1 };
        let stall = plan.bounds.stall.saturating_mul(times);
        let mut deadline = Instant::now() + stall;
        let mut had_end = false;
        while !self.is_whole && !splice.is_at_stop() {
            let has_end = self.meter.gathered.end.is_some();
            if has_end && !std::mem::replace(&mut had_end, true) {
                deadline = Instant::now() + GRACE;
            }
            let new = match tokio::time::timeout_at(deadline, self.reply.bytes(name)).await {
                Ok(Ok(Some(bytes))) => {
                    self.read += bytes.len();
                    check_length(name, self.read, &self.meter.gathered, plan)?;
                    self.reading.push(name, &bytes)?
                }
                Ok(Ok(None)) => {
                    self.is_whole = true;
                    self.reading.finish(name)?
                }
                // Everything was said; how the connection ends does not matter.
                _ if has_end => break,
                Ok(Err(error)) => return Err(error),
                Err(_elapsed) => return Err(late(name, "the answer stopped in the middle")),
            };
            let before = self.meter.gathered.kept();
            self.meter.gathered.take(&new);
            self.held.grow(name, self.meter.gathered.kept() - before)?;
            show(&new, splice);
            // Only what belongs to the answer moves the end of patience; signs of life do not.
            let is_answer = |piece: &Piece| {
                let is_thought = matches!(piece, Piece::Thinking | Piece::Thought(_) | Piece::Detail { .. });
                is_thought || matches!(piece, Piece::Text(_) | Piece::CallPart { .. })
            };
            if !had_end && new.iter().any(is_answer) {
                deadline = Instant::now() + stall;
            }
        }
        // What came last was not looked at yet, nor was an answer that came whole.
        check_length(name, self.read, &self.meter.gathered, plan)?;
        if splice.is_at_stop() {
            // The rest is not waited for, so nobody said that the answer ended.
            return Ok(());
        }
        self.meter.gathered.ended(name, self.call.request)
    }
}

/// Whether a piece goes on to whoever reads the answer. Thoughts before it may be long, and do not.
fn is_shown(piece: &Piece) -> bool {
    matches!(piece, Piece::Text(_))
}

fn show(pieces: &[Piece], splice: &mut Splice) {
    for piece in pieces {
        if let Piece::Text(text) = piece {
            splice.push(text);
        }
    }
}

/// A failure that an answer tells before its first word, where pictures were sent: it may be one of those, and may repeat them.
fn of_pictures(error: LlmError, request: &Request, target: &Target) -> LlmError {
    match request.prompt.pictures().count {
        0 => error,
        _ => without_ours(unseen(error, has_address(request)), 200, request, target),
    }
}

/// Whether there is a picture that somebody has to fetch.
fn has_address(request: &Request) -> bool {
    request.prompt.addresses().next().is_some()
}

/// The error without what we sent ourselves: a key, or words of the prompt, which some servers repeat.
fn without_ours(error: LlmError, status: u16, request: &Request, target: &Target) -> LlmError {
    /// So many characters in a row are no chance.
    const TELLING: usize = 24;
    /// So many of the letters of base64 in a row are no word, but a part of what somebody attached.
    const NO_WORD: usize = 32;
    let key = target.key.as_ref().map(Secret::expose).filter(|key| !key.is_empty());
    let detail = key.map_or_else(|| error.detail.clone(), |key| error.detail.replace(key, "…"));
    let characters: Vec<char> = detail.chars().collect();
    let parts = characters.chunks(TELLING / 2).map(|part| part.iter().collect::<String>());
    let called = || request.prompt.calls().flat_map(ToolCall::texts);
    let said = || request.prompt.turns().flat_map(Said::texts).chain(called());
    let is_ours = |part: &str| said().any(|text| text.contains(part));
    let repeats = parts.filter(|part| part.chars().count() == TELLING / 2 && is_ours(part));
    let mut words = detail.split(|letter: char| !letter.is_ascii_alphanumeric() && !"+/=".contains(letter));
    let shows = request.prompt.pictures().count > 0 && words.any(|word| word.len() >= NO_WORD);
    let detail = if shows || repeats.count() > 1 { format!("it answered with status {status}") } else { detail };
    LlmError { detail, ..error }
}

fn late(name: &str, what: &str) -> LlmError {
    LlmError::new(name, Cause::Timeout, what)
}

fn check_length(name: &str, read: usize, gathered: &Gathered, plan: &Plan) -> Result<(), LlmError> {
    let longest = plan.bounds.answer;
    if read > longest.saturating_mul(EVENT_OVERHEAD) || gathered.bytes > longest {
        return Err(LlmError::long_answer(name, longest));
    }
    Ok(())
}

/// Counts what an attempt costs, whichever way it ends: a provider that began to answer is paid, though nobody waits any more.
struct Meter<'a> {
    reserve: Option<Reserve>,
    gathered: Gathered,
    target: &'a Target,
    /// Tokens of what it was told, as far as they can be told before it says so.
    told: u64,
    /// Whether the provider took the request.
    was_read: bool,
}

impl Meter<'_> {
    fn settle(&mut self) -> (Usage, Money) {
        let estimate = Usage { input: self.told, cached: 0, output: tokens(self.gathered.bytes) };
        let usage = match self.gathered.usage {
            // Until the end providers tell less than there is of what they write; what they have read they know.
            Some(usage) if self.gathered.end.is_none() => {
                let input = if usage.input > 0 { usage.input } else { estimate.input };
                Usage { input, ..usage.with(estimate) }
            }
            Some(usage) => usage,
            None => estimate,
        };
        let cost = self.reserve.take().map(|reserve| reserve.settle(usage, self.target.price));
        (usage, cost.unwrap_or_default())
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        if self.was_read && self.reserve.is_some() {
            self.settle();
        }
    }
}

/// Takes room in the budget for the longest answer, or else for one that will do: what has no room for the one may have some for the other,
/// and no answer may be longer than what there is room for. Gives back which of them it is.
async fn reserve(call: Call<'_>, quirks: Quirks) -> Result<(Reserve, Quirks), LlmError> {
    let Call { inner, plan, request, target, .. } = call;
    let (budget, shorter) = (plan.budget(&inner.budget), Quirks { short_answers: true, ..quirks });
    let most = |quirks: Quirks| {
        let output = u64::from(request.longest(quirks));
        Usage { input: most_told(target, request, quirks), cached: 0, output }
    };
    let longest = budget.reserve(&request.client, &target.name, most(quirks), target.price).await;
    let (reserve, quirks) = match longest {
        Err(_) if most(shorter) != most(quirks) => {
            (budget.reserve(&request.client, &target.name, most(shorter), target.price).await, shorter)
        }
        result => (result, quirks),
    };
    Ok((reserve?, quirks))
}

/// The most tokens that a target may count in what it is told: nobody knows how many there are in a picture before it says so.
fn most_told(target: &Target, request: &Request, quirks: Quirks) -> u64 {
    let provider = target.provider.provider();
    let of_pictures =
        request.prompt.shown_pictures().map(|picture| provider.picture_tokens(&target.model, picture.detail()));
    let beyond = of_pictures.map(|tokens| tokens.saturating_sub(PICTURE_TOKENS as u64));
    tokens(target.told(request, quirks)) + beyond.sum::<u64>()
}

fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(BYTES_A_TOKEN) as u64
}
