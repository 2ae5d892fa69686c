//! [`Action`]: something that is done in a page when it is awaited.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use synthetic_core::Result;

/// Something that is done in a page: nothing happens until it is awaited.
#[must_use = "nothing is done until it is awaited"]
pub struct Action<T = ()>(Pin<Box<dyn Future<Output = Result<T>> + Send>>);

impl<T> Action<T> {
    pub(crate) fn new(doing: impl Future<Output = Result<T>> + Send + 'static) -> Self {
        Self(Box::pin(doing))
    }
}

impl<T> Future for Action<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<T> fmt::Debug for Action<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Action")
    }
}
