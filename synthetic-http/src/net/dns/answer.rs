//! [`DnsAnswer`]: what a resolver answered.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{self, RData};
use synthetic_core::report::Phases;

use super::Record;
use super::exchange::Reply;
use crate::expect::Timed;
use crate::net::check::Answer;
use crate::net::trail::Took;

/// How many records a failure shows.
const SHOWN: usize = 20;

/// Holds what a resolver answered.
#[derive(Debug)]
#[non_exhaustive]
pub struct DnsAnswer {
    code: String,
    authoritative: bool,
    over_tcp: bool,
    asked: Record,
    all: Vec<DnsRecord>,
    authority: Vec<DnsRecord>,
    additional: Vec<DnsRecord>,
    server: SocketAddr,
    took: Took,
}

/// Holds one record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DnsRecord {
    /// The name that it is about, with a dot at its end: `shop.example.`.
    pub name: String,
    /// Its type, as in zone files: `CNAME`.
    pub kind: String,
    /// How long it may be kept.
    pub ttl: Duration,
    /// Its value, as [`Record`] says: `10 mail.shop.example.`.
    pub value: String,
}

impl DnsAnswer {
    pub(super) fn new(reply: Reply, asked: Record, server: SocketAddr, took: Took) -> Self {
        let Reply { message, over_tcp } = reply;
        let Message { metadata, answers, authorities, additionals, .. } = message;
        let all = |section: Vec<rr::Record>| section.into_iter().map(record).collect();
        Self {
            code: code(metadata.response_code),
            authoritative: metadata.authoritative,
            over_tcp,
            asked,
            all: all(answers),
            authority: all(authorities),
            additional: all(additionals),
            server,
            took,
        }
    }

    /// Returns the response code by its name (RFC 6895, section 2.3): `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED`.
    #[must_use]
    pub fn response_code(&self) -> &str {
        &self.code
    }

    /// Returns whether the server that answered is one of the zone's own.
    #[must_use]
    pub fn is_authoritative(&self) -> bool {
        self.authoritative
    }

    /// Returns whether the answer came over TCP: it was too long for UDP, or asked for so.
    #[must_use]
    pub fn is_over_tcp(&self) -> bool {
        self.over_tcp
    }

    /// Returns the records of the type that was asked for, in the order of the answer.
    pub fn records(&self) -> impl Iterator<Item = &DnsRecord> {
        self.all.iter().filter(|record| record.kind == self.asked.as_str())
    }

    /// Returns all records of the answer, also the aliases on the way, in their order.
    #[must_use]
    pub fn all_records(&self) -> &[DnsRecord] {
        &self.all
    }

    /// Returns the records that name who else knows (RFC 1035, section 4.1: the authority section).
    #[must_use]
    pub fn authority(&self) -> &[DnsRecord] {
        &self.authority
    }

    /// Returns the records that came besides, such as the addresses of name servers (the additional section).
    #[must_use]
    pub fn additional(&self) -> &[DnsRecord] {
        &self.additional
    }

    /// Returns the type that was asked for.
    #[must_use]
    pub fn asked(&self) -> Record {
        self.asked
    }

    /// Returns the address of the resolver.
    #[must_use]
    pub fn server(&self) -> SocketAddr {
        self.server
    }
}

impl Timed for DnsAnswer {
    fn latency(&self) -> Duration {
        self.took.latency
    }

    fn phases(&self) -> Phases {
        self.took.phases
    }
}

impl Answer for DnsAnswer {
    fn took(&self) -> &Took {
        &self.took
    }

    fn shown(&self) -> Option<String> {
        let by = if self.authoritative { ", authoritative" } else { "" };
        let over = if self.over_tcp { "TCP" } else { "UDP" };
        let mut text = format!("{} from {} over {over}{by}", self.code, self.server);
        if self.all.is_empty() {
            text.push_str(", no record");
        }
        for DnsRecord { name, kind, ttl, value } in self.all.iter().take(SHOWN) {
            text.push_str(&format!("\n{name} {} {kind} {value}", ttl.as_secs()));
        }
        if self.all.len() > SHOWN {
            text.push_str(&format!("\nand {} more", self.all.len() - SHOWN));
        }
        Some(text)
    }
}

fn record(record: rr::Record) -> DnsRecord {
    let kind = record.record_type().to_string();
    let value = match &record.data {
        RData::TXT(text) => text.txt_data.iter().map(|piece| String::from_utf8_lossy(piece)).collect::<String>(),
        other => other.to_string(),
    };
    let ttl = Duration::from_secs(record.ttl.into());
    DnsRecord { name: record.name.to_string(), kind, ttl, value }
}

fn code(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        ResponseCode::NotAuth => "NOTAUTH".to_owned(),
        other => format!("RCODE{}", u16::from(other)),
    }
}

#[cfg(test)]
mod foreign {
    use hickory_proto::op::{Message, OpCode, Query};
    use hickory_proto::rr::rdata::{A, CNAME, MX, TXT};
    use hickory_proto::rr::{Name, Record as Entry, RecordType};
    use proptest::prelude::*;

    use super::*;
    use crate::foreign::damaged;
    use crate::net::trail::Trail;

    /// A reply with a record of several kinds, whose names point back into it (RFC 1035, section 4.1.4).
    fn reply() -> Vec<u8> {
        let name = Name::from_ascii("shop.example.").unwrap();
        let mut reply = Message::response(7, OpCode::Query);
        reply.add_query(Query::query(name.clone(), RecordType::A));
        for data in [
            RData::A(A::new(192, 0, 2, 7)),
            RData::CNAME(CNAME(name.clone())),
            RData::MX(MX::new(10, name.clone())),
            RData::TXT(TXT::new(vec!["v=spf1".to_owned(), "-all".to_owned()])),
        ] {
            reply.add_answer(Entry::from_rdata(name.clone(), 300, data));
        }
        reply.to_vec().unwrap()
    }

    fn read(bytes: &[u8]) -> Option<DnsAnswer> {
        let message = Message::from_vec(bytes).ok()?;
        let reply = Reply { message, over_tcp: false };
        Some(DnsAnswer::new(reply, Record::A, "192.0.2.53:53".parse().unwrap(), Trail::new().finish()))
    }

    #[test]
    fn a_reply_that_is_whole_is_read_with_all_of_its_records() {
        let read = read(&reply()).unwrap();
        let values: Vec<&str> = read.all_records().iter().map(|record| record.value.as_str()).collect();
        assert_eq!(values, ["192.0.2.7", "shop.example.", "10 shop.example.", "v=spf1-all"]);
    }

    proptest! {
        #[test]
        fn a_reply_that_was_damaged_anyhow_is_refused_or_can_be_shown(
            bytes in prop_oneof![damaged(reply()), proptest::collection::vec(any::<u8>(), 0..200)],
        ) {
            if let Some(answer) = read(&bytes) {
                let shown = answer.shown().unwrap_or_default();
                // A byte may be shown as four characters, and a name that is pointed at is shown each time.
                prop_assert!(shown.len() <= 2_000 + 4 * (SHOWN + 1) * bytes.len(), "{} bytes", shown.len());
                prop_assert!(answer.records().count() <= answer.all_records().len());
            }
        }
    }
}
