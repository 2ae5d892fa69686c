//! Beside blackbox_exporter: the same targets through both, the same verdict, and phases that sum to the whole.
//!
//! Where it is not installed (`prometheus-blackbox-exporter` on Debian) these are skipped and say so; with `CI=true` they fail.

mod answers;
mod certificates;
mod differences;
mod exporter;
mod net;
mod page;
mod row;
mod slow;
mod wire;

use std::time::SystemTime;

use synthetic_core::prelude::*;

use self::differences::DIFFERENCES;
use self::exporter::{Exporter, Probe};
use self::row::Row;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_is_judged_as_blackbox_exporter_judges_it_or_otherwise_for_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (net, names) = net::rows(folder.path()).await;
    let mut rows = answers::rows().await;
    rows.extend(wire::rows().await);
    rows.extend(certificates::rows(folder.path()).await);
    rows.extend(net);
    let mut all: Vec<&str> = rows.iter().map(|row| row.name).collect();
    all.sort_unstable();
    all.dedup();
    assert!(all.len() == rows.len() && rows.len() >= 40, "{} rows, {} names", rows.len(), all.len());
    if let Some(exporter) = Exporter::start(&rows, folder.path()).await {
        let mut wrong = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let (theirs, ours) = (exporter.probe(at, row).await, row.ours.run().await);
            wrong.extend(judge(row, &theirs, &ours));
        }
        assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
        // Without a name server its rows are not there, and neither are their differences.
        let gone = DIFFERENCES.iter().find(|difference| !all.contains(&difference.row));
        assert!(names.is_none() || gone.is_none(), "a difference of no row: {:?}", gone.map(|gone| gone.row));
    }
    if let Some(names) = names {
        names.stop().await;
    }
}

/// Returns what is not as the row, or the table of differences, says.
fn judge(row: &Row, theirs: &Probe, ours: &Report) -> Option<String> {
    let difference = DIFFERENCES.iter().find(|difference| difference.row == row.name);
    let differs = difference.is_some();
    let mut wrong = Vec::new();
    if difference.is_some_and(|difference| difference.passes != row.passes) {
        wrong.push("the table says otherwise".to_owned());
    }
    if ours.outcome == Outcome::Error {
        wrong.push("we could not check it".to_owned());
    } else if (ours.outcome == Outcome::Passed) != row.passes {
        wrong.push("our verdict is wrong".to_owned());
    }
    if theirs.passed() != (row.passes != differs) {
        wrong.push(if differs { "the difference is no longer there" } else { "the verdicts differ" }.to_owned());
    }
    if !differs {
        wrong.extend(measured(theirs, ours));
    }
    let name = row.name;
    (!wrong.is_empty()).then(|| format!("── {name}: {}\n{ours}\n{}", wrong.join(", "), theirs.text))
}

/// Returns what was measured otherwise, of what both measure.
fn measured(theirs: &Probe, ours: &Report) -> Vec<String> {
    let Some(request) = ours.requests.last() else { return Vec::new() };
    let expires = request.certificate.as_ref().map(|certificate| certificate.expires_at);
    let expires =
        expires.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok()).map(|since| since.as_secs_f64());
    let version = request.protocol.as_ref().and_then(|name| name.strip_prefix("HTTP/")?.parse().ok());
    // The exporter counts the redirect too that is not followed.
    let arrived = request.status.is_some_and(|status| status < 300);
    let both_passed = theirs.passed() && ours.outcome == Outcome::Passed;
    let rows = [
        ("probe_http_status_code", request.status.map(f64::from), true),
        ("probe_ssl_earliest_cert_expiry", expires, true),
        ("probe_http_version", version, both_passed),
        ("probe_http_redirects", Some(f64::from(request.redirects)), both_passed && arrived),
        // A u64 below 2^53.
        ("probe_http_uncompressed_body_length", Some(request.size as f64), both_passed),
    ];
    let known = |sample: f64| if sample > 0.0 { Some(sample) } else { None };
    let differs = rows.into_iter().filter_map(|(name, ours, is_judged)| {
        // Where there is none, the exporter says 0.
        let theirs = theirs.sample(name)?;
        let same = known(theirs) == ours.and_then(known) || (known(theirs).is_none() && name.ends_with("code"));
        (is_judged && !same).then(|| format!("{name} is {theirs} there, and {ours:?} here"))
    });
    differs.collect()
}
