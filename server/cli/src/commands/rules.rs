//! `code-agent rules`: the list of rules, and the page of one.

use super::{Failure, Outcome};
use crate::output::Pipe;
use engine::analysis::rules::{RULES, find};
use std::io::Write;

/// List the rules, or show the page of one.
#[derive(Debug, clap::Args)]
pub struct Rules {
    /// A rule, by its name or by a code of another tool (DOC101, jsdoc/require-param, missing_docs).
    name: Option<String>,
}

impl Rules {
    /// Prints the list or the page.
    pub fn run(self) -> Result<Outcome, Failure> {
        let mut out = Pipe::new(std::io::stdout().lock());
        match self.name {
            None => {
                for rule in RULES {
                    writeln!(out, "{:<26} {}", rule.name, rule.summary)?;
                }
            }
            Some(name) => {
                let Some(rule) = find(&name) else {
                    return Err(Failure(format!("There is no rule named {name}; `code-agent rules` lists them all.")));
                };
                writeln!(out, "{}", rule.page.trim_end())?;
            }
        }
        out.flush()?;
        Ok(Outcome::Clean)
    }
}
