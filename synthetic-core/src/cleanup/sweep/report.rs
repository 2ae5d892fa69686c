//! What a sweep did, or would do.

use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use crate::cleanup::any_resource::AnyResource;
use crate::cleanup::{Entry, State};
use crate::report::CleanupItem;

/// Says what a sweep did.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SweepReport {
    /// What became of each thing that it tried to remove. After several passes, what became of it last.
    pub items: Vec<CleanupItem>,
    /// What could not be read or removed for lack of code, each a sentence that names the place and says what to do.
    pub problems: Vec<String>,
    /// How many things wait for their removal now, those of runs that go on and those kept for debugging included.
    pub pending: usize,
    /// How many things are abandoned: nobody tries to remove them any more.
    pub abandoned: usize,
    /// How many things were listed as possible orphans, and left alone: what carries no mark of this monitor, is too young,
    /// or is in the journal.
    pub left_alone: usize,
    /// How long it took.
    pub duration: Duration,
}

impl SweepReport {
    /// Adds what a later pass did.
    pub(super) fn merge(&mut self, later: Self) {
        let again: HashSet<&str> = later.items.iter().filter_map(|item| item.mark.as_deref()).collect();
        self.items.retain(|earlier| earlier.mark.as_deref().is_none_or(|mark| !again.contains(mark)));
        self.items.extend(later.items);
        for problem in later.problems {
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
        self.left_alone = later.left_alone;
    }
}

/// A line for each thing, then one for each problem.
impl fmt::Display for SweepReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for item in &self.items {
            writeln!(f, "{item}")?;
        }
        for problem in &self.problems {
            writeln!(f, "problem: {problem}")?;
        }
        write!(f, "swept {} things; {} pending, {} abandoned", self.items.len(), self.pending, self.abandoned)
    }
}

/// What a sweep would do with one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Planned {
    /// The thing.
    pub entry: Entry,
    /// Where it was found, when another process made it.
    pub place: Option<String>,
    /// What would be done: `delete it`, `find it by its mark and delete it`.
    pub action: String,
}

impl Planned {
    pub(super) fn new(
        resource: Option<&dyn AnyResource>,
        entry: Entry,
        place: Option<String>,
        now: SystemTime,
    ) -> Self {
        let action = match resource {
            _ if entry.state == State::Abandoned => "nothing: it is abandoned".to_owned(),
            _ if entry.not_before.is_some_and(|not_before| not_before > now) => {
                "nothing yet: it is kept for debugging".to_owned()
            }
            None => "nothing: no resource of its kind is registered".to_owned(),
            Some(_) if entry.id.is_some() => "delete it".to_owned(),
            Some(resource) => {
                let replays = resource.recovery().may_replay(entry.age(now));
                match resource.chosen_id(&entry.mark) {
                    Ok(Some(_)) => "delete it by the id that the client chose".to_owned(),
                    _ if entry.payload.is_some() && replays => {
                        "replay its creation to learn its id, and delete it".to_owned()
                    }
                    _ if resource.recovery().searches() => "find it by its mark and delete it".to_owned(),
                    _ => "abandon it: nothing can find it".to_owned(),
                }
            }
        };
        Self { entry, place, action }
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.entry.name(), self.action)?;
        self.place.as_ref().map_or(Ok(()), |place| write!(f, " (from {place})"))
    }
}
