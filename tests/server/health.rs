//! Health: peers ask for the states of services.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{in_time, pair, read_response, request};
use chirp::channel::Channel;
use chirp::packet::{ErrorData, FrameworkError};
use chirp::{
    AccessPolicy, AsCaller, CallError, Health, HealthClient, HealthStatus, PeerBuilder,
    ReconnectConfig, Request, Server,
};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, oneshot};

const GRACE: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_peer_tells_the_states_that_its_program_sets() {
    let health = Health::new();
    health.set_serving("Arith");
    health.set_not_serving("Store");
    // Health is told whatever the access policy.
    let builder = PeerBuilder::new()
        .health(&health)
        .access(AccessPolicy::new());
    let (client, _server) = pair(&PeerBuilder::new(), &builder);
    let client = HealthClient::new(&client);
    for (service, expected) in [
        ("", HealthStatus::Serving),
        ("Arith", HealthStatus::Serving),
        ("Store", HealthStatus::NotServing),
        ("Nothing", HealthStatus::Unknown),
    ] {
        assert_eq!(in_time(client.check(service)).await.unwrap(), expected);
    }
    health.set_not_serving("");
    health.remove("Arith");
    assert_eq!(
        client.check("").await.unwrap(),
        HealthStatus::NotServing,
        "as a whole"
    );
    assert_eq!(client.check("Arith").await.unwrap(), HealthStatus::Unknown);
}

#[tokio::test]
async fn health_is_off_unless_it_is_turned_on() {
    let (client, _server) = pair(
        &PeerBuilder::new(),
        &PeerBuilder::new().fallback(|_: Request| async { Ok::<_, ErrorData>("anything") }),
    );
    let client = HealthClient::new(&client);
    let error = in_time(client.check("")).await.unwrap_err();
    assert!(matches!(error, CallError::UnknownMethod { .. }), "{error}");
    let error = in_time(client.watch("")).await.unwrap_err();
    assert!(matches!(error, CallError::UnknownMethod { .. }), "{error}");
}

/// A plain Chirp v0 peer asks by hand, as PROTOCOL.md shows.
#[tokio::test]
async fn a_v0_peer_can_ask() {
    let (ours, mut theirs) = tokio::io::duplex(1 << 10);
    let health = Health::new();
    health.set_serving("Arith");
    let _peer = PeerBuilder::new()
        .health(&health)
        .start(Channel::io(ours))
        .unwrap();
    for (id, service, expected) in [(1, &b"Arith"[..], 1), (2, b"", 1), (3, b"Other", 0)] {
        let question = request(id, "chirp.health.check", service);
        theirs.write_all(&question).await.unwrap();
        assert_eq!(read_response(&mut theirs).await, (id, 0, vec![expected]));
    }
    theirs
        .write_all(&request(4, "chirp.health.check", b"\xff"))
        .await
        .unwrap();
    let (id, code, data) = read_response(&mut theirs).await;
    let error = ErrorData::decode(data.into()).unwrap();
    let reason = FrameworkError::from_error_data(&error);
    assert_eq!(
        (id, code, reason),
        (4, 4, Some(FrameworkError::InvalidArguments))
    );
}

#[tokio::test]
async fn a_watch_sees_the_changes_of_one_service_and_the_shutdown() {
    let health = Health::new();
    let (client, server) = pair(&PeerBuilder::new(), &PeerBuilder::new().health(&health));
    let watched = HealthClient::new(&client).watch("Arith");
    let mut states = in_time(watched).await.unwrap();
    let mut next = async || in_time(states.recv()).await.transpose().unwrap();
    assert_eq!(next().await, Some(HealthStatus::Unknown));
    health.set_serving("Store");
    health.set_serving("Arith");
    assert_eq!(next().await, Some(HealthStatus::Serving));
    health.set_not_serving("Arith");
    assert_eq!(next().await, Some(HealthStatus::NotServing));
    health.set_serving("Arith");
    assert_eq!(next().await, Some(HealthStatus::Serving));
    // A watch does not hold up the shutdown.
    let ending = tokio::spawn(async move { server.shutdown(GRACE).await });
    assert_eq!(next().await, Some(HealthStatus::NotServing));
    assert_eq!(next().await, None);
    assert!(in_time(ending).await.unwrap().is_clean());
}

#[tokio::test]
async fn a_connection_that_drains_is_not_serving() {
    let health = Health::new();
    let hold = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&hold);
    let builder = PeerBuilder::new()
        .health(&health)
        .handle("ask", move |request: Request| {
            let held = Arc::clone(&held);
            async move {
                held.acquire().await.unwrap().forget();
                let back = request.context().caller().clone();
                let status = HealthClient::new(&back).check("").await;
                status
                    .map(|status| status.to_string())
                    .map_err(ErrorData::from)
            }
        });
    // Each side asks the other from a handler, while the connection drains.
    let (client, server) = pair(&builder, &builder);
    in_time(client.hello()).await.unwrap();
    let call = client.call("ask", ()).start();
    while server.stats().running == 0 {
        tokio::task::yield_now().await;
    }
    let ending = tokio::spawn(async move { server.shutdown(GRACE).await });
    in_time(client.draining()).await;
    hold.add_permits(1);
    assert_eq!(in_time(call).await.unwrap(), "not serving");
    in_time(ending).await.unwrap();
}

/// A reconnecting client leaves connections alone whose service is not serving.
#[tokio::test]
async fn a_reconnecting_client_waits_for_a_serving_side() {
    let health = Health::new();
    health.set_not_serving("Arith");
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let server = Server::builder()
        .health(&health)
        .handle("echo", crate::support::echo)
        .on_connect(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        })
        .bind("inproc://health-reconnecting")
        .await
        .unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run_until(stopped));
    let endpoint: chirp::Endpoint = "inproc://health-reconnecting".parse().unwrap();
    let config = ReconnectConfig::new()
        .backoff(Duration::from_millis(1), Duration::from_millis(10))
        .health("Arith");
    let client = PeerBuilder::new()
        .reconnecting_with(endpoint, config)
        .unwrap();
    let call = client.as_caller().call("echo", "x").start();
    while connections.load(Ordering::Relaxed) < 3 {
        assert!(client.peer().is_none());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    health.set_serving("Arith");
    assert_eq!(in_time(call).await.unwrap(), "x");
    drop((client, stop));
    in_time(running).await.unwrap();
}
