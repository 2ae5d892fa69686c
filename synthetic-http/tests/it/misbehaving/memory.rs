//! How much memory a check takes, whatever the server sends: measured in a process of its own, where nothing else is.

use std::process::Command;

use synthetic_core::prelude::*;

use super::rogue::Rogue;
use crate::support::run_of;

/// Says to the test that it is the process which is measured.
const CHILD: &str = "SYNTHETIC_TEST_MISBEHAVING_MEMORY";
/// What a process may grow by for a check whose limit is 1 MiB, in KiB. A window of brotli's is up to 16 MiB (RFC 7932,
/// section 9.1), and the rest is the buffers of a connection and of the allocator.
const ROOM: u64 = 32 * 1024;

/// Returns the most memory that this process ever had, in KiB (proc_pid_status(5)).
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The servers, each with the bytes that it begins with and those that it repeats.
fn floods() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n").into_bytes();
    let piece = vec![b'x'; 65_536];
    let floods = vec![
        ("a field", b"HTTP/1.1 200 OK\r\nx-long: ".to_vec(), piece.clone()),
        ("fields", b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".repeat(10_000)),
        ("a body", head(""), piece.clone()),
        ("a body of a known length", head("content-length: 9223372036854775807\r\n"), piece.clone()),
        (
            "chunks",
            head("transfer-encoding: chunked\r\n"),
            [b"100\r\n".as_slice(), &piece[..256], b"\r\n"].concat().repeat(200),
        ),
    ];
    #[cfg(feature = "compression")]
    let floods = {
        let packed = |encoding| head(&format!("content-encoding: {encoding}\r\n"));
        let bombs = super::bombs::bombs().into_iter().map(|(encoding, bomb)| (encoding, packed(encoding), bomb));
        floods.into_iter().chain(bombs).collect()
    };
    floods
}

async fn measured() {
    let floods = floods();
    // What a check takes at all, and what the bombs took that were made here.
    let rogue = Rogue::flooding("HTTP/1.1 200 OK\r\n\r\n", vec![b'x'; 65_536]).await;
    run_of(rogue.api().get("/")).await;
    for (case, says, piece) in floods {
        let before = peak();
        let rogue = Rogue::flooding(says, piece).await;
        for _ in 0..3 {
            let report = run_of(rogue.api().get("/")).await;
            assert_eq!(report.outcome, Outcome::Failed, "{case}: {report}");
        }
        // The system counts in steps, and may count less for a moment.
        let grown = peak().saturating_sub(before);
        assert!(grown <= ROOM, "{case}: it grew by {grown} KiB");
    }
}

#[test]
fn no_answer_takes_more_memory_than_its_limit_and_what_decoding_needs() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if std::env::var_os(CHILD).is_some() {
        return runtime().block_on(measured());
    }
    let name = std::thread::current().name().unwrap().to_owned();
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child.args([&name, "--exact", "--nocapture"]).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
