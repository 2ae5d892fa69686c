//! The contract of a secret store, as a function that any store can be put through.

use std::fmt::{self, Write as _};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};

use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber as _;
use tracing::span;

use super::{Secret, SecretError, SecretStore};

/// A name that no store has.
const UNKNOWN: &str = "synthetic/contract/unknown-5b1f0c";

/// Checks that `store` keeps the contract of [`SecretStore`], given a secret that it has and a value that is current.
///
/// Run it once more after a rotation, with the new value. What a store logs is checked as far as it logs with `tracing`
/// in the future itself, not in a task or a thread of its own.
///
/// # Panics
///
/// Panics with the broken promise. The message does not show the value.
///
/// # Examples
///
/// ```
/// use synthetic_core::secret::{EnvSecrets, check_secret_store_contract};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let store = EnvSecrets::with_lookup(|variable| (variable == "WEB_PASSWORD").then(|| "correct horse".into()));
/// check_secret_store_contract(&store, "web/password", "correct horse").await;
/// # }
/// ```
pub async fn check_secret_store_contract(store: &dyn SecretStore, known_name: &str, known_value: &str) {
    let log = Log::default();
    check(store, known_name, known_value).with_subscriber(log.clone()).await;
    assert!(!log.text().contains(known_value), "a store never logs a value");
}

async fn check(store: &dyn SecretStore, known_name: &str, known_value: &str) {
    assert!(!store.name().is_empty(), "a store has a name");
    assert!(!store.name().contains('\n'), "the name of a store is a single line, but was {:?}", store.name());
    for name in [known_name, UNKNOWN] {
        let place = store.looked_in(name);
        assert!(place.contains(store.name()), "`looked_in` names the store: expected {:?} in {place:?}", store.name());
        assert!(!place.contains(known_value), "`looked_in` does not show a value");
    }

    for time in ["the first", "the second"] {
        is_known(store.get(known_name).await, known_name, known_value, &format!("asked for {time} time"));
    }

    match store.get(UNKNOWN).await {
        Ok(None) => {}
        Ok(Some(_)) => panic!("a store does not have every secret, but gave one for {UNKNOWN:?}"),
        Err(error) => panic!("a secret that is not there is `Ok(None)`, but was an error: {error}"),
    }

    for name in ["", "/absolute", "../escape", "web/../../escape", "web//gap", ".hidden", "web/.hidden", "a b", "a\n"] {
        match store.get(name).await {
            Err(SecretError::InvalidName { .. }) => {}
            Err(error) => panic!("the name {name:?} is refused as `InvalidName`, but the error was: {error}"),
            Ok(_) => panic!("the name {name:?} is refused as `InvalidName`, but was looked up"),
        }
    }

    {
        let mut abandoned = pin!(store.get(known_name));
        poll_once(abandoned.as_mut());
    }
    let (one, two, three) = tokio::join!(store.get(known_name), store.get(UNKNOWN), store.get(known_name));
    assert!(matches!(two, Ok(None)), "requests at the same time do not mix up their answers");
    for answer in [one, three] {
        is_known(answer, known_name, known_value, "asked several times at once, after a request was dropped");
    }
}

#[track_caller]
fn is_known(answer: Result<Option<Secret>, SecretError>, name: &str, value: &str, when: &str) {
    let secret = match answer {
        Ok(Some(secret)) => secret,
        Ok(None) => panic!("{when}, the store has the secret {name:?}, but said that it does not"),
        Err(error) => panic!("{when}, the store gives the secret {name:?}, but failed: {error}"),
    };
    assert_eq!(secret.name(), name, "{when}, a secret carries the name that was asked for");
    assert!(secret.expose() == value, "{when}, the store gives the current value of {name:?}, but gave another");
}

fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) {
    let _ = future.poll(&mut Context::from_waker(Waker::noop()));
}

/// Keeps all that is logged as one text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn append(&self, record: impl FnOnce(&mut dyn Visit)) {
        record(&mut Fields(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)));
    }
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_str(&mut self, _: &Field, value: &str) {
        self.0.push_str(value);
        self.0.push('\n');
    }

    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        let _ = writeln!(self.0, "{value:?}");
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        self.append(|fields| span.record(fields));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        self.append(|fields| values.record(fields));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        self.append(|fields| event.record(fields));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::secret::check_name;

    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        None,
        NameOfItsOwn,
        AnyName,
        ErrorForUnknown,
        EverythingKnown,
        Logs,
        OnlyOnce,
        LookedInElsewhere,
    }

    struct Store(Fault, AtomicU32);

    #[async_trait::async_trait]
    impl SecretStore for Store {
        fn name(&self) -> &str {
            "fake"
        }

        fn looked_in(&self, name: &str) -> String {
            if self.0 == Fault::LookedInElsewhere { "somewhere".into() } else { format!("fake ({name})") }
        }

        async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
            if self.0 != Fault::AnyName {
                check_name(name)?;
            }
            if self.0 == Fault::Logs {
                tracing::trace!(value = "correct horse", "found");
            }
            if name != "web/password" {
                return match self.0 {
                    Fault::ErrorForUnknown => Err(SecretError::store("fake", name, "404")),
                    Fault::EverythingKnown => Ok(Some(Secret::new(name, "correct horse"))),
                    _ => Ok(None),
                };
            }
            let times = self.1.fetch_add(1, Ordering::Relaxed);
            match self.0 {
                Fault::NameOfItsOwn => Ok(Some(Secret::new("arn:1", "correct horse"))),
                Fault::OnlyOnce if times > 0 => Ok(Some(Secret::new(name, "stale"))),
                _ => Ok(Some(Secret::new(name, "correct horse"))),
            }
        }
    }

    /// Returns the broken promise that the check complains about.
    async fn complaint(fault: Fault) -> Option<String> {
        let store = Store(fault, AtomicU32::new(0));
        let mut checking = Box::pin(check_secret_store_contract(&store, "web/password", "correct horse"));
        let outcome = std::future::poll_fn(|cx| {
            match std::panic::catch_unwind(AssertUnwindSafe(|| checking.as_mut().poll(cx))) {
                Ok(poll) => poll.map(Ok),
                Err(panic) => std::task::Poll::Ready(Err(panic)),
            }
        });
        outcome.await.err().map(|panic| match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => (*panic.downcast::<&'static str>().unwrap()).to_owned(),
        })
    }

    #[tokio::test]
    async fn a_store_that_keeps_the_contract_passes() {
        assert_eq!(complaint(Fault::None).await, None);
    }

    #[tokio::test]
    async fn every_broken_promise_is_named_without_the_value() {
        for (fault, promise) in [
            (Fault::NameOfItsOwn, "a secret carries the name that was asked for"),
            (Fault::AnyName, "is refused as `InvalidName`"),
            (Fault::ErrorForUnknown, "a secret that is not there is `Ok(None)`"),
            (Fault::EverythingKnown, "a store does not have every secret"),
            (Fault::Logs, "a store never logs a value"),
            (Fault::OnlyOnce, "the store gives the current value"),
            (Fault::LookedInElsewhere, "`looked_in` names the store"),
        ] {
            let complaint = complaint(fault).await.unwrap();
            assert!(complaint.contains(promise), "expected {promise:?} in {complaint:?}");
            assert!(!complaint.contains("correct horse"), "{complaint}");
        }
    }
}
