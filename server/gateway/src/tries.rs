//! How often somebody may try to sign in: buckets of tries, so that passwords and codes cannot be guessed.
//!
//! A name from one address, an address, a name from anywhere, and the codes of an account have a bucket each. Whoever knows only a name cannot
//! keep its owner out: an address from which a name signed in before has no part in the bucket of the name.

use dashmap::DashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How a bucket is filled.
#[derive(Clone, Copy, Debug)]
struct Rate {
    /// Tries at once.
    at_once: f64,
    /// After this long one more.
    one_more: Duration,
}

/// A name from one address.
const PAIR: Rate = Rate { at_once: 5.0, one_more: Duration::from_secs(12) };
/// One address, whatever the name: a whole office may stand behind it.
const ADDRESS: Rate = Rate { at_once: 60.0, one_more: Duration::from_secs(1) };
/// A name, from wherever.
const NAME: Rate = Rate { at_once: 50.0, one_more: Duration::from_secs(30) };
/// The code of a second factor: a million are possible, and three are right.
const CODE: Rate = Rate { at_once: 5.0, one_more: Duration::from_secs(30) };
/// A password that is shown again.
const PASSWORD: Rate = Rate { at_once: 5.0, one_more: Duration::from_secs(12) };
/// An address from which somebody goes to the provider of sign-ins, or comes back. Nothing can be guessed there; it keeps away who only makes work.
const PROVIDER: Rate = Rate { at_once: 60.0, one_more: Duration::from_secs(1) };
/// An address from which links for a new password come that are not good. Their codes are too long to be guessed; it keeps the audit log from being filled.
const LINK: Rate = Rate { at_once: 5.0, one_more: Duration::from_secs(12) };
/// An address from which devices ask to be let in.
const WAITING: Rate = Rate { at_once: 60.0, one_more: Duration::from_secs(1) };
/// The code of a device that an account lets in.
const DEVICE: Rate = Rate { at_once: 10.0, one_more: Duration::from_secs(30) };

/// Buckets that are remembered; beyond it those that are full again are forgotten, at most once in a second.
const MOST: usize = 10_000;
/// Beyond this who is not known yet has to wait.
const FAR_TOO_MANY: usize = 200_000;

/// Characters of a name; no account has more.
const LONGEST_NAME: usize = 64;

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Pair(String, String),
    Address(String),
    Name(String),
    Code(String),
    Password(String),
    Provider(String),
    Link(String),
    Waiting(String),
    Device(String),
}

impl Key {
    fn rate(&self) -> Rate {
        match self {
            Self::Pair(..) => PAIR,
            Self::Address(_) => ADDRESS,
            Self::Name(_) => NAME,
            Self::Code(_) => CODE,
            Self::Password(_) => PASSWORD,
            Self::Provider(_) => PROVIDER,
            Self::Link(_) => LINK,
            Self::Waiting(_) => WAITING,
            Self::Device(_) => DEVICE,
        }
    }
}

/// The tries that are left.
#[derive(Debug)]
pub(crate) struct Tries {
    left: DashMap<Key, (f64, Instant)>,
    /// Names with an address from which they signed in.
    at_home: DashMap<(String, String), ()>,
    began: Instant,
    /// Second in which it was swept last.
    swept: AtomicU64,
}

impl Default for Tries {
    fn default() -> Self {
        Self { left: DashMap::new(), at_home: DashMap::new(), began: Instant::now(), swept: AtomicU64::new(0) }
    }
}

impl Tries {
    /// Takes a try of a name from an address; where there is none left, the seconds until there is.
    pub fn take(&self, name: &str, address: &str) -> Result<(), u64> {
        self.take_at(name, address, Instant::now())
    }

    /// Takes a try of a code of an account's second factor.
    pub fn take_code(&self, account: &str) -> Result<(), u64> {
        self.one(Key::Code(account.to_owned()), Instant::now())
    }

    /// Takes a way of an address to the provider of sign-ins or back from it. It takes none from those who sign in with a password.
    pub fn take_provider(&self, address: &str) -> Result<(), u64> {
        self.one(Key::Provider(network(address)), Instant::now())
    }

    /// Takes a link of an address that is not good. It takes none from those who sign in from there.
    pub fn take_link(&self, address: &str) -> Result<(), u64> {
        self.one(Key::Link(network(address)), Instant::now())
    }

