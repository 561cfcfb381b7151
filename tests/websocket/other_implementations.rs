//! Another implementation of WebSocket at the other end.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use chirp::channel::Scheme;
use chirp::packet::PacketType;
use chirp::websocket::{WebSocket, WebSocketError};
use chirp::{ConnectionError, PeerBuilder};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket as Tungstenite};

use crate::raw::{listen, other};
use crate::support::{echo, in_time, packet, request};

/// Calls `echo` with a parameter of a megabyte, as a peer that sends packets in pieces. Returns after the answer.
fn call_in_pieces(socket: &mut Tungstenite<TcpStream>) {
    let param: Vec<u8> = (0..1_000_000_u32)
        .map(|number| number.to_be_bytes()[3])
        .collect();
    let call = request(1, "echo", &param);
    socket
        .send(Message::Ping(Bytes::from_static(b"are you there")))
        .unwrap();
    for piece in [
        &call[..1],
        &call[1..9],
        &[],
        &call[9..500_000],
        &call[500_000..],
    ] {
        socket
            .send(Message::Binary(Bytes::copy_from_slice(piece)))
            .unwrap();
    }
    let (mut received, mut pongs) = (Vec::new(), 0);
    while received.len() < 8 + 5 + param.len() {
        match socket.read().unwrap() {
            Message::Binary(piece) => {
                assert!(piece.len() <= 64 << 10);
                received.extend(piece);
            }
            Message::Pong(payload) => {
                assert_eq!(payload, "are you there");
                pongs += 1;
            }
            message => panic!("{message}"),
        }
    }
    assert_eq!(pongs, 1);
    let answer = [&[0, 0, 0, 1, 0][..], &param].concat();
    assert!(received == packet(PacketType::RESPONSE, &answer));
}

#[tokio::test]
async fn a_client_of_tungstenite_calls_and_closes() {
    let (mut listener, host) = listen(&WebSocket::new()).await;
    let client = tokio::task::spawn_blocking(move || {
        let mut request = format!("ws://{host}/chirp").into_client_request().unwrap();
        let protocol = "chirp.v0".parse().unwrap();
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", protocol);
        let stream = TcpStream::connect(&host).unwrap();
        let (mut socket, _answer) = tungstenite::client(request, stream).unwrap();
        call_in_pieces(&mut socket);
        let reason = CloseFrame {
            code: CloseCode::Library(4000),
            reason: "enough".into(),
        };
        socket.close(Some(reason)).unwrap();
        let Ok(Message::Close(Some(answered))) = socket.read() else {
            panic!("the Close frame is not answered");
        };
        assert!(matches!(
            socket.read(),
            Err(tungstenite::Error::ConnectionClosed)
        ));
        answered
    });
    let channel = in_time(listener.accept()).await.unwrap();
    let peer = PeerBuilder::new()
        .handle("echo", echo)
        .start(channel)
        .unwrap();
    let end = in_time(peer.closed()).await;
    let ConnectionError::Channel(error) = &end else {
        panic!("{end}");
    };
    assert!(
        matches!(WebSocketError::of(error), Some(WebSocketError::Closed(reason)) if reason.text() == "enough")
    );
    let answered = in_time(client).await.unwrap();
    assert_eq!(answered.code, CloseCode::Normal);
}

#[tokio::test]
#[expect(clippy::result_large_err, reason = "of tungstenite's callback")]
async fn a_server_of_tungstenite_is_called() {
    use tungstenite::handshake::server::{Request, Response};

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other(&format!("ws://{}/chirp", listener.local_addr().unwrap()));
    let server = tokio::task::spawn_blocking(move || {
        let (stream, _) = listener.accept().unwrap();
        let echo_protocol = |request: &Request, mut response: Response| {
            let protocol = request.headers()["Sec-WebSocket-Protocol"].clone();
            response
                .headers_mut()
                .insert("Sec-WebSocket-Protocol", protocol);
            Ok(response)
        };
        let mut socket = tungstenite::accept_hdr(stream, echo_protocol).unwrap();
        call_in_pieces(&mut socket);
        // Tungstenite masks nothing as a server, and answers the Close frame by itself.
        loop {
            match socket.read() {
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    });
    let channel = in_time(WebSocket::new().connect(&address)).await.unwrap();
    let (called, mut calls) = tokio::sync::mpsc::unbounded_channel();
    let echo = move |request| {
        called.send(()).unwrap();
        echo(request)
    };
    let peer = PeerBuilder::new()
        .handle("echo", echo)
        .start(channel)
        .unwrap();
    in_time(calls.recv()).await.unwrap();
    in_time(peer.shutdown(Duration::from_secs(10))).await;
    let error = in_time(server).await.unwrap();
    assert!(
        matches!(error, tungstenite::Error::ConnectionClosed),
        "{error}"
    );
}

#[tokio::test]
async fn a_client_in_python_calls_and_closes() {
    let (mut listener, host) = listen(&WebSocket::new()).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/websocket/client.py");
    let python = std::env::var("CHIRP_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut python = tokio::process::Command::new(python);
    python
        .arg(script)
        .arg(format!("ws://{host}/chirp"))
        .kill_on_drop(true);
    let Ok(client) = python.stdout(std::process::Stdio::piped()).spawn() else {
        println!("skipped: python3 is not installed");
        return;
    };
    let output = client.wait_with_output();
    tokio::pin!(output);
    let channel = tokio::select! {
        channel = listener.accept() => channel.unwrap(),
        output = &mut output => {
            let text = String::from_utf8(output.unwrap().stdout).unwrap();
            assert!(text.starts_with("skipped"), "{text}");
            println!("{text}");
            return;
        }
    };
    let peer = PeerBuilder::new()
        .handle("echo", echo)
        .start(channel)
        .unwrap();
    let end = in_time(peer.closed()).await;
    assert!(end.to_string().ends_with("code 4002: from Python"), "{end}");
    let output = in_time(output).await.unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "called\n");
}
