//! A matcher of one's own, in the words of the business: a price in euro.

use std::fmt;

use serde_json::{Value, json};
use synthetic_core::expect::{Matcher, Sense};
use synthetic_core::prelude::*;
use synthetic_http::{Http, json as at, status};

use super::order_workflow::{Orders, Shop};

/// Matches a JSON number that is a price: more than nothing, at most `most` euro, in whole cents.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use synthetic_core::expect::check;
/// use synthetic_examples::canaries::custom_matcher::price_up_to;
///
/// assert_eq!(check(&json!(19.99), &price_up_to(100)), Ok(()));
/// assert_eq!(
///     check(&json!(19.999), &price_up_to(100)).unwrap_err().to_string(),
///     "expected is a price of at most 100 €, actual 19.999, which has a fraction of a cent",
/// );
/// ```
#[must_use]
pub const fn price_up_to(most: u32) -> PriceUpTo {
    PriceUpTo { most }
}

/// Matches a price; made by [`price_up_to`].
#[derive(Debug, Clone, Copy)]
pub struct PriceUpTo {
    most: u32,
}

impl PriceUpTo {
    fn problem(self, actual: &Value) -> Option<&'static str> {
        let Some(euro) = actual.as_f64() else { return Some("which is no number") };
        let cents = euro * 100.0;
        if euro <= 0.0 {
            Some("which gives the thing away")
        } else if euro > f64::from(self.most) {
            Some("which is too much")
        } else if (cents - cents.round()).abs() > 1e-6 {
            Some("which has a fraction of a cent")
        } else {
            None
        }
    }
}

impl Matcher<Value> for PriceUpTo {
    fn matches(&self, actual: &Value) -> bool {
        self.problem(actual).is_none()
    }

    fn describe(&self, sense: Sense, f: &mut dyn fmt::Write) -> fmt::Result {
        write!(f, "{} a price of at most {} €", sense.pick("is", "is not"), self.most)
    }

    fn explain(&self, actual: &Value, f: &mut dyn fmt::Write) -> fmt::Result {
        f.write_str(self.problem(actual).unwrap_or_default())
    }
}

/// Watches what an order of three costs.
#[must_use]
pub fn canary(url: &str) -> impl Canary + use<> {
    let (http, orders) = (Http::at(url), Shop::at(url).orders());
    synthetic_core::canary(Spec::new("order-price").timeout(secs(10)), move |run| {
        check(run, http.clone(), orders.clone())
    })
}

async fn check(run: Run, http: Http, orders: Orders) -> Result {
    let order = run.create(&orders, |mark| async move {
        http.post("/orders")
            .idempotency_key(&mark)
            .json(&json!({ "sku": "WIDGET-A", "quantity": 3, "reference": mark }))
            .expect(status(201))
            .expect(at("$.total", price_up_to(500)))
            .send()
            .await?
            .json()
    });
    run.step("order three", order).await?;
    Ok(())
}
