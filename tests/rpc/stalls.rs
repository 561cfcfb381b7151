//! Handlers that block one of two workers: the other tasks of their runtime go on.

use crate::support::{echo, idle, read_response, request};
use chirp::packet::ErrorData;
use chirp::{Channel, PeerBuilder, Request};
use std::os::unix::net::UnixStream as Socket;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How long "block" waits for what does not come.
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

fn socket(socket: Socket) -> Channel {
    socket.set_nonblocking(true).expect("a socket");
    UnixStream::from_std(socket).expect("a socket").into()
}

fn custom(socket: Socket) -> Channel {
    socket.set_nonblocking(true).expect("a socket");
    Channel::io(UnixStream::from_std(socket).expect("a socket"))
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
