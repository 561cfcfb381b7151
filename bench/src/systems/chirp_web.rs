//! Chirp over JSON-RPC and over a WebSocket.

use chirp::jsonrpc::JsonRpc;
use chirp::websocket::WebSocket;
use chirp::{Endpoint, PeerBuilder};

use super::chirp::{BenchClient, channel, connected};
use crate::link::Stream;
use crate::system::{Connects, Skills, System};

/// Chirp with binary messages over a WebSocket.
pub struct OverWebSocket;

impl System for OverWebSocket {
    const NAME: &'static str = "chirp-websocket";
    const SKILLS: Skills = Skills {
        web: true,
        ..Skills::ALL
    };

    type Client = BenchClient;

    fn connect(client: Stream, server: Stream) -> impl Connects<BenchClient> {
        async {
            let settings = WebSocket::new();
            let Endpoint::Other(address) = "ws://127.0.0.1/bench".parse()? else {
                return Err("ws:// is built in".into());
            };
            let (client, server) = tokio::try_join!(
                settings.connect_over(channel(client), &address),
                settings.accept_over(channel(server)),
            )?;
            connected(&PeerBuilder::new(), client, server)
        }
    }
}

/// Two peers of Chirp that speak JSON-RPC, a message per line.
pub struct OverJsonRpc;

impl System for OverJsonRpc {
    const NAME: &'static str = "chirp-jsonrpc";
    const SKILLS: Skills = Skills {
        web: true,
        ..Skills::ALL
    };

    type Client = BenchClient;

    fn connect(client: Stream, server: Stream) -> impl Connects<BenchClient> {
        async {
            let settings = JsonRpc::new();
            let client = settings.channel(channel(client));
            let server = settings.channel(channel(server));
            let mut connection = connected(&PeerBuilder::new().reflect(), client, server)?;
            connection.client = connection.client.with_json();
            connection.back = connection.back.map(BenchClient::with_json);
            Ok(connection)
        }
    }
}
