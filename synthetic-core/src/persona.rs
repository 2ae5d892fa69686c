//! Test identities, leased so that two runs never share one.
//!
//! A target often allows one session, one cart or one password reset for each user: two runs that sign in as the same
//! user then break each other, and the report blames the target. A [`Persona`] says who a run is; a pool of
//! [`Personas`] sees to it that nobody else is that at the same time.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio::sync::oneshot;

/// Describes a test user: a name, traits to choose by, and the names of its secrets. It holds no secret itself.
///
/// # Examples
///
/// ```
/// use synthetic_core::persona::Persona;
///
/// let alice = Persona::new("alice").with_trait("locale", "de-DE").secret("password", "web/alice-password");
/// assert_eq!(alice.name(), "alice");
/// assert_eq!(alice.trait_named("locale"), Some("de-DE"));
/// assert!(alice.has("locale", "de-DE"));
/// assert_eq!(alice.secret_name("password")?, "web/alice-password");
/// assert_eq!(
///     alice.secret_name("token").unwrap_err().to_string(),
///     "persona \"alice\" has no secret \"token\": it has \"password\"",
/// );
/// # Ok::<(), synthetic_core::persona::PersonaError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persona {
    name: String,
    traits: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
}

impl Persona {
    /// Describes a persona without traits and secrets. The name stands in reports.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), traits: BTreeMap::new(), secrets: BTreeMap::new() }
    }

    /// Adds something to choose by: a locale, a plan, a role. The same trait again replaces it.
    #[must_use]
    pub fn with_trait(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.traits.insert(name.into(), value.into());
        self
    }

    /// Says by which name the persona's secret `role` (`password`) is found in the secret stores (`web/alice-password`).
    #[must_use]
    pub fn secret(mut self, role: impl Into<String>, secret_name: impl Into<String>) -> Self {
        self.secrets.insert(role.into(), secret_name.into());
        self
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns all traits.
    #[must_use]
    pub const fn traits(&self) -> &BTreeMap<String, String> {
        &self.traits
    }

    /// Returns the value of a trait, if the persona has it.
    #[must_use]
    pub fn trait_named(&self, name: &str) -> Option<&str> {
        self.traits.get(name).map(String::as_str)
    }

    /// Returns whether the trait `name` is `value`.
    #[must_use]
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.trait_named(name) == Some(value)
    }

    /// Returns the names of all secrets, by role.
    #[must_use]
    pub const fn secrets(&self) -> &BTreeMap<String, String> {
        &self.secrets
    }

    /// Returns the name by which the secret `role` is found in the secret stores.
    ///
    /// # Errors
    ///
    /// Returns [`PersonaError::NoSecret`] when the persona has no such secret.
    pub fn secret_name(&self, role: &str) -> Result<&str, PersonaError> {
        self.secrets.get(role).map(String::as_str).ok_or_else(|| PersonaError::NoSecret {
            persona: self.name.clone(),
            role: role.to_owned(),
            roles: self.secrets.keys().cloned().collect(),
        })
    }
}

/// Says what is wrong with a pool of personas, or with what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PersonaError {
    /// A pool without personas would let every run wait for ever.
    #[error("a pool of personas is empty: give at least one")]
    Empty,

    /// A persona has no name.
    #[error("persona {number} of the pool has no name: give it one, it stands in reports")]
    Unnamed {
        /// Which one, counted from 1.
        number: usize,
    },

    /// Two personas have the same name.
    #[error("persona {name:?} is in the pool twice: give each a name of its own")]
    Duplicate {
        /// The name.
        name: String,
    },

    /// No persona of the pool is what was asked for, whether in use or not.
    #[error("no persona of the pool is what was asked for: it has {}", quoted(.names))]
    NoMatch {
        /// The names of all personas of the pool.
        names: Vec<String>,
    },

    /// A persona was asked for a secret that it does not have.
    #[error("persona {persona:?} has no secret {role:?}: it has {}", quoted(.roles))]
    NoSecret {
        /// The name of the persona.
        persona: String,
        /// What was asked for.
        role: String,
        /// What it has.
        roles: Vec<String>,
    },
}

