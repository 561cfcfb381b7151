use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use chirp_runtime::dynamic::JsonText;
use chirp_runtime::stream::{Receiver, StreamError};
use http_body::{Body, Frame, SizeHint};

/// The body of a request.
pub(super) enum CallBody {
    Whole(Option<Bytes>),
    Bytes(Receiver<Bytes>),
    /// Each item on a line.
    Items(Receiver<JsonText>),
}

impl Body for CallBody {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Bytes(bytes) => {
                let next = bytes.poll_recv(cx);
                next.map(|next| next.map(|bytes| bytes.map(Frame::data)))
            }
            Self::Items(items) => {
                let next = items.poll_recv(cx);
                next.map(|next| next.map(|item| item.map(|item| Frame::data(line(&item)))))
            }
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
            Self::Bytes(_) | Self::Items(_) => SizeHint::default(),
        }
    }
}

/// Returns an item as a line. Line breaks in JSON are white space.
fn line(item: &JsonText) -> Bytes {
    let bytes = item.as_str().bytes();
    let bytes = bytes.map(|byte| match byte {
        b'\n' | b'\r' => b' ',
        byte => byte,
    });
    bytes.chain([b'\n']).collect()
}
