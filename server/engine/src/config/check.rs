//! What is wrong with a layer of settings, told by key and by what is allowed there.

use super::sections::{ServiceSettings, Settings};
use serde_json::{Map, Value};

/// What is wrong with a layer: the key, and what is allowed there.
pub(super) fn check(layer: &Value) -> Result<(), String> {
    if layer.is_null() {
        return Ok(());
    }
    let parsed = match serde_json::from_value::<Settings>(layer.clone()) {
        Ok(settings) => settings,
        Err(whole) => return Err(blame(layer).unwrap_or_else(|| whole.to_string())),
    };
    let rules = parsed.analysis.problems();
    let out_of_bounds = parsed.service.problem();
    match rules.first() {
        Some(problem) => Err(format!("`analysis.rules`: {}", problem.trim_end_matches('.'))),
        None if !(40..=400).contains(&parsed.docs.width) => {
            Err("`docs.width`: a number from 40 to 400 is expected".into())
        }
        None if parsed.limits.deadline_ms == 0 => Err("`limits.deadline-ms`: a number above 0 is expected".into()),
        None if parsed.limits.max_file_size < 1024 => {
            Err("`limits.max-file-size`: a number from 1024 on is expected".into())
        }
        None if out_of_bounds.is_some() => {
            let (key, expected) = out_of_bounds.unwrap_or_default();
            Err(format!("`service.{key}`: {expected} is expected"))
        }
        // Settings are shown to those who may see them; a password never is.
        None if has_password(&parsed.service.store) => {
            Err(format!("`service.store`: a password does not stand in settings; use {PASSWORDS}"))
        }
        None => check_sign_in(&parsed.service),
    }
}

/// Where a password of a store may stand.
const PASSWORDS: &str = "`PGPASSWORD`, a `.pgpass` file, or `env:NAME`";

/// Whether an address of a store may stand on a command line, which others on the machine can read.
///
/// # Errors
/// One sentence, without the address, if there is a password in it.
pub fn check_store_argument(url: &str) -> Result<(), String> {
    match has_password(url) {
        true => Err(format!(
            "`--store`: a password does not stand on a command line, where others can read it; use {PASSWORDS}."
        )),
        false => Ok(()),
    }
}

/// What a provider of sign-ins may be: what is said to it and what it says must not be heard or changed on the way.
fn check_sign_in(service: &ServiceSettings) -> Result<(), String> {
    let oidc = &service.oidc;
    if !oidc.issuer.is_empty() && !is_private(&oidc.issuer) {
        return Err("`service.oidc.issuer`: an address that begins with https:// is expected, without `?` and `#`; http:// only on this machine".into());
    }
    if !oidc.scopes.iter().any(|scope| scope == "openid") || oidc.scopes.iter().any(|scope| scope.contains(' ')) {
        return Err("`service.oidc.scopes`: a list of words with `openid` among them is expected".into());
    }
    if oidc.algorithms.is_empty() {
        return Err("`service.oidc.algorithms`: one at least is expected".into());
    }
    for (level, name) in [(&oidc.sign_in, "sign-in"), (&oidc.step_up, "step-up")] {
        for (words, key) in [(&level.acr_values, "acr-values"), (&level.amr, "amr")] {
            if words.iter().any(|word| word.is_empty() || !is_of_words(word)) {
                return Err(format!("`service.oidc.{name}.{key}`: {WORDS} is expected"));
            }
        }
    }
    if !is_of_words(&oidc.scope_prefix) {
        return Err("`service.oidc.scope-prefix`: the beginning of a word without blanks and quotes is expected".into());
    }
    let is_origin = |url: &str| {
        url.split_once("://").is_some_and(|(scheme, host)| {
            ["http", "https"].contains(&scheme) && !host.is_empty() && !host.contains(['/', '?', '#', '@', ' '])
        })
    };
    match service.public_url.as_str() {
        "" => Ok(()),
        url if is_origin(url) => Ok(()),
        _ => {
            Err("`service.public-url`: `https://HOST` or `https://HOST:PORT` is expected, with nothing behind it"
                .into())
        }
    }
}

/// What stands in a list of words of OAuth.
const WORDS: &str = "a list of words without blanks and quotes";

/// Whether all letters are those of words that OAuth puts side by side, and into a header (RFC 6749, 3.3).
fn is_of_words(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

/// Whether nobody on the way hears or changes what goes to an address: TLS, or this machine.
pub fn is_private(url: &str) -> bool {
    let is_plain = !url.contains(['?', '#', '\\', ' ']) && !url.bytes().any(|byte| byte.is_ascii_control());
    let is_secure = url
        .strip_prefix("https://")
        .map(|rest| rest.split('/').next().unwrap_or(""))
        .is_some_and(|host| !host.is_empty() && !host.contains('@'));
    is_plain && (is_secure || (url.starts_with("http://") && is_this_machine(url)))
}

fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest).split(['/', '?']).next().unwrap_or("");
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) || url.contains("password=")
}

