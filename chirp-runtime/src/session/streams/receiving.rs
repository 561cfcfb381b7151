use bytes::Bytes;

use super::stream::StreamHalf;
use super::{StreamEvent, StreamKey};
use crate::packet::{EndReason, ErrorData, FrameworkError, StreamItems};
use crate::session::{Fatal, Session};

/// The streams whose items come to this side.
impl Session {
    /// Items came. Those that there was no credit for fail their stream, and so does what would be more than
    /// this side holds.
    pub(super) fn handle_items(&mut self, payload: Bytes) -> Result<(), Fatal> {
        let length = payload.len();
        let StreamItems { id, items } = StreamItems::decode(payload)?;
        let limit = self.limits.max_stream_buffer;
        let Some((streams, mut out)) = self.streams_mut() else {
            return Ok(());
        };
        let found = streams.table.find(id);
        let Some((key, receiving)) = found
            .and_then(|key| Some((key, streams.table.get_mut(key)?)))
            .and_then(|(key, stream)| match &mut stream.half {
                StreamHalf::Receiving(receiving) if !receiving.closed => Some((key, receiving)),
                _ => None,
            })
        else {
            out.counters.packets_dropped += 1;
            return Ok(());
        };
        if items.len() == 0 {
            if !std::mem::replace(&mut receiving.begun, true) {
                streams.events.push_back(StreamEvent::Begun(key));
            }
            return Ok(());
        }
        let mut came = 0;
        let mut wrong = None;
        let count = items.len();
        let bytes = length - StreamItems::payload_len(count, 0);
        let room = limit.saturating_sub(streams.held);
        // As is the rule: there is room, and credit is left behind the last of them.
        if let Some(cost) = receiving.pay_all(bytes, count, room) {
            streams.held += cost;
            came = u16::try_from(count).unwrap_or(u16::MAX);
        }
        for len in items.lens().skip(came.into()) {
            if streams.held > 0 && streams.held.saturating_add(len) > limit {
                wrong = Some(
                    FrameworkError::Overloaded
                        .to_error_data("too many items are waiting to be taken"),
                );
                break;
            }
            let Some(cost) = receiving.pay(len) else {
                wrong = Some(ErrorData::from("an item came without credit"));
                break;
            };
            streams.held += cost;
            came += 1;
        }
        if came > 0 {
            receiving.begun = true;
            streams.last_item = Some((key, receiving.received - 1));
            out.counters.items_in += u64::from(came);
            let items = items.first(came);
            streams.events.push_back(StreamEvent::Items(key, items));
        }
        if let Some(error) = wrong {
            streams.fail(key, error, &mut out);
        }
        Ok(())
    }

    /// The consumer of a stream has taken so many items, of so many bytes together: there is room for more.
    pub fn consumed(&mut self, stream: StreamKey, items: usize, bytes: usize) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        let Some(found) = streams.table.get_mut(stream) else {
            return;
        };
        let over = found.over;
        let StreamHalf::Receiving(receiving) = &mut found.half else {
            return;
        };
        streams.held -= receiving.take(items, bytes);
        if over {
            if receiving.held == 0 {
                streams.remove(stream, &mut out);
            }
        } else if !receiving.closed {
            let granted = receiving.to_grant > 0;
            if streams.windows.grant(receiving) && !granted {
                streams.note_grant(stream);
            }
        }
    }

    /// The consumer of a stream is gone: what it had not taken goes with it, and no event speaks of the stream
    /// any more.
    pub fn drop_receiver(&mut self, stream: StreamKey) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        let reason = EndReason::Cancelled;
        streams.close(stream, reason, ErrorData::default(), &mut out);
        streams.forget_held(stream, &mut out);
    }
}
