use bytes::Bytes;
use chirp_runtime::packet::{IncomingPacket, PacketType, Payload};
use chirp_runtime::session::{Fatal, LimitOwner, ReadState, Refused, Session};

use crate::room::tight;
use crate::script::limits;

/// Refusals are sent without room, to a side that need not read them; but not for ever.
#[test]
fn refusals_that_nobody_reads_end_the_session() {
    let limits = tight();
    let bound = limits.max_write_buffer + 2 * limits.max_payload + (8 << 20);
    let mut session = Session::new(limits);
    let call = session.call(&Bytes::from_static(b"m"), &mut Payload::default());
    assert!(call.is_ok(), "so that reading never pauses");
    session.drain();
    let request = IncomingPacket::Packet {
        kind: PacketType::REQUEST,
        payload: Bytes::from_static(b"\0\0\0\x01\x01m"),
    };
    for _ in 0..bound {
        assert!(session.unsent() <= bound + 100);
        assert_eq!(session.reading(), ReadState::Ready);
        match session.handle(request.clone()) {
            Ok(refused) => assert!(refused.is_none()),
            Err(fatal) => {
                assert!(matches!(fatal, Fatal::NotReading { unsent } if unsent > bound));
                return;
            }
        }
    }
    panic!("{} bytes are unsent", session.unsent());
}

/// A busy program may let go of all its calls at once, and its one-way calls ask after their turn
/// whenever there is room. Searching the queue for each of these took minutes.
#[test]
fn sixty_thousand_calls_that_wait_are_each_found_at_once() {
    let mut session = Session::new(tight());
    let method = Bytes::from_static(b"m");
    let mut call = |length: usize| {
        let call = session.call(&method, &mut vec![b'.'; length].into());
        call.expect("there are ids")
    };
    call(200);
    let waiting: Vec<_> = (0..60_000).map(|_| call(8)).collect();
    for call in waiting.iter().rev() {
        assert!(!session.is_queued(*call));
    }
    for call in waiting.iter().rev() {
        assert_eq!(session.cancel(*call), Ok(()));
    }
    assert_eq!(session.pending(), 1);
}

/// A packet's length has 32 bits, whatever limit was asked for.
#[test]
#[cfg(target_pointer_width = "64")]
fn over_what_a_packet_can_say() {
    let mut session = Session::new(limits(|limits| limits.max_payload = usize::MAX));
    // Zeroed memory that nothing touches is not there.
    let mut params = Payload::from(vec![0; 1 << 32]);
    let method = Bytes::from_static(b"m");
    assert_eq!(
        session.call(&method, &mut params),
        Err(Refused::TooLarge {
            limit: u32::MAX.into(),
            whose: LimitOwner::ThisSide
        })
    );
}
