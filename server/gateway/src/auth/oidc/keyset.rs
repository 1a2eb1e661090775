//! The public keys of a provider (RFC 7517), each pinned to one algorithm when it is read.
//!
//! What cannot be used here (keys with a shared secret, for encryption, too short, of a kind or an algorithm that is not allowed) is left out; where two
//! keys have one name, both are.

use crate::auth::jwt::PinnedKey;
use engine::config::sections::TokenAlgorithm;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde_json::Value;
use std::str::FromStr;

/// Keys that are read; no provider has so many at one time.
const MOST: usize = 64;
/// Letters of base64url that the number of an RSA key of 2048 bits has.
const SHORTEST_RSA: usize = 341;

/// The keys by their names.
#[derive(Default)]
pub(crate) struct KeySet(Vec<(Option<String>, PinnedKey)>);

/// The same algorithm as the library has it.
fn of_setting(algorithm: TokenAlgorithm) -> Algorithm {
    match algorithm {
        TokenAlgorithm::Es256 => Algorithm::ES256,
        TokenAlgorithm::Es384 => Algorithm::ES384,
        TokenAlgorithm::Rs256 => Algorithm::RS256,
        TokenAlgorithm::Rs384 => Algorithm::RS384,
        TokenAlgorithm::Rs512 => Algorithm::RS512,
        TokenAlgorithm::Ps256 => Algorithm::PS256,
        TokenAlgorithm::Ps384 => Algorithm::PS384,
        TokenAlgorithm::Ps512 => Algorithm::PS512,
        TokenAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}

impl KeySet {
    /// Reads the document of a provider; `None` where it is none.
    pub fn read(document: &[u8], allowed: &[TokenAlgorithm]) -> Option<Self> {
        let document: Value = serde_json::from_slice(document).ok()?;
        let allowed: Vec<Algorithm> = allowed.iter().map(|&one| of_setting(one)).collect();
        let keys = document.get("keys")?.as_array()?.iter().take(MOST);
        Some(Self(keys.filter_map(|key| of_jwk(key, &allowed)).collect()))
    }

    /// The key of this name. Where a token names none, the only one that there is.
    pub fn find(&self, id: Option<&str>) -> Option<&PinnedKey> {
        let mut found = self.0.iter().filter(|(known, _)| id.is_none() || known.as_deref() == id);
        match (found.next(), found.next()) {
            (Some((_, key)), None) => Some(key),
            _ => None,
        }
    }
}

fn of_jwk(key: &Value, allowed: &[Algorithm]) -> Option<(Option<String>, PinnedKey)> {
    let jwk: Jwk = serde_json::from_value(key.clone()).ok()?;
    if jwk.common.public_key_use.as_ref().is_some_and(|used| *used != PublicKeyUse::Signature) {
        return None;
    }
    let (family, is_long_enough) = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(_) => (AlgorithmFamily::Ec, true),
        AlgorithmParameters::OctetKeyPair(_) => (AlgorithmFamily::Ed, true),
        AlgorithmParameters::RSA(rsa) => (AlgorithmFamily::Rsa, rsa.n.len() >= SHORTEST_RSA),
        _ => return None,
    };
    // Elliptic curves are for one algorithm each, whatever else the key says.
    let fits = |algorithm: Algorithm| match (algorithm, key.get("crv").and_then(Value::as_str)) {
        (Algorithm::ES256, curve) => curve == Some("P-256"),
        (Algorithm::ES384, curve) => curve == Some("P-384"),
        (Algorithm::EdDSA, curve) => curve == Some("Ed25519"),
        _ => algorithm.family() == family,
    };
    let said = key.get("alg").map(|said| said.as_str().and_then(|said| Algorithm::from_str(said).ok()));
    let algorithm = match said {
        Some(said) => said.filter(|said| allowed.contains(said) && fits(*said))?,
        None => allowed.iter().copied().find(|algorithm| fits(*algorithm))?,
    };
    let pinned = PinnedKey::new(DecodingKey::from_jwk(&jwk).ok()?, algorithm)?;
    is_long_enough.then_some((jwk.common.key_id, pinned))
}
