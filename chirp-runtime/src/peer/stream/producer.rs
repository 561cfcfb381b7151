use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

#[cfg(feature = "reflect")]
use crate::codec::ValueEncoding;
use crate::codec::attaching::too_many_streams;
use crate::codec::{self, CodecId, Item};
use crate::packet::{
    Attachment, Attachments, ErrorData, ItemRun, Payload, StreamItems, StreamOpen,
};
use crate::peer::StreamError;
use crate::peer::client::caller::ConnectionRef;
use crate::peer::stream::endpoint::{OpenedHalves, bind_here, specs};
use crate::peer::stream::half::{HalfState, Peering, room};
use crate::peer::stream::inbound_streams::InboundStreams;
use crate::peer::stream::mailbox::{ItemStreams, Mailbox};
use crate::session::{Ending, LimitOwner, Limits, NotSent, StreamKey};

/// The sending half of a stream.
///
/// Small items that are ready are collected and handed over together. Dropping it without [`finish`](Self::finish)
/// aborts the stream after the items that were put.
pub(crate) struct Producer {
    half: HalfState,
    /// Items that have not been handed over.
    run: ItemRun,
    /// How much more may be collected, in item cost.
    allowance: u64,
    /// The number of items handed over, within this process.
    sent: u64,
    over: bool,
    /// The stream halves of the current item.
    attachments: Attachments,
    /// The stream is the result of a call, whose response tells how it ended unless it was finished.
    is_result: bool,
    /// The encoding of the call that the stream is the result of.
    #[cfg(feature = "reflect")]
    encoding: ValueEncoding,
}

/// The credit, in bytes, above which a buffer for a whole packet is reserved.
const ROOM: u64 = 4 << 10;

/// The cost of an item in addition to its length (PROTOCOL.md, "Stream credit").
const ITEM_COST: u64 = 16;

impl Producer {
    pub(in crate::peer) fn of(half: HalfState) -> Self {
        Self {
            half,
            run: ItemRun::default(),
            allowance: 0,
            sent: 0,
            over: false,
            attachments: Attachments::default(),
            is_result: false,
            #[cfg(feature = "reflect")]
            encoding: ValueEncoding::default(),
        }
    }

    pub(in crate::peer) fn half(&self) -> &HalfState {
        &self.half
    }

    /// Returns `true` if one of the two sides of the connection shuts down.
    pub(crate) fn is_draining(&self) -> bool {
        self.half
            .connection()
            .is_some_and(|connection| connection.is_draining())
    }

    /// Waits until one of the two sides of the connection shuts down.
    pub(crate) async fn draining(&self) {
        self.half.draining().await;
    }

    pub(in crate::peer) fn remote(
        link: ConnectionRef,
        key: Option<StreamKey>,
        mailbox: Arc<Mailbox>,
    ) -> Self {
        Self::of(HalfState {
            mailbox,
            way: Peering::Remote(link, key),
        })
    }

