//! The same steps in an integration test: what a canary watches in production, a test checks before it gets there.

use synthetic_core::prelude::*;
use synthetic_examples::canaries::order_workflow::{OrderWorkflow, Shop};
use synthetic_examples::storefront::{Faults, Storefront};

#[tokio::test]
async fn the_journey_of_an_order_works() {
    let target = Storefront::new().start().await.unwrap(); // In your repository: the URL of your staging system.
    once(OrderWorkflow { shop: Shop::at(target.url()) }).await.assert_passed();
}

#[tokio::test]
async fn a_failing_journey_leaves_nothing_behind() {
    let target = Storefront::new().start().await.unwrap();
    let shop = Shop::at(target.url());
    let report = once(canary(Spec::new("boom"), move |run: Run| {
        let shop = shop.clone();
        async move {
            run.step("create order", shop.create_order(&run, "WIDGET-A")).await?;
            panic!("boom")
        }
    }))
    .await;
    assert_eq!((report.outcome, report.cleanup.left_behind()), (Outcome::Error, 0));
    assert!(target.state().orders.is_empty());
}

#[tokio::test]
async fn a_shop_that_breaks_is_noticed() {
    let broken = Storefront::new().faults(Faults { errors: 1.0, ..Faults::none() }).start().await.unwrap();
    let report = once(OrderWorkflow { shop: Shop::at(broken.url()) }).await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(report.failures[0].to_string().starts_with("status of POST /orders: expected is equal to 201, actual 500"));
}
