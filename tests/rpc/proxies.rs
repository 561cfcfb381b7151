//! Proxies: peers whose fallback forwards calls to another peer.

use std::time::{Duration, Instant};

use bytes::Bytes;
use chirp::packet::{ErrorData, FrameworkError};
use chirp::{
    AccessPolicy, AsCaller as _, CallError, Caller, Compatibility, Handler, HandlerFuture, Health,
    HealthClient, HealthStatus, Limits, Mismatch, Peer, PeerBuilder, Reply, Request,
};
use tokio::sync::mpsc;

use crate::support::{DropFlag, echo, idle, pair};

#[chirp::service]
trait Shop {
    async fn price(&self, article: String) -> u64;
    async fn order(&self, article: String, count: u32) -> u64;
}

struct Open;

impl Shop for Open {
    async fn price(&self, article: String) -> u64 {
        article.len() as u64
    }

    async fn order(&self, article: String, count: u32) -> u64 {
        article.len() as u64 * u64::from(count)
    }
}

/// A caller of a proxy that forwards to `target` what it does not serve itself, and the peers.
fn through(proxy: PeerBuilder, target: &PeerBuilder) -> (Peer, [Peer; 3]) {
    let (to_target, end) = pair(&PeerBuilder::new(), target);
    let proxy = proxy.fallback(to_target.as_caller());
    let (peer, between) = pair(&PeerBuilder::new(), &proxy);
    (peer, [between, to_target, end])
}

fn missing(methods: &[&str]) -> Compatibility {
    let method = |method: &&str| Mismatch::Missing {
        method: (*method).to_owned(),
    };
    Compatibility::Differs(methods.iter().map(method).collect())
}

async fn compared(peer: &Peer) -> Compatibility {
    let compared = ShopClient::new(peer).check_compatibility().await;
    compared.expect("answered")
}

#[tokio::test]
async fn a_target_answers_for_its_contracts() {
    let served = PeerBuilder::new().service(ShopServer::new(Open));
    let (peer, _peers) = through(PeerBuilder::new(), &served);
    assert_eq!(compared(&peer).await, Compatibility::Same);
    // What the proxy serves itself comes first, with or without a signature.
    let own = PeerBuilder::new().handle("Shop.price", echo);
    let (peer, _peers) = through(own, &served);
    assert_eq!(compared(&peer).await, Compatibility::Unknown);
    let own = PeerBuilder::new().service(ShopServer::new(Open));
    let (peer, _peers) = through(own, &PeerBuilder::new());
    assert_eq!(compared(&peer).await, Compatibility::Same);
    let (peer, _peers) = through(PeerBuilder::new(), &PeerBuilder::new());
    let none = missing(&["Shop.price", "Shop.order"]);
    assert_eq!(compared(&peer).await, none);
    // Access is judged at the proxy, and then at the target.
    let open = || AccessPolicy::new().allow(["Shop.order"], |_| true);
    let (peer, _peers) = through(PeerBuilder::new().access(open()), &served);
    assert_eq!(compared(&peer).await, missing(&["Shop.price"]));
    let (peer, _peers) = through(PeerBuilder::new(), &served.clone().access(open()));
    assert_eq!(compared(&peer).await, missing(&["Shop.price"]));
    // A chain of proxies, of which one is in this process.
    let (to_target, _end) = pair(&PeerBuilder::new(), &served);
    let mut router = chirp::Router::default();
    router.fallback(to_target.as_caller());
    let (peer, _peers) = through(PeerBuilder::new(), &PeerBuilder::new().fallback(router));
    assert_eq!(compared(&peer).await, Compatibility::Same);
}

/// A handler of other names that is no proxy never receives the framework's own methods.
#[tokio::test]
async fn a_fallback_that_is_no_proxy_receives_no_reserved_names() {
    let (seen, mut names) = mpsc::unbounded_channel::<Vec<u8>>();
    let fallback = PeerBuilder::new().fallback(move |request: Request| {
        seen.send(request.method().to_vec()).expect("received");
        async { Ok::<_, ErrorData>(()) }
    });
    let (peer, _other) = pair(&PeerBuilder::new(), &fallback);
    assert_eq!(compared(&peer).await, Compatibility::Unknown);
    let error = HealthClient::new(&peer).check("").await.expect_err("off");
    assert!(
        matches!(error, CallError::UnknownMethod { .. }),
        "{error:?}"
    );
    peer.call("seen", ()).await.expect("answered");
    assert_eq!(names.recv().await.expect("one"), b"seen");
}

