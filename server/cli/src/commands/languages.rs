//! `code-agent languages`: which languages are understood.

use super::{Failure, Outcome};
use crate::output::Pipe;
use engine::syntax::language::Language;
use std::io::Write;

/// List the languages that are understood, their file endings and the style of new documentation.
#[derive(Debug, clap::Args)]
pub struct Languages {}

impl Languages {
    /// Prints the list.
    pub fn run(self) -> Result<Outcome, Failure> {
        let mut out = Pipe::new(std::io::stdout().lock());
        for language in Language::all() {
            let endings: Vec<String> = language.extensions.iter().map(|ending| format!(".{ending}")).collect();
            writeln!(out, "{:<12} {:<8} {}", language.id, language.doc_style.name(), endings.join(" "))?;
        }
        out.flush()?;
        Ok(Outcome::Clean)
    }
}
