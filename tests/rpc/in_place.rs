//! Handlers that the reader runs in place: order, cancels, and handlers that block its thread.

use crate::support::{Link, cancel, connected, echo, idle, pair, read_response, request, response};
use chirp::packet::ErrorData;
use chirp::{Channel, PeerBuilder, Request};
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc;

/// Blocks threads until it is opened.
#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    fn pass(&self) {
        let open = self.0.lock().expect("no panics");
        drop(self.1.wait_while(open, |open| !*open).expect("no panics"));
    }

    fn open(&self) {
        *self.0.lock().expect("no panics") = true;
        self.1.notify_all();
    }
}

/// "block" blocks its thread until the gate opens, and says when it begins.
fn blocking(gate: &Arc<Gate>) -> (PeerBuilder, mpsc::UnboundedReceiver<()>) {
    let (say, begun) = mpsc::unbounded_channel();
    let gate = Arc::clone(gate);
    let builder = PeerBuilder::new()
        .handle("echo", echo)
        .handle("wait", |_: Request| std::future::pending::<ErrorData>())
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

/// The reader is inside of the handler, and the worker that it blocks may be the one that polls I/O for the runtime: no
/// other work of the program wakes a worker here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_blocked_inside_of_a_handler_is_replaced() {
    for link in [Link::Memory, Link::Unix, Link::Tcp] {
        for _ in 0..20 {
            let gate = Arc::new(Gate::default());
            let (builder, mut begun) = blocking(&gate);
            let (client, server) = connected(link, &builder, &builder).await;
            let waiting = client.call("wait", ()).start();
            client.call("echo", "first").await.expect("answered");
            let blocked = client.call("block", ()).start();
            begun.recv().await.expect("it has begun");
            // Requests, answers to calls of its own, and cancels.
            for _ in 0..3 {
                let after = client.call("echo", "after").await;
                assert_eq!(after.expect("answered"), "after");
                let back = server.call("echo", "back").await;
                assert_eq!(back.expect("answered"), "back");
            }
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
}

/// Each method is new, so that none is known as slow, and each takes the reader with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_is_replaced_as_often_as_it_is_blocked() {
    for link in [Link::Unix, Link::Tcp] {
        let gates: Arc<Vec<_>> = Arc::new((0..20).map(|_| Gate::default()).collect());
        let theirs = Arc::clone(&gates);
        let builder = PeerBuilder::new()
            .handle("echo", echo)
            .fallback(move |request: Request| {
                let gates = Arc::clone(&theirs);
                async move {
                    gates[usize::from(request.params()[0])].pass();
                    Ok::<_, ErrorData>(())
                }
            });
        let (client, server) = connected(link, &PeerBuilder::new(), &builder).await;
        for (number, gate) in (0..).zip(&*gates) {
            client.call("echo", "first").await.expect("answered");
            let blocked = client.call(format!("block{number}"), vec![number]).start();
            // Answered by a reader that has taken over, and then by whichever task does not block.
            client.call("echo", "after").await.expect("answered");
            gate.open();
            client.call("echo", "opened").await.expect("answered");
            blocked.await.expect("answered");
        }
        idle(&client).await;
        idle(&server).await;
    }
}

/// Answers before the blocked handler are written, and requests behind it are started, although nothing more arrives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_goes_on_around_a_handler_that_blocks() {
    for link in [Link::Memory, Link::Unix] {
        for _ in 0..50 {
            let gate = Arc::new(Gate::default());
            let (builder, _begun) = blocking(&gate);
            let (client, server) = connected(link, &PeerBuilder::new(), &builder).await;
            client.call("echo", "first").await.expect("answered");
            let [before, blocked, behind] =
                ["echo", "block", "echo"].map(|name| client.call(name, name).start());
            assert_eq!(before.await.expect("answered"), "echo");
            assert_eq!(behind.await.expect("answered"), "echo");
            gate.open();
            assert_eq!(blocked.await.expect("answered"), "opened");
            idle(&client).await;
            idle(&server).await;
        }
    }
}

/// A connection may end while its reader is inside of a handler, and its services are freed when the handler returns.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_ends_while_its_reader_is_inside_of_a_handler() {
    for link in [Link::Memory, Link::Unix] {
        let gate = Arc::new(Gate::default());
        let (builder, mut begun) = blocking(&gate);
        let (client, server) = connected(link, &PeerBuilder::new(), &builder).await;
        drop(builder);
        client.call("echo", "first").await.expect("answered");
        let blocked = client.call("block", ()).start();
        begun.recv().await.expect("it has begun");
        client.close();
        server.closed().await;
        blocked.await.expect_err("the connection has ended");
        gate.open();
        assert!(begun.recv().await.is_none(), "the handlers are dropped");
    }
}