const OWN: &str = "belongs into your own settings, `code-agent/config.toml` in the folder of your configuration";

/// What a workspace may not say of models: its file comes with code that others wrote, and must not send anybody's key or text anywhere,
/// nor spend more of anybody's money.
pub(super) fn check_workspace(layer: &Value) -> Result<(), String> {
    if layer.get("budget").is_some() {
        return Err(format!("`budget` {OWN}"));
    }
    check_programs(layer)?;
    // Answers go there, and what lies there is shown as answers.
    let is_away = |address: &Value| !address.as_str().is_some_and(is_this_machine);
    let goes_away = match layer.pointer("/cache/redis") {
        None => false,
        Some(Value::Array(addresses)) => addresses.iter().any(is_away),
        Some(address) => is_away(address),
    };
    if goes_away {
        return Err(format!("`cache.redis` outside of this machine {OWN}"));
    }
    if layer.pointer("/models/pictures").is_some_and(|said| said != "refuse") {
        return Err(format!("`models.pictures` other than `refuse` {OWN}"));
    }
    let targets = layer.pointer("/models/target").and_then(Value::as_array);
    for target in targets.into_iter().flatten() {
        if target.get("api-key").is_some() {
            return Err(format!("`models.target.api-key` {OWN}"));
        }
        let is_here = target.get("base-url").and_then(Value::as_str).is_some_and(is_this_machine);
        if !is_here {
            return Err(format!("`models.target` with a `base-url` outside of this machine {OWN}"));
        }
    }
    Ok(())
}

/// What an editor may not say of models: its settings may come from a file in the workspace too, and must start no program.
pub(super) fn check_editor(layer: &Value) -> Result<(), String> {
    let mut targets = layer.pointer("/models/target").and_then(Value::as_array).into_iter().flatten();
    if targets.any(|target| target.pointer("/api-key/command").is_some()) {
        return Err(format!("`models.target.api-key` with a `command` {OWN}"));
    }
    check_programs(layer)
}

/// A program is named by the user alone, and so is what a service opens to others.
fn check_programs(layer: &Value) -> Result<(), String> {
    if layer.get("service").is_some() {
        return Err(format!("`service` {OWN}"));
    }
    let named = ["format", "verify"].into_iter().find(|key| layer.pointer(&format!("/actions/{key}")).is_some());
    named.map_or(Ok(()), |key| Err(format!("`actions.{key}` {OWN}")))
}

/// Whether an address is one of this machine and nothing else.
fn is_this_machine(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    if !["http", "https", "redis", "rediss"].contains(&scheme) {
        return false;
    }
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or("");
    if authority.contains('@') {
        return false;
    }
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or(""),
        None => authority.split(':').next().unwrap_or(""),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Finds the first key that is wrong by trying each alone, since the error of the whole does not name it.
fn blame(layer: &Value) -> Option<String> {
    let alone = |section: &str, value: Value| serde_json::from_value::<Settings>(Value::Object(object(section, value)));
    for (section, content) in layer.as_object()? {
        let Value::Object(keys) = content else {
            match alone(section, content.clone()) {
                Ok(_) => continue,
                Err(error) => return Some(format!("`{section}`: {error}")),
            }
        };
        if let Err(error) = alone(section, Value::Object(Map::new())) {
            return Some(format!("`{section}`: {error}"));
        }
        for (key, value) in keys {
            if let Err(error) = alone(section, Value::Object(object(key, value.clone()))) {
                return Some(
                    blame_entry(section, key, value, &alone).unwrap_or_else(|| format!("`{section}.{key}`: {error}")),
                );
            }
        }
    }
    None
}

/// The same one level further down, for tables such as `analysis.rules`.
fn blame_entry(
    section: &str,
    key: &str,
    value: &Value,
    alone: &dyn Fn(&str, Value) -> serde_json::Result<Settings>,
) -> Option<String> {
    value.as_object()?.iter().find_map(|(name, value)| {
        let nested = Value::Object(object(key, Value::Object(object(name, value.clone()))));
        let problem = alone(section, nested).err()?;
        // Rules are the only table with several shapes, and the derived message says nothing of use for it.
        let allowed = if key == "rules" {
            "expected `off`, `on`, `error`, `warning`, `info`, `hint`, or a table with `level` and the rule's options"
                .to_string()
        } else {
            problem.to_string()
        };
        Some(format!("`{section}.{key}.{name}`: {allowed}"))
    })
}

pub(super) fn object(key: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(key.to_string(), value)])
}
