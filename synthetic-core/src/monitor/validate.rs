//! What is wrong with a canary and its schedule, found before anything runs.

use crate::canary::Spec;
use crate::schedule::Schedule;

pub(super) const TWICE: &str = "its name is there twice: every canary needs a name of its own";

/// Returns everything that is wrong with a canary in a monitor that knows these classes.
pub(super) fn canary(schedule: &Schedule, spec: &Spec, knows_class: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut problems = spec.problems();
    let class = spec.class_name();
    if !knows_class(class) {
        problems.push(format!(
            "nobody says how many runs of its class {class:?} go on side by side: add .concurrency({class:?}, 10)"
        ));
    }
    problems.extend(timing(schedule, spec));
    problems
}

/// Returns everything that is wrong with when a canary is to run.
pub(super) fn timing(schedule: &Schedule, spec: &Spec) -> Vec<String> {
    let mut problems = schedule.problems();
    let time = spec.time();
    if let Some(gap) = schedule.shortest_gap().filter(|gap| problems.is_empty() && time > *gap) {
        problems.push(format!(
            "its timeout of {time:?} is longer than its interval of {gap:?}, so that runs would overlap: shorten the \
             timeout or lengthen the interval"
        ));
    }
    problems
}
