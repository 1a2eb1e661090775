//! Who asks, and whether that is allowed: tokens become a [`Principal`], and each operation of the document asks the policies.
//!
//! What no policy permits is denied. Decisions are written down with the policies that made them: all but those that let somebody only look.

mod bearer;
pub(crate) mod factors;
pub(crate) mod jwt;
pub(crate) mod keys;
pub(crate) mod oidc;
pub(crate) mod outcome;
pub(crate) mod passwords;
pub(crate) mod policy;
pub(crate) mod recent;
pub(crate) mod recovery;
pub(crate) mod scrapers;
pub(crate) mod secrets;
pub(crate) mod seen;
mod seldom;
pub(crate) mod totp;
mod verified;

use crate::conditional::{Known, conditional};
use crate::error::{Kind, Problem, correlation};
use crate::metrics::access::needs_no_token;
use crate::openapi::{DOCUMENT, Operation};
use crate::quotas;
use crate::state::Gateway;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use engine::store::StoreError;
use engine::store::accounts::Account;
use engine::store::now_ms;
use engine::store::tokens::Session;
use oidc::level::{Lack, reached_by_session};
use policy::Decision;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The account.
    pub account: Account,
    /// How it was shown.
    pub via: Via,
}

/// How somebody showed who he is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// By signing in.
    Session {
        /// The session.
        id: String,
        /// By what he last showed it, as RFC 8176 names it.
        amr: Vec<String>,
        /// When he last did, in Unix milliseconds; 0 where that was less than was demanded then for what is dangerous.
        auth_time: i64,
        /// What that lacks for what is dangerous, by what is demanded now.
        lack: Option<Lack>,
    },
    /// By an API token.
    Token {
        /// The token.
        id: String,
        /// The parts of the service that it opens; `*` is all.
        scopes: Vec<String>,
    },
    /// By an access token of the provider of sign-ins.
    Provider {
        /// How the provider names the token.
        id: String,
        /// What stands for it where it is given back.
        mark: String,
        /// When it was made, in Unix milliseconds, by a clock that may be behind.
        made: i64,
        /// When it is over, in Unix milliseconds.
        ends: i64,
        /// The parts of the service that its scopes name; `None` where the settings leave scopes alone.
        scopes: Option<Vec<String>>,
        /// When its owner showed the provider enough for what is dangerous, in Unix milliseconds, or what he lacks; `None` where the settings let no
        /// token of the provider do that.
        shown: Option<Result<i64, Lack>>,
    },
}

impl Principal {
    /// Who signed in with this session.
    ///
    /// # Errors
    /// If the provider confirmed less of that sign-in than is demanded now.
    pub(crate) fn of_session(gateway: &Gateway, account: Account, session: Session) -> Result<Self, Problem> {
        let lack = lack_of_session(gateway, &session)?;
        let Session { id, amr, auth_time, .. } = session;
        Ok(Self { account, via: Via::Session { id, amr, auth_time, lack } })
    }

    /// Whether he signed in, and by this first of all.
    pub(crate) fn came_by(&self, way: &str) -> bool {
        matches!(&self.via, Via::Session { amr, .. } if amr.first().is_some_and(|first| first == way))
    }

    /// Whether he has shown lately, with all that the account has, that it is he.
    pub(crate) fn is_fresh(&self) -> bool {
        match &self.via {
            Via::Session { amr, auth_time, lack, .. } => {
                lack.is_none() && factors::is_fresh(&self.account, amr, *auth_time)
            }
            Via::Provider { shown: Some(Ok(at)), .. } => factors::is_recent(*at),
            Via::Token { .. } | Via::Provider { .. } => false,
        }
    }

    /// Whether somebody stands behind it who could show that it is he.
    fn can_step_up(&self) -> bool {
        match &self.via {
            Via::Session { .. } => true,
            Via::Token { .. } => false,
            Via::Provider { shown, .. } => shown.is_some(),
        }
    }

    /// Whether the token is meant for this part of the service.
    pub(crate) fn is_in_scope(&self, tag: &str) -> bool {
        match &self.via {
            Via::Session { .. } | Via::Provider { scopes: None, .. } => true,
            Via::Token { scopes, .. } | Via::Provider { scopes: Some(scopes), .. } => {
                scopes.iter().any(|scope| scope == "*" || scope == tag)
            }
        }
    }
}

/// What the sign-in of a session lacks for what is dangerous, by what was confirmed of it.
///
/// # Errors
/// If it is not enough for coming in, by what is demanded now.
pub(crate) fn lack_of_session(gateway: &Gateway, session: &Session) -> Result<Option<Lack>, Problem> {
    let Some(provider) = gateway.provider() else { return Ok(None) };
    let reached = reached_by_session(session, provider.settings());
    if let Err(lack) = reached.sign_in {
        provider.warn("A session is of too weak a sign-in for what is demanded now.", lack.reason(), &lack);
        return Err(provider.wants_more(&lack));
    }
    Ok(reached.step_up.err())
}

