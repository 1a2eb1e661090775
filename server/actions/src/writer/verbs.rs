//! What the first word of a name says when it is a verb, and the forms of verbs.

use rustc_hash::FxHashMap;
use std::sync::OnceLock;

/// What a verb does with its object and its arguments; it decides which preposition leads to an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VerbClass {
    /// Hands out what is there: "for `key`".
    Query,
    /// Takes in from outside: "from `path`".
    Read,
    /// Puts out: "to `path`".
    Write,
    /// Makes something new out of its arguments: "from `x` and `y`".
    Make,
    /// Puts into a collection: "to the `Owner`".
    Add,
    /// Takes out of a collection: "from the `Owner`".
    Remove,
    /// Judges: "of `x`".
    Check,
    /// Gives a value: "to `value`".
    Set,
    /// Changes one form into another: "of `x`".
    Convert,
    /// All others: "for `x`".
    Act,
}

/// A verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verb {
    /// The word that is written: `init` is "initialize".
    pub say: &'static str,
    /// What it does.
    pub class: VerbClass,
    /// The word is a noun as often; alone and without arguments it is taken as one.
    pub noun_too: bool,
}

/// `short:spoken` where they differ; a `~` in front marks words that are nouns too.
const TABLE: &[(VerbClass, &str)] = &[
    (
        VerbClass::Query,
        "get:return fetch find lookup:look_up ~peek ~query ~search select choose pick locate resolve retrieve obtain ~request acquire \
         detect discover guess infer inspect determine identify match ~list enumerate collect gather yield ~return expect ~count lookup \
         measure ~poll ~probe ~sample read_out recall collate deduce estimate ~rank",
    ),
    (
        VerbClass::Read,
        "load read open parse ~import receive download ~scan tokenize lex decode deserialize unmarshal unpack unpickle decompress decrypt \
         extract ingest restore recv:receive consume pull ~stream loads:load capture ~listen unzip",
    ),
    (
        VerbClass::Write,
        "save write ~dump ~store ~export send upload emit ~print publish persist put push_out broadcast serialize marshal encode pack ~log \
         flush ~record deliver transmit dispatch forward ~post ~commit dumps:serialize pickle encrypt compress ~echo ~output ~display ~show ~report ~notify",
    ),
    (
        VerbClass::Make,
        "create make build construct generate gen:generate compute calculate calc:compute derive ~produce assemble compile ~draft ~draw \
         ~render ~design initialize_from new:create allocate alloc:allocate spawn ~fork instantiate ~clone ~copy duplicate dup:duplicate synthesize \
         ~forge ~aggregate ~accumulate concatenate concat:concatenate combine join ~merge zip ~sum ~average ~digest ~hash sign ~approximate interpolate \
         simulate predict evaluate eval:evaluate solve ~summarize ~simplify integrate differentiate multiply divide subtract ~mix blend",
    ),
    (
        VerbClass::Add,
        "add append define declare insert ~push register attach subscribe enqueue extend prepend include assign link mount bind install inject schedule \
         ~enroll embed ~queue associate connect_to",
    ),
    (
        VerbClass::Remove,
        "remove delete del:delete pop discard drop unregister detach unsubscribe dequeue erase purge evict uninstall unlink unmount unbind \
         exclude strip trim ~prune eliminate deregister ~shift ~withdraw unset",
    ),
    (
        VerbClass::Check,
        "check validate verify ensure assert ~test require confirm ~guard ~audit compare examine ~judge enforce ~warn lint authenticate authorize",
    ),
    (
        VerbClass::Set,
        "set ~update modify change adjust configure tune reset:reset override overwrite ~toggle enable disable turn rename replace ~swap \
         mark ~flag ~tag ~label ~name ~mask annotate ~fill ~pad ~limit ~increment ~decrement increase decrease bump patch tweak",
    ),
    (
        VerbClass::Convert,
        "convert ~transform translate normalize format fmt:format cast coerce map ~filter reduce sort ~order ~group split flatten reshape \
         resize ~scale ~rotate ~slice truncate round clip clamp sanitize escape unescape quote unquote canonicalize standardize ~encode expand \
         collapse ~wrap unwrap rewrite capitalize lower upper humanize prettify minify parse_into shuffle reverse invert negate permute transpose \
         project partition ~chunk ~batch ~index linearize vectorize quantize broadcast_to stringify serialize_to binarize discretize unflatten squeeze \
         ~blur ~crop deduplicate dedupe:deduplicate",
    ),
    (
        VerbClass::Act,
        "run execute exec:execute start stop begin end:end finish close handle ~process apply init:initialize initialize setup:set_up teardown:tear_down \
         clear clean cleanup:clean_up connect disconnect reconnect login:log_in logout:log_out reset restart reload refresh ~retry ~sleep wait await pause resume suspend cancel abort kill terminate \
         ~exit quit shutdown:shut_down launch invoke ~call trigger fire ~raise throw ~iterate walk traverse ~visit crawl ~loop follow descend climb seek skip \
         move ~transfer copy_to migrate upgrade downgrade rollback:roll_back revert undo redo lock unlock ~release acquire_lock freeze thaw fit train ~step advance ~tick \
         animate navigate scroll ~click focus ~hover ~drag render_to bootstrap prepare finalize complete ~monitor ~watch observe track ~trace ~profile ~debug patch_up intercept ~mock \
         stub simulate_run synchronize sync:synchronize wire hook ~route redirect ~proxy delegate defer ~promise ~yield_to delay throttle debounce ~cache memoize invalidate expire \
         warm populate seed ~document describe explain ~mention advise suggest recommend negotiate accept reject approve deny grant revoke permit allow forbid prevent avoid \
         ignore suppress silence mute unmute ~block unblock ~cross ~branch ~jump return_to ~back maybe_run greet register_all wrap_up instrument perform conduct carry provide supply offer serve ~host ~share keep preserve \
         retain maintain manage ~control ~drive ~operate ~use consult ~answer reply respond ~ask ~prompt tell inform ~signal wake ~recover repair fix mend correct handle_all ~nest ~reference adapt perturb restrict propagate compile_all downcast upcast reenter enter leave descale smooth decorate sow compose",
    ),
];

