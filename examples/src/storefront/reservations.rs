//! A call that fails the way a third party fails: seldom, in several ways, and after a while.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use fastrand::Rng;
use serde_json::json;
use uuid::Uuid;

use super::api::ApiError;
use super::app::App;

pub(crate) async fn reserve(State(app): State<Arc<App>>) -> Response {
    let draw = Draw::next(&mut app.memory().reservation_chance);
    tokio::time::sleep(draw.delay(app.settings.max_reservation_delay)).await;
    match draw.outcome() {
        Outcome::Reserved => {
            let id = format!("rsv_{}", Uuid::now_v7().simple());
            Json(json!({ "id": id, "status": "reserved" })).into_response()
        }
        Outcome::Rejected => ApiError::bad_request("the warehouse rejected the reservation").into_response(),
        Outcome::Unauthorized => ApiError::unauthorized("the warehouse did not accept our credentials").into_response(),
        Outcome::Broken => {
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "warehouse_down", "the warehouse did not answer")
                .into_response()
        }
    }
}

/// The chance of one request. Always two numbers, so that the longest delay does not change the outcomes.
struct Draw {
    delay: f64,
    outcome: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Reserved,
    Rejected,
    Unauthorized,
    Broken,
}

impl Draw {
    fn next(chance: &mut Rng) -> Self {
        Self { delay: chance.f64(), outcome: chance.u8(0..100) }
    }

    fn delay(&self, max: Duration) -> Duration {
        max.mul_f64(self.delay)
    }

    fn outcome(&self) -> Outcome {
        match self.outcome {
            0..85 => Outcome::Reserved,
            85..90 => Outcome::Rejected,
            90..94 => Outcome::Unauthorized,
            _ => Outcome::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_come_in_the_documented_proportions() {
        let mut chance = Rng::with_seed(7);
        let outcomes: Vec<_> = (0..100_000).map(|_| Draw::next(&mut chance).outcome()).collect();
        for (outcome, percent) in
            [(Outcome::Reserved, 85), (Outcome::Rejected, 5), (Outcome::Unauthorized, 4), (Outcome::Broken, 6)]
        {
            let count = outcomes.iter().filter(|seen| **seen == outcome).count();
            assert!(count.abs_diff(percent * 1000) < 500, "{outcome:?}: {count}");
        }
    }

    #[test]
    fn a_delay_is_never_longer_than_the_longest() {
        let mut chance = Rng::with_seed(7);
        let max = Duration::from_millis(150);
        assert!((0..1000).all(|_| Draw::next(&mut chance).delay(max) <= max));
    }
}
