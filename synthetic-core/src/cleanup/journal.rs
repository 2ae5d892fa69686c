//! What canaries made and have not removed yet: kept in a store, and known to the runs and the sweeper of this process.

mod contract;
mod file;
mod store;

pub use self::contract::check_journal_store_contract;
pub use self::file::{Durability, FileJournal};
pub use self::store::{JournalError, JournalStore, Left};