/// The verb that `word` is, if it is one.
pub fn verb(word: &str) -> Option<Verb> {
    static VERBS: OnceLock<FxHashMap<&'static str, Verb>> = OnceLock::new();
    let verbs = VERBS.get_or_init(|| {
        let mut verbs = FxHashMap::default();
        for &(class, words) in TABLE {
            for item in words.split_whitespace() {
                let noun_too = item.starts_with('~');
                let item = item.trim_start_matches('~');
                let (word, say) = item.split_once(':').unwrap_or((item, item));
                if !word.contains('_') {
                    verbs.entry(word).or_insert(Verb { say, class, noun_too });
                }
            }
        }
        verbs
    });
    verbs.get(word).copied()
}

/// Number of verbs known.
#[cfg(test)]
fn known() -> usize {
    let words: rustc_hash::FxHashSet<&str> = TABLE.iter().flat_map(|(_, words)| words.split_whitespace()).collect();
    words.len()
}

/// Verbs whose last letter doubles: "mapped", "mapping".
const DOUBLING: &str = " map get set put run stop drop log trim wrap strip skip swap plan submit commit begin forget cut hit quit split shut pop \
     clip plot scan step ship zip flip slip snap tap tag grab ban pin spin win fit flag pad crop dedup format forbid ";

const IRREGULAR: &[(&str, &str)] = &[
    ("find", "found"),
    ("build", "built"),
    ("make", "made"),
    ("read", "read"),
    ("write", "written"),
    ("send", "sent"),
    ("get", "returned"),
    ("set", "set"),
    ("put", "put"),
    ("run", "run"),
    ("split", "split"),
    ("draw", "drawn"),
    ("choose", "chosen"),
    ("bind", "bound"),
    ("overwrite", "overwritten"),
    ("override", "overridden"),
    ("rewrite", "rewritten"),
    ("freeze", "frozen"),
    ("hide", "hidden"),
    ("show", "shown"),
    ("begin", "begun"),
    ("keep", "kept"),
    ("leave", "left"),
    ("give", "given"),
    ("take", "taken"),
    ("tell", "told"),
    ("throw", "thrown"),
    ("withdraw", "withdrawn"),
    ("forget", "forgotten"),
    ("undo", "undone"),
    ("redo", "redone"),
    ("do", "done"),
    ("go", "gone"),
    ("unbind", "unbound"),
    ("reset", "reset"),
    ("shut down", "shut down"),
    ("seek", "sought"),
    ("spin", "spun"),
    ("cut", "cut"),
    ("fit", "fitted"),
    ("lex", "lexed"),
    ("cast", "cast"),
    ("broadcast", "broadcast"),
    ("forbid", "forbidden"),
    ("wake", "woken"),
    ("drive", "driven"),
    ("unset", "unset"),
];

