//! A call that was given half of a stream is sent when its program waits for the other half before it awaits the call.

use std::time::Duration;

use chirp::stream::channel;
use chirp::{CallError, PeerBuilder, Receiver, Sender};
use tokio::sync::mpsc;

#[derive(serde::Serialize, serde::Deserialize)]
struct Load {
    grains: Receiver<u64>,
}

#[chirp::service]
trait Mill {
    async fn eat(&self, grains: Receiver<u64>) -> u64;
    async fn grind(&self, flour: Sender<u64>, count: u64);
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
