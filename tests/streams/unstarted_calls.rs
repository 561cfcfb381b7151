//! A call that was given half of a stream is sent when its program waits for the other half before it awaits the call.

use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use chirp::stream::{ByteWriter, TrySendError, channel};
use chirp::{CallError, PeerBuilder, Receiver, Sender, Server};
use futures_core::Stream;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

#[derive(serde::Serialize, serde::Deserialize)]
struct Load {
    grains: Receiver<u64>,
}

#[chirp::service]
trait Mill {
    async fn eat(&self, grains: Receiver<u64>) -> u64;
    async fn grind(&self, flour: Sender<u64>, count: u64);
    async fn first(&self, grains: Receiver<u64>) -> u64;
    async fn weigh(&self, bytes: Receiver<Bytes>) -> usize;
    async fn sift(&self, flour: Sender<u64>) -> impl Stream<Item = u64>;
    #[chirp(oneway)]
    async fn swallow(&self, load: Load);
}

struct Grinder(mpsc::UnboundedSender<u64>);

impl Mill for Grinder {
    async fn eat(&self, mut grains: Receiver<u64>) -> u64 {
        let mut sum = 0;
        while let Some(Ok(grain)) = grains.recv().await {
            sum += grain;
        }
        sum
    }
    async fn grind(&self, mut flour: Sender<u64>, count: u64) {
        for number in 0..count {
            flour.send(number).await.expect("taken");
        }
        flour.finish();
    }
    async fn first(&self, mut grains: Receiver<u64>) -> u64 {
        let first = grains.recv().await;
        first.expect("sent").expect("sent")
    }
    async fn weigh(&self, mut bytes: Receiver<Bytes>) -> usize {
        let mut weight = 0;
        while let Some(Ok(piece)) = bytes.recv().await {
            weight += piece.len();
        }
        weight
    }
    async fn sift(&self, mut flour: Sender<u64>) -> impl Stream<Item = u64> {
        flour.send(7).await.expect("taken");
        tokio_stream::iter(0..3)
    }
    async fn swallow(&self, load: Load) {
        let sum = self.eat(load.grains).await;
        self.0.send(sum).expect("the test lives");
    }
}

/// A client over a connection, and one in this process.
fn clients() -> ([MillClient; 2], mpsc::UnboundedReceiver<u64>) {
    let (swallowed, sums) = mpsc::unbounded_channel();
    let (a, b) = chirp::channel::memory();
    let serving = PeerBuilder::new().service(MillServer::new(Grinder(swallowed.clone())));
    let a = PeerBuilder::new().start(a).expect("no duplicates");
    serving.start(b).expect("no duplicates");
    (
        [MillClient::new(&a), MillClient::local(Grinder(swallowed))],
        sums,
    )
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(30), future).await;
    done.expect("it does not hang")
}

/// More than the channel between the two halves holds.
async fn feed(mut grains: Sender<u64>) {
    for grain in 0..1000 {
        grains.send(grain).await.expect("taken");
    }
    grains.finish();
}

#[tokio::test]
async fn a_call_is_sent_when_its_sender_has_to_wait() {
    let (mills, _sums) = clients();
    for mill in mills {
        let (grains, receiver) = channel();
        let call = mill.eat(receiver);
        soon(feed(grains)).await;
        assert_eq!(soon(call).await.expect("answered"), 499_500);
    }
}

#[tokio::test]
async fn a_call_is_sent_when_its_receiver_has_to_wait() {
    let (mills, _sums) = clients();
    for mill in mills {
        let (sender, mut flour) = channel();
        let call = mill.grind(sender, 100);
        let mut next = 0;
        while let Some(number) = soon(flour.recv()).await {
            assert_eq!(number, Ok(next));
            next += 1;
        }
        assert_eq!(next, 100);
        soon(call).await.expect("answered");
    }
}

#[tokio::test]
async fn a_one_way_call_is_sent_when_its_sender_has_to_wait() {
    let (mills, mut sums) = clients();
    for mill in mills {
        let (grains, receiver) = channel();
        let call = mill.swallow(Load { grains: receiver });
        soon(feed(grains)).await;
        soon(call).await.expect("sent");
        assert_eq!(soon(sums.recv()).await, Some(499_500));
    }
}

