//! Signed tokens (RFC 7519), read strictly: our own and those of a provider go the same way.
//!
//! The algorithm is pinned to the key: what a token says of itself is compared, never believed, and a key is taken from what is known here, never from
//! the token. Says why a token is refused only to whoever runs the service.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of a token; no honest one has as many.
const LONGEST: usize = 16 << 10;
/// What clocks may differ by, in seconds.
pub(crate) const LEEWAY: i64 = 5;

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It is no token: not three parts, or a part is not what it has to be.
    #[error("it has not the form of a token")]
    Form,
    /// It wants to be read in a way that is not known here.
    #[error("its header names something critical that is not understood")]
    Critical,
    /// It is of another type.
    #[error("it is a token of another type")]
    Type,
    /// Its key is not known.
    #[error("its key is not known")]
    Key,
    /// It names another algorithm than the one of its key.
    #[error("its algorithm is not the one of its key")]
    Algorithm,
    /// Its signature is not that of its key.
    #[error("its signature is wrong")]
    Signature,
    /// Somebody else made it.
    #[error("it is of another issuer")]
    Issuer,
    /// It is for somebody else.
    #[error("it is for another audience")]
    Audience,
    /// It is over, not good yet, or good for too long.
    #[error("its time is over, has not come, or is too long")]
    Time,
    /// A claim is missing, of another type, or not what it has to be.
    #[error("its claim `{0}` is missing or wrong")]
    Claim(&'static str),
    /// Its subject is a program, which could be taken for a person of the same name (RFC 9068, 5).
    #[error("it is of a program, and no person stands behind it")]
    Program,
}

/// A key with the one algorithm that it is for.
#[derive(Clone)]
pub(crate) struct PinnedKey {
    key: DecodingKey,
    algorithm: Algorithm,
    /// How tokens call it.
    name: &'static str,
    /// No other key has it, not even the same one read again.
    number: u64,
}

impl PinnedKey {
    /// Pins an algorithm; `None` where that is not one for such a key, or is one with a shared secret.
    pub fn new(key: DecodingKey, algorithm: Algorithm) -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = name(algorithm)?;
        let is_fit = key.family() == algorithm.family();
        is_fit.then(|| Self { key, algorithm, name, number: NEXT.fetch_add(1, Ordering::Relaxed) })
    }

    /// What tells it from all other keys that were ever read here.
    pub fn number(&self) -> u64 {
        self.number
    }
}

/// An object in which no name stands twice, so that no two readers see different things in it.
struct Once(Map<String, Value>);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Once;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object in which no name stands twice")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Once, A::Error> {
                let mut all = Map::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if all.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name stands twice"));
                    }
                }
                Ok(Once(all))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

/// A token of which nothing is believed yet.
pub(crate) struct Unverified<'a> {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    said: &'a str,
    signature: &'a str,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// [`Refusal::Form`] and [`Refusal::Critical`].
    pub fn read(token: &'a str) -> Result<Self, Refusal> {
        if token.len() > LONGEST {
            return Err(Refusal::Form);
        }
        let (said, signature) = token.rsplit_once('.').ok_or(Refusal::Form)?;
        let (header, claims) = said.split_once('.').ok_or(Refusal::Form)?;
        if claims.contains('.') {
            return Err(Refusal::Form);
        }
        let object = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Form)?;
            serde_json::from_slice::<Once>(&bytes).map(|once| once.0).map_err(|_| Refusal::Form)
        };
        let (header, claims) = (object(header)?, object(claims)?);
        // Each of them changes what the token means, and none is understood here.
        if ["crit", "b64", "zip", "enc"].iter().any(|name| header.contains_key(*name)) {
            return Err(Refusal::Critical);
        }
        Ok(Self { header, claims, said, signature })
    }

    /// The key that it says it is signed with.
    ///
    /// # Errors
    /// If what it says is no text.
    pub fn key_id(&self) -> Result<Option<&str>, Refusal> {
        self.header.get("kid").map(|kid| kid.as_str().ok_or(Refusal::Key)).transpose()
    }

    /// Its type in lower case, without the part that may be left out; `None` where it has none.
    ///
    /// # Errors
    /// If what it says is no text.
    pub fn kind(&self) -> Result<Option<String>, Refusal> {
        let Some(kind) = self.header.get("typ") else { return Ok(None) };
        let kind = kind.as_str().ok_or(Refusal::Type)?.to_ascii_lowercase();
        Ok(Some(kind.strip_prefix("application/").unwrap_or(&kind).to_owned()))
    }

    /// Its claims, if the key signed it.
    ///
    /// # Errors
    /// If it names another algorithm than that of the key, or the signature is another.
    pub fn verified(self, key: &PinnedKey) -> Result<Claims, Refusal> {
        // Compared as a text: what is not the name of the algorithm in its exact spelling is another one.
        if self.header.get("alg").and_then(Value::as_str) != Some(key.name) {
            return Err(Refusal::Algorithm);
        }
        match jsonwebtoken::crypto::verify(self.signature, self.said.as_bytes(), &key.key, key.algorithm) {
            Ok(true) => Ok(Claims(Value::Object(self.claims))),
            Ok(false) | Err(_) => Err(Refusal::Signature),
        }
    }
}

