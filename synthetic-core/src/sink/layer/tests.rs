use std::sync::Mutex;

use super::*;
use crate::testing::{RecordingSink, check_sink_contract, once};
use crate::{Run, Spec, canary, expect};

async fn labelled(name: &'static str, tenant: &'static str) -> Arc<Report> {
    let run = move |run: Run| async move {
        run.label("tenant", tenant);
        run.expect("1", 1, expect::eq(1))
    };
    Arc::new(once(canary(Spec::new(name), run)).await)
}

#[tokio::test]
async fn every_layer_keeps_the_contract_of_its_sink() {
    check_sink_contract(|| async { RecordingSink::new().prefix("eu-") }).await;
    check_sink_contract(|| async { RecordingSink::new().filter(|_| false) }).await;
    check_sink_contract(|| async { RecordingSink::new().relabel(|labels| labels.clear()) }).await;
    check_sink_contract(|| async { RecordingSink::new().limit_label_values(1) }).await;
}

#[tokio::test]
async fn what_a_layer_does_not_change_is_not_copied_and_what_it_is_given_stays_as_it_was() {
    let report = labelled("checkout", "acme").await;
    let given = [Arc::clone(&report)];

    let sink = RecordingSink::new();
    sink.clone().relabel(|_| {}).deliver(&given).await.unwrap();
    sink.clone().filter(|_| true).deliver(&given).await.unwrap();
    sink.clone().limit_label_values(1).deliver(&given).await.unwrap();
    assert!(sink.reports().iter().all(|passed| Arc::ptr_eq(passed, &report)));

    let sink = RecordingSink::new();
    let rename = |labels: &mut std::collections::BTreeMap<String, String>| {
        let tenant = labels.remove("tenant").unwrap_or_default();
        labels.insert("customer".to_owned(), tenant);
    };
    sink.clone().relabel(rename).prefix("eu-").deliver(&given).await.unwrap();
    let passed = sink.reports().remove(0);
    assert_eq!((&*passed.canary, passed.labels["customer"].as_str(), passed.labels.len()), ("eu-checkout", "acme", 1));
    assert_eq!((&*report.canary, report.labels["tenant"].as_str()), ("checkout", "acme"));
}

#[tokio::test]
async fn the_outermost_layer_sees_the_reports_first() {
    let (given, sink) = ([labelled("checkout", "acme").await], RecordingSink::new());
    sink.clone().prefix("eu-").filter(|report| &*report.canary == "checkout").deliver(&given).await.unwrap();
    sink.clone().filter(|report| &*report.canary == "checkout").prefix("eu-").deliver(&given).await.unwrap();
    assert_eq!(sink.reports().len(), 1);
}

#[tokio::test]
async fn a_sink_is_not_called_for_a_batch_of_which_nothing_is_left() {
    struct Fails;
    #[async_trait]
    impl Sink for Fails {
        fn name(&self) -> &'static str {
            "fails"
        }
        async fn deliver(&self, _reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
            Err(DeliveryError::Retry("down".into()))
        }
    }
    let given = [labelled("checkout", "acme").await];
    assert_eq!(Fails.filter(|_| false).deliver(&given).await, Ok(()));
    assert!(Fails.filter(|_| true).deliver(&given).await.is_err());
}

#[tokio::test]
async fn a_label_with_too_many_values_is_folded_and_counted() {
    let sink = RecordingSink::new();
    let guarded = Arc::new(sink.clone().limit_label_values(2));
    for tenant in ["a", "b", "c", "a", "d", "c", "other"] {
        guarded.deliver(&[labelled("checkout", tenant).await]).await.unwrap();
    }
    let tenants: Vec<_> = sink.reports().iter().map(|report| report.labels["tenant"].clone()).collect();
    assert_eq!(tenants, ["a", "b", "other", "a", "other", "other", "other"]);
    assert_eq!(guarded.folded(), 3, "the one that was called so is itself");
}

#[tokio::test]
async fn a_sink_knows_the_canaries_of_its_monitor_by_the_names_of_its_reports() {
    #[derive(Clone, Default)]
    struct Looks(Arc<Mutex<Option<Arc<dyn MonitorView>>>>);
    #[async_trait]
    impl Sink for Looks {
        fn name(&self) -> &'static str {
            "looks"
        }
        fn begin(&self, monitor: &Arc<dyn MonitorView>) {
            *self.0.lock().unwrap() = Some(Arc::clone(monitor));
        }
        async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
            let view = self.0.lock().unwrap().clone().unwrap();
            assert!(reports.iter().all(|report| view.has_canary(&report.canary)));
            assert_eq!((view.canaries(), view.has_canary("checkout")), (vec!["eu-checkout".into()], false));
            assert_eq!((view.name(), view.location()), ("shop", Some("eu-west-1")));
            Ok(())
        }
    }
    let sink = Looks::default();
    let monitor = crate::Monitor::named("shop")
        .location("eu-west-1")
        .canary(
            crate::prelude::every(crate::prelude::mins(1)),
            canary(Spec::new("checkout"), |run: Run| async move { run.expect("1", 1, expect::eq(1)) }),
        )
        .sink(sink.prefix("eu-"))
        .build()
        .unwrap();
    let (_, summary) = monitor.once().await;
    assert_eq!((summary.sinks[0].delivered, &summary.sinks[0].last_error), (1, &None));
}
