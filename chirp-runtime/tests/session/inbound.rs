use crate::script::{check, check_all, limits};

const CALLS: &[(&str, &str)] = &[
    (
        "a call and its response",
        "< Request 7 echo hi
             ! run r echo hi
             = running 1
             = wanted r true
             respond r ok hi
             = wanted r false
             > Response 7 ok hi
             = running 1
             finish r
             = running 0",
    ),
    (
        "any id and any name, answered in any order",
        "< Request 0 - -
             ! run zero - -
             < Request 4294967295 m*255 x*70000
             ! run last m*255 x*70000
             respond last error no
             respond zero unknown
             > Response 4294967295 error no
             > Response 0 unknown
             finish zero
             finish last",
    ),
    (
        "CH-24: the ids of the two sides are independent",
        "call a m -
             > Request 1 m -
             < Request 1 back -
             ! run r back -
             < Response 1 ok mine
             ! answered a ok mine
             respond r ok yours
             > Response 1 ok yours
             finish r",
    ),
    (
        "CH-43: a cancelled call is answered once, with code 3, and its handler's response is dropped",
        "< Request 7 wait -
             ! run r wait -
             < Cancel 7
             ! interrupt r
             = wanted r false
             > Response 7 cancelled
             < Cancel 7
             respond r ok late
             = running 1
             finish r
             > nothing
             = running 0",
    ),
    (
        "a cancelled call whose id is reused before its handler has ended",
        "< Request 7 wait -
             ! run old wait -
             < Cancel 7
             ! interrupt old
             < Request 7 wait -
             ! run new wait -
             = running 2
             respond old ok late
             finish old
             = wanted new true
             respond new ok new
             > Response 7 cancelled
             > Response 7 ok new
             finish new
             # An old key finds nothing.
             respond old ok later
             finish old
             finish new
             = running 0",
    ),
    (
        "a cancelled call whose handler's slot is reused",
        "< Request 7 wait -
             ! run old wait -
             < Cancel 7
             ! interrupt old
             finish old
             < Request 7 wait -
             ! run new wait -
             respond old ok late
             finish old
             = running 1
             = wanted new true
             respond new ok new
             > Response 7 cancelled
             > Response 7 ok new
             finish new",
    ),
    (
        "a second response has no effect",
        "< Request 7 m -
             ! run r m -
             respond r ok first
             respond r ok second
             finish r
             > Response 7 ok first",
    ),
    (
        "an id can be reused after its response, even if the handler has not ended",
        "< Request 7 m one
             ! run a m one
             respond a ok one
             < Request 7 m two
             ! run b m two
             < Cancel 7
             ! interrupt b
             finish b
             finish a
             > Response 7 ok one
             > Response 7 cancelled",
    ),
    (
        "CH-T24: a duplicate fails both calls, and interrupts the running handler",
        "< Request 12345 wait -
             ! run r wait -
             < Request 12345 nosuchmethod -
             ! interrupt r
             > Response 12345 duplicate
             > Response 12345 duplicate
             respond r ok late
             finish r
             > nothing",
    ),
    (
        "a third call with the id of a duplicate is a new call",
        "< Request 5 m one
             ! run a m one
             < Request 5 m two
             ! interrupt a
             < Request 5 m three
             ! run b m three
             < Request 5 m four
             ! interrupt b
             < Request 5 m five
             ! run c m five
             respond c ok five
             > Response 5 duplicate
             > Response 5 duplicate
             > Response 5 duplicate
             > Response 5 duplicate
             > Response 5 ok five
             finish a
             finish b
             finish c
             = running 0",
    ),
    (
        "a duplicate of chirp.hello, which is never busy",
        "< Request 5 m -
             ! run r m -
             < Request 5 chirp.hello ask:1
             ! interrupt r
             > Response 5 duplicate
             > Response 5 duplicate
             finish r
             = hello Unknown",
    ),
    (
        "rapid reset: a call counts until its handler has ended, even after its response",
        "< Request 1 m -
             ! run a m -
             < Cancel 1
             ! interrupt a
             < Request 2 m -
             ! run b m -
             < Cancel 2
             ! interrupt b
             < Request 3 m -
             ! run c m -
             < Cancel 3
             ! interrupt c
             = running 3
             = wanted c false
             < Request 4 m -
             # The limit is three in this test.
             > Response 1 cancelled
             > Response 2 cancelled
             > Response 3 cancelled
             > Response 4 busy
             finish b
             < Request 5 m -
             ! run e m -
             finish a
             finish c
             respond e ok -
             finish e
             > Response 5 ok -",
    ),
];

#[test]
fn calls_of_the_other_side() {
    check_all(&limits(|limits| limits.max_concurrent_handlers = 3), CALLS);
}

#[test]
fn draining_refuses_new_calls_and_finishes_running_ones() {
    check(
        limits(|_| {}),
        "< Request 1 m -
         ! run a m -
         < Request 2 m -
         ! run b m -
         drain
         = drained false
         < Request 3 m -
         > Response 3 shutting-down
         < Request 4 chirp.hello ask:9
         ! hello
         > Response 4 ok answer:9
         < Cancel 2
         ! interrupt b
         > Response 2 cancelled
         < Request 1 m -
         ! interrupt a
         > Response 1 duplicate
         > Response 1 duplicate
         finish a
         = drained false
         finish b
         = drained true
         # Calls of this side continue.
         call x m -
         = drained false
         > Request 1 m -
         = drained true
         < Response 1 ok -
         ! answered x ok -",
    );
    // Queued responses and responses being written count as undelivered.
    check(
        limits(|limits| limits.max_write_buffer = 10),
        "< Request 1 m -
         ! run a m -
         < Request 2 m -
         ! run b m -
         respond a ok -
         respond b ok -
         finish a
         finish b
         drain
         = drained false
         take
         = drained false
         write
         = drained false
         > Response 1 ok -
         > Response 2 ok -
         = drained true",
    );
}
