//! Finds secrets in text and in single values: cheap words first, then patterns, then randomness and an allow-list of placeholders.
//!
//! What it finds is a place and a kind; it never copies a secret.

use crate::formats::{FORMATS, Format, PLACEHOLDERS};
use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::dfa::DFA;
use regex::Regex;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

pub use crate::formats::SecretKind;

/// A secret and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretMatch {
    /// What it opens.
    pub kind: SecretKind,
    /// Its bytes in the text given.
    pub range: Range<usize>,
}

/// Parts of a text that are looked through side by side.
const PARTS: usize = 4;

struct Matcher {
    keywords: DFA,
    /// One byte less than the longest keyword has.
    overlap: usize,
    /// The format of each keyword, in the order of the automaton's patterns.
    owners: Vec<usize>,
    /// Compiled when a keyword first occurs: most programs never need most of them.
    patterns: Vec<OnceLock<Option<Regex>>>,
}

static MATCHER: LazyLock<Option<Matcher>> = LazyLock::new(|| {
    let keywords = FORMATS.iter().flat_map(|format| format.keywords.iter());
    let owners =
        FORMATS.iter().enumerate().flat_map(|(index, format)| format.keywords.iter().map(move |_| index)).collect();
    let overlap = keywords.clone().map(|keyword| keyword.len().saturating_sub(1)).max().unwrap_or(0);
    // Every text that goes to a model is looked through: a table of all states is several times as fast as the small form, for some 100 kB.
    let keywords = DFA::builder().ascii_case_insensitive(true).prefilter(false).build(keywords).ok()?;
    Some(Matcher { keywords, overlap, owners, patterns: FORMATS.iter().map(|_| OnceLock::new()).collect() })
});

impl Matcher {
    /// Of which formats a keyword stands in a text, in the order of the formats.
    fn wanted(&self, text: &str) -> Vec<bool> {
        let mut wanted = vec![false; FORMATS.len()];
        let Ok(start) = self.keywords.start_state(Anchored::No) else { return vec![true; FORMATS.len()] };
        // The loop of the library's own search for all hits asks more of each byte than this needs to know.
        let mut step = |state: &mut StateID, byte: u8| {
            *state = self.keywords.next_state(Anchored::No, *state, byte);
            if self.keywords.is_match(*state) {
                self.note(*state, &mut wanted);
            }
        };
        // Each step waits for the one before; those of parts that are read side by side wait for none of another's.
        let parts = self.parts(text.as_bytes());
        let common = parts.iter().map(|part| part.len()).min().unwrap_or(0);
        let (heads, tails) = (parts.map(|part| part.split_at(common).0), parts.map(|part| part.split_at(common).1));
        let [one, two, three, four] = heads;
        let mut states = [start; PARTS];
        for (((one, two), three), four) in one.iter().zip(two).zip(three).zip(four) {
            let [first, second, third, fourth] = &mut states;
            step(first, *one);
            step(second, *two);
            step(third, *three);
            step(fourth, *four);
        }
        for (state, tail) in states.iter_mut().zip(tails) {
            tail.iter().for_each(|byte| step(state, *byte));
        }
        wanted
    }

    /// Notes the formats of the keywords that end in a state. Apart from the steps, since those are only fast where nothing is called for most bytes.
    #[cold]
    fn note(&self, state: StateID, wanted: &mut [bool]) {
        for index in 0..self.keywords.match_len(state) {
            let owner = self.owners.get(self.keywords.match_pattern(state, index).as_usize());
            if let Some(wanted) = owner.and_then(|owner| wanted.get_mut(*owner)) {
                *wanted = true;
            }
        }
    }

    /// A text in parts, each of which begins so far before the end of the one before that no keyword lies across.
    fn parts<'a>(&self, text: &'a [u8]) -> [&'a [u8]; PARTS] {
        let size = text.len().div_ceil(PARTS);
        std::array::from_fn(|index| {
            let end = (size * (index + 1)).min(text.len());
            let begin = (size * index).min(text.len()).saturating_sub(self.overlap);
            text.get(begin..end).unwrap_or_default()
        })
    }
}

/// The words of which one stands in every secret that is found by its form; compared without regard to case.
pub fn keywords() -> impl Iterator<Item = &'static str> {
    FORMATS.iter().flat_map(|format| format.keywords.iter().copied())
}

/// All secrets in a text, in order, none overlapping.
pub fn scan(text: &str) -> Vec<SecretMatch> {
    scan_for(text, |_| true)
}

/// The secrets in a text that are certain by their own form, wherever they stand: nothing around them has to speak for them.
pub fn scan_forms(text: &str) -> Vec<SecretMatch> {
    // A password in an address is only as good as the address, and prose shows how one is written.
    let needs_more = |kind| matches!(kind, SecretKind::Generic | SecretKind::AwsSecretKey | SecretKind::UrlPassword);
    scan_for(text, |kind| !needs_more(kind))
}

