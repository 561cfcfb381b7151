use crate::script::{check_all, limits};

const HELLOS: &[(&str, &str)] = &[
    (
        "it answers the question",
        "= hello Unknown
             ask 5
             = hello Asked
             > Request 1 chirp.hello ask:5
             < Response 1 ok answer:5
             ! hello
             = hello limit:1000000
             = pending 0
             # It is asked once.
             ask 6
             > nothing",
    ),
    (
        "it echoes whatever it is asked",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Response 1 ok ask:5
             ! hello
             = hello Known(None)
             ask 6
             > nothing",
    ),
    (
        "it answers everything with the same",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Response 1 ok constant
             ! hello
             = hello Known(None)",
    ),
    (
        "it answers with nothing",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Response 1 ok -
             ! hello
             = hello Known(None)",
    ),
    (
        "it answers with what another was once answered",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Response 1 ok answer:4
             ! hello
             = hello Known(None)",
    ),
    (
        "it has no such method",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Response 1 unknown
             ! hello
             = hello Known(None)",
    ),
    (
        "it fails, with what would be an answer",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Response 1 error answer
             ! hello
             = hello Known(None)",
    ),
    (
        "it answers with more than this side takes",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Response 1 ok x*2000
             ! hello
             = hello Known(None)",
    ),
    (
        "it does not answer in time: the question is taken back as any call is",
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
        "giving up when nothing was asked, or everything is known, changes nothing",
        "give-up-hello
             = hello Unknown
             < Request 3 chirp.hello ask:5
             ! hello
             > Response 3 ok answer:5
             give-up-hello
             = hello limit:1000000",
    ),
    (
        "it asks, and so declares itself; it need not be asked then",
        "< Request 3 chirp.hello ask:77
             ! hello
             = hello limit:1000000
             = running 0
             > Response 3 ok answer:77
             ask 6
             > nothing",
    ),
    (
        "it asks while it is being asked: what it says first counts",
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
        "it asks twice: it is answered twice, and what it said first counts",
        "< Request 3 chirp.hello ask:1:500
             ! hello
             < Request 3 chirp.hello ask:2:600
             > Response 3 ok answer:1
             > Response 3 ok answer:2
             = hello limit:500",
    ),
    (
        "it said that it has none, in an answer, and now asks",
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
        "it asks wrongly",
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
        "other names of the framework are unknown, and never reach a handler",
        "< Request 3 chirp.hello2 -
             > Response 3 unknown
             < Request 4 chirp. -
             > Response 4 unknown
             < Request 5 chirp -
             ! run a chirp -
             finish a",
    ),
    (
        "it is never busy, nor while this side is shutting down",
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
        "the question is a call: it takes its turn, and counts as one",
        "call a m -
             ask 5
             = pending 2
             > Request 1 m -
             > Request 2 chirp.hello ask:5",
    ),
    (
        "there are too many calls to ask",
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
fn what_is_known_of_the_other_sides_extensions() {
    let limits = limits(|limits| {
        limits.max_payload = 1500;
        limits.max_concurrent_handlers = 1;
        limits.max_pending_calls = 2;
    });
    check_all(&limits, HELLOS);
}
