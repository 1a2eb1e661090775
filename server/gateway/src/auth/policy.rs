//! What each role may do: policies in Cedar, asked for every operation. What none permits is denied.
//!
//! An operation is known by its name in the OpenAPI document (`jobs.create`); its group (`jobs.write`) is what policies speak of.

use cedar_policy::{
    ActionConstraint, Authorizer, Context, Decision as Verdict, Entities, Entity, EntityId, EntityTypeName, EntityUid,
    Policy, PolicySet, Request, RestrictedExpression,
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
    all: PolicySet,
    /// Those that may speak of an operation, by its name. The others could not change what is decided, and each that is asked takes time.
    of_operation: FxHashMap<String, PolicySet>,
    /// The operations in their groups, the roles, and all that policies know of who asks and of what for: an account of each role, and a thing of each
    /// [`Whose`]. Made once, since that takes longer than a decision.
    entities: Entities,
    kinds: Kinds,
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

impl Whose {
    const ALL: [Self; 3] = [Self::NotKnown, Self::Own, Self::Others];

    fn name(self) -> &'static str {
        match self {
            Self::NotKnown => "not-known",
            Self::Own => "own",
            Self::Others => "others",
        }
    }
}

/// The kinds of what policies speak of.
struct Kinds {
    account: EntityTypeName,
    action: EntityTypeName,
    role: EntityTypeName,
    thing: EntityTypeName,
}

impl Kinds {
    fn new() -> Result<Self, PolicyError> {
        let kind = |name| EntityTypeName::from_str(name).map_err(wrong);
        Ok(Self { account: kind("Account")?, action: kind("Action")?, role: kind("Role")?, thing: kind("Thing")? })
    }
}

/// Why there are no policies.
#[derive(Debug, thiserror::Error)]
#[error("The policies are wrong: {0}.")]
pub struct PolicyError(String);

fn wrong(error: impl std::fmt::Display) -> PolicyError {
    PolicyError(error.to_string().trim_end_matches('.').to_owned())
}

fn uid(kind: &EntityTypeName, name: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(name))
}

/// Something that is in others, if it is in any.
fn within(uid: EntityUid, parents: impl IntoIterator<Item = EntityUid>) -> Result<Entity, PolicyError> {
    Entity::new(uid, HashMap::new(), HashSet::from_iter(parents)).map_err(wrong)
}

/// Whether a policy speaks of an operation, by its own name or by that of its group.
fn may_speak_of(policy: &Policy, names: [&EntityUid; 2]) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(action) => names.contains(&&action),
        ActionConstraint::In(actions) => actions.iter().any(|action| names.contains(&action)),
    }
}

impl Policies {
    /// Reads the policies for the operations of the document, each with the group it is of.
    pub fn new(operations: &[(String, String)]) -> Result<Self, PolicyError> {
        let all = PolicySet::from_str(POLICIES).map_err(wrong)?;
        let kinds = Kinds::new()?;
        let mut entities = Vec::new();
        let mut of_operation = FxHashMap::default();
        for (operation, group) in operations {
            let [own, group] = [operation, group].map(|name| uid(&kinds.action, name));
            let speaking = all.policies().filter(|policy| may_speak_of(policy, [&own, &group])).cloned();
            of_operation.insert(operation.clone(), PolicySet::from_policies(speaking).map_err(wrong)?);
            entities.push(within(own, [group])?);
        }
        // A role may do what the ones below it may.
        let below = |role: Role| match role {
            Role::Admin => Some(Role::Maintainer),
            Role::Maintainer => Some(Role::Developer),
            Role::Developer => Some(Role::Viewer),
            Role::Viewer | Role::Auditor => None,
        };
        for role in [Role::Admin, Role::Maintainer, Role::Developer, Role::Viewer, Role::Auditor] {
            let own = uid(&kinds.role, role.name());
            entities.push(within(own.clone(), below(role).map(|role| uid(&kinds.role, role.name())))?);
            entities.push(within(uid(&kinds.account, role.name()), [own])?);
        }
        for whose in Whose::ALL {
            let owned = HashMap::from([
                ("is_known".to_owned(), RestrictedExpression::new_bool(whose != Whose::NotKnown)),
                ("is_own".to_owned(), RestrictedExpression::new_bool(whose == Whose::Own)),
            ]);
            entities.push(Entity::new(uid(&kinds.thing, whose.name()), owned, HashSet::new()).map_err(wrong)?);
        }
        let entities = Entities::from_entities(entities, None).map_err(wrong)?;
        Ok(Self { all, of_operation, entities, kinds, authorizer: Authorizer::new(), decided: DashMap::new() })
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
        let decision = self.ask(account.role, operation, whose).unwrap_or_else(|error| {
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

    fn ask(&self, role: Role, operation: &str, whose: Whose) -> Result<Decision, PolicyError> {
        let principal = uid(&self.kinds.account, role.name());
        let action = uid(&self.kinds.action, operation);
        let resource = uid(&self.kinds.thing, whose.name());
        let request = Request::new(principal, action, resource, Context::empty(), None).map_err(wrong)?;
        let policies = self.of_operation.get(operation).unwrap_or(&self.all);
        let response = self.authorizer.is_authorized(&request, policies, &self.entities);
        let mut names: Vec<&str> =
            response.diagnostics().reason().map(|id| self.all.annotation(id, "id").unwrap_or("unnamed")).collect();
        // They come in no order, and what is written down should not depend on that.
        names.sort_unstable();
        let policy = if names.is_empty() { "default-deny".to_owned() } else { names.join(", ") };
        Ok(Decision { is_allowed: response.decision() == Verdict::Allow, policy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::{Operations, document_value};

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
    fn policies_that_speak_of_something_else_are_left_out_and_decide_nothing() {
        let groups = Operations::of(document_value()).groups();
        let policies = Policies::new(&groups).unwrap();
        let everything = Policies { of_operation: FxHashMap::default(), ..Policies::new(&groups).unwrap() };
        let mut allowed = 0;
        for (operation, _) in &groups {
            for role in [Role::Admin, Role::Maintainer, Role::Developer, Role::Viewer, Role::Auditor] {
                for whose in Whose::ALL {
                    let decision = policies.ask(role, operation, whose).unwrap();
                    assert_eq!(
                        decision,
                        everything.ask(role, operation, whose).unwrap(),
                        "{operation} {role:?} {whose:?}"
                    );
                    allowed += usize::from(decision.is_allowed);
                }
            }
            assert!(
                policies.of_operation[operation].policies().count() < policies.all.policies().count(),
                "{operation}"
            );
        }
        assert!(allowed > 100, "{allowed}");
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
