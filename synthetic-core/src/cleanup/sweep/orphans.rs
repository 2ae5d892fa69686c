//! Removes orphans: things in the target that bear our mark and that no journal knows.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{EACH, SweepReport, Sweeper};
use crate::cleanup::any_resource::{AnyResource, shown};
use crate::cleanup::mark::prefix_of;
use crate::cleanup::remove::{MOMENT, isolated};
use crate::cleanup::resource::Orphans;
use crate::cleanup::{Gone, Listed, Mark};
use crate::failure::Fate;
use crate::report::{CleanupItem, CleanupResult};

/// Removes the orphans of every kind that asks for it.
pub(super) async fn sweep(sweeper: &Sweeper, report: &mut SweepReport) {
    for resource in sweeper.kinds.all() {
        if let Some(orphans) = resource.recovery().orphans() {
            sweep_kind(sweeper, &resource, orphans, report).await;
        }
    }
}

async fn sweep_kind(sweeper: &Sweeper, resource: &Arc<dyn AnyResource>, orphans: Orphans, report: &mut SweepReport) {
    let kind = resource.kind().to_owned();
    let prefix = prefix_of(&sweeper.monitor);
    let list = {
        let (resource, prefix) = (Arc::clone(resource), prefix.clone());
        async move { resource.list(&prefix).await }
    };
    let mut listed = match isolated(EACH, list).await.unwrap_or_else(|broken| Err(broken.failure)) {
        Ok(listed) => listed,
        Err(failure) => {
            tracing::error!(target: "synthetic", kind, "orphans cannot be listed: {failure}");
            return report.problems.push(format!("orphans of kind {kind:?} cannot be listed: {failure}"));
        }
    };
    // Those that cannot be deleted must not take every pass from the others.
    fastrand::shuffle(&mut listed);
    let now = sweeper.journal.now();
    let mut removed = 0;
    for Listed { id, text } in listed {
        let orphan = Mark::find_in(&text).filter(|mark| {
            let age = now.duration_since(mark.began_at()).unwrap_or_default();
            // The hard filter: what is not certainly ours, and of nobody who may still use it, is never touched.
            mark.as_str().starts_with(&prefix) && age >= orphans.older_than && sweeper.journal.get(mark).is_none()
        });
        match orphan {
            Some(mark) if removed < orphans.at_most => {
                removed += 1;
                let item = remove(resource, id, &mark).await;
                sweeper.said(mark.canary(), item, report);
            }
            _ => report.left_alone += 1,
        }
    }
}

async fn remove(resource: &Arc<dyn AnyResource>, id: Value, mark: &Mark) -> CleanupItem {
    let kind = resource.kind().to_owned();
    let name = format!("{kind} {} (an orphan)", shown(&id));
    let started = tokio::time::Instant::now();
    let mut item = CleanupItem::new(name, Duration::ZERO, CleanupResult::Removed, None);
    (item.kind, item.id, item.mark) = (Some(kind), Some(shown(&id)), Some(mark.to_string()));
    let delete = {
        let resource = Arc::clone(resource);
        async move { resource.delete(&id).await }
    };
    match isolated(EACH + MOMENT, delete).await.unwrap_or_else(|broken| Err(broken.failure)) {
        Ok(Gone::Deleted) => {}
        Ok(Gone::Already) => item.result = CleanupResult::AlreadyGone,
        Err(failure) if failure.fate() == Fate::Gone => item.result = CleanupResult::AlreadyGone,
        Err(failure) => (item.result, item.failure) = (CleanupResult::Failed, Some(failure)),
    }
    item.duration = started.elapsed();
    item
}