/// Lets a request through to its handler, or not: the one gate of all routes.
pub(crate) async fn gate(State(gateway): State<Gateway>, request: Request, next: Next) -> Result<Response, Problem> {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let Some(path) = path else { return Ok(next.run(request).await) };
    let Some(operation) = gateway.operations().find(request.method(), &path) else {
        // To a method that a path does not have the router answers with 405 by itself; what comes here is a route that the document forgot.
        return Err(Problem::new(Kind::Forbidden, "This route is open to nobody."));
    };
    let is_let_in =
        operation.is_public || (operation.is_for_neighbours && needs_no_token(gateway.config().metrics, &request));
    let known = Known::of(request.method(), request.headers());
    if is_let_in {
        let response = next.run(request).await;
        return Ok(match known.filter(|_| operation.id == DOCUMENT) {
            Some(known) => conditional(&known, false, response).await,
            None => response,
        });
    }
    let header = request.headers().get(header::AUTHORIZATION).cloned();
    let principal = match operation.is_for_neighbours {
        true => Box::pin(scrapers::authenticate(&gateway, header.as_ref(), operation)).await?,
        false => bearer::authenticate(&gateway, header.as_ref()).await?,
    };
    let standing = quotas::take(&gateway, &principal.account.id).await;
    let mut response = match standing.as_ref().and_then(quotas::exceeded) {
        Some(problem) => problem.into_response(),
        None => {
            let answered = let_in(&gateway, principal, operation, request, next).await;
            answered.unwrap_or_else(IntoResponse::into_response)
        }
    };
    if let Some(known) = known {
        response = conditional(&known, true, response).await;
    }
    if let Some(standing) = standing {
        quotas::tell(response.headers_mut(), &standing, path.starts_with("/v1/"));
    }
    Ok(response)
}

/// Lets somebody who is known to its handler, if the policies permit it.
async fn let_in(
    gateway: &Gateway,
    principal: Principal,
    operation: &Operation,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let changes = !operation.only_looks();
    permit(gateway, &principal, operation, request.uri().path(), changes).await?;
    request.extensions_mut().insert(principal);
    let response = next.run(request).await;
    if changes {
        gateway.recent().forget();
    }
    Ok(response)
}

/// Decides whether somebody may call an operation, and writes that down: all of it where something is changed, else only what is refused, since
/// looking is done many times a second.
pub(crate) async fn permit(
    gateway: &Gateway,
    principal: &Principal,
    operation: &Operation,
    resource: &str,
    changes: bool,
) -> Result<(), Problem> {
    let refused = |policy: &str| Decision { is_allowed: false, policy: policy.to_owned() };
    let is_in_scope = principal.is_in_scope(&operation.tag);
    let decision = if !is_in_scope {
        refused("token-scope")
    } else if operation.needs_step_up && !principal.can_step_up() {
        // Nobody stands behind such a token who could show that it is he; and one that makes tokens or accounts would outlive itself.
        refused("no-step-up-by-token")
    } else {
        gateway.policies().decide(&principal.account, &operation.id, None)
    };
    if decision.is_allowed && changes && operation.needs_step_up && !principal.is_fresh() {
        Box::pin(note(gateway, principal, &operation.id, resource, &refused("step-up"))).await?;
        return Err(step_up_needed(gateway, principal).await?);
    }
    if changes || !decision.is_allowed {
        // In a box, for most requests write nothing down and would have it with them all the same.
        Box::pin(note(gateway, principal, &operation.id, resource, &decision)).await?;
    }
    if !decision.is_allowed {
        gateway.measures().denied(&operation.group, &decision.policy);
    }
    match decision.is_allowed {
        true => Ok(()),
        false if is_in_scope => Err(denied(principal, &operation.id)),
        false => Err(denied(principal, &operation.id).for_want_of(&scope_of(gateway, principal, &operation.tag))),
    }
}

/// How tokens such as his call the scope of a part of the service.
pub(crate) fn scope_of(gateway: &Gateway, principal: &Principal, tag: &str) -> String {
    let prefix = match (&principal.via, gateway.provider()) {
        (Via::Provider { .. }, Some(provider)) => provider.settings().scope_prefix.as_str(),
        _ => "",
    };
    format!("{prefix}{tag}")
}