/// With one worker, a handler that leaves its worker to others still gets an answer through its own connection.
#[test]
fn a_handler_of_the_only_worker_may_block_on_a_call_over_its_own_connection() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let builder = PeerBuilder::new()
            .handle("echo", echo)
            .fallback(|request: Request| {
                let caller = request.context().caller().clone();
                async move {
                    tokio::task::block_in_place(|| {
                        Handle::current().block_on(caller.call("echo", request.into_params()))
                    })
                }
            });
        for link in [Link::Memory, Link::Unix] {
            let (left, right) = connected(link, &builder, &builder).await;
            left.call("echo", "first").await.expect("answered");
            for number in 0..20 {
                // Each method is new, so that none is known as slow.
                let answer = left.call(format!("block{number}"), "x").await;
                assert_eq!(answer.expect("answered"), "x");
            }
            idle(&left).await;
            idle(&right).await;
        }
    });
}

/// Methods that were never slow before spend the reader's time, and the dispatcher goes on where the reader stops.
async fn handlers_start_in_order() {
    for link in [Link::Memory, Link::Unix] {
        let order = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&order);
        let builder = PeerBuilder::new().fallback(move |request: Request| {
            let number = String::from_utf8_lossy(request.params());
            let number: u32 = number.parse().expect("a number");
            list.lock().expect("no panics").push(number);
            let is_slow = number.is_multiple_of(7);
            async move {
                let begun = Instant::now();
                while is_slow && begun.elapsed() < Duration::from_micros(300) {
                    std::hint::spin_loop();
                }
                Ok::<_, ErrorData>(())
            }
        });
        let (peer, other) = connected(link, &PeerBuilder::new(), &builder).await;
        let mut number = 0;
        for size in [1, 2, 40, 1, 100, 3, 300, 1] {
            let calls: Vec<_> = (0..size)
                .map(|_| {
                    number += 1;
                    let call = peer.call(format!("method{number}"), number.to_string());
                    call.start()
                })
                .collect();
            for call in calls {
                call.await.expect("answered");
            }
        }
        idle(&peer).await;
        idle(&other).await;
        let numbers = order.lock().expect("no panics").clone();
        assert!(numbers.is_sorted(), "{numbers:?}");
        assert_eq!(numbers.len(), 448);
    }
}

#[tokio::test]
async fn handlers_start_in_order_on_one_thread() {
    handlers_start_in_order().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_start_in_order_on_two_threads() {
    handlers_start_in_order().await;
}

/// A cancel that arrives in the same read as its request is handled before a handler starts, wherever the request is in
/// the batch, also when the reader starts the batch itself.
#[tokio::test]
async fn a_request_that_is_cancelled_in_its_batch_does_not_start() {
    // All of them and their cancels come with one read.
    const REQUESTS: u32 = 6;
    let (begun, begins) = std::sync::mpsc::channel();
    let builder = PeerBuilder::new().fallback(move |request: Request| {
        begun
            .send(request.params().to_vec())
            .expect("the test listens");
        async { Ok::<_, ErrorData>(()) }
    });
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let peer = builder.start(Channel::io(ours)).expect("no duplicates");
    let (mut reader, mut writer) = tokio::io::split(theirs);
    // The dispatcher is idle after this.
    let first = request(REQUESTS + 1, "m", &[0]);
    writer.write_all(&first).await.expect("the peer reads");
    assert_eq!(read_response(&mut reader).await.1, 0);
    idle(&peer).await;
    let mut batch = Vec::new();
    for id in 1..=REQUESTS {
        batch.extend(request(id, "m", &[u8::try_from(id).expect("small")]));
    }
    let is_cancelled = |id: u32| id.is_multiple_of(3);
    for id in (1..=REQUESTS).filter(|id| is_cancelled(*id)) {
        batch.extend(cancel(id));
    }
    writer.write_all(&batch).await.expect("the peer reads");
    for _ in 1..=REQUESTS {
        let (id, code, _) = read_response(&mut reader).await;
        assert_eq!(code, if is_cancelled(id) { 3 } else { 0 }, "{id}");
    }
    idle(&peer).await;
    let begun: Vec<_> = begins.try_iter().flatten().map(u32::from).collect();
    let expected: Vec<_> = (0..=REQUESTS)
        .filter(|id| *id == 0 || !is_cancelled(*id))
        .collect();
    assert_eq!(begun, expected);
}

/// Pairs of a request and its cancel run no more handlers than the limit, and leave none, while a handler blocks the
/// reader.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn rapid_reset_around_a_handler_that_blocks_leaves_nothing() {
    const PAIRS: u32 = 2_000;
    let gate = Arc::new(Gate::default());
    let (builder, mut begun) = blocking(&gate);
    let (client, server) = pair(&PeerBuilder::new(), &builder);
    client.call("echo", "first").await.expect("answered");
    let blocked = client.call("block", ()).start();
    begun.recv().await.expect("it has begun");
    for _ in 0..PAIRS {
        drop(client.call("wait", ()).start());
        tokio::task::yield_now().await;
    }
    assert_eq!(client.call("echo", "x").await.expect("answered"), "x");
    gate.open();
    blocked.await.expect("answered");
    idle(&client).await;
    idle(&server).await;
}

