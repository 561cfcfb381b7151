use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use super::event::{CaptureEvent, CapturedPacket, Origin};
use super::packet_assembler::ReadBudget;
use super::reassembly::{Reassembled, Reassembly};
use super::segment::{Segment, SegmentFlags};

/// The maximum number of TCP connections that are followed at a time.
const MAX_FLOWS: usize = 4096;
/// The maximum length of a payload that is kept, in bytes.
const MAX_PAYLOAD: usize = 64 << 20;
/// The maximum number of bytes that are kept at a time, of all connections together.
const MAX_HELD: usize = 256 << 20;

/// Follows the TCP connections of a capture.
#[derive(Debug)]
pub(super) struct FlowTable {
    flows: HashMap<(SocketAddr, SocketAddr), CapturedFlow>,
    budget: ReadBudget,
    pub(super) counts: ConnectionCounts,
    /// The number of segments seen, by which the longest unused flow is found.
    segments: u64,
}

/// The numbers of connections that have been seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ConnectionCounts {
    /// Those that carried packets.
    pub(super) with_packets: u64,
    /// Those that are over, and carried data and no packets.
    pub(super) others: u64,
}

/// A TCP connection.
#[derive(Debug)]
struct CapturedFlow {
    client: SocketAddr,
    server: SocketAddr,
    /// The first sequence number of the client, if the connection's beginning is in the capture.
    began: Option<u32>,
    /// The number of the connection, once it has carried a packet.
    number: Option<u64>,
    time: Duration,
    comment: String,
    has_data: bool,
    directions: [Option<Reassembly>; 2],
    ended: [bool; 2],
    last_used: u64,
}

impl FlowTable {
    pub(super) fn new() -> Self {
        Self {
            flows: HashMap::new(),
            budget: ReadBudget::new(MAX_HELD),
            counts: ConnectionCounts::default(),
            segments: 0,
        }
    }

    pub(super) fn push(&mut self, segment: Segment, out: &mut VecDeque<CaptureEvent>) {
        let ends = (segment.source, segment.destination);
        let key = if ends.0 <= ends.1 {
            ends
        } else {
            (ends.1, ends.0)
        };
        self.segments += 1;
        let is_syn = segment.flags.has(SegmentFlags::SYN);
        let is_opening = is_syn && !segment.flags.has(SegmentFlags::ACK);
        if let Some(flow) = self.flows.get_mut(&key) {
            // The same addresses again: another connection.
            if is_opening && flow.began != Some(segment.sequence) && flow.directions[0].is_some() {
                flow.finish(&mut self.budget, &mut self.counts, out);
                self.flows.remove(&key);
            }
        } else if segment.data.is_empty() && !is_syn {
            // Of a connection about which nothing is known, and the segment says nothing.
            return;
        }
        if !self.flows.contains_key(&key) && self.flows.len() == MAX_FLOWS {
            self.forget(out);
        }
        let flow = self.flows.entry(key).or_insert_with(|| {
            // An answer to a beginning comes from the server.
            let is_answer = is_syn && !is_opening;
            let (client, server) = if is_answer { (ends.1, ends.0) } else { ends };
            CapturedFlow {
                client,
                server,
                began: is_opening.then_some(segment.sequence),
                number: None,
                time: segment.time,
                comment: String::new(),
                has_data: false,
                directions: [None, None],
                ended: [false; 2],
                last_used: 0,
            }
        });
        flow.last_used = self.segments;
        flow.push(segment, &mut self.budget, &mut self.counts, out);
    }

    /// Delivers what is still waiting, at the end of the capture.
    pub(super) fn finish(&mut self, out: &mut VecDeque<CaptureEvent>) {
        let mut flows: Vec<_> = self.flows.drain().map(|(_, flow)| flow).collect();
        flows.sort_unstable_by_key(|flow| (flow.number.unwrap_or(u64::MAX), flow.last_used));
        for mut flow in flows {
            flow.finish(&mut self.budget, &mut self.counts, out);
        }
    }

    /// Forgets the half of the connections that has not been used for longest.
    fn forget(&mut self, out: &mut VecDeque<CaptureEvent>) {
        let mut used: Vec<u64> = self.flows.values().map(|flow| flow.last_used).collect();
        used.sort_unstable();
        let median = used[used.len() / 2];
        let (budget, counts) = (&mut self.budget, &mut self.counts);
        self.flows.retain(|_, flow| {
            let stays = flow.last_used > median;
            if !stays {
                flow.finish(budget, counts, out);
            }
            stays
        });
    }
}

