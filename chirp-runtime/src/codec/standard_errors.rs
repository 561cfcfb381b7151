//! Service errors for types of the standard library.

use std::convert::Infallible;
use std::error::Error;
use std::io::{self, ErrorKind};

use super::{CodecId, ServiceError};
use crate::packet::ErrorData;

/// The kinds of I/O errors in the order of their codes, which start at 1 (PROTOCOL.md, "Typed errors").
/// Append new kinds at the end.
const IO_KINDS: [ErrorKind; 38] = [
    ErrorKind::NotFound,
    ErrorKind::PermissionDenied,
    ErrorKind::ConnectionRefused,
    ErrorKind::ConnectionReset,
    ErrorKind::HostUnreachable,
    ErrorKind::NetworkUnreachable,
    ErrorKind::ConnectionAborted,
    ErrorKind::NotConnected,
    ErrorKind::AddrInUse,
    ErrorKind::AddrNotAvailable,
    ErrorKind::NetworkDown,
    ErrorKind::BrokenPipe,
    ErrorKind::AlreadyExists,
    ErrorKind::WouldBlock,
    ErrorKind::NotADirectory,
    ErrorKind::IsADirectory,
    ErrorKind::DirectoryNotEmpty,
    ErrorKind::ReadOnlyFilesystem,
    ErrorKind::StaleNetworkFileHandle,
    ErrorKind::InvalidInput,
    ErrorKind::InvalidData,
    ErrorKind::TimedOut,
    ErrorKind::WriteZero,
    ErrorKind::StorageFull,
    ErrorKind::NotSeekable,
    ErrorKind::QuotaExceeded,
    ErrorKind::FileTooLarge,
    ErrorKind::ResourceBusy,
    ErrorKind::ExecutableFileBusy,
    ErrorKind::Deadlock,
    ErrorKind::CrossesDevices,
    ErrorKind::TooManyLinks,
    ErrorKind::InvalidFilename,
    ErrorKind::ArgumentListTooLong,
    ErrorKind::Interrupted,
    ErrorKind::Unsupported,
    ErrorKind::UnexpectedEof,
    ErrorKind::OutOfMemory,
];

/// A kind without a code is sent as 0 and decoded as [`ErrorKind::Other`]. The operating system's error
/// number is not sent, because it differs between systems.
impl ServiceError for io::Error {
    fn to_error_data(&self, _: CodecId) -> ErrorData {
        let kind = self.kind();
        let place = IO_KINDS.iter().position(|&other| other == kind);
        let code = place.and_then(|place| u16::try_from(place + 1).ok());
        ErrorData::new(code.unwrap_or(0), self.to_string())
    }

    fn from_error_data(error: &ErrorData, _: CodecId) -> Option<Self> {
        if !error.data.is_empty() {
            return None;
        }
        let kind = match error.code {
            0 => ErrorKind::Other,
            code => *IO_KINDS.get(usize::from(code) - 1)?,
        };
        Some(Self::new(kind, error.message.clone()))
    }

    fn as_error(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}

/// Sends the text with code 0. Derive [`ServiceError`] for an error that callers need to distinguish from others.
impl ServiceError for String {
    fn to_error_data(&self, _: CodecId) -> ErrorData {
        ErrorData::new(0, self.clone())
    }

    fn from_error_data(error: &ErrorData, _: CodecId) -> Option<Self> {
        (error.code == 0 && error.data.is_empty()).then(|| error.message.clone())
    }
}

/// Sends the text of any error with code 0. An [`ErrorData`] inside the box is sent unchanged. The caller
/// decodes every error as a boxed `ErrorData`.
impl ServiceError for Box<dyn Error + Send + Sync> {
    fn to_error_data(&self, _: CodecId) -> ErrorData {
        match self.downcast_ref::<ErrorData>() {
            Some(error) => error.clone(),
            None => ErrorData::new(0, self.to_string()),
        }
    }

    fn from_error_data(error: &ErrorData, _: CodecId) -> Option<Self> {
        Some(Box::new(error.clone()))
    }

    fn as_error(&self) -> Option<&(dyn Error + 'static)> {
        Some(&**self)
    }
}

/// The error of methods that cannot fail.
impl ServiceError for Infallible {
    fn to_error_data(&self, _: CodecId) -> ErrorData {
        match *self {}
    }

    fn from_error_data(_: &ErrorData, _: CodecId) -> Option<Self> {
        None
    }
}
