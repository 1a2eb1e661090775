//! Where something is defined, by name, in texts that come with the request.
//!
//! The service keeps no text, so there is nothing else to search: whoever has a workspace sends what is to be looked through, or asks the
//! language server beside it.

use crate::auth::Principal;
use crate::error::{Problem, ProblemBody};
use crate::extract::Valid;
use crate::routes::documents::{Place, Range, Text};
use crate::state::Gateway;
use axum::extract::State;
use axum::{Extension, Json};
use engine::answers::FoundSymbol;
use engine::jobs::MOST_FILES;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use utoipa::ToSchema;

/// How many are given where nobody says.
const USUAL: u32 = 50;

/// A kind of definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = SymbolKind)]
pub(crate) enum KindWord {
    /// A class.
    Class,
    /// An interface, a trait, a protocol.
    Interface,
    /// A struct.
    Struct,
    /// An enum.
    Enum,
    /// One of the values of an enum.
    Variant,
    /// A namespace.
    Namespace,
    /// A function.
    Function,
    /// A method.
    Method,
    /// A constructor.
    Constructor,
    /// A property.
    Property,
    /// A field.
    Field,
    /// A constant.
    Constant,
    /// Another name for a type.
    #[serde(rename = "type alias")]
    TypeAlias,
    /// A macro.
    Macro,
}

impl KindWord {
    fn word(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Interface => "interface",
            Self::Struct => "struct",
            Self::Enum => "enum",
            Self::Variant => "variant",
            Self::Namespace => "namespace",
            Self::Function => "function",
            Self::Method => "method",
            Self::Constructor => "constructor",
            Self::Property => "property",
            Self::Field => "field",
            Self::Constant => "constant",
            Self::TypeAlias => "type alias",
            Self::Macro => "macro",
        }
    }
}

/// What is looked for, and where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "query": "total", "kinds": ["function", "method"], "limit": 20,
    "files": [{ "path": "src/orders.py", "text": "def total(prices):\n    return sum(prices)\n" }]
}))]
pub(crate) struct SearchRequest {
    /// Letters of a name, in their order; all names where it is empty.
    #[schema(max_length = 256, example = "total")]
    query: String,
    /// The texts that are looked through.
    #[schema(min_items = 1, max_items = 500)]
    files: Vec<Text>,
    /// Only definitions of these kinds; of all where it is left out.
    #[schema(max_items = 14)]
    kinds: Option<Vec<KindWord>>,
    /// How many are wanted.
    #[schema(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// A definition that was found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FoundSymbol)]
pub(crate) struct Found {
    /// Its name.
    #[schema(example = "total")]
    name: String,
    /// What it is.
    #[schema(example = "function")]
    kind: &'static str,
    /// What it belongs to; empty at the top level.
    container: String,
    /// The file.
    #[schema(example = "src/orders.py")]
    path: String,
    /// Its name there.
    range: Range,
}

impl From<FoundSymbol> for Found {
    fn from(found: FoundSymbol) -> Self {
        let place = |line, character| Place { line, character };
        Self {
            kind: found.kind.word(),
            range: Range {
                start: place(found.start.line, found.start.character),
                end: place(found.end.line, found.end.character),
            },
            name: found.name,
            container: found.container,
            path: found.uri,
        }
    }
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FoundSymbols)]
pub(crate) struct FoundList {
    /// The best first: the whole name, its beginning, a part of it, scattered letters.
    symbols: Vec<Found>,
}

/// Definitions by name, in the texts that are sent. Nothing is kept of them, and no others are looked through.
#[utoipa::path(post, path = "/search", tag = "search", operation_id = "search.symbols",
    extensions(("x-group" = json!("search.run"))), request_body = SearchRequest, responses(
    (status = 200, description = "The definitions", body = FoundList),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 413, description = "Too large", body = ProblemBody), (status = 415, description = "No JSON", body = ProblemBody)))]
pub(crate) async fn symbols(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Valid(body): Valid<SearchRequest>,
) -> Result<Json<FoundList>, Problem> {
    let mut texts: Vec<(PathBuf, Arc<str>)> = Vec::with_capacity(body.files.len().min(MOST_FILES));
    for (number, file) in body.files.into_iter().enumerate() {
        texts.push((file.name(&gateway, &format!("/files/{number}"))?, file.text.into()));
    }
    let kinds = body.kinds.unwrap_or_default().into_iter().map(|kind| kind.word().to_owned()).collect();
    let limit = body.limit.unwrap_or(USUAL) as usize;
    let found = gateway.core(&principal.account.id).search_texts(texts, body.query, kinds, limit).await?;
    Ok(Json(FoundList { symbols: found.into_iter().map(Found::from).collect() }))
}
