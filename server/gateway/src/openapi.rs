//! The document of the interface, made from the code of its routes (OpenAPI 3.1), and the table of operations that the gate reads out of it.

use axum::http::Method;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// Where an operation says which group it is of.
const GROUP: &str = "x-group";
/// Where an operation says that who asks for it has to have shown lately that it is he.
const STEP_UP: &str = "x-step-up";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "code-agent",
        description = "Documentation that is missing or no longer true, found and mended: for a team, over HTTP.\n\nErrors are problem details (RFC 9457). Lists are read on with `after`. What is read has an `ETag`, and `If-None-Match` with it is answered with 304 where it still holds. `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10) tells with every answer how many requests are left; above the quota the answer is 429 with `Retry-After`.",
        license(name = "MIT", identifier = "MIT")
    ),
    servers((url = "/", description = "This service")),
    // Queries are held against these.
    components(schemas(crate::routes::LogPart, crate::routes::Part, crate::socket::Subscription, crate::routes::Wanted)),
    modifiers(&Bearer),
    security(("bearer" = [])),
    tags(
        (name = "service", description = "How the service is"),
        (name = "sessions", description = "Signing in and out"),
        (name = "accounts", description = "Who may use it, and how"),
        (name = "tokens", description = "Tokens for programs"),
        (name = "documents", description = "Texts of source code: nothing is kept of them"),
        (name = "actions", description = "What can be done at a place of a text, and doing it"),
        (name = "search", description = "Where something is defined"),
        (name = "jobs", description = "Work that is kept until it is done"),
        (name = "metrics", description = "Figures for Prometheus"),
        (name = "models", description = "Language models, and what they cost"),
        (name = "openai", description = "The models for programs that speak OpenAI's format"),
        (name = "socket", description = "The language server, and events as they happen"),
        (name = "audit", description = "What was allowed and what was not")
    )
)]
pub(crate) struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An access token of a session or of the provider of sign-ins, or an API token."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// The document as JSON.
pub(crate) fn document_value() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
        let (_, document) = crate::routes::all().split_for_parts();
        let mut document = serde_json::to_value(document).unwrap_or_default();
        tell_quotas_and_tags(&mut document);
        for change in [name_problems, leave_streams_open, order_extensions] {
            in_each_object(&mut document, change);
        }
        document
    });
    &DOCUMENT
}

/// The operation that gives the document itself.
pub(crate) const DOCUMENT: &str = "service.document";

/// Writes down what the gate adds to each operation: the quota, and the tags of what is read.
fn tell_quotas_and_tags(document: &mut Value) {
    let header = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    for (_, methods) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in methods.as_object_mut().into_iter().flatten() {
            let (has_group, is_document) = (operation[GROUP].is_string(), operation["operationId"] == DOCUMENT);
            let is_json = operation.pointer("/responses/200/content/application~1json").is_some();
            if method == "get" && is_json && (has_group || is_document) {
                let known = json!({
                    "name": "If-None-Match", "in": "header", "required": false, "schema": { "type": "string" },
                    "description": "The `ETag` of an answer that is there already", "example": "\"8f3a6c0d12e48f3a6c0d12e48f3a6c0d\""
                });
                match operation.get_mut("parameters").and_then(Value::as_array_mut) {
                    Some(parameters) => parameters.push(known),
                    None => operation["parameters"] = json!([known]),
                }
                operation["responses"]["200"]["headers"]["ETag"] = header("Stands for exactly these bytes");
                operation["responses"]["304"] = json!({ "description": "What is there already still holds" });
            }
            if has_group {
                // In the form of its other refusals, which is another one for programs of OpenAI.
                let form = operation["responses"]["403"]["content"].clone();
                let refused = &mut operation["responses"]["429"];
                if !refused.is_object() {
                    *refused = json!({ "description": "The quota is used up", "content": form });
                }
                refused["headers"] = json!({
                    "Retry-After": header("Seconds after which it is worth asking again"),
                    "RateLimit": header("How many requests are left"),
                    "RateLimit-Policy": header("How many there are"),
                });
            }
        }
    }
}

