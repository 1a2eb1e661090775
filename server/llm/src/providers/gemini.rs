//! Google's Gemini API.

use super::form::in_words;
use super::{
    Endpoint, Failed, Provider, Quirks, WireRequest, as_object, bytes, count, failed, parse, signature, text, thinking,
    whole_call,
};
use crate::prompt::{Prompt, Said, Shown};
use crate::request::{Finish, Form, Piece, Request, Usage};
use crate::tools::{Tool, ToolCall, ToolChoice};
use serde_json::{Value, json};

/// So many texts that end an answer it takes, and no more.
const MOST_STOPS: usize = 5;

/// `POST /models/MODEL:generateContent`.
pub(super) struct GenerateContent;

/// What stands where a model wants back what it thought before it called a tool, and nobody kept it or another model called.
const NO_THOUGHT: &str = "skip_thought_signature_validator";

/// The turns, as the model is told of them. What several tools said one after the other stands in one of them, as their calls do.
fn contents(prompt: &Prompt, signer: Signer<'_>) -> Vec<Value> {
    let (mut contents, mut results) = (Vec::new(), Vec::new());
    for said in prompt.turns() {
        if let Said::Tool { id, name, text } = said {
            let response = json!({ "id": id, "name": name, "response": { "result": text } });
            results.push(json!({ "functionResponse": response }));
            continue;
        }
        if !results.is_empty() {
            contents.push(json!({ "role": "user", "parts": std::mem::take(&mut results) }));
        }
        let role = if matches!(said, Said::Assistant(..)) { "model" } else { "user" };
        contents.push(json!({ "role": role, "parts": parts(said, signer) }));
    }
    if !results.is_empty() {
        contents.push(json!({ "role": "user", "parts": results }));
    }
    contents
}

/// What was said, and which tools were called after it.
fn parts(said: Said<'_>, signer: Signer<'_>) -> Vec<Value> {
    let (text, calls): (&str, &[ToolCall]) = match said {
        Said::Showing(shown) => return shown.iter().filter_map(part).collect(),
        Said::Assistant(text, calls) => (text, calls),
        Said::User(text) | Said::Tool { text, .. } => (text, &[]),
    };
    let text = Some(text).filter(|text| !text.is_empty() || calls.is_empty());
    let mut parts: Vec<Value> = text.map(|text| json!({ "text": text })).into_iter().collect();
    for (place, call) in calls.iter().enumerate() {
        let function = json!({ "id": call.id, "name": call.name, "args": as_object(&call.arguments) });
        let mut part = json!({ "functionCall": function });
        if let Some(signature) = signer.signature(place, call) {
            part["thoughtSignature"] = json!(signature);
        }
        parts.push(part);
    }
    parts
}

/// A piece of what is shown. A picture that has only an address comes to none of these models.
fn part(shown: &Shown) -> Option<Value> {
    Some(match shown {
        Shown::Text(text) => json!({ "text": text }),
        Shown::Picture(picture) => {
            let (media, data) = picture.data()?;
            json!({ "inlineData": { "mimeType": media, "data": data } })
        }
    })
}

/// A model that signs its calls.
#[derive(Clone, Copy)]
pub(super) struct Signer<'m> {
    pub model: &'m str,
    /// Whether it refused the signatures of this conversation as not its own.
    pub is_another: bool,
}

impl Signer<'_> {
    /// The signature that goes with the call at this place of a turn: the one that came with it, or what stands for it where there has to be one, at
    /// the first call.
    pub fn signature(self, place: usize, call: &ToolCall) -> Option<&str> {
        let own = call.thought.as_ref().map(|thought| thought.signature.as_str());
        let own = own.filter(|own| !own.is_empty() && !self.is_another);
        own.or_else(|| (place == 0 && wants_thoughts(self.model)).then_some(NO_THOUGHT))
    }
}

/// Whether a model is one of these, whoever serves it.
pub(super) fn is_gemini(model: &str) -> bool {
    model.rsplit('/').next().unwrap_or(model).starts_with("gemini-")
}

/// Whether a model refuses calls without the thought that led to them: all since the third generation do.
fn wants_thoughts(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    is_gemini(model) && !name.starts_with("gemini-1") && !name.starts_with("gemini-2")
}

/// What a tool is. Arguments fulfil the schema to the letter in a mode that is for all tools at once and still a preview; it is left out.
fn declaration(tool: &Tool) -> Value {
    let mut declaration = json!({ "name": tool.name, "description": tool.description });
    // It wants no schema of nothing.
    if tool.parameters.as_object().is_some_and(|schema| !schema.is_empty()) {
        declaration["parametersJsonSchema"] = tool.schema();
    }
    declaration
}

/// Whether tools are to be called, where it is not as the model likes.
fn choice(choice: &ToolChoice) -> Option<Value> {
    let config = match choice {
        ToolChoice::Auto => return None,
        ToolChoice::None => json!({ "mode": "NONE" }),
        ToolChoice::Required => json!({ "mode": "ANY" }),
        ToolChoice::Named(name) => json!({ "mode": "ANY", "allowedFunctionNames": [name] }),
    };
    Some(json!({ "functionCallingConfig": config }))
}

