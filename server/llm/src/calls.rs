//! Puts the calls of tools in an answer together from the parts in which they come.
//!
//! Formats tell in many ways, or not at all, that an answer ended in order to call tools. That there are calls is what counts.

use crate::prompt::Prompt;
use crate::request::WHOLE_CALL;
use crate::tools::{Thought, ToolCall};
use rustc_hash::FxHashSet;
use serde::de::IgnoredAny;
use serde_json::Value;

/// So many calls in one answer; whoever writes more is lost in a loop.
const MOST: usize = 128;
/// Bytes of what is attached to a call. What is longer is not told to the client, who may not say it again.
const MOST_SIGNED: usize = 100_000;

/// Bytes of thoughts that go back with calls; what is longer does not, as if the model had not told it.
const MOST_THOUGHTS: usize = 256 << 10;

/// The calls of one answer as far as they came.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    calls: Vec<Call>,
    has_too_many: bool,
    /// The call of which a part came last.
    last: Option<usize>,
    /// What the model thought before them, as far as it is to go back with them.
    reasoning: String,
    /// The same in OpenRouter's form, and how many bytes there are of it.
    details: Vec<Value>,
    detailed: usize,
    is_overthought: bool,
}

/// A call as far as it came.
#[derive(Debug)]
struct Call {
    index: u32,
    id: Option<String>,
    name: Option<String>,
    arguments: String,
    signature: String,
}

impl Calls {
    /// Takes a part of a call, and gives the bytes that it adds.
    pub fn take(&mut self, index: u32, id: Option<&str>, name: Option<&str>, arguments: &str) -> usize {
        let (id, name) = (id.filter(|id| !id.is_empty()), name.filter(|name| !name.is_empty()));
        let mut latest_first = self.calls.iter_mut().enumerate().rev();
        let open = latest_first.find(|(_, call)| call.index == index && index != WHOLE_CALL);
        // Some servers give all their calls one number, and tell them apart by their ids only, or by nothing but that one is whole.
        let is_whole = |call: &Call| serde_json::from_str::<IgnoredAny>(&call.arguments).is_ok();
        let is_another = |call: &Call| {
            let has_names = name.is_some() && call.name.is_some();
            has_names
                && match id {
                    Some(_) => call.id.as_deref() != id,
                    None => !arguments.trim().is_empty() && is_whole(call),
                }
        };
        if let Some((at, call)) = open
            && !is_another(call)
        {
            self.last = Some(at);
            call.arguments.push_str(arguments);
            // Some repeat both with every part.
            let mut added = arguments.len();
            for (known, new) in [(&mut call.id, id), (&mut call.name, name)] {
                if known.is_none()
                    && let Some(new) = new
                {
                    added += new.len();
                    *known = Some(new.to_owned());
                }
            }
            return added;
        }
        if self.calls.len() == MOST {
            self.has_too_many = true;
            self.last = None;
            return 0;
        }
        let (id, name) = (id.map(str::to_owned), name.map(str::to_owned));
        let added = arguments.len() + [&id, &name].into_iter().flatten().map(String::len).sum::<usize>();
        self.last = Some(self.calls.len());
        self.calls.push(Call { index, id, name, arguments: arguments.to_owned(), signature: String::new() });
        added
    }

    /// Takes what the provider attached to the call of which a part came last, and gives the bytes that it adds.
    pub fn sign(&mut self, signature: &str) -> usize {
        match self.last.and_then(|last| self.calls.get_mut(last)) {
            // Some repeat it with every part.
            Some(call) if call.signature.is_empty() && signature.len() <= MOST_SIGNED => {
                signature.clone_into(&mut call.signature);
                signature.len()
            }
            _ => 0,
        }
    }

    /// Takes what the model thinks before it calls tools.
    pub fn think(&mut self, thought: &str) {
        self.is_overthought |= self.reasoning.len() + thought.len() > MOST_THOUGHTS;
        if !self.is_overthought {
            self.reasoning.push_str(thought);
        }
    }

    /// Takes an item of what the model thinks, or a part of one, which may go on where the last one ended.
    pub fn detail(&mut self, detail: &Value, is_part: bool) {
        if self.is_overthought {
            return;
        }
        let grown = self.details.last_mut().filter(|_| is_part).and_then(|last| grow(last, detail));
        self.detailed += grown.unwrap_or_else(|| detail.to_string().len());
        self.is_overthought |= self.detailed > MOST_THOUGHTS;
        if self.is_overthought {
            self.details.clear();
        } else if grown.is_none() {
            self.details.push(detail.clone());
        }
    }

