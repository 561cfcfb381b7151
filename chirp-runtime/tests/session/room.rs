use chirp_runtime::session::Limits;

use crate::script::{check, check_all, limits};

/// Room for little: 100 unsent bytes, 100 bytes of running calls, 3 running calls.
pub(crate) fn tight() -> Limits {
    limits(|limits| {
        limits.unsent = 100;
        limits.running_bytes = 100;
        limits.running = 3;
        limits.payload = 1000;
    })
}

const PAUSES: &[(&str, &str)] = &[
    (
        "not while there is room",
        "= reading Go
             < Request 1 m x*94
             ! run a m x*94
             = reading Go
             respond a ok x*87
             = unsent 100
             = reading Go
             > Response 1 ok x*87
             finish a",
    ),
    (
        "over the mark of unsent bytes, until they are written",
        "< Request 1 m -
             ! run a m -
             respond a ok x*88
             finish a
             = unsent 101
             = reading Pause
             take
             = unsent 101
             = reading Pause
             write
             = reading Go
             > Response 1 ok x*88",
    ),
    (
        "over the mark of running bytes, until a handler has ended",
        "< Request 1 m x*95
             ! run a m x*95
             = reading Pause
             respond a ok -
             > Response 1 ok -
             = reading Pause
             finish a
             = reading Go",
    ),
    (
        "at the limit of running calls, but not for long",
        "< Request 1 m -
             ! run a m -
             < Request 2 m -
             ! run b m -
             = reading Go
             < Request 3 m -
             ! run c m -
             = reading PauseBriefly
             stop-pausing
             = reading Go
             < Request 4 m -
             > Response 4 busy
             # Once there is room, there is patience again.
             finish a
             = reading Go
             < Request 5 m -
             ! run d m -
             = reading PauseBriefly
             finish b
             finish c
             finish d",
    ),
    (
        "a pause that outlived its reason is not held against the next",
        "< Request 1 m -
             ! run a m -
             < Request 2 m -
             ! run b m -
             < Request 3 m -
             ! run c m -
             = reading PauseBriefly
             finish a
             stop-pausing
             < Request 4 m -
             ! run d m -
             = reading PauseBriefly
             finish b
             finish c
             finish d",
    ),
    (
        "over a mark the pause is a long one, also at the limit of running calls",
        "< Request 1 m x*95
             ! run a m x*95
             < Request 2 m -
             ! run b m -
             < Request 3 m -
             ! run c m -
             = reading Pause
             stop-pausing
             = reading Go
             < Request 4 m -
             > Response 4 busy
             finish a
             = reading Go
             finish b
             finish c",
    ),
    (
        "not while this side waits for an answer: then the next call is refused",
        "call x m -
             > Request 1 m -
             < Request 1 m x*95
             ! run a m x*95
             = reading Go
             < Request 2 m -
             > Response 2 busy
             < Response 1 ok -
             ! answered x ok -
             = reading Pause
             finish a",
    ),
    (
        "not while an answer is due to a call that was given up",
        "call x m -
             > Request 1 m -
             cancel x
             > Cancel 1
             < Request 1 m x*95
             ! run a m x*95
             = reading Go
             < Request 2 m -
             > Response 2 busy
             < Response 1 cancelled
             = reading Pause
             finish a",
    ),
    (
        "not while a request is to be sent: there is more in the buffer than answers",
        "< Request 1 m x*95
             ! run a m x*95
             = reading Pause
             call x m -
             = reading Go
             cancel x
             = reading Pause
             finish a",
    ),
    (
        "not while a call waits for room",
        "< Request 1 m -
             ! run a m -
             respond a ok x*88
             finish a
             = reading Pause
             call x m -
             = queued x false
             = reading Go
             cancel x
             = reading Pause
             > Response 1 ok x*88",
    ),
    (
        "nor at the limit of running calls, under any of these conditions",
        "call x m -
             > Request 1 m -
             < Request 1 m -
             ! run a m -
             < Request 2 m -
             ! run b m -
             < Request 3 m -
             ! run c m -
             = reading Go
             < Request 4 m -
             > Response 4 busy
             < Response 1 ok -
             ! answered x ok -
             = reading PauseBriefly
             finish a
             finish b
             finish c",
    ),
    (
        "an answer that the caller has not taken is an answer",
        "call x m -
             > Request 1 m -
             < Response 1 ok -
             ! answered x ok -
             < Request 1 m x*95
             ! run a m x*95
             = reading Pause
             finish a",
    ),
];

#[test]
fn when_reading_pauses() {
    check_all(&tight(), PAUSES);
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
             = reading Go
             respond b ok -
             = unsent 113
             = reading Pause
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
             < Request 2 m -
             < Cancel 1
             ! interrupt a
             finish a
             > Request 2 m y*100
             > Cancel 1
             > Response 2 busy
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
        limits(|limits| limits.unsent = 0),
        "call a m a
         call b m b
         = queued a true
         = queued b false
         > Request 1 m a
         > Request 2 m b",
    );
}
