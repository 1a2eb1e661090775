//! What all measurements need: managers over scripted servers, callers, and quantiles.

use crate::LlmManager;
use crate::config::{ModelsSettings, RoutingSettings, RoutingStrategy, Settings, TargetSettings};
use crate::error::LlmError;
use crate::prompt::{Origin, Part, Prompt, PromptLimits};
use crate::request::{Piece, Request};
use crate::scripted::{ModelServer, Options, Script, words};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use security::secret::Secret;
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One figure.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// What came of it, with its unit.
    pub measured: String,
    /// What it should be.
    pub aim: &'static str,
    /// Whether it is.
    pub is_met: bool,
}

impl Row {
    /// A figure.
    pub fn new(what: impl Into<String>, measured: impl Into<String>, aim: &'static str, is_met: bool) -> Self {
        Self { what: what.into(), measured: measured.into(), aim, is_met }
    }
}

/// A server that does what the options say. Where there is no port for one, everything that is asked of it fails, which the figures show.
pub async fn server(options: Options) -> ModelServer {
    let streams = options.streams;
    let usual = options.usual.clone();
    match ModelServer::with(options).await {
        Ok(server) => server,
        Err(_) => ModelServer::start(usual, streams).await,
    }
}

/// A short answer.
pub fn saying() -> Script {
    Script::Words(words("It returns the number."), Duration::ZERO)
}

/// Settings with a target for each server, without hedging and forecasts, which are measured on their own.
pub fn settings(servers: &[&ModelServer]) -> Settings {
    let target = |(index, server): (usize, &&ModelServer)| TargetSettings {
        name: format!("t{index}"),
        model: "m".to_owned(),
        base_url: Some(server.url.clone()),
        ..TargetSettings::default()
    };
    let models = ModelsSettings {
        target: servers.iter().enumerate().map(target).collect(),
        hedging: false,
        predictive: false,
        concurrency: 256,
        ..ModelsSettings::default()
    };
    let routing = RoutingSettings { strategy: RoutingStrategy::Sticky, judge: None };
    Settings { models, routing, ..Settings::default() }
}

/// A manager for settings.
pub fn manager(settings: &Settings) -> LlmManager {
    LlmManager::new(settings, &|_| Ok(Secret::new("a-key"))).0
}

/// A question of a usual size that is unlike all others.
pub fn question(number: usize) -> Request {
    sized(number, 2_000)
}

/// A question of so many bytes.
pub fn sized(number: usize, bytes: usize) -> Request {
    let code = format!("def f{number}(x):\n    return x + {number}\n");
    let code = code.repeat(bytes.div_ceil(code.len()));
    let parts = [Part::Instruction("Explain the code.".into()), Part::Data(Origin::Code, code)];
    let prompt = Prompt::new(&parts, PromptLimits::default()).unwrap_or_else(|_| nothing());
    Request::new(Arc::new(prompt))
}

fn nothing() -> Prompt {
    // A prompt without any text is within every bound.
    Prompt::new(&[], PromptLimits::default()).unwrap_or_else(|_| nothing())
}

/// Asks, and gives the time to the first word.
pub async fn first_word(manager: &LlmManager, request: Request) -> Result<Duration, LlmError> {
    let began = Instant::now();
    let mut stream = manager.stream(request)?;
    let mut took = None;
    while let Some(piece) = stream.next().await {
        if let Piece::Text(_) = piece? {
            took.get_or_insert_with(|| began.elapsed());
        }
    }
    Ok(took.unwrap_or_else(|| began.elapsed()))
}

/// Sends requests at these times after the beginning, whether or not earlier ones have come back, and gives what each came to.
pub async fn open_loop<T, F: Future<Output = T>>(
    times: impl IntoIterator<Item = Duration>,
    mut ask: impl FnMut(usize) -> F,
) -> Vec<T> {
    let began = tokio::time::Instant::now();
    let (mut running, mut done) = (FuturesUnordered::new(), Vec::new());
    for (number, at) in times.into_iter().enumerate() {
        let due = tokio::time::sleep_until(began + at);
        tokio::pin!(due);
        loop {
            tokio::select! {
                biased;
                () = &mut due => break,
                Some(result) = running.next(), if !running.is_empty() => done.push(result),
            }
        }
        running.push(ask(number));
    }
    while let Some(result) = running.next().await {
        done.push(result);
    }
    done
}

/// Times at an even rate.
pub fn evenly(a_second: f64, time: Duration) -> Vec<Duration> {
    let count = (time.as_secs_f64() * a_second) as usize;
    (0..count).map(|number| Duration::from_secs_f64(number as f64 / a_second)).collect()
}

/// The value within which this share of the values is.
pub fn quantile(values: &mut [Duration], share: f64) -> Duration {
    values.sort_unstable();
    values.get(((values.len() as f64 * share).ceil() as usize).saturating_sub(1)).copied().unwrap_or_default()
}

/// Milliseconds, for people.
pub fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
