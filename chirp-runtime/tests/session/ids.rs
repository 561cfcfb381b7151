use std::fmt::Write;

use crate::script::{check, check_all, limits};

/// Makes calls one after the other, and checks the id of each.
fn one_after_another(calls: u64) -> String {
    let mut script = String::new();
    for at in 0..calls {
        // 20 bits of slot, always the first slot, and 12 bits of generation.
        let id = (at % 4096) << 20 | 1;
        writeln!(
            script,
            "call a m -
             > Request {id} m -
             < Response {id} ok -
             ! answered a ok -
             release a"
        )
        .expect("writing to a string");
    }
    script
}

const IDS: &[(&str, &str)] = &[
    (
        "CH-26: the first id is 1, and the next ids are used while it is pending",
        "call a m one
             call b m two
             call c m three
             > Request 1 m one
             > Request 2 m two
             > Request 3 m three
             < Response 2 ok deux
             ! answered b ok deux
             < Response 3 error trois
             ! answered c error trois
             < Response 1 unknown
             ! answered a unknown
             = pending 0",
    ),
    (
        "an id is reused after its caller has released it, and not before",
        "call a m -
             > Request 1 m -
             < Response 1 ok -
             ! answered a ok -
             call b m -
             > Request 2 m -
             release a
             call c m -
             # slot 1, generation 1
             > Request 1048577 m -",
    ),
    (
        "a second response to a call is discarded",
        "call a m -
             > Request 1 m -
             < Response 1 ok first
             ! answered a ok first
             < Response 1 ok second
             release a
             < Response 1 ok third
             call b m -
             > Request 1048577 m -
             < Response 1 ok fourth
             = pending 1
             < Response 1048577 ok fifth
             ! answered b ok fifth",
    ),
    (
        "a response to no call is discarded, whatever its id",
        "< Response 0 ok -
             < Response 1 ok -
             < Response 77 ok stray
             < Response 1048575 ok -
             < Response 1048576 ok -
             < Response 4294967295 ok -
             call a m -
             > Request 1 m -
             < Response 1048577 ok -
             < Response 1048576 ok -
             < Response 4293918721 ok -
             = pending 1",
    ),
    (
        "a response may come before its request has left, and the request still leaves",
        "call a m -
             < Response 1 ok guessed
             ! answered a ok guessed
             release a
             > Request 1 m -
             < Response 1 ok true",
    ),
    (
        "a response to a queued call is discarded",
        "call a m x*100
             call b m -
             = queued a true
             = queued b false
             < Response 2 ok guessed
             = pending 2
             > Request 1 m x*100
             > Request 2 m -",
    ),
    (
        "an id answered with code 2 is retired",
        "call a m -
             > Request 1 m -
             < Response 1 duplicate
             ! answered a duplicate
             release a
             call b m -
             > Request 2 m -
             < Response 2 ok -
             ! answered b ok -
             release b
             call c m -
             > Request 1048578 m -
             = abandoned 0",
    ),
    (
        "the id of a cancelled call answered with code 2 is retired",
        "call a m -
             > Request 1 m -
             cancel a
             > Cancel 1
             < Response 1 duplicate
             = abandoned 0
             call b m -
             > Request 2 m -",
    ),
];

#[test]
fn ids_and_their_responses() {
    check_all(&limits(|limits| limits.max_write_buffer = 60), IDS);
}

#[test]
fn an_id_comes_back_after_4096_uses_of_its_slot() {
    check(limits(|_| {}), &one_after_another(2 * 4096 + 3));
}

/// Each slot has its own generation.
#[test]
fn a_late_answer_from_4095_calls_ago_is_nobodys() {
    let mut script = one_after_another(4096);
    script.push_str(
        "call a m -
         > Request 1 m -
         < Response 4293918721 ok late
         = pending 1",
    );
    check(limits(|_| {}), &script);
}

/// A side that reports every id as duplicate uses up all ids.
#[test]
fn retired_ids_count_towards_unresponsive() {
    check(
        limits(|limits| limits.max_unanswered_cancels = 2),
        "call a m -
         > Request 1 m -
         < Response 1 duplicate
         ! answered a duplicate
         release a
         call b m -
         > Request 2 m -
         < Response 2 duplicate
         ! answered b duplicate
         release b
         call c m -
         > Request 3 m -
         < Response 3 duplicate
         ! fatal unresponsive 3",
    );
}
