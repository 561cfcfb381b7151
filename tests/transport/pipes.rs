//! Peers over pairs of pipes, in one process.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fs::File;
use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use chirp::channel::{self, PipeEnds};
use chirp::packet::ErrorData;
use chirp::{CallContext, CallError, Channel, ConnectionError, Peer, PeerBuilder, Request};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::task::JoinSet;

/// Much longer than any step takes: a test that hangs fails.
const LONG: Duration = Duration::from_secs(30);

#[chirp::service]
trait Side {
    async fn double(&self, n: u64) -> u64;
    async fn reverse(&self, data: &[u8]) -> Vec<u8>;
    /// Doubles through nested calls between both sides, `depth` deep.
    async fn bounce(&self, cx: &CallContext, n: u64, depth: u32) -> Result<u64, ErrorData>;
}

struct Both;

impl Side for Both {
    async fn double(&self, n: u64) -> u64 {
        tokio::task::yield_now().await;
        n * 2
    }

    async fn reverse(&self, data: &[u8]) -> Vec<u8> {
        data.iter().rev().copied().collect()
    }

    async fn bounce(&self, cx: &CallContext, n: u64, depth: u32) -> Result<u64, ErrorData> {
        let caller = SideClient::new(cx.caller());
        if depth == 0 {
            return Ok(caller.double(n).await?);
        }
        caller
            .bounce(n, depth - 1)
            .await
            .map_err(|error| ErrorData::from(error.to_string()))
    }
}

fn peers() -> (Peer, Peer) {
    let (channel, ends) = channel::pipes().unwrap();
    let builder = PeerBuilder::new().service(SideServer::new(Both));
    let other = Channel::from_pipes(ends.read, ends.write).unwrap();
    (
        builder.start(channel).unwrap(),
        builder.start(other).unwrap(),
    )
}

/// Closes both peers and checks that nothing is left.
async fn end(one: Peer, other: Peer) {
    let reason = one.shutdown(LONG).await;
    assert!(matches!(reason, ConnectionError::ClosedHere), "{reason}");
    let reason = other.closed().await;
    assert!(matches!(reason, ConnectionError::ClosedByPeer), "{reason}");
    for peer in [one, other] {
        let status = peer.stats();
        assert_eq!((status.pending, status.running), (0, 0), "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ends_serve_and_call_at_once() {
    let (one, other) = peers();
    let mut calls = JoinSet::new();
    for peer in [&one, &other] {
        let side = SideClient::new(peer);
        for n in 0..128 {
            let side = side.clone();
            calls.spawn(async move {
                assert_eq!(side.double(n).await.unwrap(), n * 2);
                assert_eq!(side.bounce(n, 3).await.unwrap(), n * 2);
            });
        }
    }
    let done = tokio::time::timeout(LONG, calls.join_all()).await;
    assert_eq!(done.expect("no call hangs").len(), 256);
    end(one, other).await;
}

/// A pipe holds 64 KiB; both sides send much more at the same time.
#[tokio::test]
async fn large_payloads_pass_each_other() {
    let (one, other) = peers();
    for len in [0, 1, 4096, 65_536, 65_537, 5 << 20] {
        let data: Vec<u8> = (0..=255).cycle().take(len).collect();
        let (a, b) = (SideClient::new(&one), SideClient::new(&other));
        let both = async { tokio::try_join!(a.reverse(&data), b.reverse(&data)) };
        let (a, b) = tokio::time::timeout(LONG, both).await.unwrap().unwrap();
        let reversed: Vec<u8> = data.into_iter().rev().collect();
        assert!(a == reversed && b == reversed, "{len} bytes");
    }
    end(one, other).await;
}

/// CH-15: reading ends when this side closes, even if another process still holds the other end of the pipe.
#[tokio::test]
async fn closing_releases_both_pipes_although_others_hold_their_ends() {
    let (channel, PipeEnds { read, write }) = channel::pipes().unwrap();
    let elsewhere = (read.try_clone().unwrap(), write.try_clone().unwrap());
    let peer = PeerBuilder::new().start(channel).unwrap();
    let call = tokio::spawn(peer.call("m", ()).start());

    peer.close();
    let reason = peer.closed().await;
    assert!(matches!(reason, ConnectionError::ClosedHere), "{reason}");
    let answer = call.await.unwrap();
    assert!(
        matches!(
            answer,
            Err(CallError::ConnectionLost(ConnectionError::ClosedHere))
        ),
        "{answer:?}"
    );

    // Nothing more can be read or written.
    let mut input = File::from(read);
    let rest = tokio::task::spawn_blocking(move || input.read_to_end(&mut Vec::new()));
    let rest = tokio::time::timeout(LONG, rest)
        .await
        .expect("its write end is closed");
    rest.unwrap().unwrap();
    let mut output = pipe::Sender::from_owned_fd(write).unwrap();
    let refused = async {
        loop {
            if let Err(error) = output.write_all(&[0; 4096]).await {
                return error;
            }
        }
    };
    let error = tokio::time::timeout(LONG, refused)
        .await
        .expect("its read end is closed");
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    drop(elsewhere);
}

#[tokio::test]
async fn a_call_ends_when_the_other_ends_are_gone() {
    let (channel, ends) = channel::pipes().unwrap();
    // A child that is started meanwhile inherits none of its descriptors.
    let mut bystander = Command::new("sleep")
        .arg("1000")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let peer = PeerBuilder::new().start(channel).unwrap();
    let call = peer.call("m", ()).start();
    drop(ends);
    let answer = tokio::time::timeout(LONG, call).await;
    bystander.kill().unwrap();
    bystander.wait().unwrap();
    // The end of input and the failed write are noticed in either order.
    match answer.expect("the end is noticed") {
        Err(CallError::ConnectionLost(
            ConnectionError::ClosedByPeer | ConnectionError::Channel(_),
        )) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn pipes_with_a_named_method_and_without_a_trait() {
    let (channel, ends) = channel::pipes().unwrap();
    let other = Channel::from_pipes(ends.read, ends.write).unwrap();
    let echo = PeerBuilder::new().handle("echo", |request: Request| async {
        Ok::<_, ErrorData>(request.into_params())
    });
    let _serves = echo.start(other).unwrap();
    let peer = PeerBuilder::new().start(channel).unwrap();
    assert!(peer.remote().is_none() && peer.credentials().is_none());
    assert_eq!(peer.call("echo", "hello").await.unwrap(), "hello");
    assert!(matches!(
        peer.call("no", ()).await,
        Err(CallError::UnknownMethod { .. })
    ));
}

#[tokio::test]
async fn a_descriptor_that_is_no_pipe_is_refused() {
    let refused = |read: std::os::fd::OwnedFd, write: std::os::fd::OwnedFd| {
        let error = Channel::from_pipes(read, write).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
    };
    let (read, write) = io::pipe().unwrap();
    refused(write.into(), read.into());
    let (read, _write) = io::pipe().unwrap();
    refused(read.into(), File::open("Cargo.toml").unwrap().into());
    let (_read, write) = io::pipe().unwrap();
    refused(File::open("Cargo.toml").unwrap().into(), write.into());
}
