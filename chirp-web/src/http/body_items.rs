use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use chirp_runtime::packet::ErrorData;
use futures_core::Stream;
use http_body::Body;

/// The largest item of a stream of bytes, in bytes.
const PIECE: usize = 64 << 10;

/// The bytes of a request's body, as they arrive, as items of a stream.
pub(super) struct BodyItems<B> {
    body: Pin<Box<B>>,
    /// Bytes that have arrived.
    rest: Bytes,
}

impl<B> BodyItems<B> {
    pub(super) fn new(body: B) -> Self {
        Self {
            body: Box::pin(body),
            rest: Bytes::new(),
        }
    }
}

impl<B: Body> Stream for BodyItems<B> {
    type Item = Result<Bytes, ErrorData>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while this.rest.is_empty() {
            let Some(frame) = ready!(this.body.as_mut().poll_frame(cx)) else {
                return Poll::Ready(None);
            };
            let Ok(frame) = frame else {
                let reason = "the body of the request is incomplete".to_owned();
                return Poll::Ready(Some(Err(reason.into())));
            };
            if let Ok(mut data) = frame.into_data() {
                this.rest = data.copy_to_bytes(data.remaining());
            }
        }
        let length = this.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(this.rest.split_to(length))))
    }
}
