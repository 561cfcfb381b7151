use bytes::{Bytes, BytesMut};

use crate::packet::{Header, PROTOCOL, PacketType};

/// Bytes that are kept while a file is read, of all connections together.
#[derive(Debug)]
pub(super) struct ReadBudget {
    held: usize,
    limit: usize,
}

impl ReadBudget {
    pub(super) fn new(limit: usize) -> Self {
        Self { held: 0, limit }
    }

    /// Takes memory for `bytes`. Returns `false` if that is too much.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let fits = self.limit - self.held >= bytes;
        if fits {
            self.held += bytes;
        }
        fits
    }

    pub(super) fn give_back(&mut self, bytes: usize) {
        self.held = self.held.saturating_sub(bytes);
    }
}

/// A packet, and the number of payload bytes that are missing.
pub(super) type AssembledPacket = (Header, Bytes, u64);

/// Finds the packets in the bytes of one direction of a connection, which may have gaps.
#[derive(Debug)]
pub(super) struct PacketAssembler {
    state: AssemblerState,
    /// The maximum length of a payload that is kept, in bytes.
    max_payload: usize,
    /// Whether a packet has been found.
    pub(super) has_packets: bool,
}

#[derive(Debug)]
enum AssemblerState {
    /// Between packets, or inside of a header, whose bytes are kept.
    Header { begun: Vec<u8> },
    /// Inside of a payload.
    Payload {
        header: Header,
        payload: BytesMut,
        left: u64,
        missing: u64,
    },
    /// At an unknown place, until a segment begins like a packet.
    Searching,
    /// The connection speaks another protocol.
    Foreign,
}

impl PacketAssembler {
    /// Creates an assembler. `from_start` tells whether the first bytes will be those of the connection.
    pub(super) fn new(from_start: bool, max_payload: usize) -> Self {
        let state = if from_start {
            AssemblerState::Header { begun: Vec::new() }
        } else {
            AssemblerState::Searching
        };
        Self {
            state,
            max_payload,
            has_packets: false,
        }
    }

    /// Accepts the next bytes. `is_segment` tells whether a segment begins with them.
    pub(super) fn push(
        &mut self,
        mut bytes: Bytes,
        is_segment: bool,
        budget: &mut ReadBudget,
        emit: &mut impl FnMut(AssembledPacket),
    ) {
        if matches!(self.state, AssemblerState::Searching) {
            if !is_segment || !looks_like_packet(&bytes) {
                return;
            }
            self.state = AssemblerState::Header { begun: Vec::new() };
        }
        while !bytes.is_empty() {
            match &mut self.state {
                AssemblerState::Foreign | AssemblerState::Searching => return,
                AssemblerState::Header { begun } => {
                    let taken = (Header::LEN - begun.len()).min(bytes.len());
                    begun.extend_from_slice(&bytes.split_to(taken));
                    match begun.first_chunk().map(|head| Header::decode(*head)) {
                        None if self.has_packets || Header::check_first(begun[0]).is_ok() => return,
                        Some(Ok(header)) => {
                            self.has_packets = true;
                            self.state = AssemblerState::Payload {
                                header,
                                payload: BytesMut::new(),
                                left: header.length.into(),
                                missing: 0,
                            };
                            self.complete(budget, emit);
                        }
                        None | Some(Err(_)) => {
                            self.state = if self.has_packets {
                                AssemblerState::Searching
                            } else {
                                AssemblerState::Foreign
                            };
                        }
                    }
                }
                AssemblerState::Payload {
                    header,
                    payload,
                    left,
                    missing,
                } => {
                    let taken = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(bytes.len());
                    let piece = bytes.split_to(taken);
                    *left -= taken as u64;
                    if *left == 0 && payload.is_empty() && *missing == 0 {
                        // The usual case: the whole payload is in one segment, and need not be copied.
                        let packet = (*header, piece, 0);
                        self.state = AssemblerState::Header { begun: Vec::new() };
                        emit(packet);
                        continue;
                    }
                    // Only the beginning up to the first missing byte is kept.
                    let fits = *missing == 0 && payload.len() + taken <= self.max_payload;
                    if fits && budget.take(taken) {
                        payload.extend_from_slice(&piece);
                    } else {
                        *missing += taken as u64;
                    }
                    self.complete(budget, emit);
                }
            }
        }
    }

    /// Notes that bytes are missing.
    pub(super) fn skip(
        &mut self,
        bytes: u64,
        budget: &mut ReadBudget,
        emit: &mut impl FnMut(AssembledPacket),
    ) {
        match &mut self.state {
            AssemblerState::Foreign | AssemblerState::Searching => {}
            AssemblerState::Header { .. } => self.state = AssemblerState::Searching,
            AssemblerState::Payload { left, missing, .. } => {
                let inside = bytes.min(*left);
                let beyond = bytes > *left;
                *left -= inside;
                *missing += inside;
                self.complete(budget, emit);
                if beyond {
                    self.state = AssemblerState::Searching;
                }
            }
        }
    }

    /// Returns an incomplete packet at the end of the direction.
    pub(super) fn finish(
        &mut self,
        budget: &mut ReadBudget,
        emit: &mut impl FnMut(AssembledPacket),
    ) {
        if let AssemblerState::Payload { left, missing, .. } = &mut self.state {
            *missing += std::mem::take(left);
            self.complete(budget, emit);
        }
    }

    /// Returns the present packet if its last byte has been reached.
    fn complete(&mut self, budget: &mut ReadBudget, emit: &mut impl FnMut(AssembledPacket)) {
        if let AssemblerState::Payload {
            header,
            payload,
            left: 0,
            missing,
        } = &mut self.state
        {
            budget.give_back(payload.len());
            let packet = (*header, std::mem::take(payload).freeze(), *missing);
            self.state = AssemblerState::Header { begun: Vec::new() };
            emit(packet);
        }
    }
}

/// Returns whether a segment that is met in the middle of a connection may begin with a packet.
fn looks_like_packet(bytes: &[u8]) -> bool {
    let Some(Ok(header)) = bytes.first_chunk().map(|head| Header::decode(*head)) else {
        return false;
    };
    let least = match header.kind {
        PacketType::REQUEST | PacketType::RESPONSE => 5,
        PacketType::CANCEL => 4,
        kind if kind.0 >= 128 => 0,
        _ => return false,
    };
    header.protocol == PROTOCOL && header.length >= least
}
