//! What CloudWatch has taken already, so that it is given it once.

use std::collections::{HashMap, VecDeque};

/// The 128 bits of a run's id.
pub(super) type RunId = [u8; 16];

/// How many runs are remembered: more than wait in a queue.
const MOST: usize = 10_000;

/// How many values of a run need not be sent any more, for the last runs.
#[derive(Debug, Default)]
pub(super) struct Accepted {
    values: HashMap<RunId, usize>,
    order: VecDeque<RunId>,
}

impl Accepted {
    /// Returns how many values of a run need not be sent any more: they are its first ones.
    pub(super) fn of(&self, run: RunId) -> usize {
        self.values.get(&run).copied().unwrap_or(0)
    }

    pub(super) fn remember(&mut self, run: RunId, values: usize) {
        if self.values.insert(run, values).is_some() {
            return;
        }
        self.order.push_back(run);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ten_thousand_runs_are_remembered() {
        let run = |n: usize| (n as u128).to_be_bytes();
        let mut accepted = Accepted::default();
        for n in 0..=MOST {
            accepted.remember(run(n), 1);
            accepted.remember(run(n), 2);
        }
        assert_eq!((accepted.of(run(0)), accepted.of(run(1)), accepted.of(run(MOST))), (0, 2, 2));
        assert_eq!((accepted.values.len(), accepted.order.len()), (MOST, MOST));
    }
}