fn scan_for(text: &str, is_asked: impl Fn(SecretKind) -> bool) -> Vec<SecretMatch> {
    let Some(matcher) = MATCHER.as_ref() else { return Vec::new() };
    let wanted = matcher.wanted(text);
    // By their beginnings. None overlaps another, so only the last one that begins before the end of a new place can overlap that.
    let mut found: BTreeMap<usize, SecretMatch> = BTreeMap::new();
    for (index, format) in FORMATS.iter().enumerate().filter(|(index, _)| wanted.get(*index) == Some(&true)) {
        if !is_asked(format.kind) {
            continue;
        }
        let compiled = matcher
            .patterns
            .get(index)
            .and_then(|pattern| pattern.get_or_init(|| Regex::new(format.pattern).ok()).as_ref());
        let Some(pattern) = compiled else { continue };
        for captures in pattern.captures_iter(text) {
            let Some(place) = captures.get(1).or_else(|| captures.get(0)) else { continue };
            let before = found.range(..place.end()).next_back();
            let is_new = before.is_none_or(|(_, other)| other.range.end <= place.start());
            // Where a pattern names the part that tells, only that is judged.
            let told = captures.get(2).unwrap_or(place);
            if is_new && is_secret(format, told.as_str()) {
                found.insert(place.start(), SecretMatch { kind: format.kind, range: place.range() });
            }
        }
    }
    found.into_values().collect()
}

/// The secret in a value that code gives to a name, if there is one: by its own form, or by the name and its randomness.
pub fn scan_value(name: &str, value: &str) -> Option<SecretMatch> {
    if value.len() < 8 || value.len() > 20_000 {
        return None;
    }
    if let Some(found) = scan(value).into_iter().next() {
        return Some(found);
    }
    let is_plain = value.len() >= 12 && value.len() <= 200 && !value.contains(char::is_whitespace) && value.is_ascii();
    let is_generic =
        is_plain && is_secret_name(name) && is_random(value) && !is_placeholder(value) && !is_locator(value);
    is_generic.then_some(SecretMatch { kind: SecretKind::Generic, range: 0..value.len() })
}

fn is_secret(format: &Format, value: &str) -> bool {
    if format.kind == SecretKind::PrivateKey {
        return !value.contains("...") && !is_placeholder_body(value);
    }
    let is_good = entropy(value) >= format.entropy && !is_placeholder(value);
    match format.kind {
        SecretKind::Generic => is_good && is_random(value) && !is_locator(value),
        SecretKind::TwilioKey => is_good && value.bytes().any(|byte| byte.is_ascii_digit()),
        _ => is_good,
    }
}

/// A name that promises a secret: its last words say password, secret, token or key of something.
fn is_secret_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase().replace('-', "_");
    const ENDINGS: [&str; 16] = [
        "password",
        "passwd",
        "pwd",
        "passphrase",
        "secret",
        "token",
        "api_key",
        "apikey",
        "secret_key",
        "secretkey",
        "access_key",
        "accesskey",
        "auth_key",
        "private_key",
        "privatekey",
        "credentials",
    ];
    // "tokenizer", "token_url", "password_field" name other things.
    ENDINGS.iter().any(|ending| lower.ends_with(ending))
}

/// Letters and digits in such a mix that no person wrote them as words.
fn is_random(value: &str) -> bool {
    let has = |test: fn(&u8) -> bool| value.bytes().any(|byte| test(&byte));
    let classes = [has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase), has(u8::is_ascii_digit)]
        .into_iter()
        .filter(|has| *has)
        .count();
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let is_hex = value.len() >= 20 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    let least = if is_hex { 3.0 } else { 3.5 };
    entropy(value) >= least && digits >= 2 && (classes >= 2) && digits < value.len()
}

/// Paths, addresses, dotted names and other values that lead somewhere and open nothing.
fn is_locator(value: &str) -> bool {
    let separators = value
        .bytes()
        .filter(|byte| matches!(byte, b'/' | b'\\' | b'.' | b' ' | b':' | b',' | b'(' | b'[' | b'<'))
        .count();
    separators >= 2 || value.contains("://") || value.starts_with(['/', '.', '$', '<', '%', '@', '#', '{'])
}

fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|placeholder| lower.contains(placeholder))
        || (value.starts_with('<') && value.ends_with('>'))
        || is_repetitive(value)
}

fn is_placeholder_body(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    ["example", "your", "xxxx", "redacted", "placeholder"].iter().any(|word| lower.contains(word))
}

