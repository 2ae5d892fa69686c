//! A store of secrets over one of AWS's services: names, JSON keys, the cache.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use synthetic_core::secret::{Cached, Secret, SecretError, SecretStore, check_name};
use tokio::time::timeout;

use super::TIMEOUT;
use super::failed::Failed;
use super::names::Names;

/// Asks a service for what is called `id`; nothing when it is not there.
#[async_trait]
pub(super) trait Fetch: Send + Sync {
    async fn fetch(&self, id: &str) -> Result<Option<Vec<u8>>, Failed>;
}

/// Finds secrets by the names that the user gives them.
///
/// What is cached is what the service gave, not what is taken out of it: the user name and the password of one JSON object
/// are of the same version.
pub(super) struct Store<F> {
    pub(super) names: Names,
    pub(super) place: String,
    pub(super) cache: Cached<Service<F>>,
}

/// A service as a store of what it calls secrets, without a check of names: an ARN is none.
pub(super) struct Service<F> {
    pub(super) fetch: F,
    pub(super) timeout: Duration,
    place: String,
}

impl<F: Fetch> Store<F> {
    pub(super) fn new(place: String, fetch: F) -> Self {
        let service = Service { fetch, timeout: TIMEOUT, place: place.clone() };
        Self { names: Names::default(), place, cache: Cached::new(service) }
    }
}

#[async_trait]
impl<F: Fetch> SecretStore for Service<F> {
    fn name(&self) -> &str {
        &self.place
    }

    async fn get(&self, id: &str) -> Result<Option<Secret>, SecretError> {
        let answer = timeout(self.timeout, self.fetch.fetch(id)).await.unwrap_or(Err(Failed::Late(self.timeout)));
        let Some(bytes) = answer.map_err(|failed| SecretError::store(&self.place, id, failed))? else {
            return Ok(None);
        };
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(Secret::new(id, text))),
            // The error is dropped on purpose: it carries the value.
            Err(_) => Err(SecretError::NotText { name: id.to_owned(), place: self.place.clone() }),
        }
    }
}

#[async_trait]
impl<F: Fetch> SecretStore for Store<F> {
    fn name(&self) -> &str {
        &self.place
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        check_name(name)?;
        let reference = self.names.reference(name);
        let found = self.cache.get(&reference.id).await.map_err(|error| by_name(error, name))?;
        match found {
            Some(found) => reference.take(name, &found, &self.place),
            None if reference.is_promised => {
                let what = format!("there is no {:?}: create it, or check AWS_REGION and the account", reference.id);
                Err(SecretError::store(&self.place, name, what))
            }
            None => Ok(None),
        }
    }

    fn invalidate(&self, refused: &Secret) {
        let reference = self.names.reference(refused.name());
        let Some(known) = self.cache.peek(&reference.id) else { return };
        let is_it = |given: Secret| given.expose() == refused.expose();
        if reference.take(refused.name(), &known, &self.place).is_ok_and(|given| given.is_some_and(is_it)) {
            self.cache.invalidate(&known);
        }
    }

    fn looked_in(&self, name: &str) -> String {
        self.names.looked_in(&self.place, name)
    }
}

/// Says of the secret `name` what was said of what it is called in AWS.
fn by_name(mut error: SecretError, name: &str) -> SecretError {
    if let SecretError::Store { name: said, .. } | SecretError::NotText { name: said, .. } = &mut error {
        name.clone_into(said);
    }
    error
}

impl<F> fmt::Debug for Store<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("place", &self.place).field("names", &self.names).finish_non_exhaustive()
    }
}
