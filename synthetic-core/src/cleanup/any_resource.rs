//! [`AnyResource`], the one place that forgets the types of a resource.

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;

use super::{Gone, Listed, Mark, Recovery, Resource};
use crate::failure::{Failure, Result};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A resource whose types are forgotten: ids are JSON, as the journal has them.
pub(crate) trait AnyResource: Send + Sync {
    fn kind(&self) -> &str;
    fn recovery(&self) -> Recovery;
    fn delete<'a>(&'a self, id: &'a Value) -> BoxFuture<'a, Result<Gone>>;
    fn find<'a>(&'a self, mark: &'a Mark) -> BoxFuture<'a, Result<Vec<Value>>>;
    fn chosen_id(&self, mark: &Mark) -> Result<Option<Value>>;
    /// Returns the id.
    fn replay<'a>(&'a self, mark: &'a Mark, payload: &'a Value) -> BoxFuture<'a, Result<Value>>;
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<Listed<Value>>>>;
}

impl<R: Resource> AnyResource for R {
    fn kind(&self) -> &str {
        Resource::kind(self)
    }

    fn recovery(&self) -> Recovery {
        Resource::recovery(self)
    }

    fn delete<'a>(&'a self, id: &'a Value) -> BoxFuture<'a, Result<Gone>> {
        Box::pin(async move {
            let id = serde_json::from_value(id.clone()).map_err(|error| {
                Failure::setup(format!("the id {id} is none of resource {:?}: {error}", Resource::kind(self)))
            })?;
            Resource::delete(self, &id).await
        })
    }

    fn find<'a>(&'a self, mark: &'a Mark) -> BoxFuture<'a, Result<Vec<Value>>> {
        Box::pin(async move { Resource::find(self, mark).await?.iter().map(|id| to_json(self, id)).collect() })
    }

    fn chosen_id(&self, mark: &Mark) -> Result<Option<Value>> {
        Resource::chosen_id(self, mark).map(|id| to_json(self, &id)).transpose()
    }

    fn replay<'a>(&'a self, mark: &'a Mark, payload: &'a Value) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let made = Resource::replay(self, mark, payload).await?;
            to_json(self, &self.read_id(&made)?)
        })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<Listed<Value>>>> {
        Box::pin(async move {
            let listed = Resource::list(self, prefix).await?.into_iter();
            listed.map(|Listed { id, text }| Ok(Listed { id: to_json(self, &id)?, text })).collect()
        })
    }
}

/// Writes an id as the journal keeps it.
pub(crate) fn to_json<R: Resource>(resource: &R, id: &R::Id) -> Result<Value> {
    serde_json::to_value(id).map_err(|error| {
        let kind = Resource::kind(resource);
        Failure::setup(format!("an id of resource {kind:?} cannot be kept in the journal: {error}"))
    })
}

/// Shows an id as a person writes it.
pub(crate) fn shown(id: &Value) -> String {
    match id {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
