//! Alert rules of Prometheus.
//!
//! Source of the format: <https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/>.

use std::time::Duration;

use super::burn::{Burn, budget, burns};
use super::concern::{self, Advice};
use super::inventory::{Cadence, Inventory, Watched};
use super::node::{Node, list, map};
use super::promql::{literal, quoted, range};
use super::severity::Severity;

/// How long before a certificate expires somebody is told, and how long before that is urgent.
const EXPIRES: [(Duration, Severity); 2] = [
    (Duration::from_secs(14 * 24 * 3600), Severity::Warning),
    (Duration::from_secs(3 * 24 * 3600), Severity::Critical),
];

/// Who runs a canary, as far as a sum tells them apart.
const BY: &str = "by (canary, location)";

/// Writes a rule file: a group for each canary that runs again and again.
pub(super) fn rules(inventory: &Inventory) -> String {
    let mut text = String::new();
    for line in inventory.preamble("alerts --format prometheus") {
        text += &format!("# {line}\n");
    }
    let group = |(canary, cadence): (&Watched, Cadence)| {
        let place = inventory.location.as_deref().map(|location| format!(" in {location}")).unwrap_or_default();
        let name = format!("synthetic {}: {}{place}", inventory.monitor, canary.name);
        map([("name", name.into()), ("rules", list(Rules { inventory, canary, cadence }.all()))])
    };
    text + &map([("groups", list(inventory.repeated().map(group)))]).yaml()
}

/// The rules of one canary.
struct Rules<'a> {
    inventory: &'a Inventory,
    canary: &'a Watched,
    cadence: Cadence,
}

