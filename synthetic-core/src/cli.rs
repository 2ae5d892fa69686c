//! The command line of every monitor: [`Builder::main`] and [`Monitor::main_with`], behind the feature `cli`.
//!
//! A monitor that a team builds is a program, and this is how it is spoken to: `run` keeps the schedules, `once` runs what is
//! selected and ends with an exit code for CI, `list` and `validate` say what would run, `sweep` only cleans up, and `status`,
//! `runs`, `pause`, `resume`, `trigger`, `reschedule` and `health` speak to one that runs. `--help` teaches the rest.

mod commands;
mod control;
mod line;
mod output;
mod progress;
mod selection;
mod settings;
mod terminal;

use std::ffi::OsString;
use std::fmt::Display;
use std::future::{Future, ready};
use std::process::ExitCode;

pub use clap;

use self::line::{Line, Parsed};
pub use crate::format::{self, Format};
use crate::monitor::{Builder, Exit, Monitor};

/// A program without flags of its own.
#[derive(clap::Args, Debug)]
struct NoFlags {}

impl Builder {
    /// Does what the command line of the process says, and returns how the process should end: this is the last line of a
    /// monitor's `main`. The exit codes are those of [`Exit`].
    ///
    /// What the command line and the environment set stands before what the program sets; `validate` shows who set what.
    ///
    /// # Cancellation
    ///
    /// As of [`Monitor::run_until`].
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with time and I/O enabled.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::process::ExitCode;
    /// use synthetic_core::prelude::*;
    /// # use synthetic_core::testing::RecordingSink;
    ///
    /// #[tokio::main]
    /// async fn main() -> ExitCode {
    ///     let health = canary(Spec::new("health"), |run: Run| async move { run.expect("up", true, eq(true)) });
    ///     Monitor::named("shop").canary(every(mins(1)), health).sink(RecordingSink::new()).main().await
    /// }
    /// ```
    pub async fn main(self) -> ExitCode {
        let compose = |_: NoFlags| ready(Ok::<_, std::convert::Infallible>(self));
        main(std::env::args_os().collect(), compose).await.into()
    }
}

impl Monitor {
    /// Does what the command line says, as [`Builder::main`] does, for a monitor with flags of its own: what they say is
    /// given to `compose`, which puts the monitor together. It is not called for what needs no monitor, such as `--help`.
    ///
    /// # Cancellation
    ///
    /// As of [`Monitor::run_until`].
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with time and I/O enabled, and when two flags have one name.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::process::ExitCode;
    /// use synthetic_core::cli::clap;
    /// use synthetic_core::monitor::ConfigError;
    /// use synthetic_core::prelude::*;
    /// # use synthetic_core::testing::RecordingSink;
    ///
    /// #[derive(clap::Args)]
    /// struct Flags {
    ///     /// The shop to watch
    ///     #[arg(long, env = "SHOP_URL", default_value = "http://127.0.0.1:8080")]
    ///     target: String,
    /// }
    ///
    /// #[tokio::main]
    /// async fn main() -> ExitCode {
    ///     Monitor::main_with(|flags: Flags| async move {
    ///         let health = canary(Spec::new("health"), move |run: Run| {
    ///             let target = flags.target.clone();
    ///             async move { run.expect("the target", target, starts_with("http")) }
    ///         });
    ///         let monitor = Monitor::named("shop").canary(every(mins(1)), health).sink(RecordingSink::new());
    ///         Ok::<_, ConfigError>(monitor)
    ///     })
    ///     .await
    /// }
    /// ```
    pub async fn main_with<A, F, Fut, E>(compose: F) -> ExitCode
    where
        A: clap::Args,
        F: FnOnce(A) -> Fut,
        Fut: Future<Output = Result<Builder, E>>,
        E: Display,
    {
        main(std::env::args_os().collect(), compose).await.into()
    }
}

async fn main<A, F, Fut, E>(args: Vec<OsString>, compose: F) -> Exit
where
    A: clap::Args,
    F: FnOnce(A) -> Fut,
    Fut: Future<Output = Result<Builder, E>>,
    E: Display,
{
    let Parsed { own, line, sources } = match line::parse::<A>(args) {
        Ok(parsed) => parsed,
        Err(exit) => return exit,
    };
    let Line { command, settings } = line;
    let done = match commands::without_a_monitor(&command, &settings).await {
        Some(done) => done,
        None => match compose(own).await {
            Ok(builder) => match settings.apply(builder, &sources) {
                Ok(builder) => commands::run(command, builder, settings.control.as_deref()).await,
                Err(problem) => Err(problem),
            },
            Err(error) => Err(Refused::usage(error)),
        },
    };
    done.unwrap_or_else(|Refused { exit, why }| {
        terminal::err(&format!("error: {why}"));
        exit
    })
}

/// Says why a command was not carried out, and how the process ends for it.
#[derive(Debug)]
struct Refused {
    exit: Exit,
    why: String,
}

impl Refused {
    fn usage(why: impl Display) -> Self {
        Self { exit: Exit::Usage, why: why.to_string() }
    }

    fn error(why: impl Display) -> Self {
        Self { exit: Exit::Error, why: why.to_string() }
    }
}
