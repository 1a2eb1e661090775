//! `code-agent login`, `code-agent token` and `code-agent logout`: the way of programs into a service for a team.

use super::{Failure, Outcome, runtime};
use crate::output::Pipe;
use crate::output::terminal::{complain, remark};
use engine::config::state_dir;
use engine::login::{LoginError, Logins, Service};
use security::secret::Secret;
use std::io::Write;
use std::path::PathBuf;

/// Sign in to a service for a team: a code is shown, which you type in a browser where you are signed in.
#[derive(Debug, clap::Args)]
pub struct Login {
    /// The address of the service.
    #[arg(value_name = "URL")]
    url: String,
    /// How this machine is called in the browser.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// Print an access token of a service that you are signed in to; it is good for ten minutes.
#[derive(Debug, clap::Args)]
pub struct Token {
    /// The address of the service; the only one where it is left out.
    #[arg(value_name = "URL")]
    url: Option<String>,
}

/// Sign out of a service, there and here.
#[derive(Debug, clap::Args)]
pub struct Logout {
    /// The address of the service; the only one where it is left out.
    #[arg(value_name = "URL")]
    url: Option<String>,
}

impl From<LoginError> for Failure {
    fn from(error: LoginError) -> Self {
        Self(error.to_string())
    }
}

fn folder() -> Result<PathBuf, Failure> {
    state_dir().map_err(|error| Failure(error.to_string()))
}

impl Login {
    /// Waits until somebody typed the code.
    pub fn run(self) -> Result<Outcome, Failure> {
        // Said before anybody types anything.
        let mut logins = Logins::in_folder(&folder()?)?;
        let mut out = Pipe::new(std::io::stdout().lock());
        runtime()?.block_on(async {
            let service = Service::at(&self.url).await?;
            let codes = service.begin(self.name.as_deref()).await?;
            writeln!(out, "Open {} in a browser and type the code {}", codes.verification_uri, codes.user_code)?;
            out.flush()?;
            let tokens = service.tokens(&codes).await?;
            logins.keep(service.url(), &tokens.refresh)?;
            writeln!(out, "You are signed in to {}", service.url())?;
            out.flush()?;
            Ok(Outcome::Clean)
        })
    }
}

/// An access token for the refresh token that is kept, whose next one is kept then. Another program that wants one too waits meanwhile: were the same
/// token given twice, the service would end the session.
pub(super) async fn access(url: Option<&str>) -> Result<Secret, Failure> {
    let mut logins = Logins::held(&folder()?)?;
    let (url, refresh) = logins.find(url)?;
    let tokens = Service::at(&url).await?.refreshed(&refresh).await?;
    logins.keep(&url, &tokens.refresh)?;
    Ok(tokens.access)
}

impl Token {
    /// Gives a token for the one that is kept, and keeps the next one.
    pub fn run(self) -> Result<Outcome, Failure> {
        let mut out = Pipe::new(std::io::stdout().lock());
        runtime()?.block_on(async {
            let token = access(self.url.as_deref()).await?;
            writeln!(out, "{}", token.expose())?;
            out.flush()?;
            Ok(Outcome::Clean)
        })
    }
}

impl Logout {
    /// Ends the session, and forgets it whatever the service says.
    pub fn run(self) -> Result<Outcome, Failure> {
        let mut logins = Logins::held(&folder()?)?;
        let (url, refresh) = logins.find(self.url.as_deref())?;
        runtime()?.block_on(async {
            let ended = async {
                let service = Service::at(&url).await?;
                match service.refreshed(&refresh).await {
                    Ok(tokens) => service.end(&tokens.access).await,
                    // It is over already.
                    Err(LoginError::Denied(_)) => Ok(()),
                    Err(error) => Err(error),
                }
            };
            let ended = ended.await;
            logins.forget(&url)?;
            match ended {
                Ok(()) => {
                    remark(&format!("You are signed out of {url}."));
                    Ok(Outcome::Clean)
                }
                Err(error) => {
                    complain(&format!("The login was forgotten here, but the service was not told: {error}"));
                    Ok(Outcome::Trouble)
                }
            }
        })
    }
}
