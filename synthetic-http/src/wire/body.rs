//! Reading a body: by chunks, decoded, and never further than its limit.

use bytes::{Bytes, BytesMut};

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
    let expected = response.content_length().and_then(|rest| usize::try_from(rest).ok()).unwrap_or(0);
    let mut whole = BytesMut::with_capacity((first.len() + second.len()).saturating_add(expected).min(limit));
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

/// Reads the rest of `response` to be rid of it, at most 64 KiB; tells nothing, as nobody asked for this body.
pub(crate) async fn discard(response: &mut reqwest::Response) {
    let mut left = 64 * 1024_usize;
    while let Ok(Some(chunk)) = response.chunk().await {
        match left.checked_sub(chunk.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// The encodings asked for, in the way reqwest would.
#[cfg(feature = "compression")]
pub(crate) const ACCEPTED: &str = "gzip,deflate,br";

/// Reads the rest of `response` decoded, counting into `received` what has come so far, encoded.
///
/// The limit is on what comes out; what goes in has the same, so that a stream which never yields anything ends too.
#[cfg(feature = "compression")]
pub(crate) async fn encoded(
    response: &mut reqwest::Response,
    encoding: super::decode::Encoding,
    limit: usize,
    received: &mut u64,
) -> Result<Bytes, Failure> {
    use super::decode::{Decoder, Fault};
    let undecodable = |why| Failure::Undecodable { encoding: encoding.name(), why };
    let mut decoder = None;
    while let Some(chunk) = response.chunk().await.map_err(Failure::Broken)? {
        *received += chunk.len() as u64;
        if chunk.is_empty() {
            continue;
        }
        // Made with the first byte: an answer to HEAD has an encoding and no body.
        let decoder = decoder.get_or_insert_with(|| Decoder::new(encoding, chunk[0], limit));
        match decoder.write(&chunk) {
            Ok(()) if *received > limit as u64 => return Err(Failure::TooLarge),
            Ok(()) => {}
            Err(Fault::Full) => return Err(Failure::TooLarge),
            Err(Fault::Bad(why)) => return Err(undecodable(why)),
        }
    }
    let Some(mut decoder) = decoder else { return Ok(Bytes::new()) };
    match decoder.finish() {
        Ok(()) => Ok(decoder.take().into()),
        Err(Fault::Full) => Err(Failure::TooLarge),
        Err(Fault::Bad(why)) => Err(undecodable(why)),
    }
}
