use std::io;
use std::net::IpAddr;
use std::time::Duration;

use super::DestinationError;

/// The reason why a request to a destination has failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutgoingError {
    /// The URL is invalid or not allowed. Nothing was resolved and connected to.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// A name has an address that is not allowed. Nothing was connected to.
    #[error("{host} has the address {address}, which is not public and in no allowed network")]
    AddressRefused {
        /// The name.
        host: String,
        /// The address.
        address: IpAddr,
    },
    /// The path of a socket leads out of the allowed folders, or is a symbolic link or no socket. Nothing was connected to.
    #[error("{path} is no socket in an allowed folder: {problem}")]
    SocketRefused {
        /// The path.
        path: String,
        /// The problem with it.
        problem: &'static str,
    },
    /// A name could not be resolved.
    #[error("cannot resolve {host}: {error}")]
    Resolve {
        /// The name.
        host: String,
        /// The error of the resolver.
        error: io::Error,
    },
    /// There is no connection to the destination.
    #[error("cannot connect to {destination}: {error}")]
    Connect {
        /// The scheme, the host and the port, or the path of the socket.
        destination: String,
        /// The error of the operating system, or of the handshake of TLS.
        error: io::Error,
    },
    /// A limit of time has passed.
    #[error("{destination} took longer than {limit:?}")]
    TimedOut {
        /// The scheme, the host and the port, or the path of the socket.
        destination: String,
        /// The limit.
        limit: Duration,
    },
    /// The exchange of the request and the response has failed, or the response is shorter than announced.
    #[error("the exchange with {destination} failed: {error}")]
    Exchange {
        /// The scheme, the host and the port, or the path of the socket.
        destination: String,
        /// The error of the HTTP implementation.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The response is a redirect, and these are not followed.
    #[error("{destination} answers with a redirect (status {status}), which is not followed")]
    Redirected {
        /// The scheme, the host and the port, or the path of the socket.
        destination: String,
        /// The status, from 300 to 399.
        status: u16,
    },
    /// The status of the response says that it has no content to read.
    #[error("{destination} answers with status {status}")]
    Status {
        /// The scheme, the host and the port, or the path of the socket.
        destination: String,
        /// The status, not from 200 to 299.
        status: u16,
    },
    /// The content of a response is compressed although that was not accepted.
    #[error("{destination} sends content that is encoded as {encoding}")]
    Encoded {
        /// The scheme, the host and the port, or the path of the socket.
        destination: String,
        /// The encoding.
        encoding: String,
    },
}

impl OutgoingError {
    /// Returns `true` if the same request may succeed later. The destination may have received a request that has failed in this way.
    ///
    /// Refused URLs, addresses and sockets, redirects and compressed content are permanent, and so are statuses from 400 to 499
    /// other than 408, 425 and 429.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::TimedOut { .. }
            | Self::Exchange { .. } => true,
            Self::Status { status, .. } => is_transient_status(*status),
            Self::Destination(_)
            | Self::AddressRefused { .. }
            | Self::SocketRefused { .. }
            | Self::Redirected { .. }
            | Self::Encoded { .. } => false,
        }
    }
}

/// Returns `true` for a status after which a request may be sent again.
pub(super) fn is_transient_status(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}
