//! A target in memory that does what targets do: carries out late, loses answers, refuses to delete.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use synthetic_core::Run;
use synthetic_core::cleanup::{Gone, Listed, Mark, Recovery, Resource};
use synthetic_core::failure::{Failure, Fate, Result};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::life::{Life, Point};

/// A target that lives as long as the test, whatever happens to the processes that use it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Target(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// By id: the text that carries the mark.
    things: BTreeMap<String, String>,
    /// Idempotency keys, and the ids that were made with them.
    keys: HashMap<String, String>,
    last: u32,
    /// The id that the next thing gets.
    next_id: Option<String>,
    /// What it was asked for, and has not carried out.
    queue: Vec<Order>,
    creates: VecDeque<Plan>,
    deletes: HashMap<String, VecDeque<Delete>>,
    is_unlisted: bool,
    happened: Vec<String>,
}

/// Something that it is to carry out.
#[derive(Debug)]
enum Order {
    Create(String, Way, Option<oneshot::Sender<String>>),
    Delete(String),
}

/// How things are made, and how they are found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `PUT` with an id of the client's choice.
    ClientId,
    /// `POST` with an idempotency key.
    Replay,
    /// `POST`, and a search.
    Search,
    /// `POST`, and nothing else.
    Nothing,
}

/// When something is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Now,
    After(Duration),
    /// When the test says so.
    Told,
    Never,
}

/// What becomes of a request to create.
#[derive(Debug)]
pub(crate) struct Plan {
    carried_out: When,
    answered: Answer,
}

#[derive(Debug)]
enum Answer {
    After(Duration),
    Lost,
    Failure(Failure),
}

impl Plan {
    /// It takes its time, and then all is well.
    pub(crate) fn slow(takes: Duration) -> Self {
        Self { carried_out: When::Now, answered: Answer::After(takes) }
    }

    /// Its answer is lost.
    pub(crate) fn lost(carried_out: When) -> Self {
        Self { carried_out, answered: Answer::Lost }
    }

    /// Its answer is a failure, whatever was done.
    pub(crate) fn fails(carried_out: When, failure: Failure) -> Self {
        Self { carried_out, answered: Answer::Failure(failure) }
    }
}

/// What becomes of a request to delete.
#[derive(Debug, Clone)]
pub(crate) enum Delete {
    /// It is refused: 403, which no other try cures.
    Forbidden,
    /// It fails as this fate says.
    Fails(Fate),
    Hangs,
    Panics,
    /// It is not there, said as a failure.
    NotFound,
    /// It is asked for where nothing is: 404, and the thing stays.
    Elsewhere,
    Works,
}

impl Target {
    /// Says what becomes of the next request to create that nothing was said of yet.
    pub(crate) fn plan(&self, plan: Plan) {
        self.lock().creates.push_back(plan);
    }

    /// Says which id the next thing gets.
    pub(crate) fn plan_id(&self, id: &str) {
        self.lock().next_id = Some(id.to_owned());
    }

    /// Says what becomes of the next requests to delete a thing; the last one stays so.
    pub(crate) fn on_delete(&self, id: &str, deletes: impl IntoIterator<Item = Delete>) {
        self.lock().deletes.insert(id.to_owned(), deletes.into_iter().collect());
    }

    /// Deletes as well as ever, from now on.
    pub(crate) fn mend(&self) {
        self.lock().deletes.clear();
    }

    /// Lists nothing, from now on.
    pub(crate) fn refuse_to_list(&self) {
        self.lock().is_unlisted = true;
    }

    /// Returns the text of a thing.
    pub(crate) fn text(&self, id: &str) -> String {
        self.lock().things[id].clone()
    }

