//! Reading a body: by chunks, decoded, and never further than its limit.

use bytes::{Bytes, BytesMut};
#[cfg(feature = "compression")]
use tokio::time::Instant;

/// Why a body could not be read.
#[derive(Debug)]
pub(crate) enum Failure {
    Broken(reqwest::Error),
    TooLarge,
    #[cfg(feature = "compression")]
    Undecodable {
        encoding: &'static str,
        why: String,
    },
}

/// The most room that is made for a body before it comes, whatever its head promises.
const AHEAD: usize = 1024 * 1024;

/// Reads the rest of `response` as it came, counting into `received` what has come so far, and keeping in `began` what came
/// first.
pub(crate) async fn plain(
    response: &mut reqwest::Response,
    limit: usize,
    received: &mut u64,
    began: &mut Bytes,
) -> Result<Bytes, Failure> {
    let Some(first) = response.chunk().await.map_err(Failure::Broken)? else {
        return Ok(Bytes::new());
    };
    *received += first.len() as u64;
    if first.len() > limit {
        *began = first;
        return Err(Failure::TooLarge);
    }
    *began = first.clone();
    // Most bodies are one chunk, and then nothing is copied.
    let Some(second) = response.chunk().await.map_err(Failure::Broken)? else {
        return Ok(first);
    };
    let expected = response.content_length().map_or(0, |rest| usize::try_from(rest).unwrap_or(AHEAD).min(AHEAD));
    let mut whole = BytesMut::with_capacity((first.len() + second.len() + expected).min(limit));
    whole.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(chunk) = next {
        *received += chunk.len() as u64;
        if chunk.len() > limit - whole.len() {
            return Err(Failure::TooLarge);
        }
        whole.extend_from_slice(&chunk);
        next = response.chunk().await.map_err(Failure::Broken)?;
    }
    Ok(whole.freeze())
}

/// Reads the rest of `response` to be rid of it, at most 64 KiB, counting into `received`; tells nothing, as nobody asked for
/// this body.
pub(crate) async fn discard(response: &mut reqwest::Response, received: &mut u64) {
    let mut left = 64 * 1024_usize;
    while let Ok(Some(chunk)) = response.chunk().await {
        *received += chunk.len() as u64;
        match left.checked_sub(chunk.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// The encodings asked for, in the way reqwest would.
#[cfg(feature = "compression")]
pub(crate) const ACCEPTED: &str = "gzip,deflate,br";

/// How much is decoded before others have their turn: of what makes nothing of it, a kilobyte is work enough.
#[cfg(feature = "compression")]
const PIECE: usize = 1024;

/// Reads the rest of `response` decoded, counting into `received` what has come so far, encoded.
///
/// The limit is on what comes out; what goes in has the same, and what the wrapping of an encoding may add, so that a stream
/// which never yields anything ends too. At `until`, whoever called stops waiting: nothing is decoded from then on.
#[cfg(feature = "compression")]
pub(crate) async fn encoded(
    response: &mut reqwest::Response,
    encoding: super::decode::Encoding,
    limit: usize,
    until: Option<Instant>,
    received: &mut u64,
) -> Result<Bytes, Failure> {
    use super::decode::{Decoder, Fault};
    let undecodable = |why| Failure::Undecodable { encoding: encoding.name(), why };
    let most = limit.saturating_add(limit / 8 + PIECE) as u64;
    let mut decoder = None;
    while let Some(chunk) = response.chunk().await.map_err(Failure::Broken)? {
        *received += chunk.len() as u64;
        if chunk.is_empty() {
            continue;
        }
        // Made with the first byte: an answer to HEAD has an encoding and no body.
        let decoder = decoder.get_or_insert_with(|| Decoder::new(encoding, chunk[0], limit, until));
        for (at, piece) in chunk.chunks(PIECE).enumerate() {
            if at > 0 {
                tokio::task::yield_now().await;
            }
            match decoder.write(piece) {
                Ok(()) => {}
                Err(Fault::Full) => return Err(Failure::TooLarge),
                Err(Fault::Late) => std::future::pending().await,
                Err(Fault::Bad(why)) => return Err(undecodable(why)),
            }
        }
        if *received > most {
            return Err(Failure::TooLarge);
        }
    }
    let Some(mut decoder) = decoder else { return Ok(Bytes::new()) };
    match decoder.finish() {
        Ok(()) => Ok(decoder.take().into()),
        Err(Fault::Full) => Err(Failure::TooLarge),
        Err(Fault::Late) => std::future::pending().await,
        Err(Fault::Bad(why)) => Err(undecodable(why)),
    }
}
