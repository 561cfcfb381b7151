//! Chirp over JSON-RPC and over a WebSocket.

use chirp::jsonrpc::JsonRpc;
use chirp::websocket::WebSocket;
use chirp::{Channel, Endpoint, PeerBuilder};

use super::chirp::{BenchClient, channel, peer};
use crate::link::Stream;
use crate::system::{Connects, Result, Skills, System};

/// Chirp with binary messages over a WebSocket.
pub struct OverWebSocket;

impl System for OverWebSocket {
    const NAME: &'static str = "chirp-websocket";
    const SKILLS: Skills = Skills {
        web: true,
        ..Skills::ALL
    };

    type Client = BenchClient;

    fn client(stream: Stream) -> impl Connects<BenchClient> {
        async {
            let Endpoint::Other(address) = "ws://127.0.0.1/bench".parse()? else {
                return Err("ws:// is built in".into());
            };
            let settings = WebSocket::new();
            let channel = settings.connect_over(channel(stream), &address).await?;
            peer(PeerBuilder::new(), channel)
        }
    }

    fn serve(stream: Stream) -> impl Connects<Option<BenchClient>> {
        async {
            let channel = WebSocket::new().accept_over(channel(stream)).await?;
            peer(PeerBuilder::new(), channel).map(Some)
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

    fn client(stream: Stream) -> impl Connects<BenchClient> {
        async { json_peer(channel(stream)) }
    }

    fn serve(stream: Stream) -> impl Connects<Option<BenchClient>> {
        async { json_peer(channel(stream)).map(Some) }
    }
}

fn json_peer(channel: Channel) -> Result<BenchClient> {
    let channel = JsonRpc::new().channel(channel);
    let client = peer(PeerBuilder::new().reflect(), channel)?;
    Ok(client.with_json())
}
