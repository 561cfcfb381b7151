use std::io;

use bytes::Bytes;
use chirp::{
    CallContext, CallError, ConnectError, ConnectionError, Peer, PeerBuilder, Receiver, Server,
    ServerHandle,
};
use chirp_nats::Nats;

use tokio::sync::oneshot;

use super::support::{NatsProcess, until};

/// Methods that need a connection.
#[chirp::service]
trait Files {
    /// Counts to `n`.
    async fn count(&self, n: u64) -> Receiver<u64>;

    /// Returns the length and a sum of the bytes.
    async fn store(&self, data: Receiver<Bytes>) -> (u64, u64);

    /// Returns the value.
    async fn echo(&self, value: Vec<u8>) -> Vec<u8>;

    /// Asks the caller for its name.
    async fn whoami(&self, cx: &CallContext) -> String;
}

#[chirp::service]
trait Named {
    async fn name(&self) -> String;
}

struct Ann;

impl Named for Ann {
    async fn name(&self) -> String {
        "ann".to_owned()
    }
}

struct Disk;

impl Files for Disk {
    async fn count(&self, n: u64) -> Receiver<u64> {
        let (mut sender, receiver) = chirp::stream::channel();
        tokio::spawn(async move {
            for number in 0..n {
                if sender.send(number).await.is_err() {
                    return;
                }
            }
            sender.finish();
        });
        receiver
    }

    async fn store(&self, mut data: Receiver<Bytes>) -> (u64, u64) {
        let (mut len, mut sum) = (0, 0_u64);
        while let Some(Ok(bytes)) = data.recv().await {
            len += bytes.len() as u64;
            sum += bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        }
        (len, sum)
    }

    async fn echo(&self, value: Vec<u8>) -> Vec<u8> {
        value
    }

    async fn whoami(&self, cx: &CallContext) -> String {
        NamedClient::new(cx.caller())
            .name()
            .await
            .unwrap_or_else(|error| error.to_string())
    }
}

/// A server, which ends when the sender is dropped.
async fn serve(nats: &Nats, name: &str) -> (ServerHandle, oneshot::Sender<()>) {
    let server = Server::builder()
        .scheme("nats", nats.scheme())
        .service(FilesServer::new(Disk));
    let server = server.bind(format!("nats://{name}")).await.expect("bound");
    let handle = server.handle();
    let (running, over) = oneshot::channel();
    tokio::spawn(server.run_until(over));
    (handle, running)
}

fn peers(nats: &Nats) -> PeerBuilder {
    PeerBuilder::new().scheme("nats", nats.scheme())
}

