//! `run`: keeps the schedules.

use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use crate::cli::{Refused, control, progress, terminal};
use crate::clock::later;
use crate::monitor::{Builder, Exit, told_to_stop};

pub(super) async fn run(builder: Builder, time: Option<Duration>, control: Option<&Path>) -> Result<Exit, Refused> {
    let grace = builder.grace_period();
    let monitor = builder.build().map_err(Refused::usage)?;
    let handle = monitor.handle();
    let listening = control.map(|path| control::listen(path, handle.clone())).transpose()?;
    let number = handle.list().len();
    let ends = time.map_or("SIGINT or SIGTERM ends it".to_owned(), |time| format!("it ends after {time:?}"));
    let spoken_to = control.map_or(String::new(), |path| format!("; it is spoken to at {}", path.display()));
    terminal::err(&format!(
        "{} runs {number} {}; {ends}{spoken_to}",
        monitor.name(),
        if number == 1 { "canary" } else { "canaries" }
    ));

    let told = told_to_stop();
    let mut draining = None;
    let stop = async {
        match time {
            None => told.await,
            Some(time) => tokio::select! {
                () = told => {}
                () = tokio::time::sleep_until(later(tokio::time::Instant::now(), time)) => {}
            },
        }
        let watch = progress::watch_drain(handle.clone(), grace);
        draining = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            // Most drains are done in a moment, and need no word.
            sleep(Duration::from_millis(500)).await;
            watch.await;
        })));
    };
    let summary = monitor.run_until(stop).await;
    if draining.is_some_and(|draining| !draining.is_finished()) && terminal::is_watched() {
        terminal::show("");
    }
    drop(listening);
    terminal::err(&summary.to_string());
    Ok(summary.exit())
}
