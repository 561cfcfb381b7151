//! Calls that are dropped at each of their polls, and clients that are shut down or dropped while calls run.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use chirp::packet::{ErrorData, FrameworkError};
use chirp::{
    Answered, AsCaller, BalancePolicy, BalancedConfig, CallError, Caller, ClientLayer, ClientNext,
    Health, HealthClient, OutgoingCall, PeerBuilder, ReconnectConfig, Request, RetryBudget,
    RetryPolicy, Server, ServerHandle,
};
use tokio::sync::Semaphore;

use crate::support::{idle, in_time};

const LONG: Duration = Duration::from_mins(1);

/// Polls a future up to `polls` times, and then drops it.
async fn drop_after<F: Future>(polls: usize, future: F) {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        let poll = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx)));
        if poll.await.is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Refuses calls without parameters.
async fn picky(request: Request) -> Result<Bytes, ErrorData> {
    tokio::task::yield_now().await;
    if request.params().is_empty() {
        return Err(FrameworkError::Overloaded.to_error_data("no parameters"));
    }
    Ok(request.into_params())
}

async fn started(server: chirp::ServerBuilder) -> (String, ServerHandle) {
    let server = server.bind("tcp://127.0.0.1:0").await.expect("an address");
    let (address, handle) = (server.endpoint().to_string(), server.handle());
    tokio::spawn(server.run());
    (address, handle)
}

/// A layer that lets two calls through at a time, and sends each again once if it fails.
fn limit(permits: &Arc<Semaphore>) -> impl ClientLayer + Clone + use<> {
    let permits = Arc::clone(permits);
    move |call: OutgoingCall, next: ClientNext| {
        let permits = Arc::clone(&permits);
        async move {
            let _permit = permits.acquire().await.expect("open");
            if let Some(copy) = call.try_clone()
                && let Ok(answer) = next.run(copy).await
            {
                return Ok::<Answered, CallError>(answer);
            }
            next.run(call).await
        }
    }
}

#[tokio::test]
async fn calls_that_are_dropped_at_any_poll_leave_nothing() {
    let health = Health::new();
    let server = Server::builder().handle("picky", picky).health(&health);
    let (mut addresses, mut servers) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (address, handle) = started(server.clone()).await;
        addresses.push(address);
        servers.push(handle);
    }
    let permits = Arc::new(Semaphore::new(2));
    let short = Duration::from_millis(1);
    let retry = RetryPolicy::new().backoff(short, short);
    let retry = retry.budget(&RetryBudget::new(100, 1000));
    for policy in [
        BalancePolicy::LeastPending,
        BalancePolicy::RoundRobin,
        BalancePolicy::PickFirst,
    ] {
        let config = BalancedConfig::new()
            .policy(policy)
            .reconnect(ReconnectConfig::new().retry(&retry).health(""));
        let client = PeerBuilder::new()
            .client_layer(limit(&permits))
            .connect_any(addresses.iter().map(String::as_str), config)
            .expect("addresses");
        let caller = client
            .as_caller()
            .with_layer(limit(&Arc::new(Semaphore::new(2))));
        let caller = caller.with_metadata("key", "value").with_timeout(LONG);
        for polls in 0..25 {
            drop_after(polls, caller.call("picky", "x")).await;
            drop_after(polls, caller.call("picky", ()).idempotent()).await;
            drop_after(polls, caller.call("picky", ()).retry(&retry).start()).await;
            drop_after(polls, caller.call_one_way("picky", "x")).await;
            drop_after(polls, HealthClient::new(&caller).watch("")).await;
            drop_after(polls, client.ready()).await;
        }
        in_time(async {
            while permits.available_permits() < 2 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        in_time(caller.call("picky", "x")).await.expect("an answer");
        let peer = in_time(client.ready()).await.expect("connected");
        in_time(idle(&peer)).await;
        for connection in servers.iter().flat_map(ServerHandle::connections) {
            in_time(idle(&connection.peer)).await;
        }
        in_time(client.shutdown(LONG)).await;
    }
}

/// How a client is given up while calls run.
#[derive(Clone, Copy, Debug)]
enum End {
    Shutdown,
    Drop,
    NoAddresses,
}

#[tokio::test]
async fn calls_in_progress_outlast_their_balanced_client() {
    let gate = Arc::new(Semaphore::new(0));
    let entered = Arc::new(Semaphore::new(0));
    let (waits, enters) = (Arc::clone(&gate), Arc::clone(&entered));
    let server = Server::builder().handle("waits", move |request: Request| {
        let (waits, enters) = (Arc::clone(&waits), Arc::clone(&enters));
        async move {
            enters.add_permits(1);
            waits.acquire().await.expect("open").forget();
            Ok::<_, ErrorData>(request.into_params())
        }
    });
    let (one, _) = started(server.clone()).await;
    let (two, _) = started(server).await;
    let pass = |call: OutgoingCall, next: ClientNext| next.run(call);
    for builder in [PeerBuilder::new(), PeerBuilder::new().client_layer(pass)] {
        for end in [End::Shutdown, End::Drop, End::NoAddresses] {
            let client = builder.connect_any([&*one, &*two], BalancedConfig::new());
            let client = client.expect("addresses");
            in_time(client.ready()).await.expect("connected");
            let caller: Caller = client.as_caller();
            let calls: Vec<_> = (0..20)
                .map(|number| caller.call("waits", number.to_string()).start())
                .collect();
            drop(caller);
            let all = in_time(entered.acquire_many(20)).await;
            all.expect("open").forget();
            let ending = match end {
                End::Shutdown => Some(tokio::spawn(async move { client.shutdown(LONG).await })),
                End::Drop => {
                    drop(client);
                    None
                }
                End::NoAddresses => {
                    let none: [&str; 0] = [];
                    client.set_addresses(none).expect("no addresses");
                    Some(tokio::spawn(async move { client.shutdown(LONG).await }))
                }
            };
            tokio::task::yield_now().await;
            gate.add_permits(20);
            for (number, call) in calls.into_iter().enumerate() {
                let answer = in_time(call).await;
                assert_eq!(answer.expect("not cut"), number.to_string(), "{end:?}");
            }
            if let Some(ending) = ending {
                in_time(ending).await.expect("no panic");
            }
        }
    }
}
