use crate::script::{check_all, limits};

/// Everything here has a payload limit of 100 bytes: a request of one-letter name has room for 94, an
/// answer for 95.
const TOO_LARGE: &[(&str, &str)] = &[
    (
        "a call of this side's, which takes no id",
        "call a m x*95
             ! refused too-large 100 our
             call b m x*94
             > Request 1 m x*94",
    ),
    (
        "a result of this side's",
        "< Request 1 m -
             ! run a m -
             < Request 2 m -
             ! run b m -
             respond a ok x*96
             respond b ok x*95
             > Response 1 bad-result
             > Response 2 ok x*95
             finish a
             finish b",
    ),
    (
        "a call of the other side's: it is skipped, and the connection goes on",
        "< Request 1 m x*95
             > Response 1 too-large 100
             = running 0
             < Request 1 m x*94
             ! run r m x*94
             < Request 2 m x*1000000
             > Response 2 too-large 100
             finish r",
    ),
    (
        "a call of the other side's with an id that is pending",
        "< Request 1 m -
             ! run r m -
             < Request 1 m x*1000
             ! interrupt r
             > Response 1 duplicate
             > Response 1 duplicate
             finish r",
    ),
    (
        "an answer of the other side's: its call fails alone",
        "call a m -
             call b m -
             > Request 1 m -
             > Request 2 m -
             < Response 1 ok x*96
             ! answered a over 100
             < Response 2 ok x*95
             ! answered b ok x*95
             release a
             call c m -
             > Request 1048577 m -",
    ),
    (
        "an answer to a call that was cancelled, and one to none",
        "call a m -
             > Request 1 m -
             cancel a
             > Cancel 1
             < Response 1 ok x*1000
             = abandoned 0
             < Response 1 ok x*1000
             < Response 9 ok x*1000
             > nothing",
    ),
    (
        "over what the other side has said that it takes",
        "< Request 1 chirp.hello ask:5:50
             ! hello
             > Response 1 ok answer:5
             call a m x*45
             ! refused too-large 50 the other side's
             call b m x*44
             > Request 1 m x*44
             < Request 2 m -
             ! run r m -
             respond r ok x*46
             > Response 2 bad-result
             finish r",
    ),
    (
        "the other side takes more than this side sends",
        "< Request 1 chirp.hello ask:5
             ! hello
             > Response 1 ok answer:5
             call a m x*95
             ! refused too-large 100 our",
    ),
];

#[test]
fn over_the_payload_limit() {
    check_all(&limits(|limits| limits.max_payload = 100), TOO_LARGE);
}
