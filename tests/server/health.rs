//! Health: peers ask for the states of services.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{in_time, pair, read_packet, read_response, request, response};
use chirp::channel::Channel;
use chirp::packet::{ErrorData, FrameworkError, PacketType};
use chirp::{
    AccessPolicy, AsCaller, CallError, Health, HealthClient, HealthStatus, PeerBuilder,
    ReconnectConfig, ReconnectState, ReconnectingPeer, Request, Server,
};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

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
    let permits = Arc::clone(&hold);
    let builder = PeerBuilder::new()
        .health(&health)
        .handle("ask", move |request: Request| {
            let permits = Arc::clone(&permits);
            async move {
                permits.acquire().await.unwrap().forget();
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

/// A server of `chirp.health` with a method that takes as long as the test wants, and how often clients have connected.
struct HealthyServer {
    health: Health,
    hold: Arc<Semaphore>,
    connections: Arc<AtomicUsize>,
    _stop: oneshot::Sender<()>,
}

impl HealthyServer {
    async fn start(address: &str, peers: PeerBuilder) -> Self {
        let health = Health::new();
        let hold = Arc::new(Semaphore::new(0));
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, waits_for, peers) = (Arc::clone(&connections), Arc::clone(&hold), &peers);
        let server = Server::builder()
            .configure_peers(|_| peers.clone())
            .health(&health)
            .handle("echo", crate::support::echo)
            .handle("wait", move |_: Request| {
                let waits_for = Arc::clone(&waits_for);
                async move {
                    waits_for.acquire().await.unwrap().forget();
                    Ok::<_, ErrorData>("done")
                }
            })
            .on_connect(move |_| {
                count.fetch_add(1, Ordering::Relaxed);
            })
            .bind(address)
            .await
            .unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(server.run_until(stopped));
        Self {
            health,
            hold,
            connections,
            _stop: stop,
        }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

fn following(service: &str) -> ReconnectConfig {
    ReconnectConfig::new()
        .backoff(Duration::from_millis(1), Duration::from_millis(10))
        .health(service)
}

fn reconnecting(address: &str, config: ReconnectConfig) -> ReconnectingPeer {
    let endpoint: chirp::Endpoint = address.parse().unwrap();
    PeerBuilder::new()
        .reconnecting_with(endpoint, config)
        .unwrap()
}

async fn until(client: &ReconnectingPeer, is: impl FnMut(&ReconnectState) -> bool) {
    in_time(client.watch().wait_for(is)).await.unwrap();
}

async fn until_not_serving(client: &ReconnectingPeer) {
    until(client, |state| {
        matches!(state, ReconnectState::NotServing { .. })
    })
    .await;
}

async fn until_connected(client: &ReconnectingPeer) {
    until(client, |state| *state == ReconnectState::Connected).await;
}

#[tokio::test]
async fn a_reconnecting_client_waits_for_a_serving_side_on_one_connection() {
    let server = HealthyServer::start("inproc://health-waits", PeerBuilder::new()).await;
    server.health.set_not_serving("Arith");
    let hooks = Arc::new(AtomicUsize::new(0));
    let ran = Arc::clone(&hooks);
    let config = following("Arith").on_connect(move |_| {
        ran.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok::<_, CallError>(()))
    });
    let client = reconnecting("inproc://health-waits", config);
    let call = client.as_caller().call("echo", "x").start();
    until_not_serving(&client).await;
    assert!(client.peer().is_none());
    let error = in_time(client.fail_fast().call("echo", ())).await;
    let error = error.unwrap_err();
    assert!(matches!(error, CallError::NotConnected(_)), "{error}");
    let expected = "the service \"Arith\" is not serving";
    assert!(error.to_string().contains(expected), "{error}");
    assert_eq!(hooks.load(Ordering::Relaxed), 0);
    server.health.set_serving("Arith");
    assert_eq!(in_time(call).await.unwrap(), "x");
    assert_eq!(hooks.load(Ordering::Relaxed), 1);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn calls_in_progress_go_on_while_a_side_is_not_serving() {
    let server = HealthyServer::start("inproc://health-changes", PeerBuilder::new()).await;
    let client = reconnecting("inproc://health-changes", following(""));
    for round in 0..3 {
        until_connected(&client).await;
        let running = client.as_caller().call("wait", ()).start();
        server.health.set_not_serving("");
        until_not_serving(&client).await;
        let waiting = client.as_caller().call("echo", "later");
        let mut waiting = std::pin::pin!(waiting);
        assert!(crate::support::is_pending(waiting.as_mut()).await);
        server.hold.add_permits(1);
        assert_eq!(in_time(running).await.unwrap(), "done");
        assert!(crate::support::is_pending(waiting.as_mut()).await);
        server.health.set_serving("");
        assert_eq!(in_time(waiting).await.unwrap(), "later", "round {round}");
    }
    assert_eq!(server.connections(), 1);
    // A client that is shut down meanwhile waits for its calls, too.
    let running = client.as_caller().call("wait", ()).start();
    server.health.set_not_serving("");
    until_not_serving(&client).await;
    let ending = tokio::spawn({
        let client = client.clone();
        async move { client.shutdown(GRACE).await }
    });
    until(&client, |state| *state == ReconnectState::Closed).await;
    assert!(!ending.is_finished());
    server.hold.add_permits(1);
    assert_eq!(in_time(running).await.unwrap(), "done");
    in_time(ending).await.unwrap();
}

#[tokio::test]
async fn a_side_without_health_counts_as_serving() {
    let server = Server::builder().handle("echo", crate::support::echo);
    let server = server.bind("inproc://health-none").await.unwrap();
    let running = tokio::spawn(server.run());
    let client = reconnecting("inproc://health-none", following("Arith"));
    let call = client.as_caller().call("echo", "x");
    assert_eq!(in_time(call).await.unwrap(), "x");
    assert_eq!(client.state(), ReconnectState::Connected);
    running.abort();
}

/// Without streams, there is no watch: the state is asked for now and then.
#[tokio::test(start_paused = true)]
async fn without_streams_the_state_is_asked_for() {
    let peers = PeerBuilder::new().negotiation(chirp::Negotiation::Disabled);
    let server = HealthyServer::start("inproc://health-disabled", peers).await;
    let client = reconnecting("inproc://health-disabled", following(""));
    for _ in 0..3 {
        until_connected(&client).await;
        server.health.set_not_serving("");
        until_not_serving(&client).await;
        server.health.set_serving("");
    }
    until_connected(&client).await;
    assert_eq!(server.connections(), 1);
}

/// A peer of plain v0 that is asked again and again, at most once a second, over one connection.
#[tokio::test(start_paused = true)]
async fn a_question_that_fails_is_asked_again_at_most_once_a_second() {
    let (channels, mut connections) = mpsc::unbounded_channel();
    let connector = move || {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        channels.send(theirs).unwrap();
        std::future::ready(Ok(Channel::io(ours)))
    };
    let client = PeerBuilder::new()
        .keep_alive(chirp::KeepAlive {
            interval: Duration::from_hours(9),
            ..chirp::KeepAlive::default()
        })
        .reconnecting_with(connector, following(""))
        .unwrap();
    let mut io = connections.recv().await.unwrap();
    let unanswered = Duration::from_millis(900);
    let mut last: Option<Instant> = None;
    // (code, data, whether the client then counts the peer as serving)
    for (code, data, serves) in [
        (4, &b""[..], false),
        (0, &[1], true),
        (4, b"", true),
        (0, &[2], false),
        (4, b"", false),
        (0, b"", false),
        (0, &[1], true),
        (0, &[0], false),
        // From then on, the peer knows no health.
        (1, b"", true),
    ] {
        let id = loop {
            let (kind, payload) = read_packet(&mut io).await.unwrap();
            let (id, rest) = payload.split_at(4);
            let id = u32::from_be_bytes(id.try_into().unwrap());
            if kind == PacketType::REQUEST && rest[1..].starts_with(b"chirp.health.check") {
                break id;
            }
            if kind == PacketType::REQUEST {
                io.write_all(&response(id, 1, b"")).await.unwrap();
            }
        };
        let now = Instant::now();
        if let Some(last) = last.replace(now) {
            assert!(now - last > unanswered, "{:?}", now - last);
        }
        io.write_all(&response(id, code, data)).await.unwrap();
        until(&client, |state| {
            matches!(state, ReconnectState::Connected) == serves
                && !matches!(state, ReconnectState::Connecting { .. })
        })
        .await;
    }
    // Nothing more is asked, and nobody has connected again.
    let more = tokio::time::timeout(Duration::from_hours(1), read_packet(&mut io)).await;
    assert!(more.is_err(), "{more:?}");
    assert!(connections.try_recv().is_err());
    assert_eq!(client.state(), ReconnectState::Connected);
}
