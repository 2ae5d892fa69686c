//! [`Shop`]: the orders of the server, and what every creation came to.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use tokio::time::Instant;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    /// `POST /orders`, `PUT /orders/{id}`: both create.
    Create { id: Option<String>, key: Option<String>, reference: String, body: String },
    /// `GET /orders/{id}`.
    Read { id: String },
    /// `GET /orders?reference=…`.
    Search { reference: String },
    /// `DELETE /orders/{id}`.
    Delete { id: String },
    /// Anything else.
    Unknown,
}

/// A status and a body.
pub(super) type Answer = (u16, Value);

/// The orders of the server, and what every creation came to. Requests are received first, and applied later, one at a time.
#[derive(Debug, Default)]
pub(super) struct Shop {
    /// The reference of each order that is there, by id.
    orders: BTreeMap<String, String>,
    /// The body and the order of each idempotency key. It is decided when a creation is applied, so that of two with one
    /// key, both on their way, only one makes an order.
    keys: HashMap<String, (String, String)>,
    creations: Vec<Creation>,
    last_id: u64,
}

/// A creation that was received.
#[derive(Debug, Clone)]
pub(super) struct Creation {
    pub(super) received: Instant,
    /// When it was carried out or refused, and which order it came to.
    pub(super) applied: Option<(Instant, Option<String>)>,
    /// When the first request to delete its order was received, after it was applied.
    pub(super) unwanted: Option<Instant>,
    /// When its order was deleted.
    pub(super) deleted: Option<Instant>,
}

/// A creation's place among those that were received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket(usize);

impl Shop {
    /// Notes that a request has arrived. It is going to be applied, whatever becomes of its client.
    pub(super) fn receive(&mut self, ask: &Ask) -> Option<Ticket> {
        let now = Instant::now();
        match ask {
            Ask::Create { .. } => {
                self.creations.push(Creation { received: now, applied: None, unwanted: None, deleted: None });
                Some(Ticket(self.creations.len() - 1))
            }
            Ask::Delete { id } => {
                self.creations_of(id).for_each(|creation| {
                    creation.unwanted.get_or_insert(now);
                });
                None
            }
            _ => None,
        }
    }

    /// Carries a request out.
    pub(super) fn apply(&mut self, ask: Ask, ticket: Option<Ticket>) -> Answer {
        match ask {
            Ask::Create { id, key, reference, body } => {
                let (answer, order) = self.create(id, key, reference, body);
                self.conclude(ticket, order);
                answer
            }
            Ask::Read { id } if self.orders.contains_key(&id) => (200, json!({ "id": id })),
            Ask::Search { reference } => {
                let found = self.orders.iter().filter(|(_, marked)| **marked == reference);
                let found: Vec<_> = found.map(|(id, _)| json!({ "id": id })).collect();
                (200, json!({ "orders": found }))
            }
            Ask::Delete { id } if self.orders.remove(&id).is_some() => {
                let now = Instant::now();
                self.creations_of(&id).for_each(|creation| creation.deleted = Some(now));
                (204, Value::Null)
            }
            Ask::Read { .. } | Ask::Delete { .. } | Ask::Unknown => (404, json!({ "error": "not found" })),
        }
    }

    /// Refuses a creation that has waited for too long.
    pub(super) fn refuse(&mut self, ticket: Option<Ticket>) -> Answer {
        self.conclude(ticket, None);
        (503, json!({ "error": "it waited for too long, and was not applied" }))
    }

    /// Returns every creation that was received so far.
    pub(super) fn creations(&self) -> &[Creation] {
        &self.creations
    }

    /// Returns how many orders are there.
    pub(super) fn len(&self) -> usize {
        self.orders.len()
    }

