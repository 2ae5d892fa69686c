//! [`Orders`]: the resource of the strategies that promise something, as a team would write it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use synthetic_core::cleanup::Recovery;
use synthetic_core::prelude::*;
use synthetic_http::Http;

use super::Strategy;

/// The longest time for which the server may still apply a creation, counted from its intent. It is four times what the
/// server promises, counted from a creation's arrival: on a busy machine, there is time between the two.
pub(super) const QUIESCENCE: Duration = Duration::from_secs(1);
/// How long a creation and any other request may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The orders of the shop, and how they are removed.
#[derive(Debug, Clone)]
pub(super) struct Orders {
    http: Http,
    strategy: Strategy,
}

/// An order, as the shop tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) id: String,
}

impl Orders {
    pub(super) fn new(url: &str, strategy: Strategy) -> Self {
        Self { http: Http::at(url).timeout(TIMEOUT), strategy }
    }

    /// Makes an order in the way of its strategy.
    pub(super) async fn make(&self, run: &Run) -> Result<Order> {
        if self.strategy == Strategy::Replay {
            return run.create_replayable(self, json!({ "item": "tea" })).await;
        }
        run.create(self, |mark| async move {
            match self.chosen_id(&mark) {
                Some(id) => self.put(&id, &mark).await,
                None => self.post(mark.as_str()).await,
            }
        })
        .await
    }

    /// Creates an order whose id the shop chooses.
    pub(super) async fn post(&self, reference: &str) -> Result<Order> {
        self.http.post("/orders").json(&json!({ "reference": reference })).send().await?.json()
    }

    async fn put(&self, id: &str, mark: &Mark) -> Result<Order> {
        self.http.put(format!("/orders/{id}")).json(&json!({ "reference": mark })).send().await?.json()
    }

    /// Does with an order what it was made for.
    pub(super) async fn look_at(&self, id: &str) -> Result {
        self.http.get(format!("/orders/{id}")).send().await?;
        Ok(())
    }

    pub(super) async fn remove(&self, id: &str) -> Result {
        self.http.delete(format!("/orders/{id}")).send().await?;
        Ok(())
    }

    /// Returns the ids of the orders with a reference.
    pub(super) async fn search(&self, reference: &str) -> Result<Vec<String>> {
        let found = self.http.get("/orders").query("reference", reference).send().await?;
        found.read("$.orders[*].id")
    }
}

impl Resource for Orders {
    const KIND: &'static str = "shop/order";
    type Made = Order;
    type Id = String;

    fn id(&self, order: &Order) -> String {
        order.id.clone()
    }

    async fn delete(&self, id: &String) -> Result<Gone> {
        self.remove(id).await.map(|()| Gone::Deleted)
    }

    async fn find(&self, mark: &Mark) -> Result<Vec<String>> {
        self.search(mark.as_str()).await
    }

    fn chosen_id(&self, mark: &Mark) -> Option<String> {
        (self.strategy == Strategy::ClientId).then(|| mark.to_string())
    }

    async fn replay(&self, mark: &Mark, payload: &Value) -> Result<Order> {
        let body = json!({ "reference": mark, "item": payload["item"] });
        self.http.post("/orders").idempotency_key(mark).json(&body).send().await?.json()
    }

    fn recovery(&self) -> Recovery {
        let recovery = Recovery::default().create_timeout(TIMEOUT).quiescence(QUIESCENCE);
        match self.strategy {
            // Each stands alone: a search would cover what a replay misses.
            Strategy::Replay => recovery.replay(Duration::from_secs(24 * 60 * 60)).without_search(),
            Strategy::ClientId => recovery.without_search(),
            _ => recovery,
        }
    }
}
