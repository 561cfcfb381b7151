use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use crate::codec::attaching::decoding;
use crate::codec::{self, CodecId, Item, StreamSource as _};
use crate::packet::{Items, Payload};
use crate::peer::StreamError;
use crate::peer::client::caller::ConnectionRef;
use crate::peer::stream::half::{HalfState, Peering};
use crate::peer::stream::inbound_streams::InboundStreams;
use crate::peer::stream::mailbox::{ItemStreamQueue, ItemStreams, Mailbox, MailboxEvent};
use crate::session::{Ending, StreamCarrier, StreamKey};

/// The cost of consumed items, in bytes, that is returned as credit at once: half of a stream's initial window.
const GIVEN_BACK: usize = 8 << 10;

/// The receiving half of a stream. Dropping it ends the stream.
pub(crate) struct Consumer {
    half: HalfState,
    /// The packet that items are being taken from.
    current: Items,
    /// The packets behind `current`.
    ready: VecDeque<Items>,
    /// The streams that came with these items.
    carried: ItemStreamQueue,
    /// The number of the next item, counted from 0.
    next: u64,
    /// Items and bytes that were consumed and not returned as credit.
    taken: (usize, usize),
    closed: bool,
}

/// The next step of a consumer.
enum ConsumerStep {
    /// A packet of items is ready.
    Packet,
    /// The stream has ended, with an error if it was not finished.
    End(Option<StreamError>),
}

