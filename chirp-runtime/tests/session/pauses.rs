use crate::room::tight;
use crate::script::check_all;

const PAUSES: &[(&str, &str)] = &[
    (
        "not while there is room",
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
        "over the mark of unsent bytes, until they are written",
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
        "over the mark of running bytes, until a handler has ended",
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
        "at the limit of running calls, but not for long",
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
             # Once there is room, there is patience again.
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
        "a pause that outlived its reason is not held against the next",
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
        "over the mark of unsent bytes the pause lasts, also at the limit of running calls",
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
        "over a mark the pause is a long one, also at the limit of running calls",
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
        "over the mark of running bytes it does not: the cancels that end them have to get through",
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
             # And there is patience again.
             < Request 1 wait x*95
             ! run b wait x*95
             = reading Paused
             finish b",
    ),
    (
        "not for long while this side waits for an answer: then the next call is refused",
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
        "not for long while an answer is due to a call that was given up",
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
        "not for long while a request is to be sent: there is more in the buffer than answers",
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
        "not for long while a cancel is to be sent, although its call has been answered",
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
        "not for long while a request is to be sent that has been answered before it left",
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
        "not while a call waits for room",
        "< Request 1 m -
             ! run a m -
             respond a ok x*88
             finish a
             = reading Paused
             call x m -
             = queued x false
             = reading Ready
             cancel x
             = reading Paused
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
        "an answer that the caller has not taken is an answer",
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
