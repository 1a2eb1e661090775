//! What each role may do: policies in Cedar, asked for every operation. What none permits is denied.
//!
//! An operation is known by its name in the OpenAPI document (`jobs.create`); its group (`jobs.write`) is what policies speak of.

use cedar_policy::{
    Authorizer, Context, Decision as Verdict, Entities, Entity, EntityUid, PolicySet, Request, RestrictedExpression,
};
use dashmap::DashMap;
use engine::store::accounts::{Account, Role};
use rustc_hash::FxHashMap;
use std::collections::{HashMap, HashSet};
use std::str::FromStr;

/// The policies themselves.
const POLICIES: &str = include_str!("policies.cedar");

/// What was decided, and by which policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub is_allowed: bool,
    /// The names of the policies that made it; `default-deny` where none spoke.
    pub policy: String,
}

/// The policies, ready to be asked.
pub(crate) struct Policies {
    set: PolicySet,
    entities: Entities,
    authorizer: Authorizer,
    /// What was decided before. The policies know an account by its role, and a thing by whether it is its own, and by nothing else: two
    /// who have these in common get the same decision.
    decided: DashMap<(Role, Whose), FxHashMap<String, Decision>>,
}

/// Whose a thing is, as far as policies ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Whose {
    NotKnown,
    Own,
    Others,
}

/// Why there are no policies.
#[derive(Debug, thiserror::Error)]
#[error("The policies are wrong: {0}.")]
pub struct PolicyError(String);

fn wrong(error: impl std::fmt::Display) -> PolicyError {
    PolicyError(error.to_string().trim_end_matches('.').to_owned())
}

fn uid(kind: &str, name: &str) -> Result<EntityUid, PolicyError> {
    EntityUid::from_str(&format!("{kind}::\"{}\"", name.replace(['"', '\\'], ""))).map_err(wrong)
}

impl Policies {
    /// Reads the policies for the operations of the document, each with the group it is of.
    pub fn new(operations: &[(String, String)]) -> Result<Self, PolicyError> {
        let set = PolicySet::from_str(POLICIES).map_err(wrong)?;
        let mut entities = Vec::new();
        for (operation, group) in operations {
            let parents = HashSet::from([uid("Action", group)?]);
            entities.push(Entity::new(uid("Action", operation)?, HashMap::new(), parents).map_err(wrong)?);
        }
        // A role may do what the ones below it may.
        let below = |role: Role| match role {
            Role::Admin => Some(Role::Maintainer),
            Role::Maintainer => Some(Role::Developer),
            Role::Developer => Some(Role::Viewer),
            Role::Viewer | Role::Auditor => None,
        };
        for role in [Role::Admin, Role::Maintainer, Role::Developer, Role::Viewer, Role::Auditor] {
            let parents = below(role).map(|role| uid("Role", role.name())).transpose()?.into_iter().collect();
            entities.push(Entity::new(uid("Role", role.name())?, HashMap::new(), parents).map_err(wrong)?);
        }
        let entities = Entities::from_entities(entities, None).map_err(wrong)?;
        Ok(Self { set, entities, authorizer: Authorizer::new(), decided: DashMap::new() })
    }

    /// Whether an account may do something, with what belongs to `owner` where that is known.
    pub fn decide(&self, account: &Account, operation: &str, owner: Option<&str>) -> Decision {
        let whose = match owner {
            None => Whose::NotKnown,
            Some(owner) if owner == account.id => Whose::Own,
            Some(_) => Whose::Others,
        };
        let key = (account.role, whose);
        if let Some(known) = self.decided.get(&key).and_then(|decided| decided.get(operation).cloned()) {
            return known;
        }
        let decision = self.ask(account, operation, owner).unwrap_or_else(|error| {
            tracing::error!(%error, operation, "No policy could be asked, so it is denied.");
            Decision { is_allowed: false, policy: "default-deny".to_owned() }
        });
        // Only operations of the document come here, so there is an end to them.
        self.decided.entry(key).or_default().insert(operation.to_owned(), decision.clone());
        decision
    }

