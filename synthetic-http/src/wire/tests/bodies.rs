//! Bodies: decoded, counted and bounded.

use super::*;

fn limited(url: Url, limit: usize) -> Request {
    let mut request = get(url);
    request.max_body = limit;
    request
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
    // In one piece and in pieces, of which each fits.
    let whole = Server::answering(|_| ok("0123456789")).await;
    let pieces = Server::start(|mut stream| async move {
        read_request(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
        for piece in ["01234", "56789"] {
            stream.write_all(format!("5\r\n{piece}\r\n").as_bytes()).await?;
            stream.flush().await?;
            tokio::task::yield_now().await;
        }
        stream.write_all(b"0\r\n\r\n").await
    })
    .await;
    for server in [whole, pieces] {
        let exchange = answer(&client(), limited(server.url("/"), 10)).await;
        assert_eq!((exchange.body.as_ref(), exchange.wire_size), (b"0123456789".as_slice(), 10));
        let kind = Kind::BodyTooLarge { limit: 9 };
        let message = "transfer: body larger than the limit of 9 bytes (decoded)";
        check(client().send(limited(server.url("/"), 9)).await, Phase::Transfer, kind, message);
    }
}

#[cfg(feature = "compression")]
mod encoded {
    use std::io::Write;

    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(plain: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn raw(plain: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    /// Writes brotli that is stored, not compressed: blocks of at most 64 KiB and an empty last one.
    fn brotli(plain: &[u8]) -> Vec<u8> {
        let mut encoded = Vec::new();
        // Only the first block follows the one bit of the window's size; one block is enough here.
        assert!(plain.len() <= 65_536);
        let head = ((plain.len() as u32 - 1) << 4) | 1 << 20;
        encoded.extend_from_slice(&head.to_le_bytes()[..3]);
        encoded.extend_from_slice(plain);
        encoded.push(3);
        encoded
    }

    fn message(encoding: &str, body: &[u8]) -> Vec<u8> {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    }

    fn text() -> Vec<u8> {
        b"the same again, ".repeat(2_000)
    }

    #[tokio::test]
    async fn every_encoding_is_undone_and_the_headers_are_kept() {
        let text = text();
        let rows = [
            ("gzip", gzip(&text)),
            ("x-gzip", gzip(&text)),
            ("GZIP", [gzip(&text[..100]), gzip(&text[100..])].concat()),
            ("deflate", zlib(&text)),
            ("deflate", raw(&text)),
            ("br", brotli(&text)),
        ];
        for (encoding, body) in rows {
            let server = Server::closing(message(encoding, &body)).await;
            let exchange = answer(&client(), get(server.url("/"))).await;
            assert_eq!(exchange.body, text, "{encoding}");
            assert_eq!(exchange.wire_size, body.len() as u64);
            assert_eq!(exchange.headers["content-encoding"], encoding);

            let request = Request { decode: false, ..get(server.url("/")) };
            assert_eq!(answer(&client(), request).await.body, body, "{encoding}");
        }
    }

    #[tokio::test]
    async fn an_encoding_that_is_not_known_is_left_as_it_is() {
        for encoding in ["zstd", "gzip, br", "identity"] {
            let server = Server::closing(message(encoding, b"whatever")).await;
            assert_eq!(answer(&client(), get(server.url("/"))).await.body, "whatever");
        }
    }

    #[tokio::test]
    async fn an_answer_without_a_body_needs_no_decoding() {
        let server =
            Server::answering(|_| b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 100\r\n\r\n".to_vec())
                .await;
        let exchange = answer(&client(), Request { method: Method::HEAD, ..get(server.url("/")) }).await;
        assert_eq!((exchange.body.len(), exchange.wire_size), (0, 0));
    }

    #[tokio::test]
    async fn a_bomb_is_left_at_the_limit() {
        let zeros = vec![0; 64 * 1024 * 1024];
        for (encoding, bomb) in [("gzip", gzip(&zeros)), ("deflate", zlib(&zeros))] {
            let server = Server::closing(message(encoding, &bomb)).await;
            let message = "transfer: body larger than the limit of 1048576 bytes (decoded)";
            let kind = Kind::BodyTooLarge { limit: 1_048_576 };
            check(client().send(get(server.url("/"))).await, Phase::Transfer, kind, message);
        }
        let server = Server::closing(message("br", &brotli(&[0; 60_000]))).await;
        let kind = Kind::BodyTooLarge { limit: 59_999 };
        let message = "transfer: body larger than the limit of 59999 bytes (decoded)";
        check(client().send(limited(server.url("/"), 59_999)).await, Phase::Transfer, kind, message);
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_not_decoded() {
        use crate::wire::decode::{Decoder, Encoding, Fault};
        let zeros = vec![0; 1024 * 1024];
        for (encoding, bomb) in [(Encoding::Gzip, gzip(&zeros)), (Encoding::Deflate, zlib(&zeros))] {
            let mut late = Decoder::new(encoding, bomb[0], usize::MAX, Some(Instant::now()));
            assert!(matches!(late.write(&bomb), Err(Fault::Late)));
            let mut early =
                Decoder::new(encoding, bomb[0], usize::MAX, Some(Instant::now() + Duration::from_secs(600)));
            assert!(early.write(&bomb).is_ok());
        }
        let mut late = Decoder::new(Encoding::Brotli, 0, usize::MAX, Some(Instant::now()));
        assert!(matches!(late.write(&brotli(&[0; 60_000])), Err(Fault::Late)));
    }

    #[tokio::test]
    async fn a_body_that_is_not_what_it_says_is_told_so() {
        let text = text();
        let cut = |mut body: Vec<u8>| {
            body.truncate(body.len() - 5);
            body
        };
        let early = "it ends too early";
        let rows = [
            ("gzip", b"plain text, after all".to_vec(), "invalid gzip header"),
            ("gzip", cut(gzip(&text)), early),
            ("deflate", cut(zlib(&text)), early),
            ("deflate", cut(raw(&text)), early),
            ("br", cut(brotli(&text)), early),
            ("br", vec![0xff; 100], "Invalid Data"),
        ];
        for (encoding, body, why) in rows {
            let server = Server::closing(message(encoding, &body)).await;
            let failed = client().send(get(server.url("/"))).await.unwrap_err();
            let expected = format!("transfer: the body is not the {encoding} that its Content-Encoding says: {why}");
            assert_eq!(failed.error.to_string(), expected);
            assert_eq!((failed.error.phase(), failed.error.kind()), (Phase::Transfer, Kind::Decode));
        }
    }

    #[tokio::test]
    async fn a_compressed_body_that_breaks_off_is_a_closed_connection_not_a_bad_encoding() {
        let mut sent = message("gzip", &gzip(&text()));
        let whole = sent.len();
        sent.truncate(whole - 10);
        let server = Server::closing(sent).await;
        let failed = client().send(get(server.url("/"))).await.unwrap_err();
        assert_eq!(failed.error.kind(), Kind::ClosedEarly, "{}", failed.error);
    }
}
