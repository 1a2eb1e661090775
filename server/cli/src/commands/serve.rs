//! `code-agent serve`: the service for a team, over HTTP.

mod notify;

use super::lsp::level;
use super::{Failure, Outcome};
use crate::memory;
use crate::output::terminal::remark;
use crate::wiring::{self, Wish};
use engine::config::sections::LogLevel;
use engine::jobs::JobRunner;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long the database may take to end.
const GOODBYE: Duration = Duration::from_secs(5);

/// Be a service for a team: documents, jobs, models and accounts over HTTP. `/api/v2/openapi.json` tells all that it does.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// The address and port to listen on; that of the settings, or 127.0.0.1:7420.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Where accounts and jobs are kept: sqlite:/PATH, postgres://USER@HOST/NAME or env:NAME.
    #[arg(long, value_name = "ADDRESS")]
    store: Option<String>,
    /// Log to standard error: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    log: Option<LogLevel>,
    /// Print the OpenAPI document and end.
    #[arg(long)]
    openapi: bool,
}

impl Serve {
    /// Serves until it is told to end.
    pub fn run(self) -> Result<Outcome, Failure> {
        if self.openapi {
            let mut out = crate::output::Pipe::new(std::io::stdout().lock());
            std::io::Write::write_all(&mut out, gateway::document().as_bytes())?;
            std::io::Write::flush(&mut out)?;
            return Ok(Outcome::Clean);
        }
        let usual = memory::begin();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .on_thread_park(memory::collect_before_rest)
            .build()
            .map_err(|error| Failure(format!("The service could not be started: {error}.")))?;
        runtime.block_on(self.serve(usual))?;
        // What does not end by itself is not waited for.
        runtime.shutdown_timeout(Duration::from_secs(1));
        wiring::end_traces();
        Ok(Outcome::Clean)
    }

    async fn serve(self, usual: memory::Usual) -> Result<(), Failure> {
        let wish = Wish { log: self.log, ..Wish::default() };
        let parts = wiring::service(wish, self.store.as_deref()).await?;
        let settings = parts.settings;
        let address = self.listen.unwrap_or_else(|| settings.listen.clone());
        let failed = |error: std::io::Error| Failure(format!("{address} cannot be listened on: {error}."));
        let listener = TcpListener::bind(&address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let gateway = parts.gateway;
        let scheme = if parts.tls.is_some() { "https" } else { "http" };
        remark(&format!(
            "Listening on {scheme}://{bound}, which is also the page for a browser; {scheme}://{bound}/api/v2/openapi.json tells what else there is."
        ));
        if let Some(code) = gateway.setup_code() {
            remark(&format!(
                "There is no account yet. Within an hour, {scheme}://{bound}/set-up?code={code} makes the first admin, and so does POST {{\"code\": \"{code}\", \"name\": …, \"password\": …}} to {scheme}://{bound}/api/v2/setup."
            ));
        }
        let (stopping, stopped) = watch::channel(false);
        if !bound.ip().is_loopback() && parts.tls.is_none() {
            remark(
                "It speaks plain HTTP to others too; set `service.tls-certificate`, or put something before it that speaks TLS.",
            );
        }
        let grace = Duration::from_secs(settings.grace_seconds);
        let worker = format!("{}-{}-{}", std::process::id(), bound.port(), engine::store::now_ms());
        let mut told = stopped.clone();
        let store = parts.store.clone();
        let runner = JobRunner::new(parts.core, parts.store, worker, gateway.new_jobs(), stopped)
            .observed_by(gateway.observer_of_jobs())
            .with_grace(grace);
        let told_to_end = told_to_end();
        notify::ready(&bound.to_string());
        let stop = async move {
            told_to_end.await;
            notify::stopping();
            stopping.send_replace(true);
        };
        let served = gateway::serve(gateway, listener, parts.tls, stop, grace);
        let jobs = async {
            tokio::select! {
                () = runner.run(settings.jobs.into()) => {}
                // What cannot be given back, since the store does not answer, is done by whoever takes it when its lease is over.
                () = async {
                    let _ = told.wait_for(|is_told| *is_told).await;
                    tokio::time::sleep(grace + Duration::from_secs(5)).await;
                } => tracing::warn!("Some jobs were left for the next start."),
            }
        };
        let served = tokio::select! {
            (served, ()) = async { tokio::join!(served, jobs) } => served,
            () = notify::alive() => Ok(()),
            () = memory::give_back(usual) => Ok(()),
        };
        // The last one to leave a file puts all of it in its place, so that a copy of the file alone is a whole one.
        if tokio::time::timeout(GOODBYE, store.close()).await.is_err() {
            tracing::warn!("The database was left with statements under way, which it sees to at the next start.");
        }
        served.map_err(|error| Failure(format!("The service ended: {error}.")))
    }
}

/// Hears from now on that the service is to end, and gives what waits for it: Ctrl-C, or the signal with which services are ended.
fn told_to_end() -> impl Future<Output = ()> {
    // Whoever sent a signal before it is heard would end the process in the middle of its work.
    #[cfg(unix)]
    let terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    async move {
        let interrupted = async {
            // Where no signal can be heard, the service ends with its process.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        #[cfg(unix)]
        if let Ok(mut terminated) = terminated {
            tokio::select! {
                () = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
        interrupted.await;
    }
}
