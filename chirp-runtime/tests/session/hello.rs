use crate::script::{check, check_all, limits};

const HELLOS: &[(&str, &str)] = &[
    (
        "the other side answers the question",
        "= hello Unknown
             ask 5
             = hello Asked
             > Request 1 chirp.hello ask:5
             < Response 1 ok answer:5
             ! hello
             = hello limit:1000000
             = pending 0
             # The question is asked once.
             ask 6
             > nothing",
    ),
    (
        "the other side echoes the question",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Response 1 ok ask:5
             ! hello
             = hello Known(None)
             ask 6
             > nothing",
    ),
    (
        "the other side sends the same answer to every call",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Response 1 ok constant
             ! hello
             = hello Known(None)",
    ),
    (
        "the other side answers with no data",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Response 1 ok -
             ! hello
             = hello Known(None)",
    ),
    (
        "the other side replays the answer to another question",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Response 1 ok answer:4
             ! hello
             = hello Known(None)",
    ),
    (
        "the other side does not know the method",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Response 1 unknown
             ! hello
             = hello Known(None)",
    ),
    (
        "the other side fails the call, with the data of an answer",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Response 1 error answer
             ! hello
             = hello Known(None)",
    ),
    (
        "the answer exceeds the payload limit",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Response 1 ok x*2000
             ! hello
             = hello Known(None)",
    ),
    (
        "the answer takes too long: the question is cancelled like any call",
        "ask 5
             > Request 1 chirp.hello ask:5
             give-up-hello
             = hello Known(None)
             = pending 0
             = abandoned 1
             > Cancel 1
             < Response 1 ok answer:5
             = hello Known(None)
             = abandoned 0",
    ),
    (
        "giving up has no effect if nothing was asked or everything is known",
        "give-up-hello
             = hello Unknown
             < Request 3 chirp.hello ask:5
             ! hello
             > Response 3 ok answer:5
             give-up-hello
             = hello limit:1000000",
    ),
    (
        "the other side asks, which declares its extensions, and is not asked",
        "< Request 3 chirp.hello ask:77
             ! hello
             = hello limit:1000000
             = running 0
             > Response 3 ok answer:77
             ask 6
             > nothing",
    ),
    (
        "the other side asks while it is being asked: its first declaration counts",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Request 3 chirp.hello ask:77:500
             ! hello
             > Response 3 ok answer:77
             = hello limit:500
             < Response 1 ok answer:5:600
             ! hello
             = hello limit:500
             = pending 0",
    ),
    (
        "the other side asks twice: both are answered, and its first declaration counts",
        "< Request 3 chirp.hello ask:1:500
             ! hello
             < Request 3 chirp.hello ask:2:600
             > Response 3 ok answer:1
             > Response 3 ok answer:2
             = hello limit:500",
    ),
    (
        "the other side answered that it has no extensions, and now asks",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Response 1 unknown
             ! hello
             < Request 3 chirp.hello ask:77
             ! hello
             > Response 3 ok answer:77
             = hello limit:1000000",
    ),
    (
        "the other side sends an invalid question",
        "< Request 3 chirp.hello -
             < Request 4 chirp.hello what
             < Request 5 chirp.hello answer:5
             > Response 3 bad-arguments
             > Response 4 bad-arguments
             > Response 5 bad-arguments
             = hello Unknown
             = running 0",
    ),
    (
        "other reserved names are unknown, and never reach a handler",
        "< Request 3 chirp.hello2 -
             > Response 3 unknown
             < Request 4 chirp. -
             > Response 4 unknown
             < Request 5 chirp -
             ! run a chirp -
             finish a",
    ),
    (
        "questions are answered while this side is busy or shutting down",
        "< Request 1 m -
             ! run a m -
             < Request 2 m -
             > Response 2 busy
             < Request 3 chirp.hello ask:1
             ! hello
             > Response 3 ok answer:1
             drain
             < Request 4 m -
             > Response 4 shutting-down
             < Request 5 chirp.hello ask:2
             > Response 5 ok answer:2
             finish a",
    ),
    (
        "the question takes no place of a call",
        "call a m -
             ask 5
             = pending 1
             call b m -
             = pending 2
             call c m -
             ! refused too-many-pending 2
             > Request 1 m -
             > Request 2 chirp.hello ask:5
             > Request 3 m -",
    ),
    (
        "too many calls are pending to ask",
        "call a m -
             call b m -
             ask 5
             ! refused too-many-pending 2
             = hello Unknown
             > Request 1 m -
             > Request 2 m -",
    ),
];

#[test]
fn negotiation_of_extensions() {
    let limits = limits(|limits| {
        limits.max_payload = 1500;
        limits.max_concurrent_handlers = 1;
        limits.max_pending_calls = 2;
    });
    check_all(&limits, HELLOS);
}

/// Found by the fuzz target `session`: the question still counted as pending when its id was released, so that the number of
/// other calls was one less than none.
#[test]
fn the_answer_to_the_question_sends_a_call_that_waits_for_room() {
    let narrow = limits(|limits| {
        limits.max_write_buffer = 400;
        limits.max_handler_bytes = 4;
    });
    check(
        narrow,
        "< Request 1 m xxxxxxxx
         ! run a m xxxxxxxx
         ask 5
         notify x m -
         = waiting 1
         finish a
         < Response 1 ok answer:5
         ! hello
         = waiting 0
         > Request 1 chirp.hello ask:5
         > Request 1048577 m -",
    );
}
