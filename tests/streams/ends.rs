//! How streams end: both ends learn the reason.

use std::pin::pin;

use chirp::packet::FrameworkError;
use chirp::stream::channel;
use chirp::{CallError, ConnectionError, Peer, PeerBuilder, Receiver, Sender, StreamError};
use futures_core::Stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::support::{DropFlag, LINKS_AND_PROXY, Link, connected, idle, is_pending};

#[chirp::service]
pub(crate) trait Ends {
    /// Passes its streams to the test. They are values, which do not end with the call.
    async fn give(&self, numbers: Option<Receiver<u64>>, back: Sender<u64>);
    /// The same for streams that belong to the call, which keeps running.
    async fn hold(&self, numbers: Receiver<u64>) -> impl Stream<Item = u64>;
    async fn fall(&self, after: u64) -> impl Stream<Item = u64>;
    /// Ignores its streams.
    async fn ignore(&self, numbers: Option<Receiver<u64>>, back: Sender<u64>);
    async fn never(&self, numbers: Option<Receiver<u64>>, back: Sender<u64>);
}

pub(crate) type Halves = (Receiver<u64>, Option<Sender<u64>>);

struct Other {
    came: mpsc::UnboundedSender<Halves>,
    dropped: mpsc::UnboundedSender<()>,
}

impl Ends for Other {
    async fn give(&self, numbers: Option<Receiver<u64>>, back: Sender<u64>) {
        // The test may not want them.
        let _ = self.came.send((numbers.expect("given"), Some(back)));
    }

    async fn hold(&self, numbers: Receiver<u64>) -> impl Stream<Item = u64> {
        let _ = self.came.send((numbers, None));
        let flag = DropFlag(self.dropped.clone());
        async_stream::stream! {
            let _flag = flag;
            yield 1;
            std::future::pending::<()>().await;
        }
    }

    async fn fall(&self, after: u64) -> impl Stream<Item = u64> {
        tokio_stream::iter((0..).inspect(move |number| {
            assert!(*number < after, "a handler's");
        }))
    }

    async fn ignore(&self, _numbers: Option<Receiver<u64>>, _back: Sender<u64>) {}

    async fn never(&self, numbers: Option<Receiver<u64>>, back: Sender<u64>) {
        let _flag = DropFlag(self.dropped.clone());
        let _ = self.came.send((numbers.expect("given"), Some(back)));
        std::future::pending::<()>().await;
    }
}

pub(crate) struct World {
    pub(crate) client: EndsClient,
    pub(crate) came: mpsc::UnboundedReceiver<Halves>,
    dropped: mpsc::UnboundedReceiver<()>,
    peers: Option<[Peer; 2]>,
}

/// Both halves of two streams, one each way.
struct Both {
    sender: Sender<u64>,
    receiver: Receiver<u64>,
    back: (Sender<u64>, Receiver<u64>),
}

impl World {
    pub(crate) async fn new(link: Option<Link>) -> Self {
        let (came, halves) = mpsc::unbounded_channel();
        let (dropped, drops) = mpsc::unbounded_channel();
        let other = Other { came, dropped };
        let (client, peers) = match link {
            None => (EndsClient::local(other), None),
            Some(link) => {
                let builder = PeerBuilder::new().service(EndsServer::new(other));
                let (peer, other) = connected(link, &PeerBuilder::new(), &builder).await;
                (EndsClient::new(&peer), Some([peer, other]))
            }
        };
        Self {
            client,
            came: halves,
            dropped: drops,
            peers,
        }
    }

    async fn both(&mut self) -> Both {
        let (sender, numbers) = channel();
        let (back, receiver) = channel();
        self.client.give(Some(numbers), back).await.expect("given");
        let (came, back) = self.came.recv().await.expect("given");
        Both {
            sender,
            receiver: came,
            back: (back.expect("given"), receiver),
        }
    }

    async fn idle(&self) {
        for peer in self.peers.iter().flatten() {
            idle(peer).await;
        }
    }
}

async fn item(receiver: &mut Receiver<u64>) -> Option<u64> {
    let item = receiver.recv().await?;
    Some(item.expect("a number"))
}

