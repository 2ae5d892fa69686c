//! The orders of one shop: what was placed, under which key, and what can be seen of it at a moment.
//!
//! Time comes in as an argument, and nothing happens in the background: that a create takes effect late, or that an
//! order has been confirmed, is computed when someone looks.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

/// Holds an order as clients see it; its JSON has these names in camel case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Order {
    /// What the shop calls this order: `ord_` and 32 hexadecimal digits, later orders sorting after earlier ones.
    pub id: String,
    /// What was ordered.
    pub sku: String,
    /// How many pieces, 1 to 1000.
    pub quantity: u32,
    /// What the client calls this order.
    pub reference: Option<String>,
    /// Whose order this is.
    pub customer_id: Option<String>,
    /// How far it has come.
    pub status: Status,
    /// The price of all pieces, with two decimals.
    pub total: f64,
    /// When the request arrived, in RFC 3339 and UTC.
    pub created_at: String,
}

/// Says how far an order has come; its JSON is the name in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Placed, and not yet looked at.
    Pending,
    /// Accepted by the shop, which happens by itself.
    Confirmed,
    /// On its way; only a `PATCH` leads here.
    Shipped,
    /// Called off; only a `PATCH` leads here.
    Cancelled,
}

/// What a client orders.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NewOrder {
    pub(crate) sku: String,
    pub(crate) quantity: u32,
    pub(crate) reference: Option<String>,
    pub(crate) customer_id: Option<String>,
}

/// What a client changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) quantity: Option<u32>,
    pub(crate) status: Option<Status>,
}

/// Which orders a client asks for: those that agree with each condition that is there.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) reference: Option<String>,
    pub(crate) customer_id: Option<String>,
}

/// When a request arrived, and how much later it takes effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) now: Instant,
    pub(crate) wall: Timestamp,
    pub(crate) late: Duration,
}

/// What came of a request to place an order.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) order: Order,
    pub(crate) replayed: bool,
    pub(crate) takes_effect: Instant,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// The key belongs to another order.
    KeyReused,
    /// The shop holds as many orders as it can.
    Full,
}

#[derive(Debug)]
pub(crate) struct OrderBook {
    confirm_after: Duration,
    capacity: usize,
    orders: BTreeMap<String, Record>,
    answers: HashMap<String, Answer>,
    /// The keys of `answers`, oldest first.
    keys: VecDeque<String>,
}

#[derive(Debug)]
struct Record {
    placed: NewOrder,
    quantity: u32,
    decided: Option<Status>,
    wall: Timestamp,
    takes_effect: Instant,
}

/// The first answer to a key, which outlives its order, so that a repetition never creates a second one.
#[derive(Debug)]
struct Answer {
    asked: NewOrder,
    order: Order,
    takes_effect: Instant,
}

impl OrderBook {
    pub(crate) fn new(confirm_after: Duration, capacity: usize) -> Self {
        Self { confirm_after, capacity, orders: BTreeMap::new(), answers: HashMap::new(), keys: VecDeque::new() }
    }

    pub(crate) fn place(&mut self, new: NewOrder, key: Option<String>, arrival: Arrival) -> Result<Placed, Refusal> {
        let takes_effect = arrival.now + arrival.late;
        if let Some(answer) = key.as_ref().and_then(|key| self.answers.get_mut(key)) {
            if answer.asked != new {
                return Err(Refusal::KeyReused);
            }
            // Whichever of the two requests takes effect first makes the order; the other one finds it made.
            answer.takes_effect = answer.takes_effect.min(takes_effect);
            if let Some(record) = self.orders.get_mut(&answer.order.id) {
                record.takes_effect = answer.takes_effect;
            }
            return Ok(Placed {
                order: answer.order.clone(),
                replayed: true,
                takes_effect: answer.takes_effect.max(arrival.now),
            });
        }
        if self.orders.len() >= self.capacity {
            return Err(Refusal::Full);
        }
        let id = format!("ord_{}", Uuid::now_v7().simple());
        let record = Record { quantity: new.quantity, placed: new, decided: None, wall: arrival.wall, takes_effect };
        let order = record.seen(&id, Status::Pending);
        if let Some(key) = key {
            let answer = Answer { asked: record.placed.clone(), order: order.clone(), takes_effect };
            self.remember(key, answer);
        }
        self.orders.insert(id, record);
        Ok(Placed { order, replayed: false, takes_effect })
    }

