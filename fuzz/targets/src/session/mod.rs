//! One session, and another side that may send anything: packets of every type, well formed or not, in any pieces, while
//! writes are partial and reading pauses.
//!
//! Whatever comes, no step panics, memory stays within the limits, each request is answered at most once, each call of this
//! side ends at most once, all output is valid, and nothing is left when the channel has ended.

mod output;
mod peer_packet;
mod subject;

use arbitrary::{Arbitrary, Unstructured};
use chirp_runtime::session::{StreamKind, StreamSpec};

use peer_packet::PeerPacket;
use subject::Subject;

/// Runs the target.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(settings) = input.arbitrary::<Settings>() else {
        return;
    };
    let mut subject = Subject::new(settings);
    let mut steps = 0;
    while !input.is_empty() {
        let Ok(step) = input.arbitrary::<SessionStep<'_>>() else {
            break;
        };
        if subject.act(step).is_err() {
            break;
        }
        subject.check();
        steps += 1;
    }
    subject.end();
    crate::steps::note(steps);
}

/// Small limits, so that few steps reach them.
#[derive(Clone, Copy, Debug, Arbitrary)]
struct Settings {
    handlers: u8,
    handler_bytes: u16,
    write_buffer: u16,
    streams: u8,
    /// Whether both sides know each other's extensions from the start.
    greets: bool,
    compresses: bool,
}

/// A step of this side's program, of its transport, or of the other side.
#[derive(Debug, Arbitrary)]
enum SessionStep<'a> {
    /// The other side sends a packet.
    Packet(PeerPacket),
    /// The same, as it is more often than anything else.
    SamePacket(PeerPacket),
    /// The other side sends bytes.
    Bytes(&'a [u8]),
    /// Up to so many bytes are read, unless reading pauses.
    Read(u16),
    ReadAll,
    /// A pause of reading expires.
    StopPausing,
    Call(u8, Opens),
    OneWay(u8, Opens),
    SendPacket(u8),
    Cancel(u8),
    Respond(u8, u8, Opens),
    /// A handler ends.
    Finish(u8),
    /// All streams of a value are claimed, or half of them.
    Claim(u8, bool),
    SendItem(u8, u16, Opens),
    EndStream(u8, StreamAction),
    Consume(u8, u16),
    /// So many bytes of a batch are written.
    Write(u16),
    WriteAll,
    AskHello,
    Ping,
    Drain,
    Leave,
    RefuseRequests,
    GiveUp,
    Pressure(bool),
    Tick,
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum StreamAction {
    Begin,
    Finish,
    Fail,
    DropSender,
    DropReceiver,
}

/// The streams that a value opens: two bits for the number, and three for each.
#[derive(Clone, Copy, Debug, Arbitrary)]
struct Opens(u8);

impl Opens {
    /// The streams as this side sees them.
    fn specs(self) -> Vec<StreamSpec> {
        // Most values have none.
        let count = self.0 & 0b11;
        (0..count.saturating_sub(1))
            .map(|at| {
                let bits = self.0 >> (2 + 3 * at);
                let kind = [StreamKind::Free, StreamKind::Bound, StreamKind::Result]
                    [usize::from(bits >> 1 & 0b11) % 3];
                StreamSpec {
                    sends: bits & 1 == 1 && kind != StreamKind::Result,
                    kind,
                    codec: 0,
                }
            })
            .collect()
    }
}
