use super::stream::{RecvHalf, SendHalf, StreamHalf, StreamState};
use super::window::{FIRST, TAKEN};
use super::{Ending, SessionStreams, StreamEvent, StreamKey, StreamKind, StreamOutput, StreamSpec};
use crate::packet::{EndReason, ErrorData, StreamEntry, StreamOpen};
use crate::session::{Refused, Session};

impl Session {
    /// Whether these streams may be opened with one packet.
    pub(super) fn check_opens(&self, opens: &[StreamSpec]) -> Result<(), Refused> {
        if opens.iter().any(|spec| spec.codec >= StreamEntry::CODECS) {
            return Err(Refused::Unsupported);
        }
        let opens = opens.len();
        let limit = self.stream_limit();
        let at_most = limit.min(StreamOpen::MAX_ENTRIES);
        if opens > at_most {
            return Err(Refused::TooManyInPacket { limit: at_most });
        }
        if self.streams() + opens > limit {
            return Err(Refused::TooManyStreams { limit });
        }
        self.check_size(StreamOpen::payload_len(opens))
    }

    /// Puts the opening of a call's streams before its request.
    pub(in crate::session) fn send_call_opens(&mut self, id: u32) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        if let Some(keys) = streams.by_call.remove(&id) {
            streams.announce(&keys, &mut out);
            streams.by_call.insert(id, keys);
        }
    }

    /// Puts the opening of an answer's streams before it.
    pub(in crate::session) fn send_answer_opens(&mut self, id: u32) {
        if let Some((streams, mut out)) = self.streams_mut()
            && let Some(keys) = streams.by_answer.get(&id).cloned()
        {
            streams.announce(&keys, &mut out);
        }
    }

    /// The request is in the transmit buffer.
    pub(in crate::session) fn call_opens_sent(&mut self, id: u32) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        if let Some(keys) = streams.by_call.get(&id).cloned() {
            streams.announced(&keys, &mut out);
        }
    }

    /// The answer is in the transmit buffer.
    pub(in crate::session) fn answer_opens_sent(&mut self, id: u32) {
        if let Some((streams, mut out)) = self.streams_mut()
            && let Some(keys) = streams.by_answer.remove(&id)
        {
            streams.announced(&keys, &mut out);
        }
    }
}

impl SessionStreams {
    /// Makes streams that are still to be announced.
    pub(super) fn make(&mut self, specs: &[StreamSpec]) -> Vec<StreamKey> {
        let make = |spec: &StreamSpec| {
            let mut spec = *spec;
            // A result goes to the caller.
            spec.sends &= spec.kind != StreamKind::Result;
            let half = if spec.sends {
                StreamHalf::Sending(SendHalf::default())
            } else {
                StreamHalf::Receiving(RecvHalf::default())
            };
            let number = self.table.next_number();
            self.table.insert(StreamState {
                number,
                mine: true,
                spec,
                run: None,
                announced: false,
                over: false,
                half,
            })
        };
        specs.iter().map(make).collect()
    }

    /// Appends the packet that opens these streams, whose carrier is appended next.
    pub(super) fn announce(&mut self, keys: &[StreamKey], out: &mut StreamOutput<'_>) {
        let mut entries = Vec::with_capacity(keys.len());
        for key in keys {
            let takes = self.table.mine_sending() < TAKEN;
            let Some(stream) = self.table.get_mut(*key) else {
                continue;
            };
            let window = match &mut stream.half {
                StreamHalf::Sending(sending) => {
                    let window = if takes { FIRST } else { 0 };
                    sending.credit = window.into();
                    window
                }
                // What nobody will take needs no window.
                StreamHalf::Receiving(receiving) if receiving.closed => 0,
                StreamHalf::Receiving(receiving) => self.windows.first(receiving),
            };
            entries.push(StreamEntry {
                number: stream.number,
                to_opener: !stream.spec.sends,
                bound: stream.is_bound(),
                result: stream.spec.kind == StreamKind::Result,
                codec: stream.spec.codec,
                window,
            });
            self.table.announce(*key);
        }
        out.open(&entries);
    }

    /// The carrier of these streams has been appended: what was said of them before can be sent.
    pub(super) fn announced(&mut self, keys: &[StreamKey], out: &mut StreamOutput<'_>) {
        for key in keys {
            let Some(stream) = self.table.get_mut(*key) else {
                continue;
            };
            let id = stream.id();
            match &mut stream.half {
                StreamHalf::Sending(sending) => {
                    if sending.end.is_some() {
                        self.end_sent(*key, out);
                    } else if sending.is_ready() {
                        self.events.push_back(StreamEvent::Ready(*key));
                    }
                }
                StreamHalf::Receiving(receiving) if receiving.closed => {
                    out.end(id, EndReason::Cancelled, 0, ErrorData::default());
                }
                StreamHalf::Receiving(receiving) if receiving.window == 0 => {
                    self.windows.small(receiving);
                    self.note_grant(*key);
                }
                StreamHalf::Receiving(_) => {}
            }
        }
    }

    /// What was to carry these streams has not been sent, and will not be.
    pub(super) fn never_opened(&mut self, keys: Vec<StreamKey>, out: &mut StreamOutput<'_>) {
        for key in keys {
            if self.table.get(key).is_some_and(StreamState::is_open) {
                let ending = Ending::Refused(ErrorData::default());
                self.events.push_back(StreamEvent::Ended(key, ending));
            }
            self.remove(key, out);
        }
    }
}
