//! Calls that a fallback forwards to another peer, with their streams.

use chirp::packet::ErrorData;
use chirp::stream::channel;
use chirp::{
    AsCaller as _, CallError, Caller, Peer, PeerBuilder, Receiver, Request, Router, Sender,
    StreamError,
};
use futures_core::Stream;
use serde::{Deserialize, Serialize};

use crate::support::{Link, connected, idle};

#[derive(Debug, Serialize, Deserialize)]
struct Numbers {
    count: u64,
    numbers: Receiver<u64>,
}

#[chirp::service]
trait Back {
    async fn total(&self, numbers: Receiver<u64>) -> Result<u64, String>;
    async fn both(&self, numbers: Option<Receiver<u64>>, back: Option<Sender<u64>>) -> u64;
    async fn answer(&self, count: u64) -> Numbers;
    async fn count(
        &self,
        to: u64,
        fails: bool,
    ) -> Result<impl Stream<Item = Result<u64, String>>, String>;
    async fn doubled(&self, numbers: Receiver<u64>) -> impl Stream<Item = u64>;
    async fn nested(&self, sources: Receiver<Numbers>) -> impl Stream<Item = Numbers>;
    async fn forever(&self) -> impl Stream<Item = u64>;
    #[chirp(oneway)]
    async fn note(&self, back: Option<Sender<u64>>);
    async fn large(&self, len: usize) -> impl Stream<Item = Vec<u8>>;
}

struct Server;

async fn collect(mut numbers: Receiver<u64>) -> Result<Vec<u64>, StreamError> {
    let mut all = Vec::new();
    while let Some(number) = numbers.recv().await {
        all.push(number?);
    }
    Ok(all)
}

fn counted(count: u64) -> Receiver<u64> {
    let (mut sender, receiver) = channel();
    tokio::spawn(async move {
        for number in 0..count {
            if sender.send(number).await.is_err() {
                return;
            }
        }
        sender.finish();
    });
    receiver
}

impl Back for Server {
    async fn total(&self, numbers: Receiver<u64>) -> Result<u64, String> {
        let all = collect(numbers).await.map_err(|error| error.to_string())?;
        Ok(all.iter().sum())
    }

    async fn both(&self, numbers: Option<Receiver<u64>>, back: Option<Sender<u64>>) -> u64 {
        let mut back = back.expect("given");
        let all = collect(numbers.expect("given")).await.expect("whole");
        for number in &all {
            back.send(*number).await.expect("taken");
        }
        back.finish();
        all.len() as u64
    }

    async fn answer(&self, count: u64) -> Numbers {
        Numbers {
            count,
            numbers: counted(count),
        }
    }

    async fn count(
        &self,
        to: u64,
        fails: bool,
    ) -> Result<impl Stream<Item = Result<u64, String>>, String> {
        if to == 0 {
            return Err("nothing to count".to_owned());
        }
        let end = fails.then(|| Err("broken".to_owned()));
        Ok(tokio_stream::iter((0..to).map(Ok).chain(end)))
    }

    async fn doubled(&self, numbers: Receiver<u64>) -> impl Stream<Item = u64> {
        tokio_stream::StreamExt::map(numbers, |number| 2 * number.expect("whole"))
    }

    async fn nested(&self, sources: Receiver<Numbers>) -> impl Stream<Item = Numbers> {
        tokio_stream::StreamExt::map(sources, |source| source.expect("whole"))
    }

    async fn forever(&self) -> impl Stream<Item = u64> {
        tokio_stream::iter(0..)
    }

    async fn note(&self, back: Option<Sender<u64>>) {
        let mut back = back.expect("given");
        back.send(7).await.expect("taken");
        back.finish();
    }

    async fn large(&self, len: usize) -> impl Stream<Item = Vec<u8>> {
        tokio_stream::iter((0..5).map(move |number| vec![number; len]))
    }
}

/// A client whose calls are forwarded by a fallback, and the peers between.
async fn clients() -> Vec<(BackClient, Vec<Peer>)> {
    let back = || PeerBuilder::new().service(BackServer::new(Server));
    let mut clients = Vec::new();
    for link in [Link::Memory, Link::Tcp, Link::Inproc] {
        let (to_back, end) = connected(link, &PeerBuilder::new(), &back()).await;
        let front = PeerBuilder::new().fallback(to_back.as_caller());
        let (peer, between) = connected(link, &PeerBuilder::new(), &front).await;
        clients.push((BackClient::new(&peer), vec![peer, between, to_back, end]));
    }
    // Locally before the forwarder, after it, and both.
    let (to_back, end) = connected(Link::Memory, &PeerBuilder::new(), &back()).await;
    let mut front = Router::default();
    front.fallback(to_back.as_caller());
    clients.push((BackClient::new(&Caller::local(front)), vec![to_back, end]));
    let mut local = Router::default();
    chirp::Service::register(BackServer::new(Server), &mut local).expect("no duplicates");
    let local = Caller::local(local);
    let front = PeerBuilder::new().fallback(local.clone());
    let (peer, between) = connected(Link::Memory, &PeerBuilder::new(), &front).await;
    clients.push((BackClient::new(&peer), vec![peer, between]));
    let mut front = Router::default();
    front.fallback(local);
    clients.push((BackClient::new(&Caller::local(front)), vec![]));
    clients
}