    pub(crate) fn get(&self, id: &str, now: Instant) -> Option<Order> {
        let record = self.orders.get(id)?;
        (record.takes_effect <= now).then(|| record.seen(id, self.status(record, now)))
    }

    /// Returns the matching orders, oldest first: a version 7 UUID sorts by the moment at which it was made.
    pub(crate) fn list(&self, filter: &Filter, now: Instant) -> Vec<Order> {
        let seen =
            self.orders.iter().filter(|(_, record)| record.takes_effect <= now && filter.accepts(&record.placed));
        seen.map(|(id, record)| record.seen(id, self.status(record, now))).collect()
    }

    pub(crate) fn change(&mut self, id: &str, change: Change, now: Instant) -> Option<Order> {
        let record = self.orders.get_mut(id).filter(|record| record.takes_effect <= now)?;
        record.quantity = change.quantity.unwrap_or(record.quantity);
        record.decided = change.status.or(record.decided);
        self.get(id, now)
    }

    /// Removes an order, and tells whether there was one to be seen.
    pub(crate) fn delete(&mut self, id: &str, now: Instant) -> bool {
        let seen = self.orders.get(id).is_some_and(|record| record.takes_effect <= now);
        if seen {
            self.orders.remove(id);
        }
        seen
    }

    /// Counts the orders that are still to come.
    pub(crate) fn unapplied(&self, now: Instant) -> usize {
        self.orders.values().filter(|record| record.takes_effect > now).count()
    }

    pub(crate) fn clear(&mut self) {
        self.orders.clear();
        self.answers.clear();
        self.keys.clear();
    }

    fn status(&self, record: &Record, now: Instant) -> Status {
        let confirmed = now.saturating_duration_since(record.takes_effect) >= self.confirm_after;
        record.decided.unwrap_or(if confirmed { Status::Confirmed } else { Status::Pending })
    }

    fn remember(&mut self, key: String, answer: Answer) {
        if self.keys.len() >= self.capacity.max(1)
            && let Some(oldest) = self.keys.pop_front()
        {
            self.answers.remove(&oldest);
        }
        self.keys.push_back(key.clone());
        self.answers.insert(key, answer);
    }
}

impl Record {
    fn seen(&self, id: &str, status: Status) -> Order {
        Order {
            id: id.to_owned(),
            sku: self.placed.sku.clone(),
            quantity: self.quantity,
            reference: self.placed.reference.clone(),
            customer_id: self.placed.customer_id.clone(),
            status,
            total: f64::from(self.quantity * cents(&self.placed.sku)) / 100.0,
            created_at: format!("{:.3}", self.wall),
        }
    }
}

impl Filter {
    fn accepts(&self, order: &NewOrder) -> bool {
        (self.reference.is_none() || self.reference == order.reference)
            && (self.customer_id.is_none() || self.customer_id == order.customer_id)
    }
}

