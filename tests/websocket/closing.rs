//! The end of a connection: Close frames, their codes, and channels that end without one.

use chirp::packet::{ErrorData, PacketType};
use chirp::websocket::{CloseReason, WebSocketError};
use chirp::{Channel, ConnectionError, Limits, PeerBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::raw::{BINARY, CLOSE, SHORT, close, frame, raw_client, raw_server, read_frame};
use crate::support::{echo, in_time, packet, read_packet, request};

/// The end of a peer's connection.
async fn end_of(channel: Channel) -> ConnectionError {
    let peer = PeerBuilder::new().start(channel).unwrap();
    in_time(peer.closed()).await
}

#[tokio::test]
async fn a_peer_learns_the_code_and_the_text() {
    let (mut io, channel) = raw_client().await;
    io.write_all(&frame(CLOSE, &close(4001, "the board was deleted"), true))
        .await
        .unwrap();
    let end = end_of(channel).await;
    let ConnectionError::Channel(error) = &end else {
        panic!("{end}");
    };
    let Some(WebSocketError::Closed(reason)) = WebSocketError::of(error) else {
        panic!("{end}");
    };
    assert_eq!(
        (reason.code(), reason.text()),
        (4001, "the board was deleted")
    );
    assert_eq!(
        end.to_string(),
        "channel failure: the other side closed the WebSocket with code 4001: the board was deleted"
    );
}

#[tokio::test]
async fn clean_codes_are_the_end_of_input_and_are_answered() {
    for payload in [vec![], close(1000, ""), close(1001, "page left")] {
        let (mut io, channel) = raw_client().await;
        io.write_all(&frame(CLOSE, &payload, true)).await.unwrap();
        let end = end_of(channel).await;
        assert!(matches!(end, ConnectionError::ClosedByPeer), "{end}");
        assert_eq!(in_time(read_frame(&mut io)).await, (CLOSE, close(1000, "")));
        // The server ends the connection itself.
        assert_eq!(in_time(io.read(&mut [0])).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_missing_close_frame_is_an_error() {
    for bytes in [vec![], vec![BINARY], vec![BINARY, 0x84, 1, 2, 3, 4, 5]] {
        let (mut io, channel) = raw_client().await;
        io.write_all(&bytes).await.unwrap();
        drop(io);
        let (mut reader, _writer) = channel.into_split();
        let error = in_time(reader.read_to_end(&mut Vec::new()))
            .await
            .unwrap_err();
        assert_eq!(WebSocketError::of(&error), Some(&WebSocketError::NoClose));
    }
}

/// A Close frame ends one direction: what was asked before it is answered after it.
#[tokio::test]
async fn requests_before_a_close_frame_are_answered() {
    let (mut io, channel) = raw_client().await;
    let peer = PeerBuilder::new()
        .handle("echo", echo)
        .start(channel)
        .unwrap();
    let call = request(1, "echo", b"last words");
    let frames = [
        frame(BINARY, &call, true),
        frame(CLOSE, &close(1000, ""), true),
    ];
    io.write_all(&frames.concat()).await.unwrap();
    let (first, payload) = in_time(read_frame(&mut io)).await;
    assert_eq!(first, BINARY);
    let (_, response) = in_time(read_packet(&mut &*payload)).await.unwrap();
    assert!(response.ends_with(b"last words"));
    assert_eq!(in_time(read_frame(&mut io)).await, (CLOSE, close(1000, "")));
    in_time(peer.closed()).await;
}

/// After its own Close frame, a side reads on, and answers nothing.
#[tokio::test]
async fn a_side_that_has_shut_down_reads_on() {
    let (channel, mut io) = raw_server().await;
    let (mut reader, mut writer) = channel.into_split();
    writer.shutdown().await.unwrap();
    assert_eq!(in_time(read_frame(&mut io)).await, (CLOSE, close(1000, "")));
    let error = writer.write(b"x").await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    io.write_all(&frame(BINARY, b"late", false)).await.unwrap();
    let mut late = [0; 4];
    in_time(reader.read_exact(&mut late)).await.unwrap();
    assert_eq!(&late, b"late");
    // The connection is open until the server closes it: a client waits for the server.
    let more = tokio::time::timeout(SHORT, io.read(&mut [0])).await;
    assert!(more.is_err(), "{more:?}");
    // A server that ends the connection instead of answering the Close frame is no failure.
    drop(io);
    assert_eq!(in_time(reader.read(&mut late)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_dropped_channel_says_that_it_goes_away() {
    let (mut io, channel) = raw_client().await;
    drop(channel);
    assert_eq!(
        in_time(read_frame(&mut io)).await,
        (CLOSE, close(CloseReason::GOING_AWAY, ""))
    );
    assert_eq!(in_time(io.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test]
async fn bytes_after_a_close_frame_mean_nothing() {
    let (mut io, channel) = raw_client().await;
    let mut bytes = frame(CLOSE, &close(1000, ""), true);
    bytes.extend([0xFF; 100]);
    io.write_all(&bytes).await.unwrap();
    let (mut reader, _writer) = channel.into_split();
    assert_eq!(
        in_time(reader.read_to_end(&mut Vec::new())).await.unwrap(),
        0
    );
}

/// A peer that ends the connection tells the other side why, in the Close frame.
#[tokio::test]
async fn the_other_side_is_told_why_a_peer_fails() {
    let limits = Limits::default().max_payload(1000);
    let large = packet(PacketType(200), &[0; 1001]);
    let failing = packet(PacketType(201), &[]);
    let valid = packet(PacketType(202), &[]);
    for (bytes, code, text) in [
        (
            b"GET / HTTP/1.1\r\n".to_vec(),
            CloseReason::PROTOCOL_ERROR,
            "HTTP",
        ),
        (
            large,
            CloseReason::TOO_LARGE,
            "packet of type 200 too large: 1001 bytes",
        ),
        // The error of this program is not for the other side.
        (failing, CloseReason::INTERNAL, "a handler failed"),
        (
            [&valid[..], &[0xFF; 8]].concat(),
            CloseReason::PROTOCOL_ERROR,
            "protocol error",
        ),
    ] {
        let (mut io, channel) = raw_client().await;
        let ok = |_, _| std::future::ready(Ok::<_, ErrorData>(()));
        let peer = PeerBuilder::new()
            .limits(limits.clone())
            .handle_packet(PacketType(200), ok)
            .handle_packet(PacketType(201), |_, _| {
                std::future::ready(Err::<(), _>(ErrorData::new(1, "out of paper")))
            })
            .start(channel)
            .unwrap();
        io.write_all(&frame(BINARY, &bytes, true)).await.unwrap();
        let end = in_time(peer.closed()).await;
        let (first, payload) = in_time(read_frame(&mut io)).await;
        assert_eq!(
            (first, &payload[..2]),
            (CLOSE, &code.to_be_bytes()[..]),
            "{end}"
        );
        let told = String::from_utf8(payload[2..].to_vec()).unwrap();
        assert!(told.contains(text), "{told}: {end}");
        assert!(
            code == CloseReason::INTERNAL || end.to_string().starts_with(&told),
            "{told}: {end}"
        );
    }
}
