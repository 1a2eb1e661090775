//! Money and tokens: reserved before a call, settled after it, so that no crowd of callers can spend what one of them may.
//!
//! Prices are data with a date and a source; what has no price costs nothing and counts its tokens.

use crate::request::Usage;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Millionths of a cent, so that sums are exact.
pub type Money = i64;

const PER_DOLLAR: f64 = 100_000_000.0;

/// What a million tokens cost, in dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Price {
    /// A million tokens of a prompt.
    pub input: f64,
    /// A million of those that the provider had in its cache; as `input` where it is left out.
    pub cached: Option<f64>,
    /// A million tokens of an answer.
    pub output: f64,
}

impl Price {
    /// What a call costs.
    pub fn of(&self, usage: Usage) -> Money {
        let cached = usage.cached.min(usage.input);
        let input = (usage.input - cached) as f64 * self.input + cached as f64 * self.cached.unwrap_or(self.input);
        let dollars = (input + usage.output as f64 * self.output) / 1_000_000.0;
        (dollars * PER_DOLLAR).ceil() as Money
    }
}

/// Money as a person reads it.
pub fn dollars(money: Money) -> f64 {
    money as f64 / PER_DOLLAR
}

/// The prices that ship. Where and when they are from stands in the file, for whoever reads it.
#[derive(Debug, Deserialize)]
struct PriceList {
    models: FxHashMap<String, Price>,
}

/// The price of a model, by its name or the longest beginning of it that is known.
pub fn price_of(model: &str) -> Option<Price> {
    static LIST: std::sync::LazyLock<Option<PriceList>> =
        std::sync::LazyLock::new(|| toml::from_str(include_str!("prices.toml")).ok());
    let model = model.rsplit('/').next().unwrap_or(model);
    let known = LIST.as_ref()?.models.iter().filter(|(name, _)| model.starts_with(name.as_str()));
    known.max_by_key(|(name, _)| name.len()).map(|(_, price)| *price)
}

/// What may be spent in a day; `None` is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Dollars a day, in all.
    pub dollars_per_day: Option<f64>,
    /// Dollars a day and client.
    pub dollars_per_client: Option<f64>,
    /// Tokens a day, in all.
    pub tokens_per_day: Option<u64>,
}

/// Which budget has no room.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BudgetError {
    /// Money.
    #[error("${spent:.2} of the ${limit:.2} of `{setting}` are spent or reserved for today")]
    Dollars {
        /// The setting.
        setting: &'static str,
        /// Spent and reserved.
        spent: f64,
        /// Allowed.
        limit: f64,
    },
    /// Tokens.
    #[error("{spent} of the {limit} tokens of `budget.tokens-per-day` are used or reserved for today")]
    Tokens {
        /// Used and reserved.
        spent: u64,
        /// Allowed.
        limit: u64,
    },
}

#[derive(Debug, Default)]
struct Spent {
    /// The day that the numbers are of, counted from 1970.
    day: u64,
    money: Money,
    tokens: u64,
    by_client: FxHashMap<String, Money>,
    by_model: FxHashMap<String, (Money, u64)>,
}

impl Spent {
    fn add(&mut self, client: &str, money: Money, tokens: u64) {
        self.money = self.money.saturating_add(money);
        self.tokens = self.tokens.saturating_add(tokens);
        let of_client = self.by_client.entry(client.to_owned()).or_default();
        *of_client = of_client.saturating_add(money);
    }
}

/// What was spent today. Tells the day through a function, so that tests have their own.
pub struct Budget {
    limits: Limits,
    spent: Arc<Mutex<Spent>>,
    today: fn() -> u64,
}

/// Room in the budget for one call. What is not settled is given back.
#[derive(Debug)]
pub struct Reserve {
    spent: Arc<Mutex<Spent>>,
    day: u64,
    client: String,
    money: Money,
    tokens: u64,
}

/// Days since 1970, by the clock of the machine.
fn day_of_clock() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_secs() / 86_400)
}

impl Budget {
    /// Nothing is spent.
    pub fn new(limits: Limits) -> Self {
        Self { limits, spent: Arc::default(), today: day_of_clock }
    }

    /// The same spendings under other limits.
    pub fn with_limits(&self, limits: Limits) -> Self {
        Self { limits, spent: self.spent.clone(), today: self.today }
    }

    /// Takes room for a call that may cost so much.
    ///
    /// # Errors
    /// If one of the budgets has no room.
    pub fn reserve(&self, client: &str, most: Usage, price: Price) -> Result<Reserve, BudgetError> {
        let (money, tokens) = (price.of(most), most.input.saturating_add(most.output));
        let day = (self.today)();
        let mut spent = lock(&self.spent);
        if spent.day != day {
            *spent = Spent { day, ..Spent::default() };
        }
        let of_client = spent.by_client.get(client).copied().unwrap_or(0);
        let dollar_limits = [
            ("budget.dollars-per-day", spent.money, self.limits.dollars_per_day),
            ("budget.dollars-per-client", of_client, self.limits.dollars_per_client),
        ];
        for (setting, spent, limit) in dollar_limits {
            if let Some(limit) = limit
                && spent.saturating_add(money) > (limit * PER_DOLLAR) as Money
            {
                return Err(BudgetError::Dollars { setting, spent: dollars(spent), limit });
            }
        }
        if let Some(limit) = self.limits.tokens_per_day
            && spent.tokens.saturating_add(tokens) > limit
        {
            return Err(BudgetError::Tokens { spent: spent.tokens, limit });
        }
        spent.add(client, money, tokens);
        drop(spent);
        Ok(Reserve { spent: self.spent.clone(), day, client: client.to_owned(), money, tokens })
    }

