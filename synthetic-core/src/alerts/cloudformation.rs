//! Alarms of CloudWatch, as a CloudFormation template.
//!
//! Sources: the resources
//! [`AWS::CloudWatch::Alarm`](https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html)
//! and `AWS::CloudWatch::CompositeAlarm`; how alarms treat missing data,
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>.

mod ids;

use std::time::Duration;

use self::ids::{alarm_name, logical_id};
use super::TooMany;
use super::burn::{Burn, budget, burns};
use super::concern::{self, Advice, round};
use super::inventory::{Cadence, Inventory, Watched};
use super::node::{Node, list, map};
use super::severity::Severity;

/// How many resources a template has at most.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>.
const RESOURCES: usize = 500;

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

pub(super) fn template(inventory: &Inventory) -> Result<String, TooMany> {
    let resources: Vec<_> =
        inventory.repeated().flat_map(|(canary, cadence)| Alarms { canary, cadence }.all()).collect();
    let needed = resources.len();
    if needed > RESOURCES {
        let (what, of_what) = ("a CloudFormation template", "resources");
        return Err(TooMany { what, of_what, most: RESOURCES, needed });
    }
    let mut text = String::new();
    for line in inventory.preamble("alerts --format cloudformation") {
        text += &format!("# {line}\n");
    }
    let topic = |severity: &str| {
        let what = format!("The ARN of the SNS topic that {severity} alarms go to; none when it is empty");
        map([("Type", "String".into()), ("Default", "".into()), ("Description", what.into())])
    };
    let namespace = map([
        ("Type", "String".into()),
        ("Default", "CloudWatchSynthetics".into()),
        ("Description", "The namespace of the metrics".into()),
    ]);
    let is_given = |topic: &str| map([("Fn::Not", list([map([("Fn::Equals", list([reference(topic), "".into()]))])]))]);
    let template = map([
        ("AWSTemplateFormatVersion", "2010-09-09".into()),
        ("Description", "Alarms for canaries".into()),
        (
            "Parameters",
            map([("Namespace", namespace), ("CriticalTopic", topic("critical")), ("WarningTopic", topic("warning"))]),
        ),
        (
            "Conditions",
            map([("HasCriticalTopic", is_given("CriticalTopic")), ("HasWarningTopic", is_given("WarningTopic"))]),
        ),
        ("Resources", map(resources)),
    ]);
    Ok(text + &template.yaml())
}

/// The alarms of one canary.
struct Alarms<'a> {
    canary: &'a Watched,
    cadence: Cadence,
}

impl Alarms<'_> {
    fn all(&self) -> Vec<(String, Node)> {
        let mut all = vec![self.failing(), self.inconclusive(), self.slow()];
        all.extend(self.silent());
        all.extend(burns(self.canary, self.cadence).iter().flat_map(|burn| self.burns(burn)));
        all
    }

    fn failing(&self) -> (String, Node) {
        let period = self.window();
        let metrics = list([
            self.metric("runs", "SuccessPercent", "SampleCount", period),
            self.metric("success", "SuccessPercent", "Average", period),
            result("judged", "IF(runs * (100 - success) > 150, success, 100)", "Success in percent"),
        ]);
        let threshold = Threshold { below: true, value: 50.0, periods: 1, missing: "notBreaching" };
        let advice = concern::failing(self.canary, self.cadence);
        self.alarm("Failing", &advice, Some(Severity::Critical), metrics, &threshold)
    }

    fn inconclusive(&self) -> (String, Node) {
        let metrics = list([returned(self.metric("errors", "Error", "Sum", self.window()))]);
        let threshold = Threshold { below: false, value: 1.0, periods: 1, missing: "notBreaching" };
        let advice = Advice {
            description: concern::inconclusive(self.canary, self.cadence)
                .description
                .replace("More than half of the runs", "More than one of the runs"),
            ..concern::inconclusive(self.canary, self.cadence)
        };
        self.alarm("Inconclusive", &advice, Some(Severity::Warning), metrics, &threshold)
    }

    fn slow(&self) -> (String, Node) {
        let metrics = list([returned(self.metric("duration", "Duration", "Average", self.window()))]);
        let value = self.canary.slow.as_secs_f64() * 1000.0;
        let threshold = Threshold { below: false, value, periods: 1, missing: "notBreaching" };
        self.alarm("Slow", &concern::slow(self.canary, self.cadence), Some(Severity::Warning), metrics, &threshold)
    }

    /// Nothing is there only when the longest wait allows no alarm: those look back seven days at most.
    fn silent(&self) -> Option<(String, Node)> {
        let (period, periods) = spread(self.cadence.silent, self.cadence.intervals)?;
        let metrics = list([
            self.metric("runs", "SuccessPercent", "SampleCount", period),
            // An alarm that misses a value looks for an older one first; a zero is a value.
            result("concluded", "FILL(runs, 0)", "Runs that concluded"),
        ]);
        let threshold = Threshold { below: true, value: 1.0, periods, missing: "breaching" };
        let advice = concern::silent(self.canary, self.cadence);
        Some(self.alarm("Silent", &advice, Some(Severity::Critical), metrics, &threshold))
    }

    /// Returns an alarm for each window, which tell nobody, and one that is on while both are.
    fn burns(&self, burn: &Burn) -> [(String, Node); 3] {
        let advice = concern::burns(self.canary, burn);
        let what = format!("Burn{}h", burn.long.as_secs() / HOUR);
        let long = self.burns_in(&format!("{what}Long"), burn, burn.long, &advice);
        let short = self.burns_in(&format!("{what}Short"), burn, burn.short, &advice);
        let rule = format!("ALARM(\"${{{}}}\") AND ALARM(\"${{{}}}\")", long.0, short.0);
        let properties = map([("AlarmName", alarm_name(&self.canary.name, &what).into())])
            .and([("AlarmDescription", description(&advice).into())])
            .and([("AlarmRule", map([("Fn::Sub", rule.into())]))])
            .and(actions(burn.severity));
        let both = map([("Type", "AWS::CloudWatch::CompositeAlarm".into()), ("Properties", properties)]);
        [long, short, (logical_id(&self.canary.name, &what), both)]
    }

    fn burns_in(&self, what: &str, burn: &Burn, window: Duration, advice: &Advice) -> (String, Node) {
        let period = window.as_secs().next_multiple_of(MINUTE);
        let budget = round(budget(self.canary.objective) * 100.0);
        let metrics = list([
            self.metric("runs", "SuccessPercent", "SampleCount", period),
            self.metric("success", "SuccessPercent", "Average", period),
            result(
                "burn",
                // In the long window, one failed run is no rate.
                &match window == burn.long {
                    true => format!("IF(runs * (100 - success) > 150, (100 - success) / {budget}, 0)"),
                    false => format!("(100 - success) / {budget}"),
                },
                "How many times too fast the error budget is spent",
            ),
        ]);
        let threshold = Threshold { below: false, value: burn.factor, periods: 1, missing: "notBreaching" };
        self.alarm(what, advice, None, metrics, &threshold)
    }

    /// Returns the period in which a few runs conclude, in seconds.
    fn window(&self) -> u64 {
        self.cadence.window().as_secs().min(7 * DAY).next_multiple_of(MINUTE)
    }

    fn metric(&self, id: &str, name: &str, statistic: &str, period: u64) -> Node {
        let dimension = map([("Name", "CanaryName".into()), ("Value", self.canary.name.as_str().into())]);
        let metric = map([("Namespace", reference("Namespace")), ("MetricName", name.into())])
            .and([("Dimensions", list([dimension]))]);
        let stat = map([("Metric", metric), ("Period", period.into()), ("Stat", statistic.into())]);
        map([("Id", id.into()), ("MetricStat", stat), ("ReturnData", false.into())])
    }

    fn alarm(
        &self,
        what: &str,
        advice: &Advice,
        tells: Option<Severity>,
        metrics: Node,
        threshold: &Threshold,
    ) -> (String, Node) {
        let comparison = if threshold.below { "LessThanThreshold" } else { "GreaterThanThreshold" };
        let properties = map([("AlarmName", alarm_name(&self.canary.name, what).into())])
            .and([("AlarmDescription", description(advice).into())])
            .and([("Metrics", metrics), ("ComparisonOperator", comparison.into())])
            .and([("Threshold", threshold.value.into()), ("EvaluationPeriods", threshold.periods.into())])
            .and([("TreatMissingData", threshold.missing.into())])
            .and(tells.into_iter().flat_map(actions));
        let alarm = map([("Type", "AWS::CloudWatch::Alarm".into()), ("Properties", properties)]);
        (logical_id(&self.canary.name, what), alarm)
    }
}

