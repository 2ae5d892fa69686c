//! A Grafana dashboard on Prometheus.
//!
//! Source of the format: "JSON model",
//! <https://grafana.com/docs/grafana/latest/visualizations/dashboards/build-dashboards/view-dashboard-json-model/>.

mod panels;

use std::time::Duration;

use self::panels::{Panel, sections};
use super::inventory::{Cadence, Inventory};
use super::node::{Node, list, map};

/// The version of the model, that of Grafana 11. Newer ones migrate it when they load it.
const SCHEMA: u64 = 39;

/// How many columns a dashboard has.
const COLUMNS: u64 = 24;
const HEIGHT: u64 = 8;

/// The times that rates may be taken over.
const WINDOWS: [(&str, u64); 6] =
    [("5m", 300), ("15m", 900), ("1h", 3600), ("6h", 21_600), ("1d", 86_400), ("7d", 604_800)];

pub(super) fn dashboard(inventory: &Inventory) -> String {
    let title = format!("Canaries of {}", inventory.monitor);
    // 40 characters at most; the same for a monitor whatever its canaries are, so that an import replaces the last one.
    let uid = format!("synthetic-{:08x}", crc32fast::hash(inventory.monitor.as_bytes()));
    map([
        ("uid", uid.into()),
        ("title", title.into()),
        ("description", "Made by the monitor's command `dashboard --format grafana`: do not edit.".into()),
        ("tags", list(["synthetic"])),
        ("editable", true.into()),
        ("graphTooltip", 1_u64.into()),
        ("refresh", "1m".into()),
        ("schemaVersion", SCHEMA.into()),
        ("time", map([("from", "now-6h".into()), ("to", "now".into())])),
        ("timezone", "browser".into()),
        ("templating", map([("list", variables(inventory))])),
        ("annotations", map([("list", Node::List(Vec::new()))])),
        ("panels", panels(inventory)),
    ])
    .json()
}

/// The variables of the dashboard: the data source, the canaries, the time that rates are taken over.
fn variables(inventory: &Inventory) -> Node {
    let all = map([("text", "All".into()), ("value", "$__all".into())]);
    let names: Vec<_> = inventory.canaries.iter().map(|canary| canary.name.as_str()).collect();
    let options = names.iter().map(|name| option(name));
    let canaries = map([("name", "canary".into()), ("label", "Canary".into()), ("type", "custom".into())])
        .and([("query", names.join(",").into()), ("includeAll", true.into()), ("multi", true.into())])
        .and([("current", all), ("options", list(options))]);
    let longest = inventory.repeated().map(|(_, cadence): (_, Cadence)| cadence.window()).max().unwrap_or_default();
    let fits = |(_, seconds): &&(&str, u64)| Duration::from_secs(*seconds) >= longest;
    let (window, _) = WINDOWS.iter().find(fits).unwrap_or(&WINDOWS[WINDOWS.len() - 1]);
    let windows = WINDOWS.map(|(name, _)| name);
    let window = map([("name", "window".into()), ("label", "Rates over".into()), ("type", "custom".into())])
        .and([("query", windows.join(",").into()), ("current", option(window))])
        .and([("options", list(windows.map(option)))]);
    let source = map([("name", "datasource".into()), ("label", "Data source".into()), ("type", "datasource".into())])
        .and([("query", "prometheus".into())]);
    list([source, canaries, window])
}

fn option(value: &str) -> Node {
    map([("text", value.into()), ("value", value.into())])
}

/// Lays the sections out one below the other, and in each the panels from left to right.
fn panels(inventory: &Inventory) -> Node {
    let mut all: Vec<Node> = Vec::new();
    let mut top = 0;
    for (title, panels) in sections(inventory) {
        let id = all.len() as u64 + 1;
        all.push(
            map([("id", id.into()), ("type", "row".into()), ("title", title.into()), ("collapsed", false.into())])
                .and([("gridPos", place(0, top, COLUMNS, 1)), ("panels", Node::List(Vec::new()))]),
        );
        let width = COLUMNS / panels.len() as u64;
        for (n, panel) in (0_u64..).zip(panels) {
            all.push(shown(&panel, all.len() as u64 + 1).and([("gridPos", place(n * width, top + 1, width, HEIGHT))]));
        }
        top += 1 + HEIGHT;
    }
    Node::List(all)
}

fn place(x: u64, y: u64, w: u64, h: u64) -> Node {
    map([("x", x.into()), ("y", y.into()), ("w", w.into()), ("h", h.into())])
}

fn shown(panel: &Panel, id: u64) -> Node {
    let source = || map([("type", "prometheus".into()), ("uid", "${datasource}".into())]);
    let target = |(n, (expr, legend)): (usize, &(String, &str))| {
        map([("refId", format!("Q{n}").into()), ("datasource", source()), ("expr", expr.as_str().into())]).and([
            ("legendFormat", (*legend).into()),
            ("instant", panel.is_stat.into()),
            ("range", (!panel.is_stat).into()),
        ])
    };
    let defaults = map([("unit", panel.unit.into())]).and(panel.least.map(|least| ("min", least.into())));
    map([("id", id.into()), ("type", if panel.is_stat { "stat" } else { "timeseries" }.into())])
        .and([("title", panel.title.into()), ("description", panel.about.into()), ("datasource", source())])
        .and([("fieldConfig", map([("defaults", defaults), ("overrides", Node::List(Vec::new()))]))])
        .and([("targets", list(panel.queries.iter().enumerate().map(target)))])
}
