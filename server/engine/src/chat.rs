//! A conversation in a document, answered piece by piece. The door writes the pieces; here is what is asked and what comes.

use crate::error::CoreError;
use crate::server_core::ServerCore;
use actions::chat::Chat;
use llm::error::{Cause, LlmError};
use llm::manager::AnswerStream;
use llm::prompt::Prompt;
use llm::request::{Finish, Piece, Request};
use std::path::Path;
use std::sync::Arc;
use workspace::uri;

/// Tokens of one answer.
const LONGEST: u32 = 2048;
/// Files that one question may name.
const MOST_FILES: usize = 8;

/// What comes of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatPiece {
    /// More text.
    Text(String),
    /// What came so far does not count; the answer begins anew.
    Restart,
    /// It was cut off at the longest answer that is allowed.
    CutOff,
}

/// An answer under way. Dropping it ends it, at the provider too.
pub struct Chatting {
    stream: AnswerStream,
    /// What the user should know: files that were not shown, and why.
    pub remarks: Vec<String>,
}

impl Chatting {
    /// What comes next; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<ChatPiece, CoreError>> {
        while let Some(piece) = self.stream.next().await {
            return Some(Ok(match piece {
                Err(error) => return Some(Err(error.into())),
                Ok(Piece::Text(text)) => ChatPiece::Text(text),
                Ok(Piece::Restart) => ChatPiece::Restart,
                Ok(Piece::End(Finish::Length)) => ChatPiece::CutOff,
                Ok(_) => continue,
            }));
        }
        None
    }
}

impl ServerCore {
    /// Answers the last question of a conversation, which stands in `text`; `uri` names where, for the files that it speaks of.
    ///
    /// # Errors
    /// If there is no question, no model, or too much was asked.
    pub async fn chat(&self, uri: &str, text: &str) -> Result<Chatting, CoreError> {
        self.shared().check_shown(uri)?;
        let chat = Chat::read(text);
        if chat.question().is_none() {
            return Err(CoreError::refused(
                "There is no question at the end of the document; write one below `## You`.",
            ));
        }
        let manager = self.models().await?;
        if !manager.has_models() {
            return Err(CoreError::refused(crate::ask::NEEDS_MODEL));
        }
        let (mut files, mut remarks) = (Vec::new(), Vec::new());
        for path in chat.files().into_iter().take(MOST_FILES) {
            match self.named_file(uri, &path).await {
                Ok(text) => files.push((path, text)),
                Err(error) => remarks.push(error.to_string()),
            }
        }
        let prompt = Prompt::new(&chat.parts(&files), manager.prompt_limits())
            .map_err(|error| LlmError::new("models", Cause::TooLarge, error.to_string()))?;
        let request = Request {
            max_tokens: LONGEST,
            client: self.client.to_string(),
            session: Some(uri.to_owned()),
            ..Request::new(Arc::new(prompt))
        };
        Ok(Chatting { stream: manager.stream(request)?, remarks })
    }

    /// A file that a question names, if it may be shown: below the root of the conversation, and not kept from models.
    async fn named_file(&self, uri: &str, path: &str) -> Result<String, CoreError> {
        let (uri, path) = (uri.to_owned(), path.to_owned());
        let read = move |shared: &crate::server_core::Shared| {
            shared.wants_disk()?;
            let here = || uri::to_path(&uri).and_then(|path| path.parent().map(Path::to_path_buf));
            let root = shared.root_of(&uri).or_else(|| shared.workspace.roots().into_iter().next()).or_else(here);
            let refused = |what: &str| CoreError::refused(format!("@{path} was not shown: {what}."));
            let root = root.ok_or_else(|| refused("there is no folder that it could be in"))?;
            // What a conversation says may come from anywhere: nothing outside of the workspace is read for it.
            let file = std::fs::canonicalize(root.join(&path)).map_err(|_| refused("there is no such file"))?;
            let root = std::fs::canonicalize(&root).unwrap_or(root);
            if !file.starts_with(&root) {
                return Err(refused("it is outside of the workspace"));
            }
            if let Some(reason) = workspace::privacy::reason(Some(&root), &file) {
                return Err(refused(&reason));
            }
            Ok(shared.workspace.load(&uri::from_path(&file), shared.size_limit())?.text().to_string())
        };
        self.compute("chat", self.metrics().correlation(), read).await?
    }
}
