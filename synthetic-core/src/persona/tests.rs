use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use super::*;

fn pool(names: &[&str]) -> Personas {
    Personas::of(names.iter().map(|&name| Persona::new(name).with_trait("initial", &name[..1]))).unwrap()
}

type Leasing = Pin<Box<dyn Future<Output = PersonaLease> + Send>>;

/// Returns a future that has its place in the queue.
fn waiting(personas: &Personas) -> Leasing {
    let personas = personas.clone();
    let mut leasing: Leasing = Box::pin(async move { personas.lease().await });
    assert!(poll(&mut leasing).is_none());
    leasing
}

fn poll<T>(future: &mut Pin<Box<dyn Future<Output = T> + Send>>) -> Option<T> {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

#[test]
fn a_pool_that_could_not_work_is_refused_by_name() {
    for (personas, message) in [
        (vec![], "a pool of personas is empty: give at least one"),
        (
            vec![Persona::new("a"), Persona::new(" ")],
            "persona 2 of the pool has no name: give it one, it stands in reports",
        ),
        (
            vec![Persona::new("a"), Persona::new("b"), Persona::new("a")],
            "persona \"a\" is in the pool twice: give each a name of its own",
        ),
    ] {
        assert_eq!(Personas::of(personas).unwrap_err().to_string(), message);
    }
}

#[test]
fn a_missing_secret_of_a_persona_without_secrets_says_none() {
    assert_eq!(
        Persona::new("bob").secret_name("password").unwrap_err().to_string(),
        "persona \"bob\" has no secret \"password\": it has none"
    );
}

#[test]
fn a_lease_is_in_use_until_it_is_dropped() {
    let personas = pool(&["alice", "bob"]);
    let (alice, bob) = (personas.try_lease().unwrap(), personas.clone().try_lease().unwrap());
    assert_eq!((alice.name(), bob.name()), ("alice", "bob"));
    assert!(personas.try_lease().is_none());
    assert_eq!(format!("{personas:?}"), "Personas { names: [\"alice\", \"bob\"], in_use: [\"alice\", \"bob\"] }");
    drop(alice);
    assert_eq!(personas.in_use(), ["bob"]);
}

#[test]
fn the_persona_that_rested_longest_is_taken() {
    let personas = pool(&["a", "b", "c"]);
    let names: Vec<String> = (0..6).map(|_| personas.try_lease().unwrap().name().to_owned()).collect();
    assert_eq!(names, ["a", "b", "c", "a", "b", "c"]);
}

#[test]
fn who_waits_first_is_served_first() {
    let personas = pool(&["alice"]);
    let mut lease = personas.try_lease().unwrap();
    let mut queue: VecDeque<Leasing> = (0..5).map(|_| waiting(&personas)).collect();
    while let Some(mut first) = queue.pop_front() {
        drop(lease);
        assert!(personas.try_lease().is_none(), "a persona that is waited for is not free");
        for later in &mut queue {
            assert!(poll(later).is_none());
        }
        lease = poll(&mut first).unwrap();
    }
}

#[tokio::test]
async fn who_wants_another_persona_does_not_hold_up_the_queue() {
    let personas = pool(&["alice", "bob"]);
    let (alice, bob) = (personas.try_lease().unwrap(), personas.try_lease().unwrap());
    let picky = personas.clone();
    let mut picky: Leasing =
        Box::pin(async move { picky.lease_where(|persona| persona.has("initial", "b")).await.unwrap() });
    assert!(poll(&mut picky).is_none());
    let mut any = waiting(&personas);

    drop(alice);
    assert!(poll(&mut picky).is_none());
    assert_eq!(poll(&mut any).unwrap().name(), "alice");
    drop(bob);
    assert_eq!(poll(&mut picky).unwrap().name(), "bob");
    assert!(personas.in_use().is_empty());
}

#[tokio::test]
async fn a_wish_that_can_never_be_met_fails_at_once_also_when_all_are_in_use() {
    let personas = pool(&["alice"]);
    let _lease = personas.lease().await;
    let error = personas.lease_where(|persona| persona.has("initial", "z")).await.unwrap_err();
    assert_eq!(error, PersonaError::NoMatch { names: vec!["alice".to_owned()] });
}

#[test]
fn who_gives_up_waiting_loses_no_persona_and_no_wake_up() {
    let personas = pool(&["alice"]);
    let lease = personas.try_lease().unwrap();
    let (first, mut second) = (waiting(&personas), waiting(&personas));
    drop(first);
    drop(lease);
    assert_eq!(poll(&mut second).unwrap().name(), "alice");
    assert!(personas.in_use().is_empty());
}

#[test]
fn a_persona_handed_to_someone_who_leaves_goes_to_the_next() {
    let personas = pool(&["alice"]);
    let lease = personas.try_lease().unwrap();
    let (first, second, mut third) = (waiting(&personas), waiting(&personas), waiting(&personas));
    drop(lease);
    drop(first);
    drop(second);
    let lease = poll(&mut third).unwrap();
    assert_eq!(personas.in_use(), ["alice"]);
    drop(lease);
    assert!(personas.in_use().is_empty());
    assert!(personas.try_lease().is_some());
}

#[test]
fn a_crowd_that_leaves_does_not_exhaust_the_stack() {
    let personas = pool(&["alice"]);
    let lease = personas.try_lease().unwrap();
    let crowd: Vec<Leasing> = (0..20_000).map(|_| waiting(&personas)).collect();
    drop(lease);
    drop(crowd);
    assert!(personas.try_lease().is_some());
}

#[test]
fn a_future_that_was_never_polled_waits_for_nothing() {
    let personas = pool(&["alice"]);
    let idle = personas.lease();
    assert!(personas.try_lease().is_some());
    drop(idle);
}

#[test]
fn a_panic_gives_the_persona_back() {
    let personas = pool(&["alice"]);
    let held = AssertUnwindSafe(personas.clone());
    std::panic::catch_unwind(move || {
        let _lease = held.try_lease().unwrap();
        panic!("boom");
    })
    .unwrap_err();
    assert!(personas.in_use().is_empty());
}

#[tokio::test]
async fn an_aborted_task_gives_the_persona_back() {
    let personas = pool(&["alice"]);
    let held = personas.clone();
    let task = tokio::spawn(async move {
        let _lease = held.lease().await;
        std::future::pending::<()>().await;
    });
    tokio::task::yield_now().await;
    assert_eq!(personas.in_use(), ["alice"]);
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(personas.lease().await.name(), "alice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_tasks_never_hold_the_same_persona() {
    let personas = pool(&["a", "b", "c"]);
    let held: Arc<BTreeMap<String, AtomicBool>> =
        Arc::new(personas.names().into_iter().map(|name| (name, AtomicBool::new(false))).collect());
    let served = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..12)
        .map(|task: u64| {
            let (personas, held, served) = (personas.clone(), Arc::clone(&held), Arc::clone(&served));
            tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed(task);
                for _ in 0..300 {
                    let leasing = async {
                        if random.bool() {
                            personas.lease().await
                        } else {
                            personas.lease_where(|persona| !persona.has("initial", "a")).await.unwrap()
                        }
                    };
                    // Some give up after a few polls, at whatever point that is.
                    let lease = if task.is_multiple_of(3) {
                        tokio::select! {
                            biased;
                            lease = leasing => lease,
                            () = tokio::task::yield_now() => continue,
                        }
                    } else {
                        leasing.await
                    };
                    let taken = &held[lease.name()];
                    assert!(!taken.swap(true, Ordering::SeqCst), "{} is held twice", lease.name());
                    tokio::task::yield_now().await;
                    taken.store(false, Ordering::SeqCst);
                    served.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(served.load(Ordering::Relaxed) >= 8 * 300);
    assert!(personas.in_use().is_empty());
}
