//! `once`: runs what is selected once.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::canary::RetryOn;
use crate::cli::output::OutputFlags;
use crate::cli::progress::Progress;
use crate::cli::{Refused, terminal};
use crate::monitor::{Builder, Exit, told_to_stop};

pub(super) async fn once(builder: Builder, retries: Option<u32>, output: &OutputFlags) -> Result<Exit, Refused> {
    output.check()?;
    let mut builder = builder.without_consoles().beside_another();
    if let Some(retries) = retries {
        builder = builder.each_spec(|spec| spec.retry(retries).retry_on(RetryOn::AnyFailure));
    }
    let progress = Progress::of(builder.names().len());
    let monitor = builder.sink(progress.clone()).build().map_err(Refused::usage)?;
    let watch = progress.watch(monitor.handle());
    let interrupted = AtomicBool::new(false);
    let told = told_to_stop();
    let stop = async {
        told.await;
        interrupted.store(true, Ordering::Relaxed);
    };
    let (reports, summary) = monitor.once_until(stop).await;
    drop(watch);
    output.write(&reports, &summary)?;
    let not_run = summary.canaries.values().filter(|canary| canary.runs() == 0).count();
    if interrupted.into_inner() && not_run > 0 {
        terminal::err(&format!("error: it was told to stop before {not_run} canaries had run"));
        return Ok(if summary.exit() == Exit::Failed { Exit::Failed } else { Exit::Error });
    }
    Ok(summary.exit())
}