/// How an algorithm is called in tokens; `None` for one with a shared secret, or that is not known here.
fn name(algorithm: Algorithm) -> Option<&'static str> {
    Some(match algorithm {
        Algorithm::ES256 => "ES256",
        Algorithm::ES384 => "ES384",
        Algorithm::RS256 => "RS256",
        Algorithm::RS384 => "RS384",
        Algorithm::RS512 => "RS512",
        Algorithm::PS256 => "PS256",
        Algorithm::PS384 => "PS384",
        Algorithm::PS512 => "PS512",
        Algorithm::EdDSA => "EdDSA",
        _ => return None,
    })
}

/// What a token says that a known key signed: an object.
#[derive(Debug)]
pub(crate) struct Claims(Value);

impl Claims {
    /// A claim as it stands there.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All of them as a type has them.
    pub fn read<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        T::deserialize(&self.0)
    }

    /// A text that is not empty.
    pub fn text(&self, name: &'static str) -> Result<&str, Refusal> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or(Refusal::Claim(name))
    }

    /// A moment in seconds since 1970; `None` where there is no such claim.
    pub fn moment(&self, name: &'static str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let seconds = value.as_i64().or_else(|| value.as_f64().map(|float| float as i64));
        // As far as the year 9999; beyond it nobody means a moment.
        seconds.filter(|seconds| (0..=253_402_300_799).contains(seconds)).map(Some).ok_or(Refusal::Claim(name))
    }

    /// Whether it is of this issuer, by each letter.
    pub fn is_of(&self, issuer: &str) -> Result<(), Refusal> {
        if self.text("iss").map_err(|_| Refusal::Issuer)? == issuer { Ok(()) } else { Err(Refusal::Issuer) }
    }

    /// Those for whom it is.
    pub fn audience(&self) -> Result<Vec<&str>, Refusal> {
        match self.0.get("aud") {
            Some(Value::String(one)) => Ok(vec![one]),
            Some(Value::Array(all)) => {
                all.iter().map(|one| one.as_str().ok_or(Refusal::Audience)).collect::<Result<_, _>>()
            }
            _ => Err(Refusal::Audience),
        }
    }

    /// Whether it is good at this moment, and for no longer than `longest` seconds from now on.
    pub fn is_good_at(&self, now: i64, longest: i64) -> Result<(), Refusal> {
        let ends = self.moment("exp")?.ok_or(Refusal::Claim("exp"))?;
        let begins = self.moment("nbf")?.unwrap_or(0);
        let made = self.moment("iat")?.unwrap_or(0);
        let is_over = ends <= now - LEEWAY;
        let is_early = begins.max(made) > now + LEEWAY;
        if is_over || is_early || ends > now + longest + LEEWAY { Err(Refusal::Time) } else { Ok(()) }
    }
}
