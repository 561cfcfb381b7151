//! Relaying between two programs.

use chirp::channel::{Channel, memory};
use chirp::record::Recorder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{LINKS, channels, in_time, on_both_runtimes, request};
use crate::traffic::{Memory, listener, make_calls, packets, station};

/// Everything works through a relay as it does without.
#[test]
fn all_calls_pass_a_relay() {
    on_both_runtimes(async || {
        for link in LINKS {
            let output = Memory::default();
            let recorder = Recorder::new(output.clone()).expect("a thread");
            let (one, inner) = channels(link).await;
            let (outer, other) = channels(link).await;
            let (serving, noted, waiting) = station();
            let peer = listener().start(one).expect("a peer");
            let server = serving.start(other).expect("a peer");
            let relay = recorder.clone();
            let relayed = tokio::spawn(async move { relay.relay(inner, outer).await });
            in_time(make_calls(&peer, &noted, &waiting)).await;
            peer.close();
            in_time(server.closed()).await;
            in_time(relayed).await.expect("no panic").ok();
            recorder.flush().await.expect("written");
            assert!(packets(&output.events()).len() > 20, "{link:?}");
        }
    });
}

/// The end of one direction is passed on, and the other goes on.
#[tokio::test]
async fn half_closed_connections_stay_half_closed() {
    let output = Memory::default();
    let recorder = Recorder::new(output.clone()).expect("a thread");
    let (one, inner) = tokio::io::duplex(1024);
    let (outer, other) = tokio::io::duplex(1024);
    let (mut one, mut other) = (one, other);
    let relayed = tokio::spawn({
        let recorder = recorder.clone();
        async move { recorder.relay(Channel::io(inner), Channel::io(outer)).await }
    });
    one.write_all(&request(1, "a", b"")).await.expect("room");
    one.shutdown().await.expect("open");
    let mut read = Vec::new();
    in_time(other.read_to_end(&mut read))
        .await
        .expect("the end");
    assert_eq!(read, request(1, "a", b""));
    other
        .write_all(&request(2, "b", b""))
        .await
        .expect("still open");
    drop(other);
    let mut read = Vec::new();
    in_time(one.read_to_end(&mut read)).await.expect("the end");
    assert_eq!(read, request(2, "b", b""));
    in_time(relayed)
        .await
        .expect("no panic")
        .expect("orderly ends");
    recorder.flush().await.expect("written");
    assert_eq!(packets(&output.events()).len(), 2);
}

/// A relay takes no more from one side than the other side takes.
#[tokio::test]
async fn a_relay_keeps_back_pressure() {
    let recorder = Recorder::new(std::io::sink()).expect("a thread");
    let (mut one, inner) = tokio::io::duplex(1024);
    let (outer, mut other) = tokio::io::duplex(1024);
    let relayed =
        tokio::spawn(async move { recorder.relay(Channel::io(inner), Channel::io(outer)).await });
    let written = tokio::spawn(async move {
        let piece = [0xC7; 1024];
        let mut written = 0;
        while written < 4 << 20 {
            // A second without progress: nobody takes more.
            let write = one.write_all(&piece);
            if tokio::time::timeout(std::time::Duration::from_secs(1), write)
                .await
                .is_err()
            {
                break;
            }
            written += piece.len();
        }
        (one, written)
    });
    let (one, written) = in_time(written).await.expect("no panic");
    assert!(written < 256 << 10, "{written}");
    drop(one);
    let mut rest = Vec::new();
    in_time(other.read_to_end(&mut rest))
        .await
        .expect("the end");
    assert!(rest.len() >= written);
    drop(other);
    in_time(relayed).await.expect("no panic").ok();
}

/// A server that breaks off is an end for the client.
#[tokio::test]
async fn a_broken_side_ends_the_other() {
    let recorder = Recorder::new(std::io::sink()).expect("a thread");
    let (client, inner) = memory();
    let (outer, server) = memory();
    let relayed = tokio::spawn(async move { recorder.relay(inner, outer).await });
    drop(server);
    let (mut reader, writer) = client.into_split();
    let read = in_time(reader.read(&mut [0])).await.expect("an end");
    assert_eq!(read, 0);
    drop((reader, writer));
    in_time(relayed).await.expect("no panic").ok();
}
