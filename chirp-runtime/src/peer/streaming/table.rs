use std::collections::HashMap;
use std::sync::Arc;

use crate::peer::state::{ConnectionState, Effects};
use crate::peer::streaming::inbound_streams::UnboundStreams;
use crate::peer::streaming::mailbox::{ItemStreams, Mailbox};
use crate::peer::streaming::orphans::Orphans;
use crate::session::{
    Ending, InboundCallId, OutboundCallId, Refused, SecondaryMap, StreamCarrier, StreamEvent,
    StreamKey,
};

/// The halves of streams that this side holds: a table beside the session's. There is none before the first.
#[derive(Default)]
pub(in crate::peer) struct StreamTable {
    halves: SecondaryMap<StreamKey, Arc<Mailbox>>,
    /// What came with requests that no dispatcher has begun,
    runs: HashMap<InboundCallId, UnboundStreams>,
    /// and with the answer that is being handled.
    answer: Option<(OutboundCallId, UnboundStreams)>,
    /// Those that were dropped before a value claimed them. There is no list before the first stream of the other
    /// side's.
    orphans: Option<Arc<Orphans>>,
}

impl StreamTable {
    /// There is a stream now, of which this side has a half.
    pub(in crate::peer) fn open(&mut self, key: StreamKey) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox::default());
        self.halves.insert(key, Arc::clone(&mailbox));
        mailbox
    }

    fn get(&self, key: StreamKey) -> Option<&Mailbox> {
        self.halves.get(key).map(|mailbox| &**mailbox)
    }

    /// Nothing more is told of a stream.
    pub(in crate::peer) fn close(&mut self, key: StreamKey) -> Option<Arc<Mailbox>> {
        self.halves.remove(key)
    }

    /// Where streams are noted that are dropped unclaimed.
    pub(in crate::peer) fn orphans(&mut self) -> Arc<Orphans> {
        Arc::clone(self.orphans.get_or_insert_default())
    }

    /// Whether there are any such.
    pub(in crate::peer) fn has_orphans(&self) -> bool {
        self.orphans
            .as_ref()
            .is_some_and(|orphans| orphans.has_any())
    }

    /// What came with a request.
    pub(in crate::peer) fn take_run(&mut self, run: InboundCallId) -> Option<UnboundStreams> {
        if self.runs.is_empty() {
            return None;
        }
        self.runs.remove(&run)
    }

    /// Puts back what came with a request that has not begun.
    pub(in crate::peer) fn put_run(&mut self, run: InboundCallId, unbound: UnboundStreams) {
        self.runs.insert(run, unbound);
    }

    /// What came with an answer.
    pub(in crate::peer) fn take_answer(&mut self, call: OutboundCallId) -> Option<UnboundStreams> {
        let (_, unbound) = self.answer.take_if(|(of, _)| *of == call)?;
        Some(unbound)
    }

    /// All halves, since the session has ended.
    pub(in crate::peer) fn take_all(&mut self, effects: &mut Effects) -> Self {
        for mailbox in self.halves.values() {
            effects.wakes.extend(mailbox.end(Ending::Closed));
        }
        std::mem::take(self)
    }
}

impl ConnectionState {
    /// Passes on what has happened to streams.
    pub(in crate::peer) fn poll_streams(&mut self, effects: &mut Effects) {
        while let Some(event) = self.session.poll_stream_event() {
            match event {
                StreamEvent::Opened(carrier, opened) => {
                    let unbound = UnboundStreams::new(opened, &mut self.streams);
                    match carrier {
                        StreamCarrier::Run(run) => self.streams.put_run(run, unbound),
                        StreamCarrier::Answer(call) => self.streams.answer = Some((call, unbound)),
                        StreamCarrier::Item(stream, item) => {
                            if let Some(mailbox) = self.streams.get(stream) {
                                mailbox.put_carried(item, ItemStreams::Unbound(unbound));
                            }
                        }
                    }
                }
                StreamEvent::Begun(key) => {
                    effects
                        .wakes
                        .extend(self.streams.get(key).and_then(Mailbox::begin));
                }
                StreamEvent::Items(key, items) => {
                    let mailbox = self.streams.get(key);
                    effects
                        .wakes
                        .extend(mailbox.and_then(|mailbox| mailbox.put(items)));
                }
                StreamEvent::Ready(key) => {
                    effects
                        .wakes
                        .extend(self.streams.get(key).and_then(Mailbox::ready));
                }
                StreamEvent::Ended(key, ending) => {
                    let mailbox = self.streams.close(key);
                    effects
                        .wakes
                        .extend(mailbox.and_then(|mailbox| mailbox.end(ending)));
                }
                StreamEvent::Unsupported(call) => {
                    if let Some(slot) = self.pending_calls.take(call) {
                        effects.refused.push((slot, Refused::Unsupported));
                    }
                }
            }
        }
    }
}
