//! One turn: a question of the user, answered piece by piece by a model, or a command that is carried out.

use crate::client::Client;
use crate::commands;
use crate::content::Question;
use crate::session::Session;
use engine::ServerCore;
use engine::chat::ChatPiece;
use engine::error::CoreError;

/// Why a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// All is said.
    End,
    /// The answer reached its longest length.
    Length,
    /// The provider refused to answer.
    Refused,
    /// The client wanted no more of it.
    Cancelled,
}

impl Stop {
    /// The protocol's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::End => "end_turn",
            Self::Length => "max_tokens",
            Self::Refused => "refusal",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a turn is taken with.
pub(crate) struct Turn<'a> {
    pub core: &'a ServerCore,
    pub client: &'a Client,
    pub session: &'a Session,
}

impl Turn<'_> {
    /// Takes it. Dropping this ends it, at the provider too; what was said until then stays in the conversation.
    pub async fn take(&self, question: Question) -> Stop {
        for remark in &question.remarks {
            self.remark(remark);
        }
        self.session.talk().ask(&question.text);
        match commands::read(&question, &self.session.root) {
            Some(Ok(order)) => self.carry_out(order).await,
            Some(Err(sentence)) => {
                self.session.talk().take_back();
                self.client.say(&self.session.id, &sentence);
                Stop::End
            }
            None => self.answer().await,
        }
    }

    async fn answer(&self) -> Stop {
        let text = self.session.talk().document();
        let mut chatting = match self.core.chat(&self.session.uri, &text).await {
            Ok(chatting) => chatting,
            Err(error) => return self.failed(&error),
        };
        for remark in &chatting.remarks {
            self.remark(remark);
        }
        let mut stop = Stop::End;
        while let Some(piece) = chatting.next().await {
            match piece {
                Ok(ChatPiece::Text(text)) => self.say(&text),
                Ok(ChatPiece::Restart) => {
                    self.session.talk().restart();
                    self.client.say(&self.session.id, "\n\n*(The answer begins anew.)*\n\n");
                }
                Ok(ChatPiece::CutOff) => stop = Stop::Length,
                Err(error) => return self.failed(&error),
            }
        }
        stop
    }

    /// Says something that belongs to the conversation.
    pub fn say(&self, text: &str) {
        self.session.talk().answer(text);
        self.client.say(&self.session.id, text);
    }

    /// Says something beside the conversation.
    fn remark(&self, sentence: &str) {
        self.client.say(&self.session.id, &format!("> {sentence}\n\n"));
    }

    /// Says why there is no answer, or no more of it. A question that got none does not count.
    pub fn failed(&self, error: &CoreError) -> Stop {
        let is_declined = error.is_declined();
        let mut talk = self.session.talk();
        let has_begun = talk.is_answered();
        if is_declined || !has_begun {
            talk.take_back();
        }
        drop(talk);
        let text = if has_begun { format!("\n\n*({error})*") } else { error.to_string() };
        self.client.say(&self.session.id, &text);
        if is_declined { Stop::Refused } else { Stop::End }
    }
}
