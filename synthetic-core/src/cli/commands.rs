//! What each command does.

mod alerts;
mod ask;
mod once;
mod run;
mod show;
mod sweep;

use std::path::Path;

use super::line::{Schema, What};
use super::settings::SettingFlags;
use super::{Refused, terminal};
use crate::format::results_schema;
use crate::monitor::{Builder, Exit};
use crate::report::JSON_SCHEMA;

/// Does what needs no monitor of our own, if that is what is asked for.
pub(super) async fn without_a_monitor(command: &What, settings: &SettingFlags) -> Option<Result<Exit, Refused>> {
    if let What::Schema { of } = command {
        match of {
            Schema::Report => terminal::out(JSON_SCHEMA),
            Schema::Results => terminal::out(&results_schema()),
        }
        return Some(Ok(Exit::Passed));
    }
    ask::of_a_running_one(command, settings.control.as_deref()).await
}

/// Does what needs a monitor.
pub(super) async fn run(command: What, builder: Builder, control: Option<&Path>) -> Result<Exit, Refused> {
    match command {
        What::Run { selection, time } => run::run(selection.select(builder)?, time, control).await,
        What::Once { selection, retries, output } => once::once(selection.select(builder)?, retries, &output).await,
        What::List { selection, json } => show::list(selection.select(builder)?, json),
        What::Validate { selection } => show::validate(selection.select(builder)?),
        What::Alerts { selection, made, format } => alerts::alerts(selection.select(builder)?, &made, format),
        What::Dashboard { selection, made, format, region, namespace } => {
            let body = alerts::body(format, region, namespace)?;
            alerts::dashboard(selection.select(builder)?, &made, &body)
        }
        What::Sweep { dry_run: true, .. } => sweep::preview(builder).await,
        What::Sweep { within, .. } => sweep::sweep(builder, within).await,
        other => unreachable!("{other:?} needs no monitor, and was done before"),
    }
}
