//! STARTTLS with a real PostgreSQL, which is started here with a certificate made here.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::cert_days_left;
use synthetic_http::net::{StartTls, Tcp, Tls};
use tokio::process::Child;

use crate::authority::Authority;
use crate::support::{run_check, skipped};

/// Longer than it takes anywhere to be ready; it ends a test that would wait for ever.
const BOUND: Duration = Duration::from_secs(90);
/// Who runs it where the tests are run by root, since it refuses to be run by root.
const NOBODY: u32 = 65_534;

/// Returns the folder of its programs, which Debian keeps out of the path.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut folders: Vec<PathBuf> = versions.filter_map(|version| Some(version.ok()?.path().join("bin"))).collect();
    folders.retain(|folder| folder.join("initdb").exists());
    folders.sort();
    folders.pop()
}

fn command(program: &Path, folder: &Path) -> tokio::process::Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    if am_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn am_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// Starts it on a port of 127.0.0.1, and returns it with its address when it listens.
async fn start(command: impl Fn(u16) -> tokio::process::Command) -> (Child, String) {
    // A port that is free now may be taken when it asks for it; then another is tried.
    for _ in 0..5 {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = command(port).spawn().unwrap();
        let at = format!("127.0.0.1:{port}");
        let began = std::time::Instant::now();
        while server.try_wait().unwrap().is_none() {
            if Tcp::at(&*at).connect().await.is_ok() {
                return (server, at);
            }
            assert!(began.elapsed() < BOUND, "it does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    panic!("postgres found no free port, five times");
}

#[tokio::test]
async fn a_real_postgresql_is_asked_for_tls() {
    let Some(programs) = programs() else { return skipped("postgresql") };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let authority = Authority::new();
    let (key, certificate) = authority.issue("127.0.0.1", |_| {});
    let key_file = path.join("server.key");
    fs::write(path.join("server.crt"), pem(&certificate)).unwrap();
    fs::write(&key_file, key.serialize_pem()).unwrap();
    fs::set_permissions(&key_file, Permissions::from_mode(0o600)).unwrap();
    if am_root() {
        for path in [path, &key_file] {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    let data = path.join("data");
    let mut initdb = command(&programs.join("initdb"), path);
    initdb.arg("--pgdata").arg(&data).args(["--no-sync", "--auth=trust", "--username=canary", "--locale=C"]);
    assert!(initdb.status().await.unwrap().success());
    for ssl in ["on", "off"] {
        let (mut server, at) = start(|port| {
            let mut server = command(&programs.join("postgres"), path);
            server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", ""]);
            let setting = |name: &str, value: &str| ["-c".to_owned(), format!("{name}={value}")];
            server.args(setting("ssl", ssl)).args(setting("fsync", "off"));
            server.args(setting("ssl_cert_file", &path.join("server.crt").display().to_string()));
            server.args(setting("ssl_key_file", &key_file.display().to_string()));
            server
        })
        .await;
        let pem = authority.0.pem();
        let report = run_check(move || {
            let check =
                Tls::at(&*at).starttls(StartTls::Postgres).trust_pem(pem.clone()).expect(cert_days_left(ge(21)));
            async move { check.connect().await.map(drop) }
        })
        .await;
        if ssl == "on" {
            report.assert_passed();
        } else {
            assert_eq!(report.reason, Some(Reason::Protocol), "{report}");
            assert!(report.failures[0].to_string().contains("does not offer TLS"), "{report}");
        }
        // Asked to end at once, it takes its children with it.
        let id = server.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-QUIT", &id]).status().unwrap().success());
        server.wait().await.unwrap();
    }
}

fn pem(certificate: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(certificate);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
