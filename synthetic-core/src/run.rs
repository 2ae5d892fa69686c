//! What a body sees of its run: the handle [`Run`], steps, polls, and what is recorded.

mod context;
mod create;
mod creations;
mod evidence;
mod handle;
mod ledger;
mod poll;
mod protocol;
mod shared;
mod step;

pub(crate) use self::context::Context;
pub(crate) use self::evidence::{Evidence, LastArtifact, attach_last, gather};
pub use self::handle::Run;
pub(crate) use self::ledger::Ledger;
pub(crate) use self::poll::aside;
pub use self::poll::{Attempts, Poll, attempts};
pub(crate) use self::shared::{BeginRun, Deferred, Extensions, Made, Remaining, Shared, Undo};
pub use self::step::{Soft, Step};
