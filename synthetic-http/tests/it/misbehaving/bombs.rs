//! Bodies that are small on the wire and large when they are decoded.
#![cfg(feature = "compression")]

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use synthetic_core::Reason;
use synthetic_http::{Http, content_encoding, size, transferred};

use super::rogue::{IN_BETWEEN, Rogue};
use crate::support::{Server, Told, run_of};

/// 64 MiB of zeros, by the encoder of brotli's authors at quality 11 with a window of 16 MiB.
const BROTLI: &str =
    "cfffff7ff82700e2b14020f7fe9ffffffff04f00c4610180eefd3fffffffe19f0088c32200ddfb7ffeffffc33f0110870500baf7ff03";
const ZEROS: usize = 4 << 20;

/// Returns bombs by the names of their encodings.
pub(super) fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let zeros = vec![0; ZEROS];
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&zeros).unwrap();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(&zeros).unwrap();
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
    raw.write_all(&zeros).unwrap();
    let brotli = (0..BROTLI.len()).step_by(2).map(|at| u8::from_str_radix(&BROTLI[at..at + 2], 16).unwrap()).collect();
    vec![
        ("gzip", gzip.finish().unwrap()),
        ("deflate", zlib.finish().unwrap()),
        ("deflate", raw.finish().unwrap()),
        ("br", brotli),
    ]
}

pub(super) fn packed(encoding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_bomb_is_left_at_the_limit_of_what_it_becomes() {
    let mut told = Told::default();
    for (encoding, bomb) in bombs() {
        let server = Server::closing(packed(encoding, &bomb)).await;
        let report = told.add(encoding, Http::at(server.url()).get("/health")).await;
        assert_eq!(report.reason, Some(Reason::Protocol), "{encoding}: {report}");
    }
    insta::assert_snapshot!(told.text());
}

/// What makes nothing of much is bounded by what comes, and so is what has no end.
#[tokio::test]
async fn a_packed_body_without_an_end_is_left_at_the_limit() {
    let empty = GzEncoder::new(Vec::new(), Compression::fast()).finish().unwrap();
    let (_, gzip) = bombs().swap_remove(0);
    // The fields of a head of gzip (RFC 1952, section 2.3.1): a name that does not end, and one block after the other of
    // nothing (RFC 1951, section 3.2.4: stored, not the last, of no bytes).
    let name = b"\x1f\x8b\x08\x08\0\0\0\0\0\xff".to_vec();
    let blocks = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    // In brotli, an empty block of metadata (RFC 7932, section 9.2): not the last, no nibbles, reserved, of no bytes.
    for (case, encoding, says, piece) in [
        ("members of nothing", "gzip", Vec::new(), empty.repeat(1_000)),
        ("members of much", "gzip", Vec::new(), gzip),
        ("a name", "gzip", name, vec![b'x'; 65_536]),
        ("blocks of nothing", "gzip", blocks, b"\0\0\0\xff\xff".repeat(10_000)),
        ("blocks of nothing", "deflate", Vec::new(), b"\0\0\0\xff\xff".repeat(10_000)),
        ("metadata", "br", vec![0x0c], vec![0x06; 65_536]),
    ] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\n\r\n").into_bytes();
        let rogue = Rogue::flooding([head, says].concat(), piece).await;
        // In a build that is not optimised, a member of nothing takes a while.
        let report = run_of(rogue.api().max_body(64 * 1024).get("/health")).await;
        assert_eq!(report.reason, Some(Reason::Protocol), "{case} of {encoding}: {report}");
        rogue.is_left().await;
        assert!(rogue.written() < IN_BETWEEN * 2, "{case} of {encoding}: {} bytes", rogue.written());
    }
}

/// What is small enough when it is decoded may be a little larger as it came.
#[tokio::test]
async fn what_packing_adds_is_no_part_of_the_limit() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(b"0123456789").unwrap();
    let gzip = gzip.finish().unwrap();
    let (encoded, decoded) = (gzip.len() as u64, 10);
    assert!(encoded > decoded);
    let server = Server::closing(packed("gzip", &gzip)).await;
    let api = Http::at(server.url());
    run_of(api.get("/").max_body(10).expect(size(decoded)).expect(transferred(encoded))).await.assert_passed();
    assert_eq!(run_of(api.get("/").max_body(9)).await.reason, Some(Reason::Protocol));
}

/// What is packed twice, or in a way that was not asked for, is judged as it came: nothing is made of it.
#[tokio::test]
async fn what_is_packed_twice_or_unasked_is_left_as_it_is() {
    let (_, once) = bombs().swap_remove(0);
    let mut twice = GzEncoder::new(Vec::new(), Compression::fast());
    twice.write_all(&once).unwrap();
    let twice = twice.finish().unwrap();
    for (encoding, header) in [
        ("gzip, gzip", "gzip, gzip"),
        ("gzip, gzip", "gzip\r\ncontent-encoding: gzip"),
        ("zstd", "zstd"),
        ("lz99", "lz99"),
    ] {
        let server = Server::closing(packed(header, &twice)).await;
        let request = Http::at(server.url())
            .get("/health")
            .expect(content_encoding(encoding))
            .expect(size(twice.len() as u64))
            .expect(transferred(twice.len() as u64));
        run_of(request).await.assert_passed();
    }
    // One that says it once is undone once.
    let server = Server::closing(packed("gzip", &twice)).await;
    run_of(Http::at(server.url()).get("/health").expect(size(once.len() as u64))).await.assert_passed();
}
