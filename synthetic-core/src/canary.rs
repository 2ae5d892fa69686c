//! What a canary is: [`Canary`], and the one place that boxes it, [`AnyCanary`]. [`Spec`] is what it says of itself.

mod promise;
mod retries;
mod spec;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub(crate) use self::promise::objective_problem;
pub use self::retries::RetryOn;
pub use self::spec::{OnLeak, Spec};
use crate::failure::Result;
use crate::run::Run;

/// A scripted journey of a test user, which runs again and again.
///
/// A type with two methods, or a function: see [`canary`].
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
///
/// struct Arithmetic;
/// impl Canary for Arithmetic {
///     fn spec(&self) -> Spec { Spec::new("arithmetic").timeout(secs(1)) }
///     async fn run(&self, run: Run) -> Result {
///         run.step("add", async { run.expect("1 + 1", 1 + 1, eq(2)) }).await
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// once(Arithmetic).await.assert_passed();
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a canary",
    note = "implement `fn spec(&self) -> Spec` and `async fn run(&self, run: Run) -> Result` of `Canary`",
    note = "or make one of a function: `canary(Spec::new(\"name\"), function)`"
)]
pub trait Canary: Send + Sync + 'static {
    /// Returns its name, its timeout and its tags. Called once, when it is added to a monitor or run.
    fn spec(&self) -> Spec;

    /// Makes the journey once.
    ///
    /// No `finally` and no delete: what it made and what it deferred, the runner removes.
    ///
    /// # Cancellation
    ///
    /// The future is dropped when its time is up or the run is cancelled.
    fn run(&self, run: Run) -> impl Future<Output = Result> + Send;
}

/// Makes a canary of a function or closure that takes a [`Run`].
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
///
/// async fn arithmetic(run: Run) -> Result {
///     run.expect("1 + 1", 1 + 1, eq(2))
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// once(canary(Spec::new("arithmetic"), arithmetic)).await.assert_passed();
/// # }
/// ```
pub fn canary<F, Fut>(spec: Spec, body: F) -> FnCanary<F>
where
    F: Fn(Run) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result> + Send,
{
    FnCanary { spec, body }
}

/// A canary made of a function, see [`canary`].
pub struct FnCanary<F> {
    spec: Spec,
    body: F,
}

impl<F> fmt::Debug for FnCanary<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnCanary").field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl<F, Fut> Canary for FnCanary<F>
where
    F: Fn(Run) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result> + Send,
{
    fn spec(&self) -> Spec {
        self.spec.clone()
    }

    fn run(&self, run: Run) -> impl Future<Output = Result> + Send {
        (self.body)(run)
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A canary whose type is forgotten, so that different ones stand in one list. Cheap to clone.
#[derive(Clone)]
pub struct AnyCanary(Arc<dyn DynCanary>, Spec);

impl AnyCanary {
    /// Forgets the type of a canary and asks for its spec.
    pub fn new(canary: impl Canary) -> Self {
        let spec = canary.spec();
        Self(Arc::new(canary), spec)
    }

    /// Returns its spec.
    pub fn spec(&self) -> &Spec {
        &self.1
    }

    /// Says something else of it.
    #[cfg(feature = "cli")]
    pub(crate) fn with_spec(self, change: impl FnOnce(Spec) -> Spec) -> Self {
        Self(self.0, change(self.1))
    }

    /// Returns its journey alone.
    pub(crate) fn body(&self) -> Body {
        Body(Arc::clone(&self.0))
    }
}

/// The journey of a canary without its spec, which a run has anyway.
pub(crate) struct Body(Arc<dyn DynCanary>);

impl Body {
    pub(crate) fn start(&self, run: Run) -> BoxFuture<'_, Result> {
        self.0.start(run)
    }
}

impl fmt::Debug for AnyCanary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyCanary").field(&self.1.name()).finish()
    }
}

impl<C: Canary> From<C> for AnyCanary {
    fn from(canary: C) -> Self {
        Self::new(canary)
    }
}

trait DynCanary: Send + Sync {
    fn start(&self, run: Run) -> BoxFuture<'_, Result>;
}

impl<C: Canary> DynCanary for C {
    fn start(&self, run: Run) -> BoxFuture<'_, Result> {
        Box::pin(self.run(run))
    }
}
