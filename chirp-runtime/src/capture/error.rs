use std::io;

use thiserror::Error;

/// A failure to read a capture.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// Reading failed.
    #[error("cannot read the capture: {0}")]
    Io(#[from] io::Error),
    /// The input begins as neither pcapng nor pcap.
    #[error("not a capture: the input begins with neither a pcapng nor a pcap header")]
    Format,
    /// A block or record claims to be longer than is accepted.
    #[error(
        "damaged capture: a block at byte {offset} claims {length} bytes, over the limit of {limit}"
    )]
    TooLong {
        /// The place of the block, in bytes from the start.
        offset: u64,
        /// The claimed length, in bytes.
        length: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A block is malformed.
    #[error("damaged capture: a block at byte {offset} {problem}")]
    Malformed {
        /// The place of the block, in bytes from the start.
        offset: u64,
        /// The problem.
        problem: &'static str,
    },
}
