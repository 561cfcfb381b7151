//! Joins: who may call what before and after, and whom a node refuses.

use std::time::Duration;

use chirp::packet::FrameworkError;
use chirp::{
    AsCaller, CallError, Node, NodeError, NodeEvent, NodeState, PeerBuilder, RefusalReason,
};

use crate::nodes::{ArithClient, address, connected, event, node, refused, sees, state};
use crate::support::{in_time, on_both_runtimes, socket_path};

#[test]
fn two_nodes_call_each_other_over_every_kind_of_address() {
    on_both_runtimes(async || {
        let unix = format!("unix://{}", socket_path().display());
        for address in ["tcp://127.0.0.1:0".to_owned(), unix, address()] {
            let alpha = node("alpha").listen(&address).start().await.unwrap();
            let address = alpha.addresses().remove(0);
            let beta = node("beta")
                .connect("alpha", &address)
                .start()
                .await
                .unwrap();
            let answer = in_time(ArithClient::new(&beta.peer("alpha")).add(2, 3)).await;
            assert_eq!(answer.unwrap(), (5, Some("beta".to_owned())));
            // The other direction, over the same link: beta does not listen.
            let answer = in_time(ArithClient::new(&alpha.peer("beta")).add(1, 1)).await;
            assert_eq!(answer.unwrap(), (2, Some("alpha".to_owned())));
            sees(&alpha, &["beta"]).await;
            sees(&beta, &["alpha"]).await;
            beta.shutdown(Duration::from_secs(10)).await;
            alpha.shutdown(Duration::from_secs(10)).await;
        }
    });
}

