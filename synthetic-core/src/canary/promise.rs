//! What alerts hold a canary to.

use std::time::Duration;

/// What a spec says of how well a canary is to go.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Promise {
    /// In percent.
    pub(super) objective: Option<f64>,
    pub(super) slow: Option<Duration>,
}

impl Promise {
    /// Returns everything that is wrong with it, for a canary with this timeout.
    pub(super) fn problems(&self, timeout: Duration) -> Vec<String> {
        let slow = self.slow.and_then(|slow| match slow {
            Duration::ZERO => Some("it is slow from a time of zero on: give .slow_after one".to_owned()),
            _ if slow > timeout => Some(format!(
                "it is slow only after {slow:?}, which no run takes with a timeout of {timeout:?}: give .slow_after at \
                 most the timeout"
            )),
            _ => None,
        });
        self.objective.and_then(objective_problem).into_iter().chain(slow).collect()
    }
}

/// Returns what is wrong with an objective in percent.
pub(crate) fn objective_problem(percent: f64) -> Option<String> {
    let is_one = percent > 0.0 && percent < 100.0;
    (!is_one).then(|| {
        format!("its objective of {percent} % is none: say more than 0 and less than 100, such as .objective(99.9)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objective_leaves_something_to_fail_and_what_is_slow_can_happen() {
        for (percent, is_one) in
            [(99.9, true), (0.1, true), (0.0, false), (100.0, false), (f64::NAN, false), (-1.0, false)]
        {
            assert_eq!(objective_problem(percent).is_none(), is_one, "{percent}");
        }
        let problems = |seconds| {
            let promise = Promise { slow: Some(Duration::from_secs(seconds)), objective: None };
            promise.problems(Duration::from_secs(10))
        };
        assert_eq!((problems(10).len(), problems(11).len(), problems(0).len()), (0, 1, 1));
    }
}
