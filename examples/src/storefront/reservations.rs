//! A call that fails the way a third party fails: seldom, in several ways, and after a while.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use fastrand::Rng;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::api::ApiError;
use super::app::App;

/// What the third party behind `POST /reservations` does, in shares of a hundred.
///
/// Whoever watches the shop's own server errors alone sees nothing when the warehouse [rejects](Self::Rejects) every
/// third reservation, and its users do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Warehouse {
    /// It fails as a third party does: 5 get 400, 4 get 401, 6 get 500.
    #[default]
    Flaky,
    /// All are reserved.
    Well,
    /// Its customers are refused: 20 get 400, 20 get 401, none gets 500.
    Rejects,
    /// It is down: 40 get 500.
    Down,
}

impl Warehouse {
    pub(crate) const ALL: [Self; 4] = [Self::Flaky, Self::Well, Self::Rejects, Self::Down];

    /// Returns its name as text and JSON have it: `flaky`, `well`, `rejects`, `down`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flaky => "flaky",
            Self::Well => "well",
            Self::Rejects => "rejects",
            Self::Down => "down",
        }
    }

    /// Returns how many of a hundred are rejected, unauthorized and broken.
    fn shares(self) -> (u8, u8, u8) {
        match self {
            Self::Flaky => (5, 4, 6),
            Self::Well => (0, 0, 0),
            Self::Rejects => (20, 20, 0),
            Self::Down => (0, 0, 40),
        }
    }
}

impl fmt::Display for Warehouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

pub(crate) async fn reserve(State(app): State<Arc<App>>) -> Response {
    let (draw, warehouse) = {
        let mut memory = app.memory();
        (Draw::next(&mut memory.reservation_chance), memory.faults.warehouse)
    };
    tokio::time::sleep(draw.delay(app.settings.max_reservation_delay)).await;
    match draw.outcome(warehouse) {
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

    fn outcome(&self, warehouse: Warehouse) -> Outcome {
        let (rejected, unauthorized, broken) = warehouse.shares();
        let reserved = 100 - rejected - unauthorized - broken;
        match self.outcome {
            draw if draw < reserved => Outcome::Reserved,
            draw if draw < reserved + rejected => Outcome::Rejected,
            draw if draw < reserved + rejected + unauthorized => Outcome::Unauthorized,
            _ => Outcome::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_come_in_the_documented_proportions() {
        for (warehouse, shares) in [
            (Warehouse::Flaky, [85, 5, 4, 6]),
            (Warehouse::Well, [100, 0, 0, 0]),
            (Warehouse::Rejects, [60, 20, 20, 0]),
            (Warehouse::Down, [60, 0, 0, 40]),
        ] {
            let mut chance = Rng::with_seed(7);
            let outcomes: Vec<_> = (0..100_000).map(|_| Draw::next(&mut chance).outcome(warehouse)).collect();
            let kinds = [Outcome::Reserved, Outcome::Rejected, Outcome::Unauthorized, Outcome::Broken];
            for (outcome, percent) in kinds.into_iter().zip(shares) {
                let count = outcomes.iter().filter(|seen| **seen == outcome).count();
                assert!(count.abs_diff(percent * 1000) < 500, "{warehouse}, {outcome:?}: {count}");
                assert_eq!(count == 0, percent == 0, "{warehouse}, {outcome:?}: {count}");
            }
        }
    }

    #[test]
    fn a_delay_is_never_longer_than_the_longest() {
        let mut chance = Rng::with_seed(7);
        let max = Duration::from_millis(150);
        assert!((0..1000).all(|_| Draw::next(&mut chance).delay(max) <= max));
    }
}
