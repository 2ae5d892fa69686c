//! One query and its reply: over UDP, and over TCP when that is too short for it.
//!
//! Source: RFC 1035, sections 4.1 and 4.2. No EDNS is offered, as the system's resolver does not either: every server takes
//! such a query, and answers of more than 512 bytes go over TCP.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, Query};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::super::dial::causes;
use super::super::trail::{Stage, Trail};
use crate::wire::diagnose::unconnected;
use crate::wire::{Kind, Phase, WireError};

/// How long a reply over UDP is waited for before the query is sent again: it may have been lost on its way.
const AGAIN: Duration = Duration::from_secs(1);

/// The bits of the third byte of a message.
const RESPONSE: u8 = 0x80;
const TRUNCATED: u8 = 0x02;

/// What is asked.
pub(super) struct Question<'a> {
    pub(super) name: &'a Name,
    pub(super) kind: RecordType,
    pub(super) recursive: bool,
}

/// A reply, and how it came.
pub(super) struct Reply {
    pub(super) message: Message,
    pub(super) over_tcp: bool,
}

/// Asks a server, for as long as the one who calls waits.
pub(super) async fn ask(
    server: SocketAddr,
    asked: &Question<'_>,
    only_tcp: bool,
    trail: &mut Trail,
) -> Result<Reply, WireError> {
    // A random id, besides the port that the system chooses at random, keeps others from answering in its place.
    let mut query = Message::query();
    query.metadata.recursion_desired = asked.recursive;
    query.add_query(Query::query(asked.name.clone(), asked.kind));
    let bytes = query.to_vec().map_err(|error| {
        WireError::new(Phase::Setup, Kind::BadRequest, format!("the query cannot be written: {error}"))
    })?;
    trail.peer = Some(server);
    if !only_tcp {
        trail.protocol = Some("DNS over UDP");
        if let Some(message) = over_udp(server, &query, &bytes, trail).await? {
            return Ok(Reply { message, over_tcp: false });
        }
    }
    trail.protocol = Some("DNS over TCP");
    let why = if only_tcp { "" } else { ", since the reply over UDP was cut short" };
    let message = over_tcp(server, &query, &bytes, why, trail).await?;
    Ok(Reply { message, over_tcp: true })
}

/// Returns the reply, or nothing where it was cut short.
async fn over_udp(
    server: SocketAddr,
    query: &Message,
    bytes: &[u8],
    trail: &mut Trail,
) -> Result<Option<Message>, WireError> {
    trail.enter(Stage::Ask, format!("ask {server} over UDP"));
    let failed = |error| failed(&error, server, "UDP");
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await.map_err(failed)?;
    // Connected: the system drops what others send, and tells when nobody listens there.
    socket.connect(server).await.map_err(failed)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        socket.send(bytes).await.map_err(failed)?;
        let reply = timeout(AGAIN, async {
            loop {
                let count = socket.recv(&mut buffer).await?;
                let came = &buffer[..count];
                // What is no reply to this query may be anybody's: it is as if it had not come.
                if came.starts_with(&bytes[..2]) && came.get(2).is_some_and(|flags| flags & RESPONSE != 0) {
                    match read(came) {
                        Err(_) if came[2] & TRUNCATED != 0 => return Ok((count, Ok(None))),
                        Ok(message) if !answers(&message, query) => {}
                        Ok(message) => {
                            return Ok((count, Ok(Some(message).filter(|reply| !reply.metadata.truncation))));
                        }
                        Err(why) => return Ok((count, Err(why))),
                    }
                }
            }
        });
        match reply.await {
            Ok(Ok((count, read))) => {
                trail.size += count as u64;
                return read.map_err(|why| {
                    let message = format!("ask {server} over UDP: the reply is not DNS: {why}");
                    WireError::new(Phase::Processing, Kind::Protocol, message)
                });
            }
            Ok(Err(error)) => return Err(failed(error)),
            Err(_) => {}
        }
    }
}

async fn over_tcp(
    server: SocketAddr,
    query: &Message,
    bytes: &[u8],
    why: &str,
    trail: &mut Trail,
) -> Result<Message, WireError> {
    trail.enter(Stage::Connect, format!("connect to {server} over TCP{why}"));
    let over = format!("TCP{why}{}", if why.is_empty() { "" } else { "," });
    let failed = |error| failed(&error, server, &over);
    let mut stream = TcpStream::connect(server).await.map_err(failed)?;
    trail.enter(Stage::Ask, format!("ask {server} over TCP"));
    // A name has at most 255 bytes, so a query is far from what two bytes can count.
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let framed = [&length.to_be_bytes(), bytes].concat();
    stream.write_all(&framed).await.map_err(failed)?;
    let length = stream.read_u16().await.map_err(failed)?;
    let mut reply = vec![0; usize::from(length)];
    stream.read_exact(&mut reply).await.map_err(failed)?;
    trail.size += u64::from(length);
    let wrong = |why: String| {
        let message = format!("ask {server} over TCP: {why}");
        WireError::new(Phase::Processing, Kind::Protocol, message)
    };
    let message = read(&reply).map_err(|why| wrong(format!("the reply is not DNS: {why}")))?;
    if answers(&message, query) { Ok(message) } else { Err(wrong("the reply is not to this query".to_owned())) }
}

fn read(bytes: &[u8]) -> Result<Message, String> {
    Message::from_vec(bytes).map_err(|error| error.to_string())
}

/// Returns whether a message is the reply to a query: it has its id, and repeats its question. An error may leave that out.
fn answers(reply: &Message, query: &Message) -> bool {
    let same_question = match (reply.queries.as_slice(), query.queries.as_slice()) {
        ([reply], [query]) => {
            reply.name == query.name && reply.query_type == query.query_type && reply.query_class == DNSClass::IN
        }
        ([], _) => reply.metadata.response_code != hickory_proto::op::ResponseCode::NoError,
        _ => false,
    };
    reply.metadata.message_type == MessageType::Response && reply.metadata.id == query.metadata.id && same_question
}

fn failed(error: &std::io::Error, server: SocketAddr, over: &str) -> WireError {
    let (kind, what) = unconnected(&causes(error));
    WireError::new(Phase::Resolve, kind, format!("ask {server} over {over}{what}"))
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{OpCode, ResponseCode};

    use super::*;

    fn query() -> Message {
        let mut query = Message::new(7, MessageType::Query, OpCode::Query);
        query.add_query(Query::query(Name::from_ascii("shop.example.").unwrap(), RecordType::A));
        query
    }

    #[test]
    fn only_a_response_with_the_id_and_the_question_is_the_reply() {
        let reply = |change: &dyn Fn(&mut Message)| {
            let mut reply = Message::response(7, OpCode::Query);
            reply.add_query(Query::query(Name::from_ascii("SHOP.example.").unwrap(), RecordType::A));
            change(&mut reply);
            answers(&reply, &query())
        };
        assert!(reply(&|_| {}));
        assert!(!reply(&|reply| reply.metadata.id = 8));
        assert!(!reply(&|reply| reply.metadata.message_type = MessageType::Query));
        assert!(!reply(&|reply| reply.queries[0].query_type = RecordType::AAAA));
        assert!(!reply(&|reply| reply.queries[0].name = Name::from_ascii("pay.example.").unwrap()));
        assert!(!reply(&|reply| reply.queries.clear()));
        assert!(reply(&|reply| {
            reply.queries.clear();
            reply.metadata.response_code = ResponseCode::ServFail;
        }));
    }
}
