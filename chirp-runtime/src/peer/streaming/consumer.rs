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
use crate::peer::calling::caller::ConnectionRef;
use crate::peer::streaming::half::{HalfState, Peering};
use crate::peer::streaming::inbound_streams::InboundStreams;
use crate::peer::streaming::mailbox::{ItemStreamQueue, ItemStreams, Mailbox, MailboxEvent};
use crate::session::{Ending, StreamCarrier, StreamKey};

/// So much of what was taken is given back at once, in what items cost: half of what a stream may hold at first.
const GIVEN_BACK: usize = 8 << 10;

/// The half of a stream that its items come out of. Dropping it ends the stream.
pub(crate) struct Consumer {
    half: HalfState,
    /// What is being taken,
    current: Items,
    /// what came behind it,
    ready: VecDeque<Items>,
    /// and the streams that came with it.
    carried: ItemStreamQueue,
    /// Which item is next, counted from 0.
    next: u64,
    /// What was taken and has not been given back: how many items, and their bytes.
    taken: (usize, usize),
    closed: bool,
}

/// What comes next.
enum ConsumerStep {
    /// A packet of items.
    Packet,
    /// The end, and why if it is a failure.
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

    /// The next item. `None` is the end of all that was sent; every other end is an error, the last that is told.
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

    /// The next item of the packet that is being taken, if there is one.
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

    /// The next item as it came, with the streams that came with it, to be sent on. Otherwise as
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

    /// Takes the next packet, if that has come.
    fn poll_packet(&mut self, cx: &mut Context<'_>) -> Poll<ConsumerStep> {
        loop {
            match self.ready.pop_front() {
                // One without items has told all that it had to tell.
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
            // All that came has been taken: without this, nothing might come any more.
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

    /// The next item of the packet.
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

    /// There is room for more at this side.
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

    /// Whether the sending side has begun, or the stream has ended by itself.
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

    /// Whether there has been a sign of the sending side.
    pub(in crate::peer) fn has_begun(&self) -> bool {
        self.half.mailbox.has_begun()
    }

    /// Ends the stream. What came can still be taken.
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

    /// Whether it was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Lets go of what came.
    fn forget(&mut self) {
        self.current = Items::default();
        self.ready.clear();
        let carried = mem::take(&mut self.carried);
        self.drop_carried(carried);
    }

    /// Drops the streams of items that are not taken. The session has been told that the items are not wanted.
    fn drop_carried(&self, carried: ItemStreamQueue) {
        if carried.is_empty() {
            return;
        }
        drop(carried);
        if let Peering::Remote(link, _) = &self.half.way {
            link.connection().reconcile();
        }
    }

    /// Says that nothing more is wanted.
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

/// The streams that came with an item.
fn arrived(half: &HalfState, number: u64, carry: ItemStreams) -> Option<InboundStreams> {
    match (carry, &half.way) {
        (ItemStreams::Bound(arrived), _) => Some(*arrived),
        (ItemStreams::Unbound(unbound), Peering::Remote(link, Some(key))) => Some(
            InboundStreams::new(link, StreamCarrier::Item(*key, number), unbound),
        ),
        (ItemStreams::Unbound(_), _) => None,
    }
}

/// Takes an item that came with streams.
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
