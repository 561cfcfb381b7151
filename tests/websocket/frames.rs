//! Frames written by hand, on both sides.

use chirp::Channel;
use chirp::websocket::{CloseReason, WebSocketError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::raw::{
    BINARY, CLOSE, PING, PONG, TEXT, close, frame, raw_client, raw_server, read_frame,
};
use crate::support::in_time;

/// The two sides of a connection whose other side writes frames by hand, as a server or as a client.
async fn by_hand(is_client: bool) -> (TcpStream, Channel) {
    if is_client {
        raw_client().await
    } else {
        let (channel, io) = raw_server().await;
        (io, channel)
    }
}

#[tokio::test]
async fn messages_are_split_and_merged_at_will() {
    for is_client in [true, false] {
        let (mut io, channel) = by_hand(is_client).await;
        let (mut reader, _writer) = channel.into_split();
        let long = vec![b'x'; 70_000];
        let frames = [
            frame(BINARY, b"one ", is_client),
            frame(BINARY, b"", is_client),
            frame(0x02, b"in ", is_client),
            frame(PING, b"between", is_client),
            frame(0x00, b"", is_client),
            frame(0x00, b"three ", is_client),
            frame(PONG, b"unasked", is_client),
            frame(0x80, b"fragments ", is_client),
            frame(BINARY, &long, is_client),
            frame(CLOSE, &[], is_client),
        ];
        let expected = [&b"one in three fragments "[..], &long].concat();
        let write = async {
            for byte in frames[..8].concat() {
                io.write_all(&[byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
            io.write_all(&frames[8..].concat()).await.unwrap();
            assert_eq!(read_frame(&mut io).await, (PONG, b"between".to_vec()));
        };
        let mut received = Vec::new();
        let (read, ()) =
            in_time(async { tokio::join!(reader.read_to_end(&mut received), write) }).await;
        read.unwrap();
        assert!(received == expected, "{} bytes", received.len());
    }
}

#[tokio::test]
async fn long_writes_become_messages_of_64_kib() {
    let (mut io, channel) = raw_client().await;
    let (_reader, mut writer) = channel.into_split();
    let sent: Vec<u8> = (0..1_000_000_u32)
        .map(|number| u8::try_from(number % 251).unwrap())
        .collect();
    let write = async {
        writer.write_all(&sent).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let read = async {
        let mut received = Vec::new();
        loop {
            match read_frame(&mut io).await {
                (BINARY, payload) => {
                    assert!(payload.len() <= 64 << 10 && !payload.is_empty());
                    received.extend(payload);
                }
                end => return (received, end),
            }
        }
    };
    let ((), (received, end)) = in_time(async { tokio::join!(write, read) }).await;
    assert!(received == sent);
    assert_eq!(end, (CLOSE, close(CloseReason::NORMAL, "")));
}

/// The violations of the other side, with the code that it is told.
#[tokio::test]
async fn violations_end_the_connection_with_a_code() {
    let masked = |bytes: &[u8]| frame(BINARY, bytes, true);
    let plain = |bytes: &[u8]| frame(BINARY, bytes, false);
    let cases: [(bool, Vec<u8>, u16, &str); 10] = [
        (true, plain(b"x"), 1002, "without a mask"),
        (false, masked(b"x"), 1002, "with a mask"),
        (true, frame(TEXT, b"x", true), 1003, "text message"),
        (false, frame(TEXT, b"x", false), 1003, "text message"),
        (true, frame(0xC2, b"x", true), 1002, "reserved bits"),
        (true, frame(0x83, b"x", true), 1002, "opcode 3"),
        (false, frame(0x80, b"x", false), 1002, "not begun"),
        (true, frame(0x09, b"x", true), 1002, "in fragments"),
        (false, frame(PING, &[0; 126], false), 1002, "126 bytes"),
        (
            true,
            vec![0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4],
            1002,
            "over 2^63",
        ),
    ];
    for (is_client, bytes, code, text) in cases {
        let (mut io, channel) = by_hand(is_client).await;
        let (mut reader, _writer) = channel.into_split();
        let valid = frame(BINARY, b"before", is_client);
        io.write_all(&[valid, bytes].concat()).await.unwrap();
        let mut received = Vec::new();
        let error = in_time(reader.read_to_end(&mut received))
            .await
            .unwrap_err();
        assert_eq!(received, b"before", "{text}");
        let Some(WebSocketError::Protocol {
            code: found,
            text: why,
        }) = WebSocketError::of(&error)
        else {
            panic!("{text}: {error}");
        };
        assert_eq!(*found, code, "{why}");
        assert!(why.contains(text), "{why}");
        // The other side is told, although nothing writes here.
        let (first, payload) = in_time(read_frame(&mut io)).await;
        assert_eq!((first, payload), (CLOSE, close(code, why)));
    }
}

/// A header may claim any length: the bytes are handed on as they come, and nothing is reserved.
#[tokio::test]
async fn a_claimed_length_takes_no_memory() {
    let (mut io, channel) = raw_client().await;
    let (mut reader, _writer) = channel.into_split();
    let mut head = vec![BINARY, 0xFF];
    head.extend((u64::MAX >> 1).to_be_bytes());
    head.extend([0; 4]);
    io.write_all(&head).await.unwrap();
    for part in [&b"some"[..], b"more"] {
        io.write_all(part).await.unwrap();
        let mut received = [0; 4];
        in_time(reader.read_exact(&mut received)).await.unwrap();
        assert_eq!(received, part);
    }
}

#[tokio::test]
async fn each_ping_is_answered_if_there_is_room() {
    for is_client in [true, false] {
        let (mut io, channel) = by_hand(is_client).await;
        let (mut reader, mut writer) = channel.into_split();
        let drive = tokio::spawn(async move {
            let mut received = Vec::new();
            reader.read_to_end(&mut received).await.unwrap();
            received
        });
        for payload in [&b""[..], b"1", &[7; 125]] {
            io.write_all(&frame(PING, payload, is_client))
                .await
                .unwrap();
            assert_eq!(in_time(read_frame(&mut io)).await, (PONG, payload.to_vec()));
        }
        // Pongs and messages do not mix.
        let write = async {
            writer.write_all(&vec![b'm'; 200_000]).await.unwrap();
            writer.flush().await.unwrap();
        };
        let talk = async {
            let (mut messages, mut pongs) = (0, 0);
            while messages < 200_000 || pongs < 3 {
                if pongs < 3 {
                    io.write_all(&frame(PING, &[pongs], is_client))
                        .await
                        .unwrap();
                }
                loop {
                    match read_frame(&mut io).await {
                        (BINARY, payload) => messages += payload.len(),
                        (PONG, payload) => {
                            assert_eq!(payload, [pongs]);
                            pongs += 1;
                            break;
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
        };
        in_time(async { tokio::join!(write, talk) }).await;
        io.write_all(&frame(CLOSE, &close(1000, ""), is_client))
            .await
            .unwrap();
        assert_eq!(in_time(drive).await.unwrap(), b"");
    }
}