    fn create(
        &mut self,
        id: Option<String>,
        key: Option<String>,
        reference: String,
        body: String,
    ) -> (Answer, Option<String>) {
        if let Some((first, order)) = key.as_ref().and_then(|key| self.keys.get(key)) {
            return if *first == body {
                ((200, json!({ "id": order })), Some(order.clone()))
            } else {
                ((422, json!({ "error": "the key was used with another body" })), None)
            };
        }
        let id = id.unwrap_or_else(|| {
            self.last_id += 1;
            self.last_id.to_string()
        });
        self.orders.insert(id.clone(), reference);
        if let Some(key) = key {
            self.keys.insert(key, (body, id.clone()));
        }
        ((201, json!({ "id": id })), Some(id))
    }

    fn conclude(&mut self, ticket: Option<Ticket>, order: Option<String>) {
        if let Some(creation) = ticket.and_then(|Ticket(at)| self.creations.get_mut(at)) {
            let now = Instant::now();
            // A key may lead to an order that is there no more.
            let is_gone = order.as_ref().is_some_and(|order| !self.orders.contains_key(order));
            creation.deleted = is_gone.then_some(now);
            creation.applied = Some((now, order));
        }
    }

    /// Returns the creations that came to an order that is not deleted.
    fn creations_of<'a>(&'a mut self, order: &'a str) -> impl Iterator<Item = &'a mut Creation> {
        self.creations.iter_mut().filter(move |creation| {
            let came_to = creation.applied.as_ref().and_then(|(_, order)| order.as_deref());
            creation.deleted.is_none() && came_to == Some(order)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(id: Option<&str>, key: Option<&str>, body: &str) -> Ask {
        let (id, key) = (id.map(str::to_owned), key.map(str::to_owned));
        Ask::Create { id, key, reference: "mark".to_owned(), body: body.to_owned() }
    }

    /// Receives and applies at once.
    fn ask(shop: &mut Shop, ask: Ask) -> Answer {
        let ticket = shop.receive(&ask);
        shop.apply(ask, ticket)
    }

    fn delete(id: &str) -> Ask {
        Ask::Delete { id: id.to_owned() }
    }

    #[test]
    fn a_deletion_and_a_search_do_not_stop_a_creation_that_waits() {
        let mut shop = Shop::default();
        let creation = create(Some("a"), None, "{}");
        let ticket = shop.receive(&creation);
        let search = || Ask::Search { reference: "mark".to_owned() };
        assert_eq!(ask(&mut shop, search()), (200, json!({ "orders": [] })));
        assert_eq!(ask(&mut shop, delete("a")).0, 404);
        assert_eq!(shop.apply(creation, ticket).0, 201);
        assert_eq!(ask(&mut shop, search()), (200, json!({ "orders": [{ "id": "a" }] })));
    }

    #[test]
    fn of_two_creations_with_one_key_on_their_way_one_makes_an_order() {
        let mut shop = Shop::default();
        let first = create(None, Some("key"), "{}");
        let ticket = shop.receive(&first);
        let second = ask(&mut shop, first.clone());
        assert_eq!(second, (201, json!({ "id": "1" })));
        assert_eq!(ask(&mut shop, delete("1")).0, 204);
        assert_eq!(shop.apply(first, ticket), (200, json!({ "id": "1" })));
        assert_eq!(shop.len(), 0, "what was deleted does not come back");
        assert!(shop.creations().iter().all(|creation| creation.deleted.is_some()));
    }

    #[test]
    fn a_key_with_another_body_is_refused() {
        let mut shop = Shop::default();
        ask(&mut shop, create(None, Some("key"), "{}"));
        assert_eq!(ask(&mut shop, create(None, Some("key"), "[]")).0, 422);
        assert_eq!(shop.len(), 1);
    }

    #[test]
    fn creations_without_a_key_make_an_order_each() {
        let mut shop = Shop::default();
        let (first, second) = (create(None, None, "{}"), create(None, None, "{}"));
        let tickets = (shop.receive(&first), shop.receive(&second));
        shop.apply(first, tickets.0);
        shop.apply(second, tickets.1);
        assert_eq!(shop.len(), 2);
    }
}
