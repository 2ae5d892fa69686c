use super::*;

#[test]
fn a_failure_stands_alone() {
    let mut failure = Failure::new("status of POST /orders")
        .expected("is equal to 201")
        .actual("503")
        .evidence("answer", "content-type: application/json\n{\"error\":\"upstream unavailable\"}")
        .cause("the pool is empty")
        .hint("look at the payments service");
    failure.set_step(|| vec!["check out".into(), "create order".into()]);
    failure.0.location = Some("src/checkout.rs:41".into());
    let expected = r#"failed: status of POST /orders    step "check out" > "create order", src/checkout.rs:41
  expected  is equal to 201
  actual    503
  cause     the pool is empty
  answer    content-type: application/json
            {"error":"upstream unavailable"}
  hint      look at the payments service"#;
    assert_eq!(format!("{failure:?}"), expected);
}

#[test]
fn the_causes_of_a_foreign_error_are_kept() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the price list")]
    struct Outer(#[source] std::num::ParseIntError);
    fn read() -> Result {
        Err(Outer("x".parse::<u8>().unwrap_err()))?
    }
    let failure = read().unwrap_err();
    assert_eq!(failure.subject(), "cannot read the price list");
    assert_eq!(failure.causes(), ["invalid digit found in string"]);
    assert!(failure.location().is_some_and(|place| place.contains("failure/tests.rs:")), "{failure:?}");
}

#[test]
fn every_reason_has_its_own_name_and_json_agrees() {
    for reason in Reason::ALL {
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
    }
    assert!(Reason::ALL.len() <= 15, "a label of a metric stays small");
}

#[test]
fn evidence_is_bounded_and_says_so() {
    let failure = (0..20).fold(Failure::new("x"), |failure, _| failure.evidence("body", "ä".repeat(5000)));
    assert_eq!(failure.pieces_of_evidence().len(), 16);
    assert!(failure.pieces_of_evidence()[0].text.ends_with("(1808 bytes left out)"));
}

#[test]
fn its_json_form_comes_back_as_it_was() {
    let failure = Failure::new("x").expected("y").evidence("a", "b");
    let json = serde_json::to_string(&failure).unwrap();
    let back: Failure = serde_json::from_str(&json).unwrap();
    assert_eq!(format!("{failure:?}"), format!("{back:?}"));
}