/// The task that a worker wakes last is taken by no other worker. It must not be one that waits for an answer while the
/// worker is blocked, also when the reader finds more to read without a pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_delays_no_caller_whose_answer_came_before_it() {
    for _ in 0..10 {
        let (ours, theirs) = tokio::net::UnixStream::pair().expect("a pair");
        let mut theirs = theirs.into_std().expect("a socket");
        theirs.set_nonblocking(false).expect("a socket");
        let next = Arc::new(Mutex::new(Vec::new()));
        let (answered, answer) = std::sync::mpsc::channel();
        let (answer, writer) = (Mutex::new(answer), theirs.try_clone().expect("a socket"));
        let (later, writer) = (Arc::clone(&next), Mutex::new(writer));
        let builder = PeerBuilder::new()
            .handle("more", move |_: Request| {
                let bytes = std::mem::take(&mut *later.lock().expect("no panics"));
                let sent = writer.lock().expect("no panics").write_all(&bytes);
                sent.expect("the peer reads");
                async { Ok::<_, ErrorData>(()) }
            })
            .handle("block", move |_: Request| {
                let answer = answer.lock().expect("no panics");
                let came = answer.recv_timeout(Duration::from_secs(10)).is_ok();
                async move { Ok::<_, ErrorData>(if came { "came" } else { "late" }) }
            });
        let peer = builder.start(Channel::from(ours)).expect("no duplicates");
        let mut calls = Vec::new();
        for number in 0..2 {
            let (call, answered) = (peer.call("call", ()), answered.clone());
            calls.push(tokio::spawn(async move {
                call.await.expect("answered");
                if number == 1 {
                    answered.send(()).expect("the handler waits");
                }
            }));
            let mut call = [0; 64];
            let read = theirs.read(&mut call).expect("a request");
            assert!(read > 0);
        }
        let [first, second] = [1, 2].map(|id| response(id, 0, b""));
        let batch = [first, request(1, "more", b"")].concat();
        *next.lock().expect("no panics") = [second, request(2, "block", b"")].concat();
        theirs.write_all(&batch).expect("the peer reads");
        theirs.set_nonblocking(true).expect("a socket");
        let mut theirs = tokio::net::UnixStream::from_std(theirs).expect("a socket");
        assert_eq!(read_response(&mut theirs).await.0, 1);
        let (id, code, data) = read_response(&mut theirs).await;
        assert_eq!((id, code), (2, 0));
        assert_eq!(data, b"came");
        for call in calls {
            call.await.expect("no panic");
        }
    }
}

/// The handler that is interrupted is dropped by a task, which must not wait for a handler that blocks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_does_not_delay_a_cancel_that_came_before_it() {
    for _ in 0..10 {
        let (ours, mut theirs) = tokio::net::UnixStream::pair().expect("a pair");
        let (dropped, drops) = std::sync::mpsc::channel();
        let drops = Mutex::new(drops);
        let builder = PeerBuilder::new()
            .handle("echo", echo)
            .handle("hold", move |_: Request| {
                let held = Held(dropped.clone());
                async move {
                    let _held = held;
                    std::future::pending::<ErrorData>().await
                }
            })
            .handle("block", move |_: Request| {
                let drops = drops.lock().expect("no panics");
                let came = drops.recv_timeout(Duration::from_secs(10)).is_ok();
                async move { Ok::<_, ErrorData>(if came { "came" } else { "late" }) }
            });
        let peer = builder.start(Channel::from(ours)).expect("no duplicates");
        let first = [request(1, "hold", b""), request(2, "echo", b"")].concat();
        theirs.write_all(&first).await.expect("the peer reads");
        assert_eq!(read_response(&mut theirs).await.0, 2);
        // Until the task of the handler waits, and the reader as well.
        while peer.stats().running != 1 {
            tokio::task::yield_now().await;
        }
        let batch = [cancel(1), request(3, "block", b"")].concat();
        theirs.write_all(&batch).await.expect("the peer reads");
        let mut answers = [
            read_response(&mut theirs).await,
            read_response(&mut theirs).await,
        ];
        answers.sort();
        assert_eq!(answers[1], (3, 0, b"came".to_vec()));
    }
}

/// Says when it is dropped.
struct Held(std::sync::mpsc::Sender<()>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.send(()).expect("the handler waits");
    }
}
