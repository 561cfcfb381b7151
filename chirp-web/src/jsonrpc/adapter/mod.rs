//! The channel of a peer whose other side speaks JSON-RPC. Its reading half translates messages into packets, its writing
//! half packets into messages. So the limits, the back-pressure and the cancellation are those of every connection, and
//! nothing is stored between the two but the ids of requests.

mod batches;
mod methods;
mod output;
mod packets;
mod reader;
mod request_id;
mod requests;
mod responses;
mod shared;
mod stall;
mod stream_translation;
mod streams;
mod translator;
mod writer;

use std::sync::Arc;

use chirp_runtime::channel::Channel;

use super::JsonRpc;
use output::Output;
use reader::PacketReader;
use shared::Shared;
use translator::Translator;
use writer::PacketWriter;

/// Bytes of messages that have not been written. Beyond it, packets are not taken, and messages not read.
const MAX_BACKLOG: usize = 64 << 10;

/// Translates a channel.
pub(super) fn channel(settings: &JsonRpc, channel: Channel) -> Channel {
    let translator = Translator::new(settings);
    let hello = translator.hello();
    let (remote, identity) = (channel.remote().cloned(), channel.identity());
    let credentials = channel.credentials();
    let (reader, writer) = channel.into_split();
    let shared = Arc::new(Shared::new(translator, Output::new(writer)));
    let reader = PacketReader::new(reader, Arc::clone(&shared), settings);
    let mut translated = Channel::new(reader, PacketWriter::new(shared))
        .with_hello(hello)
        .with_identity(identity);
    if let Some(remote) = remote {
        translated = translated.with_remote(remote);
    }
    if let Some(credentials) = credentials {
        translated = translated.with_credentials(credentials);
    }
    translated
}