    /// Returns the ids of what is there.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.lock().things.keys().cloned().collect()
    }

    /// Returns what happened: `made 1`, `deleted 1`, `looked`.
    pub(crate) fn happened(&self) -> Vec<String> {
        self.lock().happened.clone()
    }

    /// Returns what happened of a sort: the ids after `deleted`.
    pub(crate) fn all(&self, sort: &str) -> Vec<String> {
        let happened = self.happened().into_iter();
        happened.filter_map(|line| line.strip_prefix(sort)?.strip_prefix(' ').map(str::to_owned)).collect()
    }

    /// Puts a thing there that somebody else made.
    pub(crate) fn put(&self, id: &str, text: &str) {
        self.lock().things.insert(id.to_owned(), text.to_owned());
    }

    /// Carries out what it was asked for and has not done.
    pub(crate) fn carry_out(&self) {
        let queue = std::mem::take(&mut self.lock().queue);
        queue.into_iter().for_each(|order| self.lock().carry_out(order));
    }

    /// Forgets its idempotency keys.
    pub(crate) fn forget_keys(&self) {
        self.lock().keys.clear();
    }

    /// Deletes a thing as somebody else would, and says whether it was there.
    pub(crate) fn take(&self, id: &str) -> bool {
        self.lock().things.remove(id).is_some()
    }

    /// Returns the ids of what carries a text.
    pub(crate) fn carrying(&self, mark: &str) -> Vec<String> {
        let inner = self.lock();
        inner.things.iter().filter(|(_, text)| text.contains(mark)).map(|(id, _)| id.clone()).collect()
    }

    /// Is given a request to create, which it carries out when it does, whoever still waits for it.
    pub(crate) fn receive(&self, mark: &str, way: Way, when: When) -> oneshot::Receiver<String> {
        let (tell, told) = oneshot::channel();
        let order = Order::Create(mark.to_owned(), way, Some(tell));
        self.order(order, when);
        told
    }

    /// Is given a request to delete.
    pub(crate) fn receive_delete(&self, id: &str, when: When) {
        self.order(Order::Delete(id.to_owned()), when);
    }

    fn order(&self, order: Order, when: When) {
        match when {
            When::Now => self.lock().carry_out(order),
            When::After(time) => {
                let target = self.clone();
                drop(tokio::spawn(async move {
                    sleep(time).await;
                    target.lock().carry_out(order);
                }));
            }
            When::Told => self.lock().queue.push(order),
            When::Never => {}
        }
    }

    fn say(&self, what: String) {
        self.lock().happened.push(what);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }
}

impl Inner {
    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Create(mark, way, tell) => {
                let id = match (way, self.keys.get(&mark)) {
                    (Way::ClientId, _) => mark.clone(),
                    (Way::Replay, Some(id)) => {
                        let _ = tell.map(|tell| tell.send(id.clone()));
                        return;
                    }
                    _ => {
                        self.last += 1;
                        self.next_id.take().unwrap_or_else(|| self.last.to_string())
                    }
                };
                if way == Way::Replay {
                    self.keys.insert(mark.clone(), id.clone());
                }
                self.happened.push(format!("made {id}"));
                self.things.insert(id.clone(), mark);
                let _ = tell.map(|tell| tell.send(id));
            }
            Order::Delete(id) => {
                if self.things.remove(&id).is_some() {
                    self.happened.push(format!("deleted {id}"));
                } else {
                    self.happened.push(format!("missed {id}"));
                }
            }
        }
    }
}

/// The things of a target, as a process sees them.
#[derive(Debug, Clone)]
pub(crate) struct Things {
    pub(crate) target: Target,
    pub(crate) way: Way,
    pub(crate) kind: &'static str,
    pub(crate) recovery: Recovery,
    /// What the search sees.
    pub(crate) sight: Sight,
    pub(crate) life: Life,
    /// When what is in flight is carried out, if its process is killed.
    pub(crate) in_flight: When,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    Good,
    /// It finds nothing.
    Blind,
    /// It finds other things.
    Wrong,
    /// It finds everything: the target does not know the parameter.
    Everything,
    /// It fails.
    Broken,
    Hangs,
}

impl Things {
    pub(crate) fn new(target: &Target, way: Way) -> Self {
        let recovery = match way {
            Way::Replay => Recovery::default().replay(Duration::from_secs(24 * 60 * 60)).without_search(),
            Way::Nothing => Recovery::default().without_search(),
            Way::ClientId | Way::Search => Recovery::default(),
        };
        Self {
            target: target.clone(),
            way,
            kind: Self::KIND,
            recovery,
            sight: Sight::Good,
            life: Life::default(),
            in_flight: When::Now,
        }
    }

    /// Lets a process that may be killed see them. What is in flight then is carried out `in_flight`.
    pub(crate) fn in_life(mut self, life: &Life, in_flight: When) -> Self {
        (self.life, self.in_flight) = (life.clone(), in_flight);
        self
    }