/// The price of one piece.
fn cents(sku: &str) -> u32 {
    match sku {
        "WIDGET-A" => 1999,
        "WIDGET-B" => 4950,
        _ => 999,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn order(sku: &str) -> NewOrder {
        NewOrder { sku: sku.to_owned(), quantity: 1, reference: None, customer_id: None }
    }

    fn at(now: Instant, late: Duration) -> Arrival {
        Arrival { now, wall: Timestamp::UNIX_EPOCH, late }
    }

    fn book() -> OrderBook {
        OrderBook::new(SECOND, 3)
    }

    #[test]
    fn an_order_is_confirmed_a_moment_after_it_took_effect() {
        let (mut book, now) = (book(), Instant::now());
        let id = book.place(order("A"), None, at(now, SECOND)).unwrap().order.id;

        assert_eq!(book.get(&id, now + SECOND).unwrap().status, Status::Pending);
        assert_eq!(book.get(&id, now + 2 * SECOND).unwrap().status, Status::Confirmed);
    }

    #[test]
    fn a_decided_status_is_not_overtaken_by_the_confirmation() {
        let (mut book, now) = (book(), Instant::now());
        let id = book.place(order("A"), None, at(now, Duration::ZERO)).unwrap().order.id;
        book.change(&id, Change { quantity: None, status: Some(Status::Cancelled) }, now);

        assert_eq!(book.get(&id, now + 2 * SECOND).unwrap().status, Status::Cancelled);
    }

    #[test]
    fn an_order_that_takes_effect_late_cannot_be_seen_changed_or_deleted_before() {
        let (mut book, now) = (book(), Instant::now());
        let id = book.place(order("A"), None, at(now, SECOND)).unwrap().order.id;
        let change = Change { quantity: Some(2), status: None };

        assert_eq!(book.get(&id, now), None);
        assert_eq!(book.list(&Filter::default(), now), []);
        assert_eq!(book.change(&id, change, now), None);
        assert!(!book.delete(&id, now));
        assert_eq!(book.unapplied(now), 1);

        assert_eq!(book.list(&Filter::default(), now + SECOND).len(), 1);
        assert_eq!(book.unapplied(now + SECOND), 0);
        assert!(book.delete(&id, now + SECOND));
        assert!(!book.delete(&id, now + SECOND));
    }

    #[test]
    fn a_repetition_that_takes_effect_earlier_makes_the_order() {
        let (mut book, now) = (book(), Instant::now());
        let key = || Some("k".to_owned());
        let first = book.place(order("A"), key(), at(now, 10 * SECOND)).unwrap();
        let again = book.place(order("A"), key(), at(now, SECOND)).unwrap();

        assert_eq!(again.order, first.order);
        assert!(again.replayed);
        assert_eq!(again.takes_effect, now + SECOND);
        assert!(book.delete(&first.order.id, now + SECOND));
        assert_eq!(book.list(&Filter::default(), now + 20 * SECOND), []);
    }

    #[test]
    fn a_repetition_after_the_order_was_deleted_gets_the_first_answer_and_creates_nothing() {
        let (mut book, now) = (book(), Instant::now());
        let key = || Some("k".to_owned());
        let first = book.place(order("A"), key(), at(now, Duration::ZERO)).unwrap();
        assert!(book.delete(&first.order.id, now));
        let again = book.place(order("A"), key(), at(now + SECOND, Duration::ZERO)).unwrap();

        assert_eq!(again.order, first.order);
        assert_eq!(again.takes_effect, now + SECOND);
        assert_eq!(book.list(&Filter::default(), now + 20 * SECOND), []);
    }

    #[test]
    fn a_key_that_belongs_to_another_order_is_refused() {
        let (mut book, now) = (book(), Instant::now());
        let key = || Some("k".to_owned());
        book.place(order("A"), key(), at(now, Duration::ZERO)).unwrap();

        assert_eq!(book.place(order("B"), key(), at(now, Duration::ZERO)).unwrap_err(), Refusal::KeyReused);
    }

    #[test]
    fn a_full_book_refuses_orders_until_one_is_deleted() {
        let (mut book, now) = (book(), Instant::now());
        let place = |book: &mut OrderBook| book.place(order("A"), None, at(now, Duration::ZERO));
        let id = place(&mut book).unwrap().order.id;
        place(&mut book).unwrap();
        place(&mut book).unwrap();

        assert_eq!(place(&mut book).unwrap_err(), Refusal::Full);
        assert!(book.delete(&id, now));
        assert!(place(&mut book).is_ok());
    }

    #[test]
    fn the_oldest_key_is_forgotten_above_the_limit() {
        let (mut book, now) = (book(), Instant::now());
        let place = |book: &mut OrderBook, key: &str| {
            let placed = book.place(order("A"), Some(key.to_owned()), at(now, Duration::ZERO)).unwrap();
            book.delete(&placed.order.id, now);
            placed.replayed
        };
        for key in ["1", "2", "3", "4"] {
            assert!(!place(&mut book, key));
        }
        assert!(place(&mut book, "2"));
        assert!(!place(&mut book, "1"));
    }

    #[test]
    fn later_orders_come_after_earlier_ones() {
        let (mut book, now) = (OrderBook::new(SECOND, 1000), Instant::now());
        let placed: Vec<_> =
            (0..1000).map(|_| book.place(order("A"), None, at(now, Duration::ZERO)).unwrap().order.id).collect();
        let listed: Vec<_> = book.list(&Filter::default(), now).into_iter().map(|order| order.id).collect();
        assert_eq!(listed, placed);
    }
}
