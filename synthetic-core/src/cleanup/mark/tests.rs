//! Marks: made, read, found, and put into addresses.

use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::*;

const RUN: Uuid = Uuid::from_u128(0x0193_4fab_1c00_7000_8000_0000_0000_0001);

#[test]
fn whatever_the_names_a_mark_is_read_back_as_it_was_made() {
    let long = "n".repeat(500);
    for (monitor, canary, as_monitor, as_canary) in [
        ("shop", "order", "shop", "order"),
        ("shop-eu", "order-lifecycle", "shop_eu", "order-lifecycle"),
        ("Shop & Söhne", "a_b-c", "Shop___S_hne", "a_b-c"),
        ("", "", "_", "_"),
        ("-", "-", "_", "-"),
        ("a", "--", "a", "--"),
        ("a", "1", "a", "1"),
        (&long, &long, &"n".repeat(40), &"n".repeat(100)),
    ] {
        let mark = Mark::new(monitor, canary, RUN, 7);
        let read: Mark = mark.as_str().parse().unwrap();
        assert_eq!(read, mark);
        assert_eq!((read.monitor(), read.canary(), read.run_id(), read.number()), (as_monitor, as_canary, RUN, 7));
        assert_eq!(canary_part(canary), as_canary, "what the journal counts by");
        assert!(mark.as_str().starts_with(&prefix_of(monitor)));
        assert!(
            mark.as_str().len() <= 200
                && mark.as_str().bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c))
        );
        assert_eq!(serde_json::from_str::<Mark>(&serde_json::to_string(&mark).unwrap()).unwrap(), mark);
    }
}

#[test]
fn a_mark_knows_when_its_run_began() {
    let began = Mark::new("shop", "order", RUN, 1).began_at();
    assert_eq!(began, SystemTime::UNIX_EPOCH + Duration::from_millis(0x0193_4fab_1c00));
}

#[test]
fn two_monitors_never_share_a_prefix() {
    let other = Mark::new("shop-eu", "order", RUN, 1);
    assert!(!other.as_str().starts_with(&prefix_of("shop")), "{other}");
}

#[test]
fn what_is_no_mark_is_refused() {
    let good = Mark::new("shop", "order", RUN, 1).to_string();
    let ulid = &good["syn1-shop-order-".len()..good.len() - 2];
    for text in [
        "",
        "syn1-",
        "syn2-shop-order-01JD3QKX7V0000000000000000-1",
        &format!("syn1-shop-{ulid}-1"),
        &format!("syn1--order-{ulid}-1"),
        &format!("syn1-shop-order-{ulid}"),
        &format!("syn1-shop-order-{ulid}-0"),
        &format!("syn1-shop-order-{ulid}-01"),
        &format!("syn1-shop-order-{ulid}-+1"),
        &format!("syn1-shop-order-{ulid}-4294967296"),
        &format!("syn1-shop-order-{}-1", ulid.to_lowercase()),
        &format!("syn1-shop-order-{}-1", &ulid[1..]),
        &format!("syn1-shop-order-8{}-1", &ulid[1..]), // More than 128 bits.
        &format!("syn1-shop-or der-{ulid}-1"),
        &format!(" {good}"),
    ] {
        assert!(text.parse::<Mark>().is_err(), "{text:?}");
    }
    assert_eq!(
        "order 17".parse::<Mark>().unwrap_err().to_string(),
        "\"order 17\" is no mark: one looks like syn1-shop-order-lifecycle-01JD3QKX7V0000000000000000-1"
    );
}

#[test]
fn a_mark_is_found_in_whatever_carries_it() {
    let mark = Mark::new("shop", "order", RUN, 12);
    for text in [
        mark.to_string(),
        format!("canary+{mark}@shop.test"),
        format!("Order of {mark}."),
        format!("https://shop.example/orders?reference={mark}&x=1"),
        format!("syn1-not-one {mark} and more"),
        format!("ü{mark}ü"),
        mark.email("shop.test"),
    ] {
        assert_eq!(Mark::find_in(&text).as_ref(), Some(&mark), "{text}");
    }
    for text in ["", "syn1-", "a customer's order", "syn1-shop-order-01JD3QKX7V0000000000000000"] {
        assert_eq!(Mark::find_in(text), None, "{text}");
    }
}

#[test]
fn an_address_is_never_too_long_and_always_leads_back_to_its_run() {
    for (monitor, canary) in [
        ("s", "c"),
        ("shop", "sign-up"),
        (&"m".repeat(60), "c"),
        ("s", &"c".repeat(255)),
        ("monitor", "a-b-c-d-e-f-g-h-i-j"),
    ] {
        for number in [1, 12, u32::MAX] {
            let mark = Mark::new(monitor, canary, RUN, number);
            let address = mark.email("shop.test");
            let local = address.strip_suffix("@shop.test").unwrap();
            assert!(local.len() <= 64, "{address}");
            let found = Mark::find_in(&address).unwrap();
            assert_eq!((found.run_id(), found.number()), (RUN, number), "{address}");
            assert_eq!(mark.email("shop.test"), address);
            assert!(!mark.email_in_url("shop.test").contains(['+', '@']));
        }
    }
}
