//! `code-agent config`: the settings in force, and their schema.

use super::{Failure, Outcome};
use crate::output::Pipe;
use crate::wiring::{self, Wish};
use engine::config::ConfigurationManager;
use std::io::Write;

/// Show the settings in force, or the JSON Schema of all settings.
#[derive(Debug, clap::Args)]
pub struct Config {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum What {
    /// Print the settings in force here as TOML, and where they come from.
    Show,
    /// Print the JSON Schema of all settings.
    Schema,
}

impl Config {
    /// Prints what was asked for.
    pub fn run(self) -> Result<Outcome, Failure> {
        let mut out = Pipe::new(std::io::stdout().lock());
        match self.what {
            What::Show => {
                let config = wiring::settings(Wish::default())?;
                if let Some(file) = config.workspace_file() {
                    let there = if file.is_file() { "read" } else { "not there" };
                    writeln!(out, "# {} ({there})", file.display())?;
                }
                write!(out, "{}", config.show())?;
            }
            What::Schema => {
                let schema = ConfigurationManager::schema();
                serde_json::to_writer_pretty(&mut out, schema.as_value()).map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
        }
        out.flush()?;
        Ok(Outcome::Clean)
    }
}
