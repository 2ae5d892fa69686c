//! What is remembered of a canary's runs: a bounded number, of which failures outlive successes.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::outcome::Outcome;
use crate::report::Report;

/// How many reports a monitor remembers, all canaries together.
const ALL: usize = 10_000;

/// How many runs of each canary are remembered: so many that passed, and so many that did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Depth {
    passed: usize,
    others: usize,
}

impl Depth {
    /// Remembers so many of each, and less when there are so many canaries that it would be too much. The last run that did
    /// not pass is remembered in any case.
    pub(super) fn of(each: usize, canaries: usize) -> Self {
        let share = ALL / canaries.max(1);
        Self { passed: each.min(share), others: each.min(share).max(1) }
    }
}

/// What is remembered of one canary's runs. One that never ran takes no memory beyond the pointer.
#[derive(Debug, Default)]
pub(super) struct History(Option<Box<Both>>);

#[derive(Debug, Default)]
struct Both {
    /// How many were remembered so far: their order, also when the wall clock is set or stands still.
    so_far: u64,
    passed: VecDeque<(u64, Arc<Report>)>,
    others: VecDeque<(u64, Arc<Report>)>,
}

impl History {
    pub(super) fn remember(&mut self, report: &Arc<Report>, depth: Depth) {
        let passed = report.outcome == Outcome::Passed;
        let most = if passed { depth.passed } else { depth.others };
        if most == 0 {
            return;
        }
        let both = self.0.get_or_insert_default();
        let queue = if passed { &mut both.passed } else { &mut both.others };
        while queue.len() >= most {
            queue.pop_front();
        }
        queue.push_back((both.so_far, Arc::clone(report)));
        both.so_far += 1;
    }

    /// Returns what is remembered, the newest first.
    pub(super) fn newest_first(&self) -> Vec<Arc<Report>> {
        let mut all: Vec<_> = self.0.iter().flat_map(|both| both.passed.iter().chain(&both.others)).collect();
        all.sort_by_key(|(nth, _)| Reverse(*nth));
        all.into_iter().map(|(_, report)| Arc::clone(report)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_canaries_share_what_is_remembered_and_the_last_failure_always_is() {
        assert_eq!(Depth::of(20, 3), Depth { passed: 20, others: 20 });
        assert_eq!(Depth::of(20, 1_000), Depth { passed: 10, others: 10 });
        assert_eq!(Depth::of(20, 100_000), Depth { passed: 0, others: 1 });
        assert_eq!(Depth::of(0, 0), Depth { passed: 0, others: 1 });
    }
}
