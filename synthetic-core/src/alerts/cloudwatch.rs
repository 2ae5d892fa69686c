//! The body of a CloudWatch dashboard.
//!
//! Source: "Dashboard body structure and syntax",
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html>.

use super::TooMany;
use super::inventory::{Inventory, Watched};
use super::node::{Node, list, map};

/// How many canaries share a row of graphs: more lines are not told apart.
const ROW: usize = 20;
/// How many metrics a dashboard has at most.
///
/// Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html>.
const METRICS: usize = 2500;

/// A graph: its title, its metrics with their statistic, its unit.
struct Graph {
    title: &'static str,
    metrics: &'static [(&'static str, &'static str)],
    unit: &'static str,
}

const GRAPHS: [Graph; 4] = [
    Graph { title: "Success", metrics: &[("SuccessPercent", "Average")], unit: "Percent" },
    Graph { title: "Duration", metrics: &[("Duration", "Average")], unit: "Milliseconds" },
    Graph {
        title: "Runs that failed, and errors of our own",
        metrics: &[("Failed", "Sum"), ("Error", "Sum")],
        unit: "Count",
    },
    Graph {
        title: "Answers that were errors, and requests without one",
        metrics: &[("4xx", "Sum"), ("5xx", "Sum"), ("Failed requests", "Sum")],
        unit: "Count",
    },
];

pub(super) fn dashboard(inventory: &Inventory, region: &str, namespace: &str) -> Result<String, TooMany> {
    let needed = inventory.canaries.len() * GRAPHS.iter().map(|graph| graph.metrics.len()).sum::<usize>();
    if needed > METRICS {
        return Err(TooMany { what: "a CloudWatch dashboard", of_what: "metrics", most: METRICS, needed });
    }
    let heading = format!("# {}", markdown(&format!("The canaries of {}", inventory.monitor)));
    let mut widgets = vec![widget("text", (0, 0, 24, 1), map([("markdown", heading.into())]))];
    for (n, canaries) in (0_u64..).zip(inventory.canaries.chunks(ROW)) {
        for (m, graph) in (0_u64..).zip(&GRAPHS) {
            let metrics = graph.metrics.iter().flat_map(|(metric, statistic)| {
                canaries.iter().map(move |canary| line(namespace, metric, statistic, canary, graph.metrics.len() > 1))
            });
            let axis =
                map([("left", map([("min", 0.0.into()), ("showUnits", false.into()), ("label", graph.unit.into())]))]);
            let properties = map([
                ("title", graph.title.into()),
                ("region", region.into()),
                ("view", "timeSeries".into()),
                ("stacked", false.into()),
                ("period", 300_u64.into()),
                ("yAxis", axis),
                ("metrics", list(metrics)),
            ]);
            widgets.push(widget("metric", (m % 2 * 12, 1 + 12 * n + 6 * (m / 2), 12, 6), properties));
        }
    }
    Ok(map([("widgets", list(widgets))]).json())
}

fn widget(kind: &str, (x, y, width, height): (u64, u64, u64, u64), properties: Node) -> Node {
    map([("type", kind.into()), ("x", x.into()), ("y", y.into()), ("width", width.into()), ("height", height.into())])
        .and([("properties", properties)])
}

fn line(namespace: &str, metric: &str, statistic: &str, canary: &Watched, several: bool) -> Node {
    let name = &canary.name;
    let label = if several { format!("{name} {metric}") } else { name.clone() };
    let how = map([("stat", statistic.into()), ("label", label.into())]);
    list([namespace.into(), metric.into(), "CanaryName".into(), name.as_str().into(), how])
}

/// Writes a text that Markdown gives back as it is, on one line.
///
/// Source: <https://spec.commonmark.org/0.31.2/#backslash-escapes>.
fn markdown(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            c if c.is_ascii_punctuation() => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
