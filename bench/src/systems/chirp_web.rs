//! Chirp over a WebSocket.

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
