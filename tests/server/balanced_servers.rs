//! Clients over several servers that restart in order, or are not serving.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chirp::packet::ErrorData;
use chirp::{
    AsCaller, BalancePolicy, BalancedConfig, Health, PeerBuilder, ReconnectConfig, ReconnectState,
    Request, Server,
};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::balancing::{
    LONG, SlowClient, SlowServer, SlowServerOf, addresses, config, connected, counts, soon,
};

/// A member that is not serving gets no new calls, goes on with those that run, and comes back on the same connection.
#[tokio::test]
async fn a_member_that_is_not_serving_gets_no_new_calls() {
    let addresses = addresses("health");
    let (begun, mut begins) = mpsc::unbounded_channel();
    let mut members = Vec::new();
    let connections = Arc::new(AtomicUsize::new(0));
    for (name, address) in (0..).zip(&addresses) {
        let (health, go_on) = (Health::new(), Arc::new(Semaphore::new(0)));
        health.set_serving("Slow");
        let service = SlowServerOf {
            name,
            begun: begun.clone(),
            go_on: Arc::clone(&go_on),
            streams: Arc::default(),
        };
        let count = Arc::clone(&connections);
        let server = Server::builder()
            .health(&health)
            .service(SlowServer::new(service))
            .handle("who", move |_: Request| {
                std::future::ready(Ok::<_, ErrorData>(name.to_string()))
            })
            .on_connect(move |_| {
                count.fetch_add(1, Ordering::Relaxed);
            });
        let server = server.bind(address).await.unwrap();
        members.push((health, go_on, tokio::spawn(server.run())));
    }
    for policy in [
        BalancePolicy::PickFirst,
        BalancePolicy::RoundRobin,
        BalancePolicy::LeastPending,
    ] {
        let reconnect = ReconnectConfig::new().health("Slow");
        let config = BalancedConfig::new().policy(policy).reconnect(reconnect);
        let peer = PeerBuilder::new().connect_any(&addresses, config).unwrap();
        connected(&peer, 3).await;
        let before = connections.load(Ordering::Relaxed);
        let running = tokio::spawn(SlowClient::new(&peer).wait());
        let name = soon(begins.recv()).await.unwrap();
        let index = usize::try_from(name).unwrap();
        let (health, go_on, _) = &members[index];
        health.set_not_serving("Slow");
        connected(&peer, 2).await;
        let state = peer.state();
        let state = state.addresses()[index].state();
        assert!(
            matches!(state, ReconnectState::NotServing { .. }),
            "{state:?}"
        );
        let found = counts(&peer, 12).await;
        assert!(!found.contains_key(&name.to_string()), "{found:?}");
        go_on.add_permits(1);
        assert_eq!(soon(running).await.unwrap().unwrap(), name);
        // Nobody is serving: calls wait, and the error says why.
        for (health, _, _) in &members {
            health.set_not_serving("Slow");
        }
        connected(&peer, 0).await;
        let error = peer.fail_fast().call("who", ()).await.unwrap_err();
        let expected = "the service \"Slow\" is not serving";
        assert_eq!(error.to_string().matches(expected).count(), 3, "{error}");
        let waiting = tokio::spawn(peer.as_caller().call("who", ()));
        health.set_serving("Slow");
        assert_eq!(soon(waiting).await.unwrap().unwrap(), name.to_string());
        for (health, _, _) in &members {
            health.set_serving("Slow");
        }
        connected(&peer, 3).await;
        assert_eq!(connections.load(Ordering::Relaxed), before);
    }
    for (_, _, server) in members {
        server.abort();
    }
}

