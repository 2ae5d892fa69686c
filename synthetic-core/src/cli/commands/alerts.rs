//! `alerts` and `dashboard`: what is made of the canaries for those who watch them.

use crate::alerts::{Alerts, Dashboard, Inventory, TooMany};
use crate::cli::line::{AlertsFormat, DashboardFormat};
use crate::cli::output::MadeFlags;
use crate::cli::{Refused, terminal};
use crate::monitor::{Builder, Exit, Source};

pub(super) fn alerts(builder: Builder, made: &MadeFlags, format: AlertsFormat) -> Result<Exit, Refused> {
    let form = match format {
        AlertsFormat::Prometheus => Alerts::Prometheus,
        AlertsFormat::Cloudformation => Alerts::CloudFormation,
    };
    make(builder, made, |inventory| form.render(inventory))
}

pub(super) fn dashboard(builder: Builder, made: &MadeFlags, form: &Dashboard) -> Result<Exit, Refused> {
    make(builder, made, |inventory| form.render(inventory))
}

/// Returns the dashboard that is meant.
pub(super) fn body(format: DashboardFormat, region: Option<String>, namespace: String) -> Result<Dashboard, Refused> {
    match format {
        DashboardFormat::Grafana => Ok(Dashboard::Grafana),
        DashboardFormat::Cloudwatch => {
            let missing =
                || Refused::usage("a CloudWatch dashboard names the region of its metrics: say --region eu-west-1");
            Ok(Dashboard::CloudWatch { region: region.ok_or_else(missing)?, namespace })
        }
    }
}

fn make(
    builder: Builder,
    made: &MadeFlags,
    render: impl FnOnce(&Inventory) -> Result<String, TooMany>,
) -> Result<Exit, Refused> {
    let builder = match made.objective {
        Some(percent) => builder.spoken_by(Source::Flag("--objective".to_owned())).objective(percent),
        None => builder,
    };
    let text = render(&Inventory::of(builder).map_err(Refused::usage)?).map_err(Refused::usage)?;
    match made.write(&text)? {
        Some(path) => terminal::err(&format!("written to {}", path.display())),
        None => terminal::out(&text),
    }
    Ok(Exit::Passed)
}