/// What somebody is told who has to show again that it is he: who has an account of this service here, and who is known by the provider there.
///
/// # Errors
/// If it cannot be read which of the two he is.
async fn step_up_needed(gateway: &Gateway, principal: &Principal) -> Result<Problem, Problem> {
    const OF_SESSION: &str = "A session is of too weak a sign-in for what is dangerous.";
    const OF_TOKEN: &str = "A token of the provider is of too weak a sign-in for what is dangerous.";
    let minutes = factors::FRESH_SECONDS / 60;
    let level = gateway.provider().map(|provider| provider.settings().level_of_step_up()).unwrap_or_default();
    let has_session = matches!(principal.via, Via::Session { .. });
    let is_known_there = has_session && gateway.store().is_of_provider(&principal.account.id).await?;
    let (what, lack) = match &principal.via {
        Via::Provider { shown: Some(Err(lack)), .. } => (OF_TOKEN, Some(lack)),
        Via::Provider { .. } => (OF_TOKEN, None),
        Via::Session { lack, .. } if is_known_there => (OF_SESSION, lack.as_ref()),
        Via::Session { .. } | Via::Token { .. } => return Ok(renewal_needed(minutes)),
    };
    let said = match (lack, what) {
        (Some(lack), _) => {
            if let Some(provider) = gateway.provider() {
                provider.warn(what, lack.reason(), lack);
            }
            lack.said()
        }
        (None, OF_TOKEN) => format!(
            "This wants a sign-in at the provider of the last {minutes} minutes; sign in there again for another access token."
        ),
        // A code of this service is all that he could show here, and it counts only where the provider need not confirm anything.
        (None, _) if principal.account.has_totp && level.is_empty() => return Ok(renewal_needed(minutes)),
        (None, _) => format!(
            "This wants a sign-in at the provider of the last {minutes} minutes; sign in there again, in a browser."
        ),
    };
    Ok(Problem::new(Kind::StepUpNeeded, said).asking_for(&level.acr_values, Some(factors::FRESH_SECONDS)))
}

/// What is told to somebody who can show here that it is he.
fn renewal_needed(minutes: i64) -> Problem {
    let said = format!(
        "This wants a sign-in of the last {minutes} minutes with all factors; `POST /api/v2/sessions/current/step-up` renews it."
    );
    Problem::new(Kind::StepUpNeeded, said)
}

/// Decides over one thing that belongs to somebody, where the gate could not know whose it is.
pub(crate) async fn check(
    gateway: &Gateway,
    principal: &Principal,
    operation: &str,
    resource: &str,
    owner: &str,
) -> Result<(), Problem> {
    let decision = gateway.policies().decide(&principal.account, operation, Some(owner));
    if !decision.is_allowed {
        if let Some(group) = gateway.operations().group(operation) {
            gateway.measures().denied(group, &decision.policy);
        }
        note(gateway, principal, operation, resource, &decision).await?;
    }
    if decision.is_allowed { Ok(()) } else { Err(denied(principal, operation)) }
}

fn denied(principal: &Principal, operation: &str) -> Problem {
    let role = principal.account.role.name();
    Problem::new(
        Kind::Forbidden,
        format!("The role `{role}`, or the scope of the token, does not allow `{operation}` here."),
    )
}

/// Writes a decision down. What cannot be written down is not done.
async fn note(
    gateway: &Gateway,
    principal: &Principal,
    action: &str,
    resource: &str,
    decision: &Decision,
) -> Result<(), Problem> {
    let (is_allowed, policy) = (decision.is_allowed, decision.policy.as_str());
    let via = match &principal.via {
        Via::Session { id, .. } => format!("session {id}"),
        Via::Token { id, .. } => format!("token {id}"),
        Via::Provider { id, .. } => format!("token of the provider {id}"),
    };
    gateway.store().audit(&principal.account.id, action, resource, is_allowed, policy, &correlation(), &via).await?;
    Ok(())
}

/// Whether somebody may do something, where being told no is no event of its own.
pub(crate) fn is_allowed(gateway: &Gateway, principal: &Principal, operation: &Operation) -> bool {
    principal.is_in_scope(&operation.tag)
        && gateway.policies().decide(&principal.account, &operation.id, None).is_allowed
}

/// Until when somebody who was let in stays so if nothing is taken from him, in Unix milliseconds; `None` where he would not be let in any more. For answers
/// that go on for long.
///
/// # Errors
/// If the store does not answer.
pub(crate) async fn good_until(gateway: &Gateway, principal: &Principal) -> Result<Option<i64>, StoreError> {
    let store = gateway.store();
    let is_open = store.account(&principal.account.id).await?.is_some_and(|account| {
        // A role that was taken away takes with it what it let in. Where the provider gives roles, that of its token stands in the token.
        let gives_roles = gateway.provider().is_some_and(oidc::Provider::gives_roles);
        let stands_in_token = gives_roles && matches!(principal.via, Via::Provider { .. });
        !account.disabled && (stands_in_token || account.role == principal.account.role)
    });
    if !is_open {
        return Ok(None);
    }
    let until = match &principal.via {
        Via::Session { id, .. } => {
            let session = store.session(id).await?.filter(|session| session.revoked_at.is_none());
            session.map(|session| session.expires_at)
        }
        Via::Token { id, .. } => {
            let token = store.token(id).await?.filter(|token| token.revoked_at.is_none());
            token.map(|token| token.expires_at.unwrap_or(i64::MAX))
        }
        Via::Provider { ends, mark, made, .. } => {
            let is_revoked = store.is_foreign_token_revoked(mark).await?
                || store.are_foreign_tokens_revoked(&principal.account.id, *made).await?;
            (!is_revoked).then_some(*ends)
        }
    };
    Ok(until.filter(|until| *until > now_ms()))
}
