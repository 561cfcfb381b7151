use super::stream::{RecvHalf, SendHalf, StreamHalf};
use super::{Ending, SessionStreams, StreamCarrier, StreamEvent, StreamKey, StreamOutput};
use crate::packet::{EndReason, ErrorData};
use crate::session::{OutboundCallId, Session};

impl Session {
    /// The value that came with streams has been decoded, whole, and these are the streams that it names. They
    /// belong to whoever holds them from now on; the others that came with it are refused. A result stream is
    /// not claimed.
    ///
    /// Whether there was something to claim: not after the carrier's call has been answered or cancelled, which
    /// has refused all of them.
    pub fn claim_streams(&mut self, carrier: StreamCarrier, claimed: &[StreamKey]) -> bool {
        let Some((streams, mut out)) = self.streams_mut() else {
            return false;
        };
        let Some(unclaimed) = streams.take_carried(carrier) else {
            return false;
        };
        for key in unclaimed {
            if !claimed.contains(&key) {
                streams.refuse(key, &mut out);
            }
        }
        true
    }

    /// The answer that came with streams is let go of.
    pub(in crate::session) fn release_answer(&mut self, call: OutboundCallId) {
        if let Some((streams, mut out)) = self.streams_mut() {
            streams.refuse_carried(StreamCarrier::Answer(call), &mut out);
        }
    }
}

impl SessionStreams {
    fn take_carried(&mut self, carrier: StreamCarrier) -> Option<Vec<StreamKey>> {
        let keys = self.carried.remove(&carrier)?;
        self.unclaimed -= keys.len();
        if let StreamCarrier::Item(stream, _) = carrier
            && let Some(receiving) = self.receiving(stream)
        {
            receiving.carries -= 1;
        }
        Some(keys)
    }

    /// Nobody will claim the free streams that came with this. What is bound ends in its own way.
    pub(super) fn refuse_carried(&mut self, carrier: StreamCarrier, out: &mut StreamOutput<'_>) {
        for key in self.take_carried(carrier).unwrap_or_default() {
            if self.table.get(key).is_some_and(|stream| !stream.is_bound()) {
                self.refuse(key, out);
            }
        }
    }

    /// The items of a stream that carried others will not be decoded.
    pub(super) fn refuse_items_of(&mut self, stream: StreamKey, out: &mut StreamOutput<'_>) {
        let of_stream = |carrier: &StreamCarrier| matches!(carrier, StreamCarrier::Item(of, _) if *of == stream);
        let carriers: Vec<_> = self.carried.keys().copied().filter(of_stream).collect();
        for carrier in carriers {
            self.refuse_carried(carrier, out);
        }
    }

    /// A stream of the other side's is not taken up.
    fn refuse(&mut self, key: StreamKey, out: &mut StreamOutput<'_>) {
        let Some(stream) = self.table.get(key) else {
            return;
        };
        let sends = stream.spec.sends;
        if stream.is_open() {
            let ending = Ending::Refused(ErrorData::default());
            self.events.push_back(StreamEvent::Ended(key, ending));
            if sends {
                self.break_off(key, EndReason::Refused, out);
            } else {
                self.close(key, EndReason::Refused, ErrorData::default(), out);
            }
        }
        if sends {
            self.end_sent(key, out);
        }
    }

    pub(super) fn receiving(&mut self, key: StreamKey) -> Option<&mut RecvHalf> {
        match &mut self.table.get_mut(key)?.half {
            StreamHalf::Receiving(receiving) => Some(receiving),
            StreamHalf::Sending(_) => None,
        }
    }

    pub(super) fn sending(&mut self, key: StreamKey) -> Option<&mut SendHalf> {
        match &mut self.table.get_mut(key)?.half {
            StreamHalf::Sending(sending) => Some(sending),
            StreamHalf::Receiving(_) => None,
        }
    }
}