/// The last result of a receiver.
async fn failure(receiver: &mut Receiver<u64>) -> StreamError {
    loop {
        let item = receiver.recv().await.expect("it is not whole");
        if let Err(error) = item {
            assert!(receiver.recv().await.is_none(), "behind the end");
            return error;
        }
    }
}

/// Sends until it learns that the receiver is gone.
async fn stopped(sender: &mut Sender<u64>) -> StreamError {
    loop {
        if let Err(error) = sender.send(1).await {
            return error;
        }
    }
}

/// The local halves of two streams.
struct Mine {
    sender: Sender<u64>,
    receiver: Receiver<u64>,
}

impl Mine {
    fn new() -> (Self, Receiver<u64>, Sender<u64>) {
        let (sender, numbers) = channel();
        let (back, receiver) = channel();
        (Self { sender, receiver }, numbers, back)
    }

    /// Both learn that the other halves are gone, including those that the handler has passed on.
    async fn are_let_go(mut self, came: &mut mpsc::UnboundedReceiver<Halves>) {
        let mut told = pin!(async {
            self.sender.closed().await;
            failure(&mut self.receiver).await;
        });
        loop {
            tokio::select! {
                () = &mut told => return,
                halves = came.recv() => drop(halves),
            }
        }
    }
}

pub(crate) const LOCAL: Option<Link> = None;

const WORLDS: [Option<Link>; 4] = [None, Some(Link::Memory), Some(Link::Tcp), Some(Link::Unix)];

