//! Health checks of gRPC, against a real server of it.

use std::net::SocketAddr;

use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::{GrpcHealth, Http, ServingStatus, header};
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_health::server::{HealthReporter, health_reporter};

use crate::authority::Authority;
use crate::clock::{LONG, Stall};
use crate::support::{self, Told, bare, masked, read_request};

/// Serves these routes, over TLS with this identity.
pub(crate) async fn serve(routes: Routes, identity: Option<Identity>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut server = Server::builder();
    if let Some(identity) = identity {
        server = server.tls_config(ServerTlsConfig::new().identity(identity)).unwrap();
    }
    tokio::spawn(server.add_routes(routes).serve_with_incoming(TcpIncoming::from(listener)));
    addr
}

/// Returns the health service of a shop, and what sets it.
pub(crate) async fn shop() -> (HealthReporter, Routes) {
    let (reporter, service) = health_reporter();
    reporter.set_service_status("shop.Orders", tonic_health::ServingStatus::Serving).await;
    reporter.set_service_status("shop.Stock", tonic_health::ServingStatus::NotServing).await;
    reporter.set_service_status("shop.New", tonic_health::ServingStatus::Unknown).await;
    (reporter, Routes::new(service))
}

fn at(addr: SocketAddr) -> Http {
    Http::at(format!("http://{addr}"))
}

/// Checks in a run of its own.
async fn run_of(check: GrpcHealth) -> Report {
    once(canary(Spec::new("test"), move |_| {
        let check = check.clone();
        async move { check.send().await.map(drop) }
    }))
    .await
}

#[tokio::test]
async fn a_service_has_the_status_that_the_server_says() {
    let (reporter, routes) = shop().await;
    let api = at(serve(routes, None).await);
    assert_eq!(api.grpc_health("").send().await.unwrap(), ServingStatus::Serving);
    assert_eq!(api.grpc_health("shop.Orders").send().await.unwrap(), ServingStatus::Serving);
    let stock = api.grpc_health("shop.Stock");
    assert_eq!(stock.clone().any_status().send().await.unwrap(), ServingStatus::NotServing);
    stock.clone().expect_status(ServingStatus::NotServing).send().await.unwrap();
    assert_eq!(api.grpc_health("shop.New").any_status().send().await.unwrap(), ServingStatus::Unknown);
    reporter.set_service_status("shop.Stock", tonic_health::ServingStatus::Serving).await;
    stock.send().await.unwrap();
}

#[tokio::test]
async fn a_health_check_is_a_request_of_the_run_that_changes_nothing() {
    let (_, routes) = shop().await;
    let api = at(serve(routes, None).await).only_test_hosts(["elsewhere.test"]);
    let report = run_of(api.grpc_health("shop.Orders").header("x-tenant", "a").timeout(secs(5))).await;
    assert_eq!((report.outcome, report.requests.len(), report.checks), (Outcome::Passed, 1, 1), "{report}");
    let request = &report.requests[0];
    assert_eq!((&*request.method, request.status, request.reason), ("POST", Some(200), None));
    assert_eq!((request.protocol.as_deref(), request.size), (Some("HTTP/2"), 7));
    assert!(request.url.ends_with("/grpc.health.v1.Health/Check"), "{}", request.url);
    assert!(request.phases.connect.is_some() && request.phases.transfer.is_some());
}

/// Says what it was asked with, as an error; or comes to its stall.
struct Telling(Stall);

#[tonic::async_trait]
impl Health for Telling {
    type WatchStream = never::Never;

    async fn check(&self, asked: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let name = asked.get_ref().service.clone();
        if name == "hang" {
            return self.0.here().await;
        }
        let names: Vec<_> = ["authorization", "traceparent", "user-agent", "synthetic-run"]
            .into_iter()
            .filter(|name| asked.metadata().contains_key(*name))
            .collect();
        Err(Status::unavailable(format!("{name} “down”, asked with {}", names.join(", "))))
    }

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not watched"))
    }
}

mod never {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// A stream of nothing.
    pub(crate) struct Never;

    impl futures_util::Stream for Never {
        type Item = Result<tonic_health::pb::HealthCheckResponse, tonic::Status>;

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Ready(None)
        }
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_used_is_told_with_what_the_server_said() {
    let (_, routes) = shop().await;
    let shop = at(serve(routes, None).await);
    let without = at(serve(Routes::default(), None).await);
    let stall = Stall::new();
    let telling = at(serve(Routes::new(HealthServer::new(Telling(stall.clone()))), None).await);
    let telling = telling.bearer(synthetic_core::Secret::new("token", "t0ken-t0ken"));
    let web = support::Server::answering(|_| bare("200 OK", "content-type: text/html\r\n")).await;
    let silences = stall.clone();
    let silent = support::Server::raw(move |mut stream| {
        let stall = silences.clone();
        async move {
            read_request(&mut stream).await?;
            stall.here().await
        }
    })
    .await;
    let nobody = support::closed_port();
    let rows = vec![
        ("not serving", shop.grpc_health("shop.Stock"), Reason::Expectation),
        ("unknown to itself", shop.grpc_health("shop.New"), Reason::Expectation),
        (
            "serving, which is not wanted",
            shop.grpc_health("").expect_status(ServingStatus::NotServing),
            Reason::Expectation,
        ),
        ("no such service", shop.grpc_health("shop.Orderz"), Reason::Expectation),
        ("no health service", without.grpc_health("shop.Orders"), Reason::Expectation),
        ("a status with a message", telling.grpc_health("shop.Orders"), Reason::Expectation),
        ("a header", shop.grpc_health("").expect(header("x-kind", "a")), Reason::Expectation),
        ("hangs", telling.grpc_health("hang").timeout(LONG), Reason::Timeout),
        ("silence", Http::at(silent.url()).grpc_health("").timeout(LONG), Reason::Timeout),
        ("HTTP/1.1", Http::at(web.url()).grpc_health(""), Reason::Protocol),
        ("nobody", at(nobody).grpc_health(""), Reason::Connect),
    ];
    let mut told = Told::default();
    for (case, check, reason) in rows {
        let report = if reason == Reason::Timeout { stall.runs_out(run_of(check)).await } else { run_of(check).await };
        told.add_report(case, &report);
        assert_eq!((report.reason, report.requests.len()), (Some(reason), 1), "{case}: {report}");
        assert_eq!(report.requests[0].reason, Some(reason), "{case}");
    }
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn over_tls_the_certificate_is_judged_and_http_2_agreed_on() {
    let authority = Authority::new();
    let (key, certificate) = authority.certify("127.0.0.1", |_| {});
    let (_, routes) = shop().await;
    let addr = serve(routes, Some(Identity::from_pem(certificate.pem(), key.serialize_pem()))).await;
    let api = Http::at(format!("https://{addr}"));

    let report = run_of(api.clone().trust_pem(authority.0.pem()).grpc_health("shop.Orders")).await;
    report.assert_passed();
    assert!(report.requests[0].certificate.is_some() && report.requests[0].phases.tls.is_some());
    let report = run_of(api.grpc_health("shop.Orders")).await;
    assert_eq!(report.reason, Some(Reason::Tls), "{}", masked(&report.to_string()));
}

#[tokio::test]
async fn a_proxy_that_loses_the_trailers_is_told_so() {
    let app = axum::Router::new().fallback(|| async {
        ([("content-type", "application/grpc")], axum::body::Bytes::from_static(&[0, 0, 0, 0, 2, 8, 1]))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let failure = at(addr).grpc_health("").send().await.unwrap_err();
    assert_eq!(failure.observation(), Some("an answer without a grpc-status"), "{failure}");
}
