//! A session that notes what it is given.

use std::io::IoSlice;
use std::time::Duration;

pub(crate) use chirp_runtime::session::{CallOutcome, Ending, Fatal, Refused};

use crate::packet::{Payload, ResultCode};

/// The id of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutboundCallId(u32);

impl OutboundCallId {
    pub(crate) fn of(id: u32) -> Option<Self> {
        (id != 0).then_some(Self(id))
    }

    pub(crate) fn id(self) -> u32 {
        self.0
    }
}

/// The id of a call of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InboundCallId(pub(crate) u32);

/// Output that is written as a whole.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    written: usize,
}

impl Batch {
    pub(crate) fn is_done(&self) -> bool {
        self.written == self.bytes.len()
    }

    pub(crate) fn only_slice(&self) -> Option<&[u8]> {
        Some(&self.bytes[self.written..])
    }

    pub(crate) fn slices<'a>(&'a self, _: &mut [IoSlice<'a>]) -> usize {
        0
    }

    pub(crate) fn advance(&mut self, written: usize) {
        self.written += written;
    }
}

pub(crate) struct Limits {
    pub(crate) progress_timeout: Duration,
}

pub(crate) struct Counters {
    pub(crate) packets_sent: u64,
}

/// Notes the calls that it is given and gives them ids, and keeps output of one byte a packet.
#[derive(Default)]
pub(crate) struct Session {
    pub(crate) names: Vec<Vec<u8>>,
    /// The inbound calls that were answered, and those that have ended.
    pub(crate) answered: Vec<InboundCallId>,
    pub(crate) finished: Vec<InboundCallId>,
    output: Vec<u8>,
    /// The number of packets so far.
    packets: u64,
    is_batch_taken: bool,
}

impl Session {
    /// Adds a packet.
    pub(crate) fn send(&mut self, packet: u8) {
        self.output.push(packet);
        self.packets += 1;
    }

    pub(crate) fn call_copied(
        &mut self,
        name: &[u8],
        _: &[u8],
        _: Option<Duration>,
    ) -> Result<OutboundCallId, Refused> {
        self.names.push(name.to_vec());
        let id = u32::try_from(self.names.len()).expect("few");
        Ok(OutboundCallId::of(id).expect("not zero"))
    }

    pub(crate) fn cancel(&mut self, _: OutboundCallId) -> Result<(), Fatal> {
        Ok(())
    }

    pub(crate) fn respond(&mut self, id: InboundCallId, _: ResultCode, _: &mut Payload) {
        self.answered.push(id);
        self.send(0);
    }

    pub(crate) fn finish(&mut self, id: InboundCallId) {
        self.finished.push(id);
    }

    pub(crate) fn is_wanted(&self, _: InboundCallId) -> bool {
        true
    }

    pub(crate) fn are_all_wanted(&self) -> bool {
        true
    }

    pub(crate) fn lacks_room_for_answers(&self) -> bool {
        false
    }

    pub(crate) fn pending(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn running(&self) -> usize {
        0
    }

    pub(crate) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    pub(crate) fn has_output_beyond(&self, mark: u64) -> bool {
        self.has_output() && self.packets > mark
    }

    pub(crate) fn output_mark(&self) -> u64 {
        self.packets
    }

    pub(crate) fn nothing_waits(&self) -> bool {
        true
    }

    pub(crate) fn swap_batch(&mut self, batch: &mut Batch) -> bool {
        if self.output.is_empty() {
            return false;
        }
        assert!(!self.is_batch_taken, "one batch is written at a time");
        assert!(batch.is_done(), "nothing is overwritten");
        self.is_batch_taken = true;
        *batch = Batch {
            bytes: std::mem::take(&mut self.output),
            written: 0,
        };
        true
    }

    pub(crate) fn batch_written(&mut self) {
        self.is_batch_taken = false;
    }

    pub(crate) fn discard(&mut self) {
        self.output.clear();
    }

    pub(crate) fn give_up_waiting(&mut self) {}

    pub(crate) fn has_said_going_away(&self) -> bool {
        false
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            progress_timeout: Duration::from_secs(1),
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters {
            packets_sent: self.packets,
        }
    }
}