impl CapturedFlow {
    fn push(
        &mut self,
        segment: Segment,
        budget: &mut ReadBudget,
        counts: &mut ConnectionCounts,
        out: &mut VecDeque<CaptureEvent>,
    ) {
        let Segment {
            time,
            sequence,
            acknowledgment,
            flags,
            data,
            ..
        } = segment;
        let origin = if segment.source == self.client {
            Origin::Client
        } else {
            Origin::Server
        };
        let is_syn = flags.has(SegmentFlags::SYN);
        if is_syn && self.comment.is_empty() {
            self.comment = segment.comment;
        }
        let first = if is_syn {
            sequence.wrapping_add(1)
        } else {
            sequence
        };
        self.has_data |= !data.is_empty();
        let mut found = Vec::new();
        let direction = self.directions[at(origin)]
            .get_or_insert_with(|| Reassembly::new(first, is_syn, MAX_PAYLOAD));
        let end = first.wrapping_add(u32::try_from(data.len()).unwrap_or_default());
        direction.push(first, data, segment.lost > 0, budget, &mut found);
        if flags.has(SegmentFlags::FIN) {
            direction.end(end);
            if segment.lost > 0 {
                direction.finish(budget, &mut found);
            }
        }
        self.note(origin, time, found, counts, out);
        if flags.has(SegmentFlags::ACK) && !is_syn {
            let mut found = Vec::new();
            if let Some(other) = &mut self.directions[at(origin.other())] {
                other.acknowledge(acknowledgment, budget, &mut found);
            }
            self.note(origin.other(), time, found, counts, out);
        }
        for side in [origin, origin.other()] {
            let direction = self.directions[at(side)].as_ref();
            if direction.is_some_and(Reassembly::has_ended) {
                self.end(side, time, false, out);
            }
        }
        if flags.has(SegmentFlags::RST) {
            self.end(origin, time, true, out);
        }
    }

    fn finish(
        &mut self,
        budget: &mut ReadBudget,
        counts: &mut ConnectionCounts,
        out: &mut VecDeque<CaptureEvent>,
    ) {
        let time = self.time;
        for origin in [Origin::Client, Origin::Server] {
            let mut found = Vec::new();
            if let Some(direction) = &mut self.directions[at(origin)] {
                direction.finish(budget, &mut found);
                direction.release(budget);
            }
            self.note(origin, time, found, counts, out);
        }
        counts.others += u64::from(self.has_data && self.number.is_none());
    }

    /// Turns what a direction yielded into events.
    fn note(
        &mut self,
        origin: Origin,
        time: Duration,
        found: Vec<Reassembled>,
        counts: &mut ConnectionCounts,
        out: &mut VecDeque<CaptureEvent>,
    ) {
        self.time = time;
        for found in found {
            match (found, self.number) {
                (Reassembled::Packet((header, payload, missing)), number) => {
                    let connection = number.unwrap_or_else(|| {
                        counts.with_packets += 1;
                        self.number = Some(counts.with_packets);
                        out.push_back(CaptureEvent::Opened {
                            connection: counts.with_packets,
                            time,
                            client: self.client,
                            server: self.server,
                            comment: std::mem::take(&mut self.comment),
                        });
                        counts.with_packets
                    });
                    let packet = CapturedPacket {
                        time,
                        origin,
                        header,
                        payload,
                        missing,
                    };
                    out.push_back(CaptureEvent::Packet { connection, packet });
                }
                (Reassembled::Gap(bytes), Some(connection)) => out.push_back(CaptureEvent::Gap {
                    connection,
                    time,
                    origin,
                    bytes,
                }),
                // Perhaps of another protocol.
                (Reassembled::Gap(_), None) => {}
            }
        }
    }

    fn end(
        &mut self,
        origin: Origin,
        time: Duration,
        is_reset: bool,
        out: &mut VecDeque<CaptureEvent>,
    ) {
        let is_new = !std::mem::replace(&mut self.ended[at(origin)], true);
        if let (true, Some(connection)) = (is_new, self.number) {
            out.push_back(CaptureEvent::Ended {
                connection,
                time,
                origin,
                is_reset,
            });
        }
    }
}

fn at(origin: Origin) -> usize {
    match origin {
        Origin::Client => 0,
        Origin::Server => 1,
    }
}
