//! A journey with data of its own: create an order, read it, change it, find it, delete it.

use serde::Deserialize;
use serde_json::json;
use synthetic_core::cleanup::Recovery;
use synthetic_core::prelude::*;
use synthetic_http::{Http, json, status};

/// The shop's API, as far as canaries and integration tests need it: each step is written once.
#[derive(Debug, Clone)]
pub struct Shop {
    http: Http,
}

/// The kind of thing that this journey makes: how an order is deleted, and found again when its answer was lost.
#[derive(Debug, Clone)]
pub struct Orders(Shop);

impl Resource for Orders {
    const KIND: &'static str = "shop/order";
    type Made = Order;
    type Id = String;

    fn id(&self, order: &Order) -> String {
        order.id.clone()
    }

    async fn delete(&self, id: &String) -> Result<Gone> {
        let answer = self.0.http.delete(format!("/orders/{id}")).expect(status([204, 404])).send().await?;
        Ok(if answer.status() == 404 { Gone::Already } else { Gone::Deleted })
    }

    async fn find(&self, mark: &Mark) -> Result<Vec<String>> {
        self.0.orders_with(mark.as_str()).await
    }

    fn recovery(&self) -> Recovery {
        // The shop applies what was asked within seconds, if ever, also when nobody waits for the answer any more.
        Recovery::default().create_timeout(secs(2)).quiescence(secs(5))
    }
}

/// An order, as far as anybody looks at it.
#[derive(Debug, Clone, Deserialize)]
pub struct Order {
    /// Its id.
    pub id: String,
    /// What whoever placed it calls it: here its mark.
    pub reference: String,
    /// `pending`, then `confirmed`.
    pub status: String,
    /// How many are ordered.
    pub quantity: u32,
}

impl Shop {
    /// Talks to the shop at a URL.
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self { http: Http::at(url) }
    }

    /// Returns the kind of thing that is made here, for a monitor to know.
    #[must_use]
    pub fn orders(&self) -> Orders {
        Orders(self.clone())
    }

    /// Places an order. It is deleted after the run, whatever happens.
    ///
    /// # Errors
    ///
    /// Fails when the shop does not answer 201 with a pending order.
    pub async fn create_order(&self, run: &Run, sku: &str) -> Result<Order> {
        run.create(&self.orders(), |mark| async move {
            self.http
                .post("/orders")
                .idempotency_key(&mark)
                .json(&json!({ "sku": sku, "reference": mark, "customerId": "canary" }))
                .expect(status(201))
                .expect(json("$.status", "pending"))
                .send()
                .await?
                .json()
        })
        .await
    }

    /// Reads an order.
    ///
    /// # Errors
    ///
    /// Fails when the shop does not answer 200 with an order.
    pub async fn order(&self, id: &str) -> Result<Order> {
        self.http.get(format!("/orders/{id}")).expect(status(200)).send().await?.json()
    }

    /// Changes how many are ordered.
    ///
    /// # Errors
    ///
    /// Fails when the shop does not answer with the changed order.
    pub async fn set_quantity(&self, id: &str, quantity: u32) -> Result<Order> {
        let request = self.http.patch(format!("/orders/{id}")).json(&json!({ "quantity": quantity }));
        request.expect(json("$.quantity", quantity)).send().await?.json()
    }

    /// Lists the ids of the orders with a reference.
    ///
    /// # Errors
    ///
    /// Fails when the shop does not answer with a list of orders.
    pub async fn orders_with(&self, reference: &str) -> Result<Vec<String>> {
        self.http.get("/orders").query("reference", reference).send().await?.read("$.orders[*].id")
    }

    /// Deletes an order, which must be there.
    ///
    /// # Errors
    ///
    /// Fails when the shop does not answer 204.
    pub async fn delete_order(&self, id: &str) -> Result {
        self.http.delete(format!("/orders/{id}")).expect(status(204)).send().await?;
        Ok(())
    }
}

/// The journey of an order, from its creation to its deletion.
#[derive(Debug, Clone)]
pub struct OrderWorkflow {
    /// The shop.
    pub shop: Shop,
}

impl Canary for OrderWorkflow {
    fn spec(&self) -> Spec {
        Spec::new("order-workflow").tags(["checkout", "critical"]).timeout(secs(20))
    }

    async fn run(&self, run: Run) -> Result {
        let shop = &self.shop;
        let order = run.step("create order", shop.create_order(&run, "WIDGET-A")).await?;

        // Reading and listing do not wait for each other.
        let (seen, found) = tokio::join!(
            run.step("read it back", shop.order(&order.id)),
            run.step("find it by its reference", shop.orders_with(&order.reference)),
        );
        run.expect("id of the order read back", seen?.id, eq(order.id.as_str()))?;
        run.expect("orders with its reference", found?, eq(vec![order.id.clone()]))?;

        run.step("change the quantity", shop.set_quantity(&order.id, 3)).await?;
        run.step(
            "becomes confirmed",
            run.eventually(every(ms(100)).up_to(secs(5)), || async {
                let order = shop.order(&order.id).await?;
                run.expect("status of the order", order.status, eq("confirmed"))
            }),
        )
        .await?;

        run.step("delete it", shop.delete_order(&order.id)).await?;
        let left = run.step("is gone", shop.orders_with(&order.reference)).await?;
        run.expect("orders with its reference", left, is_empty())
    }
}

/// Returns the canary for the shop at a URL.
#[must_use]
pub fn canary(url: &str) -> impl Canary + use<> {
    OrderWorkflow { shop: Shop::at(url) }
}
