//! `code-agent top`: how a service is, in a terminal, from the figures that it has for Prometheus.

mod exposition;
mod picture;

use super::{Failure, Outcome, runtime};
use crate::output::Pipe;
use crate::wiring::{self, Wish};
use exposition::Figures;
use llm::config::KeySource;
use llm::pool::Pool;
use picture::Picture;
use security::secret::Secret;
use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the picture is drawn anew.
const EVERY: Duration = Duration::from_secs(1);
/// How far back the rates of a picture go, in pictures.
const WINDOW: usize = 10;
/// How long the figures may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of figures that are read; many times what a service has.
const LONGEST: usize = 16 << 20;
/// Back to the corner; what is written over is cleared line by line, so that nothing flickers.
const CORNER: &str = "\x1b[H";
const REST_OF_LINE: &str = "\x1b[K\n";
const REST_OF_SCREEN: &str = "\x1b[J";

/// Show how a service is: requests, jobs, sign-ins, models and what they cost, each second anew.
#[derive(Debug, clap::Args)]
pub struct Top {
    /// Where the service is; this machine, where its settings say it listens.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Where its API token with the scope `metrics` is: env:NAME or file:PATH. On the same machine none is needed.
    #[arg(long, value_name = "WHERE", value_parser = source)]
    token: Option<KeySource>,
    /// Print one picture, of all since the service began, and end.
    #[arg(long)]
    once: bool,
}

pub(super) fn source(text: &str) -> Result<KeySource, String> {
    match text.split_once(':') {
        Some(("env", name)) if !name.is_empty() => Ok(KeySource::Env(name.to_owned())),
        Some(("file", path)) if !path.is_empty() => Ok(KeySource::File(path.to_owned())),
        _ => {
            Err("a token itself does not stand on the command line; say where it is: env:NAME or file:PATH".to_owned())
        }
    }
}

/// A service whose figures are looked at.
struct Service {
    pool: Arc<Pool>,
    url: String,
    headers: Vec<(&'static str, Secret)>,
}

impl Top {
    /// Shows the figures until somebody has seen enough.
    pub fn run(self) -> Result<Outcome, Failure> {
        let service = self.service()?;
        let is_terminal = std::io::stdout().is_terminal();
        let mut out = Pipe::new(std::io::stdout().lock());
        runtime()?.block_on(async {
            if self.once {
                let now = service.figures().await.map_err(Failure)?;
                write!(out, "{}", Picture::since_the_beginning(&service.url, &now))?;
                out.flush()?;
                return Ok(Outcome::Clean);
            }
            let mut seen: VecDeque<(Instant, Figures)> = VecDeque::new();
            loop {
                let text = match service.figures().await {
                    Ok(now) => {
                        let at = Instant::now();
                        let picture = match seen.front() {
                            Some((since, before)) => {
                                Picture::between(&service.url, before, &now, at.duration_since(*since))
                            }
                            None => Picture::since_the_beginning(&service.url, &now),
                        };
                        let text = picture.to_string();
                        seen.push_back((at, now));
                        if seen.len() > WINDOW {
                            seen.pop_front();
                        }
                        text
                    }
                    Err(sentence) => {
                        // What comes after it may be another process, which counts from 0.
                        seen.clear();
                        format!("{sentence}\n")
                    }
                };
                match is_terminal {
                    true => {
                        write!(out, "{CORNER}{}{REST_OF_SCREEN}", text.replace('\n', REST_OF_LINE))?;
                    }
                    false => writeln!(out, "{text}")?,
                }
                out.flush()?;
                if out.is_closed() {
                    return Ok(Outcome::Clean);
                }
                tokio::time::sleep(EVERY).await;
            }
        })
    }

    fn service(&self) -> Result<Service, Failure> {
        let base = match &self.url {
            Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
                url.trim_end_matches('/').to_owned()
            }
            Some(url) => return Err(Failure(format!("{url} is no address; one begins with http:// or https://."))),
            None => format!("http://{}", reachable(&wiring::settings(Wish::default())?.settings().service.listen)),
        };
        let token = self.token.as_ref().map(|source| match wiring::secret(source) {
            Ok(token) if token.is_empty() => Err(Failure("The token of `--token` is empty.".to_owned())),
            Ok(token) => Ok(("authorization", Secret::new(format!("Bearer {}", token.expose())))),
            Err(problem) => Err(Failure(problem.replace("Its key", "The token"))),
        });
        let headers = token.transpose()?.into_iter().collect();
        Ok(Service { pool: Arc::default(), url: base, headers })
    }
}

/// An address that listens on all interfaces, as this machine reaches it.
fn reachable(listen: &str) -> String {
    match listen.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_unspecified() && address.is_ipv4() => format!("127.0.0.1:{}", address.port()),
        Ok(address) if address.ip().is_unspecified() => format!("[::1]:{}", address.port()),
        _ => listen.to_owned(),
    }
}

impl Service {
    /// The figures of now, or one sentence why there are none.
    async fn figures(&self) -> Result<Figures, String> {
        match tokio::time::timeout(PATIENCE, self.read()).await {
            Ok(figures) => figures,
            Err(_) => Err(format!("{} does not answer within {} seconds.", self.url, PATIENCE.as_secs())),
        }
    }

    async fn read(&self) -> Result<Figures, String> {
        let away = |error: llm::error::LlmError| {
            format!("{} cannot be reached: {}.", self.url, error.detail.trim_end_matches('.'))
        };
        let url = format!("{}/metrics", self.url);
        let mut reply = self.pool.get("service", &url, &self.headers, false).await.map_err(away)?;
        let status = reply.status();
        let mut bytes = Vec::new();
        while let Some(piece) = reply.bytes("service").await.map_err(away)? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > LONGEST {
                return Err(format!("{url} gives more than a service has to tell."));
            }
        }
        match status {
            200 => {}
            401 if self.headers.is_empty() => {
                return Err(format!(
                    "{url} wants a token; make one with the scope `metrics`, and say where it is with --token."
                ));
            }
            401 => return Err(format!("{url} does not know the token, or it is over.")),
            403 => return Err(format!("{url} is not open to the role or the scope of this token.")),
            status => return Err(format!("{url} answers with the status {status}.")),
        }
        let figures = Figures::of(&String::from_utf8_lossy(&bytes));
        match figures.has("code_agent_build_info") {
            true => Ok(figures),
            false => Err(format!("{url} has no figures of code-agent.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_on_all_interfaces_is_asked_on_this_machine() {
        assert_eq!(reachable("0.0.0.0:7420"), "127.0.0.1:7420");
        assert_eq!(reachable("[::]:7420"), "[::1]:7420");
        assert_eq!(reachable("192.0.2.1:80"), "192.0.2.1:80");
        assert_eq!(reachable("some-host:80"), "some-host:80");
    }

    #[test]
    fn a_token_is_named_and_never_given() {
        assert_eq!(source("env:TOKEN"), Ok(KeySource::Env("TOKEN".to_owned())));
        assert_eq!(source("file:/run/token"), Ok(KeySource::File("/run/token".to_owned())));
        for wrong in ["cagt_abc", "env:", "file:", "https://x"] {
            assert!(source(wrong).is_err_and(|said| !said.contains("cagt_")), "{wrong}");
        }
    }
}
