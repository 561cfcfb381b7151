use crate::script::{check, check_all, limits};

const CANCELS: &[(&str, &str)] = &[
    (
        "before the request has left: nothing is sent",
        "call a m -
             = unsent 14
             cancel a
             = pending 0
             = abandoned 0
             = unsent 0
             > nothing
             # The id was never sent. A response with a guessed id has no effect.
             < Response 1 ok -",
    ),
    (
        "some of several requests, small and large: the others stay intact",
        "< Request 9 m -
             ! run r m -
             call a m a
             call b m b*9000
             call c m c
             call d m d*9000
             call e m -
             respond r ok r*9000
             call f m f*9000
             cancel b
             cancel d
             cancel e
             = pending 3
             = unsent 18057
             > Request 1 m a
             > Request 3 m c
             > Response 9 ok r*9000
             > Request 6 m f*9000
             finish r",
    ),
    (
        "the first and the last request",
        "call a m a*9000
             call b m b
             call c m c*9000
             cancel a
             cancel c
             > Request 2 m b",
    ),
    (
        "all requests, in the order in which they were made",
        "call a m a
             call b m b*9000
             call c m c
             cancel a
             cancel b
             cancel c
             = unsent 0
             > nothing
             call d m d
             > Request 1048579 m d",
    ),
    (
        "after the request has left: a Cancel is sent, and the id is out of use until the response",
        "call a m -
             > Request 1 m -
             cancel a
             = pending 0
             = abandoned 1
             > Cancel 1
             call b m -
             > Request 2 m -
             < Response 1 cancelled
             = abandoned 0
             call c m -
             > Request 1048577 m -",
    ),
    (
        "CH-30: a response that crosses the cancel is ignored",
        "call a m -
             > Request 1 m -
             cancel a
             < Response 1 ok crossed
             = abandoned 0
             > Cancel 1
             # The response to the Cancel itself is discarded.
             < Response 1 cancelled",
    ),
    (
        "while the batch is being written: the request cannot be removed any more",
        "call a m a*9000
             take
             call b m b
             cancel a
             cancel b
             write
             > Request 1 m a*9000
             > Cancel 1
             = abandoned 1",
    ),
    (
        "after the response: no effect",
        "call a m -
             > Request 1 m -
             < Response 1 ok -
             ! answered a ok -
             cancel a
             > nothing
             = abandoned 0
             call b m -
             > Request 1048577 m -",
    ),
    (
        "twice, followed by a release: the id stays out of use",
        "call a m -
             > Request 1 m -
             cancel a
             cancel a
             release a
             = abandoned 1
             > Cancel 1
             call b m -
             > Request 2 m -",
    ),
    (
        "releasing a call without a response has no effect",
        "call a m -
             > Request 1 m -
             release a
             = pending 1
             < Response 1 ok -
             ! answered a ok -",
    ),
];

#[test]
fn cancelling_a_call() {
    check_all(&limits(|_| {}), CANCELS);
}

#[test]
fn cancelling_a_queued_call() {
    check(
        limits(|limits| limits.max_write_buffer = 50),
        "call a m a*60
         call b m b
         call c m c*9000
         call d m d
         cancel c
         = queued b false
         = pending 3
         cancel b
         > Request 1 m a*60
         > Request 4 m d
         = pending 2",
    );
    // A removed request makes room for queued calls.
    check(
        limits(|limits| limits.max_write_buffer = 50),
        "call a m a*60
         call b m b
         cancel a
         = queued b true
         > Request 2 m b",
    );
}

/// The ids of cancelled calls stay in use, up to a limit.
#[test]
fn more_abandoned_calls_than_allowed() {
    check(
        limits(|limits| limits.max_unanswered_cancels = 2),
        "call a m -
         call b m -
         call c m -
         > Request 1 m -
         > Request 2 m -
         > Request 3 m -
         cancel a
         cancel b
         > Cancel 1
         > Cancel 2
         cancel c
         ! fatal unresponsive 3
         > Cancel 3",
    );
}

/// Cancelled calls without a response count towards the limit on pending calls.
#[test]
fn pending_and_abandoned_calls_share_a_limit() {
    check(
        limits(|limits| limits.max_pending_calls = 2),
        "call a m -
         call b m -
         call c m -
         ! refused too-many-pending 2
         > Request 1 m -
         > Request 2 m -
         cancel a
         > Cancel 1
         call c m -
         ! refused too-many-pending 2
         < Response 1 cancelled
         call c m -
         > Request 1048577 m -
         < Response 2 ok -
         ! answered b ok -
         = pending 1
         call d m -
         > Request 3 m -",
    );
}

/// Found by the fuzz target `two_sessions`: with nothing else under way, nothing moved the one-way calls that had waited for the
/// place of a cancelled call.
#[test]
fn one_way_calls_that_wait_for_a_place_leave_when_a_cancelled_call_is_answered() {
    check(
        limits(|limits| limits.max_pending_calls = 1),
        "call a m -
         > Request 1 m -
         cancel a
         > Cancel 1
         notify x m -
         notify y m -
         > nothing
         = waiting 2
         < Response 1 cancelled
         > Request 1048577 m -
         = waiting 1",
    );
}