/// Runs a test over each kind of connection and locally, on one thread and on two.
macro_rules! everywhere {
    ($($(#[doc = $doc:literal])* async fn $name:ident($world:ident) $body:block)*) => {$(
        $(#[doc = $doc])*
        mod $name {
            use super::*;

            async fn run(link: Option<Link>) {
                #[allow(unused_mut)]
                let mut $world = World::new(link).await;
                $body
                $world.idle().await;
            }

            #[tokio::test]
            async fn on_one_thread() {
                for link in WORLDS { run(link).await; }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_two_threads() {
                for link in WORLDS { run(link).await; }
            }
        }
    )*};
}

everywhere! {
    async fn a_sender_finishes(world) {
        let Both { mut sender, mut receiver, back: (mut back_sender, mut back) } = world.both().await;
        for number in 0..3 {
            sender.send(number).await.expect("taken");
            back_sender.send(number).await.expect("taken");
        }
        sender.finish();
        back_sender.finish();
        for number in 0..3 {
            assert_eq!(item(&mut receiver).await, Some(number));
            assert_eq!(item(&mut back).await, Some(number));
        }
        assert_eq!(item(&mut receiver).await, None);
        assert_eq!(item(&mut back).await, None);
    }

    async fn a_sender_is_dropped(world) {
        let Both { sender, mut receiver, back: (back_sender, mut back) } = world.both().await;
        drop((sender, back_sender));
        for receiver in [&mut receiver, &mut back] {
            let error = failure(receiver).await;
            assert!(matches!(error, StreamError::Cancelled), "{error:?}");
        }
    }

    async fn a_sender_fails(world) {
        let Both { mut sender, mut receiver, back: (mut back_sender, mut back) } = world.both().await;
        sender.send(1).await.expect("taken");
        back_sender.send(1).await.expect("taken");
        sender.fail("no more");
        back_sender.fail("no more");
        for receiver in [&mut receiver, &mut back] {
            assert_eq!(item(receiver).await, Some(1));
            let error = failure(receiver).await;
            assert!(matches!(&error, StreamError::Failed(data) if data.message == "no more"), "{error:?}");
        }
    }

    async fn a_receiver_is_dropped(world) {
        let Both { mut sender, receiver, back: (mut back_sender, back) } = world.both().await;
        sender.send(1).await.expect("taken");
        back_sender.send(1).await.expect("taken");
        drop((receiver, back));
        for sender in [&mut sender, &mut back_sender] {
            let error = sender.closed().await;
            assert!(matches!(error, StreamError::Cancelled), "{error:?}");
            let error = stopped(sender).await;
            assert!(matches!(error, StreamError::Cancelled), "{error:?}");
        }
    }

    /// Items that have arrived can be taken; the end after them is not an error.
    async fn a_receiver_closes(world) {
        let Both { mut sender, mut receiver, back: (mut back_sender, mut back) } = world.both().await;
        for sender in [&mut sender, &mut back_sender] {
            for number in 0..4 {
                sender.send(number).await.expect("taken");
            }
        }
        for (sender, receiver) in [(&mut sender, &mut receiver), (&mut back_sender, &mut back)] {
            assert_eq!(item(receiver).await, Some(0));
            receiver.close();
            let error = sender.closed().await;
            assert!(matches!(error, StreamError::Cancelled), "{error:?}");
            let mut next = 1;
            while let Some(number) = item(receiver).await {
                assert_eq!(number, next);
                next += 1;
            }
            assert!(next <= 4);
            assert!(receiver.try_recv().is_err());
        }
    }

    /// The same for a stream that is the result of a call.
    async fn a_result_is_closed(world) {
        let mut numbers = world.client.hold(tokio_stream::pending()).await.expect("begun");
        assert_eq!(item(&mut numbers).await, Some(1));
        numbers.close();
        assert_eq!(item(&mut numbers).await, None);
        drop(numbers);
        world.dropped.recv().await.expect("the stream is dropped");
    }

    async fn a_handler_panics_in_its_stream(world) {
        for after in [0, 1, 5, 2000] {
            let started = world.client.fall(after).await;
            let error = match started {
                Err(error) => error.into(),
                Ok(mut numbers) => failure(&mut numbers).await,
            };
            let StreamError::Call(CallError::Rejected { reason, .. }) = &error else {
                panic!("{error:?}");
            };
            assert!(matches!(reason, FrameworkError::Panicked { .. }), "{error:?}");
        }
    }

    /// It runs until the receiver is dropped.
    async fn a_stream_that_is_held(world) {
        let (mut sender, numbers) = channel();
        let mut held = world.client.hold(numbers).await.expect("begun");
        let (mut came, _) = world.came.recv().await.expect("given");
        assert_eq!(item(&mut held).await, Some(1));
        sender.send(4).await.expect("taken");
        assert_eq!(item(&mut came).await, Some(4));
        drop(held);
        world.dropped.recv().await.expect("the stream is dropped");
        let error = sender.closed().await;
        assert!(matches!(error, StreamError::Cancelled | StreamError::CallEnded), "{error:?}");
        // The receiver is still held, but its stream belonged to the call.
        let error = failure(&mut came).await;
        assert!(matches!(error, StreamError::Cancelled | StreamError::CallEnded), "{error:?}");
    }

    /// A handler that ignores its streams releases them.
    async fn a_handler_that_takes_nothing(world) {
        let (mut sender, numbers) = channel();
        let (back, mut receiver) = channel();
        world.client.ignore(Some(numbers), back).await.expect("answered");
        sender.closed().await;
        let error = failure(&mut receiver).await;
        assert!(matches!(error, StreamError::Cancelled), "{error:?}");
    }

    /// A call may be dropped at any point: both ends of both streams learn of it, and nothing is left.
    async fn a_call_is_dropped(world) {
        // Before it is sent,
        let (halves, numbers, back) = Mine::new();
        drop(world.client.never(Some(numbers), back));
        halves.are_let_go(&mut world.came).await;
        // as soon as it has been sent,
        let (halves, numbers, back) = Mine::new();
        drop(world.client.never(Some(numbers), back).start());
        halves.are_let_go(&mut world.came).await;
        // after its first poll,
        let (halves, numbers, back) = Mine::new();
        {
            let mut call = pin!(world.client.never(Some(numbers), back));
            assert!(is_pending(call.as_mut()).await);
        }
        halves.are_let_go(&mut world.came).await;
        while world.dropped.try_recv().is_ok() {}
        // and while its handler runs, which has passed its streams on: they no longer belong to the call.
        let (Mine { mut sender, mut receiver }, numbers, back) = Mine::new();
        let call = tokio::spawn(world.client.never(Some(numbers), back));
        let (mut came, back) = world.came.recv().await.expect("given");
        let mut back = back.expect("given");
        call.abort();
        world.dropped.recv().await.expect("the handler is dropped");
        sender.send(3).await.expect("taken");
        assert_eq!(item(&mut came).await, Some(3));
        back.send(4).await.expect("taken");
        assert_eq!(item(&mut receiver).await, Some(4));
        drop((sender, back));
        failure(&mut came).await;
        failure(&mut receiver).await;
    }

    /// Twenty streams with a stopped reader, and twenty with a stopped writer.
    async fn abandoned_streams_leave_nothing(world) {
        // The first call sends hello, and waits up to 10 s for its answer.
        drop(world.both().await);
        world.idle().await;
        let tasks = Handle::current().metrics().num_alive_tasks();
        let mut kept = Vec::new();
        for _ in 0..20 {
            let Both { mut sender, mut receiver, back: (mut back_sender, mut back) } = world.both().await;
            sender.send(1).await.expect("taken");
            back_sender.send(1).await.expect("taken");
            assert_eq!(item(&mut receiver).await, Some(1));
            assert_eq!(item(&mut back).await, Some(1));
            kept.push((sender, back));
        }
        drop(kept);
        for _ in 0..20 {
            let Both { sender, receiver, back } = world.both().await;
            drop(receiver);
            drop(back.0);
            drop((sender, back.1));
        }
        world.idle().await;
        // Each end of a connection keeps a dispatcher, which it may have needed after the first call alone.
        let dispatchers = world.peers.as_ref().map_or(0, |peers| peers.len());
        while Handle::current().metrics().num_alive_tasks() > tasks + dispatchers {
            tokio::task::yield_now().await;
        }
    }
}

fn is_closed(error: &StreamError) -> Option<&ConnectionError> {
    match error {
        StreamError::ConnectionLost(reason)
        | StreamError::Call(CallError::ConnectionLost(reason)) => Some(reason),
        _ => None,
    }
}

/// Returns `true` if the connection ended, or the proxy's connection to the other side, after which the proxy cancels the
/// calls that it forwards and drops its halves of their streams.
fn is_lost(error: &StreamError, link: Link) -> bool {
    let of_proxy = matches!(
        error,
        StreamError::Framework {
            reason: FrameworkError::NoReply,
            ..
        } | StreamError::Call(CallError::Rejected {
            reason: FrameworkError::NoReply,
            ..
        }) | StreamError::Cancelled
    );
    is_closed(error).is_some() || link == Link::Proxied && of_proxy
}

/// Every half learns that the connection has ended, whichever side ends it.
#[tokio::test]
async fn the_connection_ends() {
    for link in LINKS_AND_PROXY {
        for side in [0, 1] {
            let mut world = World::new(Some(link)).await;
            let Both {
                mut sender,
                mut receiver,
                back: (mut back_sender, mut back),
            } = world.both().await;
            let (mut argument, numbers) = channel();
            let mut held = world.client.hold(numbers).await.expect("begun");
            let (mut came, _) = world.came.recv().await.expect("given");
            let (never, numbers) = channel();
            let call = world.client.never(Some(numbers), channel().0).start();
            let peers = world.peers.take().expect("there are two");
            peers[side].close();
            for receiver in [&mut receiver, &mut back, &mut held, &mut came] {
                let error = failure(receiver).await;
                assert!(is_lost(&error, link), "{link:?} {error:?}");
            }
            for sender in [&mut sender, &mut back_sender, &mut argument] {
                let error = sender.closed().await;
                assert!(is_lost(&error, link), "{link:?} {error:?}");
                let error = stopped(sender).await;
                assert!(is_lost(&error, link), "{link:?} {error:?}");
            }
            let error = call.await.expect_err("it is gone");
            drop(never);
            assert!(is_lost(&error.into(), link));
            world.dropped.recv().await.expect("the stream is dropped");
            // No stream can be opened any more, and both ends learn of it.
            let (mut sender, numbers) = channel();
            let (back, mut receiver) = channel();
            let error = world
                .client
                .give(Some(numbers), back)
                .await
                .expect_err("closed");
            assert!(is_lost(&error.into(), link));
            sender.closed().await;
            failure(&mut receiver).await;
            for peer in &peers {
                idle(peer).await;
            }
        }
    }
}