/// `aaaaaaaa`, `abcabcabc`: few different characters for the length.
fn is_repetitive(value: &str) -> bool {
    let mut seen = [false; 256];
    for byte in value.bytes() {
        if let Some(seen) = seen.get_mut(usize::from(byte)) {
            *seen = true;
        }
    }
    let different = seen.iter().filter(|seen| **seen).count();
    different * 4 < value.len().min(32)
}

/// Shannon entropy in bits a byte.
pub fn entropy(value: &str) -> f32 {
    let mut counts = [0u32; 256];
    for byte in value.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let length = value.len().max(1) as f32;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| *count as f32 / length)
        .map(|share| -share * share.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_is_seen_wherever_in_a_text_it_stands() {
        let matcher = MATCHER.as_ref().expect("it is built");
        let of = |format: &Format, text: &str| format.keywords.iter().any(|word| text.contains(&word.to_lowercase()));
        for keyword in keywords() {
            for (length, step) in [(0, 1), (1, 1), (7, 1), (90, 1), (203, 3)] {
                for at in (0..=length).step_by(step) {
                    let text = format!("{}{keyword}{}", "~".repeat(at), "~".repeat(length - at));
                    let wanted: Vec<bool> = FORMATS.iter().map(|format| of(format, &text.to_lowercase())).collect();
                    assert_eq!(matcher.wanted(&text), wanted, "{keyword} at {at} of {length}");
                }
            }
        }
        assert!(matcher.wanted("").iter().chain(&matcher.wanted(&"~".repeat(999))).all(|is_wanted| !is_wanted));
    }

    #[test]
    fn all_lines_of_a_private_key_are_one_secret_however_code_holds_them() {
        let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDx7s8Y2kPq0Lm";
        let (begin, end) =
            (["-----BEGIN RSA ", "PRIVATE KEY-----"].concat(), ["-----END RSA ", "PRIVATE KEY-----"].concat());
        let inside = format!("{line}AKIA{}\n{line}", "Q3EGRIXJ7ZT5NWPL");
        for (shape, key) in [
            ("as it is", format!("{begin}\n{line}\n{line}\n{line}==\n{end}")),
            ("indented", format!("{begin}\n    {line}\n    {line}\n    {line}==\n    {end}")),
            ("as strings", format!("{begin}\\n\" +\n  \"{line}\\n\" +\n  \"{line}\\n\" +\n  \"{end}")),
            ("in one line", format!("{begin}\\n{line}\\n{line}\\n{end}")),
            ("as bytes", format!("{begin}\\n\"\n    b\"{line}\\n\"\n    b\"{line}\\n\"\n    b\"{end}")),
            ("in a comment", format!("{begin}\n# {line}\n# {line}\n# {end}")),
            (
                "with headers",
                format!("{begin}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,0A1B2C\n\n{line}\n{line}\n{end}"),
            ),
            (
                "with words between",
                format!(
                    "{begin}\\n\" + // line 1 - of 2, for example.com\n \"{line}\\n\" + // your key\n \"{line}\\n\" +\n \"{end}"
                ),
            ),
            ("with what looks like another", format!("{begin}\n{inside}\n{end}")),
        ] {
            let found = scan(&format!("a = \"{key}\"\nb = 1\n"));
            let ranges: Vec<_> = found.iter().map(|found| (found.kind, found.range.clone())).collect();
            assert_eq!(ranges, [(SecretKind::PrivateKey, 5..5 + key.len())], "{shape}");
        }
        for gap in ["\n", "\n    "] {
            let cut = format!("{begin}{gap}{line}{gap}{line}");
            assert!(scan(&format!("{cut}\nb = 1\n"))[0].range.end >= cut.len(), "also without its end");
        }
        assert!(scan(&format!("write it as `{begin} … {end}`\n")).is_empty(), "that is no key");
    }

    /// Secrets are put together here, so that no file of the repository holds one.
    fn samples() -> Vec<(SecretKind, String)> {
        let mixed = "Zq8vT2mXw7Lk4Rj9Hn3Bd6Yc1Fs5Gp0AoVuKeItPxQzWbNrMhJy";
        let hex = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let take = |count: usize| mixed.chars().cycle().take(count).collect::<String>();
        vec![
            (SecretKind::AwsAccessKey, format!("{}{}", "AKIA", "Q3EGRIXJ7ZT5NWPL")),
            (SecretKind::GithubToken, format!("{}{}", "ghp_", take(36))),
            (SecretKind::GitlabToken, format!("{}{}", "glpat-", take(20))),
            (SecretKind::SlackToken, format!("{}-{}-{}-{}", "xoxb", "2938471056", "8471029384", take(24))),
            (SecretKind::StripeKey, format!("{}{}", "sk_live_", take(24))),
            (SecretKind::GoogleApiKey, format!("{}{}", "AIza", take(35))),
            (SecretKind::AnthropicKey, format!("{}{}", "sk-ant-api03-", take(80))),
            (SecretKind::OpenaiKey, format!("{}{}", "sk-proj-", take(60))),
            (SecretKind::NpmToken, format!("{}{}", "npm_", take(36))),
            (SecretKind::PypiToken, format!("{}{}{}", "pypi-", "AgEIcHlwaS5vcmc", take(60))),
            (SecretKind::SendgridKey, format!("{}{}.{}", "SG.", take(22), take(43))),
            (SecretKind::TwilioKey, format!("{}{}", "SK", &hex[..32])),
            (SecretKind::DigitaloceanToken, format!("{}{}", "dop_v1_", hex)),
            (SecretKind::AzureKey, format!("DefaultEndpointsProtocol=https;AccountKey={}==", take(86))),
            (SecretKind::JsonWebToken, format!("{}.{}{}.{}", "eyJhbGciOiJIUzI1NiJ9", "eyJ", take(20), take(43))),
            (SecretKind::PrivateKey, format!("-----BEGIN {} KEY-----\n{}", "RSA PRIVATE", take(64))),
            (SecretKind::UrlPassword, format!("postgres://admin:{}@db.internal.net/x", take(12))),
        ]
    }

    #[test]
    fn every_form_is_found_by_its_kind_and_place() {
        for (kind, secret) in samples() {
            let text = format!("before 🎉 {secret} after");
            let found = scan(&text);
            assert_eq!(found.len(), 1, "{kind:?} in {text}: {found:?}");
            assert_eq!(found[0].kind, kind);
            assert!(text.get(found[0].range.clone()).is_some_and(|place| secret.contains(place)));
            assert!(scan_value("x", &secret).is_some(), "{kind:?}");
        }
    }

    #[test]
    fn where_forms_overlap_the_first_one_names_the_secret_among_many_as_alone() {
        let token = |number: usize| format!("{}{}{number:05}", "ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gK");
        // What the name promises would be the same value again, and the address has another token as its password.
        let line = |number: usize| {
            let (one, two) = (token(2 * number), token(2 * number + 1));
            format!("api_token = \"{one}\" # postgres://admin:{two}@db.internal.net/x\n")
        };
        let alone: Vec<_> = scan(&line(0)).iter().map(|found| (found.kind, found.range.len())).collect();
        assert_eq!(alone, [(SecretKind::GithubToken, 40); 2]);
        // To hold each against all others would be a thousand million comparisons.
        let lines = 20_000;
        let text: String = (0..lines).map(line).collect();
        let found = scan(&text);
        assert_eq!(found.len(), 2 * lines);
        for (number, secret) in found.iter().enumerate() {
            assert_eq!(
                (secret.kind, text.get(secret.range.clone())),
                (SecretKind::GithubToken, Some(token(number).as_str()))
            );
        }
    }

    #[test]
    fn a_random_value_under_a_telling_name_is_a_secret() {
        let value = ["t7Gq2", "vLx9Z", "pR4mW8"].concat();
        assert!(scan_value("db_password", &value).is_some());
        assert!(scan_value("API_TOKEN", &value).is_some());
        assert!(scan_value("checksum", &value).is_none());
        assert!(scan_value("token_url", &value).is_none());
        let text = format!("db_password = \"{value}\"");
        assert_eq!(scan(&text).first().map(|found| found.kind), Some(SecretKind::Generic));
    }

    #[test]
    fn placeholders_and_words_are_no_secrets() {
        for value in [
            "changeme",
            "your_api_key_here_123",
            "<token-goes-here>",
            "${SECRET_TOKEN_1}",
            "xxxxxxxxxxxxxxxx",
            "aaaaaaaaaaaaaaaa1",
            "password_field_name",
            "https://example.com/token/12ab",
            "correct horse battery staple 1",
            "{{ secret_token_42 }}",
            "django.contrib.auth.tokens2",
            "csrfmiddlewaretoken",
            "1234567890123456",
        ] {
            assert_eq!(scan_value("password", value), None, "{value}");
        }
        assert!(scan(&format!("{}{}", "AKIA", "IOSFODNN7EXAMPLE")).is_empty());
        assert!(scan("postgres://user:password@example.com/db").is_empty());
    }

    #[test]
    fn nothing_is_found_in_plain_text_and_nothing_breaks() {
        assert!(scan("").is_empty());
        assert!(scan("The token is read from the environment; see private key handling.").is_empty());
        assert!(scan_value("password", "🎉🎉🎉🎉🎉🎉🎉🎉").is_none());
    }

    #[test]
    fn every_pattern_compiles() {
        for format in FORMATS {
            assert!(Regex::new(format.pattern).is_ok(), "{}", format.pattern);
        }
    }
}
