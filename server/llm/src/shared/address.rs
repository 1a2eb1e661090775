//! Where a shared Redis is. What is read from a place may hold a password, so that it is a secret and is never shown.

use crate::config::KeySource;
use schemars::JsonSchema;
use security::secret::Secret;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a Redis is: its address, the addresses of some nodes of a cluster, or the place where these are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RedisSource {
    /// `redis://host:port`, or `rediss://` for TLS.
    Address(String),
    /// Some nodes of a cluster; the others are found through them.
    Cluster(Vec<String>),
    /// Where the address is written. Several, with blanks between them, are a cluster.
    Place(KeySource),
}

const FORM: &str = "`redis` is an address as \"redis://host:6379\", a list of them for a cluster, or the place of one, { env = \"NAME\" } or \
    { file = \"PATH\" }; an address with a password in it never stands in settings";

/// Read by hand, because the derived messages quote what stands there, and that may have a password in it.
impl<'de> Deserialize<'de> for RedisSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = RedisSource;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("where a Redis is")
            }

            fn visit_str<E: de::Error>(self, url: &str) -> Result<RedisSource, E> {
                let is_good = is_address(url) && !has_password(url);
                if is_good { Ok(RedisSource::Address(url.to_owned())) } else { Err(E::custom(FORM)) }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RedisSource, A::Error> {
                let wrong = || de::Error::custom(FORM);
                let mut urls = Vec::new();
                while let Some(url) = seq.next_element::<String>().map_err(|_| wrong())? {
                    urls.push(url);
                }
                let is_good = !urls.is_empty() && urls.iter().all(|url| is_address(url) && !has_password(url));
                if is_good { Ok(RedisSource::Cluster(urls)) } else { Err(wrong()) }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RedisSource, A::Error> {
                let place = KeySource::deserialize(de::value::MapAccessDeserializer::new(map));
                place.map(RedisSource::Place).map_err(|_| de::Error::custom(FORM))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

fn is_address(url: &str) -> bool {
    let rest = url.strip_prefix("redis://").or_else(|| url.strip_prefix("rediss://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}

/// Whether anything stands before the host, a name alone included.
fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.contains('@')
}

/// Addresses to connect to.
#[derive(Clone)]
pub struct Addresses {
    urls: Vec<String>,
    is_cluster: bool,
}

impl Addresses {
    /// What a source stands for. `read` reads a place.
    ///
    /// # Errors
    /// A sentence, without an address in it, if there is none.
    pub fn of(source: &RedisSource, read: &dyn Fn(&KeySource) -> Result<Secret, String>) -> Result<Self, String> {
        let (urls, is_cluster) = match source {
            RedisSource::Address(url) => (vec![url.clone()], false),
            RedisSource::Cluster(urls) => (urls.clone(), true),
            RedisSource::Place(place) => {
                let written = read(place)?;
                let parts = written.expose().split(|letter: char| letter.is_whitespace() || letter == ',');
                let urls: Vec<String> = parts.filter(|part| !part.is_empty()).map(str::to_owned).collect();
                let is_cluster = urls.len() > 1;
                (urls, is_cluster)
            }
        };
        if urls.is_empty() || !urls.iter().all(|url| is_address(url)) {
            return Err("Its address must begin with redis:// or rediss://.".to_owned());
        }
        Ok(Self { urls, is_cluster })
    }

    pub(super) fn urls(&self) -> &[String] {
        &self.urls
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.is_cluster
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Settings {
        redis: RedisSource,
    }

    fn addresses(toml: &str, written: &str) -> Result<(Vec<String>, bool), String> {
        let settings: Settings = toml::from_str(toml).map_err(|error| error.message().to_owned())?;
        let found = Addresses::of(&settings.redis, &|_| Ok(Secret::new(written)))?;
        Ok((found.urls, found.is_cluster))
    }

    #[test]
    fn an_address_a_list_and_a_place_are_understood() {
        let one = |url: &str| Ok((vec![url.to_owned()], false));
        assert_eq!(addresses("redis = 'redis://h:1'", ""), one("redis://h:1"));
        assert_eq!(addresses("redis = { env = 'R' }", "rediss://:pw@h:1/2\n"), one("rediss://:pw@h:1/2"));
        let two = Ok((vec!["redis://a:1".to_owned(), "redis://b:2".to_owned()], true));
        assert_eq!(addresses("redis = ['redis://a:1', 'redis://b:2']", ""), two);
        assert_eq!(addresses("redis = { file = 'f' }", "redis://a:1 redis://b:2"), two);
        assert_eq!(addresses("redis = ['redis://a:1']", ""), Ok((vec!["redis://a:1".to_owned()], true)));
    }

    #[test]
    fn what_is_wrong_is_told_without_what_stands_there() {
        for wrong in [
            "redis = 'redis://:hunter2@h:1'",
            "redis = 'redis://hunter2@h:1'",
            "redis = ['redis://h:1', 'redis://u:hunter2@h:2']",
            "redis = 'hunter2'",
            "redis = []",
            "redis = ['hunter2']",
            "redis = { url = 'hunter2' }",
            "redis = { env = 'A', file = 'hunter2' }",
            "redis = 7",
        ] {
            let told = addresses(wrong, "").unwrap_err();
            assert!(
                !told.contains("hunter2") && (told.contains("`redis` is") || wrong.ends_with('7')),
                "{wrong}: {told}"
            );
        }
        let told = addresses("redis = { env = 'R' }", "http://hunter2").unwrap_err();
        assert_eq!(told, "Its address must begin with redis:// or rediss://.");
    }
}