/// A target that answers questions about contracts with something else.
#[tokio::test]
async fn a_target_that_lies_is_not_believed() {
    struct Liar(&'static [u8]);

    impl Handler for Liar {
        fn handle(&self, _: Request) -> HandlerFuture {
            let answer = Reply::Value(Bytes::from_static(self.0).into());
            Box::pin(std::future::ready(answer))
        }

        fn is_proxy(&self) -> bool {
            true
        }
    }

    let answers: [&[u8]; 5] = [
        b"",
        b"\xC7NGIS",
        b"\xC7NGIS\x01\x01\x01",
        b"\xC7NGIS\x02\x00\x00",
        b"\xC7NGIS\x03\x03",
    ];
    for answer in answers {
        let builder = PeerBuilder::new().fallback(Liar(answer));
        let (peer, _other) = pair(&PeerBuilder::new(), &builder);
        assert_eq!(compared(&peer).await, Compatibility::Unknown);
    }
}

#[tokio::test]
async fn a_proxy_answers_for_the_health_of_the_services_that_it_knows() {
    let health = |services: &[(&str, bool)]| {
        let health = Health::new();
        for (service, serving) in services {
            if *serving {
                health.set_serving(*service);
            } else {
                health.set_not_serving(*service);
            }
        }
        health
    };
    let target = health(&[("", true), ("Shop", true), ("Both", true)]);
    let served = PeerBuilder::new().health(&target);
    // A proxy without states of its own forwards everything.
    let (peer, _peers) = through(PeerBuilder::new(), &served);
    let client = HealthClient::new(&peer);
    for (service, expected) in [
        ("", HealthStatus::Serving),
        ("Shop", HealthStatus::Serving),
        ("None", HealthStatus::Unknown),
    ] {
        assert_eq!(client.check(service).await.expect("answered"), expected);
    }
    let own = health(&[("", false), ("Both", false)]);
    let (peer, peers) = through(PeerBuilder::new().health(&own), &served);
    let client = HealthClient::new(&peer);
    for (service, expected) in [
        ("", HealthStatus::NotServing),
        ("Both", HealthStatus::NotServing),
        ("Shop", HealthStatus::Serving),
        ("None", HealthStatus::Unknown),
    ] {
        assert_eq!(client.check(service).await.expect("answered"), expected);
        let mut states = client.watch(service).await.expect("begun");
        let state = states.recv().await.expect("one").expect("whole");
        assert_eq!(state, expected);
    }
    // A watch through the proxy follows the target.
    let mut states = client.watch("Shop").await.expect("begun");
    assert_eq!(states.recv().await.expect("one"), Ok(HealthStatus::Serving));
    target.set_not_serving("Shop");
    assert_eq!(
        states.recv().await.expect("one"),
        Ok(HealthStatus::NotServing)
    );
    drop(states);
    for peer in peers.iter().chain([&peer]) {
        idle(peer).await;
    }
}

/// Joins concern the connection: they are never forwarded.
#[tokio::test]
async fn joins_of_nodes_are_not_forwarded() {
    let node = chirp::Node::builder("alpha").network("test").start().await;
    let node = node.expect("started");
    let (peer, _peers) = through(PeerBuilder::new(), &PeerBuilder::new());
    for method in ["chirp.node.join", "chirp.node.leave"] {
        let error = peer.call(method, ()).await.expect_err("not served");
        assert!(
            matches!(error, CallError::UnknownMethod { .. }),
            "{error:?}"
        );
    }
    drop(node);
}

/// Access rules of a proxy apply to what it forwards, whatever the form of the name.
#[tokio::test]
async fn what_a_proxy_denies_is_not_forwarded() {
    let (seen, mut names) = mpsc::unbounded_channel::<Vec<u8>>();
    let target = PeerBuilder::new().fallback(move |request: Request| {
        seen.send(request.method().to_vec()).expect("received");
        async { Ok::<_, ErrorData>(()) }
    });
    let access = AccessPolicy::new()
        .allow(["Daemon.stop"], |_| false)
        .default_rule(|_| true);
    let (peer, _peers) = through(PeerBuilder::new().access(access), &target);
    for method in ["Daemon.stop", "Daemon.stop;json"] {
        match peer.call(method, ()).await.expect_err("denied") {
            CallError::Rejected { reason, .. } => {
                assert_eq!(reason, FrameworkError::PermissionDenied);
            }
            error => panic!("{error:?}"),
        }
    }
    peer.call("Daemon.start;json", ()).await.expect("allowed");
    assert_eq!(names.recv().await.expect("one"), b"Daemon.start;json");
    drop(peer);
    assert!(names.try_recv().is_err());
}

#[tokio::test]
async fn a_deadline_is_forwarded_less_the_time_that_has_passed() {
    let (seen, mut deadlines) = mpsc::unbounded_channel();
    let (flag, mut drops) = DropFlag::new();
    let flag = std::sync::Mutex::new(Some(flag));
    let target = PeerBuilder::new().handle("wait", move |request: Request| {
        let left = request.context().deadline().map(|at| at - Instant::now());
        seen.send(left).expect("received");
        let flag = flag.lock().expect("whole").take();
        async move {
            let _flag = flag;
            std::future::pending::<Result<(), ErrorData>>().await
        }
    });
    let (peer, peers) = through(PeerBuilder::new(), &target);
    for peer in [&peer, &peers[1]] {
        peer.hello().await.expect("asked").expect("known");
    }
    let call = peer.call("wait", ()).timeout(Duration::from_millis(80));
    let error = call.await.expect_err("late");
    assert!(
        matches!(error, CallError::DeadlineExceeded { .. }),
        "{error:?}"
    );
    let left = deadlines.recv().await.expect("one").expect("a deadline");
    assert!(left <= Duration::from_millis(80), "{left:?}");
    drops.recv().await.expect("interrupted");
    for peer in peers.iter().chain([&peer]) {
        idle(peer).await;
    }
}

/// The errors of a connection to a target have their kinds at the proxy's caller.
#[tokio::test]
async fn errors_of_the_connection_to_a_target_are_typed() {
    let reason = |error: CallError| match error {
        CallError::Rejected { reason, .. } => reason,
        error => panic!("{error:?}"),
    };
    let hang = |_: Request| std::future::pending::<Result<(), ErrorData>>();
    let (peer, [_between, to_target, end]) =
        through(PeerBuilder::new(), &PeerBuilder::new().handle("hang", hang));
    let call = peer.call("hang", ()).start();
    while end.stats().running == 0 {
        tokio::task::yield_now().await;
    }
    end.close();
    let error = call.await.expect_err("lost");
    assert!(error.may_have_run() && !error.is_safe_to_retry());
    assert_eq!(reason(error), FrameworkError::NoReply);
    // The connection to the proxy goes on, and later calls were provably not sent.
    to_target.closed().await;
    for _ in 0..2 {
        let error = peer.call("hang", ()).await.expect_err("no target");
        assert_eq!(reason(error), FrameworkError::NoReply);
    }
    // A target that leaves refuses calls, which the proxy's caller may repeat on the same connection.
    let (peer, [_between, to_target, end]) =
        through(PeerBuilder::new(), &PeerBuilder::new().handle("echo", echo));
    peer.call("echo", ()).await.expect("answered");
    let leaving = tokio::spawn(async move { end.shutdown(Duration::from_secs(5)).await });
    to_target.draining().await;
    for _ in 0..2 {
        let error = peer.call("echo", ()).await.expect_err("no target");
        assert!(matches!(
            reason(error),
            FrameworkError::Overloaded | FrameworkError::NoReply
        ));
    }
    leaving.await.expect("ended");
    // Limits.
    let limits = Limits::default().max_payload(1000);
    let target = PeerBuilder::new().handle("echo", echo).limits(limits);
    let (peer, [_between, to_target, _end]) = through(PeerBuilder::new(), &target);
    let large = || peer.call("echo", vec![0; 2000]);
    let error = large().await.expect_err("too large");
    assert!(matches!(error, CallError::TooLarge { .. }), "{error:?}");
    to_target.hello().await.expect("asked").expect("known");
    let error = large().await.expect_err("too large");
    assert!(matches!(error, CallError::TooLarge { .. }), "{error:?}");
    // A caller without a target.
    let builder = PeerBuilder::new().fallback(Caller::unbound());
    let (peer, _other) = pair(&PeerBuilder::new(), &builder);
    let error = peer.call("echo", ()).await.expect_err("no target");
    assert!(matches!(error, CallError::Remote(_)), "{error:?}");
}