/// Under 32 callers, three servers are restarted in order, one after the other: no call fails, and none runs twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orderly_restarts_in_turn_cost_no_call() {
    const CALLERS: u64 = 32;
    let addresses = addresses("restarts");
    let ran: Arc<Mutex<BTreeMap<u64, usize>>> = Arc::default();
    let start = async |address: &str| {
        let ran = Arc::clone(&ran);
        let server = Server::builder().handle("once", move |request: Request| {
            let number = u64::from_be_bytes(request.params().try_into().unwrap());
            *ran.lock().unwrap().entry(number).or_default() += 1;
            async move {
                // Some calls are always running when a server ends.
                tokio::time::sleep(Duration::from_millis(number % 3)).await;
                Ok::<_, ErrorData>(())
            }
        });
        let server = loop {
            match server.clone().bind(address).await {
                Ok(server) => break server,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let (stop, stopped) = oneshot::channel::<()>();
        (stop, tokio::spawn(server.run_until(stopped)))
    };
    let mut servers = Vec::new();
    for address in &addresses {
        servers.push(start(address).await);
    }
    let peer = PeerBuilder::new()
        .connect_any(&addresses, config(BalancePolicy::LeastPending))
        .unwrap();
    connected(&peer, 3).await;
    let stopped = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let (peer, stopped) = (peer.clone(), Arc::clone(&stopped));
        let answered = Arc::clone(&answered);
        callers.spawn(async move {
            for count in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    return count;
                }
                let number = (caller << 32 | count).to_be_bytes();
                let call = peer.as_caller().call("once", number.to_vec());
                soon(call).await.expect("an orderly restart fails no call");
                answered.fetch_add(1, Ordering::Relaxed);
            }
            0
        });
    }
    let traffic = async || {
        let enough = answered.load(Ordering::Relaxed) + 100;
        while answered.load(Ordering::Relaxed) < enough {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    for restart in 0..9 {
        soon(traffic()).await;
        let (stop, ended) = servers.remove(0);
        drop(stop);
        soon(ended).await.unwrap();
        servers.push(start(&addresses[restart % 3]).await);
        connected(&peer, 3).await;
    }
    stopped.store(true, Ordering::Relaxed);
    let made: u64 = callers.join_all().await.into_iter().sum();
    let ran = ran.lock().unwrap();
    assert_eq!(u64::try_from(ran.len()).unwrap(), made, "each has run");
    assert!(ran.values().all(|&times| times == 1), "none runs twice");
    for (_, task) in servers {
        task.abort();
    }
}

/// A client that shuts down waits for its calls, also for those over a connection whose server shuts down itself.
#[tokio::test]
async fn a_shutdown_waits_for_calls_in_progress() {
    let addresses = addresses("waits");
    let (begun, mut begins) = mpsc::unbounded_channel();
    let start = async |name: u32, address: &str| {
        let go_on = Arc::new(Semaphore::new(0));
        let service = SlowServerOf {
            name,
            begun: begun.clone(),
            go_on: Arc::clone(&go_on),
            streams: Arc::default(),
        };
        let server = Server::builder()
            .shutdown_timeout(LONG)
            .service(SlowServer::new(service));
        let server = server.bind(address).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        (go_on, stop, tokio::spawn(server.run_until(stopped)))
    };
    for balanced in [false, true] {
        let (first, second) = (&addresses[0], &addresses[usize::from(balanced) + 1]);
        let (old, stop, ended) = start(0, first).await;
        let (new, _stop, serving) = start(1, second).await;
        let connect_any = || {
            let config = config(BalancePolicy::PickFirst);
            let peer = PeerBuilder::new().connect_any([first, second], config);
            peer.unwrap()
        };
        // The second connection of a reconnecting client goes to the other server.
        let attempts = Arc::new(AtomicUsize::new(0));
        let (count, at) = (Arc::clone(&attempts), [first.clone(), second.clone()]);
        let connect = || {
            let connector = move || {
                let index = count.fetch_add(1, Ordering::Relaxed).min(1);
                let endpoint: chirp::Endpoint = at[index].parse().unwrap();
                async move { endpoint.connect().await }
            };
            PeerBuilder::new()
                .reconnecting_with(connector, ReconnectConfig::new())
                .unwrap()
        };
        let (any, one) = (balanced.then(connect_any), (!balanced).then(connect));
        let client = match (&any, &one) {
            (Some(peer), _) => {
                connected(peer, 2).await;
                SlowClient::new(peer)
            }
            (_, one) => SlowClient::new(one.as_ref().unwrap()),
        };
        let leaving = tokio::spawn(client.wait());
        assert_eq!(soon(begins.recv()).await, Some(0));
        drop(stop);
        // The client has left the old server.
        if let Some(peer) = &any {
            connected(peer, 1).await;
        }
        if let Some(peer) = &one {
            while attempts.load(Ordering::Relaxed) < 2 {
                tokio::task::yield_now().await;
            }
            soon(peer.ready()).await.unwrap();
        }
        let current = tokio::spawn(client.wait());
        assert_eq!(soon(begins.recv()).await, Some(1));
        let mut ending = tokio::spawn(async move {
            if let Some(peer) = any {
                peer.shutdown(LONG).await;
            }
            if let Some(peer) = one {
                peer.shutdown(LONG).await;
            }
        });
        let still = tokio::time::timeout(Duration::from_millis(20), &mut ending).await;
        assert!(still.is_err(), "it waits");
        new.add_permits(1);
        assert_eq!(soon(current).await.unwrap().unwrap(), 1);
        let still = tokio::time::timeout(Duration::from_millis(20), &mut ending).await;
        assert!(still.is_err(), "it waits for the old server, too");
        old.add_permits(1);
        assert_eq!(soon(leaving).await.unwrap().unwrap(), 0);
        soon(ending).await.unwrap();
        soon(ended).await.unwrap();
        serving.abort();
    }
}
