//! Frames in any pieces, by hand and at random.

use std::sync::Arc;

use bytes::Bytes;
use chirp_runtime::channel::{Channel, Endpoint, memory};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::WebSocket;
use super::connection::{ChannelInfo, WebSocketConnection};
use super::frame::{Event, FrameDecoder, FrameError, Opcode, Side, unmask, write_header};
use super::halves::MessageKind;
use super::output::Output;

fn frame(opcode: Opcode, is_final: bool, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut frame = Vec::new();
    write_header(&mut frame, opcode, is_final, payload.len(), mask);
    let begin = frame.len();
    frame.extend(payload);
    if let Some(mut mask) = mask {
        unmask(&mut frame[begin..], &mut mask);
    }
    frame
}

/// The payload, the pings, and the number of messages that have ended.
type Decoded = (Vec<u8>, Vec<Vec<u8>>, usize);

/// Decodes input in pieces of these lengths, over and over.
fn decode(side: Side, input: &[u8], pieces: &[usize]) -> Result<Decoded, FrameError> {
    let mut decoder = FrameDecoder::new(side, Opcode::Binary);
    let (mut payload, mut pings, mut ends) = (Vec::new(), Vec::new(), 0);
    let mut left = input;
    let mut pieces = pieces.iter().cycle();
    while !left.is_empty() {
        let length = pieces.next().map_or(1, |&piece| piece.clamp(1, left.len()));
        let (piece, rest) = left.split_at(length);
        left = rest;
        let mut piece = piece.to_vec();
        let mut at = 0;
        loop {
            let (consumed, event) = decoder.decode(&mut piece[at..])?;
            at += consumed;
            match event {
                Event::Incomplete => break,
                Event::Payload { len, ends_message } => {
                    payload.extend(&piece[at - len..at]);
                    ends += usize::from(ends_message);
                }
                Event::Ping(ping) => pings.push(ping.as_bytes().to_vec()),
                Event::Close(_) => return Ok((payload, pings, ends)),
            }
        }
        assert_eq!(at, piece.len(), "everything is consumed");
    }
    Ok((payload, pings, ends))
}

