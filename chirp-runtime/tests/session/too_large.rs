use crate::script::{check_all, limits};

/// All scripts have a payload limit of 100 bytes. A request with a one-letter name has room for 94 bytes of
/// parameters, a response for 95 bytes of data.
const TOO_LARGE: &[(&str, &str)] = &[
    (
        "a call of this side, which uses no id",
        "call a m x*95
             ! refused too-large 100 our
             call b m x*94
             > Request 1 m x*94",
    ),
    (
        "a result of this side",
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
        "a call of the other side is skipped, and the connection continues",
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
        "a call of the other side with an id that is pending",
        "< Request 1 m -
             ! run r m -
             < Request 1 m x*1000
             ! interrupt r
             > Response 1 duplicate
             > Response 1 duplicate
             finish r",
    ),
    (
        "a response of the other side fails only its call",
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
        "a response to a cancelled call, and one to no call",
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
        "over the limit that the other side has declared",
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
        "the other side accepts more than this side sends",
        "< Request 1 chirp.hello ask:5
             ! hello
             > Response 1 ok answer:5
             call a m x*95
             ! refused too-large 100 our",
    ),
];

#[test]
fn packets_over_the_payload_limit() {
    check_all(&limits(|limits| limits.max_payload = 100), TOO_LARGE);
}