/// Changes all objects of the document, the outer ones first.
fn in_each_object(value: &mut Value, change: fn(&mut Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            change(fields);
            fields.values_mut().for_each(|value| in_each_object(value, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| in_each_object(item, change)),
        _ => {}
    }
}

/// Gives problems the type that they are sent as: the attribute of a route has no room for it beside each of them.
fn name_problems(fields: &mut Map<String, Value>) {
    let is_problem = |body: &Value| body["schema"]["$ref"] == "#/components/schemas/Problem";
    if fields.get("application/json").is_some_and(is_problem)
        && let Some(body) = fields.remove("application/json")
    {
        fields.insert("application/problem+json".to_owned(), body);
    }
}

/// Says of a stream of events only that it is one. OpenAPI 3.1 cannot describe an event, and programs take a schema that stands there for that of the whole
/// answer.
fn leave_streams_open(fields: &mut Map<String, Value>) {
    if let Some(Value::Object(stream)) = fields.get_mut("text/event-stream") {
        stream.remove("schema");
    }
}

/// Puts the extensions of each operation in the order of their names: utoipa keeps them in a map that has another order each time.
fn order_extensions(fields: &mut Map<String, Value>) {
    let mut names: Vec<String> = fields.keys().filter(|name| name.starts_with("x-")).cloned().collect();
    names.sort_unstable();
    for name in names {
        if let Some(extension) = fields.shift_remove(&name) {
            fields.insert(name, extension);
        }
    }
}

/// The document as it stands in `openapi.json`.
pub fn document() -> String {
    let mut text = serde_json::to_string_pretty(document_value()).unwrap_or_default();
    text.push('\n');
    text
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// Its name in the document.
    pub id: String,
    /// The part of the service that it belongs to.
    pub tag: String,
    /// What policies call it.
    pub group: String,
    /// Anybody may call it.
    pub is_public: bool,
    /// Some may call it without a token, as [`crate::metrics::access`] says.
    pub is_for_neighbours: bool,
    /// Who calls it has to have shown lately, with all that his account has, that it is he.
    pub needs_step_up: bool,
}

impl Operation {
    /// Whether it changes nothing here. What models are asked is counted where they are, with what it costs.
    pub fn only_looks(&self) -> bool {
        const LOOKS: [&str; 4] = ["documents.run", "search.run", "actions.use", "models.ask"];
        self.group.ends_with(".read") || LOOKS.contains(&self.group.as_str())
    }
}

/// All operations, by path and method.
#[derive(Debug, Default)]
pub(crate) struct Operations(FxHashMap<String, Vec<(String, Operation)>>);

impl Operations {
    /// Reads them out of the document. One without a group is left out, and so open to nobody.
    pub fn of(document: &Value) -> Self {
        let mut all: FxHashMap<String, Vec<(String, Operation)>> = FxHashMap::default();
        for (path, methods) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                let text = |value: &Value| value.as_str().map(str::to_owned);
                let needs_nothing = |one: &&Value| **one == json!({});
                let ways = operation["security"].as_array().map_or(&[][..], Vec::as_slice);
                let open = ways.iter().filter(needs_nothing).count();
                let (is_public, is_for_neighbours) = (open > 0 && open == ways.len(), open > 0 && open < ways.len());
                let group = text(&operation[GROUP]).or_else(|| is_public.then(String::new));
                let found = (text(&operation["operationId"]), text(&operation["tags"][0]), group);
                if let (Some(id), Some(tag), Some(group)) = found {
                    let needs_step_up = operation[STEP_UP] == true;
                    let operation = Operation { id, tag, group, is_public, is_for_neighbours, needs_step_up };
                    all.entry(path.clone()).or_default().push((method.to_uppercase(), operation));
                }
            }
        }
        Self(all)
    }

    /// The operation of a method on a path of the router.
    pub fn find(&self, method: &Method, path: &str) -> Option<&Operation> {
        // What answers to GET answers to HEAD.
        let method = if method == Method::HEAD { "GET" } else { method.as_str() };
        self.0.get(path)?.iter().find(|(known, _)| known == method).map(|(_, operation)| operation)
    }

    /// The group of an operation.
    pub fn group(&self, id: &str) -> Option<&str> {
        self.0.values().flatten().find(|(_, operation)| operation.id == id).map(|(_, operation)| &*operation.group)
    }

    /// The operation of this name.
    pub fn by_id(&self, id: &str) -> Option<&Operation> {
        self.0.values().flatten().map(|(_, operation)| operation).find(|operation| operation.id == id)
    }

    /// All operations with their paths and methods.
    #[cfg(test)]
    pub fn all(&self) -> Vec<(String, String, Operation)> {
        let of_path = |(path, methods): (&String, &Vec<(String, Operation)>)| {
            let path = path.clone();
            methods.clone().into_iter().map(move |(method, operation)| (path.clone(), method, operation))
        };
        self.0.iter().flat_map(of_path).collect()
    }

    /// All operations that need a policy, with their groups.
    pub fn groups(&self) -> Vec<(String, String)> {
        let all = self.0.values().flatten().filter(|(_, operation)| !operation.is_public);
        all.map(|(_, operation)| (operation.id.clone(), operation.group.clone())).collect()
    }
}