fn quoted(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

/// Lends out test identities, each to one run at a time.
///
/// A clone is the same pool. Who waits first is served first: nobody who comes later gets a persona that someone who
/// waits could use. Of several free personas the one that rested longest is taken.
///
/// # Examples
///
/// ```
/// use synthetic_core::persona::{Persona, Personas};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), synthetic_core::persona::PersonaError> {
/// let personas = Personas::of([
///     Persona::new("alice").with_trait("locale", "de-DE"),
///     Persona::new("bob").with_trait("locale", "en-GB"),
/// ])?;
///
/// let german = personas.lease_where(|persona| persona.has("locale", "de-DE")).await?;
/// assert_eq!(german.name(), "alice");
/// assert_eq!(personas.lease().await.name(), "bob");   // given back at once
/// assert_eq!(personas.in_use(), ["alice"]);
///
/// drop(german);
/// assert!(personas.in_use().is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Personas {
    pool: Arc<Pool>,
}

struct Pool {
    personas: Vec<Persona>,
    state: Mutex<State>,
}

/// Always true between calls: no free persona is wanted by anyone who waits.
struct State {
    /// Indices of the personas that nobody has, the one that rested longest first.
    free: VecDeque<usize>,
    /// Who waits, the longest first: so in the order of their tickets.
    waiting: VecDeque<Waiter>,
    tickets: u64,
}

struct Waiter {
    ticket: u64,
    /// For each persona of the pool: whether it will do.
    wants: Vec<bool>,
    hand_over: oneshot::Sender<PersonaLease>,
}

impl Personas {
    /// Makes a pool of these personas.
    ///
    /// # Errors
    ///
    /// Fails when there are none, when one has no name, and when two have the same name.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::persona::{Persona, PersonaError, Personas};
    ///
    /// let twice = Personas::of([Persona::new("alice"), Persona::new("alice")]);
    /// assert_eq!(twice.unwrap_err(), PersonaError::Duplicate { name: "alice".into() });
    /// assert_eq!(Personas::of([]).unwrap_err(), PersonaError::Empty);
    /// ```
    pub fn of(personas: impl IntoIterator<Item = Persona>) -> Result<Self, PersonaError> {
        let personas: Vec<Persona> = personas.into_iter().collect();
        if personas.is_empty() {
            return Err(PersonaError::Empty);
        }
        let mut names = BTreeSet::new();
        for (index, persona) in personas.iter().enumerate() {
            if persona.name.trim().is_empty() {
                return Err(PersonaError::Unnamed { number: index + 1 });
            }
            if !names.insert(persona.name.as_str()) {
                return Err(PersonaError::Duplicate { name: persona.name.clone() });
            }
        }
        let state = State { free: (0..personas.len()).collect(), waiting: VecDeque::new(), tickets: 0 };
        Ok(Self { pool: Arc::new(Pool { personas, state: Mutex::new(state) }) })
    }

    /// Leases a persona, and waits until one is free.
    ///
    /// # Cancellation
    ///
    /// The place in the queue is taken when the future is first polled, and given up when it is dropped. A persona that
    /// was handed over in between goes to the next who waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use synthetic_core::persona::{Persona, Personas};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), synthetic_core::persona::PersonaError> {
    /// let personas = Personas::of([Persona::new("alice")])?;
    /// let lease = personas.lease().await;
    /// let second = personas.clone();
    /// let second = tokio::spawn(async move { second.lease().await.name().to_owned() });
    /// tokio::time::sleep(Duration::from_secs(60)).await;
    /// assert!(!second.is_finished());
    ///
    /// drop(lease);
    /// assert_eq!(second.await.unwrap(), "alice");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn lease(&self) -> PersonaLease {
        self.lease_any_of(vec![true; self.pool.personas.len()]).await
    }

    /// Leases a persona for which `suits` says yes, and waits until one is free. `suits` is asked once for each persona
    /// of the pool.
    ///
    /// # Errors
    ///
    /// Returns [`PersonaError::NoMatch`] at once when no persona of the pool suits, not even one that is in use.
    ///
    /// # Cancellation
    ///
    /// As for [`lease`](Self::lease).
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::persona::{Persona, Personas};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), synthetic_core::persona::PersonaError> {
    /// let personas = Personas::of([Persona::new("alice").with_trait("plan", "free"), Persona::new("bob")])?;
    /// assert_eq!(personas.lease_where(|persona| persona.has("plan", "free")).await?.name(), "alice");
    /// assert_eq!(
    ///     personas.lease_where(|persona| persona.has("plan", "gold")).await.unwrap_err().to_string(),
    ///     "no persona of the pool is what was asked for: it has \"alice\", \"bob\"",
    /// );
    /// # Ok(())
    /// # }
    /// ```
    pub async fn lease_where(&self, suits: impl FnMut(&Persona) -> bool + Send) -> Result<PersonaLease, PersonaError> {
        let wants: Vec<bool> = self.pool.personas.iter().map(suits).collect();
        if !wants.contains(&true) {
            return Err(PersonaError::NoMatch { names: self.names() });
        }
        Ok(self.lease_any_of(wants).await)
    }

    /// Leases a persona if one is free now.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::persona::{Persona, Personas};
    ///
    /// let personas = Personas::of([Persona::new("alice")])?;
    /// let lease = personas.try_lease().unwrap();
    /// assert!(personas.try_lease().is_none());
    /// drop(lease);
    /// assert!(personas.try_lease().is_some());
    /// # Ok::<(), synthetic_core::persona::PersonaError>(())
    /// ```
    #[must_use]
    pub fn try_lease(&self) -> Option<PersonaLease> {
        let index = self.pool.lock().free.pop_front()?;
        Some(self.pool.lend(index))
    }

    /// Returns the names of the personas that are leased, in the order in which the pool was given.
    #[must_use]
    pub fn in_use(&self) -> Vec<String> {
        let state = self.pool.lock();
        let all = self.pool.personas.iter().enumerate();
        all.filter(|(index, _)| !state.free.contains(index)).map(|(_, persona)| persona.name.clone()).collect()
    }

    /// Returns the names of all personas, in the order in which the pool was given.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.pool.personas.iter().map(|persona| persona.name.clone()).collect()
    }

    async fn lease_any_of(&self, wants: Vec<bool>) -> PersonaLease {
        match self.pool.take_or_wait(wants) {
            Ok(index) => self.pool.lend(index),
            Err(mut place) => {
                // The sender stands in the queue until it has sent: it goes only with the place, which is held here.
                (&mut place.handed_over).await.expect("who waits is in the queue until a persona is handed over")
            }
        }
    }
}

