//! What monitors see of themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use synthetic_core::monitor::{Distribution, Stats};
use synthetic_core::sink::{MonitorView, SinkStats};

use super::label::{Ending, labels, push_label};
use super::text::{Kind, Writer};

/// Every reason for which a sink can lose reports, so that their series start at 0.
const DROPPED: [&str; 6] = ["damaged", "fatal", "gave_up", "queue_full", "shutdown", "spool_full"];

/// What one monitor sees of itself.
struct Vitals {
    labels: String,
    stats: Stats,
    sinks: Vec<SinkStats>,
}

/// Writes the families of the monitors' own health. Monitors of one location are told apart by nothing, and added up.
pub(super) fn write(to: &mut Writer<'_>, monitors: &[Arc<dyn MonitorView>]) {
    let all: Vec<Vitals> = monitors.iter().map(|monitor| Vitals::of(&**monitor)).collect();
    let help = "How long after the moment that its schedule names a run was noticed.";
    distribution(to, &all, "synthetic_schedule_lag_seconds", help, |stats| &stats.lag);
    let help = "How long a run then waited for a place.";
    distribution(to, &all, "synthetic_queue_wait_seconds", help, |stats| &stats.queue_wait);

    to.family(Kind::Counter, "synthetic_runs_skipped", "Starts that did not become runs, by reason.");
    let mut skipped = BTreeMap::new();
    for Vitals { labels: place, stats, .. } in &all {
        let reasons =
            [("missed", stats.missed), ("queue_full", stats.queue_full), ("no_connectivity", stats.no_connectivity)];
        for (reason, count) in reasons {
            *skipped.entry((place, reason)).or_insert(0) += count;
        }
    }
    for ((place, reason), count) in skipped {
        to.counters(&[place], [(&Ending::new("reason", reason), count, None)]);
    }

    to.family(Kind::Gauge, "synthetic_runs_in_flight", "Runs that go on now.");
    let mut running = BTreeMap::new();
    all.iter().for_each(|one| *running.entry(&one.labels).or_insert(0) += one.stats.in_flight);
    for (place, count) in running {
        to.gauge(&[place], count as f64);
    }
    sinks(to, &all);
}

fn sinks(to: &mut Writer<'_>, all: &[Vitals]) {
    let mut queues = BTreeMap::new();
    let mut lost = BTreeMap::new();
    for Vitals { labels: place, sinks, .. } in all {
        for stats in sinks {
            let mut sink = place.clone();
            push_label(&mut sink, "sink", &stats.sink);
            *queues.entry(sink.clone()).or_insert(0) += stats.queued;
            let lost = lost.entry(sink).or_insert_with(|| DROPPED.map(|reason| (reason, 0)).into_iter().collect());
            let lost: &mut BTreeMap<&str, u64> = lost;
            stats.dropped.iter().for_each(|(reason, count)| *lost.entry(reason).or_default() += count);
        }
    }
    to.family(Kind::Counter, "synthetic_sink_dropped", "Reports that a sink lost, by reason.");
    for (sink, reasons) in lost {
        for (reason, count) in reasons {
            to.counters(&[&sink], [(&Ending::new("reason", reason), count, None)]);
        }
    }
    to.family(Kind::Gauge, "synthetic_sink_queue_length", "Reports that wait for a sink, or are on their way.");
    for (sink, queued) in queues {
        to.gauge(&[&sink], queued as f64);
    }
}

fn distribution(
    to: &mut Writer<'_>,
    all: &[Vitals],
    name: &'static str,
    help: &'static str,
    of: fn(&Stats) -> &Distribution,
) {
    to.family(Kind::Histogram, name, help);
    let mut places: BTreeMap<&str, Sums> = BTreeMap::new();
    for one in all {
        let times = of(&one.stats);
        let buckets = times.buckets().map(|(bound, count)| (bound.as_secs_f64(), count));
        let sums = places.entry(&one.labels).or_default();
        if sums.buckets.is_empty() {
            sums.buckets.extend(buckets);
        } else {
            sums.buckets.iter_mut().zip(buckets).for_each(|((_, known), (_, more))| *known += more);
        }
        sums.sum = sums.sum.saturating_add(times.sum());
        sums.count += times.count();
    }
    for (place, sums) in places {
        to.counted(&[place], &sums.buckets, sums.sum, sums.count);
    }
}

/// The times of all monitors of one place.
#[derive(Default)]
struct Sums {
    buckets: Vec<(f64, u64)>,
    sum: Duration,
    count: u64,
}

impl Vitals {
    fn of(monitor: &dyn MonitorView) -> Self {
        let labels = labels(monitor.location().map(|location| ("location", location)));
        Self { labels, stats: monitor.stats(), sinks: monitor.sinks() }
    }
}
