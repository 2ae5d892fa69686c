//! What canaries made and have not removed yet: kept in a store, and known to the runs and the sweeper of this process.

mod index;
mod store;

pub(crate) use self::index::{Journal, Tracked};
pub use self::store::{JournalError, JournalStore, Left};
