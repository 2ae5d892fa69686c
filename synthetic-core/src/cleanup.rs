//! What canaries make in the target, and how all of it is removed again: resources, marks, the journal, the sweep.

mod any_resource;
mod creation;
mod entry;
pub mod journal;
mod mark;
mod resource;

pub use self::creation::Creation;
pub use self::entry::{Entry, State};
pub use self::journal::{Durability, FileJournal, JournalError, JournalStore};
pub use self::mark::{Mark, ParseMarkError};
pub use self::resource::{Gone, Listed, Recovery, Resource};
