use synthetic_core::testing::check_sink_contract;

use super::*;

#[tokio::test]
async fn it_keeps_the_sink_contract() {
    check_sink_contract(|| async { Prometheus::new() }).await;
}
