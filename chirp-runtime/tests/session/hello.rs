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
        "a name that only begins so is a method like any other",
        "< Request 3 chirp.hello2 -
             ! run a chirp.hello2 -
             finish a
             < Request 4 chirp.hell -
             ! run b chirp.hell -
             finish b",
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
        limits.payload = 1500;
        limits.running = 1;
        limits.pending = 2;
    });
    check_all(&limits, HELLOS);
}
