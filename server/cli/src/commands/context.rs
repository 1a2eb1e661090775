//! `code-agent context`: what a model would be shown with a place, and why.

use super::{Failure, Outcome, runtime};
use crate::output::Pipe;
use crate::wiring::{self, Wish};
use engine::answers::PlaceAt;
use engine::syntax::text::{LineIndex, Span};
use engine::workspace::uri;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Show what a language model would be given with a place in a file: the pieces of code around it, ranked, within a budget of tokens. No
/// model is asked.
#[derive(Debug, clap::Args)]
pub struct Context {
    /// The place: a file, and behind a colon the line.
    #[arg(value_name = "FILE:LINE")]
    place: String,
    /// The budget, in tokens; that of the settings where it is left out.
    #[arg(long, value_name = "NUMBER")]
    tokens: Option<usize>,
    /// Print JSON, one object for each piece.
    #[arg(long)]
    json: bool,
}

impl Context {
    /// Prints the pieces.
    pub fn run(self) -> Result<Outcome, Failure> {
        let (file, line) = place(&self.place)?;
        let file = std::path::absolute(&file).unwrap_or(file);
        let text = std::fs::read_to_string(&file)
            .map_err(|error| Failure(format!("{} could not be read: {error}.", file.display())))?;
        let lines = LineIndex::new(&text);
        if line == 0 || line > lines.lines() {
            let last = lines.lines();
            return Err(Failure(format!("{} has the lines 1 to {last}, and no line {line}.", file.display())));
        }
        let span = lines.line_span(&text, line - 1);
        let here = span.of(&text);
        // The first word of the line is meant, not the white space before it.
        let span = Span::at(span.start + here.len() - here.trim_start().len());
        let core = wiring::batch(Wish { places: vec![file.clone()], ..Wish::default() })?;
        core.add_root(&uri::from_path(&root_of(&file)));
        let pieces = runtime()?.block_on(async {
            core.know_workspace().await;
            let place = PlaceAt { span, revision: 0 };
            core.context(&uri::from_path(&file), place, self.tokens).await
        });
        let pieces = pieces.map_err(|error| Failure(error.to_string()))?;
        let mut out = Pipe::new(std::io::stdout().lock());
        for piece in &pieces {
            if self.json {
                let value = json!({
                    "path": piece.path, "line": piece.line, "symbol": piece.symbol, "why": piece.why.word(),
                    "score": piece.score, "tokens": piece.tokens(), "text": piece.text,
                });
                writeln!(out, "{value}")?;
            } else {
                let name = if piece.symbol.is_empty() { String::new() } else { format!(" `{}`", piece.symbol) };
                let (path, line, why, tokens) = (&piece.path, piece.line, piece.why.word(), piece.tokens());
                writeln!(out, "── {path}:{line}{name} · {why} · {tokens} tokens · {:.3}", piece.score)?;
                writeln!(out, "{}\n", piece.text.trim_end())?;
            }
        }
        if !self.json {
            let tokens: usize = pieces.iter().map(engine::actions::context::Piece::tokens).sum();
            writeln!(out, "{} pieces, {tokens} tokens", pieces.len())?;
        }
        out.flush()?;
        Ok(Outcome::Clean)
    }
}

fn place(text: &str) -> Result<(PathBuf, usize), Failure> {
    let wrong = || Failure(format!("{text} names no place; write it as FILE:LINE, with a line from 1 on."));
    let (file, line) = text.rsplit_once(':').ok_or_else(wrong)?;
    Ok((PathBuf::from(file), line.parse().map_err(|_| wrong())?))
}

/// The folder that a file belongs to: the nearest one with a history or with settings of ours, else its own.
fn root_of(file: &Path) -> PathBuf {
    let own = file.parent().map(Path::to_path_buf).unwrap_or_default();
    let is_root = |folder: &&Path| folder.join(".git").exists() || folder.join("code-agent.toml").exists();
    file.ancestors().skip(1).find(is_root).map_or(own, Path::to_path_buf)
}