impl Provider for GenerateContent {
    fn shows(&self, media: &str) -> bool {
        // It takes PNG, JPEG, WebP, HEIC and HEIF.
        media != "image/gif"
    }

    fn name(&self) -> &'static str {
        "gcp.gemini"
    }

    fn base_url(&self) -> &'static str {
        "https://generativelanguage.googleapis.com/v1beta"
    }

    fn thoughts(&self, prompt: &Prompt, _model: &str, quirks: Quirks) -> usize {
        if quirks.strange_thoughts { 0 } else { prompt.thoughts().signatures }
    }

    fn request(&self, request: &Request, endpoint: &Endpoint<'_>) -> WireRequest {
        let mut settings =
            json!({ "temperature": request.temperature, "maxOutputTokens": request.longest(endpoint.quirks) });
        let tools = request.prompt.tools();
        let mut system = request.prompt.system().to_owned();
        if let Some(form) = request.form.as_ref().filter(|_| !tools.is_empty()) {
            // It refuses a form of the answer beside tools, so that is asked for in words.
            system.push_str(&in_words(form));
        } else if let Some(form) = &request.form {
            settings["responseMimeType"] = json!("application/json");
            // An object of which no field is told it takes for one that has none.
            if let Form::Schema { schema, .. } = form {
                settings["responseJsonSchema"] = schema.clone();
            }
        }
        let stop: Vec<_> = request.stops().take(MOST_STOPS).collect();
        if !stop.is_empty() {
            settings["stopSequences"] = json!(stop);
        }
        let signer = Signer { model: endpoint.model, is_another: endpoint.quirks.strange_thoughts };
        let mut body = json!({
            "contents": contents(&request.prompt, signer),
            "generationConfig": settings,
        });
        if !system.trim().is_empty() {
            body["systemInstruction"] = json!({ "parts": [{ "text": system.trim_start() }] });
        }
        if !tools.is_empty() {
            let declarations: Vec<Value> = tools.iter().map(declaration).collect();
            body["tools"] = json!([{ "functionDeclarations": declarations }]);
            if let Some(choice) = choice(&request.tool_choice) {
                body["toolConfig"] = choice;
            }
        }
        let method = if endpoint.stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
        let url = format!("{}/models/{}:{method}", endpoint.base_url, endpoint.model);
        // In a header: an address ends up in the logs of everybody on the way.
        let headers = endpoint.key.map(|key| ("x-goog-api-key", key.clone())).into_iter().collect();
        WireRequest { url, headers, body: bytes(&body) }
    }

    fn event(&self, data: &str) -> Result<Vec<Piece>, Failed> {
        let event = parse(data)?;
        if event.get("error").is_some() {
            return Err(failed(&event));
        }
        pieces(&event)
    }

    fn whole(&self, body: &Value) -> Result<Vec<Piece>, Failed> {
        if body.get("error").is_some() {
            return Err(failed(body));
        }
        if body.get("candidates").is_none() && body.get("promptFeedback").is_none() {
            return Err(Failed::malformed("the answer has no candidates"));
        }
        pieces(body)
    }
}

fn pieces(value: &Value) -> Result<Vec<Piece>, Failed> {
    let parts = value.pointer("/candidates/0/content/parts").and_then(Value::as_array);
    let mut pieces = Vec::new();
    for part in parts.into_iter().flatten() {
        match (part.get("functionCall"), part.get("thought").and_then(Value::as_bool)) {
            (Some(call), _) => {
                pieces.push(whole_call(call.get("id"), call.get("name"), call.get("args")));
                pieces.extend(signature(part.get("thoughtSignature")));
            }
            (None, Some(true)) => pieces.extend(thinking(part.get("text"))),
            (None, _) => pieces.extend(text(part.get("text"))),
        }
    }
    if let Some(usage) = value.get("usageMetadata").filter(|usage| usage.is_object()) {
        pieces.push(Piece::Usage(Usage {
            input: count(usage, "/promptTokenCount"),
            cached: count(usage, "/cachedContentTokenCount"),
            output: count(usage, "/candidatesTokenCount") + count(usage, "/thoughtsTokenCount"),
        }));
    }
    let reason = value.pointer("/candidates/0/finishReason").or_else(|| value.pointer("/promptFeedback/blockReason"));
    if let Some(reason) = reason.and_then(Value::as_str) {
        pieces.push(Piece::End(match reason {
            "MAX_TOKENS" => Finish::Length,
            "STOP" => Finish::Stop,
            "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS" => {
                return Err(Failed::malformed(format!("the model called a tool wrongly ({reason})")));
            }
            // Whatever else there is or will be, the answer is not what the model had to say.
            _ => Finish::ContentFilter,
        }));
    }
    Ok(pieces)
}
