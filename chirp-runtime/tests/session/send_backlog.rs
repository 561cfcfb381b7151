use chirp_runtime::session::Limits;

use crate::script::{check, check_all, limits};

/// Tight limits: 100 unsent bytes, 100 bytes of running calls, 3 running calls.
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
        "calls leave in the order in which they were made",
        "call a m a*100
             call b m b
             call c m c*90
             call d m d
             = queued a true
             = queued b false
             = unsent 114
             take
             # There is room in the buffer, but the batch being written takes it.
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
        "a small call does not overtake a queued large one",
        "call a m a*100
             call b m b*900
             call c m c
             > Request 1 m a*100
             > Request 2 m b*900
             > Request 3 m c",
    ),
    (
        "calls leave room for responses, even one that is larger than the whole buffer",
        "< Request 1 m -
             ! run a m -
             < Request 2 m -
             ! run b m -
             call x m x*900
             call y m y*900
             = queued y false
             respond a ok a
             respond b ok b*100
             # A call that found room may exceed the limit, and only that one.
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
        "while much is to be answered, calls have no more of the buffer than answers do",
        "< Request 1 m a*30
             ! run a m a*30
             respond a ok a*30
             call v m v
             call w m w
             = queued w true
             > Response 1 ok a*30
             > Request 1 m v
             > Request 2 m w
             call x m x
             = queued x true
             call y m y
             = queued y false
             > Request 3 m x
             > Request 4 m y
             finish a",
    ),
    (
        "answers, in the order in which they were given, and before calls that have had their quarter",
        "< Request 1 m -
             ! run a m -
             < Request 2 m -
             ! run b m -
             < Request 3 m -
             ! run c m -
             respond b ok b*100
             # Answers do not take it from them.
             call x m x*50
             = queued x true
             call y m y
             = queued y false
             respond a ok a
             respond c error c
             finish a
             finish b
             finish c
             = unsent 209
             > Response 2 ok b*100
             > Request 1 m x*50
             > Response 1 ok a
             > Response 3 error c
             > Request 2 m y",
    ),
    (
        "a call with a queued response cannot be cancelled any more",
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
        "queued empty responses count as unsent bytes",
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
        "cancels and the session's own responses are sent at once",
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
fn queued_packets_leave_in_order() {
    check_all(&tight(), WAITS);
}

/// A limit of 0 lets one packet through at a time.
#[test]
fn there_is_room_for_one_packet_whatever_the_limit() {
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
