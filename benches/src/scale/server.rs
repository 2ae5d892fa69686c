//! The server that is asked by HTTP canaries, in a process of its own, so that its memory and its CPU do not count.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// A server process, until it is dropped.
pub(super) struct Server {
    url: String,
    /// It ends when its standard input does, which it does in any case when this process ends.
    _child: Child,
}

impl Server {
    pub(super) async fn start(program: &Path) -> Result<Self, String> {
        let mut command = Command::new(program);
        command.arg("--serve").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| format!("the server cannot be started: {error}"))?;
        let output = child.stdout.take().ok_or("the server has no output")?;
        let mut url = String::new();
        let read = BufReader::new(output).read_line(&mut url).await;
        read.map_err(|error| format!("the server does not say where it is: {error}"))?;
        let url = url.trim().to_owned();
        if url.is_empty() {
            return Err("the server ended before it said where it is".to_owned());
        }
        Ok(Self { url, _child: child })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

/// Answers every request with a small JSON document, on a port of 127.0.0.1 that is written to standard output, until
/// standard input ends.
///
/// # Errors
///
/// Returns what kept it from listening.
pub async fn serve() -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| format!("no port: {error}"))?;
    let address = listener.local_addr().map_err(|error| format!("no address: {error}"))?;
    writeln!(std::io::stdout(), "http://{address}").map_err(|error| format!("nobody listens: {error}"))?;
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    tokio::select! {
        () = accept(&listener) => {}
        _ = ended => {}
    }
    Ok(())
}

async fn accept(listener: &TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(converse(stream))),
            // Out of file descriptors, most likely: it may pass.
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn converse(stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(answer);
    // How a conversation ends is the client's matter.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(_: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let mut response = Response::new("{\"status\":\"ok\"}".to_owned());
    let json = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    Ok(response)
}
