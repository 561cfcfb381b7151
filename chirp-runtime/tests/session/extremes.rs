use bytes::Bytes;
use chirp_runtime::packet::{Incoming, PacketType, Payload};
use chirp_runtime::session::{Fatal, Reading, Refused, Session};

use crate::room::tight;
use crate::script::limits;

/// A packet's length has 32 bits, whatever limit was asked for.
#[test]
#[cfg(target_pointer_width = "64")]
fn over_what_a_packet_can_say() {
    let mut session = Session::new(limits(|limits| limits.payload = usize::MAX));
    // Zeroed memory that nothing touches is not there.
    let mut params = Payload::from(vec![0; 1 << 32]);
    let method = Bytes::from_static(b"m");
    assert_eq!(
        session.call(&method, &mut params),
        Err(Refused::TooLarge {
            limit: u32::MAX.into(),
            whose: "our"
        })
    );
}
