use chirp_runtime::session::Limits;

use crate::script::{check, check_all, limits};

/// Room for little: 100 unsent bytes, 100 bytes of running calls, 3 running calls.
pub(crate) fn tight() -> Limits {
    limits(|limits| {
        limits.max_write_buffer = 100;
        limits.max_handler_bytes = 100;
        limits.max_concurrent_handlers = 3;
        limits.max_payload = 1000;
    })
}

const WAITS: &[(&str, &str)] = &[
    (
        "calls, in the order in which they were made",
        "call a m a*100
             call b m b
             call c m c*90
             call d m d
             = queued a true
             = queued b false
             = unsent 114
             take
             # There may be room on paper, but a batch that is being written takes it.
             = queued b false
             write
             = queued b true
             = queued c true
             = queued d false
             > Request 1 m a*100
             > Request 2 m b
             > Request 3 m c*90
             > Request 4 m d",
    ),
    (
        "a small call does not overtake a large one that waits",
        "call a m a*100
             call b m b*900
             call c m c
             > Request 1 m a*100
             > Request 2 m b*900
             > Request 3 m c",
    ),
    (
        "calls leave room for answers, and one that is larger than all of the buffer does too",
        "< Request 1 m -
             ! run a m -
             < Request 2 m -
             ! run b m -
             call x m x*900
             call y m y*900
             = queued y false
             respond a ok a
             respond b ok b*100
             # One for which there was room is overshot, and no more.
             < Request 3 m -
             ! run c m -
             respond c ok c
             finish a
             finish b
             finish c
             = queued y false
             > Request 1 m x*900
             > Response 1 ok a
             > Response 2 ok b*100
             > Response 3 ok c
             > Request 2 m y*900",
    ),
    (
        "answers, in the order in which they were given, and before calls",
        "< Request 1 m -
             ! run a m -
             < Request 2 m -
             ! run b m -
             < Request 3 m -
             ! run c m -
             respond b ok b*100
             call x m x
             respond a ok a
             respond c error c
             finish a
             finish b
             finish c
             = unsent 145
             call y m y
             > Response 2 ok b*100
             > Response 1 ok a
             > Response 3 error c
             > Request 1 m x
             > Request 2 m y",
    ),
    (
        "an answer that is parked has been given: it is not cancelled any more",
        "< Request 1 m -
             ! run a m -
             < Request 2 m -
             ! run b m -
             respond a ok a*100
             respond b ok b
             < Cancel 2
             finish a
             finish b
             = running 0
             > Response 1 ok a*100
             > Response 2 ok b",
    ),
    (
        "empty answers that are parked are bytes to be sent as well",
        "< Request 1 m -
             ! run a m -
             < Request 2 m -
             ! run b m -
             respond a ok x*87
             = unsent 100
             = reading Ready
             respond b ok -
             = unsent 113
             = reading Paused
             finish a
             finish b
             > Response 1 ok x*87
             > Response 2 ok -",
    ),
    (
        "what nobody waits for is sent at once: cancels, and what needs no handler",
        "< Request 1 m -
             ! run a m -
             call x m -
             > Request 1 m -
             call y m y*100
             cancel x
             < Request 2 chirp.x -
             < Cancel 1
             ! interrupt a
             finish a
             > Request 2 m y*100
             > Cancel 1
             > Response 2 unknown
             > Response 1 cancelled
             = pending 1",
    ),
];

#[test]
fn what_waits_for_room_leaves_in_its_turn() {
    check_all(&tight(), WAITS);
}

/// A mark of nothing at all still lets one packet after another through.
#[test]
fn there_is_room_for_one_packet_whatever_the_mark() {
    check(
        limits(|limits| limits.max_write_buffer = 0),
        "call a m a
         call b m b
         = queued a true
         = queued b false
         > Request 1 m a
         > Request 2 m b",
    );
}
