//! In which order targets are asked. Pure: from what is known of them to a list.

use crate::breaker::State;
use crate::config::{RoutingStrategy, Target};
use crate::health::TargetHealth;
use crate::request::Request;

/// A target may have this much more under way than the mean before a conversation moves on to another.
const BOUNDED_LOAD: f64 = 1.25;

/// A target and how it does.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The target.
    pub target: &'a Target,
    /// How it does.
    pub health: TargetHealth,
    /// How its breakers stand.
    pub state: State,
}

/// The candidates in the order in which they are to be asked; `random` is a number that differs from call to call.
pub fn order<'a>(
    candidates: Vec<Candidate<'a>>,
    request: &Request,
    strategy: RoutingStrategy,
    random: u64,
) -> Vec<Candidate<'a>> {
    let mut rest = candidates;
    if let Some(wanted) = &request.target {
        // Who asks for one by name does not want another.
        rest.retain(|candidate| candidate.target.name == *wanted);
    }
    let by = |rest: &mut Vec<Candidate<'a>>, score: &dyn Fn(&Candidate<'_>) -> f64| {
        rest.sort_by(|one, other| score(one).total_cmp(&score(other)));
    };
    match strategy {
        RoutingStrategy::Ordered => {}
        RoutingStrategy::Fastest => by(&mut rest, &|candidate| candidate.health.first_word),
        RoutingStrategy::LeastBusy => by(&mut rest, &|candidate| candidate.health.in_flight as f64),
        RoutingStrategy::Cheapest => {
            by(&mut rest, &|candidate| candidate.target.price.input + candidate.target.price.output)
        }
        // Efraimidis and Spirakis: a random number to the power of the inverse weight.
        RoutingStrategy::Weighted => by(&mut rest, &|candidate| {
            let draw = unit(&[candidate.target.name.as_bytes(), &random.to_le_bytes()]);
            -draw.powf(1.0 / f64::from(candidate.target.weight.max(1)))
        }),
        RoutingStrategy::Sticky => {
            by(&mut rest, &|candidate| candidate.health.load());
            prefer_own(&mut rest, request);
        }
    }
    // What is known to fail is asked last, not never: its breaker decides that when its turn comes.
    rest.sort_by_key(|candidate| matches!(candidate.state, State::Open(_)));
    rest
}

/// Puts the conversation's own target first (rendezvous hashing), unless it has too much to do (bounded load).
fn prefer_own(rest: &mut Vec<Candidate<'_>>, request: &Request) {
    let beginning = [request.client.as_bytes(), request.prompt.system().as_bytes()];
    let mut own: Vec<usize> = (0..rest.len()).collect();
    let score = |index: &usize| {
        rest.get(*index).map_or(0.0, |candidate| unit(&[beginning[0], beginning[1], candidate.target.name.as_bytes()]))
    };
    own.sort_by(|one, other| score(other).total_cmp(&score(one)));
    let total: usize = rest.iter().map(|candidate| candidate.health.in_flight + 1).sum();
    let limit = BOUNDED_LOAD * total as f64 / rest.len().max(1) as f64;
    let has_room = |index: &&usize| {
        rest.get(**index).is_some_and(|candidate| {
            !matches!(candidate.state, State::Open(_)) && (candidate.health.in_flight + 1) as f64 <= limit.max(2.0)
        })
    };
    if let Some(&first) = own.iter().find(has_room) {
        let first = rest.remove(first);
        rest.insert(0, first);
    }
}

