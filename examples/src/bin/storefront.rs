//! Runs the storefront by itself, for examples, load and a look with a browser.
//!
//! ```text
//! cargo run -p synthetic-examples --bin storefront -- --listen 127.0.0.1:8080 --faults latency=200ms
//! curl -s 127.0.0.1:8080/health
//! ```

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use synthetic_examples::storefront::{Faults, Running, Storefront, Tls};

const HELP: &str = "\
Runs the storefront: a small shop to run canaries against, which breaks on demand.

Usage: storefront [--listen ADDRESS] [--tls[=KIND]] [--ca-file PATH] [--seed N] [--faults FAULTS]

  --listen ADDRESS   where to listen, as in 127.0.0.1:8080 (the default); port 0 is a free one
  --tls[=KIND]       serve HTTPS there, and plain HTTP on a free port; KIND is one of valid (the default),
                     days-left:N, expired, not-yet-valid, wrong-host, self-signed
  --ca-file PATH     write the certificate that a client has to trust to this file, in PEM; needs --tls
  --seed N           where chance begins (0)
  --faults FAULTS    what goes wrong, as in errors=0.1,latency=200ms; also: latency_jitter, lost_answers,
                     late_application, unhealthy, wrong_json, warehouse
  --help             print this

Stop it with Ctrl-C. GET /_admin/state shows what exists, PUT /_admin/faults changes what goes wrong.
";

/// The exit code for a command line that makes no sense.
const BAD_USAGE: u8 = 64;

#[derive(Debug, PartialEq)]
enum Command {
    Help,
    Serve(Options),
}

#[derive(Debug, PartialEq)]
struct Options {
    listen: SocketAddr,
    tls: Option<Tls>,
    ca_file: Option<PathBuf>,
    seed: u64,
    faults: Faults,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(Command::Help) => {
            say(&mut io::stdout(), HELP);
            return ExitCode::SUCCESS;
        }
        Ok(Command::Serve(options)) => options,
        Err(message) => {
            say(&mut io::stderr(), &format!("storefront: {message}\ntry `storefront --help`\n"));
            return ExitCode::from(BAD_USAGE);
        }
    };
    match serve(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say(&mut io::stderr(), &format!("storefront: {message}\n"));
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Options) -> Result<(), String> {
    let listen = options.listen;
    let mut shop = Storefront::new().listen(listen).seed(options.seed).faults(options.faults);
    if let Some(tls) = options.tls {
        shop = shop.tls(tls);
    }
    let shop = shop.start().await.map_err(|error| format!("failed to listen on {listen}: {error}"))?;
    if let (Some(path), Some(pem)) = (options.ca_file, shop.ca_pem()) {
        fs::write(&path, pem).map_err(|error| format!("failed to write {}: {error}", path.display()))?;
    }
    say(&mut io::stdout(), &announcement(&shop));
    stop_signal().await.map_err(|error| format!("failed to wait for a signal: {error}"))?;
    shop.stop().await;
    Ok(())
}

fn announcement(shop: &Running) -> String {
    let mut text = format!("storefront listens on {}\n", shop.url());
    if shop.tls_url().is_some() {
        text.push_str(&format!("           and on {}\n", shop.plain_url()));
    }
    if shop.faults() != Faults::none() {
        text.push_str(&format!("faults: {}\n", shop.faults()));
    }
    text
}

#[cfg(unix)]
async fn stop_signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn stop_signal() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// Writes to a stream whose reader may be gone, which is no reason to fail.
fn say(stream: &mut impl Write, text: &str) {
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}

fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command, String> {
    let mut options = Options {
        listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
        tls: None,
        ca_file: None,
        seed: 0,
        faults: Faults::none(),
    };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let (flag, attached) = match argument.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (argument.as_str(), None),
        };
        // `--tls` alone is complete, so it takes only a value that is attached to it.
        let mut value = |example: &str| {
            attached
                .clone()
                .or_else(|| arguments.next())
                .ok_or_else(|| format!("{flag} needs a value, as in {example}"))
        };
        match flag {
            "--help" | "-h" => return Ok(Command::Help),
            "--listen" => {
                let text = value("127.0.0.1:8080")?;
                options.listen = text.parse().map_err(|_| {
                    format!("--listen takes an IP address and a port, as in 127.0.0.1:8080, not `{text}`")
                })?;
            }
            "--tls" => {
                let kind = attached.as_deref().unwrap_or("valid");
                options.tls = Some(kind.parse().map_err(|error| format!("--tls: {error}"))?);
            }
            "--ca-file" => options.ca_file = Some(PathBuf::from(value("ca.pem")?)),
            "--seed" => {
                let text = value("7")?;
                options.seed =
                    text.parse().map_err(|_| format!("--seed takes a whole number from 0 up, not `{text}`"))?;
            }
            "--faults" => {
                options.faults = value("errors=0.1")?.parse().map_err(|error| format!("--faults: {error}"))?;
            }
            _ => return Err(format!("unknown argument `{argument}`")),
        }
    }
    if options.ca_file.is_some() && options.tls.is_none() {
        return Err("--ca-file needs --tls".to_owned());
    }
    Ok(Command::Serve(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_line_without_arguments_listens_on_this_machine_only() {
        let Ok(Command::Serve(options)) = parsed("") else { panic!("an empty line is complete") };
        assert_eq!(options.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(options.tls, None);
    }

    #[test]
    fn every_argument_is_understood() {
        let line = "--listen=127.0.0.1:0 --tls=expired --ca-file ca.pem --seed 7 --faults errors=0.5,latency=2s";
        let expected = Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: Some(Tls::Expired),
            ca_file: Some(PathBuf::from("ca.pem")),
            seed: 7,
            faults: Faults { errors: 0.5, latency_ms: 2000, ..Faults::none() },
        };
        assert_eq!(parsed(line), Ok(Command::Serve(expected)));
        assert_eq!(parsed("--seed 1 --help --nonsense"), Ok(Command::Help));
    }

    #[test]
    fn a_wrong_line_is_refused_with_what_would_be_right() {
        let cases = [
            ("--lissen 1", "unknown argument `--lissen`"),
            ("--listen", "--listen needs a value, as in 127.0.0.1:8080"),
            ("--listen 8080", "--listen takes an IP address and a port, as in 127.0.0.1:8080, not `8080`"),
            ("--seed -1", "--seed takes a whole number from 0 up, not `-1`"),
            ("--faults errors=2", "--faults: fault `errors` takes a rate from 0 to 1, not `2`"),
            ("--ca-file ca.pem", "--ca-file needs --tls"),
        ];
        for (line, message) in cases {
            assert_eq!(parsed(line), Err(message.to_owned()), "{line}");
        }
        assert!(parsed("--tls=bad").unwrap_err().starts_with("--tls: unknown certificate `bad`: there are valid"));
    }
}
