use crate::script::check_all;
use crate::send_backlog::tight;

const PAUSES: &[(&str, &str)] = &[
    (
        "no pause while there is room",
        "= reading Ready
             < Request 1 m x*94
             ! run a m x*94
             = reading Ready
             respond a ok x*87
             = unsent 100
             = reading Ready
             > Response 1 ok x*87
             finish a",
    ),
    (
        "over the limit on unsent bytes, until they are written",
        "< Request 1 m -
             ! run a m -
             respond a ok x*88
             finish a
             = unsent 101
             = reading Paused
             take
             = unsent 101
             = reading Paused
             write
             = reading Ready
             > Response 1 ok x*88",
    ),
    (
        "over the limit on running bytes, until a handler has ended",
        "< Request 1 m x*95
             ! run a m x*95
             = reading Paused
             respond a ok -
             > Response 1 ok -
             = reading Paused
             finish a
             = reading Ready",
    ),
    (
        "at the limit on running calls, briefly",
        "< Request 1 m -
             ! run a m -
             < Request 2 m -
             ! run b m -
             = reading Ready
             < Request 3 m -
             ! run c m -
             = reading PausedBriefly
             stop-pausing
             = reading Ready
             < Request 4 m -
             > Response 4 busy
             # Once there is room, the next pause is a full one.
             finish a
             = reading Ready
             < Request 5 m -
             ! run d m -
             = reading PausedBriefly
             finish b
             finish c
             finish d",
    ),
    (
        "an expired pause does not shorten the next one",
        "< Request 1 m -
             ! run a m -
             < Request 2 m -
             ! run b m -
             < Request 3 m -
             ! run c m -
             = reading PausedBriefly
             finish a
             stop-pausing
             < Request 4 m -
             ! run d m -
             = reading PausedBriefly
             finish b
             finish c
             finish d",
    ),
    (
        "over the limit on unsent bytes the pause is not brief, even at the limit on running calls",
        "< Request 1 m -
             ! run a m -
             < Request 2 m -
             ! run b m -
             < Request 3 m -
             ! run c m -
             < Request 4 chirp.hello ask:1
             ! hello
             < Request 5 chirp.hello ask:1
             < Request 6 chirp.hello ask:1
             = reading Paused
             stop-pausing
             = reading Paused
             > Response 4 ok answer:1
             > Response 5 ok answer:1
             > Response 6 ok answer:1
             = reading Ready
             finish a
             finish b
             finish c",
    ),
    (
        "over a limit on bytes the pause is not brief, even at the limit on running calls",
        "< Request 1 m x*95
             ! run a m x*95
             < Request 2 m -
             ! run b m -
             < Request 3 m -
             ! run c m -
             = reading Paused
             stop-pausing
             = reading Ready
             < Request 4 m -
             > Response 4 busy
             finish a
             = reading Ready
             finish b
             finish c",
    ),
    (
        "over the limit on running bytes the pause expires, so that cancels get through",
        "< Request 1 wait x*95
             ! run a wait x*95
             = reading Paused
             stop-pausing
             = reading Ready
             < Request 2 m -
             > Response 2 busy
             < Cancel 1
             ! interrupt a
             > Response 1 cancelled
             finish a
             # The next pause is a full one.
             < Request 1 wait x*95
             ! run b wait x*95
             = reading Paused
             finish b",
    ),
    (
        "only briefly while this side waits for a response; then the next call is refused",
        "call x m -
             > Request 1 m -
             < Request 1 m x*95
             ! run a m x*95
             = reading PausedBriefly
             stop-pausing
             = reading Ready
             < Request 2 m -
             > Response 2 busy
             < Response 1 ok -
             ! answered x ok -
             # Until a handler has ended.
             = reading Ready
             finish a",
    ),
    (
        "only briefly while a cancelled call has no response",
        "call x m -
             > Request 1 m -
             cancel x
             > Cancel 1
             < Request 1 m x*95
             ! run a m x*95
             = reading PausedBriefly
             stop-pausing
             = reading Ready
             < Request 2 m -
             > Response 2 busy
             < Response 1 cancelled
             # Until a handler has ended.
             = reading Ready
             finish a",
    ),
    (
        "only briefly while a request is unsent, since the buffer has more than responses",
        "< Request 1 m x*95
             ! run a m x*95
             = reading Paused
             call x m -
             = reading PausedBriefly
             cancel x
             = reading Paused
             finish a",
    ),
    (
        "only briefly while a Cancel is unsent, even if its call has been answered",
        "call x m -
             > Request 1 m -
             cancel x
             < Response 1 ok crossed
             = abandoned 0
             < Request 1 m x*95
             ! run a m x*95
             = reading PausedBriefly
             take
             = reading PausedBriefly
             write
             > Cancel 1
             = reading Paused
             finish a",
    ),
    (
        "only briefly while a request is unsent that has been answered already",
        "call x m -
             < Response 1 ok guessed
             ! answered x ok guessed
             release x
             < Request 1 m x*95
             ! run a m x*95
             = reading PausedBriefly
             > Request 1 m -
             = reading Paused
             finish a",
    ),
    (
        "not while a call is to be sent beside the answers, which leave room for it",
        "< Request 1 m -
             ! run a m -
             respond a ok x*88
             finish a
             = reading Paused
             call x m -
             = queued x true
             = reading Ready
             cancel x
             = reading Paused
             > Response 1 ok x*88",
    ),
    (
        "no long pause at the limit on running calls under any of these conditions",
        "call x m -
             > Request 1 m -
             < Request 1 m -
             ! run a m -
             < Request 2 m -
             ! run b m -
             < Request 3 m -
             ! run c m -
             = reading Ready
             < Request 4 m -
             > Response 4 busy
             < Response 1 ok -
             ! answered x ok -
             = reading PausedBriefly
             finish a
             finish b
             finish c",
    ),
    (
        "a response that has not been released does not prevent a pause",
        "call x m -
             > Request 1 m -
             < Response 1 ok -
             ! answered x ok -
             < Request 1 m x*95
             ! run a m x*95
             = reading Paused
             finish a",
    ),
];

#[test]
fn when_reading_pauses() {
    check_all(&tight(), PAUSES);
}