    /// Bytes of the thoughts that are kept.
    pub fn thoughts(&self) -> usize {
        self.reasoning.len() + self.detailed.min(MOST_THOUGHTS)
    }

    /// Whether there is none. What names no tool is none.
    pub fn is_empty(&self) -> bool {
        self.calls.iter().all(|call| call.name.is_none())
    }

    /// Whether there are more than any answer has.
    pub fn has_too_many(&self) -> bool {
        self.has_too_many
    }

    /// All calls, with the secrets of the prompt put back, each with an id that no other call of the conversation has: results are told by it.
    /// What was thought before them goes with the first one.
    pub fn finish(self, prompt: &Prompt) -> Vec<ToolCall> {
        let reasoning = if self.is_overthought { String::new() } else { self.reasoning };
        let mut reasoning = prompt.restore(&reasoning);
        let mut details = match self.details.is_empty() || self.is_overthought {
            true => String::new(),
            false => prompt.restore_json(&Value::Array(self.details).to_string()),
        };
        let mut used: FxHashSet<String> = prompt.calls().map(|call| call.id.clone()).collect();
        let mut number = 0;
        let mut finished = Vec::new();
        for Call { id, name, arguments, signature, .. } in self.calls {
            let Some(name) = name else { continue };
            let id = id.filter(|id| !used.contains(id)).unwrap_or_else(|| {
                loop {
                    let made = format!("call_{number}");
                    number += 1;
                    if !used.contains(&made) {
                        break made;
                    }
                }
            });
            used.insert(id.clone());
            // Without any arguments some say nothing at all.
            let arguments = if arguments.trim().is_empty() { "{}" } else { &arguments };
            let (reasoning, details) = (std::mem::take(&mut reasoning), std::mem::take(&mut details));
            let thought = Thought { signature, reasoning, details }.kept();
            finished.push(ToolCall { id, name, arguments: prompt.restore_json(arguments), thought });
        }
        finished
    }
}

