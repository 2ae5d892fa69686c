//! What is left behind after `kill -9`: the harness of `src/kill9.rs`, with few kills.

use std::path::PathBuf;

use synthetic_benches::kill9::{Harness, Strategy, Totals};

fn kill(strategy: Strategy, kills: usize, seed: u64) -> Totals {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let program = PathBuf::from(env!("CARGO_BIN_EXE_kill9"));
    runtime.block_on(Harness { program, kills, seed, lanes: 5 }.run(strategy)).expect("trials that can be made")
}

fn check(strategy: Strategy, seed: u64) {
    let totals = kill(strategy, 50, seed);
    let seen = (totals.landed, totals.left_behind, totals.unsettled, totals.files_left);
    assert_eq!(seen, (50, 0, 0, 0), "{totals:#?}");
}

#[test]
fn replay_leaves_nothing_behind() {
    check(Strategy::Replay, 1);
}

#[test]
fn search_until_quiescence_leaves_nothing_behind() {
    check(Strategy::Search, 2);
}

#[test]
fn ids_that_the_client_chose_leave_nothing_behind() {
    check(Strategy::ClientId, 3);
}

/// The harness can fail.
#[test]
fn a_deletion_at_the_end_of_the_body_leaves_things_behind() {
    let totals = kill(Strategy::Finally, 20, 4);
    assert_eq!(totals.landed, 20, "{totals:#?}");
    assert!(totals.left_behind > 0, "{totals:#?}");
}
