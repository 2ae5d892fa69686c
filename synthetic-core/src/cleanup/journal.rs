//! What canaries made and have not removed yet: kept in a store, and known to the runs and the sweeper of this process.

mod contract;
mod file;
mod index;
mod store;

pub use self::contract::check_journal_store_contract;
pub use self::file::{Durability, FileJournal};
pub(crate) use self::index::{Journal, Tracked};
pub use self::store::{JournalError, JournalStore, Left};
