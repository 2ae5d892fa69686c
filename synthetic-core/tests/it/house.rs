//! The walls of the house that a test can hold.

use std::process::Command;

/// Returns the crates in the tree of a member, without what is only built for tests.
fn tree(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", package, "--edges", "normal,build", "--prefix", "none", "--no-dedupe", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut crates: Vec<_> = text.lines().filter_map(|line| Some(line.split_once(" v")?.0.to_owned())).collect();
    crates.sort();
    crates.dedup();
    crates
}

fn check(package: &str, most: usize, strangers: &[&str]) {
    let crates = tree(package);
    assert!(crates.iter().any(|name| name == package), "cargo tree was read wrongly: {crates:?}");
    for stranger in strangers {
        let found: Vec<_> = crates.iter().filter(|name| name.starts_with(stranger)).collect();
        assert!(found.is_empty(), "{package} pulls in {found:?}");
    }
    assert!(crates.len() <= most, "{package} has {} crates, which is more than {most}", crates.len());
}

/// What nobody may bring in: a second TLS provider, or one that needs a system library.
const NEVER: [&str; 3] = ["ring", "openssl-sys", "native-tls"];

#[test]
fn the_core_knows_no_protocol_and_no_vendor() {
    check(
        "synthetic-core",
        70,
        &["reqwest", "hyper", "http", "rustls", "thirtyfour", "aws-", "prometheus", "axum", "ring"],
    );
}

#[test]
fn http_knows_no_browser_and_no_sink_and_stays_light() {
    let mut strangers = NEVER.to_vec();
    strangers.extend(["synthetic-browser", "synthetic-sinks", "thirtyfour", "aws-sdk", "prometheus"]);
    check("synthetic-http", 190, &strangers);
}

#[test]
fn the_browser_knows_no_http_and_no_sink() {
    let mut strangers = NEVER.to_vec();
    strangers.extend(["synthetic-http", "synthetic-sinks"]);
    check("synthetic-browser", 260, &strangers);
}

#[test]
fn sinks_know_no_protocol() {
    let mut strangers = NEVER.to_vec();
    strangers.extend(["synthetic-http", "synthetic-browser", "thirtyfour"]);
    check("synthetic-sinks", 260, &strangers);
}

#[test]
fn whatever_is_chosen_of_the_sinks_there_is_one_tls_provider_and_one_http_stack() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "synthetic-sinks", "--all-features", "--edges", "normal,build", "--prefix", "none"])
        .args(["--target", "all", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.starts_with("synthetic-sinks v"), "cargo tree was read wrongly: {tree}");
    // With their default features the crates of AWS bring a second client, long without support.
    for stranger in ["ring v", "openssl-sys v", "native-tls v", "hyper v0.", "h2 v0.3", "rustls v0.21"] {
        let found: Vec<_> = tree.lines().filter(|line| line.starts_with(stranger)).collect();
        assert_eq!(found, Vec::<&str>::new());
    }
}