    /// Sets the encoding of the call that the stream is the result of.
    #[cfg(feature = "reflect")]
    pub(crate) fn with_encoding(mut self, encoding: ValueEncoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Marks the stream as the result of the call that it came with.
    pub(in crate::peer) fn into_result(mut self) -> Self {
        self.is_result = true;
        self
    }

    /// Ready when an item may be put. Items are handed over when that is worthwhile.
    ///
    /// # Errors
    ///
    /// The reason why the stream has ended.
    #[inline]
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        if self.allowance > 0 && !self.run.is_full() && !self.over {
            return Poll::Ready(Ok(()));
        }
        self.poll_room(cx)
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        if self.try_ready()? {
            return Poll::Ready(Ok(()));
        }
        self.half.mailbox.wait(cx.waker().clone());
        // Room that appeared before the waker was registered is not notified again.
        if self.try_ready()? {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    /// Returns `true` if there are items that have not been handed over.
    pub(crate) fn has_put(&self) -> bool {
        !self.run.is_empty()
    }

    /// Hands over all items, once there is room.
    ///
    /// # Errors
    ///
    /// The reason why the stream has ended.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.flush()?;
        if self.run.is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.half.mailbox.wait(cx.waker().clone());
        self.flush()?;
        if self.run.is_empty() {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    /// Hands over all items. Returns `true` if more may be put.
    pub(crate) fn try_ready(&mut self) -> Result<bool, StreamError> {
        self.flush()?;
        if !self.run.is_empty() {
            return Ok(false);
        }
        if self.allowance == 0 {
            self.allowance = self.credit()?;
        }
        if self.allowance > ROOM {
            // For a whole packet; with less credit, a buffer for one item is as good.
            self.run.reserve();
        }
        Ok(self.allowance > 0)
    }

    /// Puts an item. [`poll_ready`](Self::poll_ready) must have returned ready.
    ///
    /// # Errors
    ///
    /// The reason why the item could not be sent. The stream has been aborted.
    pub(crate) fn put<T: Item>(&mut self, codec: CodecId, item: T) -> Result<(), StreamError> {
        let item = match codec::item_payload(codec, item) {
            Ok(payload) => return self.put_alone(payload),
            Err(item) => item,
        };
        let Self {
            run, attachments, ..
        } = self;
        let encoded = run.push(|out| codec::encode_item(codec, &item, out, attachments));
        #[cfg(feature = "reflect")]
        let encoded = match encoded {
            Err(_) if self.encoding == ValueEncoding::Json => {
                *attachments = Attachments::default();
                run.push(|out| {
                    codec::answering(|| codec::encode_item(codec, &item, out, attachments))
                })
            }
            encoded => encoded,
        };
        let len = match encoded {
            Ok(len) => len,
            Err(error) => return Err(self.cannot_encode(&error)),
        };
        drop(item);
        if !self.attachments.is_empty() || len > Payload::COPIED || self.run.is_too_long() {
            let item = Payload::from(self.run.pop());
            let attachments = std::mem::take(&mut self.attachments);
            return self.put_alone(item.attach(attachments));
        }
        self.allowance = self.allowance.saturating_sub(len as u64 + ITEM_COST);
        Ok(())
    }

    /// As [`put`](Self::put), for an encoded item.
    pub(in crate::peer) fn put_bytes(&mut self, item: Payload) -> Result<(), StreamError> {
        let len = item.len();
        if item.has_attachments() || len > Payload::COPIED {
            return self.put_alone(item);
        }
        let pushed = self.run.push(|out| {
            out.extend_from_slice(item.as_slice());
            Ok::<_, StreamError>(())
        });
        pushed?;
        if self.run.is_too_long() {
            let item = self.run.pop().into();
            return self.put_alone(item);
        }
        self.allowance = self.allowance.saturating_sub(len as u64 + ITEM_COST);
        Ok(())
    }

    #[cold]
    fn cannot_encode(&mut self, error: &codec::EncodeError) -> StreamError {
        self.attachments = Attachments::default();
        let error = StreamError::Encode(error.to_string());
        self.fail(error.clone().into());
        error
    }

    /// Puts an item that is sent separately: it is large, or contains streams.
    fn put_alone(&mut self, item: Payload) -> Result<(), StreamError> {
        // Earlier items are within the credit.
        self.flush()?;
        self.allowance = 0;
        let sent = self.send_alone(item);
        if let Err(error) = &sent {
            self.fail(error.clone().into());
        }
        sent
    }

    fn send_alone(&mut self, mut item: Payload) -> Result<(), StreamError> {
        // Halves that cannot be sent belong to the program, and are dropped after the lock is released.
        let mut attachments = item.detach();
        match &self.half.way {
            Peering::Remote(link, key) => {
                let opens = specs(&attachments);
                let key = key.ok_or_else(|| self.ended())?;
                let sent = {
                    let mut state = link.connection().lock();
                    let sent = state.session.send_item_with(key, &mut item, &opens);
                    sent.map(|keys| {
                        let attachments = std::mem::take(&mut attachments);
                        OpenedHalves::new(attachments, &keys, &mut state)
                    })
                };
                match sent {
                    Ok(opened) => {
                        opened.bind(link);
                        Ok(())
                    }
                    Err(refused) => Err(self.not_sent(refused)),
                }
            }
            Peering::Local(other, held) => {
                check_here(&item, &attachments)?;
                held.fetch_add(item.len() + 16, Ordering::AcqRel);
                if !attachments.is_empty() {
                    let arrived = InboundStreams::local(here(attachments)?, None);
                    other.put_carried(self.sent, ItemStreams::Bound(Box::new(arrived)));
                }
                let mut run = ItemRun::default();
                let _ = run.push(|out| {
                    item.write_to(out);
                    Ok::<_, StreamError>(())
                });
                self.sent += 1;
                wake(other.put(run.take_items()));
                Ok(())
            }
        }
    }

    /// Hands over all items, if there is room.
    ///
    /// # Errors
    ///
    /// The reason why the stream has ended.
    pub(crate) fn flush(&mut self) -> Result<(), StreamError> {
        if self.over {
            return Err(self.ended());
        }
        if self.run.is_empty() {
            return Ok(());
        }
        match &self.half.way {
            Peering::Remote(link, key) => {
                let key = key.ok_or_else(|| self.ended())?;
                let sent = {
                    let mut state = link.connection().lock();
                    state.session.send_items(key, &mut self.run)
                };
                match sent {
                    Ok(()) => {}
                    Err(NotSent::Full) => self.allowance = 0,
                    Err(refused) => return Err(self.not_sent(refused)),
                }
            }
            Peering::Local(other, held) => {
                if self.half.mailbox.ending().is_some() {
                    return Err(self.ended());
                }
                let items = self.run.items();
                held.fetch_add(self.run.bytes() + 16 * usize::from(items), Ordering::AcqRel);
                self.sent += u64::from(items);
                wake(other.put(self.run.take_items()));
            }
        }
        Ok(())
    }

    fn credit(&mut self) -> Result<u64, StreamError> {
        match &self.half.way {
            Peering::Remote(link, key) => {
                let key = key.ok_or_else(|| self.ended())?;
                let mut state = link.connection().lock();
                let credit = state.session.stream_credit(key);
                let limit = state.session.chunk_limit();
                drop(state);
                self.run.set_limit(limit);
                credit.map_err(|refused| self.not_sent(refused))
            }
            Peering::Local(_, held) => match self.half.mailbox.ending() {
                Some(_) => Err(self.ended()),
                None => Ok(room(held)),
            },
        }
    }

    fn not_sent(&self, refused: NotSent) -> StreamError {
        match refused {
            NotSent::TooLarge { limit, whose } => StreamError::TooLarge { whose, limit },
            NotSent::TooManyInPacket { limit } => StreamError::Encode(too_many_streams(limit)),
            NotSent::TooManyStreams { limit } => StreamError::Refused(ErrorData::from(format!(
                "too many streams: the limit is {limit}"
            ))),
            NotSent::Closed | NotSent::Full => self.ended(),
        }
    }

    /// Returns the reason why nothing more can be sent.
    fn ended(&self) -> StreamError {
        let ending = self.half.mailbox.ending().unwrap_or(Ending::Cancelled);
        self.half.error_of(ending).unwrap_or(StreamError::Cancelled)
    }

    /// Tells the receiver that the stream has begun, if no item does.
    pub(crate) fn begin(&self) {
        match &self.half.way {
            Peering::Remote(link, Some(key)) => link.connection().lock().session.begin_stream(*key),
            Peering::Remote(_, None) => {}
            Peering::Local(other, _) => wake(other.begin()),
        }
    }

    /// Ready when the receiver accepts no more items.
    pub(crate) fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<StreamError> {
        let ended = || self.half.mailbox.ending().is_some();
        if !ended() {
            self.half.mailbox.wait(cx.waker().clone());
            if !ended() {
                return Poll::Pending;
            }
        }
        Poll::Ready(self.ended())
    }

    /// Hands over the remaining items before the end of the stream, which are within the credit. If the stream has
    /// ended, they are not wanted.
    fn hand_over(&mut self) {
        if !self.run.is_empty() {
            let _ = self.flush();
        }
    }

    /// Finishes the stream after the items that were put.
    pub(crate) fn finish(&mut self) {
        self.hand_over();
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        match &self.half.way {
            Peering::Remote(link, Some(key)) => {
                link.connection().lock().session.finish_stream(*key);
            }
            Peering::Remote(_, None) => {}
            Peering::Local(other, _) => wake(other.end(Ending::Finished)),
        }
    }

    /// Aborts the stream with an error, after the items that were put.
    pub(crate) fn fail(&mut self, error: ErrorData) {
        self.hand_over();
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        match &self.half.way {
            Peering::Remote(link, Some(key)) => {
                link.connection().lock().session.fail_stream(*key, error);
            }
            Peering::Remote(_, None) => {}
            Peering::Local(other, _) => wake(other.end(Ending::Failed(error))),
        }
    }
}

fn wake(waker: Option<std::task::Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Checks whether an item could be sent over a connection with default limits: the same limits apply within this
/// process.
fn check_here(item: &Payload, attachments: &[Attachment]) -> Result<(), StreamError> {
    let head = StreamItems::payload_len(1, 0);
    let limit = Limits::default().max_payload.saturating_sub(head);
    if item.len() > limit {
        let (whose, limit) = (LimitOwner::ThisSide, limit as u64);
        return Err(StreamError::TooLarge { whose, limit });
    }
    if attachments.len() > StreamOpen::MAX_ENTRIES {
        let limit = StreamOpen::MAX_ENTRIES;
        return Err(StreamError::Encode(too_many_streams(limit)));
    }
    Ok(())
}

/// Binds attachments to streams within this process.
pub(in crate::peer) fn here(
    attachments: Vec<Attachment>,
) -> Result<
    Vec<(
        crate::packet::AttachedStream,
        super::endpoint::StreamEndpoint,
    )>,
    StreamError,
> {
    if attachments.is_empty() {
        return Ok(Vec::new());
    }
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => Ok(bind_here(attachments, &runtime)),
        Err(error) => Err(StreamError::Encode(format!(
            "streams need a runtime: {error}"
        ))),
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.hand_over();
        if self.is_result && !self.over {
            // The response follows, behind the items that were handed over.
            if let Peering::Local(other, _) = &self.half.way {
                wake(other.end(Ending::Answered));
            }
            return;
        }
        match &self.half.way {
            Peering::Remote(link, Some(key)) => {
                let mut state = link.connection().lock();
                state.session.drop_sender(*key);
                let mailbox = state.streams.close(*key);
                drop(state);
                drop(mailbox);
            }
            Peering::Remote(_, None) => {}
            Peering::Local(other, _) => wake(other.end(Ending::Cancelled)),
        }
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}
