//! Tokens for programs: those there are, a new one shown once, and taking one back.

use super::render::{page, with_problem};
use super::{Form, Visitor};
use crate::error::{Kind, Problem};
use crate::extract::{Asked, Id, fitting};
use crate::routes::{self, Part};
use crate::state::Gateway;
use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value, json};

/// What a token can be good for, in words.
const SCOPES: &[(&str, &str)] = &[
    ("documents", "Documents: check and mend texts"),
    ("actions", "Actions: what can be done at a place of a text"),
    ("search", "Search: find definitions in texts"),
    ("jobs", "Jobs: run and see them"),
    ("socket", "The WebSocket, with the parts of it that are marked here"),
    ("openai", "Models: ask them in the format of OpenAI"),
    ("models", "Models: how they are and what they cost"),
    ("metrics", "Measures: figures for Prometheus"),
    ("service", "Service: its settings"),
    ("accounts", "Accounts: see them"),
    ("audit", "Audit: read the log"),
];

async fn context(gateway: &Gateway, visitor: &Visitor, part: Part) -> Result<Value, Problem> {
    let principal = Extension(visitor.principal.clone());
    let tokens = routes::tokens::list(State(gateway.clone()), principal, Asked(part)).await?.0;
    let scopes: Vec<Value> = SCOPES.iter().map(|(name, words)| json!({ "name": name, "words": words })).collect();
    let mut context = json!(tokens);
    context["scopes"] = scopes.into();
    Ok(context)
}

/// All of them, with the form for a new one.
pub(super) async fn list(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
    Asked(part): Asked<Part>,
) -> Result<Response, Problem> {
    let mut context = context(&gateway, &visitor, part).await?;
    context["is_first"] = json!(query.is_none_or(|query| query.is_empty()));
    Ok(page(&gateway, Some(&visitor), "tokens.html", "/tokens", context))
}

/// Makes one, and shows its secret this once.
pub(super) async fn create(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let scopes: Vec<&str> = form.all("scope").collect();
    let days: Value = form.text("days").trim().parse::<i64>().map_or(Value::Null, Value::from);
    let wanted = json!({ "name": form.text("name").trim(), "scopes": scopes, "days": days });
    let principal = Extension(visitor.principal.clone());
    let made = async {
        if scopes.is_empty() {
            return Err(Problem::new(Kind::Invalid, "Choose what the token is good for.").at("/scopes"));
        }
        routes::tokens::create(State(gateway.clone()), principal, fitting(wanted)?).await
    };
    // Read before as well, so that the secret of a new one is shown also where the others cannot be read after it.
    let before = context(&gateway, &visitor, Part::default()).await?;
    let made = made.await;
    let mut context = context(&gateway, &visitor, Part::default()).await.unwrap_or(before);
    context["is_first"] = json!(true);
    Ok(match made {
        Ok((status, made)) => {
            context["secret"] = json!(made.0.secret);
            (status, page(&gateway, Some(&visitor), "tokens.html", "/tokens", context)).into_response()
        }
        Err(problem) => {
            context["typed"] = json!({ "name": form.text("name"), "days": form.text("days"), "scopes": scopes });
            with_problem(&gateway, Some(&visitor), "tokens.html", "/tokens", context, &problem)
        }
    })
}

/// Takes one back.
pub(super) async fn revoke(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    id: Id,
) -> Result<Redirect, Problem> {
    routes::tokens::revoke(State(gateway), Extension(visitor.principal), id).await?;
    Ok(Redirect::to("/tokens"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_a_token_can_be_good_for_can_be_chosen() {
        let document = crate::openapi::document_value();
        let mut known: Vec<&str> = document["components"]["schemas"]["Scope"]["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["enum"][0].as_str())
            .collect();
        known.extend(
            document["components"]["schemas"]["Scope"]["enum"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|one| one.as_str()),
        );
        let mut shown: Vec<&str> = SCOPES.iter().map(|(name, _)| *name).collect();
        known.sort_unstable();
        shown.sort_unstable();
        assert_eq!(shown, known);
    }
}