impl fmt::Debug for Personas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Personas").field("names", &self.names()).field("in_use", &self.in_use()).finish()
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lend(self: &Arc<Self>, index: usize) -> PersonaLease {
        PersonaLease { pool: Some(Arc::clone(self)), index, persona: self.personas[index].clone() }
    }

    fn take_or_wait(self: &Arc<Self>, wants: Vec<bool>) -> Result<usize, Place> {
        let mut state = self.lock();
        if let Some(position) = state.free.iter().position(|&index| wants[index])
            && let Some(index) = state.free.remove(position)
        {
            return Ok(index);
        }
        let ticket = state.tickets;
        state.tickets += 1;
        let (hand_over, handed_over) = oneshot::channel();
        state.waiting.push_back(Waiter { ticket, wants, hand_over });
        drop(state);
        Err(Place { pool: Arc::clone(self), ticket, handed_over })
    }

    /// Hands a persona to the one who waited longest for it, or sets it free.
    fn give_back(self: &Arc<Self>, index: usize) {
        loop {
            let mut state = self.lock();
            let next = state.waiting.iter().position(|waiter| waiter.wants[index]);
            let Some(waiter) = next.and_then(|position| state.waiting.remove(position)) else {
                state.free.push_back(index);
                return;
            };
            // Sent without the lock: a lease that comes back here is dropped, and its drop would take the lock.
            drop(state);
            match waiter.hand_over.send(self.lend(index)) {
                Ok(()) => return,
                // Who waited left at this moment. The next one is asked here, not in the drop of the lease: a crowd
                // that leaves together would else go as deep into the stack as it is large.
                Err(mut refused) => refused.pool = None,
            }
        }
    }
}

/// A place in the queue, given up when dropped. A lease that was handed over and never seen is dropped with it, and so
/// given back.
struct Place {
    pool: Arc<Pool>,
    ticket: u64,
    handed_over: oneshot::Receiver<PersonaLease>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        let position = state.waiting.binary_search_by_key(&self.ticket, |waiter| waiter.ticket);
        let left = position.ok().and_then(|position| state.waiting.remove(position));
        drop(state);
        drop(left);
    }
}

/// Is a persona for as long as it is held, and gives it back when dropped, also by a panic.
#[must_use = "the persona is given back as soon as the lease is dropped: hold it for the whole run"]
pub struct PersonaLease {
    /// `None` when there is nothing to give back.
    pool: Option<Arc<Pool>>,
    index: usize,
    persona: Persona,
}

impl Deref for PersonaLease {
    type Target = Persona;

    fn deref(&self) -> &Persona {
        &self.persona
    }
}

impl fmt::Debug for PersonaLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PersonaLease").field(&self.persona).finish()
    }
}

impl Drop for PersonaLease {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.give_back(self.index);
        }
    }
}
