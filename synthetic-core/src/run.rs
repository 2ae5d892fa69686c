//! What a body sees of its run: the handle [`Run`], steps, polls, and what is recorded.

mod context;
mod handle;
mod ledger;
mod poll;
mod shared;
mod step;

pub use self::handle::Run;
pub use self::poll::{Attempts, Poll, attempts};
pub use self::step::{Soft, Step};
pub(crate) use self::context::Context;
pub(crate) use self::ledger::Ledger;
pub(crate) use self::shared::{BeginRun, Deferred, Shared};
