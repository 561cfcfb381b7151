use crate::streams::{check_streams, with_streams};

const CLAIMED: &[(&str, &str)] = &[
    (
        "claimed streams outlive their call",
        "< Open 1:from:free:16384 2:to:free:100
             < Request 4 m -
             ! opened o s=receive t=send
             ! run a m -
             claim o s t
             respond a ok -
             finish a
             > Response 4 ok -
             < Items +1 a
             ! items s a
             send t b
             > Items -2 b
             < End +1 finished 1
             ! ended s finished
             consumed s 1
             finish-stream t
             > End -2 finished 1
             = streams 0",
    ),
    (
        "unclaimed streams are refused",
        "< Open 1:from:free:16384 2:to:free:100 3:from:free:16384
             < Request 4 m -
             ! opened o s=receive t=send u=receive
             ! run a m -
             claim o u
             ! ended s refused
             ! ended t refused
             > End -1 refused 0
             > End -2 refused 0
             < End +1 cancelled 0
             claim o s
             ! nothing to claim
             respond a ok -
             finish a
             > Response 4 ok -
             < End +3 failed 0 broken
             ! ended u failed broken
             = streams 0",
    ),
    (
        "a response before the claim refuses all streams",
        "< Open 1:from:free:16384
             < Request 4 m -
             ! opened o s=receive
             ! run a m -
             < Items +1 a
             ! items s a
             respond a error bad
             ! ended s refused
             finish a
             claim o s
             ! nothing to claim
             > End -1 refused 1
             > Response 4 error bad
             = held 17
             drop-receiver s
             = held 0
             < End +1 cancelled 1
             = streams 0",
    ),
    (
        "a Cancel before the claim refuses all streams, after the claim none",
        "< Open 1:from:free:16384
             < Request 4 m -
             ! opened o s=receive
             ! run a m -
             < Cancel 4
             ! ended s refused
             ! interrupt a
             finish a
             > Response 4 cancelled
             > End -1 refused 0
             < End +1 cancelled 0
             < Open 1:from:free:16384
             < Request 4 m -
             ! opened p t=receive
             ! run b m -
             claim p t
             < Cancel 4
             ! interrupt b
             finish b
             > Response 4 cancelled
             < Items +1 a
             ! items t a
             drop-receiver t
             > End -1 cancelled 1
             < End +1 cancelled 1
             = streams 0",
    ),
    (
        "a handler that ends before the claim refuses all streams",
        "< Open 1:to:free:16384
             < Request 4 m -
             ! opened o s=send
             ! run a m -
             finish a
             ! ended s refused
             > End -1 refused 0
             = streams 0",
    ),
    (
        "a refused request refuses its free streams",
        "drain
             < Open 1:from:free:16384 2:to:bound:1 3:to:free:1
             < Request 4 m -
             > Response 4 shutting-down
             > End -1 refused 0
             > End -3 refused 0
             = streams 0",
    ),
    (
        "cancelling a call does not end its free streams",
        "stream-call x m - s=send t=receive r=result
             > Open 1:from:free:16384 2:to:free:16384 3:to:result:16384
             > Request 1 m -
             cancel x
             ! ended r cancelled
             > Cancel 1
             send s a
             > Items +1 a
             < Response 1 cancelled
             < Items -2 b
             ! items t b
             < End -1 refused 1
             ! ended s refused
             > End +1 cancelled 1
             < End -2 refused 1
             ! ended t refused
             drop-receiver t
             drop-receiver r
             = streams 0",
    ),
];

#[test]
fn free_streams_are_refused_unless_claimed() {
    check_streams(&with_streams(), CLAIMED);
}