    /// Takes a device of an address that asks to be let in.
    pub fn take_waiting(&self, address: &str) -> Result<(), u64> {
        self.one(Key::Waiting(network(address)), Instant::now())
    }

    /// Takes a try of an account at the code of a device.
    pub fn take_device(&self, account: &str) -> Result<(), u64> {
        self.one(Key::Device(account.to_owned()), Instant::now())
    }

    /// Takes a try of the password of an account that is signed in.
    pub fn take_password(&self, account: &str) -> Result<(), u64> {
        self.one(Key::Password(account.to_owned()), Instant::now())
    }

    fn take_at(&self, name: &str, address: &str, now: Instant) -> Result<(), u64> {
        let (name, address) = (folded(name), network(address));
        let is_at_home = self.at_home.contains_key(&(name.clone(), address.clone()));
        self.one(Key::Address(address.clone()), now)?;
        self.one(Key::Pair(name.clone(), address), now)?;
        if is_at_home { Ok(()) } else { self.one(Key::Name(name), now) }
    }

    fn one(&self, key: Key, now: Instant) -> Result<(), u64> {
        self.sweep(now);
        let rate = key.rate();
        if self.left.len() > FAR_TOO_MANY && !self.left.contains_key(&key) {
            return Err(rate.one_more.as_secs());
        }
        let mut known = self.left.entry(key).or_insert((rate.at_once, now));
        let left = filled(rate, *known, now);
        if left < 1.0 {
            return Err(((1.0 - left) * rate.one_more.as_secs_f64()).ceil() as u64);
        }
        *known = (left - 1.0, now);
        Ok(())
    }

    fn sweep(&self, now: Instant) {
        if self.left.len() <= MOST {
            return;
        }
        let second = now.saturating_duration_since(self.began).as_secs() + 1;
        if self.swept.swap(second, Ordering::Relaxed) != second {
            self.left.retain(|key, known| filled(key.rate(), *known, now) < key.rate().at_once);
        }
    }

    /// Somebody signed in: the tries of the name from there begin anew.
    pub fn forgive(&self, name: &str, address: &str) {
        let pair = (folded(name), network(address));
        self.left.remove(&Key::Pair(pair.0.clone(), pair.1.clone()));
        if self.at_home.len() >= MOST {
            self.at_home.clear();
        }
        self.at_home.insert(pair, ());
    }

    /// A code was right.
    pub fn forgive_code(&self, account: &str) {
        self.left.remove(&Key::Code(account.to_owned()));
    }

    /// A password was right.
    pub fn forgive_password(&self, account: &str) {
        self.left.remove(&Key::Password(account.to_owned()));
    }
}

fn filled(rate: Rate, (left, at): (f64, Instant), now: Instant) -> f64 {
    (left + now.saturating_duration_since(at).as_secs_f64() / rate.one_more.as_secs_f64()).min(rate.at_once)
}

/// A name whatever its case, and no more of it than any account has: what is typed here is kept for a while.
fn folded(name: &str) -> String {
    name.chars().take(LONGEST_NAME).flat_map(char::to_lowercase).collect()
}

