use crate::room::tight;
use crate::script::check_all;

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
             = reading Pause
             stop-pausing
             = reading Pause
             > Response 4 ok answer:1
             > Response 5 ok answer:1
             > Response 6 ok answer:1
             = reading Go
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
        "over the mark of running bytes it does not: the cancels that end them have to get through",
        "< Request 1 wait x*95
             ! run a wait x*95
             = reading Pause
             stop-pausing
             = reading Go
             < Request 2 m -
             > Response 2 busy
             < Cancel 1
             ! interrupt a
             > Response 1 cancelled
             finish a
             # And there is patience again.
             < Request 1 wait x*95
             ! run b wait x*95
             = reading Pause
             finish b",
    ),
    (
        "not for long while this side waits for an answer: then the next call is refused",
        "call x m -
             > Request 1 m -
             < Request 1 m x*95
             ! run a m x*95
             = reading PauseBriefly
             stop-pausing
             = reading Go
             < Request 2 m -
             > Response 2 busy
             < Response 1 ok -
             ! answered x ok -
             # Until a handler has ended.
             = reading Go
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
             = reading PauseBriefly
             stop-pausing
             = reading Go
             < Request 2 m -
             > Response 2 busy
             < Response 1 cancelled
             # Until a handler has ended.
             = reading Go
             finish a",
    ),
    (
        "not for long while a request is to be sent: there is more in the buffer than answers",
        "< Request 1 m x*95
             ! run a m x*95
             = reading Pause
             call x m -
             = reading PauseBriefly
             cancel x
             = reading Pause
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
             = reading PauseBriefly
             take
             = reading PauseBriefly
             write
             > Cancel 1
             = reading Pause
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
             = reading PauseBriefly
             > Request 1 m -
             = reading Pause
             finish a",
    ),
    (
        "not while a call is to be sent beside the answers, which leave room for it",
        "< Request 1 m -
             ! run a m -
             respond a ok x*88
             finish a
             = reading Pause
             call x m -
             = queued x true
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
