//! The parts of a request's time, as one budget.

use std::time::Duration;

use synthetic_core::expect::Mismatch;

use super::{Expectation, Phase, Timed, that_or};

/// Expects each of some phases to take no longer than it may: one expectation, whose failure lists every phase that took
/// too long.
///
/// What was not started has taken no time: a connection that was used again is neither resolved nor connected, and within
/// every budget. Redirects are included.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_http::{Http, Phase, budget};
///
/// let quick = budget([(Phase::Resolve, ms(50)), (Phase::Tls, ms(150)), (Phase::Processing, ms(300))]);
/// let _home = Http::at("https://shop.example").get("/").prefer(quick);
/// ```
pub fn budget<A: Timed + 'static>(phases: impl IntoIterator<Item = (Phase, Duration)>) -> Expectation<A> {
    let allowed: Vec<(Phase, Duration)> = phases.into_iter().collect();
    let twice =
        allowed.iter().enumerate().find(|(at, (phase, _))| allowed[..*at].iter().any(|(known, _)| known == phase));
    let defect = match twice {
        Some((_, (phase, _))) => Some(format!("the phase {} is there twice: give it one budget", phase.as_str())),
        None if allowed.is_empty() => Some("no phase is named, so that there is nothing to judge".to_owned()),
        None => None,
    };
    that_or("budget".to_owned(), defect, move |answer: &A| {
        let phases = answer.phases().named();
        let took = |phase: Phase| phases.iter().find(|(name, _)| *name == phase.as_str()).and_then(|(_, took)| *took);
        let over: Vec<String> = allowed
            .iter()
            .filter_map(|(phase, allowed)| {
                let took = took(*phase).filter(|took| took > allowed)?;
                Some(format!("{} {took:.1?}, {:.1?} too many", phase.as_str(), took - *allowed))
            })
            .collect();
        if over.is_empty() {
            return Ok(());
        }
        let wanted = allowed.iter().map(|(phase, allowed)| format!("{} {allowed:?}", phase.as_str()));
        Err(Mismatch::new(format!("is at most {}", wanted.collect::<Vec<_>>().join(", ")), over.join("; ")))
    })
}
