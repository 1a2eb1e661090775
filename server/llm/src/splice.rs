//! Joins the answers of several attempts into one: what was said already is not said again, and nothing is lost.
//!
//! A second attempt at the same question often begins with the same words. As long as it does, nobody notices; where it goes another way,
//! the reader is told to begin anew.
//!
//! Ends an answer at the texts at which it is to end: not every format can be told of them, and not every model heeds them.

use crate::coalesce::Writer;
use crate::prompt::{Prompt, Restorer};
use crate::request::{Piece, Request};
use std::borrow::Cow;
use std::sync::Arc;

/// What readers have seen, and what the running attempt has said.
pub(crate) struct Splice {
    writer: Writer,
    prompt: Arc<Prompt>,
    restorer: Restorer,
    stops: Stops,
    shown: String,
    said: String,
    /// Bytes of `said` that were held against `shown`, all of them equal.
    same: usize,
}

impl Splice {
    /// Nothing was said yet.
    pub fn new(writer: Writer, request: &Request) -> Self {
        Self {
            writer,
            prompt: request.prompt.clone(),
            restorer: request.prompt.restorer(),
            stops: Stops::of(request),
            shown: String::new(),
            said: String::new(),
            same: 0,
        }
    }

    /// An attempt begins.
    pub fn begin(&mut self) {
        self.restorer = self.prompt.restorer();
        self.stops.begin();
        self.said.clear();
        self.same = 0;
    }

    /// Text of the running attempt.
    pub fn push(&mut self, text: &str) {
        // As the model said it: a secret that is put back may have the text of an end in it.
        let text = self.stops.push(Cow::Borrowed(text));
        let text = self.restorer.push(&text);
        self.show(&text);
    }

    /// Whether the running attempt came to a text at which the answer ends: it says nothing more.
    pub fn is_at_stop(&self) -> bool {
        self.stops.is_reached
    }

    /// The attempt is whole; gives its text.
    pub fn finish(&mut self) -> String {
        let held = self.stops.finish();
        let rest = self.restorer.push(&held).into_owned() + &self.restorer.finish();
        self.show(&rest);
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

/// The texts at which an answer ends, none of them in it. One may come in several pieces: what may be its beginning is held back.
struct Stops {
    texts: Vec<String>,
    held: String,
    is_reached: bool,
}

impl Stops {
    fn of(request: &Request) -> Self {
        Self { texts: request.stops().map(str::to_owned).collect(), held: String::new(), is_reached: false }
    }

    /// An answer begins.
    fn begin(&mut self) {
        self.held.clear();
        self.is_reached = false;
    }

    /// What of the answer can be shown after this piece.
    fn push<'a>(&mut self, piece: Cow<'a, str>) -> Cow<'a, str> {
        if self.is_reached {
            return Cow::Borrowed("");
        }
        if self.texts.is_empty() {
            return piece;
        }
        self.held.push_str(&piece);
        if let Some(at) = self.texts.iter().filter_map(|text| self.held.find(text.as_str())).min() {
            self.is_reached = true;
            self.held.truncate(at);
            return Cow::Owned(std::mem::take(&mut self.held));
        }
        let begun = self.texts.iter().map(|text| self.begun(text)).max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - begun);
        Cow::Owned(std::mem::replace(&mut self.held, rest))
    }

    /// So many bytes at the end of what is held are the beginning of a text.
    fn begun(&self, text: &str) -> usize {
        let lengths = text.char_indices().map(|(length, _)| length).rev();
        let is_beginning = |length: &usize| text.get(..*length).is_some_and(|part| self.held.ends_with(part));
        lengths.filter(|length| *length <= self.held.len()).find(is_beginning).unwrap_or(0)
    }

    /// What was held back, at the end.
    fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coalesce::Follower;
    use crate::prompt::{Origin, Part, PromptLimits};
    use crate::providers::gather;
    use crate::request::Finish;

    /// What readers get of attempts to answer a question, each given in pieces; all but the last break off.
    async fn read(question: &str, stops: &[&str], attempts: &[&[&str]]) -> (Vec<Piece>, String) {
        let prompt = Prompt::new(&[Part::Data(Origin::Question, question.into())], PromptLimits::default()).unwrap();
        let stop = stops.iter().map(|&stop| stop.to_owned()).collect();
        let request = Request { stop, ..Request::new(Arc::new(prompt)) };
        let attempts: Vec<Vec<String>> =
            attempts.iter().map(|pieces| pieces.iter().map(|piece| (*piece).to_owned()).collect()).collect();
        let mut follower = Follower::alone(move |writer| async move {
            let mut splice = Splice::new(writer.clone(), &request);
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
            let (pieces, text) = read("x", &[], attempts).await;
            assert_eq!(text, expected);
            assert_eq!(pieces.iter().filter(|piece| **piece == Piece::Restart).count(), restarts, "{pieces:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_ends_at_the_first_text_at_which_it_is_to_end_however_that_comes() {
        for (stops, attempts, expected) in [
            (&["END"][..], &[&["one END two"][..]][..], "one "),
            (&["END"], &[&["one E", "N", "D two", " END"]], "one "),
            (&["END"], &[&["one E", "N"]], "one EN"),
            (&["END"], &[&["one E", "N", "E", "ND"]], "one EN"),
            (&["END", "e E"], &[&["one E", "ND"]], "on"),
            (&["aab"], &[&["a", "a", "a", "b", "c"]], "a"),
            (&["世界"], &[&["Grüße, 世", "界!"]], "Grüße, "),
            (&["世界"], &[&["Grüße, 世", "間"]], "Grüße, 世間"),
            (&["\n\n", ""], &[&["a\n", "b\n", "\nc"]], "a\nb"),
            (&["a"], &[&["a", "b"]], ""),
            (&["END"], &[&["one E"], &["one ", "END"]], "one "),
            (&["END"], &[&["one END"], &["one two"]], "one two"),
        ] {
            let (pieces, text) = read("x", stops, attempts).await;
            assert_eq!(text, expected, "{stops:?} {attempts:?}");
            assert!(!pieces.contains(&Piece::Restart), "nothing is shown that is taken back: {pieces:?}");
        }
    }

    #[tokio::test]
    async fn a_secret_that_is_put_back_has_no_end_in_it() {
        let secret = ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat();
        for pieces in [&["It is __SECRET_1__ and UoI no more"][..], &["It is __SEC", "RET_1__ and U", "oI no", " more"]]
        {
            let (_, text) = read(&format!("token = {secret}"), &["UoI"], &[pieces]).await;
            assert_eq!(text, format!("It is {secret} and "));
        }
    }
}
