use crate::script::{check, check_all, limits};

const CANCELS: &[(&str, &str)] = &[
    (
        "before the request has left: nothing was ever said",
        "call a m -
             = unsent 14
             cancel a
             = pending 0
             = abandoned 0
             = unsent 0
             > nothing
             # The id was not used, and a peer that guesses it completes nothing.
             < Response 1 ok -",
    ),
    (
        "one of several, small and large: its neighbours are whole",
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
        "the first and the last",
        "call a m a*9000
             call b m b
             call c m c*9000
             cancel a
             cancel c
             > Request 2 m b",
    ),
    (
        "all of them, in the order in which they were made",
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
        "after it has left: the other side is told, and the id is out of use until it answers",
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
        "CH-30: an answer that crosses the cancel is nobody's",
        "call a m -
             > Request 1 m -
             cancel a
             < Response 1 ok crossed
             = abandoned 0
             > Cancel 1
             # Nor does the other side answer the cancel.
             < Response 1 cancelled",
    ),
    (
        "while the batch is being written, which is too late to take it back",
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
        "once it is answered: nothing is left to cancel",
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
        "twice, and released after that: the id stays out of use",
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
        "a call that is released before it is answered is not over",
        "call a m -
             > Request 1 m -
             release a
             = pending 1
             < Response 1 ok -
             ! answered a ok -",
    ),
];

#[test]
fn what_cancelling_does() {
    check_all(&limits(|_| {}), CANCELS);
}

#[test]
fn cancelling_what_waits_for_room() {
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
    // What was removed from the buffer leaves room for what waits.
    check(
        limits(|limits| limits.max_write_buffer = 50),
        "call a m a*60
         call b m b
         cancel a
         = queued b true
         > Request 2 m b",
    );
}

/// Abandoned ids keep one word each, and there may be so many.
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

/// The limit of pending calls counts those that were given up and not answered.
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
