//! Names of calls for models that take none but those of nine letters and digits. A conversation may come from any other model.

use crate::prompt::Prompt;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::hash_map::Entry;

/// Letters and digits of a name.
const LENGTH: usize = 9;

/// The names of the calls of one conversation, where they have to be others than they are.
#[derive(Debug, Default)]
pub(super) struct ShortIds<'a>(FxHashMap<&'a str, String>);

impl<'a> ShortIds<'a> {
    /// Names for all calls of a conversation. The same one has the same name in every turn, so that a provider finds again what it remembers.
    pub fn of(prompt: &'a Prompt) -> Self {
        let ids = || prompt.calls().map(|call| call.id.as_str());
        let mut used: FxHashSet<String> = ids().filter(|id| is_short(id)).map(str::to_owned).collect();
        let mut names = FxHashMap::default();
        for id in ids().filter(|id| !is_short(id)) {
            let Entry::Vacant(vacant) = names.entry(id) else { continue };
            let mut number = 0;
            let name = loop {
                let name = short(id, number);
                if used.insert(name.clone()) {
                    break name;
                }
                number += 1;
            };
            vacant.insert(name);
        }
        Self(names)
    }

    /// How a call of this name is called.
    pub fn get<'b>(&'b self, id: &'b str) -> &'b str {
        self.0.get(id).map_or(id, String::as_str)
    }
}

fn is_short(id: &str) -> bool {
    id.len() == LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A name that stands for another; the number is for those that would have the same one.
fn short(id: &str, number: u32) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&number.to_le_bytes()).update(id.as_bytes());
    let letter = |byte: &u8| match byte % 62 {
        digit @ 0..10 => char::from(b'0' + digit),
        small @ 10..36 => char::from(b'a' + small - 10),
        large => char::from(b'A' + large - 36),
    };
    hasher.finalize().as_bytes().iter().take(LENGTH).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{PromptLimits, Turn};
    use crate::tools::ToolCall;
    use proptest::prelude::*;

    fn prompt(ids: &[&str]) -> Prompt {
        let call = |id: &&str| ToolCall { id: (*id).to_owned(), name: "f".into(), ..ToolCall::default() };
        let turns = vec![
            Turn::Assistant { text: String::new(), calls: ids.iter().map(call).collect() },
            Turn::User("Go on.".into()),
        ];
        Prompt::conversation(&[], turns, Vec::new(), PromptLimits::default()).unwrap()
    }

    proptest! {
        #[test]
        fn every_call_has_a_name_of_its_own_that_is_always_the_same(ids in prop::collection::hash_set("[a-z_]{1,12}", 1..12)) {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let (made, alone) = (prompt(&ids), prompt(&ids[..1]));
            let (names, of_one) = (ShortIds::of(&made), ShortIds::of(&alone));
            let mut told: Vec<&str> = ids.iter().map(|id| names.get(id)).collect();
            prop_assert!(told.iter().all(|name| is_short(name)));
            prop_assert_eq!(of_one.get(ids[0]), told[0], "whatever comes later");
            told.sort_unstable();
            told.dedup();
            prop_assert_eq!(told.len(), ids.len());
        }
    }

    #[test]
    fn a_name_that_fits_stays_and_nobody_else_gets_it() {
        let taken = short("call_0", 0);
        let made = prompt(&["call_0", &taken, "D681PevKs"]);
        let names = ShortIds::of(&made);
        assert_eq!((names.get(&taken), names.get("D681PevKs")), (taken.as_str(), "D681PevKs"));
        assert_eq!(names.get("call_0"), short("call_0", 1));
        assert_eq!(ShortIds::default().get("call_0"), "call_0");
    }
}