    /// Forgets what was decided.
    #[cfg(feature = "bench")]
    pub fn forget(&self) {
        self.decided.clear();
    }

    fn ask(&self, account: &Account, operation: &str, owner: Option<&str>) -> Result<Decision, PolicyError> {
        let principal = uid("Account", &account.id)?;
        let resource = uid("Thing", owner.unwrap_or("service"))?;
        let own = Entity::new(principal.clone(), HashMap::new(), HashSet::from([uid("Role", account.role.name())?]));
        let owned = HashMap::from([
            ("is_known".to_owned(), RestrictedExpression::new_bool(owner.is_some())),
            ("is_own".to_owned(), RestrictedExpression::new_bool(owner == Some(&account.id))),
        ]);
        let thing = Entity::new(resource.clone(), owned, HashSet::new());
        let entities =
            self.entities.clone().add_entities([own.map_err(wrong)?, thing.map_err(wrong)?], None).map_err(wrong)?;
        let request =
            Request::new(principal, uid("Action", operation)?, resource, Context::empty(), None).map_err(wrong)?;
        let response = self.authorizer.is_authorized(&request, &self.set, &entities);
        let names: Vec<String> = response
            .diagnostics()
            .reason()
            .map(|id| self.set.annotation(id, "id").unwrap_or("unnamed").to_owned())
            .collect();
        let policy = if names.is_empty() { "default-deny".to_owned() } else { names.join(", ") };
        Ok(Decision { is_allowed: response.decision() == Verdict::Allow, policy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(role: Role) -> Account {
        Account {
            id: "0192f0c1-7d5e-7000-8000-000000000000".into(),
            name: "a".into(),
            role,
            disabled: false,
            has_totp: false,
            created_at: 0,
        }
    }

    #[test]
    fn each_role_may_do_what_its_policy_says_and_no_more() {
        let names = [
            "documents.run",
            "jobs.read",
            "jobs.write",
            "accounts.write",
            "audit.read",
            "models.read",
            "tokens.write",
            "nowhere.write",
        ];
        let operations: Vec<_> = names.iter().map(|name| (format!("{name}.x"), (*name).to_owned())).collect();
        let policies = Policies::new(&operations).unwrap();
        let may = |role, own: bool| -> Vec<&str> {
            let account = account(role);
            let owner = if own { account.id.as_str() } else { "somebody-else" };
            names
                .into_iter()
                .filter(|name| policies.decide(&account, &format!("{name}.x"), Some(owner)).is_allowed)
                .collect()
        };
        assert_eq!(may(Role::Viewer, true), ["documents.run", "jobs.read", "models.read", "tokens.write"]);
        assert_eq!(may(Role::Viewer, false), ["documents.run", "models.read"]);
        assert_eq!(
            may(Role::Developer, true),
            ["documents.run", "jobs.read", "jobs.write", "models.read", "tokens.write"]
        );
        assert_eq!(may(Role::Developer, false), ["documents.run", "models.read"]);
        assert_eq!(may(Role::Maintainer, false), ["documents.run", "jobs.read", "jobs.write", "models.read"]);
        assert_eq!(
            may(Role::Admin, false),
            ["documents.run", "jobs.read", "jobs.write", "accounts.write", "audit.read", "models.read", "tokens.write"]
        );
        assert_eq!(may(Role::Auditor, false), ["audit.read", "models.read"]);
        let denied = policies.decide(&account(Role::Admin), "unheard-of", None);
        assert_eq!((denied.is_allowed, &*denied.policy), (false, "default-deny"));
        let allowed = policies.decide(&account(Role::Viewer), "jobs.read.x", Some(&account(Role::Viewer).id));
        assert_eq!(allowed.policy, "own-jobs-are-seen");
    }
}