const CARRIERS: &[(&str, &str)] = &[
    (
        "a sent response carries streams",
        "< Request 4 m -
             ! run a m -
             respond-with a data s=send t=receive
             finish a
             > Open 1:from:free:16384 2:to:free:16384
             > Response 4 ok data
             send s a
             > Items +1 a
             drop-sender s
             > End +1 cancelled 1
             < End -2 finished 0
             ! ended t finished
             = streams 0",
    ),
    (
        "a received response carries streams",
        "call x m -
             > Request 1 m -
             < Open 1:from:free:16384 2:to:free:16384
             < Response 1 ok data
             ! opened o s=receive t=send
             ! answered x ok data
             claim o s
             ! ended t refused
             release x
             > End -2 refused 0
             < End +1 finished 0
             ! ended s finished
             = streams 0",
    ),
    (
        "streams of a response are refused when it is released unclaimed or its call was cancelled",
        "call x m -
             > Request 1 m -
             < Open 1:from:free:16384
             < Response 1 ok data
             ! opened o s=receive
             ! answered x ok data
             release x
             ! ended s refused
             > End -1 refused 0
             < End +1 cancelled 0
             < Open 2:to:free:16384
             < Response 1 ok data
             > End -2 refused 0
             call y m -
             > Request 1048577 m -
             < Open 3:to:free:16384
             < Response 1048577 error no
             ! answered y error no
             > End -3 refused 0
             = streams 0",
    ),
    (
        "a response that is too large opens no streams",
        "< Request 4 m -
             ! run a m -
             respond-with a x*999996 s=send
             ! ended s refused
             finish a
             > Response 4 bad-result
             = streams 0",
    ),
    (
        "a sent item carries streams, alone in its packet",
        "stream-call x m - s=send
             > Open 1:from:free:16384
             > Request 1 m -
             send s a
             send-with s b t=receive u=send
             send s c
             send u d
             ! not-sent u full
             > Items +1 a
             ! ready u
             > Open 2:to:free:16384 3:from:free:16384
             > Items +1 b
             > Items +1 c
             send u d
             > Items +3 d
             drop-sender s
             drop-sender u
             > End +1 cancelled 3
             > End +3 cancelled 1
             < End -2 finished 0
             ! ended t finished
             < Response 1 ok -
             ! answered x ok -
             = streams 0",
    ),
    (
        "an item that is dropped before it leaves opens no streams",
        "stream-call x m - s=send
             > Open 1:from:free:16384
             > Request 1 m -
             send-with s b t=receive
             < End -1 cancelled 0
             ! ended s cancelled
             ! ended t refused
             > End +1 cancelled 0
             drop-sender s
             < Response 1 ok -
             ! answered x ok -
             = streams 0",
    ),
    (
        "queued items leave before the end of a dropped sender",
        "stream-call x m - s=send
             > Open 1:from:free:16384
             > Request 1 m -
             send s a
             send-with s b t=receive
             drop-sender s
             > Items +1 a
             > Open 2:to:free:16384
             > Items +1 b
             > End +1 cancelled 2
             < End -2 finished 0
             ! ended t finished
             < Response 1 ok -
             ! answered x ok -
             = streams 0",
    ),
    (
        "a received item carries streams",
        "stream-call x m - s=receive
             > Open 1:to:free:16384
             > Request 1 m -
             < Open 1:to:free:16384 2:from:free:16384
             < Items -1 a
             ! opened o t=send u=receive
             ! items s a
             < Open 3:to:free:16384
             < Items -1 b
             ! opened p v=send
             ! items s b
             claim o t u
             drop-receiver s
             ! ended v refused
             > End +1 cancelled 2
             > End -3 refused 0
             < Open 4:to:free:16384 5:from:free:0
             < Items -1 c
             > End -4 refused 0
             > End -5 refused 0
             < End -1 cancelled 3
             drop-sender t
             > End -1 cancelled 0
             < End +2 finished 0
             ! ended u finished
             < Response 1 ok -
             ! answered x ok -
             = streams 0",
    ),
];

#[test]
fn requests_responses_and_items_carry_streams() {
    check_streams(&with_streams(), CARRIERS);
}