    /// Makes one in a run, and returns its id.
    pub(crate) async fn make(&self, run: &Run) -> Result<String> {
        if self.way == Way::Replay {
            return run.create_replayable(self, json!({"item": "book"})).await;
        }
        let things = self.clone();
        run.create(self, |mark| async move { things.send(&mark).await }).await
    }

    async fn send(&self, mark: &Mark) -> Result<String> {
        self.life.go_on().await;
        let plan = self.target.lock().creates.pop_front().unwrap_or(Plan::slow(Duration::ZERO));
        if self.life.dies_at(Point::CreateInFlight) {
            drop(self.target.receive(mark.as_str(), self.way, self.in_flight));
            std::future::pending::<()>().await;
        }
        let told = self.target.receive(mark.as_str(), self.way, plan.carried_out);
        self.life.reach(Point::CreateUnanswered).await;
        match plan.answered {
            Answer::After(time) => {
                sleep(time).await;
                if let Ok(id) = told.await {
                    return Ok(id);
                }
                std::future::pending().await
            }
            Answer::Lost => std::future::pending().await,
            Answer::Failure(failure) => Err(failure),
        }
    }
}

impl Resource for Things {
    const KIND: &'static str = "shop/order";
    type Made = String;
    type Id = String;

    fn kind(&self) -> &str {
        self.kind
    }

    fn recovery(&self) -> Recovery {
        self.recovery
    }

    fn id(&self, made: &String) -> String {
        made.clone()
    }

    fn chosen_id(&self, mark: &Mark) -> Option<String> {
        (self.way == Way::ClientId).then(|| mark.to_string())
    }

    async fn replay(&self, mark: &Mark, _payload: &Value) -> Result<String> {
        self.send(mark).await
    }

    async fn find(&self, mark: &Mark) -> Result<Vec<String>> {
        self.life.reach(Point::Searching).await;
        self.target.say("looked".to_owned());
        match self.sight {
            Sight::Good => Ok(self.target.carrying(mark.as_str())),
            Sight::Blind => Ok(Vec::new()),
            Sight::Wrong => Ok(vec!["other".to_owned()]),
            Sight::Everything => Ok(self.target.ids()),
            Sight::Broken => Err(Failure::new("status of GET /orders").actual("500").with_fate(Fate::Transient)),
            Sight::Hangs => std::future::pending().await,
        }
    }

    async fn list(&self, _prefix: &str) -> Result<Vec<Listed<String>>> {
        let inner = self.target.lock();
        if inner.is_unlisted {
            return Err(Failure::new("status of GET /orders").actual("403").with_fate(Fate::Refused));
        }
        Ok(inner.things.iter().map(|(id, text)| Listed { id: id.clone(), text: text.clone() }).collect())
    }

    async fn delete(&self, id: &String) -> Result<Gone> {
        self.life.go_on().await;
        if self.life.dies_at(Point::DeleteInFlight) {
            self.target.receive_delete(id, self.in_flight);
            std::future::pending::<()>().await;
        }
        let behaviour = {
            let mut inner = self.target.lock();
            inner.happened.push(format!("asked to delete {id}"));
            inner
                .deletes
                .get_mut(id)
                .and_then(|list| if list.len() > 1 { list.pop_front() } else { list.front().cloned() })
        };
        let failure = |status: &str| Failure::new(format!("status of DELETE /orders/{id}")).actual(status);
        match behaviour {
            None | Some(Delete::Works) => {}
            Some(Delete::Forbidden) => return Err(failure("403").with_fate(Fate::Refused)),
            Some(Delete::Fails(fate)) => return Err(failure("503").with_fate(fate)),
            Some(Delete::Hangs) => std::future::pending::<()>().await,
            Some(Delete::Panics) => panic!("no such shelf"),
            Some(Delete::Elsewhere) => return Err(failure("404").with_fate(Fate::Gone)),
            Some(Delete::NotFound) => {
                self.target.take(id);
                return Err(failure("404").with_fate(Fate::Gone));
            }
        }
        let was_there = self.target.lock().things.contains_key(id);
        self.target.receive_delete(id, When::Now);
        self.life.reach(Point::DeleteUnanswered).await;
        Ok(if was_there { Gone::Deleted } else { Gone::Already })
    }
}
