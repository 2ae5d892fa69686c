//! The pages that engines are tried on, on 127.0.0.1.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION, SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{Html, IntoResponse};
use axum::routing::{any, get};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

/// Serves until it is dropped.
#[derive(Debug)]
pub(crate) struct Site {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Site {
    pub(crate) async fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router()).await.unwrap() });
        Self { address, server }
    }

    /// Returns the URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the URL of a path on the same server by another name, which is another site to the browser.
    pub(crate) fn foreign(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address.port())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A port where nobody listens, and which nobody else is given as long as this is there.
#[derive(Debug)]
pub(crate) struct Nobody(TcpSocket);

impl Nobody {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.0.local_addr().unwrap())
    }
}

fn router() -> Router {
    Router::new()
        .route("/", get(page("plain", "<h1>plain</h1>")))
        .route("/form", get(page("form", FORM)))
        .route("/talk", get(page("talk", TALK)))
        .route("/load", get(page("load", LOAD)))
        .route("/script.js", get(([(CONTENT_TYPE, "text/javascript")], "window.loaded = 1;")))
        .route("/style.css", get(([(CONTENT_TYPE, "text/css")], "body { margin: 0 }")))
        .route("/data", any(([(CONTENT_TYPE, "application/json")], "{\"answer\":42}")))
        .route("/inner", get(page("inner", "<p id=in>inner</p><input id=field autofocus>")))
        .route("/frames", get(page("frames", "<iframe id=it src=/inner></iframe><p id=none>")))
        .route(
            "/dialog",
            get(page("dialog", "<script>setTimeout(() => { window.said = prompt('who?', 'me') })</script>")),
        )
        .route("/opener", get(page("opener", "<a id=open target=_blank href=/>open</a>")))
        .route("/redirect", get((StatusCode::FOUND, [(LOCATION, "/")])))
        .route("/empty", get(StatusCode::NO_CONTENT))
        .route(
            "/file",
            get(([(CONTENT_DISPOSITION, "attachment; filename=file.txt"), (CONTENT_TYPE, "text/plain")], "in it")),
        )
        .route("/cookie", get(([(SET_COOKIE, "server=1; Path=/; HttpOnly; SameSite=Lax")], Html("set"))))
        .route("/secret", get(secret))
        .route("/echo", get(echo))
        .route("/slow", get(slow))
        .route("/tall", get(page("tall", "<div style='height:3000px;background:linear-gradient(red,blue)'>tall</div>")))
}

fn page(title: &str, body: &str) -> Html<String> {
    Html(format!("<!doctype html><meta charset=utf-8><title>{title}</title><body style='margin:0'>{body}</body>"))
}

const FORM: &str = "<button id=button style='position:absolute;left:100px;top:50px;width:80px;height:30px'>press</button>
<input id=field style='position:absolute;left:100px;top:100px;width:200px'>
<input id=file type=file style='position:absolute;left:100px;top:150px'>
<script>window.seen = []; for (const kind of ['click', 'dblclick', 'keydown', 'keyup', 'input', 'change', 'wheel'])
document.addEventListener(kind, event => seen.push([kind, event.isTrusted, event.key ?? event.target.id ?? '']), true)</script>";

const TALK: &str = "<script>
console.log('hello', 1, true);
console.warn('careful');
console.error('broken');
setTimeout(() => { throw new Error('nobody catches this') });
</script>";

const LOAD: &str = "<link rel=stylesheet href=/style.css><script src=/script.js></script><img src=/missing.png>
<script>fetch('/data', { method: 'POST', body: 'question', headers: { 'x-kind': 'test' } }).then(answer => answer.json())
.then(json => { window.answer = json.answer; fetch('/redirect').then(() => { window.all = true }) })</script>";

async fn secret(request: Request) -> axum::response::Response {
    // "user:pass", as basic authentication writes it.
    if request.headers().get(AUTHORIZATION).is_some_and(|value| value == "Basic dXNlcjpwYXNz") {
        return page("secret", "come in").into_response();
    }
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Basic realm=\"test\"")], page("stay out", "no")).into_response()
}

/// Answers with what the browser says of itself.
async fn echo(request: Request) -> Html<String> {
    let header = |name: &str| {
        let name: HeaderName = name.parse().unwrap();
        request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    page("echo", &format!("<pre>{}|{}|{}</pre>", header("x-extra"), header("user-agent"), header("accept-language")))
}

async fn slow() -> Html<String> {
    // Nobody waits for it: whoever asks leaves.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    page("slow", "")
}
