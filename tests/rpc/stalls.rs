//! Handlers that block one of two workers: the other tasks of their runtime go on, and its I/O and timers do.

use crate::support::{echo, idle, read_response, request};
use chirp::channel::{Keypair, TlsClient, TlsServer, memory};
use chirp::packet::ErrorData;
use chirp::{Channel, Peer, PeerBuilder, Request};
use std::os::unix::net::UnixStream as Socket;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The time after which "block" stops waiting and returns "late".
const PATIENCE: Duration = Duration::from_secs(10);

/// "block" says that it begins, blocks its thread until something is sent, and tells whether that came in time.
fn blocking() -> (PeerBuilder, UnboundedReceiver<()>, mpsc::Sender<()>) {
    let (say, begun) = unbounded_channel();
    let (go_on, waits) = mpsc::channel();
    let waits = Arc::new(Mutex::new(waits));
    let builder = PeerBuilder::new()
        .handle("echo", echo)
        .handle("block", move |_: Request| {
            let (say, waits) = (say.clone(), Arc::clone(&waits));
            async move {
                say.send(()).expect("the test listens");
                let waits = waits.lock().expect("no panics");
                let came = waits.recv_timeout(PATIENCE).is_ok();
                Ok::<_, ErrorData>(if came { "came" } else { "late" })
            }
        });
    (builder, begun, go_on)
}

fn two_workers() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    let builder = builder.worker_threads(2).enable_all();
    builder.build().expect("a runtime")
}

/// The kind of channel over a socket.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wire {
    Socket,
    /// A channel of the program.
    Custom,
    Tls,
}

const WIRES: [Wire; 3] = [Wire::Socket, Wire::Custom, Wire::Tls];

fn socket(socket: Socket) -> Channel {
    socket.set_nonblocking(true).expect("a socket");
    UnixStream::from_std(socket).expect("a socket").into()
}

fn custom(socket: Socket) -> Channel {
    socket.set_nonblocking(true).expect("a socket");
    Channel::io(UnixStream::from_std(socket).expect("a socket"))
}

/// Starts a client on its runtime, and a server on the other.
fn connected(wire: Wire, near: &Runtime, far: &Runtime, server: PeerBuilder) -> (Peer, Peer) {
    let (one, other) = Socket::pair().expect("a pair");
    let key = || Keypair::generate().expect("a key");
    let (here, there) = (key(), key());
    let (client_tls, server_tls) = (
        TlsClient::keys(&here, there.public()),
        TlsServer::keys(&there, here.public()),
    );
    let server = far.spawn(async move {
        let channel = match wire {
            Wire::Socket => socket(other),
            Wire::Custom => custom(other),
            Wire::Tls => server_tls.wrap(socket(other)).await.expect("admitted"),
        };
        server.start(channel).expect("no duplicates")
    });
    near.block_on(async {
        let channel = match wire {
            Wire::Socket | Wire::Custom => socket(one),
            Wire::Tls => client_tls.wrap(socket(one), "").await.expect("admitted"),
        };
        let client = PeerBuilder::new().start(channel).expect("no duplicates");
        (client, server.await.expect("no panic"))
    })
}

/// The worker that polls I/O for the runtime may be the one that a handler blocks. Nothing but the watchdog wakes another.
#[test]
fn a_handler_that_blocks_does_not_stop_the_io_of_its_runtime() {
    let near = Builder::new_current_thread().enable_all().build();
    let (near, far) = (near.expect("a runtime"), two_workers());
    for wire in WIRES {
        for _ in 0..5 {
            let (builder, mut begun, go_on) = blocking();
            let (client, server) = connected(wire, &near, &far, builder.clone());
            let (other, other_server) = connected(wire, &near, &far, builder);
            near.block_on(async {
                for peer in [&client, &other] {
                    peer.call("echo", "first").await.expect("answered");
                }
                let blocked = client.call("block", ()).start();
                begun.recv().await.expect("it has begun");
                for peer in [&other, &client, &client] {
                    let after = peer.call("echo", "after").await;
                    assert_eq!(after.expect("answered"), "after", "{wire:?}");
                }
                go_on.send(()).expect("the handler waits");
                assert_eq!(blocked.await.expect("answered"), "came", "{wire:?}");
                for peer in [&client, &server, &other, &other_server] {
                    idle(peer).await;
                }
            });
        }
    }
}

/// Both sides are on the runtime, whose timers the blocked worker may poll.
#[test]
fn a_handler_that_blocks_does_not_stop_the_timers_of_its_runtime() {
    let runtime = two_workers();
    for _ in 0..10 {
        let (builder, mut begun, go_on) = blocking();
        let answer = runtime.spawn(async move {
            let (one, other) = memory();
            let client = PeerBuilder::new().start(one).expect("no duplicates");
            let _server = builder.start(other).expect("no duplicates");
            client.call("echo", "first").await.expect("answered");
            // A task that only a timer wakes. One that the handler wakes itself would wait for the worker that it blocks.
            tokio::spawn(async move {
                while begun.try_recv().is_err() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                go_on.send(()).expect("the handler waits");
            });
            // Woken by a timer, and so on the worker that polls them.
            tokio::time::sleep(Duration::from_millis(2)).await;
            client.call("block", ()).await.expect("answered")
        });
        let (tell, told) = mpsc::channel();
        runtime.spawn(async move {
            tell.send(answer.await.expect("no panic"))
                .expect("the test listens");
        });
        // This thread makes no task ready, which would wake a worker.
        assert_eq!(told.recv().expect("answered"), "came");
    }
}

/// A handler that is pending goes on in a task, which must not wait for the handlers behind it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_does_not_delay_one_that_is_pending_before_it() {
    for wire in [socket, custom] {
        // A batch ends with results that are large, and another one begins.
        for large in [0, 100 << 10] {
            for _ in 0..10 {
                let (builder, _begun, go_on) = blocking();
                let builder = builder
                    .handle("large", move |_: Request| async move {
                        Ok::<_, ErrorData>(vec![7; large])
                    })
                    .handle("pending", move |_: Request| {
                        let go_on = go_on.clone();
                        async move {
                            tokio::task::yield_now().await;
                            go_on.send(()).expect("the handler waits");
                            Ok::<_, ErrorData>("went on")
                        }
                    });
                let (ours, theirs) = Socket::pair().expect("a pair");
                let peer = builder.start(wire(ours)).expect("no duplicates");
                theirs.set_nonblocking(true).expect("a socket");
                let mut theirs = UnixStream::from_std(theirs).expect("a socket");
                let first = request(1, "echo", b"");
                theirs.write_all(&first).await.expect("the peer reads");
                assert_eq!(read_response(&mut theirs).await.0, 1);
                idle(&peer).await;
                let batch = [(2, "pending"), (3, "large"), (4, "block")];
                let batch = batch.map(|(id, name)| request(id, name, b"")).concat();
                theirs.write_all(&batch).await.expect("the peer reads");
                let mut answers = Vec::new();
                for _ in 0..3 {
                    answers.push(read_response(&mut theirs).await);
                }
                answers.sort();
                assert_eq!(answers[0], (2, 0, b"went on".to_vec()));
                assert_eq!(answers[2], (4, 0, b"came".to_vec()), "{large}");
            }
        }
    }
}
