//! How the sink was set up.

use synthetic_core::Secret;

use super::histogram::Bounds;

/// The bounds of runs and steps, in seconds. Few: each is a line for every step of every canary.
const BOUNDS: [f64; 6] = [0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// The bounds of requests, in seconds: those of the tutorial whose rules are to work unmodified.
const REQUEST_BOUNDS: [f64; 4] = [0.01, 0.1, 0.5, 2.0];
/// The most steps, hosts and sets of declared labels of a canary.
const LABEL_SETS: usize = 100;
/// How many more requests than that there may be, over all canaries.
const REQUESTS: usize = 10;
/// The most labels that may be declared.
const LABELS: usize = 16;

/// The labels that families have of their own.
const OWN: [&str; 13] = [
    "canary", "family", "host", "instance", "job", "le", "location", "method", "outcome", "reason", "result", "step",
    "url",
];

/// What was asked for.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) bounds: Bounds,
    pub(super) request_bounds: Bounds,
    pub(super) labels: Vec<Declared>,
    pub(super) label_sets: usize,
    pub(super) blackbox: bool,
    pub(super) bearer: Option<Secret>,
    #[cfg(feature = "pushgateway")]
    pub(super) gateway: Option<super::push::Gateway>,
}

impl Settings {
    /// Returns how many different requests there may be, over all canaries.
    pub(super) fn requests(&self) -> usize {
        self.label_sets.saturating_mul(REQUESTS)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bounds: Bounds::new(BOUNDS),
            request_bounds: Bounds::new(REQUEST_BOUNDS),
            labels: Vec::new(),
            label_sets: LABEL_SETS,
            blackbox: false,
            bearer: None,
            #[cfg(feature = "pushgateway")]
            gateway: None,
        }
    }
}

/// A label of runs that becomes one of their series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declared {
    /// As runs name it.
    pub(super) of_run: String,
    /// As Prometheus does.
    pub(super) name: String,
}

impl Declared {
    /// Checks the names of labels.
    pub(super) fn all<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Result<Vec<Self>, LabelError> {
        let mut all: Vec<Self> = Vec::new();
        for of_run in names.into_iter().map(Into::into) {
            let name = sanitised(&of_run);
            if name.is_empty() || name.starts_with("__") || OWN.contains(&&*name) {
                return Err(LabelError::Reserved { label: of_run });
            }
            if let Some(other) = all.iter().find(|other| other.name == name) {
                return Err(LabelError::Twice { label: of_run, other: other.of_run.clone(), name });
            }
            all.push(Self { of_run, name });
        }
        if all.len() > LABELS {
            return Err(LabelError::TooMany { labels: all.len() });
        }
        Ok(all)
    }
}

/// Returns the name as Prometheus allows it: `[a-zA-Z_][a-zA-Z0-9_]*`.
fn sanitised(name: &str) -> String {
    let mut clean: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if clean.starts_with(|c: char| c.is_ascii_digit()) {
        clean.insert(0, '_');
    }
    clean
}

/// Why labels cannot be declared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// The name is empty, begins with two underscores, or is one of the labels that series have anyway.
    #[error("label {label:?} cannot be declared: choose a name that series do not have already")]
    Reserved {
        /// The label, as it was declared.
        label: String,
    },
    /// It is there already, or another one comes to the same name once what Prometheus does not allow is replaced by `_`.
    #[error("labels {other:?} and {label:?} are both {name:?} in Prometheus: declare one of them")]
    Twice {
        /// The label, as it was declared.
        label: String,
        /// The one before.
        other: String,
        /// The name of both.
        name: String,
    },
    /// More than 16: each multiplies the series.
    #[error("{labels} labels are declared, where at most {LABELS} may be")]
    TooMany {
        /// How many.
        labels: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_prometheus_does_not_allow_are_replaced_and_never_two_for_one() {
        let named = Declared::all(["team", "a-b", "7th"]).unwrap();
        assert_eq!(named.iter().map(|label| &*label.name).collect::<Vec<_>>(), ["team", "a_b", "_7th"]);
        for (labels, why) in [
            (&["a-b", "a/b"][..], r#"labels "a-b" and "a/b" are both "a_b" in Prometheus: declare one of them"#),
            (&["canary"], r#"label "canary" cannot be declared: choose a name that series do not have already"#),
            (&[""], r#"label "" cannot be declared: choose a name that series do not have already"#),
            (&["__name__"], r#"label "__name__" cannot be declared: choose a name that series do not have already"#),
        ] {
            assert_eq!(Declared::all(labels.iter().copied()).unwrap_err().to_string(), why);
        }
        let many = Declared::all((0..17).map(|at| format!("l{at}")));
        assert_eq!(many.unwrap_err().to_string(), "17 labels are declared, where at most 16 may be");
    }
}
