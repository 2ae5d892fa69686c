//! The command that a failed request leaves behind, run by a real shell and a real curl: it sends what the SDK has sent.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use synthetic_core::prelude::*;
use synthetic_core::secret::EnvSecrets;
use synthetic_core::{Runner, Secret};
use synthetic_http::{Http, Multipart, Request, from_secret, status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::authority::{Authority, accept, members_only};
use crate::support::{Server, Told, bare, skipped};

const TOKEN: &str = "t0k-e'n $HOME\"`id`\\";
const PASSWORD: &str = "p@ss w%rd/1!";

/// What the store of the runs has, which is what the variables of the commands are set to.
const SECRETS: [(&str, &str, &str); 3] = [
    ("SHOP_TOKEN", "SHOP_TOKEN", TOKEN),
    ("SHOP_PASSWORD", "SHOP_PASSWORD", PASSWORD),
    ("SHOP_KEY", "SHOP_KEY", "k3y-in-plain"),
];

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Arrived {
    line: String,
    headers: BTreeMap<String, Vec<String>>,
    body: Vec<u8>,
}

type Seen = Arc<Mutex<Vec<Arrived>>>;

/// Answers every request with what `answer` makes of its target, and keeps it.
async fn server(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> (Server, Seen) {
    let (answer, seen) = (Arc::new(answer), Seen::default());
    let kept = Arc::clone(&seen);
    let server = Server::raw(move |mut stream| {
        let (answer, kept) = (Arc::clone(&answer), Arc::clone(&kept));
        async move {
            while let Some(arrived) = read(&mut stream).await? {
                let target = arrived.line.split(' ').nth(1).unwrap_or_default().to_owned();
                kept.lock().unwrap().push(arrived);
                stream.write_all(&answer(&target)).await?;
            }
            Ok(())
        }
    })
    .await;
    (server, seen)
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Option<Arrived>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let line = lines.next().unwrap_or_default().to_owned();
    let mut headers = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        headers.entry(name.to_lowercase()).or_default().push(value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length[0].parse().unwrap());
    let mut body = bytes.split_off(end + 4);
    if headers.contains_key("expect") {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    while body.len() < length {
        assert_ne!(stream.read_buf(&mut body).await?, 0, "the whole body comes");
    }
    Ok(Some(Arrived { line, headers, body }))
}

/// Leaves out what curl and the SDK say in words of their own, and what is said once only.
fn comparable(mut arrived: Arrived) -> Arrived {
    let takes_packed = arrived.headers.remove("accept-encoding").is_some_and(|packed| packed[0].contains("gzip"));
    arrived.headers.insert("packed".to_owned(), vec![takes_packed.to_string()]);
    for name in ["traceparent", "proxy-connection", "connection", "expect"] {
        arrived.headers.remove(name);
    }
    let kind = arrived.headers.get("content-type").map(|kind| kind[0].clone()).unwrap_or_default();
    if let Some((kind, boundary)) = kind.split_once("; boundary=") {
        arrived.body = String::from_utf8_lossy(&arrived.body).replace(boundary, "B").into_bytes();
        arrived.headers.insert("content-type".to_owned(), vec![kind.to_owned()]);
        arrived.headers.remove("content-length");
    }
    arrived
}

fn store() -> EnvSecrets {
    EnvSecrets::with_lookup(|name| SECRETS.iter().find(|(known, ..)| *known == name).map(|(.., value)| value.into()))
}

async fn failed(request: &Request) -> Report {
    let request = request.clone();
    let runner = Runner::new().secrets(store());
    runner
        .run(canary(Spec::new("test"), move |run: Run| {
            let request = request.clone();
            async move {
                // So that they are known as secrets also to requests that do not ask for them.
                for name in ["shop/token", "shop/password", "shop/key"] {
                    run.secret(name).await?;
                }
                request.send().await.map(drop)
            }
        }))
        .await
}

pub(crate) fn command(failure: &Failure) -> String {
    let evidence = failure.pieces_of_evidence();
    let curl = evidence.iter().find(|piece| piece.label == "curl");
    curl.unwrap_or_else(|| panic!("{failure:?} has a command")).text.clone()
}

/// Runs a command as a paste into a shell would.
pub(crate) async fn paste(command: &str, folder: &Path, set: &[(&str, &str)]) -> (bool, String) {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder).env("HOME", folder).env_remove("CURL_HOME");
    shell.envs(SECRETS.iter().map(|(_, variable, value)| (variable, value))).envs(set.iter().copied());
    let ran = tokio::task::spawn_blocking(move || shell.output()).await.unwrap().unwrap();
    (ran.status.success(), String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned())
}

pub(crate) fn there_is_curl() -> bool {
    let there = Command::new("curl").arg("--version").output().is_ok();
    if !there {
        skipped("curl");
    }
    there
}

struct Row {
    case: &'static str,
    request: Request,
    /// What the reader sets besides the secrets of the store.
    set: Vec<(&'static str, &'static str)>,
}

fn row(case: &'static str, request: Request) -> Row {
    Row { case, request, set: Vec::new() }
}

impl Row {
    fn set(mut self, variable: &'static str, value: &'static str) -> Self {
        self.set.push((variable, value));
        self
    }
}

#[tokio::test]
async fn the_command_sends_what_the_sdk_has_sent() {
    if !there_is_curl() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let scan = file("scan \"1\".bin", &(0..=255).collect::<Vec<u8>>());
    let note = file("note.txt", b"as\nagreed\n");
    let (server, seen) = server(|target| match target {
        "/led" => bare("307 Temporary Redirect", "location: /there?x=1\r\nset-cookie: step=2\r\n"),
        _ => bare("500 Internal Server Error", ""),
    })
    .await;
    let port = server.addr.port();
    let api = Http::at(server.url());
    let json = serde_json::json!({
        "user": "ann", "password": "s3cret-by-name", "note": "it's 5 > 4 & \"so\"\n", "token": TOKEN, "n": [1, 2.5, null],
    });
    let text_form =
        Multipart::new().text("title", "Invoice; \"7\"").text("password", PASSWORD).json("tags", &["a;b", "\"c\""]);
    let file_form = Multipart::new()
        .text("title", "it's")
        .bytes("note", "note.txt", "text/plain; charset=utf-8", "as agreed; \"so\"")
        .file("text", "text/plain", &note);
    let awkward_form =
        Multipart::new().text("a\"b", "two\r\nlines").bytes("bin", "x.bin", "image/png", vec![0, 255, 10]);
    let all_bytes: Vec<u8> = (0..=255).collect();

    let rows = vec![
        row(
            "GET with a query",
            api.get("/orders?sort=id").query("q", "a&b ü").query("ids[]", "{1,2}").query("x", "it's"),
        ),
        row("GET with odd characters in the path", api.get("/a'b;c!d*e$f(g)/{x}/[y]")),
        row("HEAD", api.head("/health")),
        row("DELETE", api.delete("/orders/7")),
        row("OPTIONS", api.request("OPTIONS", "/orders")),
        row("POST without a body", api.post("/orders")),
        row("PUT without a body", api.request("PUT", "/orders")),
        row("POST JSON", api.post("/orders").json(&json))
            .set("PASSWORD", "s3cret-by-name")
            .set("SHOP_TOKEN_ESCAPED", ""),
        row(
            "a form",
            api.post("/login").form([("user", "ann b"), ("password", PASSWORD), ("token", "by+name %"), ("page", "/")]),
        ),
        row("a text", api.post("/").body("text/plain", "it's $HOME `id` \\ ! \"x\" @ % \u{2028} ü")),
        row("a text that begins with an at", api.post("/").body("text/plain", "@/etc/passwd")),
        row("a text of lines", api.post("/").body("text/plain", "-one\ntwo %s \\n\r\n\tthree's\n\n")),
        row("a text with a secret in it", api.post("/").body("text/plain", format!("a{TOKEN}b\n{TOKEN}"))),
        row("binary", api.put("/").body("application/octet-stream", all_bytes)),
        row("a PATCH", api.request("PATCH", "/").body("application/merge-patch+json", "{}")),
        row("GET with a body", api.get("/search").body("application/json", "{\"q\":1}")),
        row("a file", api.put("/logo").file("image/png", &scan)),
        row("parts", api.post("/documents").multipart(text_form)),
        row("parts with files", api.post("/documents").multipart(file_form)),
        row("parts that curl would write otherwise", api.post("/documents").multipart(awkward_form)),
        row("bearer", api.get("/").bearer(from_secret("shop/token"))),
        row("bearer of its Http", api.clone().bearer(Secret::new("shop/token", TOKEN)).get("/")),
        row("basic", api.get("/").basic("ann's", from_secret("shop/password"))),
        row("an API key", api.clone().api_key("X-Shop-Key", from_secret("shop/key")).get("/")),
        row("one credential in place of another", {
            let api = api.clone().bearer(from_secret("shop/token")).api_key("x-key", from_secret("shop/key"));
            api.get("/").basic("ann", from_secret("shop/password")).header("x-key", "none")
        }),
        row("a user in the URL", Http::at(format!("http://ann%40x:p%40ss%3Aw@{}", server.addr)).get("/"))
            .set("URL_PASSWORD", "p@ss:w"),
        row("headers", {
            let api =
                api.clone().header("x-tenant", "it's \"acme\" $x `y` !").header("x-two", "1").header("x-two", "2");
            api.get("/").header("x-empty", "").header("authorization", "Custom by-name").header("accept", "text/html")
        })
        .set("AUTHORIZATION", "by-name"),
        row("cookies", api.get("/").header("cookie", "session=s1; theme=dark"))
            .set("COOKIE_SESSION", "s1")
            .set("COOKIE_THEME", "dark"),
        row("secrets in the URL", {
            api.get("/k3y-in-plain/x").query("access_token", "by name/1").query("q", PASSWORD).query("key", TOKEN)
        }),
        row("an agent of its own", api.clone().user_agent("it's me").get("/")),
        row("no agent", api.clone().anonymous().post("/")),
        row("no packing", api.get("/").header("accept-encoding", "identity")),
        row("IPv4 alone", api.clone().ipv4_only().get("/")),
        row("HTTP/1.1 alone", api.clone().http1_only().get("/")),
        row("a name that is resolved", {
            Http::at(format!("http://shop.test:{port}")).resolve("shop.test", "127.0.0.1").get("/x")
        }),
        row("a name that is resolved to a port", {
            Http::at("http://shop.test").resolve("shop.test", format!("127.0.0.1:{port}")).get("/x")
        }),
        row("a Host", api.get("/").header("host", "shop.example")),
        row("a proxy", {
            let proxy = format!("http://ann:pr0xy%20pass@{}", server.addr);
            Http::at("http://shop.test").proxy(proxy).post("/x").json(&1)
        })
        .set("PROXY_PASSWORD", "pr0xy pass"),
        row("a proxy that is not asked", api.clone().proxy("http://127.0.0.1:1").no_proxy_for(["127.0.0.1"]).get("/x")),
        row("redirects", api.post("/led").json(&1)),
        row("redirects that are not followed", api.post("/led").json(&1).max_redirects(0)),
    ];
    let mut told = String::new();
    for Row { case, request, mut set } in rows {
        let report = failed(&request).await;
        let failure = report.failures.first().unwrap_or_else(|| panic!("{case}: {report}"));
        assert!(!failure.is_error(), "{case}: {report}");
        let sent = std::mem::take(&mut *seen.lock().unwrap());
        assert!(!sent.is_empty(), "{case}: {report}");

        let command = command(failure);
        let whole = format!("{report:?}");
        for secret in [TOKEN, PASSWORD, "k3y-in-plain", "s3cret-by-name", "p%40ss%3Aw", "pr0xy", "by+name", "by name"] {
            assert!(!command.contains(secret), "{case}: {secret} is in\n{command}");
        }
        assert!(!whole.contains(TOKEN), "{case}");
        let encoded: Vec<(String, String)> = to_be_encoded(&command);
        set.extend(encoded.iter().map(|(name, value)| -> (&'static str, &'static str) {
            (String::leak(name.clone()), String::leak(value.clone()))
        }));
        let (_, output) = paste(&command, folder.path(), &set).await;
        let again = std::mem::take(&mut *seen.lock().unwrap());
        let comparable = |all: Vec<Arrived>| all.into_iter().map(self::comparable).collect::<Vec<_>>();
        assert_eq!(comparable(again), comparable(sent), "{case}:\n{command}\n{output}");
        told.push_str(&format!("── {case}\n{}\n\n", crate::support::masked(&command)));
    }
    let told = told.replace(&folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(told);
}

/// Returns what a reader would set those variables to whose comment asks for a value that is encoded.
fn to_be_encoded(command: &str) -> Vec<(String, String)> {
    let mut set = Vec::new();
    for line in command.lines().filter_map(|line| line.strip_prefix("# set ")) {
        let (variable, told) = line.split_once(" to ").unwrap();
        let value = match told {
            _ if told.contains("shop/token") => TOKEN.to_owned(),
            _ if told.contains("shop/password") => PASSWORD.to_owned(),
            _ if told.contains("access_token") => "by name/1".to_owned(),
            _ if told.contains("field \"token\"") => "by+name %".to_owned(),
            _ => continue,
        };
        let value = if told.ends_with("percent-encoded") {
            url_encoded(&value)
        } else if told.ends_with("escaped as in JSON") {
            serde_json::to_string(&value).unwrap().trim_matches('"').to_owned()
        } else {
            value
        };
        set.push((variable.to_owned(), value));
    }
    set
}

fn url_encoded(text: &str) -> String {
    let written = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => char::from(byte).to_string(),
        b' ' => "+".to_owned(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(written).collect()
}

#[tokio::test]
async fn a_key_in_a_header_is_sent_to_no_other_origin() {
    if !there_is_curl() {
        return;
    }
    let (elsewhere, seen_there) = server(|_| bare("500 Internal Server Error", "")).await;
    let led = format!("location: http://{}/x\r\n", elsewhere.addr);
    let (server, seen) = server(move |_| bare("307 Temporary Redirect", &led)).await;
    let request = Http::at(server.url()).api_key("X-Shop-Key", from_secret("shop/key")).get("/orders");
    let command = command(&failed(&request).await.failures[0]);
    let note = "# the redirect is not followed: curl would send x-shop-key to another origin too\n";
    assert!(command.contains(note) && !command.contains("--location"), "{command}");
    seen_there.lock().unwrap().clear();
    paste(&command, &std::env::temp_dir(), &[]).await;
    assert_eq!(seen.lock().unwrap().len(), 2, "{command}");
    assert!(seen_there.lock().unwrap().is_empty(), "{command}");
}

#[tokio::test]
async fn a_large_body_is_left_to_a_file() {
    let (server, _) = server(|_| bare("500 Internal Server Error", "")).await;
    let api = Http::at(server.url());
    let mut told = Told::with_commands();
    let large = Multipart::new().text("text", "x".repeat(5_000)).file("scan", "image/png", "Cargo.toml");
    told.add("text", api.post("/").body("text/plain", "x".repeat(5_000))).await;
    told.add("bytes that take more when they are written", api.post("/").body("image/png", vec![1; 2_000])).await;
    told.add("parts", api.post("/").multipart(large)).await;
    insta::assert_snapshot!(told.text());
}

/// Runs the command that a request leaves behind, and returns it with what curl says.
async fn repeated(request: Request, folder: &Path, set: &[(&str, &str)]) -> (String, String) {
    let report = failed(&request).await;
    let command = command(report.failures.first().unwrap_or_else(|| panic!("it fails: {report}")));
    let (_, output) = paste(&command, folder, set).await;
    (command, output)
}

#[tokio::test]
async fn the_command_trusts_whom_the_sdk_trusts_and_shows_who_it_is() {
    if !there_is_curl() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (authority, clients) = (Authority::new(), Authority::named("Partners"));
    let members = accept(members_only(&authority, &clients)).await;
    let named = authority.serve("shop.test", |_| {}).await;
    let (certificate, key) = clients.client("canary");
    let file = |name: &str, content: &str| {
        std::fs::write(folder.path().join(name), content).unwrap();
    };
    file("ca.pem", &authority.0.pem());
    file("client.pem", &certificate);
    file("key.pem", key.expose());
    let set = [("CA_FILE", "ca.pem"), ("CLIENT_CERT", "client.pem"), ("CLIENT_KEY", "key.pem")];
    let port = named.addr.port();
    let member = authority.trusted(&members).client_certificate(&certificate, &key);
    let at_the_name = |base: &str| Http::at(base).trust_only_pem(authority.0.pem());
    let mut told = String::new();
    for (case, request) in [
        ("a client certificate", member.get("/")),
        (
            "a Host that is the name in TLS",
            at_the_name(&format!("https://127.0.0.1:{port}")).get("/").header("host", "shop.test"),
        ),
        ("a name that is resolved", {
            at_the_name(&format!("https://shop.test:{port}")).resolve("shop.test", "127.0.0.1").get("/")
        }),
        ("a name that is resolved to a port", {
            at_the_name("https://shop.test").resolve("shop.test", format!("127.0.0.1:{port}")).get("/")
        }),
        ("HTTP/1.1 alone", member.clone().http1_only().get("/")),
    ] {
        // They are all answered with 200.
        let (command, output) = repeated(request.expect(status(201)), folder.path(), &set).await;
        assert!(output.contains("200 OK"), "{case}:\n{command}\n{output}");
        let command = command.replace(&format!(":{port}"), ":PORT");
        told.push_str(&format!("── {case}\n{}\n\n", crate::support::masked(&command)));
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn cookies_that_a_run_was_given_and_the_mark_of_what_it_makes_are_in_the_command() {
    if !there_is_curl() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (server, seen) = server(|target| match target {
        "/in" => bare("200 OK", "set-cookie: session=s1; Path=/\r\n"),
        _ => bare("500 Internal Server Error", "set-cookie: session=s2; Path=/\r\n"),
    })
    .await;
    let api = Http::at(server.url());
    let orders = api.resource("shop/order").id("$.id").delete("/orders/{id}");
    let report = once(canary(Spec::new("test"), move |run: Run| {
        let (api, orders) = (api.clone(), orders.clone());
        async move {
            api.get("/in").send().await?;
            let place = |mark: Mark| api.post("/orders").json(&mark.to_string()).send();
            run.create(&orders, place).await.map(drop)
        }
    }))
    .await;
    let sent = std::mem::take(&mut *seen.lock().unwrap());
    let command = command(&report.failures[0]);
    paste(&command, folder.path(), &[("COOKIE_SESSION", "s1")]).await;
    let again = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!(comparable(again[0].clone()), comparable(sent[1].clone()), "{command}");
    assert_eq!(sent[1].headers["cookie"], ["session=s1"], "what the answer has set is not what was sent");
    assert!(sent[1].headers.contains_key("synthetic-mark"), "{sent:?}");
}

#[cfg(feature = "sigv4")]
#[tokio::test]
async fn a_command_signs_for_the_same_service() {
    if !there_is_curl() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (server, seen) = server(|_| bare("403 Forbidden", "")).await;
    let keys = synthetic_http::SigV4::new("eu-central-1", "execute-api", "AKIDEXAMPLE", from_secret("shop/password"));
    let keys = keys.session_token(from_secret("shop/key"));
    let request = Http::at(server.url()).sigv4(keys).post("/orders?b=2&a=1").json(&1);
    let (command, output) = repeated(request, folder.path(), &[]).await;
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    let [sent, again] = &*seen else { panic!("{command}\n{output}") };
    let scope = |arrived: &Arrived| {
        let given = arrived.headers["authorization"][0].clone();
        given.split(',').next().unwrap().to_owned()
    };
    assert_eq!(scope(again), scope(sent), "{command}");
    assert_eq!(again.headers["x-amz-security-token"], sent.headers["x-amz-security-token"]);
    assert_eq!((&again.line, &again.body), (&sent.line, &sent.body), "{command}");
    assert!(
        command.contains("--aws-sigv4 aws:amz:eu-central-1:execute-api --user \"AKIDEXAMPLE:$SHOP_PASSWORD\""),
        "{command}"
    );
}