#[tokio::test]
async fn forwarded_calls_carry_their_streams() {
    for (client, peers) in clients().await {
        for count in [0, 1, 3000] {
            let sum = (0..count).sum::<u64>();
            let total = client.total(counted(count)).await;
            assert_eq!(total.expect("whole"), sum);
            let (back, returned) = channel();
            let both = client.both(Some(counted(count)), Some(back));
            let (both, returned) = tokio::join!(both, collect(returned));
            assert_eq!(both.expect("answered"), count);
            assert_eq!(returned.expect("whole").len() as u64, count);
            let answer = client.answer(count).await.expect("answered");
            let numbers = collect(answer.numbers).await.expect("whole");
            assert_eq!(numbers.len() as u64, count);
            let mut doubled = client.doubled(counted(count)).await.expect("begun");
            for number in 0..count {
                let item = doubled.recv().await.expect("one").expect("whole");
                assert_eq!(item, 2 * number);
            }
            assert!(doubled.recv().await.is_none());
        }
        let sources = (0..4).map(|count| Numbers {
            count,
            numbers: counted(count),
        });
        let mut nested = client
            .nested(tokio_stream::iter(sources.collect::<Vec<_>>()))
            .await
            .expect("begun");
        for count in 0..4 {
            let source = nested.recv().await.expect("one").expect("whole");
            assert_eq!(source.count, count);
            let numbers = collect(source.numbers).await.expect("whole");
            assert_eq!(numbers.len() as u64, count);
        }
        assert!(nested.recv().await.is_none());
        for len in [0, 9000, 100_000] {
            let mut large = client.large(len).await.expect("begun");
            for number in 0..5 {
                let item = large.recv().await.expect("one").expect("whole");
                assert!(item.len() == len && item.iter().all(|byte| *byte == number));
            }
            assert!(large.recv().await.is_none());
        }
        let (back, returned) = channel();
        client.note(Some(back)).await.expect("sent");
        assert_eq!(collect(returned).await.expect("whole"), [7]);
        for peer in &peers {
            idle(peer).await;
        }
    }
}

#[tokio::test]
async fn stream_ends_are_forwarded() {
    for (client, peers) in clients().await {
        let Err(error) = client.count(0, false).await else {
            panic!("nothing is counted");
        };
        assert_eq!(error.to_string(), "nothing to count");
        for fails in [false, true] {
            let mut count = client.count(5, fails).await.expect("begun");
            for number in 0..5 {
                let item = count.recv().await.expect("one").expect("whole");
                assert_eq!(item, number);
            }
            match count.recv().await {
                None => assert!(!fails),
                Some(end) => assert_eq!(end.expect_err("an end").to_string(), "broken"),
            }
        }
        // A receiver that is dropped stops the source.
        let mut forever = client.forever().await.expect("begun");
        forever.recv().await.expect("one").expect("whole");
        drop(forever);
        let answer = client.answer(u64::MAX).await.expect("answered");
        drop(answer);
        let (mut sender, numbers) = channel();
        sender.send(1).await.expect("accepted");
        let total = client.total(numbers).start();
        sender.fail("no more");
        let error = total.await.expect_err("broken off").to_string();
        assert!(error.ends_with("no more"), "{error}");
        let (mut sender, numbers) = channel();
        let total = client.total(numbers).start();
        sender.send(1).await.expect("accepted");
        drop(sender);
        let error = total.await.expect_err("broken off").to_string();
        assert!(error.ends_with("the stream was cancelled"), "{error}");
        // The call is dropped while its stream is fed.
        let (mut sender, numbers) = channel();
        let total = client.total(numbers).start();
        sender.send(1).await.expect("accepted");
        drop(total);
        sender.closed().await;
        for peer in &peers {
            idle(peer).await;
        }
    }
}

/// A handler that forwards parameters without their streams gets an error.
#[tokio::test]
async fn parameters_without_their_streams_are_not_forwarded() {
    let back = PeerBuilder::new().service(BackServer::new(Server));
    let (to_back, end) = connected(Link::Memory, &PeerBuilder::new(), &back).await;
    let asked = to_back.clone();
    let front = PeerBuilder::new().fallback(move |request: Request| {
        let asked = asked.clone();
        async move {
            let method = String::from_utf8(request.method().to_vec()).expect("text");
            let answer = asked.call(method, request.into_params()).await;
            answer.map_err(ErrorData::from)
        }
    });
    let (peer, between) = connected(Link::Memory, &PeerBuilder::new(), &front).await;
    let client = BackClient::new(&peer);
    let error = client.answer(3).await.expect_err("no streams");
    assert!(!matches!(error, CallError::Decode(_)), "{error:?}");
    assert!(error.to_string().contains("streams"), "{error}");
    // The method does not run.
    let error = client.total(counted(3)).await.expect_err("no streams");
    assert!(error.to_string().contains("stream"), "{error}");
    for peer in [&peer, &between, &to_back, &end] {
        idle(peer).await;
    }
}