#[tokio::test]
async fn a_connection_that_has_not_joined_may_call_nothing() {
    let address = address();
    let _alpha = node("alpha").listen(&address).start().await.unwrap();
    let peer = PeerBuilder::new().connect(&address).await.unwrap();
    let error = in_time(ArithClient::new(&peer).add(1, 2))
        .await
        .unwrap_err();
    let CallError::Rejected {
        reason, message, ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(reason, FrameworkError::PermissionDenied);
    assert!(message.contains("join"), "{message}");
    // A name that is not served is no different, and leaving is refused, too.
    for method in ["Other.method", "chirp.node.leave"] {
        let error = in_time(peer.call(method, vec![0, 0])).await.unwrap_err();
        assert!(
            matches!(
                error,
                CallError::Rejected {
                    reason: FrameworkError::PermissionDenied,
                    ..
                }
            ) || matches!(error, CallError::UnknownMethod { .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_does_not_join_is_closed() {
    let address = address();
    let builder = node("alpha").join_timeout(Duration::from_millis(50));
    let _alpha = builder.listen(&address).start().await.unwrap();
    let peer = PeerBuilder::new().connect(&address).await.unwrap();
    in_time(peer.closed()).await;
}

#[tokio::test]
async fn open_services_need_no_join() {
    use crate::nodes::{ArithServer, Calculator};

    let address = address();
    let builder = Node::builder("alpha")
        .open_service(ArithServer::new(Calculator("open".to_owned())))
        .listen(&address);
    let _alpha = builder.start().await.unwrap();
    let peer = PeerBuilder::new().connect(&address).await.unwrap();
    let answer = in_time(ArithClient::new(&peer).add(1, 2)).await.unwrap();
    assert_eq!(answer, (3, None));
}

#[tokio::test]
async fn the_network_must_match_on_both_sides() {
    let address = address();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let mut seen = alpha.watch();
    let beta = node("beta").network("other").start().await.unwrap();
    let mut told = beta.watch();
    beta.connect("alpha", &address).unwrap();
    let (refusal, here) = refused(&mut seen).await;
    assert!(here);
    assert_eq!(refusal.reason, RefusalReason::Network);
    assert!(refusal.message.contains("\"other\""), "{refusal}");
    let (refusal, here) = refused(&mut told).await;
    assert!(!here);
    assert_eq!(refusal.reason, RefusalReason::Network);
    assert!(alpha.connected().is_empty() && beta.connected().is_empty());
}

#[tokio::test]
async fn the_name_at_an_address_must_be_the_one_that_was_dialled() {
    let address = address();
    let _alpha = node("alpha").listen(&address).start().await.unwrap();
    let beta = node("beta").start().await.unwrap();
    let mut events = beta.watch();
    beta.connect("gamma", &address).unwrap();
    let (refusal, _) = refused(&mut events).await;
    assert_eq!(refusal.reason, RefusalReason::WrongNode);
    assert_eq!(&*refusal.message, "this node is \"alpha\", not \"gamma\"");
}

#[tokio::test]
async fn a_node_does_not_join_itself() {
    let address = address();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let mut events = alpha.watch();
    let error = alpha.connect("alpha", &address).unwrap_err();
    assert!(matches!(error, NodeError::OwnName { .. }), "{error}");
    alpha.connect("beta", &address).unwrap();
    let (refusal, _) = refused(&mut events).await;
    assert_eq!(refusal.reason, RefusalReason::OwnName);
    assert!(refusal.message.contains("dialled itself"), "{refusal}");
    // Another process with the name of this one.
    let other = node("alpha").start().await.unwrap();
    other.connect("beta", &address).unwrap();
    let mut told = other.watch();
    let (refusal, _) = refused(&mut told).await;
    assert_eq!(refusal.reason, RefusalReason::OwnName);
    assert!(refusal.message.contains("name of this node"), "{refusal}");
}

#[tokio::test]
async fn labels_arrive_on_both_sides() {
    let address = address();
    let alpha = node("alpha").label("zone", "eu").listen(&address);
    let alpha = alpha.start().await.unwrap();
    let beta = node("beta").label("role", "db").connect("alpha", &address);
    let beta = beta.start().await.unwrap();
    connected(&beta, "alpha").await;
    connected(&alpha, "beta").await;
    let link = beta.peer("alpha").info().link.unwrap();
    assert_eq!(link.labels.get("zone"), Some("eu"));
    assert!(link.dialled && !link.authenticated);
    let link = alpha.peer("beta").info().link.unwrap();
    assert_eq!(link.labels.iter().collect::<Vec<_>>(), [("role", "db")]);
    assert!(!link.dialled);
}

#[tokio::test]
async fn wrong_configurations_fail_at_the_start() {
    let twice = node("a").label("k", "1").label("k", "2").start().await;
    assert!(matches!(twice.unwrap_err(), NodeError::Labels(_)));
    let long = node("a").label("k", "v".repeat(1025)).start().await;
    assert!(matches!(long.unwrap_err(), NodeError::Labels(_)));
    let name = Node::builder("").start().await.unwrap_err();
    assert!(matches!(name, NodeError::InvalidName { .. }), "{name}");
    let network = Node::builder("a").network("\n").start().await.unwrap_err();
    assert!(matches!(network, NodeError::InvalidName { .. }));
    let scheme = node("a").listen("nonsense").start().await.unwrap_err();
    assert!(matches!(scheme, NodeError::NoScheme { .. }), "{scheme}");
    let scheme = node("a")
        .connect("b", "nonsense")
        .start()
        .await
        .unwrap_err();
    assert!(matches!(scheme, NodeError::NoScheme { .. }), "{scheme}");
    let port = node("a").listen("tcp://host").start().await.unwrap_err();
    assert!(matches!(port, NodeError::Endpoint(_)), "{port}");
    let tls = node("a")
        .listen("tls://127.0.0.1:0")
        .start()
        .await
        .unwrap_err();
    assert!(tls.to_string().contains("NodeBuilder::keys"), "{tls}");
    let tls = node("a")
        .connect("b", "tls://127.0.0.1:1")
        .start()
        .await
        .unwrap_err();
    assert!(matches!(tls, NodeError::NoTls { .. }), "{tls}");
    let address = address();
    let _first = node("a").listen(&address).start().await.unwrap();
    let used = node("b").listen(&address).start().await.unwrap_err();
    assert!(matches!(used, NodeError::Listen(_)), "{used}");
}

#[tokio::test]
async fn calls_to_unknown_and_absent_nodes_fail_with_a_type() {
    let alpha = node("alpha")
        .max_wait(Duration::from_millis(20))
        .start()
        .await
        .unwrap();
    let call = || alpha.peer("beta").as_caller().call("m", "");
    let error = in_time(call()).await.unwrap_err();
    assert_eq!(error, CallError::UnknownNode("beta".into()));
    let text = "unknown node \"beta\": it has not joined, and no address of it is known";
    assert_eq!(error.to_string(), text);
    alpha.connect("beta", address()).unwrap();
    let error = in_time(call()).await.unwrap_err();
    assert!(matches!(error, CallError::NotConnected(_)), "{error}");
    let error = alpha
        .peer("beta")
        .fail_fast()
        .call("m", "")
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::NotConnected(_)), "{error}");
    let error = alpha.disconnect("gamma").await.unwrap_err();
    assert!(matches!(error, NodeError::UnknownNode { .. }), "{error}");
}

/// F2.
#[tokio::test]
async fn removing_the_last_address_of_a_node_fails_waiting_calls() {
    let alpha = node("alpha").start().await.unwrap();
    let address = address();
    alpha.connect("beta", &address).unwrap();
    let waits = tokio::spawn(alpha.peer("beta").as_caller().call("m", ""));
    state(&alpha, "beta", |state| {
        matches!(state, NodeState::Waiting { .. })
    })
    .await;
    assert!(alpha.remove_address("beta", &address).unwrap());
    assert!(!alpha.remove_address("beta", &address).unwrap());
    let failed = in_time(waits).await.unwrap();
    assert_eq!(failed, Err(CallError::UnknownNode("beta".into())));
    state(&alpha, "beta", |state| *state == NodeState::Unknown).await;
}

#[tokio::test]
async fn nodes_and_joins_are_limited() {
    let address = address();
    let builder = node("alpha").max_nodes(2).max_joins_per_second(1000);
    let alpha = builder.listen(&address).start().await.unwrap();
    let mut others = Vec::new();
    for name in ["b", "c"] {
        let other = node(name).connect("alpha", &address).start().await.unwrap();
        connected(&other, "alpha").await;
        others.push(other);
    }
    let third = node("d").start().await.unwrap();
    let mut events = third.watch();
    third.connect("alpha", &address).unwrap();
    let (refusal, _) = refused(&mut events).await;
    assert_eq!(refusal.reason, RefusalReason::TooManyNodes);
    let error = alpha.connect("e", &address).unwrap_err();
    assert!(
        matches!(error, NodeError::TooManyNodes { limit: 2 }),
        "{error}"
    );
    // A node that has gone makes room.
    others.remove(0).close();
    connected(&third, "alpha").await;
    sees(&alpha, &["c", "d"]).await;

    let address = crate::nodes::address();
    let _strict = node("strict")
        .max_joins_per_second(0)
        .listen(&address)
        .start()
        .await
        .unwrap();
    third.connect("strict", &address).unwrap();
    let busy = event(&mut events, |event| match event {
        NodeEvent::Refused { name, refusal, .. } if name.as_deref() == Some("strict") => {
            Some(refusal.clone())
        }
        _ => None,
    });
    assert_eq!(busy.await.reason, RefusalReason::Busy);
}
