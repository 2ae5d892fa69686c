//! Cuts what reports come to into packets that one call may hold.

use std::time::SystemTime;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use synthetic_core::Report;

use super::accepted::RunId;
use crate::datum::{self, Reason, Settings, Unit};

/// The most values in a call.
const MOST_VALUES: usize = 1000;
/// The most bytes in a call, before they are compressed, which is on the safe side.
const MOST_BYTES: usize = 1_000_000;

/// A value of a run under one set of dimensions.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) run: RunId,
    /// Its place among the values of its run.
    pub(super) position: usize,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Datum(Box<MetricDatum>),
    LeftOut { reason: Reason, what: String },
}

impl Item {
    pub(super) fn datum(&self) -> Option<&MetricDatum> {
        match &self.content {
            Content::Datum(datum) => Some(datum),
            Content::LeftOut { .. } => None,
        }
    }

    /// Returns what a person calls it.
    pub(super) fn what(&self) -> String {
        match &self.content {
            Content::LeftOut { what, .. } => what.clone(),
            Content::Datum(datum) => {
                let dimension =
                    |one: &Dimension| format!("{}={}", one.name().unwrap_or_default(), one.value().unwrap_or_default());
                let dimensions: Vec<_> = datum.dimensions().iter().map(dimension).collect();
                format!("{} {{{}}}", datum.metric_name().unwrap_or_default(), dimensions.join(", "))
            }
        }
    }
}

/// Returns what a report comes to, in an order that is always the same.
pub(super) fn items<'a>(
    report: &'a Report,
    settings: &'a Settings,
    now: SystemTime,
) -> impl Iterator<Item = Item> + use<'a> {
    let further = || settings.dimensions.iter().map(|(name, value)| dimension(name, value));
    let values = datum::groups(report).into_iter().flat_map(move |group| {
        let datum::Group { scope, at, values } = group;
        let mut contents = Vec::with_capacity(values.len() * 2);
        for value in values {
            for names in scope.dimension_sets() {
                let texts = names.iter().map(|name| scope.dimension(name, report));
                contents.push(match datum::check(value.value, at, now, texts) {
                    Err(reason) => {
                        Content::LeftOut { reason, what: format!("{} of {}", value.metric, scope.of(report)) }
                    }
                    Ok(()) => {
                        let own = names.iter().map(|name| dimension(name, scope.dimension(name, report)));
                        let datum = MetricDatum::builder()
                            .metric_name(value.metric)
                            .unit(unit(value.unit))
                            .value(value.value)
                            .timestamp(DateTime::from(at))
                            .set_dimensions(Some(own.chain(further()).collect()));
                        Content::Datum(Box::new(datum.build()))
                    }
                });
            }
        }
        contents
    });
    values.enumerate().map(|(position, content)| Item { run: report.run_id.into_bytes(), position, content })
}

fn dimension(name: &str, value: &str) -> Dimension {
    Dimension::builder().name(name).value(value).build()
}

const fn unit(unit: Unit) -> StandardUnit {
    match unit {
        Unit::Count => StandardUnit::Count,
        Unit::Milliseconds => StandardUnit::Milliseconds,
        Unit::Percent => StandardUnit::Percent,
    }
}

/// Cuts them where a call would hold more than it may.
pub(super) fn packets<'a>(items: &'a [Item], settings: &Settings) -> std::vec::IntoIter<&'a [Item]> {
    let empty = ENVELOPE + settings.namespace.len();
    let (mut packets, mut rest) = (Vec::new(), items);
    while !rest.is_empty() {
        let (mut bytes, mut values) = (empty, 0);
        let fits = |item: &&Item| {
            let Some(datum) = item.datum() else { return true };
            (bytes, values) = (bytes + size(datum), values + 1);
            bytes <= MOST_BYTES && values <= MOST_VALUES
        };
        // One alone fits always: 30 dimensions of the longest names and values have 39 KB.
        let length = rest.iter().take_while(fits).count().max(1);
        let (packet, others) = rest.split_at(length);
        packets.push(packet);
        rest = others;
    }
    packets.into_iter()
}

/// What a call holds beside its values and the name of its namespace.
const ENVELOPE: usize = 64;
/// What a value holds beside its texts: the names of its fields, its numbers, and what CBOR puts before each of them.
const FRAME: usize = 128;
/// The same for a dimension.
const DIMENSION_FRAME: usize = 24;

/// Returns at most how many bytes a value takes in CBOR.
fn size(datum: &MetricDatum) -> usize {
    let dimension =
        |one: &Dimension| DIMENSION_FRAME + one.name().map_or(0, str::len) + one.value().map_or(0, str::len);
    FRAME + datum.metric_name().map_or(0, str::len) + datum.dimensions().iter().map(dimension).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use serde_json::json;

    use super::*;
    use crate::datum::tests::report;

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_800_000_060)
    }

    /// Returns a report with so many steps, the name of each padded to a length.
    fn with_steps(steps: usize, length: usize) -> Report {
        let step = |n: usize| json!({"name": format!("{n:0length$}"), "outcome": "passed", "started_ms": 0.0, "duration_ms": 1.0, "finished": true});
        report(json!({"steps": (0..steps).map(step).collect::<Vec<_>>()}))
    }

    fn values(packet: &[Item]) -> usize {
        packet.iter().filter_map(Item::datum).count()
    }

    #[test]
    fn a_call_holds_at_most_a_thousand_values_and_nothing_is_lost_between_two() {
        let (report, settings) = (with_steps(1250, 4), Settings::default());
        let all: Vec<_> = items(&report, &settings, now()).collect();
        let packets: Vec<_> = packets(&all, &settings).collect();
        assert_eq!(packets.iter().map(|packet| values(packet)).collect::<Vec<_>>(), [1000, 1000, 504]);
        let positions: Vec<_> = packets.iter().copied().flatten().map(|item| item.position).collect();
        assert_eq!(positions, (0..2504).collect::<Vec<_>>());
    }

    #[test]
    fn a_call_holds_at_most_a_megabyte() {
        let (report, mut settings) = (with_steps(500, 256), Settings::default());
        for n in 0..28 {
            settings.add_dimension(format!("D{n}"), "x".repeat(200)).unwrap();
        }
        let all: Vec<_> = items(&report, &settings, now()).collect();
        let packets: Vec<_> = packets(&all, &settings).collect();
        let bytes = |packet: &&[Item]| ENVELOPE + packet.iter().filter_map(Item::datum).map(size).sum::<usize>();
        assert!(packets.len() > 5 && packets.iter().map(bytes).all(|bytes| bytes <= MOST_BYTES));
        assert_eq!(packets.iter().map(|packet| values(packet)).sum::<usize>(), 1004);
    }

    #[test]
    fn what_is_left_out_keeps_its_place_and_takes_no_room() {
        let settings = Settings::default();
        let old = report(json!({"scheduled_at": "2026-12-31T00:00:00Z", "steps": [
            {"name": "a", "outcome": "passed", "started_ms": 0.0, "duration_ms": 1.0, "finished": true},
        ]}));
        let all: Vec<_> = items(&old, &settings, now()).collect();
        let sent: Vec<_> = all.iter().map(|item| (item.position, item.datum().is_some())).collect();
        assert_eq!(sent, [(0, false), (1, false), (2, false), (3, false), (4, true), (5, true)]);
        assert_eq!(packets(&all, &settings).len(), 1);
        assert_eq!(all[0].what(), "SuccessPercent of canary \"api-health-check\"");
        assert_eq!(all[4].what(), "SuccessPercent {CanaryName=api-health-check, StepName=a}");
    }
}
