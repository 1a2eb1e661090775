//! What was taken out of a text, with the placeholders that stand there instead.

use super::replace::Replacer;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// What every placeholder ends with.
pub(super) const CLOSE: &str = "__";

/// A secret that was taken out; it is put back into answers and shown nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Hidden(pub Arc<str>);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("…")
    }
}

/// What is taken out of texts, while they are gone through.
#[derive(Default)]
pub(super) struct Taken {
    /// Each placeholder with what it stands for.
    list: Vec<(Arc<str>, Hidden)>,
    /// The placeholder of each value. Whoever writes the text chooses these, so that the hash has to be one that nobody can foresee.
    placeholders: HashMap<Arc<str>, Arc<str>>,
}

impl Taken {
    /// How many values were taken out.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether nothing was.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Each placeholder with what it stands for, in the order of their numbers.
    pub fn list(&self) -> &[(Arc<str>, Hidden)] {
        &self.list
    }

    /// The placeholder of a value: the same for the same one. `known` placeholders have their numbers already.
    pub fn placeholder(&mut self, value: &str, open: &str, known: usize) -> Arc<str> {
        if let Some(placeholder) = self.placeholders.get(value) {
            return placeholder.clone();
        }
        let placeholder: Arc<str> = format!("{open}{}{CLOSE}", known + self.list.len() + 1).into();
        let value: Arc<str> = value.into();
        self.list.push((placeholder.clone(), Hidden(value.clone())));
        self.placeholders.insert(value, placeholder.clone());
        placeholder
    }
}

/// All that was taken out of a prompt. Those who put it back into answers share it.
pub(super) struct Secrets {
    /// What every placeholder begins with.
    open: String,
    /// Each placeholder with what it stands for: marks of tokenizers, then secrets.
    list: Vec<(Arc<str>, Hidden)>,
    /// How many of these are no secrets.
    marks: usize,
    /// Put marks back, then secrets, since a mark may have a secret inside.
    back: [Replacer; 2],
    /// Takes all of it out of an answer; made when an answer is first kept or shown to a model.
    away: OnceLock<Replacer>,
}

impl Secrets {
    /// The marks and the secrets of a prompt.
    pub fn new(open: String, marks: Taken, secrets: Taken) -> Self {
        let pair = |(placeholder, value): &(Arc<str>, Hidden)| (placeholder.clone(), value.0.clone());
        let back = [&marks, &secrets].map(|taken| Replacer::new(taken.list.iter().map(pair).collect()));
        let (count, mut list) = (marks.list.len(), marks.list);
        list.extend(secrets.list);
        Self { open, list, marks: count, back, away: OnceLock::new() }
    }

    /// What every placeholder begins with.
    pub fn open(&self) -> &str {
        &self.open
    }

    /// Each placeholder with what it stands for.
    pub fn list(&self) -> &[(Arc<str>, Hidden)] {
        &self.list
    }

    /// How many secrets there are; marks are none.
    pub fn count(&self) -> usize {
        self.list.len() - self.marks
    }

    /// How many digits the highest number has.
    pub fn digits(&self) -> usize {
        self.list.len().checked_ilog10().map_or(1, |tens| tens as usize + 1)
    }

    /// A text with all of it put back where placeholders stand.
    pub fn restored(&self, text: &str) -> String {
        if self.list.is_empty() || !text.contains(&self.open) {
            return text.to_owned();
        }
        self.back.iter().fold(Cow::Borrowed(text), |text, back| back.replace(text)).into_owned()
    }

    /// A text with placeholders where it stands.
    pub fn hidden(&self, text: &str) -> String {
        let pair = |(placeholder, value): &(Arc<str>, Hidden)| (value.0.clone(), placeholder.clone());
        let away = self.away.get_or_init(|| Replacer::new(self.list.iter().map(pair).collect()));
        away.replace(Cow::Borrowed(text)).into_owned()
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(&self.list).finish()
    }
}

impl PartialEq for Secrets {
    fn eq(&self, other: &Self) -> bool {
        (&self.open, &self.list, self.marks) == (&other.open, &other.list, other.marks)
    }
}

impl Eq for Secrets {}