/// A number in (0, 1] that only depends on what is given.
fn unit(parts: &[&[u8]]) -> f64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    ((u64::from_le_bytes(bytes) >> 11) + 1) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TargetSettings;
    use crate::prompt::{Origin, Part, Prompt, PromptLimits};
    use std::sync::Arc;
    use std::time::Duration;

    fn target(name: &str, weight: u32, input: f64) -> Target {
        let price = Some(crate::budget::Price { input, ..Default::default() });
        let settings = TargetSettings { model: name.into(), weight: Some(weight), price, ..TargetSettings::default() };
        let models = crate::config::ModelsSettings { target: vec![settings], ..Default::default() };
        models.targets(&|_| Err(String::new())).0.remove(0)
    }

    fn request(client: &str) -> Request {
        let prompt = Prompt::new(&[Part::Data(Origin::Question, "x".into())], PromptLimits::default()).unwrap();
        Request { client: client.into(), ..Request::new(Arc::new(prompt)) }
    }

    fn candidates(targets: &[Target]) -> Vec<Candidate<'_>> {
        targets
            .iter()
            .map(|target| Candidate { target, health: TargetHealth::default(), state: State::Closed })
            .collect()
    }

    fn first(candidates: Vec<Candidate<'_>>, request: &Request, strategy: RoutingStrategy, random: u64) -> String {
        order(candidates, request, strategy, random)
            .first()
            .map(|candidate| candidate.target.name.clone())
            .unwrap_or_default()
    }

    #[test]
    fn a_conversation_stays_where_it_is_and_conversations_are_spread() {
        let targets = [target("a", 1, 0.0), target("b", 1, 0.0), target("c", 1, 0.0)];
        let mut counts = std::collections::BTreeMap::new();
        for client in 0..600 {
            let request = request(&client.to_string());
            let own = first(candidates(&targets), &request, RoutingStrategy::Sticky, 0);
            assert_eq!(own, first(candidates(&targets), &request, RoutingStrategy::Sticky, 99));
            *counts.entry(own).or_insert(0) += 1;
        }
        let (most, mean) = (counts.values().max().copied().unwrap(), 200.0);
        assert!(counts.len() == 3 && f64::from(most) / mean <= 1.3, "{counts:?}");
    }

    #[test]
    fn it_moves_on_only_where_its_target_is_busy_or_failing() {
        let targets = [target("a", 1, 0.0), target("b", 1, 0.0)];
        let request = request("me");
        let own = first(candidates(&targets), &request, RoutingStrategy::Sticky, 0);
        let mut busy = candidates(&targets);
        busy.iter_mut()
            .filter(|candidate| candidate.target.name == own)
            .for_each(|candidate| candidate.health.in_flight = 9);
        assert_ne!(first(busy, &request, RoutingStrategy::Sticky, 0), own);
        let mut failing = candidates(&targets);
        failing
            .iter_mut()
            .filter(|candidate| candidate.target.name == own)
            .for_each(|candidate| candidate.state = State::Open(Duration::from_secs(1)));
        let list = order(failing, &request, RoutingStrategy::Sticky, 0);
        assert!(list.len() == 2 && list[0].target.name != own, "it is asked last, not never");
    }

    #[test]
    fn each_strategy_does_what_it_says() {
        let targets = [target("a", 1, 3.0), target("b", 3, 1.0)];
        let request = request("me");
        let mut known = candidates(&targets);
        known[0].health.first_word = 0.1;
        known[1].health.first_word = 0.5;
        known[0].health.in_flight = 2;
        let choose = |strategy| first(known.clone(), &request, strategy, 0);
        assert_eq!(choose(RoutingStrategy::Ordered), "a");
        assert_eq!(choose(RoutingStrategy::Fastest), "a");
        assert_eq!(choose(RoutingStrategy::Cheapest), "b");
        assert_eq!(choose(RoutingStrategy::LeastBusy), "b");
        let heavy = (0..4000)
            .filter(|random| first(known.clone(), &request, RoutingStrategy::Weighted, *random) == "b")
            .count();
        assert!((2850..3150).contains(&heavy), "{heavy} of 4000 for three quarters");
        let named = Request { target: Some("b".into()), ..request.clone() };
        assert_eq!(order(known.clone(), &named, RoutingStrategy::Ordered, 0).len(), 1);
    }
}
