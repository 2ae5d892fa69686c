//! The two text formats: OpenMetrics 1.0 (<https://prometheus.io/docs/specs/om/open_metrics_spec/>) and the plain one,
//! 0.0.4 (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
//!
//! Written here rather than by `prometheus-client`: that writes OpenMetrics only, and every label of every line anew. Its
//! lines for the steps of 10,000 canaries alone take 230 ms on the machine where the whole of ours take less than half of it.

use std::fmt::Write as _;

use super::histogram::{Bounds, Exemplar, Histogram};

/// How a scraper wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    OpenMetrics,
    Plain,
}

impl Form {
    /// Reads an `Accept` header: OpenMetrics for who names it and prefers nothing else, the plain form for everybody else.
    pub(super) fn accepted(header: &str) -> Self {
        let (mut open, mut plain) = (0.0_f32, 0.0_f32);
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let (mut quality, mut version) = (1.0_f32, None);
            for parameter in parts {
                match parameter.split_once('=') {
                    Some(("q", q)) => quality = q.trim().parse().unwrap_or(0.0),
                    Some(("version", named)) => version = Some(named.trim_matches('"')),
                    _ => {}
                }
            }
            match (kind, version) {
                ("application/openmetrics-text", None | Some("1.0.0" | "0.0.1")) => open = quality.max(open),
                ("text/plain", None | Some("0.0.4")) => plain = quality.max(plain),
                _ => {}
            }
        }
        if open > 0.0 && open >= plain { Self::OpenMetrics } else { Self::Plain }
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A number that stands behind a series.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    Count(u64),
    Number(f64),
}

/// Writes families, one after the other, each in one piece.
#[derive(Debug)]
pub(super) struct Writer {
    out: String,
    form: Form,
    family: &'static str,
}

impl Writer {
    pub(super) fn new(form: Form, capacity: usize) -> Self {
        Self { out: String::with_capacity(capacity), form, family: "" }
    }