/// What one client can choose freely counts as one address: with IPv6 the lower half.
fn network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => format!("{:x}/64", u128::from(address) >> 64),
        Ok(address) => address.to_string(),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_tries_then_one_in_twelve_seconds() {
        let (tries, now) = (Tries::default(), Instant::now());
        for _ in 0..5 {
            assert_eq!(tries.take_at("Ann", "1.2.3.4", now), Ok(()));
        }
        assert_eq!(tries.take_at("ann", "1.2.3.4", now), Err(12), "whatever the case of the name");
        assert_eq!(tries.take_at("bob", "1.2.3.4", now), Ok(()));
        assert_eq!(tries.take_at("ann", "1.2.3.5", now), Ok(()), "from elsewhere");
        let later = now + PAIR.one_more;
        assert_eq!(tries.take_at("ann", "1.2.3.4", later), Ok(()));
        assert_eq!(tries.take_at("ann", "1.2.3.4", later), Err(12));
        tries.forgive("ANN", "1.2.3.4");
        assert_eq!(tries.take_at("ann", "1.2.3.4", later), Ok(()));
    }

    #[test]
    fn one_address_cannot_try_many_names() {
        let (tries, now) = (Tries::default(), Instant::now());
        let taken = (0..1000).filter(|name| tries.take_at(&name.to_string(), "2001:db8::1", now).is_ok()).count();
        assert_eq!(taken, 60);
        assert_eq!(tries.take_at("x", "2001:db8::ffff:1", now), Err(1), "it is the same network");
        assert_eq!(tries.take_at("x", "2001:db8:0:1::1", now), Ok(()));
    }

    #[test]
    fn many_addresses_cannot_guess_a_name_and_its_owner_is_not_kept_out() {
        let (tries, now) = (Tries::default(), Instant::now());
        tries.forgive("ann", "9.9.9.9");
        let taken = (0..200).filter(|last| tries.take_at("ann", &format!("10.0.0.{last}"), now).is_ok()).count();
        assert_eq!(taken, 50);
        assert_eq!(tries.take_at("ann", "9.9.9.9", now), Ok(()), "the owner, from where he always is");
    }

    #[test]
    fn codes_are_counted_by_account() {
        let tries = Tries::default();
        for _ in 0..5 {
            assert_eq!(tries.take_code("a"), Ok(()));
        }
        assert!(tries.take_code("a").is_err() && tries.take_code("b").is_ok() && tries.take_password("a").is_ok());
        tries.forgive_code("a");
        assert_eq!(tries.take_code("a"), Ok(()));
    }

    #[test]
    fn who_begins_devices_or_goes_to_the_provider_keeps_nobody_with_a_password_out() {
        let tries = Tries::default();
        for _ in 0..200 {
            let _ = (tries.take_provider("10.0.0.1"), tries.take_waiting("10.0.0.1"));
        }
        assert!(tries.take_provider("10.0.0.1").is_err() && tries.take_waiting("10.0.0.1").is_err());
        assert_eq!(tries.take("ann", "10.0.0.1"), Ok(()));
        for _ in 0..200 {
            let _ = tries.take_provider("10.0.0.2");
        }
        assert_eq!(tries.take_waiting("10.0.0.2"), Ok(()), "each has its own");
    }

    #[test]
    fn links_that_are_not_good_keep_nobody_out_who_signs_in() {
        let tries = Tries::default();
        let taken = (0..200).filter(|_| tries.take_link("10.0.0.1").is_ok()).count();
        assert_eq!((taken, tries.take_link("10.0.0.2")), (5, Ok(())));
        assert_eq!(tries.take("ann", "10.0.0.1"), Ok(()));
        assert_eq!(tries.take_provider("10.0.0.1"), Ok(()));
    }

    #[test]
    fn a_long_name_takes_no_more_room_than_one_that_an_account_can_have() {
        let (tries, now) = (Tries::default(), Instant::now());
        let (long, longest) = ("A".repeat(1 << 20), "a".repeat(LONGEST_NAME));
        assert_eq!(tries.take_at(&long, "10.0.0.1", now), Ok(()));
        tries.forgive(&long, "10.0.0.2");
        let names = tries.left.iter().filter_map(|known| match known.key() {
            Key::Pair(name, _) | Key::Name(name) => Some(name.clone()),
            _ => None,
        });
        assert_eq!(names.collect::<Vec<_>>(), [longest.clone(), longest.clone()]);
        assert!(tries.at_home.iter().all(|known| known.key().0 == longest));
    }

    #[test]
    fn memory_is_bounded() {
        let (tries, now) = (Tries::default(), Instant::now());
        let taken = (0..FAR_TOO_MANY as u64 + 1000)
            .filter(|number| {
                tries.one(Key::Name(number.to_string()), now + Duration::from_millis(number / 100)).is_ok()
            })
            .count();
        assert_eq!((taken, tries.left.len()), (FAR_TOO_MANY + 1, FAR_TOO_MANY + 1), "the others have to wait");
        let soon = now + Duration::from_secs(3);
        assert_eq!(tries.one(Key::Name("late".into()), soon), Err(NAME.one_more.as_secs()));
        assert_eq!(tries.one(Key::Name("0".into()), soon), Ok(()), "who is known goes on");
        let later = now + Duration::from_secs(3600);
        assert_eq!(tries.one(Key::Name("new".into()), later), Ok(()));
        assert!(tries.left.len() < 10, "what is full again is forgotten: {}", tries.left.len());
    }
}