proptest! {
    #[test]
    fn any_split_gives_the_same_bytes(
        messages in vec((vec(vec(any::<u8>(), 0..200), 1..4), any::<bool>()), 0..8),
        mask in any::<Option<[u8; 4]>>(),
        pieces in vec(1..40_usize, 1..6),
    ) {
        let side = if mask.is_some() { Side::Server } else { Side::Client };
        let (mut input, mut expected, mut pings) = (Vec::new(), Vec::new(), Vec::new());
        for (fragments, has_ping) in &messages {
            for (at, fragment) in fragments.iter().enumerate() {
                let opcode = if at == 0 { Opcode::Binary } else { Opcode::Continuation };
                input.extend(frame(opcode, at + 1 == fragments.len(), fragment, mask));
                expected.extend(fragment);
                if *has_ping {
                    let ping = &fragment[..fragment.len().min(125)];
                    input.extend(frame(Opcode::Ping, true, ping, mask));
                    pings.push(ping.to_vec());
                    input.extend(frame(Opcode::Pong, true, b"unasked", mask));
                }
            }
        }
        let decoded = decode(side, &input, &pieces).expect("valid frames");
        prop_assert_eq!(decoded, (expected, pings, messages.len()));
    }

    #[test]
    fn any_bytes_are_frames_or_an_error(input in vec(any::<u8>(), 0..300), pieces in vec(1..9_usize, 1..4)) {
        let whole = decode(Side::Server, &input, &[input.len()]);
        let pieced = decode(Side::Server, &input, &pieces);
        match (whole, pieced) {
            (Ok((payload, pings, ends)), Ok(same)) => prop_assert_eq!((payload, pings, ends), same),
            (whole, pieced) => prop_assert_eq!(whole.is_err(), pieced.is_err()),
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn long_payloads_have_the_mask_of_short_ones(payload in vec(any::<u8>(), 0..70_000_usize), mask in any::<[u8; 4]>()) {
        let mut masked = payload.clone();
        unmask(&mut masked, &mut { mask });
        for (at, (one, other)) in payload.iter().zip(&masked).enumerate() {
            prop_assert_eq!(one ^ mask[at % 4], *other);
        }
        let input = frame(Opcode::Binary, true, &payload, Some(mask));
        let decoded = decode(Side::Server, &input, &[4096, 1]).expect("a frame");
        prop_assert_eq!(decoded, (payload, vec![], 1));
    }
}

/// Gives bytes to one side of a handshake, in place of the other.
async fn shake_hands(bytes: Vec<u8>, side: Side) -> std::io::Result<Channel> {
    let (one, mut other) = tokio::io::duplex(1 << 16);
    let channel = Channel::io(one);
    let socket = WebSocket::new();
    let Ok(Endpoint::Other(address)) = "ws://localhost/chirp".parse() else {
        panic!("ws:// is built in");
    };
    let shake_hands = async {
        match side {
            Side::Client => socket.connect_over(channel, &address).await,
            Side::Server => socket.accept_over(channel).await,
        }
    };
    let write = async {
        other.write_all(&bytes).await.expect("room");
        other.shutdown().await.expect("an end");
        let mut answer = Vec::new();
        other.read_to_end(&mut answer).await.expect("an answer");
    };
    // The other side reads until the channel is dropped.
    let (result, ()) = tokio::join!(async { shake_hands.await.map(drop) }, write);
    result.map(|()| memory().0)
}

/// Parts of heads, valid and invalid, in any order.
fn head_part() -> impl Strategy<Value = Vec<u8>> {
    let texts = [
        "GET /chirp HTTP/1.1\r\n",
        "GET http://\u{e4}/ HTTP/1.1\r\n",
        "GET * HTTP/1.1\r\n",
        "CONNECT localhost:80 HTTP/1.1\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n",
        "HTTP/1.1 302 Found\r\nLocation: \u{e4}\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n",
        "Host: localhost\r\n",
        "Host: [::1\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\n",
        "Sec-WebSocket-Version: 13\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Sec-WebSocket-Protocol: ,chirp.v0,,\r\n",
        "Authorization: Bearer\r\n",
        ": \r\n",
        "\r\n",
    ];
    prop_oneof![
        4 => proptest::sample::select(texts.map(|text| text.as_bytes().to_vec()).to_vec()),
        1 => vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_a_handshake_or_an_error(parts in vec(head_part(), 0..12), is_server in any::<bool>()) {
        let side = if is_server { Side::Server } else { Side::Client };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let result = runtime.block_on(shake_hands(parts.concat(), side));
        // The key of a client is random, so that no bytes here answer it.
        prop_assert!(result.is_err() || is_server);
    }
}

#[test]
fn violations_are_named() {
    let masked = |bytes: &[u8]| {
        let mut frame = vec![bytes[0], bytes[1] | 0x80];
        frame.extend(&bytes[2..]);
        frame
    };
    for (bytes, error) in [
        (masked(&[0xC2, 0]), FrameError::ReservedBits),
        (masked(&[0x83, 0]), FrameError::UnknownOpcode(3)),
        (masked(&[0x8B, 0]), FrameError::UnknownOpcode(11)),
        (vec![0x82, 0], FrameError::NotMasked),
        (
            masked(&[0x80, 0, 0, 0, 0, 0]),
            FrameError::NothingToContinue,
        ),
        (masked(&[0x81, 0, 0, 0, 0, 0]), FrameError::Text),
        (
            masked(&[0x02, 0, 0, 0, 0, 0, 0x82, 0x80, 0, 0, 0, 0]),
            FrameError::MessageInMessage,
        ),
        (
            masked(&[0x09, 0, 0, 0, 0, 0]),
            FrameError::FragmentedControl,
        ),
        (
            masked(&[0x89, 126, 0, 126, 0, 0, 0, 0]),
            FrameError::LongControl(126),
        ),
        (
            masked(&[0x82, 126, 0, 125, 0, 0, 0, 0]),
            FrameError::InvalidLength,
        ),
        (
            masked(&[0x82, 127, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0]),
            FrameError::InvalidLength,
        ),
        (
            masked(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            FrameError::InvalidLength,
        ),
        (masked(&[0x88, 1, 0, 0, 0, 0, 3]), FrameError::InvalidClose),
        (
            masked(&[0x88, 2, 0, 0, 0, 0, 3, 0xED]),
            FrameError::InvalidClose,
        ),
        (
            masked(&[0x88, 3, 0, 0, 0, 0, 3, 0xE8, 0xFF]),
            FrameError::InvalidClose,
        ),
    ] {
        for pieces in [1, bytes.len()] {
            assert_eq!(
                decode(Side::Server, &bytes, &[pieces]),
                Err(error.clone()),
                "{bytes:x?}"
            );
        }
    }
    let masked = frame(Opcode::Binary, true, b"x", Some([1; 4]));
    assert_eq!(decode(Side::Client, &masked, &[1]), Err(FrameError::Masked));
}

/// The two ends of a connection, as channels.
fn connection(kind: MessageKind) -> (Channel, Channel) {
    let (one, other) = memory();
    let end = |channel: Channel, side| {
        let info = ChannelInfo::of(&channel);
        let (reader, writer) = channel.into_split();
        let early = Bytes::new();
        let connection = WebSocketConnection {
            reader,
            early,
            writer,
            side,
            info,
        };
        connection.into_channel_of(kind)
    };
    (end(one, Side::Client), end(other, Side::Server))
}

#[tokio::test]
async fn lines_are_text_messages() {
    for (text, capacity) in [
        ("{\"a\":1}\n", 1),
        ("{}\n\n[1,\n2]\n", 3),
        (&*format!("\"{}\"\n[]\n", "x".repeat(200_000)), 8192),
    ] {
        let (client, server) = connection(MessageKind::Lines);
        let (_client_reader, mut writer) = client.into_split();
        let (reader, _server_writer) = server.into_split();
        let text = text.to_owned();
        let expected: String = text.replace("\n\n", "\n");
        let write = async {
            writer.write_all(text.as_bytes()).await.expect("room");
            writer.shutdown().await.expect("a Close frame");
        };
        let read = async {
            let mut received = Vec::new();
            let mut reader = tokio::io::BufReader::with_capacity(capacity, reader);
            reader
                .read_to_end(&mut received)
                .await
                .expect("a clean end");
            String::from_utf8(received).expect("text")
        };
        let ((), received) = tokio::join!(write, read);
        assert_eq!(received, expected);
    }
}

/// Line ends inside of a message, in a string and outside, must not end the line, and must not become valid in the string.
#[tokio::test]
async fn line_ends_in_a_message_become_tabs() {
    let (channel, mut raw) = tokio::io::duplex(1 << 16);
    let (reader, writer) = tokio::io::split(channel);
    let connection = WebSocketConnection {
        reader: Box::new(reader),
        early: frame(Opcode::Text, false, b"{\r\n\"a\":", Some([9; 4])).into(),
        writer: Box::new(writer),
        side: Side::Server,
        info: ChannelInfo::of(&memory().0),
    };
    let (mut reader, _writer) = connection.into_channel_of(MessageKind::Lines).into_split();
    let rest = [
        frame(Opcode::Continuation, true, b"\"\n\"}", Some([7; 4])),
        frame(Opcode::Text, true, b"", Some([7; 4])),
        frame(Opcode::Text, true, b"[]", Some([7; 4])),
        frame(Opcode::Close, true, &[], Some([7; 4])),
    ];
    raw.write_all(&rest.concat()).await.expect("room");
    let mut received = String::new();
    reader
        .read_to_string(&mut received)
        .await
        .expect("a clean end");
    assert_eq!(received, "{\t\t\"a\":\"\t\"}\n\n[]\n");
}

/// A side that pings without reading gets one answer at the end, and the buffer does not grow.
#[tokio::test]
async fn pings_are_answered_without_a_queue() {
    let (mut raw, channel) = tokio::io::duplex(256);
    let (reader, writer) = tokio::io::split(channel);
    let connection = WebSocketConnection {
        reader: Box::new(reader),
        early: Bytes::new(),
        writer: Box::new(writer),
        side: Side::Server,
        info: ChannelInfo::of(&memory().0),
    };
    let (mut reader, _writer) = connection.into_channel_of(MessageKind::Bytes).into_split();
    let flood = async {
        for number in 0..1000_u32 {
            let ping = frame(
                Opcode::Ping,
                true,
                &number.to_be_bytes(),
                Some([1, 2, 3, 4]),
            );
            raw.write_all(&ping).await.expect("pings are read");
        }
        raw.write_all(&frame(Opcode::Binary, true, b"end", Some([0; 4])))
            .await
            .expect("room");
        let mut pongs = Vec::new();
        loop {
            let mut pong = [0; 6];
            raw.read_exact(&mut pong).await.expect("a pong");
            assert_eq!(pong[..2], [0x8A, 4]);
            pongs.push(u32::from_be_bytes([pong[2], pong[3], pong[4], pong[5]]));
            if pongs.last() == Some(&999) {
                return pongs;
            }
        }
    };
    let read = async {
        let mut end = [0; 3];
        reader.read_exact(&mut end).await.expect("bytes");
        assert_eq!(&end, b"end");
        // The last pong is written by the next read.
        let mut byte = [0];
        reader.read(&mut byte).await
    };
    tokio::select! {
        pongs = flood => {
            assert!(pongs.is_sorted() && pongs.len() < 1000, "{} pongs", pongs.len());
        }
        read = read => panic!("the connection is open: {read:?}"),
    }
}

#[test]
fn an_idle_connection_has_no_buffers() {
    let reader = size_of::<super::halves::FrameReader>();
    let output = size_of::<Arc<Output>>() + size_of::<Output>();
    assert!(reader + output < 1024, "{reader} + {output}");
}