/// What is set after a stream has sent the call still counts.
#[tokio::test(start_paused = true)]
async fn a_call_that_was_sent_early_keeps_its_timeout() {
    let (mills, _sums) = clients();
    for mill in mills {
        let (mut grains, receiver) = channel();
        let call = mill.eat(receiver);
        for grain in 0..100 {
            grains.send(grain).await.expect("taken");
        }
        let late = call.timeout(Duration::from_secs(1)).await;
        assert!(
            matches!(late, Err(CallError::DeadlineExceeded { .. })),
            "{late:?}"
        );
    }
}

/// A call that is dropped takes its streams with it, sent or not.
#[tokio::test]
async fn a_call_that_is_dropped_ends_its_streams() {
    let (mills, _sums) = clients();
    for mill in mills {
        for early in [false, true] {
            let (mut grains, receiver) = channel();
            let call = mill.eat(receiver);
            for grain in 0..if early { 100 } else { 1 } {
                soon(grains.send(grain)).await.expect("taken");
            }
            drop(call);
            soon(grains.closed()).await;
        }
    }
}

/// Polls a future once, so that it waits.
fn poll_once(future: impl Future) {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pin!(future).poll(&mut cx).is_pending());
}

#[tokio::test]
async fn a_call_is_sent_at_once_when_its_half_waits_already() {
    let (mills, mut sums) = clients();
    for mill in mills {
        let (sender, mut flour) = channel();
        let taken = tokio::spawn(async move { flour.recv().await });
        tokio::task::yield_now().await;
        let call = mill.grind(sender, 1);
        assert_eq!(soon(taken).await.expect("no panic"), Some(Ok(0)));
        soon(call).await.expect("answered");

        let (grains, receiver) = channel();
        let fed = tokio::spawn(feed(grains));
        tokio::task::yield_now().await;
        let call = mill.eat(receiver);
        soon(fed).await.expect("no panic");
        assert_eq!(soon(call).await.expect("answered"), 499_500);

        let (grains, receiver) = channel();
        let fed = tokio::spawn(feed(grains));
        tokio::task::yield_now().await;
        let call = mill.swallow(Load { grains: receiver });
        soon(fed).await.expect("no panic");
        soon(call).await.expect("sent");
        assert_eq!(soon(sums.recv()).await, Some(499_500));
    }
}

/// A call that is sent while it is created knows already that its result is a stream.
#[tokio::test]
async fn a_call_that_is_sent_at_once_returns_its_stream() {
    let (mills, _sums) = clients();
    for mill in mills {
        let (sender, mut flour) = channel();
        poll_once(flour.recv());
        let call = mill.sift(sender);
        assert_eq!(soon(flour.recv()).await, Some(Ok(7)));
        let mut sifted = soon(call).await.expect("answered");
        assert_eq!(soon(sifted.recv()).await, Some(Ok(0)));
    }
}

#[tokio::test]
async fn a_call_is_sent_when_its_sender_is_tried_or_watched() {
    let (mills, _sums) = clients();
    for mill in mills {
        let (mut grains, receiver) = channel();
        let call = mill.eat(receiver);
        for grain in 0..100 {
            while let Err(error) = grains.try_send(grain) {
                assert!(matches!(error, TrySendError::Full(_)), "{error}");
                tokio::task::yield_now().await;
            }
        }
        grains.finish();
        assert_eq!(soon(call).await.expect("answered"), 4950);

        let (sender, mut flour) = channel::<u64>();
        let call = mill.grind(sender, 0);
        assert_eq!(soon(flour.recv()).await, None);
        soon(call).await.expect("answered");

        let (bytes, receiver) = channel();
        let call = mill.weigh(receiver);
        let mut writer = ByteWriter::new(bytes);
        let bag = vec![0; 1 << 20];
        soon(writer.write_all(&bag)).await.expect("taken");
        soon(writer.shutdown()).await.expect("taken");
        assert_eq!(soon(call).await.expect("answered"), bag.len());

        let (mut grains, receiver) = channel();
        let call = mill.first(receiver);
        grains.send(5).await.expect("taken");
        soon(grains.closed()).await;
        assert_eq!(soon(call).await.expect("answered"), 5);
    }
}

