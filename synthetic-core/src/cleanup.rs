//! What canaries make in the target, and how all of it is removed again: resources, marks, the journal, the sweep.

mod address;
mod any_resource;
mod cleaner;
mod creation;
mod entry;
pub mod journal;
mod kinds;
mod mark;
mod remove;
mod resource;
mod sweep;
pub mod test_cards;

pub(crate) use self::any_resource::{AnyResource, to_json};
pub(crate) use self::cleaner::Cleaner;
pub use self::creation::Creation;
pub use self::entry::{Entry, State};
pub(crate) use self::journal::Journal;
pub use self::journal::{Durability, FileJournal, JournalError, JournalStore};
pub(crate) use self::kinds::Kinds;
pub(crate) use self::mark::canary_part;
pub use self::mark::{Mark, ParseMarkError};
pub(crate) use self::remove::{Broken, Patience, describe, isolated, remove};
pub use self::resource::{Gone, Listed, Recovery, Resource};
pub use self::sweep::{Planned, SweepReport, Sweeper};
