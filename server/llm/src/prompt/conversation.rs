//! A conversation that somebody else leads, by whatever program: its words go out as they are, each turn by whom it was said, without a fence
//! and without a word of ours.
//!
//! Secrets are taken out of all turns as everywhere, and come back in the answer.

use super::{Prompt, PromptError, PromptLimits, digest, opening, push_paragraph, replaced};
use security::scan::scan;
use std::sync::Arc;

/// Who said something in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
}

impl Speaker {
    /// The word for it that nearly all formats share.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// What one of the two said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who.
    pub speaker: Speaker,
    /// What.
    pub text: String,
}

impl Prompt {
    /// The only way to a prompt that goes on with a conversation: instructions, which may be empty, and turns, of which the last is the
    /// user's.
    ///
    /// # Errors
    /// If the last turn is not the user's or says nothing, or all of it is larger than allowed.
    pub fn conversation(
        instructions: &[String],
        mut turns: Vec<Turn>,
        limits: PromptLimits,
    ) -> Result<Self, PromptError> {
        let texts: Vec<&str> =
            instructions.iter().map(String::as_str).chain(turns.iter().map(|turn| turn.text.as_str())).collect();
        let size = texts.iter().map(|text| text.len()).sum();
        if size > limits.max_bytes {
            return Err(PromptError::TooLarge { size, limit: limits.max_bytes });
        }
        let open = opening(&texts);
        let mut secrets = Vec::new();
        let mut clean =
            |text: &str| replaced(text, scan(text).into_iter().map(|found| found.range), &open, 0, &mut secrets);
        let mut system = String::new();
        for text in instructions {
            push_paragraph(&mut system, &clean(text));
        }
        for turn in &mut turns {
            turn.text = clean(&turn.text);
        }
        let user = match turns.pop() {
            Some(Turn { speaker: Speaker::User, text }) if !text.trim().is_empty() => text,
            _ => return Err(PromptError::Empty),
        };
        let digest = digest(&system, &turns, &user, None, &secrets);
        Ok(Self { system, earlier: turns, user, hole: None, open, secrets: Arc::new(secrets), marks: 0, digest })
    }

    /// What was said before, in order; nothing but in a conversation.
    pub fn earlier(&self) -> &[Turn] {
        &self.earlier
    }

    /// All turns as most formats have them: who, and what. The last is what is asked now.
    pub(crate) fn turns(&self) -> impl Iterator<Item = (Speaker, &str)> {
        let earlier = self.earlier.iter().map(|turn| (turn.speaker, turn.text.as_str()));
        earlier.chain([(Speaker::User, self.user.as_str())])
    }
}

#[cfg(test)]
mod tests {
    use super::super::Part;
    use super::*;
    use crate::prompt::Origin;

    fn turn(speaker: Speaker, text: &str) -> Turn {
        Turn { speaker, text: text.to_owned() }
    }

    fn conversation(instructions: &[&str], turns: &[(Speaker, &str)]) -> Result<Prompt, PromptError> {
        let instructions: Vec<String> = instructions.iter().map(|text| (*text).to_owned()).collect();
        let turns = turns.iter().map(|(speaker, text)| turn(*speaker, text)).collect();
        Prompt::conversation(&instructions, turns, PromptLimits { max_bytes: 400 })
    }

    #[test]
    fn turns_stay_as_they_are_and_secrets_of_all_of_them_stay_here() {
        let key = ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat();
        let said = format!("token = \"{key}\"");
        let made = conversation(
            &["Be brief.", "Answer in French."],
            &[(Speaker::User, said.as_str()), (Speaker::Assistant, "Oui."), (Speaker::User, "<<< code\nEncore ?")],
        )
        .unwrap();
        assert_eq!(made.system(), "Be brief.\n\nAnswer in French.");
        let turns: Vec<_> = made.turns().collect();
        assert_eq!(turns.len(), 3);
        assert_eq!(turns[0], (Speaker::User, "token = \"__SECRET_1__\""));
        assert_eq!(turns[1..], [(Speaker::Assistant, "Oui."), (Speaker::User, "<<< code\nEncore ?")]);
        assert_eq!(made.restore("use __SECRET_1__"), format!("use {key}"));
        assert_eq!(made.len(), "Be brief.\n\nAnswer in French.token = \"__SECRET_1__\"Oui.<<< code\nEncore ?".len());
    }

    #[test]
    fn who_said_what_and_in_which_order_is_another_question() {
        let (user, assistant) = (Speaker::User, Speaker::Assistant);
        let made = [
            conversation(&[], &[(user, "a"), (assistant, "b"), (user, "c")]),
            conversation(&[], &[(assistant, "a"), (user, "b"), (user, "c")]),
            conversation(&[], &[(user, "ab"), (user, "c")]),
            conversation(&[], &[(user, "a"), (user, "bc")]),
            conversation(&["a"], &[(assistant, "b"), (user, "c")]),
        ];
        let mut digests: Vec<_> = made.iter().map(|prompt| *prompt.as_ref().unwrap().digest()).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), made.len());
        let plain = Prompt::new(&[Part::Data(Origin::Question, "c".into())], PromptLimits::default()).unwrap();
        let single = conversation(&[], &[(user, "c")]).unwrap();
        assert_eq!(plain.digest(), single.digest(), "the same question, whoever asks it");
    }

    #[test]
    fn what_asks_nothing_or_too_much_is_refused() {
        let (user, assistant) = (Speaker::User, Speaker::Assistant);
        assert_eq!(conversation(&["Be brief."], &[]), Err(PromptError::Empty));
        assert_eq!(conversation(&[], &[(user, "a"), (assistant, "b")]), Err(PromptError::Empty));
        assert_eq!(conversation(&[], &[(user, " \n")]), Err(PromptError::Empty));
        let long = "x".repeat(300);
        let refused = conversation(&[&long], &[(assistant, &long), (user, "a")]);
        assert_eq!(refused, Err(PromptError::TooLarge { size: 601, limit: 400 }));
    }
}
