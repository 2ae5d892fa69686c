//! A real nginx: HTTP/2, gzip, redirects and client certificates, as Debian builds them.
//!
//! Where it is not installed (`nginx-light` on Debian) a test that needs it is skipped and says so; with `CI=true` it fails.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::{
    Http, body, cert_names, header, http_version, json, redirect_chain, security_headers, status, tls_cipher,
    tls_version,
};

use crate::authority::Authority;
use crate::support::run_of;

/// An nginx of the test's own, stopped when it is dropped.
struct Nginx {
    process: Child,
    authority: Authority,
    clients: Authority,
    http: u16,
    https: u16,
    members: u16,
    _folder: tempfile::TempDir,
}

impl Nginx {
    /// Starts one, or says why there is none.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    async fn start() -> Option<Self> {
        let program = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"]
            .into_iter()
            .find(|path| Path::new(path).exists());
        let Some(program) = program else {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "nginx is not there: scripts/test installs nginx-light"
            );
            eprintln!("skipped: nginx is not there: scripts/test installs nginx-light");
            return None;
        };
        // A port that is free now may be taken when nginx asks for it; then others are tried.
        for _ in 0..5 {
            if let Some(nginx) = Self::try_start(program).await {
                return Some(nginx);
            }
        }
        panic!("nginx found no free ports, five times");
    }

    async fn try_start(program: &str) -> Option<Self> {
        let (authority, clients) = (Authority::new(), Authority::named("Partners"));
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let (key, certificate) = authority.issue("shop.test", |_| {});
        let pem = authority_pem(&certificate);
        std::fs::write(at.join("server.pem"), pem).unwrap();
        std::fs::write(at.join("server.key"), key.serialize_pem()).unwrap();
        std::fs::write(at.join("clients.pem"), clients.0.pem()).unwrap();
        std::fs::create_dir_all(at.join("www")).unwrap();
        let orders = format!("{{\"orders\": [{}]}}", vec!["{\"sku\": \"a-long-enough-name\"}"; 200].join(", "));
        std::fs::write(at.join("www/orders.json"), orders).unwrap();
        let free: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<u16> = free.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        let (http, https, members) = (ports[0], ports[1], ports[2]);
        std::fs::write(at.join("nginx.conf"), config(at, http, https, members)).unwrap();
        drop(free);
        let process = Command::new(program)
            .args(["-p", at.to_str().unwrap(), "-c", at.join("nginx.conf").to_str().unwrap(), "-e"])
            .arg(at.join("error.log"))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut nginx = Self { process, authority, clients, http, https, members, _folder: folder };
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            if nginx.process.try_wait().unwrap().is_some() {
                return None;
            }
            if ports.iter().all(|port| std::net::TcpStream::connect(("127.0.0.1", *port)).is_ok()) {
                return Some(nginx);
            }
            // It says nothing when it is ready.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("nginx does not listen after 30 s");
    }

    fn at(&self, scheme: &str, port: u16) -> Http {
        let base = format!("{scheme}://shop.test:{port}");
        Http::at(base).resolve("shop.test", "127.0.0.1").trust_only_pem(self.authority.0.pem())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn config(at: &Path, http: u16, https: u16, members: u16) -> String {
    let at = at.display();
    format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
         events {{}}\n\
         http {{\n\
         access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;\n\
         uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n\
         types {{ application/json json; }} gzip on; gzip_min_length 1; gzip_types application/json;\n\
         ssl_certificate {at}/server.pem; ssl_certificate_key {at}/server.key; ssl_client_certificate {at}/clients.pem;\n\
         ssl_protocols TLSv1.2 TLSv1.3;\n\
         server {{ listen 127.0.0.1:{http}; return 301 https://shop.test:{https}$request_uri; }}\n\
         server {{ listen 127.0.0.1:{https} ssl http2; root {at}/www; ssl_verify_client optional;\n\
           add_header Strict-Transport-Security \"max-age=31536000\"; add_header X-Content-Type-Options nosniff;\n\
           add_header Content-Security-Policy \"default-src 'none'; frame-ancestors 'none'\"; add_header Referrer-Policy no-referrer;\n\
           location /old {{ return 302 /orders.json; }}\n\
           location /members {{ if ($ssl_client_verify != SUCCESS) {{ return 403; }} return 200 $ssl_client_s_dn; }} }}\n\
         server {{ listen 127.0.0.1:{members} ssl; ssl_protocols TLSv1.2; ssl_verify_client on; return 200 in; }}\n\
         }}\n"
    )
}

/// Writes a certificate in PEM, which the authority gives in DER.
fn authority_pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::prelude::BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

#[cfg(all(feature = "http2", feature = "compression"))]
#[tokio::test]
async fn a_page_of_nginx_is_checked_through_redirects_http_2_and_gzip() {
    let Some(nginx) = Nginx::start().await else { return };
    let api = nginx.at("http", nginx.http);
    let request = api
        .get("/old?x=1")
        .expect(redirect_chain([
            (301, format!("https://shop.test:{}/old?x=1", nginx.https)),
            (302, "/orders.json".to_owned()),
        ]))
        .expect(http_version("HTTP/2"))
        .expect(header("content-encoding", "gzip"))
        .expect(json("$.orders[199].sku", "a-long-enough-name"))
        .expect(tls_version("1.3"))
        .expect(tls_cipher(starts_with("TLS_AES_")))
        .expect(cert_names(some("shop.test")))
        .expect(security_headers());
    let report = run_of(request).await;
    report.assert_passed();
    assert!(report.requests[0].certificate.is_some(), "{report}");

    let direct = nginx.at("https", nginx.https);
    let orders = |api: Http, version: &str| run_of(api.get("/orders.json").expect(http_version(version.to_owned())));
    orders(direct.clone().http2_only(), "HTTP/2").await.assert_passed();
    orders(direct.clone().http1_only(), "HTTP/1.1").await.assert_passed();
    // What speaks HTTP/1.1 only in TLS offers nothing that was asked for.
    let report = orders(nginx.at("https", nginx.members).http2_only(), "HTTP/2").await;
    assert_eq!(report.outcome, Outcome::Failed, "{report}");
    let text = report.failures[0].to_string();
    assert!(text.contains("NoApplicationProtocol") || text.contains("only HTTP/2 was offered"), "{text}");
}

#[tokio::test]
async fn nginx_knows_a_client_by_its_certificate() {
    let Some(nginx) = Nginx::start().await else { return };
    let (certificate, key) = nginx.clients.client("canary");
    let api = nginx.at("https", nginx.https);
    let known = api.clone().client_certificate(&certificate, &key);
    run_of(known.get("/members").expect(body(contains("CN=canary")))).await.assert_passed();
    run_of(api.clone().get("/members").expect(status(403))).await.assert_passed();

    let members = nginx.at("https", nginx.members);
    let known = members.clone().client_certificate(&certificate, &key);
    let request = known.get("/").expect(body("in")).expect(tls_version("1.2"));
    run_of(request.expect(tls_cipher(contains("_ECDHE_")))).await.assert_passed();
    let report = run_of(members.clone().get("/")).await;
    assert_eq!(report.reason, Some(Reason::Expectation), "{report}");
    assert!(report.to_string().contains("No required SSL certificate was sent"), "{report}");
    let (stranger, key) = nginx.authority.client("stranger");
    let report = run_of(members.client_certificate(&stranger, &key).get("/")).await;
    assert!(report.to_string().contains("SSL certificate error"), "{report}");
}
