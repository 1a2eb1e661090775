//! The settings of the provider by whom people sign in. No secret of it ever stands here, only where that is found.

use llm::config::KeySource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A provider by whom people sign in, with OpenID Connect. Without an `issuer` there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct OidcSettings {
    /// The provider's address, exactly as it calls itself. It begins with https://, unless the provider is on this machine.
    pub issuer: String,
    /// How the provider calls this service.
    pub client_id: String,
    /// Where the secret is found that the provider gave to this service: `{ env = "NAME" }`, `{ file = "PATH" }` or `{ command = ["PROGRAM"] }`.
    /// A public client has none.
    pub client_secret: Option<KeySource>,
    /// What the provider is asked for. `openid` has to be among them.
    pub scopes: Vec<String>,
    /// The audience of the provider's access tokens that are meant for this service, as JWTs of RFC 9068. Empty takes none of them.
    pub audience: String,
    /// The algorithms with which the provider may sign. Where its key does not say which one it is for, it is the first that fits the key.
    #[schemars(length(min = 1))]
    pub algorithms: Vec<TokenAlgorithm>,
    /// The claim with the groups or roles that the provider gives to people; a dot goes into an object. Empty leaves roles to the admins of this
    /// service.
    pub role_claim: String,
    /// Which value of that claim stands for which role here. Of several that fit, the first in this order counts: `admin`, `maintainer`,
    /// `developer`, `auditor`, `viewer`.
    pub roles: BTreeMap<String, RoleSetting>,
    /// The role of people whom the claim gives none.
    pub default_role: RoleSetting,
    /// What becomes of people who come for the first time.
    pub unknown_people: UnknownPeople,
    /// With what those scopes of access tokens begin that are meant for this service, such as `code-agent:`. Behind it stands a part of the service as
    /// API tokens have it (`documents`, `jobs`, …, and `tokens` and `sessions`), or `*` for all of them; a token may do what its scopes name, and its
    /// account may do, and nothing else. They stand in `scope`, or in `scp` where there is none. Empty leaves the scopes of the provider alone, and a token
    /// may do what its account may.
    pub scope_prefix: String,
    /// What the provider has to confirm of a sign-in, and of the one that an access token came from, to let somebody in at all. Who showed what
    /// `step-up` demands showed enough. A session of before this was set, of which less is recorded, has to sign in again.
    pub sign_in: LevelSettings,
    /// What it has to confirm for what is dangerous, not more than five minutes ago; what is left out is as in `sign-in`. Where something stands here,
    /// access tokens of the provider that confirm it (`acr`, `amr`, `auth_time`) may do what is dangerous too; without it none of them may.
    pub step_up: LevelSettings,
}

/// How surely a provider has to know who somebody is. Where both are set, both are demanded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LevelSettings {
    /// Classes of sign-ins as the provider names them, the best one first. It is asked for them (`acr_values`), and has to say that it was one of them
    /// (`acr`). Empty demands none.
    pub acr_values: Vec<String>,
    /// Ways of signing in (RFC 8176, such as `mfa`, `otp` or `hwk`), of which the provider has to name one at least (`amr`). Empty demands none.
    pub amr: Vec<String>,
}

impl LevelSettings {
    /// Whether nothing is demanded.
    pub fn is_empty(&self) -> bool {
        self.acr_values.is_empty() && self.amr.is_empty()
    }
}

impl OidcSettings {
    /// What is demanded for what is dangerous, with what is left out as it is for signing in.
    pub fn level_of_step_up(&self) -> LevelSettings {
        let own_or = |own: &[String], other: &[String]| if own.is_empty() { other.to_vec() } else { own.to_vec() };
        LevelSettings {
            acr_values: own_or(&self.step_up.acr_values, &self.sign_in.acr_values),
            amr: own_or(&self.step_up.amr, &self.sign_in.amr),
        }
    }
}

impl Default for OidcSettings {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            scopes: ["openid", "profile"].map(str::to_owned).to_vec(),
            audience: String::new(),
            algorithms: vec![
                TokenAlgorithm::Es256,
                TokenAlgorithm::Rs256,
                TokenAlgorithm::EdDsa,
                TokenAlgorithm::Ps256,
            ],
            role_claim: String::new(),
            roles: BTreeMap::new(),
            default_role: RoleSetting::default(),
            unknown_people: UnknownPeople::default(),
            scope_prefix: String::new(),
            sign_in: LevelSettings::default(),
            step_up: LevelSettings::default(),
        }
    }
}

/// An algorithm with which tokens are signed, as RFC 7518 and RFC 8037 name it. Those with a shared secret are none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TokenAlgorithm {
    /// ECDSA over P-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA over P-384.
    #[serde(rename = "ES384")]
    Es384,
    /// RSA with PKCS #1 v1.5 and SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSA with PKCS #1 v1.5 and SHA-384.
    #[serde(rename = "RS384")]
    Rs384,
    /// RSA with PKCS #1 v1.5 and SHA-512.
    #[serde(rename = "RS512")]
    Rs512,
    /// RSA with PSS and SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSA with PSS and SHA-384.
    #[serde(rename = "PS384")]
    Ps384,
    /// RSA with PSS and SHA-512.
    #[serde(rename = "PS512")]
    Ps512,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// A role of this service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RoleSetting {
    /// Looks, and has texts checked.
    #[default]
    Viewer,
    /// Runs jobs too.
    Developer,
    /// Sees to everybody's jobs too.
    Maintainer,
    /// Sees to accounts too.
    Admin,
    /// Sees what was allowed and what was not.
    Auditor,
}

/// What becomes of people who come for the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownPeople {
    /// They stay outside.
    #[default]
    Refuse,
    /// Those whose claim stands for a role get an account.
    WithRole,
    /// All of them get an account. At a provider that is open to everybody, that is everybody.
    Welcome,
}
