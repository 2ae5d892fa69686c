//! Which runs were written lately, so that what is delivered again is not written again.

use std::collections::{HashSet, VecDeque};

use synthetic_core::Report;

/// How many runs are remembered: more than are delivered again at once, in 0.5 MiB.
const MOST: usize = 10_000;

/// The runs that were written last.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    order: VecDeque<u128>,
    known: HashSet<u128>,
}

impl Recent {
    pub(crate) fn has(&self, report: &Report) -> bool {
        self.known.contains(&report.run_id.as_u128())
    }

    pub(crate) fn remember(&mut self, report: &Report) {
        let id = report.run_id.as_u128();
        if !self.known.insert(id) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}
