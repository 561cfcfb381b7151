use bytes::Bytes;
use chirp_runtime::packet::{IncomingPacket, PacketType, Payload};
use chirp_runtime::session::{Fatal, LimitOwner, ReadState, Refused, Session};

use crate::script::limits;
use crate::send_backlog::tight;

/// Refusals are sent without checking for room, even where reading may not pause, but only up to a limit.
#[test]
fn unread_refusals_end_the_session() {
    let limits = tight();
    let bound = limits.max_write_buffer + 2 * limits.max_payload + (8 << 20);
    let mut session = Session::new(limits);
    let call = session.call(&Bytes::from_static(b"m"), &mut Payload::default());
    assert!(call.is_ok(), "so that reading never pauses");
    session.drain(None);
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

/// A program may cancel all its calls at once, and look up its one-way calls whenever there is room. When
/// each lookup searched the queue, this took minutes.
#[test]
fn each_of_sixty_thousand_queued_calls_is_found_at_once() {
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

/// The length field of a packet has 32 bits, whatever the limit is set to.
#[test]
#[cfg(target_pointer_width = "64")]
fn payloads_over_32_bits_of_length_are_refused() {
    let mut session = Session::new(limits(|limits| limits.max_payload = usize::MAX));
    // Zeroed memory takes no space until it is written.
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
