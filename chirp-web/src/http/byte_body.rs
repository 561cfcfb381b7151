use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use chirp_runtime::stream::Receiver;
use tokio::sync::OwnedSemaphorePermit;

use super::body::{BodyError, Produce};
use super::problem::Problem;
use super::target::TargetMethod;
use super::upload::Uploads;

/// Items of at least this many bytes become frames of the body without being copied. Smaller ones are collected.
const COPIED: usize = 8 << 10;

/// The bytes of small items that are collected if more items are at hand.
const MAX_PIECE: usize = 32 << 10;

/// The items of a stream of bytes as the body of a response.
pub(super) struct ByteBody {
    items: Receiver<Bytes>,
    /// An item that follows the bytes that were returned.
    next: Option<Bytes>,
    end: BodyEnd,
    method: TargetMethod,
    _uploads: Uploads,
    _permit: OwnedSemaphorePermit,
}

enum BodyEnd {
    NotReached,
    Failed(BodyError),
    /// As `Failed`, after the bytes before the error had the chance to be written.
    Flushed(BodyError),
    Reached,
}

impl ByteBody {
    pub(super) fn new(
        items: Receiver<Bytes>,
        method: TargetMethod,
        uploads: Uploads,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            items,
            next: None,
            end: BodyEnd::NotReached,
            method,
            _uploads: uploads,
            _permit: permit,
        }
    }

    /// Returns the bytes that are at hand, or else waits for some. Returns no bytes at the end.
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        if let Some(next) = self.next.take() {
            return Poll::Ready(next);
        }
        let mut small = BytesMut::new();
        while matches!(self.end, BodyEnd::NotReached) && small.len() < MAX_PIECE {
            match self.items.poll_recv(cx) {
                Poll::Pending if small.is_empty() => return Poll::Pending,
                Poll::Pending => break,
                Poll::Ready(Some(Ok(item))) if item.len() < COPIED => {
                    small.extend_from_slice(&item);
                }
                Poll::Ready(Some(Ok(item))) if small.is_empty() => return Poll::Ready(item),
                Poll::Ready(Some(Ok(item))) => {
                    self.next = Some(item);
                    break;
                }
                Poll::Ready(Some(Err(error))) => {
                    let problem = Problem::of_stream(error, self.method.description());
                    self.end = BodyEnd::Failed(BodyError::new(problem.to_json()));
                }
                Poll::Ready(None) => self.end = BodyEnd::Reached,
            }
        }
        Poll::Ready(small.freeze())
    }
}

impl Produce for ByteBody {
    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let this = &mut *self;
        let bytes = std::task::ready!(this.poll_bytes(cx));
        if !bytes.is_empty() {
            return Poll::Ready(Some(Ok(bytes)));
        }
        match mem::replace(&mut this.end, BodyEnd::Reached) {
            BodyEnd::Failed(error) => {
                // The bytes before the error are written first: hyper drops what it has not written when a body fails.
                this.end = BodyEnd::Flushed(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            BodyEnd::Flushed(error) => Poll::Ready(Some(Err(error))),
            BodyEnd::NotReached | BodyEnd::Reached => Poll::Ready(None),
        }
    }
}