    /// Begins a family. `name` is without the suffix that samples of its kind have; `help` needs no escaping, being ours.
    pub(super) fn family(&mut self, kind: Kind, name: &'static str, help: &'static str) {
        self.family = name;
        // OpenMetrics names the family, the plain form the series.
        let suffix = if kind == Kind::Counter && self.form == Form::Plain { "_total" } else { "" };
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let _ = write!(self.out, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n");
    }

    /// Writes a counter of the family.
    pub(super) fn counter(&mut self, labels: &[&str], count: u64, exemplar: Option<&Exemplar>) {
        self.sample("_total", labels, Value::Count(count), exemplar);
    }

    /// Writes a gauge of the family.
    pub(super) fn gauge(&mut self, labels: &[&str], number: f64) {
        self.sample("", labels, Value::Number(number), None);
    }

    /// Writes a histogram of the family.
    pub(super) fn histogram(&mut self, labels: &[&str], histogram: &Histogram, bounds: &Bounds) {
        let labels = labels.join(",");
        let mut so_far = 0;
        for (at, (count, le)) in histogram.counts().zip(bounds.labels()).enumerate() {
            so_far += count;
            self.sample("_bucket", &[&labels, le], Value::Count(so_far), histogram.exemplar(at));
        }
        self.sum_and_count(&labels, histogram.sum(), so_far);
    }

    /// Writes a histogram whose buckets are counted already, as they are written: `(le, count)`, without the infinite one.
    pub(super) fn counted(&mut self, labels: &str, buckets: &[(f64, u64)], sum: f64, count: u64) {
        for (bound, count) in buckets {
            self.sample("_bucket", &[labels, &le(*bound)], Value::Count(*count), None);
        }
        self.sample("_bucket", &[labels, &le(f64::INFINITY)], Value::Count(count), None);
        self.sum_and_count(labels, sum, count);
    }

    /// Returns the text; where it is `whole`, with the end that OpenMetrics wants.
    pub(super) fn finish(mut self, whole: bool) -> String {
        if whole && self.form == Form::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }

    fn sum_and_count(&mut self, labels: &str, sum: f64, count: u64) {
        self.sample("_sum", &[labels], Value::Number(sum), None);
        self.sample("_count", &[labels], Value::Count(count), None);
    }

    fn sample(&mut self, suffix: &str, labels: &[&str], value: Value, exemplar: Option<&Exemplar>) {
        let out = &mut self.out;
        out.push_str(self.family);
        out.push_str(suffix);
        let mut open = '{';
        for labels in labels.iter().filter(|labels| !labels.is_empty()) {
            out.push(open);
            out.push_str(labels);
            open = ',';
        }
        if open == ',' {
            out.push('}');
        }
        out.push(' ');
        match value {
            Value::Count(count) => out.push_str(itoa::Buffer::new().format(count)),
            Value::Number(number) => push_number(out, number),
        }
        if let Some(exemplar) = exemplar.filter(|_| self.form == Form::OpenMetrics) {
            let _ = write!(out, " # {{trace_id=\"{:032x}\"}} ", exemplar.trace);
            push_number(out, exemplar.value);
            let _ = write!(out, " {}.{:03}", exemplar.at / 1000, exemplar.at % 1000);
        }
        out.push('\n');
    }
}

fn push_number(out: &mut String, number: f64) {
    let _ = if number.is_infinite() {
        write!(out, "{}Inf", if number < 0.0 { '-' } else { '+' })
    } else {
        write!(out, "{number}")
    };
}

/// Returns the label of a bucket. Both formats get the canonical number of OpenMetrics (`1.0`), lest a scraper that changes
/// its mind about the format sees other series.
pub(super) fn le(bound: f64) -> String {
    if bound.is_infinite() { "le=\"+Inf\"".to_owned() } else { format!("le=\"{bound:?}\"") }
}

/// The most bytes of a label's value; longer ones are cut on a character's boundary.
const MOST: usize = 2048;

/// Adds a label to those that a text holds: `name="value"`.
pub(super) fn push_label(labels: &mut String, name: &str, value: &str) {
    if !labels.is_empty() {
        labels.push(',');
    }
    labels.push_str(name);
    labels.push_str("=\"");
    let mut rest = cut(value);
    while let Some(at) = rest.find(['\\', '"', '\n']) {
        labels.push_str(&rest[..at]);
        labels.push_str(match rest.as_bytes()[at] {
            b'\\' => "\\\\",
            b'"' => "\\\"",
            _ => "\\n",
        });
        rest = &rest[at + 1..];
    }
    labels.push_str(rest);
    labels.push('"');
}

/// Returns labels as text.
pub(super) fn labels<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        push_label(&mut text, name, value);
    }
    text
}

/// Cuts a value to what a label may hold.
pub(super) fn cut(value: &str) -> &str {
    let mut end = value.len().min(MOST);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    &value[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_is_for_who_asks_for_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
            text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let open =
            [prometheus, "application/openmetrics-text", "text/plain;q=0.5, application/openmetrics-text; q=0.5"];
        let plain = [
            "",
            "*/*",
            "text/html, */*;q=0.1",
            "application/openmetrics-text; version=2.0.0, text/plain",
            "application/openmetrics-text;q=0.1,text/plain;q=0.5",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=much",
            ";;;,,=",
        ];
        for accept in open {
            assert_eq!(Form::accepted(accept), Form::OpenMetrics, "{accept}");
        }
        for accept in plain {
            assert_eq!(Form::accepted(accept), Form::Plain, "{accept}");
        }
    }

    #[test]
    fn values_are_escaped_as_the_format_says() {
        assert_eq!(labels([("a", "\\ \" \n, {ü}"), ("b", "")]), r#"a="\\ \" \n, {ü}",b="""#);
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let long = format!("{}ü", "x".repeat(MOST - 1));
        assert_eq!(cut(&long).len(), MOST - 1);
    }

    #[test]
    fn bounds_are_canonical_numbers() {
        assert_eq!([0.01, 2.0, f64::INFINITY].map(le), [r#"le="0.01""#, r#"le="2.0""#, r#"le="+Inf""#]);
    }
}
