//! In which order targets are asked. Pure: from what is known of them to a list.

use crate::breaker::State;
use crate::config::{RoutingStrategy, Target};
use crate::health::Vitals;
use crate::limit::LimitReport;
use crate::request::Request;
use std::time::Duration;

/// A target may have so many times the mean under way, and some more, before a conversation moves on to another.
const BOUNDED_LOAD: f64 = 1.5;
const SOME_MORE: f64 = 4.0;
/// A target whose first words take so many times longer than another's is not worth what it remembers.
const SLOWER: f64 = 3.0;
/// A target that is avoided is tried with one question after so long.
const RETRIED: Duration = Duration::from_secs(10);

/// A target and how it does.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The target.
    pub target: &'a Target,
    /// How it does.
    pub vitals: Vitals,
    /// How its breakers stand.
    pub state: State,
    /// How its limit stands.
    pub limit: LimitReport,
}

impl Candidate<'_> {
    /// What a request costs in waiting, with those counted that wait for it here.
    fn load(&self) -> f64 {
        self.vitals.load() * (1.0 + self.limit.queued as f64)
    }

    /// Whether nobody asked it for a while.
    fn is_due(&self) -> bool {
        self.vitals.in_flight == 0 && self.vitals.idle.is_none_or(|idle| idle >= RETRIED)
    }

    fn is_full(&self) -> bool {
        self.limit.limit > 0 && (self.limit.queued > 0 || self.limit.in_flight >= self.limit.limit)
    }
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
    if rest.len() < 2 {
        return rest;
    }
    let by = |rest: &mut Vec<Candidate<'a>>, score: &dyn Fn(&Candidate<'_>) -> f64| {
        rest.sort_by(|one, other| score(one).total_cmp(&score(other)));
    };
    match strategy {
        RoutingStrategy::Ordered => {}
        RoutingStrategy::Fastest => {
            by(&mut rest, &|candidate| candidate.vitals.first_word);
            // One that was slow once is tried again with one question now and then, else it would stay slow for ever.
            if let Some(due) = rest.iter().position(|candidate| candidate.is_due() && candidate.vitals.idle.is_some()) {
                let due = rest.remove(due);
                rest.insert(0, due);
            }
        }
        RoutingStrategy::LeastBusy => by(&mut rest, &|candidate| candidate.vitals.in_flight as f64),
        RoutingStrategy::Cheapest => {
            by(&mut rest, &|candidate| candidate.target.price.input + candidate.target.price.output)
        }
        // Efraimidis and Spirakis: a random number to the power of the inverse weight.
        RoutingStrategy::Weighted => by(&mut rest, &|candidate| {
            let draw = unit(&[candidate.target.name.as_bytes(), &random.to_le_bytes()]);
            -draw.powf(1.0 / f64::from(candidate.target.weight.max(1)))
        }),
        RoutingStrategy::Sticky => {
            by(&mut rest, &|candidate| candidate.load());
            better_of_two(&mut rest, random);
            prefer_own(&mut rest, request);
        }
    }
    // What is known to fail is asked last, not never: its breaker decides that when its turn comes.
    rest.sort_by_key(|candidate| (matches!(candidate.state, State::Open(_)), candidate.is_full()));
    rest
}

/// Puts the better of two that are drawn by chance first (power of two choices): many who all choose the best would crowd it.
fn better_of_two(rest: &mut Vec<Candidate<'_>>, random: u64) {
    if rest.len() < 3 {
        return;
    }
    let draw = |salt: &[u8]| (unit(&[salt, &random.to_le_bytes()]) * rest.len() as f64) as usize % rest.len();
    let (one, other) = (draw(b"one"), draw(b"other"));
    // They are in order already, so that the better is the earlier.
    let first = rest.remove(one.min(other));
    rest.insert(0, first);
}

/// Puts the conversation's own target first (rendezvous hashing), unless it has too much to do (bounded load) or is far slower than others.
fn prefer_own(rest: &mut Vec<Candidate<'_>>, request: &Request) {
    let conversation = request.session.as_deref().unwrap_or_else(|| request.prompt.system());
    let score = |candidate: &Candidate<'_>| {
        unit(&[request.client.as_bytes(), conversation.as_bytes(), candidate.target.name.as_bytes()])
    };
    let total: usize = rest.iter().map(|candidate| candidate.vitals.in_flight).sum();
    let limit = BOUNDED_LOAD * total as f64 / rest.len().max(1) as f64 + SOME_MORE;
    let known = rest.iter().map(|candidate| candidate.vitals.first_word).filter(|seconds| *seconds > 0.0);
    let quickest = known.fold(f64::INFINITY, f64::min);
    let has_room = |candidate: &Candidate<'_>| {
        let vitals = candidate.vitals;
        let is_slow = vitals.first_word > quickest * SLOWER;
        !matches!(candidate.state, State::Open(_))
            && !candidate.is_full()
            && vitals.in_flight as f64 <= limit
            && (!is_slow || candidate.is_due())
    };
    let scored = rest.iter().enumerate().filter(|(_, candidate)| has_room(candidate));
    let own = scored.map(|(index, candidate)| (index, score(candidate))).max_by(|one, other| one.1.total_cmp(&other.1));
    if let Some((own, _)) = own {
        let first = rest.remove(own);
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
            .map(|target| Candidate {
                target,
                vitals: Vitals::default(),
                state: State::Closed,
                limit: LimitReport::default(),
            })
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
            .for_each(|candidate| candidate.vitals.in_flight = 30);
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
        known[0].vitals.first_word = 0.1;
        known[1].vitals.first_word = 0.5;
        known[0].vitals.in_flight = 2;
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