async fn connect(nats: &Nats, name: &str) -> Peer {
    let peers = peers(nats).service(NamedServer::new(Ann));
    peers
        .connect(format!("nats://{name}"))
        .await
        .expect("connected")
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_carry_streams_and_callbacks() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let (hosting, calling) = (process.connect().await, process.connect().await);
    let (server, _running) = serve(&hosting, "files").await;
    let peer = connect(&calling, "files").await;
    assert_eq!(
        peer.remote().map(ToString::to_string).as_deref(),
        Some("nats://files")
    );
    let files = FilesClient::new(&peer);
    assert_eq!(files.whoami().await.as_deref(), Ok("ann"));
    let mut numbers = files.count(10_000).await.expect("a stream");
    let mut next = 0;
    while let Some(number) = numbers.recv().await {
        assert_eq!(number, Ok(next));
        next += 1;
    }
    assert_eq!(next, 10_000);
    // Larger than a message of NATS, and than the window of the connection.
    let value: Vec<_> = (0..=250_u8).cycle().take(5_000_000).collect();
    assert_eq!(files.echo(value.clone()).await, Ok(value));
    let (mut sender, data) = chirp::stream::channel::<Bytes>();
    let chunk = Bytes::from(vec![3; 100_000]);
    let sending = async move {
        for _ in 0..100 {
            sender.send(chunk.clone()).await.expect("taken");
        }
        sender.finish();
    };
    let (stored, ()) = tokio::join!(files.store(data), sending);
    assert_eq!(stored, Ok((10_000_000, 30_000_000)));
    peer.close();
    until(|| server.connections().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_nobody_listens_on_is_refused() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let error = peers(&nats)
        .connect("nats://nobody")
        .await
        .expect_err("nobody listens");
    let ConnectError::Io(io) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(io.kind(), io::ErrorKind::ConnectionRefused, "{error}");
    let error = peers(&nats).connect("nats://").await.expect_err("no name");
    let ConnectError::Io(io) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(io.kind(), io::ErrorKind::InvalidInput, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_learn_that_the_other_has_gone() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let (hosting, calling) = (process.connect().await, process.connect().await);
    let (server, running) = serve(&hosting, "files").await;
    let peer = connect(&calling, "files").await;
    assert_eq!(FilesClient::new(&peer).echo(vec![1]).await, Ok(vec![1]));
    peer.close();
    until(|| server.connections().is_empty()).await;
    let peer = connect(&calling, "files").await;
    let files = FilesClient::new(&peer);
    drop(running);
    peer.closed().await;
    assert!(files.echo(vec![1]).await.is_err());
}

/// A loss is noticed by the number of a later message, or by the status.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_message_ends_the_connection_with_the_reason() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    // Somebody who accepts, and then tells of messages that never came.
    let plain = process.plain().await;
    let mut listening = plain
        .subscribe("_chirp.channel.liar")
        .await
        .expect("subscribed");
    super::support::settle(&plain).await;
    let liar = tokio::spawn(async move {
        let request = super::support::next(&mut listening).await;
        let own = plain.new_inbox();
        let mut accept = vec![1, 1];
        accept.extend_from_slice(&(1_u64 << 20).to_be_bytes());
        let reply = request.reply.expect("a subject");
        let accepted = plain.publish_with_reply(reply.clone(), own, accept.into());
        accepted.await.expect("sent");
        let mut status = vec![4];
        status.extend_from_slice(&5_u64.to_be_bytes());
        status.extend_from_slice(&(1_u64 << 20).to_be_bytes());
        plain.publish(reply, status.into()).await.expect("sent");
        // Messages that the client has not written are lost with it.
        plain
    });
    let peer = peers(&nats).connect("nats://liar").await.expect("accepted");
    let ended = peer.closed().await;
    let ConnectionError::Channel(error) = &ended else {
        panic!("{ended:?}")
    };
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
    drop(liar.await.expect("no panic"));
}

/// The server of NATS is killed and comes back: connections end with a reason or go on, and new ones can be made.
#[tokio::test(flavor = "multi_thread")]
async fn connections_through_a_server_that_is_killed_end_or_go_on() {
    let Some(mut process) = NatsProcess::start() else {
        return;
    };
    let (hosting, calling) = (process.connect().await, process.connect().await);
    let (server, _running) = serve(&hosting, "files").await;
    let peer = connect(&calling, "files").await;
    let files = FilesClient::new(&peer);
    let (restarted, is_restarted) = tokio::sync::watch::channel(false);
    let busy = tokio::spawn(async move {
        loop {
            let is_last = *is_restarted.borrow();
            let answer = files.echo(vec![7; 100_000]).await;
            if is_last || answer.is_err() {
                break answer;
            }
        }
    });
    process.kill();
    until(|| !calling.is_connected() && !hosting.is_connected()).await;
    assert!(process.restart());
    until(|| calling.is_connected() && hosting.is_connected()).await;
    restarted.send_replace(true);
    let answer = tokio::time::timeout(std::time::Duration::from_mins(1), busy).await;
    // The connection goes on if no message was on its way through the server.
    match answer.expect("in time").expect("no panic") {
        Ok(echo) => assert_eq!(echo.len(), 100_000),
        Err(error) => assert!(matches!(error, CallError::ConnectionLost(_)), "{error:?}"),
    }
    // One that goes on would remain.
    peer.close();
    let peer = connect(&calling, "files").await;
    assert_eq!(FilesClient::new(&peer).echo(vec![1]).await, Ok(vec![1]));
    until(|| server.connections().len() == 1).await;
}
