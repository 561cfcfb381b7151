//! Links that are slow, and links that stall.

use std::time::Duration;

use chirp::channel::memory;
use chirp::websocket::WebSocket;
use chirp::{CallError, Channel, ConnectionError, Limits, Peer, PeerBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::raw::other;
use crate::support::{echo, in_time};

/// A line that carries 4 KB in 10 ms in each direction: 400 KB/s. After `limit` bytes from the client, it stalls.
fn slow(limit: usize) -> (Channel, Channel) {
    let (one, near) = tokio::io::duplex(16 << 10);
    let (far, other) = tokio::io::duplex(16 << 10);
    let (near_reader, near_writer) = tokio::io::split(near);
    let (far_reader, far_writer) = tokio::io::split(far);
    tokio::spawn(copy(near_reader, far_writer, limit));
    tokio::spawn(copy(far_reader, near_writer, usize::MAX));
    (Channel::io(one), Channel::io(other))
}

async fn copy(
    mut from: tokio::io::ReadHalf<DuplexStream>,
    mut to: tokio::io::WriteHalf<DuplexStream>,
    mut limit: usize,
) {
    let mut buffer = vec![0; 4000];
    loop {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let length = buffer.len().min(limit);
        if length == 0 {
            return std::future::pending().await;
        }
        match from.read(&mut buffer[..length]).await {
            Ok(0) | Err(_) => return,
            Ok(read) => {
                limit -= read;
                if to.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn peers((one, other_end): (Channel, Channel)) -> (Peer, Peer) {
    let socket = WebSocket::new();
    let address = other("ws://localhost/chirp");
    let (client, server) = tokio::join!(
        socket.connect_over(one, &address),
        socket.accept_over(other_end)
    );
    let limits = Limits::default().progress_timeout(Duration::from_secs(1));
    let builder = PeerBuilder::new().limits(limits).handle("echo", echo);
    let client = builder.clone().start(client.unwrap()).unwrap();
    (client, builder.start(server.unwrap()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_slow_link_carries_large_packets() {
    let (client, _server) = peers(slow(usize::MAX)).await;
    let sent = vec![7; 1_572_864];
    let began = tokio::time::Instant::now();
    let received = client.call("echo", sent.clone()).await.unwrap();
    assert!(received == sent);
    let took = began.elapsed();
    assert!((7..12).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_link_that_stalls_is_noticed_on_both_sides() {
    let (client, server) = peers(slow(500_000)).await;
    let error = in_time(client.call("echo", vec![7; 1_572_864]))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            CallError::ConnectionLost(ConnectionError::Stalled { seconds: 1 })
        ),
        "{error}"
    );
    let end = in_time(server.closed()).await;
    assert!(
        matches!(end, ConnectionError::Unfinished { seconds: 1 }),
        "{end}"
    );
}

#[tokio::test]
async fn halves_may_be_dropped_in_the_middle_of_a_frame() {
    for dropped in [0, 1, 2] {
        let (one, other_end) = memory();
        let socket = WebSocket::new();
        let address = other("ws://localhost/chirp");
        let (client, server) = tokio::join!(
            socket.connect_over(one, &address),
            socket.accept_over(other_end)
        );
        let (mut reader, mut writer) = client.unwrap().into_split();
        // More than the memory holds, so that a frame is unfinished.
        let much = vec![1; 1 << 20];
        let stuck = writer.write_all(&much);
        assert!(
            tokio::time::timeout(crate::raw::SHORT, stuck)
                .await
                .is_err()
        );
        match dropped {
            0 => drop(writer),
            1 => {
                drop(reader);
                drop(writer);
            }
            _ => {
                drop(server);
                let error = in_time(reader.read(&mut [0])).await;
                assert!(error.is_err() || error.is_ok_and(|read| read == 0));
                assert!(in_time(writer.write_all(&much)).await.is_err());
                continue;
            }
        }
        let (mut reader, _writer) = server.unwrap().into_split();
        let mut received = Vec::new();
        let error = in_time(reader.read_to_end(&mut received))
            .await
            .unwrap_err();
        assert!(received.iter().all(|&byte| byte == 1) && received.len() >= 60_000);
        assert!(
            error.to_string().contains("without a Close frame"),
            "{error}"
        );
    }
}