impl Rules<'_> {
    fn all(&self) -> Vec<Rule> {
        let mut rules = vec![self.failing(), self.inconclusive(), self.slow(), self.silent(), self.absent()];
        rules.extend(EXPIRES.map(|(left, severity)| self.expires(left, severity)));
        rules.extend([self.left_behind(), self.paused_by_leftovers()]);
        rules.extend(burns(self.canary, self.cadence).iter().map(|burn| self.burns(burn)));
        rules
    }

    fn failing(&self) -> Rule {
        let window = self.cadence.window();
        let (failed, all) = (self.runs(FAILED, window), self.runs(CONCLUDED, window));
        let expr = format!("(\n  {failed}\n/\n  {all}\n) > 0.5\nand\n{failed} > 1.5");
        self.rule("SyntheticCanaryFailing", expr, Severity::Critical, concern::failing(self.canary, self.cadence))
    }

    fn inconclusive(&self) -> Rule {
        let window = self.cadence.window();
        let (errors, all) = (self.runs("outcome=\"error\"", window), self.runs("outcome!=\"skipped\"", window));
        let expr = format!("(\n  {errors}\n/\n  {all}\n) > 0.5\nand\n{errors} > 1.5");
        let advice = concern::inconclusive(self.canary, self.cadence);
        self.rule("SyntheticCanaryInconclusive", expr, Severity::Warning, advice)
    }

    fn slow(&self) -> Rule {
        let window = self.cadence.window();
        let time = self.increase("synthetic_run_duration_seconds_sum", "", window);
        let count = self.increase("synthetic_run_duration_seconds_count", "", window);
        let slow = self.canary.slow.as_secs_f64();
        let expr = format!("(\n  {time}\n/\n  {count}\n) > {slow}\nand\n{count} > 1.5");
        self.rule("SyntheticCanarySlow", expr, Severity::Warning, concern::slow(self.canary, self.cadence))
    }

    fn silent(&self) -> Rule {
        let last = self.series("synthetic_last_run_timestamp_seconds", "");
        let expr = format!("time() - {last} > {}", self.cadence.silent.as_secs());
        self.rule("SyntheticCanarySilent", expr, Severity::Critical, concern::silent(self.canary, self.cadence))
    }

    /// Its counters are there from the start of the monitor on, before its first run.
    fn absent(&self) -> Rule {
        let expr = format!("absent({})", self.series("synthetic_runs_total", ""));
        let rule = self.rule("SyntheticCanaryAbsent", expr, Severity::Critical, concern::absent(self.canary));
        Rule { holds: Some("5m"), ..rule }
    }

    fn expires(&self, left: Duration, severity: Severity) -> Rule {
        let expiry = self.series("synthetic_certificate_expiry_timestamp_seconds", "");
        let expr = format!("{expiry} - time() < {}", left.as_secs());
        self.rule("SyntheticCertificateExpires", expr, severity, concern::expires(self.canary, left))
    }

    fn left_behind(&self) -> Rule {
        let age = self.series("synthetic_cleanup_oldest_age_seconds", "");
        let pending = self.series("synthetic_cleanup_pending", "");
        let expr = format!("{age} > {}\nand\n{pending} > 0", self.canary.left_behind.as_secs());
        self.rule("SyntheticCleanupLeftBehind", expr, Severity::Warning, concern::left_behind(self.canary))
    }

    fn paused_by_leftovers(&self) -> Rule {
        let expr = format!("{} > {}", self.series("synthetic_cleanup_pending", ""), self.canary.most_pending);
        let advice = concern::paused_by_leftovers(self.canary);
        self.rule("SyntheticCleanupPausesCanary", expr, Severity::Critical, advice)
    }

    fn burns(&self, burn: &Burn) -> Rule {
        let Burn { long, short, factor, .. } = *burn;
        let budget = budget(self.canary.objective);
        let too_fast = |window| {
            let (failed, all) = (self.runs(FAILED, window), self.runs(CONCLUDED, window));
            format!("(\n  {failed}\n/\n  {all}\n) > {factor} * {budget}")
        };
        let failed = self.runs(FAILED, long);
        let expr = format!("{}\nand\n{}\nand\n{failed} > 1.5", too_fast(long), too_fast(short));
        let mut rule = self.rule("SyntheticErrorBudgetBurn", expr, burn.severity, concern::burns(self.canary, burn));
        rule.labels.push(("window", range(long)));
        rule
    }

    /// Returns how many runs there were in a window, as far as they ended so.
    fn runs(&self, ended: &str, window: Duration) -> String {
        self.increase("synthetic_runs_total", ended, window)
    }

    fn increase(&self, family: &str, more: &str, window: Duration) -> String {
        format!("sum {BY} (increase({}[{}]))", self.series(family, more), range(window))
    }

    /// Returns what selects the canary's series of a family.
    fn series(&self, family: &str, more: &str) -> String {
        let mut selector = format!("{family}{{canary={}", quoted(&self.canary.name));
        if let Some(location) = &self.inventory.location {
            selector += &format!(",location={}", quoted(location));
        }
        if !more.is_empty() {
            selector += &format!(",{more}");
        }
        selector + "}"
    }

    fn rule(&self, alert: &'static str, expr: String, severity: Severity, advice: Advice) -> Rule {
        // With its canary's name, no rule is like another one: promtool demands it.
        let labels = [
            ("canary", self.canary.name.as_str()),
            ("severity", severity.as_str()),
            ("monitor", self.inventory.monitor.as_str()),
        ];
        let location = self.inventory.location.as_deref().map(|location| ("location", location));
        let labels = labels.into_iter().chain(location).map(|(name, value)| (name, literal(value))).collect();
        Rule { alert, expr, holds: None, labels, advice }
    }
}

/// One rule.
struct Rule {
    alert: &'static str,
    expr: String,
    /// How long it is so before anybody is told.
    holds: Option<&'static str>,
    labels: Vec<(&'static str, String)>,
    advice: Advice,
}

impl From<Rule> for Node {
    fn from(rule: Rule) -> Self {
        let Rule { alert, expr, holds, labels, advice } = rule;
        let place = "{{ with $labels.location }} in {{ . }}{{ end }}";
        let annotations = [
            ("summary", format!("{}{place}", literal(&advice.summary)).into()),
            ("description", literal(&advice.description).into()),
        ];
        map([("alert", alert.into()), ("expr", expr.into())])
            .and(holds.map(|holds| ("for", holds.into())))
            .and([("labels", map(labels.into_iter().map(|(name, value)| (name, value.into()))))])
            .and([("annotations", map(annotations))])
    }
}

/// What the target is answerable for: an error is ours, and what was skipped says nothing.
const CONCLUDED: &str = "outcome=~\"passed|degraded|failed\"";
const FAILED: &str = "outcome=\"failed\"";
