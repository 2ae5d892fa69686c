//! Beside blackbox_exporter: the same targets through both, the same verdict, and phases that sum to the whole.
//!
//! Where it is not installed (`prometheus-blackbox-exporter` on Debian) this is skipped and says so; with `CI=true` it fails.

mod answers;
mod certificates;
mod differences;
mod exporter;
mod net;
mod row;
mod wire;

use synthetic_core::prelude::*;

use self::differences::DIFFERENCES;
use self::exporter::{Exporter, Probe};
use self::row::Row;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_is_judged_as_blackbox_exporter_judges_it_or_otherwise_for_a_reason() {
    let (secure, _folder) = certificates::rows().await;
    let (net, names) = net::rows().await;
    let rows: Vec<Row> = answers::rows().await.into_iter().chain(wire::rows().await).chain(secure).chain(net).collect();
    let mut all: Vec<&str> = rows.iter().map(|row| row.name).collect();
    all.sort_unstable();
    all.dedup();
    assert!(all.len() == rows.len() && rows.len() >= 40, "{} rows, {} names", rows.len(), all.len());
    if let Some(exporter) = Exporter::start(&rows).await {
        let mut wrong = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let (theirs, ours) = (exporter.probe(at, row).await, row.ours.run().await);
            wrong.extend(judge(row, &theirs, &ours));
        }
        assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    }
    if let Some(names) = names {
        names.stop().await;
    }
}

/// Returns what is not as the row, or the table of differences, says.
fn judge(row: &Row, theirs: &Probe, ours: &Report) -> Option<String> {
    let differs = DIFFERENCES.iter().any(|difference| difference.row == row.name);
    let mut wrong = Vec::new();
    if ours.outcome == Outcome::Error {
        wrong.push("we could not check it");
    } else if (ours.outcome == Outcome::Passed) != row.passes {
        wrong.push("our verdict is wrong");
    }
    if theirs.passed() != (row.passes != differs) {
        wrong.push(if differs { "the difference is no longer there" } else { "the verdicts differ" });
    }
    let name = row.name;
    (!wrong.is_empty()).then(|| format!("── {name}: {}\n{ours}\n{}", wrong.join(", "), theirs.text))
}
