use std::sync::Arc;

use crate::peer::connection::effects::Effects;
use crate::peer::connection::state::ConnectionState;
use crate::peer::stream::inbound_streams::UnboundStreams;
use crate::peer::stream::mailbox::{ItemStreams, Mailbox};
use crate::peer::stream::orphans::Orphans;
use crate::session::{
    Ending, InboundCallId, OutboundCallId, SecondaryMap, StreamCarrier, StreamEvent, StreamKey,
};

/// The stream halves that this side holds, by key. It allocates nothing before the first stream.
#[derive(Default)]
pub(in crate::peer) struct StreamTable {
    halves: SecondaryMap<StreamKey, Arc<Mailbox>>,
    /// `None` before the first call with streams.
    arriving: Option<Box<ArrivingStreams>>,
    /// Unclaimed streams that were dropped. `None` before the first stream of the peer.
    orphans: Option<Arc<Orphans>>,
}

/// Streams that have come before the packet that they belong to.
#[derive(Default)]
struct ArrivingStreams {
    /// The streams of the request that is being handled.
    request: Option<(InboundCallId, UnboundStreams)>,
    /// The streams of the response that is being handled.
    answer: Option<(OutboundCallId, UnboundStreams)>,
}

impl StreamTable {
    /// Adds a half, and returns its mailbox.
    pub(in crate::peer) fn open(&mut self, key: StreamKey) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox::default());
        self.halves.insert(key, Arc::clone(&mailbox));
        mailbox
    }

    fn get(&self, key: StreamKey) -> Option<&Mailbox> {
        self.halves.get(key).map(|mailbox| &**mailbox)
    }

    /// Removes a half: no more events are delivered to it.
    pub(in crate::peer) fn close(&mut self, key: StreamKey) -> Option<Arc<Mailbox>> {
        self.halves.remove(key)
    }

    /// Returns the list of dropped unclaimed streams.
    pub(in crate::peer) fn orphans(&mut self) -> Arc<Orphans> {
        Arc::clone(self.orphans.get_or_insert_default())
    }

    /// Returns `true` if that list is not empty.
    pub(in crate::peer) fn has_orphans(&self) -> bool {
        self.orphans
            .as_ref()
            .is_some_and(|orphans| orphans.has_any())
    }

    /// Takes the streams that came with a request.
    pub(in crate::peer) fn take_request(&mut self, call: InboundCallId) -> Option<UnboundStreams> {
        let arriving = self.arriving.as_mut()?;
        let (_, unbound) = arriving.request.take_if(|(of, _)| *of == call)?;
        Some(unbound)
    }

    /// Takes the streams that came with a response.
    pub(in crate::peer) fn take_answer(&mut self, call: OutboundCallId) -> Option<UnboundStreams> {
        let arriving = self.arriving.as_mut()?;
        let (_, unbound) = arriving.answer.take_if(|(of, _)| *of == call)?;
        Some(unbound)
    }

    /// Takes all halves because the session has ended.
    pub(in crate::peer) fn take_all(&mut self, effects: &mut Effects) -> Self {
        for mailbox in self.halves.values() {
            effects.wakes.extend(mailbox.end(Ending::Closed));
        }
        std::mem::take(self)
    }
}

impl ConnectionState {
    /// Delivers the stream events of the session.
    pub(in crate::peer) fn poll_streams(&mut self) {
        while let Some(event) = self.session.poll_stream_event() {
            match event {
                StreamEvent::Opened(carrier, opened) => {
                    let unbound = UnboundStreams::new(opened, &mut self.streams);
                    let arriving = self.streams.arriving.get_or_insert_default();
                    match carrier {
                        StreamCarrier::Run(run) => arriving.request = Some((run, unbound)),
                        StreamCarrier::Answer(call) => arriving.answer = Some((call, unbound)),
                        StreamCarrier::Item(stream, item) => {
                            if let Some(mailbox) = self.streams.get(stream) {
                                mailbox.put_carried(item, ItemStreams::Unbound(unbound));
                            }
                        }
                    }
                }
                StreamEvent::Begun(key) => {
                    self.effects
                        .wakes
                        .extend(self.streams.get(key).and_then(Mailbox::begin));
                }
                StreamEvent::Items(key, items) => {
                    let mailbox = self.streams.get(key);
                    self.effects
                        .wakes
                        .extend(mailbox.and_then(|mailbox| mailbox.put(items)));
                }
                StreamEvent::Ready(key) => {
                    self.effects
                        .wakes
                        .extend(self.streams.get(key).and_then(Mailbox::ready));
                }
                StreamEvent::Ended(key, ending) => {
                    let mailbox = self.streams.close(key);
                    self.effects
                        .wakes
                        .extend(mailbox.and_then(|mailbox| mailbox.end(ending)));
                }
                StreamEvent::Unsupported(call, refused) => {
                    if let Some(slot) = self.pending_calls.take(call) {
                        self.effects.rare().refused.push((slot, refused));
                    }
                }
            }
        }
    }
}
