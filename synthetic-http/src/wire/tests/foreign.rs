//! Bytes of servers and proxies that are anything at all: there is an answer, or a failure of the target that can be shown.

use std::sync::LazyLock;

use proptest::{collection::vec, prelude::*};
use reqwest::{StatusCode, header::HeaderMap};
use rustls::pki_types::CertificateDer;

use super::*;
use crate::foreign::{damaged, nearly, nearly_bytes};
use crate::wire::{Proxy, cert::Seen, error::shown_text, redirect::Outgoing, shown};

static AUTHORITY: LazyLock<tls::Authority> = LazyLock::new(tls::Authority::new);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Has whoever connects told these bytes, before and after a request, and returns what became of a request.
fn told(bytes: Vec<u8>, settings: ClientSettings, scheme: &'static str) -> Result<Exchange, Box<Failed>> {
    runtime().block_on(async move {
        let server = Server::start(move |mut stream| {
            let bytes = bytes.clone();
            async move {
                // One byte is enough to know that there is a request, or a handshake.
                stream.read_exact(&mut [0]).await?;
                stream.write_all(&bytes).await?;
                stream.shutdown().await?;
                // What is not read would end in a reset, which takes along what was said.
                stream.read_to_end(&mut Vec::new()).await.map(drop)
            }
        })
        .await;
        let proxy = format!("http://{}", server.addr);
        let (settings, url) = match scheme {
            "proxy" => {
                let proxy = Some(Proxy::parse(&proxy).unwrap());
                (ClientSettings { proxy, only_extra_roots: true, ..settings }, "https://shop.test/".parse().unwrap())
            }
            scheme => (settings, server.url_as(scheme, "127.0.0.1")),
        };
        let client = Client::new(&settings).unwrap();
        client.send(Request { max_body: 4096, ..within(url, Duration::from_secs(60)) }).await
    })
}

/// Checks that a failure is one of the target, in its time, and not longer than a person reads.
fn is_told(result: Result<Exchange, Box<Failed>>) -> Result<(), TestCaseError> {
    if let Err(failed) = result {
        let error = &failed.error;
        prop_assert!(error.phase() != Phase::Setup, "{error}");
        prop_assert!(!matches!(error.kind(), Kind::Timeout | Kind::Local | Kind::BadRequest), "{error}");
        prop_assert!(error.to_string().len() < 5_000, "{error}");
    }
    Ok(())
}

fn http() -> impl Strategy<Value = Vec<u8>> {
    let good = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n5;x=1\r\nhello\r\n0\r\nx: y\r\n\r\n";
    prop_oneof![
        damaged(good.to_vec()),
        nearly_bytes(&[
            b"HTTP/1.1 ",
            b"HTTP/1.0 ",
            b"200 OK\r\n",
            b"101 Switching Protocols\r\n",
            b"103 Early Hints\r\n\r\n",
            b"204 \r\n",
            b"407 Proxy\r\n",
            b"content-length: ",
            b"5",
            b"-1",
            b"0",
            b"transfer-encoding: chunked",
            b"transfer-encoding: gzip",
            b"\r\n",
            b"\r\n\r\n",
            b"\n",
            b": ",
            b"content-encoding: gzip",
            b"content-encoding: br",
            b"content-encoding: deflate",
            b"hello",
            b"upgrade: websocket\r\n",
            b"connection: upgrade\r\n",
            b"connection: close\r\n",
            b"\x1f\x8b\x08\0",
            b"\x78\x9c",
            b"5\r\nhello\r\n",
            b"0\r\n\r\n",
            b"ffffffffffffffff\r\n",
        ]),
    ]
}

/// The beginning of a handshake: records with a part of a ServerHello, or an alert.
fn tls() -> impl Strategy<Value = Vec<u8>> {
    nearly_bytes(&[
        b"\x16\x03\x03\x00\x7a",
        b"\x16\x03\x03\x00\x04",
        b"\x15\x03\x03\x00\x02",
        b"\x17\x03\x03\x00\x02",
        b"\x14\x03\x03\x00\x01\x01",
        b"\x02\x00\x00\x76\x03\x03",
        b"\x02\x00\x00\x00",
        b"\x02\x28",
        b"\x01\x00",
        b"\x0b\x00\x00\x03",
        b"\0\0\0",
        b"\xff\xff",
        &[0x55; 32],
    ])
}