/// The third person: "returns", "tries", "sets up".
pub fn third(verb: &str) -> String {
    in_first_word(verb, |word| {
        if word == "have" {
            "has".to_owned()
        } else if word.ends_with('y') && !vowel_before_last(word) {
            format!("{}ies", word.get(..word.len() - 1).unwrap_or(word))
        } else if ["s", "x", "z", "ch", "sh", "o"].iter().any(|end| word.ends_with(end)) {
            format!("{word}es")
        } else {
            format!("{word}s")
        }
    })
}

/// The past participle: "parsed", "built".
pub fn participle(verb: &str) -> String {
    if let Some((_, past)) = IRREGULAR.iter().find(|(known, _)| *known == verb) {
        return (*past).to_owned();
    }
    in_first_word(verb, |word| {
        if let Some((_, past)) = IRREGULAR.iter().find(|(known, _)| *known == word) {
            (*past).to_owned()
        } else if word.ends_with('e') {
            format!("{word}d")
        } else if word.ends_with('y') && !vowel_before_last(word) {
            format!("{}ied", word.get(..word.len() - 1).unwrap_or(word))
        } else {
            format!("{}ed", doubled(word))
        }
    })
}

/// The form in -ing: "parsing".
pub fn gerund(verb: &str) -> String {
    in_first_word(verb, |word| {
        if word.ends_with('e') && !word.ends_with("ee") {
            format!("{}ing", word.get(..word.len() - 1).unwrap_or(word))
        } else {
            format!("{}ing", doubled(word))
        }
    })
}

/// The verb that an agent noun is made of: `parser` is "parse", `formatter` "format", `iterator` "iterate".
pub fn agent(word: &str) -> Option<&'static str> {
    let stem = word.strip_suffix("er").or_else(|| word.strip_suffix("or"))?;
    let undoubled = || {
        let mut characters = stem.chars().rev();
        (characters.next()? == characters.next()?).then(|| stem.get(..stem.len() - 1)).flatten().map(str::to_owned)
    };
    let tries = [Some(stem.to_owned()), Some(format!("{stem}e")), undoubled()];
    tries
        .into_iter()
        .flatten()
        .find_map(|candidate| verb(&candidate).filter(|_| candidate.len() > 2))
        .map(|verb| if verb.say == "return" { "get" } else { verb.say })
}

fn doubled(word: &str) -> String {
    match word.chars().last() {
        Some(last) if DOUBLING.contains(&format!(" {word} ")) => format!("{word}{last}"),
        _ => word.to_owned(),
    }
}

fn vowel_before_last(word: &str) -> bool {
    word.chars().rev().nth(1).is_some_and(|letter| "aeiou".contains(letter))
}

fn in_first_word(verb: &str, form: impl Fn(&str) -> String) -> String {
    match verb.split_once([' ', '_']) {
        Some((first, rest)) => format!("{} {}", form(first), rest.replace('_', " ")),
        None => form(verb),
    }
}

/// The verb as it is said, with spaces.
pub fn base(verb: &str) -> String {
    verb.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_two_hundred_verbs_are_known() {
        assert!(known() > 300, "{}", known());
    }

    #[test]
    fn forms_follow_the_spelling() {
        assert_eq!(third("parse"), "parses");
        assert_eq!(third("try"), "tries");
        assert_eq!(third("set_up"), "sets up");
        assert_eq!(third("push"), "pushes");
        assert_eq!(participle("map"), "mapped");
        assert_eq!(participle("build"), "built");
        assert_eq!(participle("copy"), "copied");
        assert_eq!(gerund("parse"), "parsing");
        assert_eq!(gerund("run"), "running");
    }

    #[test]
    fn agents_lead_back_to_their_verbs() {
        assert_eq!(agent("parser"), Some("parse"));
        assert_eq!(agent("formatter"), Some("format"));
        assert_eq!(agent("iterator"), Some("iterate"));
        assert_eq!(agent("handler"), Some("handle"));
        assert_eq!(agent("user"), Some("use"));
        assert_eq!(agent("number"), None);
    }
}