/// A client that reconnects has no connection yet.
#[tokio::test]
async fn a_call_is_sent_by_its_stream_once_there_is_a_connection() {
    let address = "inproc://unstarted-calls";
    let peer = PeerBuilder::new()
        .reconnecting(address)
        .expect("an address");
    let mill = MillClient::new(&peer);
    let (grains, receiver) = channel();
    let call = mill.eat(receiver);
    let fed = tokio::spawn(feed(grains));
    let (swallowed, mut sums) = mpsc::unbounded_channel();
    let (grains, receiver) = channel();
    let one_way = mill.swallow(Load { grains: receiver });
    let swallowing = tokio::spawn(feed(grains));
    let (mut grains, receiver) = channel();
    let dropped = mill.eat(receiver);
    poll_once(grains.closed());
    drop(dropped);
    soon(grains.closed()).await;

    let server = Server::builder().service(MillServer::new(Grinder(swallowed)));
    let server = server.bind(address).await.expect("the address is free");
    tokio::spawn(server.run());
    soon(fed).await.expect("no panic");
    assert_eq!(soon(call).await.expect("answered"), 499_500);
    soon(swallowing).await.expect("no panic");
    soon(one_way).await.expect("sent");
    assert_eq!(soon(sums.recv()).await, Some(499_500));
}

/// A regression test: a call that was started without a connection was sent only while it was awaited, so that its sender
/// waited forever for one who was to await the call afterwards.
#[tokio::test]
async fn a_started_call_is_sent_by_its_stream_once_there_is_a_connection() {
    let address = "inproc://started-calls";
    let peer = PeerBuilder::new()
        .reconnecting(address)
        .expect("an address");
    let mill = MillClient::new(&peer);
    let (grains, receiver) = channel();
    let call = mill.eat(receiver).start();
    let fed = tokio::spawn(feed(grains));
    // Here the stream waits before the call is started.
    let (grains, receiver) = channel();
    let later = mill.eat(receiver);
    let mut feeding = Box::pin(feed(grains));
    poll_once(&mut feeding);
    let later = later.start();
    let (swallowed, mut sums) = mpsc::unbounded_channel();
    let (grains, receiver) = channel();
    let one_way = mill.swallow(Load { grains: receiver }).start();
    let swallowing = tokio::spawn(feed(grains));
    let (grains, receiver) = channel();
    mill.swallow(Load { grains: receiver }).detach();
    let detached = tokio::spawn(feed(grains));

    let server = Server::builder().service(MillServer::new(Grinder(swallowed)));
    let server = server.bind(address).await.expect("the address is free");
    tokio::spawn(server.run());
    soon(fed).await.expect("no panic");
    assert_eq!(soon(call).await.expect("answered"), 499_500);
    soon(feeding).await;
    assert_eq!(soon(later).await.expect("answered"), 499_500);
    soon(swallowing).await.expect("no panic");
    soon(one_way).await.expect("sent");
    soon(detached).await.expect("no panic");
    assert_eq!(soon(sums.recv()).await, Some(499_500));
    assert_eq!(soon(sums.recv()).await, Some(499_500));
}

/// A regression test: the time of a call counted only while the call was awaited, so that its sender waited forever for a
/// connection that was not made.
#[tokio::test(start_paused = true)]
async fn a_sender_waits_for_a_connection_no_longer_than_its_call() {
    let peer = PeerBuilder::new()
        .reconnecting("inproc://never-listening")
        .expect("an address");
    let mill = MillClient::new(&peer);
    for is_started in [false, true] {
        let (mut grains, receiver) = channel();
        let mut call = mill.eat(receiver).timeout(Duration::from_secs(5));
        if is_started {
            call = call.start();
        }
        // The halves of a call that has failed are dropped.
        soon(grains.closed()).await;
        let error = soon(call).await.expect_err("there is no connection");
        assert!(matches!(error, CallError::NotConnected(_)), "{error}");
    }
}

/// Streams to handlers in this process need a runtime, which the thread that waits may not have.
#[test]
fn a_call_stays_unsent_when_its_stream_waits_outside_of_a_runtime() {
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let (mills, mut sums) = runtime.block_on(async { clients() });
    for mill in mills {
        let (sender, mut flour) = channel();
        let call = mill.grind(sender, 1);
        poll_once(flour.recv());
        let (grains, receiver) = channel();
        let one_way = mill.swallow(Load { grains: receiver });
        poll_once(feed(grains));
        runtime.block_on(async {
            let (answer, item) = tokio::join!(call, flour.recv());
            answer.expect("answered");
            assert_eq!(item, Some(Ok(0)));
            one_way.await.expect("sent");
            assert!(soon(sums.recv()).await.is_some());
        });
    }
}

#[tokio::test]
async fn a_one_way_call_that_has_not_been_sent_shows_its_method() {
    let (mills, _sums) = clients();
    for mill in mills {
        let (_grains, receiver) = channel();
        let call = format!("{:?}", mill.swallow(Load { grains: receiver }));
        assert_eq!(call, "OneWayCall(\"Mill.swallow\")");
    }
}
