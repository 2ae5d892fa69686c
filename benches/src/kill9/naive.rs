//! [`Naive`]: cleanup as teams write it themselves, done with care, and no more than that.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use synthetic_core::prelude::*;

use super::Strategy;
use super::orders::Orders;

/// Creates, uses and deletes an order without the SDK's cleanup, and what a restart does then.
#[derive(Debug, Clone)]
pub(super) struct Naive {
    strategy: Strategy,
    orders: Orders,
    notes: Arc<File>,
}

impl Naive {
    /// Takes its notes in a folder: a line `+ what` for what is to be removed, a line `- what` when it was.
    pub(super) fn new(strategy: Strategy, orders: Orders, folder: &Path) -> Result<Self, String> {
        let notes = OpenOptions::new().create(true).append(true).open(folder.join(NOTES));
        let notes = notes.map_err(|error| format!("no notes can be taken: {error}"))?;
        Ok(Self { strategy, orders, notes: Arc::new(notes) })
    }

    /// Makes an order, does with it what `body` does, and deletes it, whatever became of that.
    pub(super) async fn with_order<F: Future<Output = Result>>(
        &self,
        run: &Run,
        body: impl FnOnce(String) -> F,
    ) -> Result {
        let reference = format!("order-of-{}", run.id());
        if self.strategy == Strategy::SearchOnce {
            self.note('+', &reference)?;
        }
        let order = self.orders.post(&reference).await?;
        if self.strategy == Strategy::Ids {
            self.note('+', &order.id)?;
        }
        let used = body(order.id.clone()).await;
        self.orders.remove(&order.id).await?;
        match self.strategy {
            Strategy::SearchOnce => self.note('-', &reference)?,
            Strategy::Ids => self.note('-', &order.id)?,
            _ => {}
        }
        used
    }

    /// Removes what a killed process has noted, as far as it can.
    pub(super) async fn restart(&self, folder: &Path) -> Result<(), String> {
        for noted in left_in(folder)? {
            let ids = match self.strategy {
                Strategy::Ids => vec![noted],
                Strategy::SearchOnce => self.orders.search(&noted).await.map_err(|failure| failure.to_string())?,
                _ => Vec::new(),
            };
            for id in ids {
                // 404: the killed process had deleted it, and could not note that any more.
                let _ = self.orders.remove(&id).await;
            }
        }
        Ok(())
    }

    fn note(&self, sign: char, what: &str) -> Result {
        let written = (&*self.notes).write_all(format!("{sign} {what}\n").as_bytes());
        written.map_err(|error| Failure::setup(format!("the notes cannot be written: {error}")))
    }
}

const NOTES: &str = "notes.txt";

/// Reads what is noted and not noted as removed.
fn left_in(folder: &Path) -> Result<BTreeSet<String>, String> {
    let notes = match fs::read_to_string(folder.join(NOTES)) {
        Ok(notes) => notes,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("the notes cannot be read: {error}")),
    };
    let mut left = BTreeSet::new();
    for line in notes.lines() {
        match line.split_once(' ') {
            Some(("+", what)) => drop(left.insert(what.to_owned())),
            Some((_, what)) => drop(left.remove(what)),
            None => {}
        }
    }
    Ok(left)
}
