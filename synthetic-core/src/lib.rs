#![doc = include_str!("../README.md")]

#[cfg(feature = "alerts")]
pub mod alerts;
pub mod artifact;
pub mod canary;
pub mod cleanup;
#[cfg(feature = "cli")]
pub mod cli;
mod clock;
mod disk;
pub mod expect;
pub mod failure;
#[cfg(feature = "formats")]
pub mod format;
pub mod monitor;
mod outcome;
pub mod persona;
pub mod prelude;
mod reason;
pub mod report;
mod run;
mod runner;
pub mod schedule;
pub mod secret;
pub mod sink;
pub mod testing;
mod vitals;

pub use self::canary::{AnyCanary, Canary, FnCanary, OnLeak, RetryOn, Spec, canary};
pub use self::cleanup::{Gone, Mark, Resource};
pub use self::clock::Clock;
pub use self::failure::{Failure, Reason, Result};
pub use self::monitor::Monitor;
pub use self::outcome::Outcome;
pub use self::persona::{Persona, Personas};
pub use self::report::Report;
pub use self::run::{Attempts, Poll, Run, Soft, Step, attempts};
pub use self::runner::Runner;
pub use self::schedule::Schedule;
pub use self::secret::{Secret, SecretStore};
pub use self::sink::Sink;
