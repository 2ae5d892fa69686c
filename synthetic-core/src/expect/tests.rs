//! What holds for matchers as a whole: what can be judged by what, and that the types are found without help.

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    testing::{fails, passes},
    *,
};

/// Stands for `json(path, matcher)` of the HTTP crate.
fn json_at(path: &str, matcher: impl Matcher<Value>) -> Result<(), Mismatch> {
    let value = json!({"db": "up", "n": 4, "ids": ["a", "b"], "price": 9.5, "none": null});
    check_json(&value, &JsonPath::parse(path).unwrap(), &matcher)
}

/// Stands for `status(matcher)`.
fn status(matcher: impl Matcher<u16>) -> Result<(), Mismatch> {
    check(&201, &matcher)
}

/// Stands for `latency(matcher)`.
fn latency(matcher: impl Matcher<Duration>) -> Result<(), Mismatch> {
    check(&Duration::from_millis(120), &matcher)
}

#[test]
fn json_takes_plain_values_and_matchers_without_type_hints() {
    let name = "up".to_owned();
    let judged = [
        json_at("$.db", "up"),
        json_at("$.db", &name),
        json_at("$.db", name),
        json_at("$.db", eq("up")),
        json_at("$.db", eq("up".to_owned())),
        json_at("$.db", one_of(["up", "down"])),
        json_at("$.db", any_of(["up", "down"])),
        json_at("$.db", starts_with("u")),
        json_at("$.db", all_of((is_string(), len(2), not("down"), matches("^u")))),
        json_at("$.n", 4),
        json_at("$.n", eq(4)),
        json_at("$.n", ge(3)),
        json_at("$.n", gt(3.5)),
        json_at("$.n", between(1, 5)),
        json_at("$.n", near(4.0, 0.1)),
        json_at("$.n", any_of((is_null(), ge(3)))),
        json_at("$.price", 9.5),
        json_at("$.price", lt(10)),
        json_at("$.none", json!(null)),
        json_at("$.ids", json!(["a", "b"])),
        json_at("$.ids", contains("a")),
        json_at("$.ids", every(is_string())),
        json_at("$.ids[*]", some("b")),
        json_at("$.ids", len(ge(1))),
        json_at("$.gone", not(exists())),
    ];
    for (at, judged) in judged.iter().enumerate() {
        assert_eq!(*judged, Ok(()), "{at}");
    }
}

#[test]
fn statuses_and_times_take_plain_values_and_matchers_without_type_hints() {
    assert_eq!(status(201), Ok(()));
    assert_eq!(status([200, 201]), Ok(()));
    assert_eq!(status(200..=299), Ok(()));
    assert_eq!(status(lt(300)), Ok(()));
    assert_eq!(status(not(eq(404))), Ok(()));
    assert_eq!(status(any_of((200, 201))), Ok(()));
    assert_eq!(latency(under(Duration::from_millis(300))), Ok(()));
    assert_eq!(latency(between(Duration::ZERO, Duration::from_secs(1))), Ok(()));
}

#[test]
fn values_of_many_types_are_judged_without_type_hints() {
    #[derive(Debug, Clone, PartialEq, PartialOrd)]
    struct Money(u32);

    let id = "7".to_owned();
    passes(id.as_str(), eq("7"));
    passes(id.clone(), eq("7"));
    passes(id.clone(), eq(id.clone()));
    passes(&id, eq(&id));
    passes(Cow::Borrowed("7"), eq("7"));
    passes(Cow::Borrowed("abc"), contains("b"));
    passes(4_u64, ge(3));
    passes(4_usize, between(1, 5));
    passes(Some("a"), ne(None));
    passes(Money(3), eq(Money(3)));
    passes(Money(3), gt(Money(2)));
    passes(vec![Money(1)], contains(eq(Money(1))));
    passes(vec![Money(1)], every(one_of([Money(1), Money(2)])));
    passes((1, "a"), eq((1, "a")));
    let borrowed = &json!({"a": 1});
    passes(borrowed, contains("a"));
    fails(Money(1), gt(Money(2)), "expected is greater than Money(2), actual Money(1)");
}

#[test]
fn a_pointer_to_a_matcher_is_one() {
    let boxed: Box<dyn Matcher<i32>> = Box::new(not(matches_nothing()));
    let shared: Arc<dyn Matcher<i32>> = Arc::from(boxed);
    fails(1, Arc::clone(&shared), "expected is everything, actual 1, but it cannot be");
    fails(1, &shared, "expected is everything, actual 1, but it cannot be");
    assert_eq!(shared.matches_missing(), Some(true));
    let plain: Box<dyn Matcher<Value>> = Box::new("b");
    passes(json!("abc"), contains(plain));
    passes(json!("a"), any_of(vec![Box::new(is_null()) as Box<dyn Matcher<Value>>, Box::new("a")]));
}

#[test]
fn matchers_can_be_cloned_shared_and_shown() {
    fn holds<M: Clone + fmt::Debug + Send + Sync + 'static>(_: M) {}
    holds((eq(1), ne(1), gt(1), ge(1), lt(1), le(1), under(1), between(1, 2), one_of([1])));
    holds((contains("a"), starts_with("a"), ends_with("a"), matches("a"), is_empty(), len(1)));
    holds((every(1), some(1), not(1), all_of((1, 2)), any_of([1]), exists(), is_null()));
    holds((is_string(), is_uuid(), is_iso_date(), near(1.0, 0.1), JsonPath::parse("$").unwrap()));
}

#[test]
fn what_cannot_be_judged_fails_in_both_senses() {
    for judged in [json_at("$.gone", eq(1)), json_at("$.gone", not(eq(1))), json_at("$.gone", not(is_null()))] {
        judged.unwrap_err();
    }
}

/// A matcher with a defect that says what it says about everything.
fn matches_nothing() -> impl Matcher<i32> {
    struct Nothing;
    impl Matcher<i32> for Nothing {
        fn matches(&self, _: &i32) -> bool {
            false
        }
        fn describe(&self, sense: Sense, f: &mut dyn fmt::Write) -> fmt::Result {
            f.write_str(sense.pick("is nothing", "is everything"))
        }
        fn matches_missing(&self) -> Option<bool> {
            Some(false)
        }
        fn defect(&self) -> Option<String> {
            Some("it cannot be".to_owned())
        }
    }
    Nothing
}
