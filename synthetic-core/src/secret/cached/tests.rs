use std::sync::atomic::{AtomicU32, Ordering};

use tokio::time::{advance, sleep};

use super::*;
use crate::secret::{check_name, check_secret_store_contract};

/// Answers after a second, and counts how often it is asked.
#[derive(Default)]
struct Slow {
    asked: AtomicU32,
    value: Mutex<&'static str>,
    broken: Mutex<bool>,
}

#[async_trait]
impl SecretStore for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        check_name(name)?;
        self.asked.fetch_add(1, Ordering::SeqCst);
        let value = *self.value.lock().unwrap();
        sleep(Duration::from_secs(1)).await;
        if *self.broken.lock().unwrap() {
            return Err(SecretError::store("slow", name, "connection refused"));
        }
        Ok((name == "web/password").then(|| Secret::new(name, value)))
    }
}

fn slow(value: &'static str) -> Cached<Slow> {
    Cached::new(Slow { value: Mutex::new(value), ..Slow::default() })
}

impl Cached<Slow> {
    async fn value(&self) -> String {
        self.get("web/password").await.unwrap().unwrap().expose().to_owned()
    }

    fn asked(&self) -> u32 {
        self.store.asked.load(Ordering::SeqCst)
    }

    fn set(&self, value: &'static str) {
        *self.store.value.lock().unwrap() = value;
    }

    fn break_down(&self, broken: bool) {
        *self.store.broken.lock().unwrap() = broken;
    }
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[tokio::test(start_paused = true)]
async fn keeps_the_contract() {
    check_secret_store_contract(&slow("correct horse"), "web/password", "correct horse").await;
    check_secret_store_contract(&slow("correct horse").ttl(secs(0)), "web/password", "correct horse").await;
}

#[tokio::test(start_paused = true)]
async fn a_value_is_given_for_its_time_and_then_asked_for_anew() {
    let store = slow("correct horse");
    assert!(store.peek("web/password").is_none());
    assert_eq!(store.value().await, "correct horse");
    store.set("battery staple");
    advance(secs(298)).await;
    assert_eq!((store.value().await.as_str(), store.asked()), ("correct horse", 1));
    assert!(store.peek("web/password").is_some());
    // Counted from the question: the answer may be as old as that.
    advance(secs(1)).await;
    assert!(store.peek("web/password").is_none());
    assert_eq!((store.value().await.as_str(), store.asked()), ("battery staple", 2));
}

#[tokio::test(start_paused = true)]
async fn without_a_time_each_request_asks_but_those_at_the_same_time_share_one_call() {
    let store = slow("correct horse").ttl(secs(0));
    store.value().await;
    store.value().await;
    assert_eq!(store.asked(), 2);
    tokio::join!(store.value(), store.value(), store.value());
    assert_eq!(store.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn when_the_one_who_asks_goes_away_the_next_one_asks() {
    let store = slow("correct horse");
    let (gone, value) =
        tokio::join!(tokio::time::timeout(Duration::from_millis(500), store.value()), async { store.value().await });
    assert!(gone.is_err());
    assert_eq!((value.as_str(), store.asked()), ("correct horse", 2));
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_or_broken_is_not_asked_for_each_time() {
    let store = slow("correct horse");
    for (time, asked) in [(0, 1), (28, 1), (1, 2)] {
        advance(secs(time)).await;
        assert!(store.get("web/user").await.unwrap().is_none());
        assert_eq!(store.asked(), asked, "after {time} s more");
    }

    store.break_down(true);
    let said = |answer: Result<Option<Secret>, SecretError>| {
        let error = answer.unwrap_err();
        format!("{error}: {}", std::error::Error::source(&error).unwrap())
    };
    let (one, two) = tokio::join!(store.get("web/password"), store.get("web/password"));
    assert_eq!(said(one), "secret \"web/password\" cannot be had from slow: connection refused");
    assert_eq!(said(two), "secret \"web/password\" cannot be had from slow: connection refused");
    assert!(store.get("web/password").await.is_err());
    assert_eq!(store.asked(), 3);
    store.break_down(false);
    advance(secs(1)).await;
    assert_eq!((store.value().await.as_str(), store.asked()), ("correct horse", 4));
}

#[tokio::test(start_paused = true)]
async fn a_value_that_was_refused_is_looked_up_once_however_many_say_so() {
    let store = slow("correct horse");
    let old = store.get("web/password").await.unwrap().unwrap();
    store.set("battery staple");
    advance(secs(60)).await;
    let refused = || async {
        store.invalidate(&old);
        store.value().await
    };
    let values = tokio::join!(refused(), refused(), refused());
    assert_eq!(values, ("battery staple".into(), "battery staple".into(), "battery staple".into()));
    assert_eq!(store.asked(), 2);
    // Late, and about a value that is not given any more.
    advance(secs(60)).await;
    assert_eq!((refused().await.as_str(), store.asked()), ("battery staple", 2));
}

#[tokio::test(start_paused = true)]
async fn a_value_that_stays_wrong_is_asked_for_every_five_seconds_at_most() {
    let store = slow("correct horse");
    for _ in 0..200 {
        let wrong = store.get("web/password").await.unwrap().unwrap();
        store.invalidate(&wrong);
        advance(Duration::from_millis(100)).await;
    }
    assert!((4..=6).contains(&store.asked()), "{}", store.asked());
}

#[tokio::test(start_paused = true)]
async fn a_chain_renews_what_was_refused_and_says_when_it_is_the_same() {
    let store = Arc::new(slow("correct horse"));
    let secrets = crate::secret::Secrets::new().store(Arc::clone(&store));
    let old = secrets.get("web/password").await.unwrap();
    advance(secs(10)).await;
    assert!(secrets.renew(&old).await.unwrap().is_none());
    store.set("battery staple");
    advance(secs(10)).await;
    assert_eq!(secrets.renew(&old).await.unwrap().unwrap().expose(), "battery staple");
    assert_eq!(
        secrets.redactor().redact("correct horse, battery staple"),
        "[redacted:web/password], [redacted:web/password]"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_bounded() {
    let store = slow("correct horse");
    let names: Vec<String> = (0..2_500).map(|number| format!("name-{number}")).collect();
    for name in &names {
        assert!(store.get(name).await.unwrap().is_none());
        let known = store.entries().len();
        assert!(known <= MAX_NAMES, "{known}");
    }
    for name in ["", "../up"] {
        assert!(store.get(name).await.is_err());
        assert!(!store.entries().contains_key(name));
    }
}
