//! Secrets that the shop hands out and takes back: bearer tokens and sessions.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

const MOST: usize = 10_000;

/// A bounded set of secrets with one lifetime.
///
/// A version 7 UUID sorts by the moment at which it was made, so the first key is always the oldest one.
#[derive(Debug)]
pub(crate) struct Grants {
    prefix: &'static str,
    lifetime: Duration,
    ends: BTreeMap<String, Instant>,
}

impl Grants {
    pub(crate) fn new(prefix: &'static str, lifetime: Duration) -> Self {
        Self { prefix, lifetime, ends: BTreeMap::new() }
    }

    pub(crate) fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Makes a new secret, and forgets the oldest one above 10,000.
    pub(crate) fn issue(&mut self, now: Instant) -> String {
        let secret = format!("{}{}", self.prefix, Uuid::now_v7().simple());
        self.ends.insert(secret.clone(), now + self.lifetime);
        if self.ends.len() > MOST {
            self.ends.pop_first();
        }
        secret
    }

    pub(crate) fn is_valid(&self, secret: &str, now: Instant) -> bool {
        self.ends.get(secret).is_some_and(|end| now < *end)
    }

    pub(crate) fn revoke(&mut self, secret: &str) {
        self.ends.remove(secret);
    }

    pub(crate) fn count(&self, now: Instant) -> usize {
        self.ends.values().filter(|end| now < **end).count()
    }

    pub(crate) fn clear(&mut self) {
        self.ends.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_secret_is_valid_until_its_lifetime_is_over() {
        let now = Instant::now();
        let mut grants = Grants::new("t_", HOUR);
        let secret = grants.issue(now);

        assert!(grants.is_valid(&secret, now + HOUR - Duration::from_millis(1)));
        assert!(!grants.is_valid(&secret, now + HOUR));
        assert_eq!(grants.count(now + HOUR), 0);
    }

    #[test]
    fn the_oldest_secret_is_forgotten_above_the_limit() {
        let now = Instant::now();
        let mut grants = Grants::new("t_", HOUR);
        let first = grants.issue(now);
        let second = grants.issue(now);
        for _ in 2..=MOST {
            grants.issue(now);
        }

        assert_eq!(grants.count(now), MOST);
        assert!(!grants.is_valid(&first, now));
        assert!(grants.is_valid(&second, now));
    }
}
