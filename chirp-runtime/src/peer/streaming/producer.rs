use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use crate::codec::attaching::too_many_streams;
use crate::codec::{self, CodecId, Item};
use crate::packet::{
    Attachment, Attachments, ErrorData, ItemRun, Payload, StreamItems, StreamOpen,
};
use crate::peer::StreamError;
use crate::peer::calling::caller::ConnectionRef;
use crate::peer::streaming::endpoint::{OpenedHalves, bind_here, specs};
use crate::peer::streaming::half::{HalfState, Peering, room};
use crate::peer::streaming::inbound_streams::InboundStreams;
use crate::peer::streaming::mailbox::{ItemStreams, Mailbox};
use crate::session::{Ending, LimitOwner, Limits, NotSent, StreamKey};

/// The half of a stream that its items go into.
///
/// Small items that are ready are collected, and handed over together. Dropping it without
/// [`finish`](Self::finish) breaks the stream off, behind what was put.
pub(crate) struct Producer {
    half: HalfState,
    /// Items that have not been handed over.
    run: ItemRun,
    /// How much more may be collected, in what items cost.
    allowance: u64,
    /// How many items have been handed over, in this process.
    sent: u64,
    over: bool,
    /// The halves of streams that the item at hand has.
    attachments: Attachments,
    /// It is the result of a call, whose answer says how it ended unless it was finished.
    is_result: bool,
}

/// So much credit is worth a buffer for a whole packet.
const ROOM: u64 = 4 << 10;

/// What an item costs beside its length (PROTOCOL.md, "Stream credit").
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
        }
    }

    pub(in crate::peer) fn half(&self) -> &HalfState {
        &self.half
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

    /// The same, as the result of the call that it came with.
    pub(in crate::peer) fn into_result(mut self) -> Self {
        self.is_result = true;
        self
    }

    /// Whether an item may be put. What was put is handed over when that is worth it.
    ///
    /// # Errors
    ///
    /// Why the stream is over.
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
        // Between the two it may have become ready, and nobody would say so again.
        if self.try_ready()? {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    /// Whether something was put that has not been handed over.
    pub(crate) fn has_put(&self) -> bool {
        !self.run.is_empty()
    }

    /// Hands over what was put, once there is room.
    ///
    /// # Errors
    ///
    /// Why the stream is over.
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

    /// Hands over what was put. Whether more may be put.
    pub(crate) fn try_ready(&mut self) -> Result<bool, StreamError> {
        self.flush()?;
        if !self.run.is_empty() {
            return Ok(false);
        }
        if self.allowance == 0 {
            self.allowance = self.credit()?;
        }
        if self.allowance > ROOM {
            // As much as goes into one packet; else a buffer of one item is as good.
            self.run.reserve();
        }
        Ok(self.allowance > 0)
    }

    /// Puts an item, once [`poll_ready`](Self::poll_ready) says that it may be.
    ///
    /// # Errors
    ///
    /// Why it could not be sent. The stream has been broken off then.
    pub(crate) fn put<T: Item>(&mut self, codec: CodecId, item: T) -> Result<(), StreamError> {
        let item = match codec::item_payload(codec, item) {
            Ok(payload) => return self.put_alone(payload),
            Err(item) => item,
        };
        let Self {
            run, attachments, ..
        } = self;
        let encoded = run.push(|out| codec::encode_item(codec, &item, out, attachments));
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

    /// As [`put`](Self::put), of an item that is bytes already.
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

    /// Puts an item that stands by itself: it is large, or has streams.
    fn put_alone(&mut self, item: Payload) -> Result<(), StreamError> {
        // What was put before is within the credit.
        self.flush()?;
        self.allowance = 0;
        let sent = self.send_alone(item);
        if let Err(error) = &sent {
            self.fail(error.clone().into());
        }
        sent
    }

    fn send_alone(&mut self, mut item: Payload) -> Result<(), StreamError> {
        // Those that cannot be sent are the program's, and are dropped when the lock is free.
        let mut attachments = item.detach();
        match &self.half.way {
            Peering::Remote(link, key) => {
                let opens = specs(&attachments);
                let key = key.ok_or_else(|| self.ended())?;
                let sent = link.connection().with(|state, effects| {
                    let keys = state.session.send_item_with(key, &mut item, &opens)?;
                    effects.wake_writer = true;
                    let attachments = std::mem::take(&mut attachments);
                    Ok(OpenedHalves::new(attachments, &keys, state))
                });
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
                    out.extend_from_slice(item.as_slice());
                    Ok::<_, StreamError>(())
                });
                self.sent += 1;
                wake(other.put(run.take_items()));
                Ok(())
            }
        }
    }

    /// Hands over what was put, if there is room.
    ///
    /// # Errors
    ///
    /// Why the stream is over.
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
                let run = &mut self.run;
                let sent = link.connection().with(|state, effects| {
                    let sent = state.session.send_items(key, run);
                    effects.wake_writer = state.session.has_output();
                    sent
                });
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

    /// Why nothing more can be sent.
    fn ended(&self) -> StreamError {
        let ending = self.half.mailbox.ending().unwrap_or(Ending::Cancelled);
        self.half.error_of(ending).unwrap_or(StreamError::Cancelled)
    }

    /// Says that the stream has begun, where no item says so.
    pub(crate) fn begin(&self) {
        match &self.half.way {
            Peering::Remote(link, Some(key)) => link.connection().with(|state, effects| {
                state.session.begin_stream(*key);
                effects.wake_writer = state.session.has_output();
            }),
            Peering::Remote(_, None) => {}
            Peering::Local(other, _) => wake(other.begin()),
        }
    }

    /// Waits until nobody takes items any more.
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

    /// Hands over what was put before the stream's end, which is within the credit. If the stream is over, nobody wants
    /// it.
    fn hand_over(&mut self) {
        if !self.run.is_empty() {
            let _ = self.flush();
        }
    }

    /// That was all: what was put leaves, and then the end.
    pub(crate) fn finish(&mut self) {
        self.hand_over();
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        match &self.half.way {
            Peering::Remote(link, Some(key)) => link.connection().with(|state, effects| {
                state.session.finish_stream(*key);
                effects.wake_writer = state.session.has_output();
            }),
            Peering::Remote(_, None) => {}
            Peering::Local(other, _) => wake(other.end(Ending::Finished)),
        }
    }

    /// The stream breaks off behind what was put, and this is why.
    pub(crate) fn fail(&mut self, error: ErrorData) {
        self.hand_over();
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        match &self.half.way {
            Peering::Remote(link, Some(key)) => link.connection().with(|state, effects| {
                state.session.fail_stream(*key, error);
                effects.wake_writer = state.session.has_output();
            }),
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

/// Whether an item may be sent over a connection with the limits that are the default. In this process the same may be
/// sent.
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

/// Binds halves to streams in this process.
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
            // The answer follows, and waits for what was handed over.
            if let Peering::Local(other, _) = &self.half.way {
                wake(other.end(Ending::Answered));
            }
            return;
        }
        match &self.half.way {
            Peering::Remote(link, Some(key)) => {
                let half = link.connection().with(|state, effects| {
                    state.session.drop_sender(*key);
                    effects.wake_writer = state.session.has_output();
                    state.streams.close(*key)
                });
                drop(half);
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
