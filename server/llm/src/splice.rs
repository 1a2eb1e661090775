//! Joins the answers of several attempts into one: what was said already is not said again, and nothing is lost.
//!
//! A second attempt at the same question often begins with the same words. As long as it does, nobody notices; where it goes another way,
//! the reader is told to begin anew.

use crate::coalesce::Writer;
use crate::prompt::{Prompt, Restorer};
use crate::request::Piece;
use std::sync::Arc;

/// What readers have seen, and what the running attempt has said.
pub(crate) struct Splice {
    writer: Writer,
    prompt: Arc<Prompt>,
    restorer: Option<Restorer>,
    shown: String,
    said: String,
    /// Bytes of `said` that were held against `shown`, all of them equal.
    same: usize,
}

impl Splice {
    /// Nothing was said yet.
    pub fn new(writer: Writer, prompt: &Arc<Prompt>) -> Self {
        Self { writer, prompt: prompt.clone(), restorer: None, shown: String::new(), said: String::new(), same: 0 }
    }

    /// An attempt begins.
    pub fn begin(&mut self) {
        self.restorer = Some(self.prompt.restorer());
        self.said.clear();
        self.same = 0;
    }

    /// Text of the running attempt.
    pub fn push(&mut self, text: &str) {
        match &mut self.restorer {
            Some(restorer) => {
                let text = restorer.push(text);
                self.show(&text);
            }
            None => self.show(text),
        }
    }

    /// The attempt is whole; gives its text.
    pub fn finish(&mut self) -> String {
        if let Some(rest) = self.restorer.take().map(Restorer::finish) {
            self.show(&rest);
        }
        if self.said.len() < self.shown.len() {
            // It ended before it said all that an earlier one had said.
            self.restart();
        }
        std::mem::take(&mut self.said)
    }

    fn show(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.said.push_str(text);
        // Only what is new is looked at, since answers are long and come in small pieces.
        let ahead = self.shown.len().saturating_sub(self.same).min(self.said.len() - self.same);
        let end = self.same + ahead;
        if self.shown.as_bytes().get(self.same..end) != self.said.as_bytes().get(self.same..end) {
            return self.restart();
        }
        self.same = end;
        if let Some(new) = self.said.get(end..).filter(|new| !new.is_empty()) {
            self.writer.push(Piece::Text(new.to_owned()));
            self.shown.push_str(new);
            self.same = self.said.len();
        }
    }

    fn restart(&mut self) {
        self.writer.push(Piece::Restart);
        self.writer.push(Piece::Text(self.said.clone()));
        self.shown.clone_from(&self.said);
        self.same = self.said.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coalesce::Follower;
    use crate::prompt::{Origin, Part, PromptLimits};
    use crate::providers::gather;
    use crate::request::Finish;

    /// What readers get of attempts, each given in pieces; all but the last break off.
    async fn read(attempts: &[&[&str]]) -> (Vec<Piece>, String) {
        let prompt = Prompt::new(&[Part::Data(Origin::Question, "x".into())], PromptLimits::default()).unwrap();
        let prompt = Arc::new(prompt);
        let attempts: Vec<Vec<String>> =
            attempts.iter().map(|pieces| pieces.iter().map(|piece| (*piece).to_owned()).collect()).collect();
        let mut follower = Follower::alone(move |writer| async move {
            let mut splice = Splice::new(writer.clone(), &prompt);
            let count = attempts.len();
            for (index, pieces) in attempts.into_iter().enumerate() {
                splice.begin();
                pieces.iter().for_each(|piece| splice.push(piece));
                if index + 1 == count {
                    splice.finish();
                }
            }
            writer.push(Piece::End(Finish::Stop));
            writer.end(Ok(()));
        });
        let mut pieces = Vec::new();
        while let Some(piece) = follower.next().await {
            pieces.push(piece.unwrap());
        }
        let text = gather("t", pieces.clone()).unwrap().text;
        (pieces, text)
    }

    #[tokio::test]
    async fn nothing_is_said_twice_and_nothing_is_lost() {
        for (attempts, expected, restarts) in [
            (&[&["Hel", "lo"][..]][..], "Hello", 0),
            (&[&["Hel"], &["He", "llo", " you"]], "Hello you", 0),
            (&[&["Hello"], &["Hi", " you"]], "Hi you", 1),
            (&[&["Hello you"], &["Hello"]], "Hello", 1),
            (&[&["a"], &["ab"], &["abc"]], "abc", 0),
        ] {
            let (pieces, text) = read(attempts).await;
            assert_eq!(text, expected);
            assert_eq!(pieces.iter().filter(|piece| **piece == Piece::Restart).count(), restarts, "{pieces:?}");
        }
    }
}