/// When an alarm is on.
struct Threshold {
    /// When the value is below it, rather than above it.
    below: bool,
    value: f64,
    /// For how many periods in a row.
    periods: u64,
    /// What a period without a value is.
    missing: &'static str,
}

/// Cuts a time into so many periods of whole minutes that an alarm may look back on: one day in periods of less than an hour,
/// seven days in longer ones.
///
/// Source: `Period` of
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>.
fn spread(time: Duration, periods: u32) -> Option<(u64, u64)> {
    let (seconds, periods) = (time.as_secs().clamp(1, 8 * DAY), u64::from(periods.max(1)));
    let mut period = seconds.div_ceil(periods).next_multiple_of(MINUTE);
    if period < HOUR && period * periods > DAY {
        period = HOUR;
    }
    let periods = seconds.div_ceil(period);
    (period * periods <= 7 * DAY).then_some((period, periods))
}

fn actions(severity: Severity) -> [(&'static str, Node); 2] {
    let topic = match severity {
        Severity::Critical => "CriticalTopic",
        Severity::Warning => "WarningTopic",
    };
    let told = || {
        let either = list([format!("Has{topic}").into(), list([reference(topic)]), reference("AWS::NoValue")]);
        map([("Fn::If", either)])
    };
    [("AlarmActions", told()), ("OKActions", told())]
}

fn reference(to: &str) -> Node {
    map([("Ref", to.into())])
}

/// Makes the one that is compared of a metric.
fn returned(metric: Node) -> Node {
    let Node::Map(mut entries) = metric else { return metric };
    entries.retain(|(key, _)| key != "ReturnData");
    Node::Map(entries).and([("ReturnData", true.into())])
}

fn result(id: &str, expression: &str, label: &str) -> Node {
    map([("Id", id.into()), ("Expression", expression.into()), ("Label", label.into()), ("ReturnData", true.into())])
}

/// At most 1,024 characters, as CloudWatch demands.
fn description(advice: &Advice) -> String {
    format!("{}. {}", advice.summary, advice.description).chars().take(1024).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_looks_back_as_far_as_it_may() {
        let spread = |minutes: u64, periods| spread(Duration::from_secs(minutes * 60), periods);
        assert_eq!(spread(4, 3), Some((120, 2)));
        assert_eq!(spread(16, 3), Some((360, 3)));
        assert_eq!(spread(30 * 60, 100), Some((3600, 30)), "a day of short periods is all there is");
        assert_eq!(spread(3 * 24 * 60 + 1, 3), Some((86_460, 3)));
        assert_eq!(spread(3 * 7 * 24 * 60, 3), None);
        assert_eq!(super::spread(Duration::MAX, u32::MAX), None);
    }
}
