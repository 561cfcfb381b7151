//! Bytes to packets and back: the grammar of Chirp v0.
//!
//! A packet is eight bytes of [`Header`] and a payload. Three types of packet make up the protocol:
//! a [`RequestPacket`] calls a method, a [`ResponsePacket`] answers it, and a [`Cancel`] asks for an answer now.
//! [`ErrorData`] is what a `ResponsePacket` carries when the method itself failed.
//!
//! [`RecordBuilder`] and [`RecordScanner`] are for hosts that lay out parameters by hand, as those in Go do.
//!
//! Nothing here waits, locks or knows of a connection. [`PacketDecoder`] takes bytes as they arrive, in any
//! pieces, and never takes memory because a peer merely announced a length.

mod call_context;
mod cancel;
#[cfg(feature = "lz4")]
mod compressed;
mod contract;
mod decoder;
mod display;
mod error;
mod error_data;
pub(crate) mod foreign;
mod framework_error;
mod header;
mod hello;
mod payload;
mod record;
mod request;
mod response;
mod stream;

pub use call_context::CallInfo;
pub use cancel::Cancel;
#[cfg(feature = "lz4")]
pub use compressed::{Compressed, Compressor};
pub use contract::{CONTRACT_METHOD, ServedMethod};
pub use decoder::{IncomingPacket, PacketDecoder};
pub use error::PacketError;
pub use error_data::ErrorData;
pub use framework_error::{FRAMEWORK_ERROR_CODES, FrameworkError};
pub use header::{Header, PROTOCOL, PacketType};
pub use hello::{ExtensionFlags, HELLO_METHOD, Hello, RESERVED_PREFIX};
pub use payload::{AttachedStream, Attachment, Attachments, Payload};
pub use record::{RecordBuilder, RecordError, RecordScanner, Vint30, Vint30Error};
pub use request::{MAX_METHOD_LEN, RequestPacket};
pub use response::{ResponsePacket, ResultCode};
pub use stream::{
    EndReason, ItemRun, Items, StreamCredit, StreamEnd, StreamEntry, StreamId, StreamItems,
    StreamOpen,
};
