//! How surely a provider knows who somebody is: by which class of sign-in (`acr`), and by which ways (`amr`, RFC 8176), held against what the settings
//! demand. What the provider does not say was not shown.
//!
//! A session is held against what they demand now, by what was recorded when its owner last showed who he is: one of before a level was set is worth no more
//! than a token that says as little.

use crate::auth::factors::{PASSWORD, PROVIDER};
use crate::auth::jwt::Claims;
use engine::config::sections::{LevelSettings, OidcSettings};
use engine::store::tokens::Session;
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
    /// The same for counting: nothing in it is what somebody said.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Missing { claim: "acr", .. } => "no acr",
            Self::Missing { .. } => "no amr",
            Self::Other { claim: "acr", .. } => "another acr",
            Self::Other { .. } => "another amr",
            Self::Moment => "no auth_time",
        }
    }

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

/// What is said of a sign-in.
#[derive(Clone, Copy)]
struct Said<'a> {
    acr: Option<&'a Value>,
    amr: Option<&'a Value>,
}

/// What the sign-in of a token is enough for.
pub(super) fn reached(claims: &Claims, settings: &OidcSettings) -> Reached {
    enough_for(Said { acr: claims.get("acr"), amr: claims.get("amr") }, settings)
}

/// What the sign-in of a session is enough for.
pub(crate) fn reached_by_session(session: &Session, settings: &OidcSettings) -> Reached {
    let demands_nothing = settings.sign_in.is_empty() && settings.step_up.is_empty();
    let (first, ways) = session.amr.split_first().map_or((None, &[][..]), |(first, ways)| (Some(first.as_str()), ways));
    // Who has a password here is none of the provider's people.
    if demands_nothing || first == Some(PASSWORD) {
        return Reached { sign_in: Ok(()), step_up: Ok(()) };
    }
    // What was shown here since then does not stand for what the provider has to confirm.
    let is_confirmed = first == Some(PROVIDER);
    let acr = session.acr.as_deref().filter(|_| is_confirmed).map(Value::from);
    let amr = (is_confirmed && !ways.is_empty()).then(|| Value::from(ways.to_vec()));
    enough_for(Said { acr: acr.as_ref(), amr: amr.as_ref() }, settings)
}

fn enough_for(said: Said<'_>, settings: &OidcSettings) -> Reached {
    let step_up = compared(said, &settings.level_of_step_up());
    // Classes have no order that is known here; but who showed enough for what is dangerous showed enough to come in.
    let sign_in = if step_up.is_ok() { Ok(()) } else { compared(said, &settings.sign_in) };
    Reached { sign_in, step_up }
}

fn compared(said: Said<'_>, level: &LevelSettings) -> Result<(), Lack> {
    // One class is a text, and ways are a list; whatever else stands there is none of what is demanded.
    one_of(said.acr, "acr", &level.acr_values, |said, wanted| said.as_str() == Some(wanted))?;
    one_of(said.amr, "amr", &level.amr, |said, wanted| {
        said.as_array().is_some_and(|ways| ways.iter().any(|way| way.as_str() == Some(wanted)))
    })
}

/// Whether a claim has one of the wanted values, where any are wanted.
fn one_of(
    said: Option<&Value>,
    claim: &'static str,
    wanted: &[String],
    has: impl Fn(&Value, &str) -> bool,
) -> Result<(), Lack> {
    if wanted.is_empty() {
        return Ok(());
    }
    match said.filter(|said| !said.is_null()) {
        Some(said) if wanted.iter().any(|one| has(said, one)) => Ok(()),
        Some(said) => {
            let shown = said.to_string();
            let said = shown.chars().filter(|letter| matches!(letter, ' '..='~')).take(MOST_SHOWN).collect();
            Err(Lack::Other { claim, said, wanted: wanted.join(" ") })
        }
        None => Err(Lack::Missing { claim, wanted: wanted.join(" ") }),
    }
}
