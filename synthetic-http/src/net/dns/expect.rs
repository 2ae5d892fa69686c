//! What can be expected of an answer of DNS.

use std::time::Duration;

use synthetic_core::expect::Matcher;

use super::{DnsAnswer, DnsRecord};
use crate::expect::{Expectation, of};

pub(super) const RECORDS: &str = "records";
pub(super) const COUNT: &str = "number of records";
pub(super) const AUTHORITY: &str = "authority records";
pub(super) const ADDITIONAL: &str = "additional records";
pub(super) const RESPONSE_CODE: &str = "response code";

/// Expects something of the records of the type that was asked for, as [`Record`](super::Record) says they are written, in the
/// order of the answer: `records(contains("192.0.2.7"))`, `records(every(starts_with("10.")))`.
pub fn records(matcher: impl Matcher<Vec<String>> + 'static) -> Expectation<DnsAnswer> {
    of(RECORDS, "", matcher, |answer: &DnsAnswer, _| Ok(answer.records().map(|record| record.value.clone()).collect()))
}

/// Expects something of the records that name who else knows (the authority section), whole, as zone files write them without
/// the class and the time: `authority_records(contains("shop.example. NS ns1.shop.example."))`.
///
/// A server that sends one on to others answers without a record of the type, and with these.
pub fn authority_records(matcher: impl Matcher<Vec<String>> + 'static) -> Expectation<DnsAnswer> {
    of(AUTHORITY, "", matcher, |answer: &DnsAnswer, _| Ok(whole(answer.authority())))
}

/// Expects something of the records that came besides (the additional section), whole, as
/// [`authority_records`] writes them: `additional_records(some(starts_with("ns1.shop.example. A ")))`.
pub fn additional_records(matcher: impl Matcher<Vec<String>> + 'static) -> Expectation<DnsAnswer> {
    of(ADDITIONAL, "", matcher, |answer: &DnsAnswer, _| Ok(whole(answer.additional())))
}

fn whole(records: &[DnsRecord]) -> Vec<String> {
    records.iter().map(|DnsRecord { name, kind, value, .. }| format!("{name} {kind} {value}")).collect()
}

/// Expects something of how many records of the type that was asked for there are: `record_count(ge(2))`.
pub fn record_count(matcher: impl Matcher<usize> + 'static) -> Expectation<DnsAnswer> {
    of(COUNT, "", matcher, |answer: &DnsAnswer, _| Ok(answer.records().count()))
}

/// Expects something of how long the records of the type that was asked for may be kept; of several, the shortest:
/// `ttl(le(mins(5)))`. Without a record it cannot be judged, and fails.
pub fn ttl(matcher: impl Matcher<Duration> + 'static) -> Expectation<DnsAnswer> {
    of("TTL", "", matcher, |answer: &DnsAnswer, _| {
        let shortest = answer.records().map(|DnsRecord { ttl, .. }| *ttl).min();
        shortest.ok_or_else(|| format!("no {} record", answer.asked().as_str()))
    })
}

/// Expects something of the response code, in the place of `NOERROR` and at least one record: `response_code("NXDOMAIN")`.
pub fn response_code(matcher: impl Matcher<String> + 'static) -> Expectation<DnsAnswer> {
    of(RESPONSE_CODE, "", matcher, |answer: &DnsAnswer, _| Ok(answer.response_code().to_owned()))
}

/// Expects the answer to come from one of the zone's own servers, `authoritative(true)`, or not.
pub fn authoritative(matcher: impl Matcher<bool> + 'static) -> Expectation<DnsAnswer> {
    of("authoritative", "", matcher, |answer: &DnsAnswer, _| Ok(answer.is_authoritative()))
}
