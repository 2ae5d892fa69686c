//! What the panels of a dashboard ask, and of which families.

use std::collections::BTreeMap;

use crate::alerts::burn::budget;
use crate::alerts::inventory::Inventory;
use crate::alerts::promql::quoted;

/// One panel.
pub(super) struct Panel {
    pub(super) title: &'static str,
    /// What it shows, for who does not know.
    pub(super) about: &'static str,
    /// In the words of Grafana.
    pub(super) unit: &'static str,
    /// It shows the newest values, rather than their course.
    pub(super) is_stat: bool,
    /// The lowest value of its axis.
    pub(super) least: Option<f64>,
    /// Each with its legend.
    pub(super) queries: Vec<(String, &'static str)>,
}

/// Returns the sections of the dashboard from top to bottom, and their panels from left to right.
pub(super) fn sections(inventory: &Inventory) -> Vec<(&'static str, Vec<Panel>)> {
    let ask = Ask { inventory };
    vec![
        ("Now", vec![ask.up(), ask.success(), ask.since()]),
        ("Runs", vec![ask.runs(), ask.reasons()]),
        ("Time", vec![ask.average(), ask.quantile(), ask.step_times(), ask.step_failures()]),
        ("Requests", vec![ask.requests(), ask.request_times()]),
        ("Objectives", vec![ask.budget_left(), ask.burn_rate()]),
        ("Certificates and cleanup", vec![ask.certificates(), ask.cleanup(), ask.pending(), ask.oldest()]),
        ("The monitor itself", vec![ask.lag(), ask.skipped(), ask.in_flight(), ask.queues(), ask.dropped()]),
    ]
}

/// What the target is answerable for: an error is ours, and what was skipped says nothing.
const CONCLUDED: &str = "outcome=~\"passed|degraded|failed\"";
const FAILED: &str = "outcome=\"failed\"";

struct Ask<'a> {
    inventory: &'a Inventory,
}