proptest! {
    #[test]
    fn any_bytes_for_an_answer_are_an_answer_or_a_failure_of_the_target(bytes in http()) {
        is_told(told(bytes, ClientSettings::default(), "http"))?;
    }

    #[test]
    fn any_bytes_of_a_proxy_are_no_tunnel_or_a_failure_on_the_way(bytes in http()) {
        is_told(told(bytes, AUTHORITY.settings(), "proxy"))?;
    }

    #[test]
    fn any_bytes_for_a_handshake_are_a_failure_of_it(bytes in tls()) {
        let failed = told(bytes, ClientSettings { only_extra_roots: true, ..AUTHORITY.settings() }, "https");
        prop_assert!(failed.is_err());
        is_told(failed)?;
    }

    #[test]
    fn a_location_leads_to_where_a_request_can_go_or_is_told(
        location in prop_oneof![
            nearly(&["http://", "https:", "//", "/", "..", "?", "#", "@", ":", "ann:s3cret@", "shop.example", "[::1]", "127.0.0.1", ":0",
                ":99999", "%00", "%", "ftp:", "javascript:", "\\", " ", "ü", "xn--", "data:,"]).prop_map(String::into_bytes),
            vec(any::<u8>(), 0..24),
        ],
        status in 300..400_u16,
    ) {
        let mut headers = HeaderMap::new();
        let Ok(value) = reqwest::header::HeaderValue::from_bytes(&location) else { return Ok(()) };
        headers.insert("location", value);
        let url: Url = "https://shop.example/a/b?c=d".parse().unwrap();
        let mut out = Outgoing { method: Method::POST, url, headers: HeaderMap::new(), body: "x".into() };
        let status = StatusCode::from_u16(status).unwrap();
        match out.next(status, &headers) {
            Ok(Some(next)) => {
                prop_assert!(matches!(next.scheme(), "http" | "https") && next.has_host() && next.port() != Some(0), "{next}");
                prop_assert!(next.username().is_empty() && next.password().is_none(), "{next}");
                out.follow(status, next);
                prop_assert!(!shown(&out.url).is_empty());
            }
            Ok(None) => {}
            Err(error) => prop_assert_eq!(error.kind(), Kind::BadRedirect),
        }
    }

    #[test]
    fn a_url_is_shown_without_what_may_be_secret_and_not_at_any_length(
        text in nearly(&["http://", "https://", "ann:s3cret@", "s3cret@", "shop.example", "/", "?", "a=s3cret", "#s3cret", "&", ":80", "[", "ü"]),
        times in 1..500_usize,
    ) {
        let told = shown_text(&text);
        prop_assert!(told.len() <= 2_100, "{told}");
        // What is before an @ after a scheme, the value of a query, and a fragment may be secret; hosts, paths and names are shown.
        if let Ok(url) = Url::parse(&text) && url.has_host() {
            let shown = [url.host_str().unwrap_or_default(), url.path()].into_iter();
            let names = url.query().unwrap_or_default().split('&').filter_map(|pair| Some(pair.split_once('=')?.0));
            if !shown.chain(names).any(|part| part.contains("s3cret")) {
                prop_assert!(!told.contains("s3cret"), "{told}");
            }
        }
        prop_assert!(shown_text(&text.repeat(times)).len() <= 2_100);
    }

    #[test]
    fn a_certificate_that_was_damaged_anyhow_is_read_or_left_out(der in damaged(AUTHORITY.cert("shop.test").der().to_vec())) {
        let seen = Seen::default();
        let chain = seen.chain(&CertificateDer::from(der.clone()), &[CertificateDer::from(der)]);
        for cert in chain.certs() {
            let _ = (crate::wire::date(cert.not_before), crate::wire::date(cert.not_after), format!("{cert:?}"));
        }
        let _ = crate::wire::trusted_until(chain.certs(), 1_800_000_000);
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
    use crate::foreign::cut;
    use crate::wire::decode::{Decoder, Encoding, Fault};

    const LIMIT: usize = 64 * 1024;

    fn decoded(encoding: Encoding, pieces: &[Vec<u8>]) -> Result<Vec<u8>, Fault> {
        let Some(first) = pieces.iter().find_map(|piece| piece.first()) else { return Ok(Vec::new()) };
        let mut decoder = Decoder::new(encoding, *first, LIMIT, None);
        for piece in pieces {
            decoder.write(piece)?;
        }
        decoder.finish()?;
        Ok(decoder.take())
    }

    fn packed(plain: &[u8]) -> [(Encoding, Vec<u8>); 3] {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(plain).unwrap();
        zlib.write_all(plain).unwrap();
        raw.write_all(plain).unwrap();
        [
            (Encoding::Gzip, gzip.finish().unwrap()),
            (Encoding::Deflate, zlib.finish().unwrap()),
            (Encoding::Deflate, raw.finish().unwrap()),
        ]
    }

    proptest! {
        #[test]
        fn what_was_packed_is_undone_wherever_it_is_cut(
            plain in vec(prop_oneof![Just(b"the same again, ".to_vec()), vec(any::<u8>(), 0..8)], 0..40),
            cuts in vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let plain = plain.concat();
            for (encoding, packed) in packed(&plain) {
                let undone = decoded(encoding, &cut(&packed, &cuts));
                prop_assert!(undone.as_ref().is_ok_and(|undone| *undone == plain), "{encoding:?}: {undone:?}");
            }
        }

        #[test]
        fn any_bytes_are_undone_up_to_the_limit_or_are_told_to_be_none(
            bytes in prop_oneof![
                vec(any::<u8>(), 0..200),
                damaged(packed(&b"the same again, ".repeat(20))[0].1.clone()),
                damaged(packed(&b"the same again, ".repeat(20))[1].1.clone()),
                damaged(packed(&[0; 100_000])[0].1.clone()),
                damaged(b"\xcf\xff\xff\x7f\xf8\x27\x00\xe2\xb1\x40\x20\xf7\xfe\x9f\xff\xff".to_vec()),
            ],
            cuts in vec(any::<prop::sample::Index>(), 0..6),
        ) {
            for encoding in [Encoding::Gzip, Encoding::Deflate, Encoding::Brotli] {
                let pieces = cut(&bytes, &cuts);
                match decoded(encoding, &pieces) {
                    Ok(plain) => prop_assert!(plain.len() <= LIMIT),
                    Err(Fault::Bad(why)) => prop_assert!(!why.is_empty()),
                    Err(Fault::Full | Fault::Late) => {}
                }
            }
        }
    }
}
