//! The two messages of `grpc.health.v1`, each of one field, in the framing of gRPC.
//!
//! Source: <https://protobuf.dev/programming-guides/encoding/>; "Length-Prefixed-Message" in gRPC's PROTOCOL-HTTP2.

/// Returns a framed `HealthCheckRequest`: `string service = 1`.
pub(crate) fn request(service: &str) -> Vec<u8> {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(1 << 3 | 2);
        let mut length = service.len();
        while length > 0x7F {
            message.push((length & 0x7F) as u8 | 0x80);
            length >>= 7;
        }
        message.push(length as u8);
        message.extend_from_slice(service.as_bytes());
    }
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[0], length.as_slice(), &message].concat()
}

/// Returns the status of a framed `HealthCheckResponse`: `ServingStatus status = 1`.
///
/// # Errors
///
/// Says what the bytes are instead of one message of that form.
pub(crate) fn response(framed: &[u8]) -> Result<u64, String> {
    let Some((head, message)) = framed.split_at_checked(5) else {
        return Err(format!("it has {} bytes, and the head of a message alone has 5", framed.len()));
    };
    if head[0] != 0 {
        return Err("it is compressed, which was not asked for".to_owned());
    }
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if length != message.len() {
        return Err(format!("its message should have {length} bytes and has {}", message.len()));
    }
    // A field that has its default value is not written.
    let (mut status, mut rest) = (0, message);
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        match (key >> 3, key & 7) {
            (1, 0) => status = varint(&mut rest)?,
            (_, 0) => drop(varint(&mut rest)?),
            (_, 1) => skip(&mut rest, 8)?,
            (_, 2) => {
                let length = varint(&mut rest)?;
                skip(&mut rest, length)?;
            }
            (_, 5) => skip(&mut rest, 4)?,
            (field, kind) => return Err(format!("its field {field} is of the unknown type {kind}")),
        }
    }
    Ok(status)
}

fn varint(rest: &mut &[u8]) -> Result<u64, String> {
    let mut number = 0;
    for at in 0..10 {
        let Some((byte, after)) = rest.split_first() else { break };
        *rest = after;
        number |= u64::from(byte & 0x7F) << (7 * at).min(63);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("a number in it does not end".to_owned())
}

fn skip(rest: &mut &[u8], bytes: u64) -> Result<(), String> {
    let after = usize::try_from(bytes).ok().and_then(|bytes| rest.get(bytes..));
    *rest = after.ok_or("a field in it is longer than the message")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_framed_and_has_the_name_of_the_service() {
        assert_eq!(request(""), [0, 0, 0, 0, 0]);
        assert_eq!(request("a.B"), [0, 0, 0, 0, 5, 0x0A, 3, b'a', b'.', b'B']);
        let long = request(&"x".repeat(300));
        assert_eq!((&long[..8], long.len()), ([0, 0, 0, 1, 47, 0x0A, 0xAC, 2].as_slice(), 308));
    }

    #[test]
    fn a_response_has_a_status_whatever_fields_stand_around_it() {
        assert_eq!(response(&[0, 0, 0, 0, 0]), Ok(0));
        assert_eq!(response(&[0, 0, 0, 0, 2, 0x08, 1]), Ok(1));
        assert_eq!(response(&[0, 0, 0, 0, 7, 0x12, 1, b'x', 0x08, 2, 0x18, 9]), Ok(2));
        let told = |bytes: &[u8]| response(bytes).unwrap_err();
        assert_eq!(told(&[]), "it has 0 bytes, and the head of a message alone has 5");
        assert_eq!(told(&[1, 0, 0, 0, 0]), "it is compressed, which was not asked for");
        assert_eq!(told(&[0, 0, 0, 0, 3, 8]), "its message should have 3 bytes and has 1");
        assert_eq!(told(&[0, 0, 0, 0, 2, 0x08, 0x80]), "a number in it does not end");
        assert_eq!(told(&[0, 0, 0, 0, 2, 0x12, 9]), "a field in it is longer than the message");
        assert_eq!(told(&[0, 0, 0, 0, 1, 0x0B]), "its field 1 is of the unknown type 3");
    }

    mod foreign {
        use proptest::prelude::*;

        use super::*;

        proptest! {
            #[test]
            fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..64), framed: bool) {
                if let (true, Some(length)) = (framed, bytes.len().checked_sub(5)) {
                    bytes[..5].copy_from_slice(&[0, 0, 0, 0, length as u8]);
                }
                let _ = response(&bytes);
            }
        }
    }
}
