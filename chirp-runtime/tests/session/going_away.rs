//! GOING AWAY: the end of a connection without loss (PROTOCOL.md, section 10.10).

use chirp_runtime::session::{Negotiation, SessionConfig};

use crate::script::{check, check_all, limits};

const LEAVING: &[(&str, &str)] = &[
    (
        "this side shuts down: requests are accepted until the other side agrees, and the channel is closed when all is done",
        "< Request 9 chirp.hello ask:1:1000000:leaves
             ! hello
             > Response 9 ok answer:1
             < Request 1 m -
             ! run a m -
             drain 5000
             > GoingAway 5000
             = may-close false
             < Request 2 m -
             ! run b m -
             respond a ok -
             finish a
             > Response 1 ok -
             = may-close false
             < GoingAway 5000
             ! GoingAway 5000
             leave
             > nothing
             = may-close false
             respond b ok -
             finish b
             = may-close true
             > Response 2 ok -
             # The other side's handlers may call until they have answered; this side has called none.
             < Request 3 m -
             ! run c m -
             = may-close false
             respond c ok -
             finish c
             > Response 3 ok -
             = may-close true",
    ),
    (
        "the other side shuts down: this side agrees behind the calls that it has made, and makes no more",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Response 1 ok answer:5:1000000:leaves
             ! hello
             call a m -
             < GoingAway unlimited why
             ! GoingAway unlimited why
             = may-leave true
             call b m -
             leave
             = may-leave false
             > Request 1048577 m -
             > Request 2 m -
             > GoingAway unlimited
             call c m -
             ! refused going-away
             notify c m -
             ! refused going-away
             packet x
             ! refused going-away
             = may-call false
             < Response 1048577 ok -
             ! answered a ok -
             = may-close false
             < Response 2 ok -
             ! answered b ok -
             = may-close true",
    ),
    (
        "handlers of either side call until they have answered",
        "< Request 9 chirp.hello ask:1:1000000:leaves
             ! hello
             > Response 9 ok answer:1
             < Request 1 m -
             ! run a m -
             < GoingAway 1
             ! GoingAway 1
             leave
             > GoingAway 1
             = may-call true
             call x m -
             > Request 1 m -
             respond a ok -
             = may-call false
             call y m -
             ! refused going-away
             finish a
             > Response 1 ok -
             = may-close false
             < Response 1 ok -
             ! answered x ok -
             = may-close true",
    ),
    (
        "both sides shut down at once: neither says it twice",
        "< Request 9 chirp.hello ask:1:1000000:leaves
             ! hello
             > Response 9 ok answer:1
             drain
             > GoingAway unlimited
             < GoingAway 7
             ! GoingAway 7
             leave
             > nothing
             = may-close true
             < GoingAway 7
             < GoingAway 8 again
             > nothing",
    ),
    (
        "a side that does not accept it is refused requests instead",
        "< Request 9 chirp.hello ask:1
             ! hello
             > Response 9 ok answer:1
             drain
             > nothing
             < Request 1 m -
             > Response 1 shutting-down
             = may-close true
             call a m -
             > Request 1 m -
             = may-close true
             < Response 1 ok -
             ! answered a ok -",
    ),
    (
        "requests are refused until the other side's extensions are known",
        "drain 9
             > nothing
             < Request 1 m -
             > Response 1 shutting-down
             < Request 9 chirp.hello ask:1:1000000:leaves
             ! hello
             = may-leave true
             leave
             > Response 9 ok answer:1
             > GoingAway 9
             < Request 2 m -
             ! run a m -
             = may-close false
             finish a
             < GoingAway 9
             ! GoingAway 9
             = may-close true",
    ),
    (
        "a side that never agrees is given up",
        "< Request 9 chirp.hello ask:1:1000000:leaves
             ! hello
             > Response 9 ok answer:1
             drain
             > GoingAway unlimited
             = may-close false
             give-up-going-away
             = may-close true
             < Request 1 m -
             > Response 1 shutting-down",
    ),
    (
        "a side that serves nothing and waits for nothing refuses requests without a word",
        "< Request 9 chirp.hello ask:1:1000000:leaves
             ! hello
             > Response 9 ok answer:1
             refuse-requests
             > nothing
             = may-close true
             < Request 1 m -
             > Response 1 shutting-down",
    ),
    (
        "a one-way call counts until it has been answered",
        "< Request 9 chirp.hello ask:1:1000000:leaves
             ! hello
             > Response 9 ok answer:1
             notify x m -
             < GoingAway 1
             ! GoingAway 1
             leave
             > Request 1 m -
             > GoingAway 1
             = may-close false
             < Response 1 ok -
             ! answered 1 ok -
             = may-close true",
    ),
    (
        "hello and keep-alive are answered, and sent, by a side that goes away",
        "< Request 9 chirp.hello ask:1:1000000:leaves
             ! hello
             > Response 9 ok answer:1
             < GoingAway 1
             ! GoingAway 1
             leave
             > GoingAway 1
             ping 3
             > Request 1 chirp.hello ask:3
             < Response 1 ok answer:3
             < Request 9 chirp.hello ask:2:1000000:leaves
             > Response 9 ok answer:2",
    ),
    (
        "malformed packets are fatal",
        "< Request 9 chirp.hello ask:1:1000000:leaves
             ! hello
             > Response 9 ok answer:1
             < GoingAway raw abc
             ! fatal invalid GoingAway packet: the grace is truncated (needs 4 bytes, has 3)",
    ),
    (
        "a side that has not declared it gets no such packet: it is discarded",
        "< GoingAway 5
             > nothing
             = may-call true
             = may-leave false",
    ),
];

