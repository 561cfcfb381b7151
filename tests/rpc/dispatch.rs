//! Handlers that compute for long or block their thread, and other calls on the same connection.

use crate::support::{Link, connected, echo, idle, pair};
use chirp::packet::ErrorData;
use chirp::{PeerBuilder, Request};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Blocks threads until it is opened. It uses no time, so that the tests do not depend on the machine's speed.
#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    fn pass(&self) {
        let mut open = self.0.lock().expect("no panics");
        while !*open {
            open = self.1.wait(open).expect("no panics");
        }
    }

    fn open(&self) {
        *self.0.lock().expect("no panics") = true;
        self.1.notify_all();
    }
}

/// Wakes a worker of the runtime again and again.
///
/// The blocked worker may be the one that polls I/O and timers for the whole runtime. Another worker takes over only
/// when something wakes it, which other work of a real program does.
struct Bustle(Arc<AtomicBool>);

impl Bustle {
    fn new() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let runtime = Handle::current();
        std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                runtime.spawn(async {});
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        Self(stop)
    }
}

impl Drop for Bustle {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// "block" blocks its thread until the gate opens, and says when it begins.
fn blocking(gate: &Arc<Gate>) -> (PeerBuilder, mpsc::UnboundedReceiver<()>) {
    let (say, begun) = mpsc::unbounded_channel();
    let gate = Arc::clone(gate);
    let builder = PeerBuilder::new()
        .handle("echo", echo)
        .handle("block", move |_: Request| {
            say.send(()).expect("the test listens");
            let gate = Arc::clone(&gate);
            async move {
                gate.pass();
                Ok::<_, ErrorData>("opened")
            }
        });
    (builder, begun)
}

/// One handler blocks one of three workers. New requests, requests queued behind it, responses buffered before it,
/// cancels and this side's own calls proceed, also once the method is known to be slow.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_handler_that_blocks_does_not_stall_its_connection() {
    let _bustle = Bustle::new();
    for link in [Link::Memory, Link::Unix] {
        let gate = Arc::new(Gate::default());
        let (builder, mut begun) = blocking(&gate);
        let builder = builder.handle("wait", |_: Request| std::future::pending::<ErrorData>());
        let (client, server) = connected(link, &builder, &builder).await;
        let waiting = client.call("wait", ()).start();
        let before = client.call("echo", "before").start();
        let blocked = client.call("block", ()).start();
        let behind: Vec<_> = (0..300)
            .map(|_| client.call("echo", "behind").start())
            .collect();
        assert_eq!(before.await.expect("answered"), "before");
        for call in behind {
            assert_eq!(call.await.expect("answered"), "behind");
        }
        begun.recv().await.expect("it has begun");
        assert_eq!(
            client.call("echo", "after").await.expect("answered"),
            "after"
        );
        assert_eq!(server.call("echo", "back").await.expect("answered"), "back");
        drop(waiting);
        while client.stats().abandoned > 0 {
            tokio::task::yield_now().await;
        }
        gate.open();
        assert_eq!(blocked.await.expect("answered"), "opened");
        idle(&client).await;
        idle(&server).await;
    }
}

/// Two handlers in one batch block a worker each, and no later packet triggers the check.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_second_blocked_handler_is_noticed_too() {
    let _bustle = Bustle::new();
    let gate = Arc::new(Gate::default());
    let (builder, mut begun) = blocking(&gate);
    let names = ["block", "another", "echo"];
    let second = Arc::clone(&gate);
    let builder = builder.handle("another", move |_: Request| {
        let gate = Arc::clone(&second);
        async move {
            gate.pass();
            Ok::<_, ErrorData>("opened")
        }
    });
    let (client, _server) = pair(&PeerBuilder::new(), &builder);
    let [first, second, behind] = names.map(|name| client.call(name, name).start());
    begun.recv().await.expect("it has begun");
    assert_eq!(behind.await.expect("answered"), "echo");
    gate.open();
    first.await.expect("answered");
    second.await.expect("answered");
}

/// A buffered response is written although the next handler does not return.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn answers_do_not_wait_for_the_next_handler() {
    let _bustle = Bustle::new();
    for link in crate::support::LINKS_AND_PROXY
        .into_iter()
        .cycle()
        .take(350)
    {
        let gate = Arc::new(Gate::default());
        let (builder, _begun) = blocking(&gate);
        let (client, _server) = connected(link, &PeerBuilder::new(), &builder).await;
        let before = client.call("echo", "before").start();
        let blocked = client.call("block", ()).start();
        assert_eq!(before.await.expect("answered"), "before");
        gate.open();
        blocked.await.expect("answered");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_may_block_on_a_call_over_its_own_connection() {
    let builder = PeerBuilder::new()
        .handle("echo", echo)
        .handle("block", |request: Request| {
            let caller = request.context().caller().clone();
            async move {
                tokio::task::block_in_place(|| {
                    Handle::current().block_on(caller.call("echo", request.into_params()))
                })
            }
        });
    for link in crate::support::LINKS_AND_PROXY {
        let (left, right) = connected(link, &builder, &builder).await;
        for _ in 0..3 {
            let calls: Vec<_> = (0..20)
                .map(|_| {
                    (
                        left.call("block", "x").start(),
                        right.call("block", "y").start(),
                    )
                })
                .collect();
            for (one, other) in calls {
                assert_eq!(one.await.expect("answered"), "x");
                assert_eq!(other.await.expect("answered"), "y");
            }
        }
        idle(&left).await;
        idle(&right).await;
    }
}

/// A method that was slow before still starts before later calls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_methods_start_in_order_too() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&order);
    let builder = PeerBuilder::new().fallback(move |request: Request| {
        let number = String::from_utf8_lossy(request.params());
        let number: u32 = number.parse().expect("a number");
        list.lock().expect("no panics").push(number);
        async move {
            if request.method() == b"slow" {
                let begun = std::time::Instant::now();
                while begun.elapsed().as_micros() < 300 {
                    std::hint::spin_loop();
                }
            }
            Ok::<_, ErrorData>(())
        }
    });
    let (peer, _other) = pair(&PeerBuilder::new(), &builder);
    peer.call("slow", "0").await.expect("answered");
    let calls: Vec<_> = (1..400_u32)
        .map(|number| {
            let name = if number % 2 == 0 { "slow" } else { "fast" };
            peer.call(name, number.to_string()).start()
        })
        .collect();
    for call in calls {
        call.await.expect("answered");
    }
    let numbers = order.lock().expect("no panics").clone();
    assert!(numbers.is_sorted(), "{numbers:?}");
}

/// A request that arrives while the dispatcher goes to sleep wakes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_wakes_the_dispatcher() {
    let (peer, other) = connected(
        Link::Unix,
        &PeerBuilder::new(),
        &PeerBuilder::new().handle("echo", echo),
    )
    .await;
    let stop = Arc::new(AtomicBool::new(false));
    let noise = tokio::spawn({
        let (peer, stop) = (peer.clone(), Arc::clone(&stop));
        async move {
            while !stop.load(Ordering::Relaxed) {
                drop(peer.call("echo", "noise").start());
                tokio::task::yield_now().await;
            }
        }
    });
    for number in 0..5000_u32 {
        let text = number.to_string();
        assert_eq!(
            peer.call("echo", text.clone()).await.expect("answered"),
            text
        );
    }
    stop.store(true, Ordering::Relaxed);
    noise.await.expect("no panics");
    idle(&peer).await;
    idle(&other).await;
}