impl Ask<'_> {
    fn up(&self) -> Panel {
        let query = self.of_canary("synthetic_up", "");
        stat("Up", "1 when the last run passed or was degraded.", "none", query)
    }

    fn success(&self) -> Panel {
        let query = format!("1 - {}", self.failed("$__range", ""));
        stat("Success", "The share of runs that went well, over the time shown.", "percentunit", query)
    }

    fn since(&self) -> Panel {
        let query = format!("time() - {}", self.of_canary("synthetic_last_run_timestamp_seconds", ""));
        stat("Last run", "How long ago the last run ended.", "s", query)
    }

    fn runs(&self) -> Panel {
        let runs = self.of_canary("synthetic_runs_total", "");
        let query = format!("sum by (canary, outcome) (increase({runs}[$window]))");
        course("Runs by outcome", "How many runs ended so.", "none", query, "{{canary}} {{outcome}}")
    }

    fn reasons(&self) -> Panel {
        let runs = self.of_canary("synthetic_runs_total", "outcome=~\"failed|error\"");
        let query = format!("sum by (canary, reason) (increase({runs}[$window])) > 0");
        course("Failures and errors by reason", "Why runs did not go well.", "none", query, "{{canary}} {{reason}}")
    }

    fn average(&self) -> Panel {
        let sum = |part: &str| {
            let series = self.of_canary(&format!("synthetic_run_duration_seconds_{part}"), "");
            format!("sum by (canary) (increase({series}[$window]))")
        };
        let query = format!("{} / {}", sum("sum"), sum("count"));
        course("Time of runs, on average", "How long the bodies of runs took.", "s", query, "{{canary}}")
    }

    fn quantile(&self) -> Panel {
        let query = quantile(0.95, "canary, le", &self.of_canary("synthetic_run_duration_seconds_bucket", ""));
        course("Time of runs, 95th percentile", "19 of 20 runs took less.", "s", query, "{{canary}}")
    }

    fn step_times(&self) -> Panel {
        let query = quantile(0.95, "canary, step, le", &self.of_canary("synthetic_step_duration_seconds_bucket", ""));
        course("Time of steps, 95th percentile", "19 of 20 took less.", "s", query, "{{canary}}: {{step}}")
    }

    fn step_failures(&self) -> Panel {
        let steps = self.of_canary("synthetic_steps_total", FAILED);
        let query = format!("sum by (canary, step) (increase({steps}[$window])) > 0");
        course("Steps that failed", "How often each step failed.", "none", query, "{{canary}}: {{step}}")
    }

    fn requests(&self) -> Panel {
        let requests = self.of_monitor("synthetic_request_duration_count", "");
        let query = format!("sum by (method, url, result) (rate({requests}[$window]))");
        course("Requests", "How many a second, of all canaries.", "reqps", query, "{{method}} {{url}} {{result}}")
    }

    fn request_times(&self) -> Panel {
        let query = quantile(0.95, "method, url, le", &self.of_monitor("synthetic_request_duration_bucket", ""));
        let about = "19 of 20 took less, of all canaries.";
        course("Time of requests, 95th percentile", about, "s", query, "{{method}} {{url}}")
    }

    fn budget_left(&self) -> Panel {
        let queries = self.by_objective().into_iter().map(|(budget, names)| {
            let failed = self.failed("$__range", &format!("canary=~{names}"));
            (format!("1 - {failed} / {budget}"), "{{canary}}")
        });
        let about = "How much of what the objective allows to fail in the time shown is left.";
        Panel {
            queries: queries.collect(),
            least: None,
            ..course("Error budget left", about, "percentunit", String::new(), "")
        }
    }

    fn burn_rate(&self) -> Panel {
        let queries = self.by_objective().into_iter().map(|(budget, names)| {
            let failed = self.failed("$window", &format!("canary=~{names}"));
            (format!("{failed} / {budget}"), "{{canary}}")
        });
        let about = "How many times faster than in 30 days the error budget is spent: 1 spends just all of it.";
        Panel { queries: queries.collect(), ..course("Burn rate", about, "none", String::new(), "") }
    }

    fn certificates(&self) -> Panel {
        let expiry = self.of_canary("synthetic_certificate_expiry_timestamp_seconds", "");
        let query = format!("min by (canary, host) ({expiry}) - time()");
        let about = "How long the certificates that hosts show hold.";
        Panel { least: None, ..course("Certificates expire in", about, "s", query, "{{canary}}: {{host}}") }
    }

    fn cleanup(&self) -> Panel {
        let cleanup = self.of_canary("synthetic_cleanup_total", "");
        let query = format!("sum by (canary, result) (increase({cleanup}[$window])) > 0");
        course("Cleanup", "What became of what runs made.", "none", query, "{{canary}} {{result}}")
    }

    fn pending(&self) -> Panel {
        let query = self.of_canary("synthetic_cleanup_pending", "");
        course("Left behind", "How many things wait for their removal.", "none", query, "{{canary}}")
    }

    fn oldest(&self) -> Panel {
        let query = self.of_canary("synthetic_cleanup_oldest_age_seconds", "");
        course("Age of the oldest", "How long the oldest of them has been there.", "s", query, "{{canary}}")
    }

    fn lag(&self) -> Panel {
        let lag = quantile(0.99, "le", &self.of_monitor("synthetic_schedule_lag_seconds_bucket", ""));
        let wait = quantile(0.99, "le", &self.of_monitor("synthetic_queue_wait_seconds_bucket", ""));
        let about = "How much later than due runs began: noticed late, and waiting for a place. 99th percentile.";
        let mut panel = course("Late starts", about, "s", lag, "noticed late");
        panel.queries.push((wait, "waited for a place"));
        panel
    }

    fn skipped(&self) -> Panel {
        let skipped = self.of_monitor("synthetic_runs_skipped_total", "");
        let query = format!("sum by (reason) (increase({skipped}[$window]))");
        course("Skipped starts", "Starts that did not become runs.", "none", query, "{{reason}}")
    }

    fn in_flight(&self) -> Panel {
        let query = format!("sum({})", self.of_monitor("synthetic_runs_in_flight", ""));
        course("Runs in flight", "Runs that go on now.", "none", query, "runs")
    }

    fn queues(&self) -> Panel {
        let query = format!("sum by (sink) ({})", self.of_monitor("synthetic_sink_queue_length", ""));
        course("Queues of sinks", "Reports that wait for a sink.", "none", query, "{{sink}}")
    }

    fn dropped(&self) -> Panel {
        let dropped = self.of_monitor("synthetic_sink_dropped_total", "");
        let query = format!("sum by (sink, reason) (increase({dropped}[$window]))");
        course("Lost reports", "Reports that a sink lost.", "none", query, "{{sink}} {{reason}}")
    }

    /// Returns which share of the runs failed.
    fn failed(&self, window: &str, more: &str) -> String {
        let and = if more.is_empty() { "" } else { "," };
        let runs = |ended: &str| {
            let series = self.of_canary("synthetic_runs_total", &format!("{ended}{and}{more}"));
            format!("sum by (canary) (increase({series}[{window}]))")
        };
        format!("({} / {})", runs(FAILED), runs(CONCLUDED))
    }

    /// Returns the budgets, each with an expression that matches the canaries that have it, quoted.
    fn by_objective(&self) -> Vec<(f64, String)> {
        let mut all: BTreeMap<u64, (f64, Vec<String>)> = BTreeMap::new();
        for canary in &self.inventory.canaries {
            let budget = budget(canary.objective);
            // Of positive numbers, the bits are in their order.
            all.entry(budget.to_bits()).or_insert((budget, Vec::new())).1.push(matching(&canary.name));
        }
        all.into_values().map(|(budget, names)| (budget, inert(&names.join("|")))).collect()
    }

    /// Returns what selects the series of the canaries that are chosen.
    fn of_canary(&self, family: &str, more: &str) -> String {
        let and = if more.is_empty() { "" } else { "," };
        self.of_monitor(family, &format!("canary=~\"$canary\"{and}{more}"))
    }

    /// Returns what selects the series of a family that knows no canaries.
    fn of_monitor(&self, family: &str, more: &str) -> String {
        let location = self.inventory.location.as_deref().map(|location| format!("location={}", inert(location)));
        let all: Vec<_> = location.into_iter().chain((!more.is_empty()).then(|| more.to_owned())).collect();
        if all.is_empty() { family.to_owned() } else { format!("{family}{{{}}}", all.join(",")) }
    }
}

/// Writes an expression that matches only this name. What stands outside of brackets is no range.
fn matching(name: &str) -> String {
    regex::escape(name).replace("\\-", "-")
}

/// Writes a string literal of PromQL in which Grafana sees no variable of its own.
fn inert(text: &str) -> String {
    quoted(text).replace('$', "\\x24").replace("[[", "\\x5b[")
}

fn quantile(quantile: f64, by: &str, buckets: &str) -> String {
    format!("histogram_quantile({quantile}, sum by ({by}) (rate({buckets}[$window])))")
}

fn stat(title: &'static str, about: &'static str, unit: &'static str, query: String) -> Panel {
    Panel { title, about, unit, is_stat: true, least: None, queries: vec![(query, "{{canary}}")] }
}

fn course(title: &'static str, about: &'static str, unit: &'static str, query: String, legend: &'static str) -> Panel {
    Panel { title, about, unit, is_stat: false, least: Some(0.0), queries: vec![(query, legend)] }
}
