use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::client_io::ResponseGuard;

/// The body of a response of the gateway.
pub struct ResponseBody {
    content: Content,
    /// Counts the response until its body has been written.
    guard: Option<ResponseGuard>,
}

enum Content {
    Whole(Option<Bytes>),
    Streamed(Pin<Box<dyn Produce>>),
}

/// The source of a body whose bytes become ready over time.
pub(crate) trait Produce: Send {
    /// Returns the next bytes, or `None` at the end.
    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>>;
}

/// The body of a response cannot be completed: the stream that it carries has failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct BodyError(String);

impl BodyError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl ResponseBody {
    fn of(content: Content) -> Self {
        Self {
            content,
            guard: None,
        }
    }

    pub(crate) fn with_guard(mut self, guard: ResponseGuard) -> Self {
        self.guard = Some(guard);
        self
    }

    pub(crate) fn empty() -> Self {
        Self::of(Content::Whole(None))
    }

    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::of(Content::Whole((!bytes.is_empty()).then_some(bytes)))
    }

    /// Returns `true` for a body whose bytes become ready over time.
    pub(super) fn is_streamed(&self) -> bool {
        matches!(self.content, Content::Streamed(_))
    }

    pub(crate) fn streamed(producer: impl Produce + 'static) -> Self {
        Self::of(Content::Streamed(Box::pin(producer)))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.content {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Streamed(producer) => producer
                .as_mut()
                .poll_next(cx)
                .map(|next| next.map(|bytes| bytes.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.content, Content::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Content::Streamed(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = match &self.content {
            Content::Whole(bytes) => return f.debug_tuple("ResponseBody").field(bytes).finish(),
            Content::Streamed(_) => "streamed",
        };
        write!(f, "ResponseBody({content})")
    }
}