/// Puts a part of an item behind what came of it, and gives the bytes that it adds; nothing where it is an item of its own. In a stream an
/// item comes word by word, each with all that is known of it, and what signs it comes at its end.
fn grow(last: &mut Value, part: &Value) -> Option<usize> {
    const TEXTS: [&str; 2] = ["text", "summary"];
    let kind = last.get("type").and_then(Value::as_str)?;
    let is_text = matches!(kind, "reasoning.text" | "reasoning.summary");
    // One may have no number, or tell its name once.
    let is_same = |name: &str| last.get(name) == part.get(name);
    let id = |item: &Value| item.get("id").and_then(Value::as_str).map(str::to_owned);
    let is_named_so = id(part).is_none() || id(last).is_none() || is_same("id");
    // What was signed is over.
    let is_over = last.get("signature").is_some_and(|signature| !signature.is_null());
    if !is_text || is_over || !is_same("type") || !is_same("index") || !is_named_so {
        return None;
    }
    let (fields, mut added) = (last.as_object_mut()?, 0);
    for (name, value) in part.as_object()?.iter().filter(|(_, value)| !value.is_null()) {
        let is_text = TEXTS.contains(&name.as_str());
        if let (true, Some(Value::String(text)), Value::String(more)) = (is_text, fields.get_mut(name), value) {
            text.push_str(more);
            added += more.len();
        } else if fields.get(name) != Some(value) {
            added += name.len() + value.to_string().len();
            fields.insert(name.clone(), value.clone());
        }
    }
    Some(added)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Origin, Part, PromptLimits, Turn};
    use proptest::prelude::*;
    use serde_json::json;

    fn prompt(text: &str) -> Prompt {
        Prompt::new(&[Part::Data(Origin::Question, text.into())], PromptLimits::default()).unwrap()
    }

    #[test]
    fn calls_of_one_number_without_ids_are_told_apart_where_one_is_whole() {
        let mut calls = Calls::default();
        for (name, arguments) in [("f", "{}"), ("g", "{\"a\":1}")] {
            calls.take(0, Some(""), Some(name), arguments);
        }
        let finished = calls.finish(&prompt("x"));
        let names: Vec<_> = finished.iter().map(|call| (call.name.as_str(), call.arguments.as_str())).collect();
        assert_eq!(names, [("f", "{}"), ("g", "{\"a\":1}")]);
    }

    fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
        ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), thought: None }
    }

    proptest! {
        #[test]
        fn parts_cut_anywhere_are_the_same_calls(
            texts in prop::collection::vec("\\PC{0,12}", 1..5), cuts in prop::collection::vec(0usize..8, 1..20), turns in any::<bool>(),
        ) {
            let arguments: Vec<String> = texts.iter().map(|text| serde_json::json!({ "a": text }).to_string()).collect();
            let mut calls = Calls::default();
            let mut rest: Vec<(usize, &str)> = arguments.iter().map(String::as_str).enumerate().collect();
            let mut bytes = 0;
            for at in 0..rest.len() {
                bytes += calls.take(at as u32, Some(&format!("id{at}")), Some("f"), "");
            }
            // One call after the other, or all of them in turns.
            for cut in cuts.iter().cycle() {
                let Some((at, text)) = rest.first().copied() else { break };
                let mut end = (*cut).min(text.len());
                while !text.is_char_boundary(end) {
                    end += 1;
                }
                bytes += calls.take(at as u32, None, None, &text[..end]);
                rest[0].1 = &text[end..];
                if rest[0].1.is_empty() {
                    rest.remove(0);
                } else if turns {
                    rest.rotate_left(1);
                }
                if cuts.iter().all(|cut| *cut == 0) {
                    rest.drain(..).for_each(|(at, text)| bytes += calls.take(at as u32, None, None, text));
                }
            }
            let expected: Vec<ToolCall> =
                arguments.iter().enumerate().map(|(at, text)| call(&format!("id{at}"), "f", text)).collect();
            let size: usize = expected.iter().map(|call| call.id.len() + call.name.len() + call.arguments.len()).sum();
            prop_assert_eq!(bytes, size);
            prop_assert_eq!(calls.finish(&prompt("x")), expected);
        }
    }

    #[test]
    fn whole_calls_are_calls_of_their_own_and_get_the_ids_that_they_lack() {
        let mut calls = Calls::default();
        calls.take(WHOLE_CALL, None, Some("f"), "{\"a\":1}");
        calls.take(WHOLE_CALL, Some("call_0"), Some("f"), "");
        calls.take(WHOLE_CALL, Some(""), Some("g"), " ");
        assert!(!calls.is_empty());
        let expected = [call("call_0", "f", "{\"a\":1}"), call("call_1", "f", "{}"), call("call_2", "g", "{}")];
        assert_eq!(calls.finish(&prompt("x")), expected);
    }

    #[test]
    fn an_id_of_an_earlier_answer_is_not_given_again() {
        let turns = vec![
            Turn::User("Go.".into()),
            Turn::Assistant { text: String::new(), calls: vec![call("call_0", "f", "{}"), call("a", "f", "{}")] },
            Turn::Tool { id: "call_0".into(), name: "f".into(), text: "done".into() },
        ];
        let made = Prompt::conversation(&[], turns, Vec::new(), PromptLimits::default()).unwrap();
        let mut calls = Calls::default();
        calls.take(0, Some("a"), Some("f"), "{}");
        calls.take(1, None, Some("f"), "{}");
        let ids: Vec<String> = calls.finish(&made).into_iter().map(|call| call.id).collect();
        assert_eq!(ids, ["call_1", "call_2"]);
    }

    #[test]
    fn servers_that_number_or_repeat_in_their_own_way_are_understood() {
        let mut calls = Calls::default();
        calls.take(0, Some("a"), Some("f"), "{}");
        calls.take(0, Some("b"), Some("f"), "{\"x\"");
        calls.take(0, Some("b"), Some("f"), ":1}");
        calls.take(1, Some("c"), None, "[");
        calls.take(1, Some("d"), Some("g"), "]");
        calls.take(2, None, None, "nothing is called");
        let expected = [call("a", "f", "{}"), call("b", "f", "{\"x\":1}"), call("c", "g", "[]")];
        assert_eq!(calls.finish(&prompt("x")), expected);
        let mut nameless = Calls::default();
        nameless.take(0, Some("a"), None, "{}");
        assert!(nameless.is_empty() && nameless.finish(&prompt("x")).is_empty());
    }

    #[test]
    fn a_signature_goes_with_its_call_and_thoughts_with_the_first() {
        let mut calls = Calls::default();
        assert_eq!(calls.sign("nobody's"), 0);
        calls.think("I know ");
        calls.think("__SECRET_1__.");
        calls.take(0, Some("a"), Some("f"), "{}");
        calls.take(1, Some("b"), Some("f"), "");
        assert_eq!((calls.sign("s2"), calls.sign("s2")), (2, 0));
        calls.take(0, None, None, "");
        assert_eq!(calls.sign("s1"), 2);
        calls.take(WHOLE_CALL, Some("c"), Some("f"), "{}");
        calls.take(WHOLE_CALL, Some("d"), Some("f"), "{}");
        calls.sign("s4");
        assert_eq!(calls.thoughts(), "I know __SECRET_1__.".len());
        let secret = ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat();
        let finished = calls.finish(&prompt(&format!("t = '{secret}'")));
        let thoughts: Vec<_> = finished.into_iter().map(|call| call.thought.map(|thought| *thought)).collect();
        let thought = |signature: &str, reasoning: &str| {
            Thought::of(signature.to_owned(), reasoning.to_owned()).map(|thought| *thought)
        };
        let expected = [thought("s1", &format!("I know {secret}.")), thought("s2", ""), None, thought("s4", "")];
        assert_eq!(thoughts, expected);
    }

    #[test]
    fn details_in_parts_are_the_list_that_comes_whole() {
        let part = |text: Value, signature: Value, index: u32| json!({ "type": "reasoning.text", "text": text, "signature": signature, "id": null, "format": "anthropic-claude-v1", "index": index });
        let sealed = |data: &str| json!({ "type": "reasoning.encrypted", "data": data, "format": "f", "index": 2 });
        let secret = ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat();
        let parts = [
            part(json!("I know __SEC"), Value::Null, 0),
            part(json!("RET_1__."), Value::Null, 0),
            json!({ "type": "reasoning.text", "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0 }),
            part(json!("Signed is over."), Value::Null, 0),
            part(json!("So "), Value::Null, 1),
            part(json!("it is."), Value::Null, 1),
            sealed("YQ=="),
            sealed("Yg=="),
        ];
        let whole = json!([
            part(json!(format!("I know {secret}.")), json!("c2ln"), 0),
            part(json!("Signed is over."), Value::Null, 0),
            part(json!("So it is."), Value::Null, 1),
            sealed("YQ=="),
            sealed("Yg=="),
        ]);
        let told = |items: &[Value], is_part: bool| {
            let mut calls = Calls::default();
            items.iter().for_each(|item| calls.detail(item, is_part));
            assert!(calls.thoughts() > 0);
            calls.take(0, Some("a"), Some("f"), "{}");
            calls.take(1, Some("b"), Some("f"), "{}");
            let finished = calls.finish(&prompt(&format!("t = '{secret}'")));
            assert_eq!(finished[1].thought, None, "they go with the first call");
            serde_json::from_str::<Value>(&finished[0].thought.as_ref().unwrap().details).unwrap()
        };
        assert_eq!(told(&parts, true), whole);
        assert_eq!(told(&parts[..2], false).as_array().map(Vec::len), Some(2), "what came whole is left as it came");
    }

    #[test]
    fn details_without_end_are_not_kept() {
        let mut calls = Calls::default();
        let part = json!({ "type": "reasoning.text", "text": "x".repeat(1 << 10), "index": 0 });
        (0..1000).for_each(|_| calls.detail(&part, true));
        assert!(calls.details.is_empty() && calls.thoughts() <= MOST_THOUGHTS);
        calls.take(0, None, Some("f"), "");
        assert_eq!(calls.finish(&prompt("x"))[0].thought, None);
    }

    #[test]
    fn thoughts_without_end_are_not_kept() {
        let mut calls = Calls::default();
        (0..1000).for_each(|_| calls.think(&"x".repeat(1 << 10)));
        assert!(calls.thoughts() <= MOST_THOUGHTS);
        calls.take(0, None, Some("f"), "");
        assert_eq!(calls.finish(&prompt("x"))[0].thought, None, "half of a thought is none");
    }

    #[test]
    fn calls_without_end_are_not_kept() {
        let mut calls = Calls::default();
        let bytes: usize = (0..1000).map(|index| calls.take(index, None, Some("f"), "")).sum();
        assert!(bytes == MOST && calls.has_too_many() && calls.calls.len() == MOST);
    }

    #[test]
    fn secrets_come_back_in_arguments_as_json_writes_them() {
        let secret = ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat();
        let made = prompt(&format!("t = '{secret}'"));
        for (said, expected) in [
            ("{\"token\": \"__SECRET_1__\"}", format!("{{\"token\":\"{secret}\"}}")),
            ("{\"a\" : [\"x\"]}", "{\"a\" : [\"x\"]}".to_owned()),
            ("token=__SECRET_1__", format!("token={secret}")),
        ] {
            let mut calls = Calls::default();
            calls.take(0, None, Some("f"), said);
            assert_eq!(calls.finish(&made)[0].arguments, expected);
        }
    }
}
