//! How surely a provider knows who somebody is: by which class of sign-in (`acr`), and by which ways (`amr`, RFC 8176), held against what the settings
//! demand. What the provider does not say was not shown.

use crate::auth::jwt::Claims;
use engine::config::sections::{LevelSettings, OidcSettings};
use serde_json::Value;

/// Letters of a claim that the log repeats.
const MOST_SHOWN: usize = 100;

/// What a sign-in at the provider lacks, for whoever runs the service to read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Lack {
    /// The provider says nothing of it.
    #[error("its claim `{claim}` is missing, and the settings demand one of {wanted}")]
    Missing {
        /// The claim.
        claim: &'static str,
        /// What would be enough.
        wanted: String,
    },
    /// It says something else.
    #[error("its claim `{claim}` is {said}, and the settings demand one of {wanted}")]
    Other {
        /// The claim.
        claim: &'static str,
        /// What stands there.
        said: String,
        /// What would be enough.
        wanted: String,
    },
    /// It does not say when it was.
    #[error("its claim `auth_time` is missing, and for what is dangerous the sign-in has to be a recent one")]
    Moment,
}

impl Lack {
    /// What somebody is told who can sign in there again, or write to those who run the service.
    pub fn said(&self) -> String {
        match self {
            Self::Missing { claim, .. } => format!(
                "The provider does not say how you signed in there (`{claim}` is missing), and this service demands to know; sign in there again, or tell its admins."
            ),
            Self::Other { .. } => {
                "You signed in at the provider by less than this demands; sign in there again by a stronger way, such as a second factor.".to_owned()
            }
            Self::Moment => {
                "The provider does not say when you signed in there (`auth_time` is missing), and this demands a recent sign-in; tell the admins of this service.".to_owned()
            }
        }
    }
}

/// What a sign-in is enough for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    /// For coming in.
    pub sign_in: Result<(), Lack>,
    /// For what is dangerous.
    pub step_up: Result<(), Lack>,
}

/// What the sign-in of a token is enough for.
pub(super) fn reached(claims: &Claims, settings: &OidcSettings) -> Reached {
    let step_up = compared(claims, &settings.level_of_step_up());
    // Classes have no order that is known here; but who showed enough for what is dangerous showed enough to come in.
    let sign_in = if step_up.is_ok() { Ok(()) } else { compared(claims, &settings.sign_in) };
    Reached { sign_in, step_up }
}

fn compared(claims: &Claims, level: &LevelSettings) -> Result<(), Lack> {
    // One class is a text, and ways are a list; whatever else stands there is none of what is demanded.
    one_of(claims, "acr", &level.acr_values, |said, wanted| said.as_str() == Some(wanted))?;
    one_of(claims, "amr", &level.amr, |said, wanted| {
        said.as_array().is_some_and(|ways| ways.iter().any(|way| way.as_str() == Some(wanted)))
    })
}

/// Whether a claim has one of the wanted values, where any are wanted.
fn one_of(
    claims: &Claims,
    claim: &'static str,
    wanted: &[String],
    has: impl Fn(&Value, &str) -> bool,
) -> Result<(), Lack> {
    if wanted.is_empty() {
        return Ok(());
    }
    let said = claims.get(claim).filter(|said| !said.is_null());
    match said {
        Some(said) if wanted.iter().any(|one| has(said, one)) => Ok(()),
        Some(said) => {
            let shown = said.to_string();
            let said = shown.chars().filter(|letter| matches!(letter, ' '..='~')).take(MOST_SHOWN).collect();
            Err(Lack::Other { claim, said, wanted: wanted.join(" ") })
        }
        None => Err(Lack::Missing { claim, wanted: wanted.join(" ") }),
    }
}
