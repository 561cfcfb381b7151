//! Nodes that are connected, but not serving.

use std::sync::Arc;

use chirp::packet::ErrorData;
use chirp::{AsCaller, CallError, Health, HealthClient, HealthStatus, NodeState, Request};
use tokio::sync::Semaphore;

use crate::nodes::{ArithClient, address, connected, node, state};
use crate::support::{in_time, is_pending};

#[chirp::service]
trait Open {
    async fn knock(&self);
}

struct Door;

impl Open for Door {
    async fn knock(&self) {}
}

fn is_not_serving(state: &NodeState) -> bool {
    matches!(state, NodeState::NotServing { .. })
}

fn is_connected(state: &NodeState) -> bool {
    *state == NodeState::Connected
}

#[tokio::test]
async fn a_node_that_is_not_serving_gets_no_new_calls() {
    let (health, hold) = (Health::new(), Arc::new(Semaphore::new(0)));
    let waits_for = Arc::clone(&hold);
    let beta = node("beta")
        .health(&health)
        .configure_peers(move |peers| {
            peers.handle("wait", move |_: Request| {
                let waits_for = Arc::clone(&waits_for);
                async move {
                    waits_for.acquire().await.unwrap().forget();
                    Ok::<_, ErrorData>("done")
                }
            })
        })
        .listen(address());
    let beta = beta.start().await.unwrap();
    // It does not tell its health, and counts as serving.
    let gamma = node("gamma").listen(address()).start().await.unwrap();
    let alpha = node("alpha")
        .require_health("Arith")
        .connect("beta", beta.addresses().remove(0))
        .connect("gamma", gamma.addresses().remove(0));
    let alpha = alpha.start().await.unwrap();
    connected(&alpha, "gamma").await;
    let names = || {
        let answers = alpha.all().gather(ArithClient::unbound().name());
        async move {
            let mut names: Vec<_> = in_time(answers)
                .await
                .into_iter()
                .map(|answer| answer.result.unwrap())
                .collect();
            names.sort();
            names
        }
    };
    let waiting = ArithClient::new(&alpha.peer("beta")).name();
    let mut waiting = std::pin::pin!(waiting);
    // A service that the node does not know is not serving.
    let told = state(
        &alpha,
        "beta",
        |state| matches!(state, NodeState::NotServing { reason } if reason.contains("unknown")),
    );
    told.await;
    assert!(is_pending(waiting.as_mut()).await);
    assert_eq!(names().await, ["gamma"]);
    health.set_serving("Arith");
    assert_eq!(in_time(waiting).await.unwrap(), "beta");
    state(&alpha, "beta", is_connected).await;
    assert_eq!(names().await, ["beta", "gamma"]);

    let since = alpha.peer("beta").info().link.unwrap().since;
    let running = alpha.peer("beta").as_caller().call("wait", ()).start();
    health.set_not_serving("Arith");
    state(&alpha, "beta", is_not_serving).await;
    assert_eq!(names().await, ["gamma"]);
    // A node that is asked for by its name has an answer.
    let some = alpha.some(["beta"]).gather(ArithClient::unbound().name());
    let error = in_time(some).await.remove(0).result.unwrap_err();
    let error = error.to_string();
    assert!(error.contains("\"Arith\" is not serving"), "{error}");
    let call = alpha.peer("beta").fail_fast().call("wait", ());
    let error = in_time(call).await.unwrap_err();
    assert!(matches!(error, CallError::NotConnected(_)), "{error}");
    let peers = alpha.peers();
    assert!(peers.iter().any(|peer| is_not_serving(&peer.state)));
    // The other direction is not concerned.
    let name = ArithClient::new(&beta.peer("alpha")).name();
    assert_eq!(in_time(name).await.unwrap(), "alpha");
    hold.add_permits(1);
    assert_eq!(in_time(running).await.unwrap(), "done");
    health.set_serving("Arith");
    state(&alpha, "beta", is_connected).await;
    assert_eq!(alpha.peer("beta").info().link.unwrap().since, since);

    // A node that shuts down is not waits_for up by those that watch it.
    beta.shutdown(std::time::Duration::from_hours(1)).await;
    state(&alpha, "beta", |state| {
        !is_connected(state) && !is_not_serving(state)
    })
    .await;
}

#[tokio::test]
async fn clients_of_open_services_may_ask_for_health() {
    let health = Health::new();
    let alpha = node("alpha").health(&health).listen(address());
    let closed = alpha.start().await.unwrap();
    let alpha = node("alpha")
        .health(&health)
        .open_service(OpenServer::new(Door))
        .listen(address());
    let open = alpha.start().await.unwrap();
    let client = chirp::connect(closed.addresses().remove(0)).await.unwrap();
    let error = in_time(HealthClient::new(&client).check(""))
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::UnknownMethod { .. }), "{error}");
    let client = chirp::connect(open.addresses().remove(0)).await.unwrap();
    let status = in_time(HealthClient::new(&client).check("")).await;
    assert_eq!(status.unwrap(), HealthStatus::Serving);
    // Joined nodes may ask in both cases.
    for node_of_it in [&closed, &open] {
        let beta = node("beta").connect("alpha", node_of_it.addresses().remove(0));
        let beta = beta.start().await.unwrap();
        let status = HealthClient::new(&beta.peer("alpha")).check("");
        assert_eq!(in_time(status).await.unwrap(), HealthStatus::Serving);
        beta.close();
    }
}
