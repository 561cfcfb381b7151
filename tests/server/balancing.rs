//! Clients over several addresses: which one a call uses, addresses that change, and servers that end.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chirp::packet::{ErrorData, FrameworkError};
use chirp::{
    AsCaller, BalancePolicy, BalancedConfig, BalancedPeer, CallError, PeerBuilder, ReconnectConfig,
    Request, RetryPolicy, Server, Stream,
};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_stream::wrappers::UnboundedReceiverStream;

/// Much longer than any step takes: a test that hangs fails.
pub(crate) const LONG: Duration = Duration::from_mins(1);

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future)
        .await
        .expect("it does not hang")
}

/// A server that answers with its own name and counts its calls. Dropping it ends its connections at once.
struct Named {
    ran: Arc<AtomicUsize>,
    task: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl Named {
    async fn start(address: &str) -> Self {
        Self::counting(address, Arc::default()).await
    }

    async fn counting(address: &str, ran: Arc<AtomicUsize>) -> Self {
        let (name, count) = (address.to_owned(), Arc::clone(&ran));
        let server = Server::builder().handle("who", move |_: Request| {
            count.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Ok::<_, ErrorData>(name.clone()))
        });
        let server = loop {
            // The name is free a moment after the previous server has ended.
            match server.clone().bind(address).await {
                Ok(server) => break server,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(server.run_until(stopped));
        let stop = Some(stop);
        Self { ran, task, stop }
    }

    /// Ends the server and its connections at once.
    async fn kill(mut self) {
        self.task.abort();
        (&mut self.task).await.unwrap_err();
    }

    /// Ends the server gracefully.
    async fn shut_down(mut self) {
        drop(self.stop.take());
        soon(&mut self.task).await.unwrap();
    }

    fn ran(&self) -> usize {
        self.ran.load(Ordering::Relaxed)
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn config(policy: BalancePolicy) -> BalancedConfig {
    let quick = ReconnectConfig::new().backoff(Duration::from_millis(1), Duration::from_millis(20));
    BalancedConfig::new().policy(policy).reconnect(quick)
}

/// Three addresses that no other test uses.
pub(crate) fn addresses(test: &str) -> [String; 3] {
    ["a", "b", "c"].map(|name| format!("inproc://{test}-{name}"))
}

async fn three(addresses: &[String; 3]) -> [Named; 3] {
    let [a, b, c] = addresses;
    [
        Named::start(a).await,
        Named::start(b).await,
        Named::start(c).await,
    ]
}

/// Waits until this many addresses are connected.
pub(crate) async fn connected(peer: &BalancedPeer, count: usize) {
    let mut states = peer.watch();
    let reached = states.wait_for(|state| state.connected() == count);
    soon(reached).await.unwrap();
}

async fn who(peer: &BalancedPeer) -> Result<String, CallError> {
    let name = soon(peer.as_caller().call("who", ())).await?;
    Ok(String::from_utf8(name.into()).unwrap())
}

/// Makes calls one after the other. Returns how many each server answered.
pub(crate) async fn counts(peer: &BalancedPeer, calls: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..calls {
        *counts.entry(who(peer).await.unwrap()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn round_robin_gives_each_address_the_same_number_of_calls() {
    let addresses = addresses("fair");
    let servers = three(&addresses).await;
    let peer = PeerBuilder::new()
        .connect_any(&addresses, config(BalancePolicy::RoundRobin))
        .unwrap();
    connected(&peer, 3).await;
    let counts = counts(&peer, 30).await;
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [10, 10, 10]);
    assert!(servers.iter().all(|server| server.ran() == 10));
}

#[tokio::test]
async fn pick_first_fails_over_and_back() {
    let addresses = addresses("first");
    let [a, b, _c] = three(&addresses).await;
    let peer = PeerBuilder::new()
        .connect_any(&addresses, config(BalancePolicy::PickFirst))
        .unwrap();
    connected(&peer, 3).await;
    for _ in 0..5 {
        assert_eq!(who(&peer).await.unwrap(), addresses[0]);
    }
    a.kill().await;
    connected(&peer, 2).await;
    assert_eq!(who(&peer).await.unwrap(), addresses[1]);
    b.shut_down().await;
    connected(&peer, 1).await;
    assert_eq!(who(&peer).await.unwrap(), addresses[2]);
    let _a = Named::start(&addresses[0]).await;
    connected(&peer, 2).await;
    assert_eq!(who(&peer).await.unwrap(), addresses[0]);
}

/// A service whose calls end when the test lets them.
#[chirp::service]
pub(crate) trait Slow {
    async fn wait(&self) -> u32;
    async fn count(&self) -> impl Stream<Item = u32>;
}

pub(crate) struct SlowServerOf {
    pub(crate) name: u32,
    pub(crate) begun: mpsc::UnboundedSender<u32>,
    pub(crate) go_on: Arc<Semaphore>,
    /// The senders of streams, which stay open.
    pub(crate) streams: Arc<Mutex<Vec<mpsc::UnboundedSender<u32>>>>,
}

impl Slow for SlowServerOf {
    async fn wait(&self) -> u32 {
        self.begun.send(self.name).unwrap();
        self.go_on.acquire().await.unwrap().forget();
        self.name
    }

    async fn count(&self) -> impl Stream<Item = u32> {
        let (sender, receiver) = mpsc::unbounded_channel();
        sender.send(self.name).unwrap();
        self.streams.lock().unwrap().push(sender);
        UnboundedReceiverStream::new(receiver)
    }
}

/// Servers whose calls last, with what the test needs to see and to end them.
struct SlowServers {
    begun: mpsc::UnboundedReceiver<u32>,
    go_on: Vec<Arc<Semaphore>>,
    streams: Arc<Mutex<Vec<mpsc::UnboundedSender<u32>>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl SlowServers {
    async fn start(addresses: &[String]) -> Self {
        let (begun, begins) = mpsc::unbounded_channel();
        let mut servers = Self {
            begun: begins,
            go_on: Vec::new(),
            streams: Arc::default(),
            tasks: Vec::new(),
        };
        for (name, address) in (0..).zip(addresses) {
            let go_on = Arc::new(Semaphore::new(0));
            let service = SlowServerOf {
                name,
                begun: begun.clone(),
                go_on: Arc::clone(&go_on),
                streams: Arc::clone(&servers.streams),
            };
            let server = Server::builder().service(SlowServer::new(service));
            let server = server.bind(address).await.unwrap();
            servers.tasks.push(tokio::spawn(server.run()));
            servers.go_on.push(go_on);
        }
        servers
    }

    async fn next_begun(&mut self) -> u32 {
        soon(self.begun.recv()).await.unwrap()
    }
}

impl Drop for SlowServers {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

#[tokio::test]
async fn least_pending_prefers_the_idle() {
    let addresses = addresses("idle");
    let mut servers = SlowServers::start(&addresses).await;
    let peer = PeerBuilder::new()
        .connect_any(&addresses, config(BalancePolicy::LeastPending))
        .unwrap();
    connected(&peer, 3).await;
    let client = SlowClient::new(&peer);
    // Nine calls in progress: three each.
    let mut begun = Vec::new();
    let mut calls = Vec::new();
    for _ in 0..9 {
        calls.push(tokio::spawn(client.wait()));
        begun.push(servers.next_begun().await);
    }
    begun.sort_unstable();
    assert_eq!(begun, [0, 0, 0, 1, 1, 1, 2, 2, 2]);
    // Two of the second server end: the next two calls go there.
    servers.go_on[1].add_permits(2);
    let mut ended = 0;
    while ended < 2 {
        let mut running = Vec::new();
        for call in calls {
            if call.is_finished() {
                assert_eq!(call.await.unwrap().unwrap(), 1);
                ended += 1;
            } else {
                running.push(call);
            }
        }
        calls = running;
        tokio::task::yield_now().await;
    }
    for _ in 0..2 {
        calls.push(tokio::spawn(client.wait()));
        assert_eq!(servers.next_begun().await, 1);
    }
    // A dropped call counts no more.
    for call in calls {
        call.abort();
        call.await.unwrap_err();
    }
    let mut begun = Vec::new();
    let mut calls = Vec::new();
    for _ in 0..3 {
        calls.push(tokio::spawn(client.wait()));
        begun.push(servers.next_begun().await);
    }
    begun.sort_unstable();
    assert_eq!(begun, [0, 1, 2]);
    for call in calls {
        call.abort();
    }
}

/// A stream stays on its connection, and counts as a call in progress until it ends.
#[tokio::test]
async fn streams_stay_on_their_connection_and_count() {
    let addresses = addresses("streams");
    let mut servers = SlowServers::start(&addresses).await;
    let peer = PeerBuilder::new()
        .connect_any(&addresses, config(BalancePolicy::LeastPending))
        .unwrap();
    connected(&peer, 3).await;
    let client = SlowClient::new(&peer);
    let mut open = Vec::new();
    let mut names = Vec::new();
    for _ in 0..2 {
        let mut stream = client.count().await.unwrap();
        names.push(soon(stream.recv()).await.unwrap().unwrap());
        open.push(stream);
    }
    assert_ne!(names[0], names[1]);
    let idle = (0..3).find(|name| !names.contains(name)).unwrap();
    for _ in 0..3 {
        let call = tokio::spawn(client.wait());
        assert_eq!(servers.next_begun().await, idle);
        call.abort();
        call.await.unwrap_err();
    }
    // The streams go on while calls use other connections.
    let senders = std::mem::take(&mut *servers.streams.lock().unwrap());
    for sender in senders {
        sender.send(7).unwrap();
    }
    for mut stream in open {
        assert_eq!(soon(stream.recv()).await.unwrap().unwrap(), 7);
        assert!(soon(stream.recv()).await.is_none());
    }
    // They count no more.
    let mut begun = Vec::new();
    let mut calls = Vec::new();
    for _ in 0..3 {
        calls.push(tokio::spawn(client.wait()));
        begun.push(servers.next_begun().await);
    }
    begun.sort_unstable();
    assert_eq!(begun, [0, 1, 2]);
    for call in calls {
        call.abort();
    }
}

#[tokio::test]
async fn addresses_change_while_calls_run() {
    let addresses = addresses("change");
    let mut servers = SlowServers::start(&addresses).await;
    let [a, b, c] = &addresses;
    let peer = PeerBuilder::new()
        .connect_any([a], config(BalancePolicy::RoundRobin))
        .unwrap();
    connected(&peer, 1).await;
    let client = SlowClient::new(&peer);
    let call = tokio::spawn(client.wait());
    assert_eq!(servers.next_begun().await, 0);
    // The first one is removed under its call, which goes on.
    assert!(peer.add(b).unwrap());
    assert!(!peer.add(b).unwrap());
    connected(&peer, 2).await;
    assert!(peer.remove(a).unwrap());
    assert!(!peer.remove(a).unwrap());
    for _ in 0..3 {
        let call = tokio::spawn(client.wait());
        assert_eq!(servers.next_begun().await, 1);
        servers.go_on[1].add_permits(1);
        assert_eq!(soon(call).await.unwrap().unwrap(), 1);
    }
    servers.go_on[0].add_permits(1);
    assert_eq!(soon(call).await.unwrap().unwrap(), 0);
    // Replaced: what stays keeps its connection.
    let kept = peer.ready().await.unwrap();
    peer.set_addresses([c, b, c]).unwrap();
    connected(&peer, 2).await;
    let state = peer.state();
    let names = state.addresses().iter();
    let names: Vec<_> = names.map(|address| address.address().to_string()).collect();
    assert_eq!(names, [c.as_str(), b.as_str()]);
    assert!(matches!(*kept.watch().borrow(), chirp::PeerState::Open));
    for invalid in [peer.add("tcp://nowhere"), peer.remove("tcp://nowhere")] {
        assert!(invalid.unwrap_err().to_string().contains("tcp://nowhere"));
    }
    peer.set_addresses(["inproc://x", "tcp://nowhere"])
        .unwrap_err();
    assert_eq!(peer.state().addresses().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_connection_the_error_names_every_address() {
    let [a, b, c] = addresses("nobody");
    let wait = ReconnectConfig::new().max_wait(Duration::from_secs(7));
    let peer = PeerBuilder::new()
        .connect_any([&a, &b, &c], BalancedConfig::new().reconnect(wait))
        .unwrap();
    let caller = peer.as_caller();
    let check = |error: CallError| {
        assert!(matches!(&error, CallError::NotConnected(_)), "{error}");
        assert!(error.is_safe_to_retry());
        let text = error.to_string();
        for address in [&a, &b, &c] {
            assert_eq!(text.matches(address.as_str()).count(), 1, "{text}");
        }
    };
    let begin = Instant::now();
    check(caller.call("who", ()).await.unwrap_err());
    assert_eq!(begin.elapsed().as_secs(), 7);
    check(caller.call_one_way("who", ()).await.unwrap_err());
    assert_eq!(begin.elapsed().as_secs(), 14);
    let call = caller.call("who", ()).timeout(Duration::from_secs(1));
    check(call.await.unwrap_err());
    assert_eq!(begin.elapsed().as_secs(), 15);
    check(peer.fail_fast().call("who", ()).await.unwrap_err());
    assert_eq!(begin.elapsed().as_secs(), 15);
    peer.set_addresses(Vec::<String>::new()).unwrap();
    let error = peer.fail_fast().call("who", ()).await.unwrap_err();
    assert!(error.to_string().contains("no address"), "{error}");
    // A call that waits is sent as soon as there is an address.
    let waits = tokio::spawn(caller.call("who", ()));
    let _server = Named::start(&b).await;
    assert!(peer.add(&b).unwrap());
    assert_eq!(waits.await.unwrap().unwrap(), b);
}

#[tokio::test]
async fn the_number_of_waiting_calls_of_a_balanced_client_is_limited() {
    let limits = chirp::Limits::default().max_pending_calls(2);
    let peer = PeerBuilder::new().limits(limits);
    let peer = peer
        .connect_any(Vec::<String>::new(), BalancedConfig::new())
        .unwrap();
    let caller = peer.as_caller();
    let mut waiting: Vec<_> = (0..2).map(|_| Box::pin(caller.call("x", ()))).collect();
    for call in &mut waiting {
        assert!(crate::support::is_pending(call.as_mut()).await);
    }
    let error = caller.call("x", ()).await.unwrap_err();
    assert!(
        matches!(error, CallError::TooManyPending { limit: 2 }),
        "{error}"
    );
    peer.close();
    for call in waiting {
        let error = soon(call).await.unwrap_err();
        assert!(error.to_string().contains("closed by this side"), "{error}");
    }
    assert!(peer.state().is_closed() && !peer.add("inproc://x").unwrap());
    soon(peer.ready()).await.unwrap_err();
}

/// Callers over three addresses, one of which ends and returns again and again: with an orderly end no call fails, and
/// each runs once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_shut_down_in_turn_lose_no_call() {
    let addresses = addresses("restarts");
    let ran = Arc::new(AtomicUsize::new(0));
    let mut servers = Vec::new();
    for address in &addresses {
        servers.push(Named::counting(address, Arc::clone(&ran)).await);
    }
    let peer = PeerBuilder::new()
        .connect_any(&addresses, config(BalancePolicy::LeastPending))
        .unwrap();
    connected(&peer, 3).await;
    let (over, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let (caller, over) = (peer.as_caller(), Arc::clone(&over));
            let answered = Arc::clone(&answered);
            tokio::spawn(async move {
                while over.load(Ordering::Relaxed) == 0 {
                    caller.call("who", ()).await?;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, CallError>(())
            })
        })
        .collect();
    let progress = async |more: usize| {
        let before = answered.load(Ordering::Relaxed);
        while answered.load(Ordering::Relaxed) < before + more {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    for round in 0..6 {
        soon(progress(200)).await;
        let server = servers.remove(0);
        server.shut_down().await;
        soon(progress(200)).await;
        let address = &addresses[round % 3];
        servers.push(Named::counting(address, Arc::clone(&ran)).await);
        connected(&peer, 3).await;
    }
    over.store(1, Ordering::Relaxed);
    for caller in callers {
        soon(caller).await.unwrap().unwrap();
    }
    let answered = answered.load(Ordering::Relaxed);
    assert_eq!(ran.load(Ordering::Relaxed), answered);
}

/// A call that an overloaded server has refused is sent to another one.
#[tokio::test]
async fn a_retry_uses_another_address() {
    let addresses = addresses("overloaded");
    let [_a, b, c] = three(&addresses).await;
    let busy_at = format!("{}-busy", addresses[0]);
    let busy = Server::builder().handle("who", |_: Request| {
        let error = FrameworkError::Overloaded.to_error_data("always");
        std::future::ready(Err::<&str, _>(error))
    });
    let busy = tokio::spawn(busy.bind(&busy_at).await.unwrap().run());
    let policy = RetryPolicy::new().backoff(Duration::from_millis(1), Duration::from_millis(1));
    let quick = ReconnectConfig::new().retry(&policy);
    let config = config(BalancePolicy::RoundRobin).reconnect(quick);
    let all = [&busy_at, &addresses[1], &addresses[2]];
    let peer = PeerBuilder::new().connect_any(all, config).unwrap();
    connected(&peer, 3).await;
    let counts = counts(&peer, 20).await;
    assert_eq!(counts.into_values().sum::<usize>(), 20);
    assert_eq!(b.ran() + c.ran(), 20);
    busy.abort();
}

/// A thousand addresses come and go, and nothing of them is left.
#[tokio::test]
async fn a_thousand_addresses_come_and_go() {
    let addresses = addresses("thousand");
    let (b, c) = (&addresses[1], &addresses[2]);
    let _servers = three(&addresses).await;
    let peer = PeerBuilder::new()
        .connect_any([&addresses[0]], config(BalancePolicy::RoundRobin))
        .unwrap();
    connected(&peer, 1).await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let settled = async |at_most: usize| {
        while tasks() > at_most {
            tokio::task::yield_now().await;
        }
    };
    // The server may spawn the dispatcher of the connection that stays, if a handler takes long.
    let before = tasks() + 1;
    for round in 0..1000 {
        let address = if round % 2 == 0 { b } else { c };
        assert!(peer.add(address).unwrap());
        if round % 10 == 0 {
            connected(&peer, 2).await;
        }
        who(&peer).await.unwrap();
        assert!(peer.remove(address).unwrap());
    }
    soon(settled(before)).await;
    assert_eq!(peer.state().addresses().len(), 1);
    who(&peer).await.unwrap();
    // The same in one step, with addresses where nobody listens.
    let many = (0..1000).map(|number| format!("inproc://thousand-nobody-{number}"));
    peer.set_addresses(many).unwrap();
    assert_eq!(peer.state().addresses().len(), 1000);
    let error = peer.fail_fast().call("who", ()).await.unwrap_err();
    assert!(error.to_string().contains("968 more"), "{error}");
    peer.set_addresses([&addresses[0]]).unwrap();
    connected(&peer, 1).await;
    who(&peer).await.unwrap();
    soon(settled(before)).await;
}

#[tokio::test]
async fn dropping_the_last_handle_of_a_balanced_client_ends_it_after_running_calls() {
    let addresses = addresses("drop");
    let mut servers = SlowServers::start(&addresses).await;
    let peer = PeerBuilder::new()
        .connect_any(&addresses, config(BalancePolicy::PickFirst))
        .unwrap();
    connected(&peer, 3).await;
    let call = tokio::spawn(SlowClient::new(&peer).wait());
    assert_eq!(servers.next_begun().await, 0);
    let mut states = peer.watch();
    drop(peer);
    soon(states.wait_for(chirp::BalancedState::is_closed))
        .await
        .unwrap();
    servers.go_on[0].add_permits(1);
    assert_eq!(soon(call).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn a_balanced_client_shuts_down() {
    let addresses = addresses("shutdown");
    let _servers = three(&addresses).await;
    let peer = chirp::connect_any(&addresses).unwrap();
    connected(&peer, 3).await;
    let connection = peer.ready().await.unwrap();
    soon(peer.shutdown(LONG)).await;
    let reason = soon(connection.closed()).await;
    assert!(reason.is_clean(), "{reason}");
    assert!(peer.state().is_closed() && peer.state().addresses().is_empty());
    let error = who(&peer).await.unwrap_err();
    assert!(matches!(error, CallError::NotConnected(_)), "{error}");
}