    /// Money and tokens spent and reserved today, and for each model what was spent.
    pub fn today(&self) -> (Money, u64, Vec<(String, Money, u64)>) {
        let spent = lock(&self.spent);
        if spent.day != (self.today)() {
            return (0, 0, Vec::new());
        }
        let mut models: Vec<_> =
            spent.by_model.iter().map(|(model, (money, tokens))| (model.clone(), *money, *tokens)).collect();
        models.sort();
        (spent.money, spent.tokens, models)
    }
}

impl Reserve {
    /// The call came to an end and used this.
    pub fn settle(mut self, model: &str, usage: Usage, price: Price) -> Money {
        let (money, tokens) = (price.of(usage), usage.input.saturating_add(usage.output));
        let mut spent = lock(&self.spent);
        // A call that ends after midnight counts for the day on which it ends.
        spent.add(&self.client, money, tokens);
        let of_model = spent.by_model.entry(model.to_owned()).or_default();
        *of_model = (of_model.0.saturating_add(money), of_model.1.saturating_add(tokens));
        drop(spent);
        self.give_back();
        money
    }

    fn give_back(&mut self) {
        let (money, tokens) = (std::mem::take(&mut self.money), std::mem::take(&mut self.tokens));
        let mut spent = lock(&self.spent);
        if spent.day == self.day {
            spent.money -= money;
            spent.tokens = spent.tokens.saturating_sub(tokens);
            if let Some(of_client) = spent.by_client.get_mut(&self.client) {
                *of_client -= money;
            }
        }
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        self.give_back();
    }
}

fn lock(spent: &Mutex<Spent>) -> MutexGuard<'_, Spent> {
    spent.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICE: Price = Price { input: 10.0, cached: Some(1.0), output: 30.0 };

    fn budget(dollars: f64) -> Budget {
        Budget::new(Limits { dollars_per_day: Some(dollars), ..Limits::default() })
    }

    fn usage(input: u64, output: u64) -> Usage {
        Usage { input, cached: 0, output }
    }

    #[test]
    fn a_crowd_never_spends_more_than_is_allowed() {
        let budget = Arc::new(budget(1.0));
        let threads: Vec<_> = (0..64)
            .map(|_| {
                let budget = budget.clone();
                std::thread::spawn(move || {
                    let mut calls = 0;
                    for _ in 0..50 {
                        // A reserve of four cents, of which two are used.
                        if let Ok(reserve) = budget.reserve("c", usage(1000, 1000), PRICE) {
                            reserve.settle("m", usage(1000, 333), PRICE);
                            calls += 1;
                        }
                    }
                    calls
                })
            })
            .collect();
        let calls: i64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        let (money, ..) = budget.today();
        assert_eq!(money, calls * PRICE.of(usage(1000, 333)));
        assert!(dollars(money) <= 1.0 && dollars(money) > 0.95, "{} by {calls} calls", dollars(money));
    }

    #[test]
    fn what_is_not_used_is_given_back() {
        let budget = budget(0.05);
        let reserve = budget.reserve("c", usage(1000, 1000), PRICE).unwrap();
        let refused = budget.reserve("c", usage(1000, 1000), PRICE).unwrap_err().to_string();
        assert_eq!(refused, "$0.04 of the $0.05 of `budget.dollars-per-day` are spent or reserved for today");
        drop(reserve);
        assert_eq!(budget.today().0, 0);
        let tight = Budget::new(Limits { tokens_per_day: Some(10), ..Limits::default() });
        assert!(matches!(tight.reserve("c", usage(8, 3), Price::default()), Err(BudgetError::Tokens { .. })));
        let per_client = Budget::new(Limits { dollars_per_client: Some(0.05), ..Limits::default() });
        let _held = per_client.reserve("a", usage(1000, 1000), PRICE).unwrap();
        assert!(per_client.reserve("a", usage(1000, 1000), PRICE).is_err());
        assert!(per_client.reserve("b", usage(1000, 1000), PRICE).is_ok());
    }

    #[test]
    fn tokens_from_the_providers_cache_cost_what_they_cost() {
        let with_cache = Usage { input: 1_000_000, cached: 900_000, output: 0 };
        assert_eq!(dollars(PRICE.of(with_cache)), 1.9);
        assert_eq!(Price { cached: None, ..PRICE }.of(with_cache), PRICE.of(usage(1_000_000, 0)));
    }

    #[test]
    fn the_price_list_is_whole_and_finds_names_by_their_beginning() {
        assert!(price_of("claude-sonnet-4-5-20250929").is_some());
        assert!(price_of("openai/gpt-4o-mini").unwrap().input < price_of("gpt-4o").unwrap().input);
        assert_eq!(price_of("my-own-model"), None);
    }
}