#[test]
fn a_side_leaves_without_losing_a_call() {
    let limits = limits(|_| {});
    check_all(&limits, LEAVING);
}

/// Calls that wait for room leave before the answers of the handlers that made them: the other side may close the channel
/// when it has all answers.
#[test]
fn answers_wait_for_the_calls_of_their_handlers() {
    let narrow = limits(|limits| limits.max_write_buffer = 4);
    check(
        narrow,
        "< Request 9 chirp.hello ask:1:1000000:leaves
         ! hello
         > Response 9 ok answer:1
         < Request 1 m -
         ! run a m -
         < GoingAway 1
         ! GoingAway 1
         leave
         call x m -
         notify y m -
         = waiting 1
         respond a ok -
         finish a
         > GoingAway 1
         > Request 1 m -
         > Request 2 m -
         > Response 1 ok -
         = waiting 0
         < Response 1 ok -
         ! answered x ok -",
    );
    // So does the answer to a cancel.
    let narrow = limits(|limits| limits.max_write_buffer = 4);
    check(
        narrow,
        "< Request 9 chirp.hello ask:1:1000000:leaves
         ! hello
         > Response 9 ok answer:1
         < Request 1 m -
         ! run a m -
         < GoingAway 1
         ! GoingAway 1
         leave
         notify y m -
         < Cancel 1
         ! interrupt a
         = may-call false
         > GoingAway 1
         > Request 1 m -
         > Response 1 cancelled",
    );
    // One-way calls do not wait for ids then, since both sides might wait for each other.
    let few = limits(|limits| limits.max_pending_calls = 1);
    check(
        few,
        "< Request 9 chirp.hello ask:1:1000000:leaves
         ! hello
         > Response 9 ok answer:1
         notify x m -
         notify y m -
         = waiting 1
         < GoingAway 1
         ! GoingAway 1
         leave
         > Request 1 m -
         > Request 2 m -
         > GoingAway 1",
    );
}

/// Found by the fuzz target `two_sessions`: with nothing left to write, nothing moved the calls that had waited for ids, and
/// the answers behind them, so that both sides waited for each other.
#[test]
fn one_way_calls_that_wait_for_ids_leave_with_the_side_although_nothing_is_unwritten() {
    let few = limits(|limits| limits.max_pending_calls = 1);
    check(
        few,
        "< Request 9 chirp.hello ask:1:1000000:leaves
         ! hello
         > Response 9 ok answer:1
         notify x m -
         notify y m -
         > Request 1 m -
         = waiting 1
         < GoingAway 1
         ! GoingAway 1
         leave
         > Request 2 m -
         > GoingAway 1",
    );
}

/// A side that declares no extensions shuts down as a plain v0 peer does.
#[test]
fn a_side_without_extensions_refuses_requests() {
    let config = SessionConfig {
        negotiation: Negotiation::Disabled,
        ..SessionConfig::default()
    };
    check(
        config,
        "< Request 9 chirp.hello ask:1:1000000:leaves
         ! hello
         > Response 9 ok answer:1
         drain
         > nothing
         < GoingAway 5
         > nothing
         < Request 1 m -
         > Response 1 shutting-down",
    );
}
