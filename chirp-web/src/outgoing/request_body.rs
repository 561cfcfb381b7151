use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use chirp_runtime::stream::StreamError;
use http_body::{Body, Frame, SizeHint};

/// The next piece of a body.
type NextPiece = Poll<Option<Result<Bytes, StreamError>>>;

/// The body of a request.
///
/// All requests have bodies of this type: hyper compiles its client again for each type.
pub(crate) enum OutgoingRequestBody {
    /// A body that is known whole. `None` if there is none, or it has been read.
    Whole(Option<Bytes>),
    Stream(Box<dyn FnMut(&mut Context<'_>) -> NextPiece + Send>),
}

impl OutgoingRequestBody {
    pub(crate) const EMPTY: Self = Self::Whole(None);

    /// Creates a body of the pieces that a function polls for.
    pub(crate) fn stream(poll: impl FnMut(&mut Context<'_>) -> NextPiece + Send + 'static) -> Self {
        Self::Stream(Box::new(poll))
    }
}

impl Body for OutgoingRequestBody {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(poll) => poll(cx).map(|next| next.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for OutgoingRequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => f.debug_tuple("Whole").field(bytes).finish(),
            Self::Stream(_) => f.debug_tuple("Stream").finish_non_exhaustive(),
        }
    }
}
