//! Streams of a program as sources of bodies.

use std::fmt;
use std::mem;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use chirp_runtime::stream::Stream;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::http::body::{BodyError, Produce};

/// The bytes that are read at once.
const PIECE: usize = 64 << 10;

/// A stream of bytes, such as a receiver.
pub(super) struct ByteStream<S> {
    stream: Pin<Box<S>>,
    error: DelayedError,
}

/// A reader of bytes.
pub(super) struct ByteInput<R> {
    reader: Pin<Box<R>>,
    buffer: BytesMut,
    error: DelayedError,
}

/// An error that is returned after the bytes before it have been written: hyper drops what it has not written when a body
/// fails.
#[derive(Default)]
struct DelayedError {
    error: Option<BodyError>,
    has_yielded: bool,
}

impl DelayedError {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if !mem::replace(&mut self.has_yielded, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.error.take().map(Err))
    }

    fn set(
        &mut self,
        error: &impl fmt::Display,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.error = Some(BodyError::new(error.to_string()));
        self.poll(cx)
    }
}

impl<S> ByteStream<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream: Box::pin(stream),
            error: DelayedError::default(),
        }
    }
}

impl<S, E> Produce for ByteStream<S>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: fmt::Display,
{
    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let this = &mut *self;
        if this.error.error.is_some() {
            return this.error.poll(cx);
        }
        loop {
            match ready!(this.stream.as_mut().poll_next(cx)) {
                Some(Ok(bytes)) if bytes.is_empty() => {}
                Some(Ok(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Some(Err(error)) => return this.error.set(&error, cx),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<R> ByteInput<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader: Box::pin(reader),
            buffer: BytesMut::new(),
            error: DelayedError::default(),
        }
    }
}

impl<R: AsyncRead + Send> Produce for ByteInput<R> {
    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let this = &mut *self;
        if this.error.error.is_some() {
            return this.error.poll(cx);
        }
        this.buffer.reserve(PIECE);
        let read = pin!(this.reader.read_buf(&mut this.buffer));
        match ready!(read.poll(cx)) {
            Ok(0) => Poll::Ready(None),
            Ok(_) => Poll::Ready(Some(Ok(this.buffer.split().freeze()))),
            Err(error) => this.error.set(&error, cx),
        }
    }
}