impl Consumer {
    pub(in crate::peer) fn of(half: HalfState) -> Self {
        Self {
            half,
            current: Items::default(),
            ready: VecDeque::new(),
            carried: VecDeque::new(),
            next: 0,
            taken: (0, 0),
            closed: false,
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

    /// Polls for the next item. `None` means that the sender finished the stream. Anything else, a lost connection
    /// included, is an error, after which no item follows.
    #[inline]
    pub(crate) fn poll_next<T: Item>(
        &mut self,
        codec: CodecId,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<T, StreamError>>> {
        if self.current.len() == 0 {
            match ready!(self.poll_packet(cx)) {
                ConsumerStep::Packet => {}
                ConsumerStep::End(end) => return Poll::Ready(end.map(Err)),
            }
        }
        Poll::Ready(self.take(codec))
    }

    /// Returns the next item of the current packet, if there is one.
    #[inline]
    pub(crate) fn next_at_hand<T: Item>(
        &mut self,
        codec: CodecId,
    ) -> Option<Result<T, StreamError>> {
        if self.current.len() == 0 {
            return None;
        }
        self.take(codec)
    }

    /// Polls for the next item in encoded form, with the streams that came with it, to be forwarded. Otherwise as
    /// [`poll_next`](Self::poll_next).
    pub(in crate::peer) fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Payload, StreamError>>> {
        if self.current.len() == 0 {
            match ready!(self.poll_packet(cx)) {
                ConsumerStep::Packet => {}
                ConsumerStep::End(end) => return Poll::Ready(end.map(Err)),
            }
        }
        let number = self.next;
        self.next += 1;
        let carry = match self.carried.front() {
            Some((of, _)) if *of == number => self.carried.pop_front(),
            _ => None,
        };
        let Some(bytes) = self.current.next() else {
            return Poll::Ready(None);
        };
        self.taken.0 += 1;
        self.taken.1 += bytes.len();
        if self.taken.1 + 16 * self.taken.0 >= GIVEN_BACK {
            self.give_back();
        }
        let arrived = carry.and_then(|(_, carry)| arrived(&self.half, number, carry));
        let item = match arrived.and_then(|arrived| arrived.forward()) {
            Some(mut forwarded) => forwarded.payload(bytes),
            None => bytes.into(),
        };
        Poll::Ready(Some(Ok(item)))
    }

    /// Polls for the next packet of items.
    fn poll_packet(&mut self, cx: &mut Context<'_>) -> Poll<ConsumerStep> {
        loop {
            match self.ready.pop_front() {
                // A packet without items only marks the beginning of the stream.
                Some(next) if next.len() == 0 => continue,
                Some(next) => {
                    self.current = next;
                    return Poll::Ready(ConsumerStep::Packet);
                }
                None => {}
            }
            if self.closed {
                return Poll::Ready(ConsumerStep::End(None));
            }
            // Everything received has been consumed. Without the credit, the sender might have to wait forever.
            self.give_back();
            let Self {
                half,
                ready,
                carried,
                ..
            } = self;
            match half.mailbox.poll_take(ready, carried, cx.waker()) {
                Poll::Ready(MailboxEvent::Items) => {}
                Poll::Ready(MailboxEvent::Ending(ending)) => {
                    return Poll::Ready(ConsumerStep::End(half.error_of(ending)));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Takes the next item of the current packet.
    #[inline]
    fn take<T: Item>(&mut self, codec: CodecId) -> Option<Result<T, StreamError>> {
        let number = self.next;
        self.next += 1;
        let (len, decoded) = match self.carried.front() {
            Some((of, _)) if *of == number => {
                let (_, carry) = self.carried.pop_front()?;
                take_carrying(&self.half, number, carry, codec, &mut self.current)?
            }
            _ => codec::next_item(codec, &mut self.current)?,
        };
        self.taken.0 += 1;
        self.taken.1 += len;
        if self.taken.1 + 16 * self.taken.0 >= GIVEN_BACK {
            self.give_back();
        }
        Some(decoded.map_err(|error| self.cannot_decode(&error)))
    }

    #[cold]
    fn cannot_decode(&mut self, error: &codec::DecodeError) -> StreamError {
        self.close();
        self.forget();
        StreamError::Decode(error.to_string())
    }

    /// Returns credit to the sender.
    fn give_back(&mut self) {
        let (items, bytes) = mem::take(&mut self.taken);
        if items == 0 {
            return;
        }
        match &self.half.way {
            Peering::Remote(link, Some(key)) => {
                let mut state = link.connection().lock();
                state.session.consumed(*key, items, bytes);
            }
            Peering::Remote(_, None) => {}
            Peering::Local(other, held) => {
                held.fetch_sub(bytes + 16 * items, Ordering::AcqRel);
                if let Some(waker) = other.ready() {
                    waker.wake();
                }
            }
        }
    }

    /// Ready when the sender has begun, or the stream has ended by itself.
    pub(in crate::peer) fn poll_begun(&self, cx: &Context<'_>) -> Poll<()> {
        if self.half.mailbox.has_begun() {
            return Poll::Ready(());
        }
        self.half.mailbox.wait(cx.waker().clone());
        if self.half.mailbox.has_begun() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Returns `true` if there has been a sign of the sender.
    pub(in crate::peer) fn has_begun(&self) -> bool {
        self.half.mailbox.has_begun()
    }

    /// Ends the stream. Items that have been received can still be taken.
    pub(crate) fn close(&mut self) {
        if mem::replace(&mut self.closed, true) {
            return;
        }
        let Self {
            half,
            ready,
            carried,
            ..
        } = self;
        let mut more = VecDeque::new();
        let _ = half
            .mailbox
            .poll_take(&mut more, carried, std::task::Waker::noop());
        ready.append(&mut more);
        self.leave();
    }

    /// Returns `true` if this side has ended the stream.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Drops everything that has been received.
    fn forget(&mut self) {
        self.current = Items::default();
        self.ready.clear();
        let carried = mem::take(&mut self.carried);
        self.drop_carried(carried);
    }

    /// Drops the streams of items that are not consumed. The session knows already that the items are not wanted.
    fn drop_carried(&self, carried: ItemStreamQueue) {
        if carried.is_empty() {
            return;
        }
        drop(carried);
        if let Peering::Remote(link, _) = &self.half.way {
            link.connection().reconcile();
        }
    }

    /// Tells the sender that no more items are wanted.
    fn leave(&self) {
        match &self.half.way {
            Peering::Remote(link, Some(key)) => {
                let mut state = link.connection().lock();
                state.session.drop_receiver(*key);
                let mailbox = state.streams.close(*key);
                drop(state);
                drop(mailbox);
            }
            Peering::Remote(_, None) => {}
            Peering::Local(other, _) => {
                if let Some(waker) = other.end(Ending::Cancelled) {
                    waker.wake();
                }
            }
        }
    }
}

/// Returns the streams that came with an item.
fn arrived(half: &HalfState, number: u64, carry: ItemStreams) -> Option<InboundStreams> {
    match (carry, &half.way) {
        (ItemStreams::Bound(arrived), _) => Some(*arrived),
        (ItemStreams::Unbound(unbound), Peering::Remote(link, Some(key))) => Some(
            InboundStreams::new(link, StreamCarrier::Item(*key, number), unbound),
        ),
        (ItemStreams::Unbound(_), _) => None,
    }
}

/// Decodes an item that came with streams.
fn take_carrying<T: Item>(
    half: &HalfState,
    number: u64,
    carry: ItemStreams,
    codec: CodecId,
    items: &mut Items,
) -> Option<(usize, Result<T, codec::DecodeError>)> {
    let Some(arrived) = arrived(half, number, carry) else {
        return codec::next_item(codec, items);
    };
    let (taken, claims) = decoding(arrived.streams(), || codec::next_item(codec, items));
    let (len, decoded) = taken?;
    let settled = decoded.and_then(|item| arrived.settle(claims).map(|()| item));
    Some((len, settled))
}

impl Drop for Consumer {
    fn drop(&mut self) {
        if !self.closed {
            self.leave();
        }
        self.forget();
        let (carried, rest) = self.half.mailbox.clear();
        drop(rest);
        self.drop_carried(carried);
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
