use chirp_runtime::session::{Limits, Negotiation};

use crate::script::{check, limits};

/// Limits with streams.
pub(crate) fn with_streams() -> Limits {
    limits(|limits| limits.max_streams = 16_384)
}

/// Plays scripts to sessions whose other side has declared streams.
pub(crate) fn check_streams(limits: &Limits, table: &[(&str, &str)]) {
    for (name, script) in table {
        println!("{name}");
        let declared = "< Request 99 chirp.hello ask:5:1000000:streams
             ! hello
             > Response 99 ok answer:5
             ";
        check(limits.clone(), &(declared.to_owned() + script));
    }
}

const NEGOTIATED: &[(&str, &str)] = &[
    (
        "a call that needs streams waits for hello, and others overtake it",
        "stream-call a m - r=result
             = wants-hello true
             = streams 1
             call b m -
             ask 5
             = wants-hello false
             > Request 2 m -
             > Request 3 chirp.hello ask:5
             < Response 3 ok answer:5:1000000:streams
             ! hello
             > Open 1:to:result:16384
             > Request 1 m -
             < Items -1
             ! begun r
             < Items -1 x y
             ! items r x y
             < End -1 finished 2
             ! ended r finished
             < Response 1 ok -
             ! answered a ok -
             consumed r 1
             consumed r 1
             = held 0
             = streams 0",
    ),
    (
        "the other side has no streams",
        "stream-call a m - r=result
             ask 5
             > Request 2 chirp.hello ask:5
             < Response 2 ok answer:5
             ! ended r refused
             ! unsupported a
             ! hello
             = streams 0
             = pending 0
             stream-call b m - r=result
             ! refused unsupported
             > nothing",
    ),
    (
        "some of the four bits are none",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Response 1 ok answer:5:1000000:parts
             ! hello
             stream-call a m - r=result
             ! refused unsupported",
    ),
    (
        "hello is given up",
        "stream-call a m - r=result s=send
             ask 5
             > Request 2 chirp.hello ask:5
             give-up-hello
             ! ended r refused
             ! ended s refused
             ! unsupported a
             > Cancel 2
             = streams 0",
    ),
    (
        "a call that waits for hello is let go of",
        "stream-call a m - r=result
             cancel a
             ! ended r refused
             = wants-hello false
             = streams 0
             = pending 0
             > nothing",
    ),
    (
        "what comes before anything was declared is discarded",
        "< Open 1:to:result:16384
             < Request 1 m -
             ! run a m -
             respond a ok -
             finish a
             > Response 1 ok -",
    ),
    (
        "what comes of a side that has not declared is discarded too, if it is well-formed",
        "ask 5
             > Request 1 chirp.hello ask:5
             < Open 1:to:result:16384
             < Items +1 a
             < Credit +1:1
             < End +1 finished 0
             < Request 1 m -
             ! run a m -
             respond a ok -
             finish a
             > Response 1 ok -
             < Response 1 ok answer:5
             ! hello
             = streams 0",
    ),
];

/// The calls that are pending wait for hello, and so it is asked for all that.
#[test]
fn hello_is_asked_when_no_call_may_be_made() {
    let mut limits = with_streams();
    limits.max_pending_calls = 1;
    let script = "stream-call a m - r=result
         call b m -
         ! refused too-many-pending 1
         ask 5
         > Request 2 chirp.hello ask:5
         < Response 2 ok answer:5:1000000:streams
         ! hello
         > Open 1:to:result:16384
         > Request 1 m -
         < Response 1 unknown
         ! ended r answered
         ! answered a unknown
         = streams 0";
    check(limits, script);
}

#[test]
fn streams_are_used_when_both_sides_know_them() {
    crate::script::check_all(&with_streams(), NEGOTIATED);
    let never = limits(|limits| {
        limits.max_streams = 16_384;
        limits.negotiation = Negotiation::Never;
    });
    for limits in [never, limits(|limits| limits.max_streams = 0)] {
        let script = "stream-call a m - r=result
             ! refused unsupported
             < Request 1 chirp.hello ask:5:1000000:streams
             ! hello
             > Response 1 ok answer:5
             stream-call a m - r=result
             ! refused unsupported
             < Open 1:to:result:16384
             < Request 1 m -
             ! run a m -
             respond a ok -
             finish a
             > Response 1 ok -";
        check(limits, script);
    }
}

const RESULTS: &[(&str, &str)] = &[
    (
        "items, the end, the answer: in this order, and as few packets as can be",
        "< Open 1:to:result:16384
             < Request 4 Arith.count 2
             ! opened o r=send.result
             ! run a Arith.count 2
             send r a
             send r b
             finish-stream r
             respond a ok -
             finish a
             = streams 1
             > Items -1 a b
             > End -1 finished 2
             > Response 4 ok -
             = streams 0
             = running 0",
    ),
    (
        "an answer waits for the items before it, and is not cancelled any more",
        "< Open 1:to:result:60000
             < Request 4 m -
             ! opened o r=send.result
             ! run a m -
             send r x*40000
             send r y*40000
             finish-stream r
             respond a ok -
             < Cancel 4
             finish a
             > Items -1 x*40000
             > Items -1 y*40000
             > End -1 finished 2
             > Response 4 ok -
             = streams 0",
    ),
    (
        "a result that its handler did not finish has not all its items",
        "< Open 1:to:result:16384
             < Request 4 m -
             ! opened o r=send.result
             ! run a m -
             send r x
             respond a ok -
             ! ended r answered
             send r y
             ! not-sent r over
             finish a
             > Items -1 x
             > End -1 cancelled 1
             > Response 4 ok -
             = streams 0",
    ),
    (
        "an error ends it without an end, after what was sent",
        "< Open 1:to:result:16384
             < Request 4 m -
             ! opened o r=send.result
             ! run a m -
             send r x
             respond a error why
             ! ended r answered
             finish a
             > Items -1 x
             > Response 4 error why
             = streams 0",
    ),
    (
        "an error before the first item is the call's",
        "< Open 1:to:result:16384
             < Request 4 m -
             ! opened o r=send.result
             ! run a m -
             respond a error why
             ! ended r answered
             finish a
             > Response 4 error why
             stream-call x m - s=result
             > Open 1:to:result:16384
             > Request 1 m -
             < Response 1 error why
             ! ended s answered
             ! answered x error why
             = streams 0",
    ),
    (
        "a result that has begun, and that fails",
        "< Open 1:to:result:16384
             < Request 4 m -
             ! opened o r=send.result
             ! run a m -
             begin r
             > Items -1
             fail r broken
             respond a ok -
             finish a
             > End -1 failed 0 broken
             > Response 4 ok -
             = streams 0",
    ),
    (
        "a Cancel drops what waits, and is the only answer",
        "< Open 1:to:result:16384
             < Request 4 m -
             ! opened o r=send.result
             ! run a m -
             send r x
             < Cancel 4
             ! ended r cancelled
             ! interrupt a
             send r y
             ! not-sent r over
             respond a ok -
             finish a
             = queued 0
             = streams 0
             > Response 4 cancelled",
    ),
    (
        "the caller goes: items are discarded until the answer",
        "stream-call x m - s=result
             > Open 1:to:result:16384
             > Request 1 m -
             < Items -1 a
             ! items s a
             cancel x
             ! ended s cancelled
             > Cancel 1
             < Items -1 b
             < End -1 finished 2
             = streams 1
             drop-receiver s
             = streams 0
             < Response 1 ok -
             = abandoned 0",
    ),
    (
        "the caller goes before the call has left",
        "stream-call x m - s=result t=send
             cancel x
             ! ended s refused
             ! ended t refused
             = streams 0
             > nothing",
    ),
    (
        "a duplicate ends the streams of the first",
        "< Open 1:to:result:16384
             < Request 4 m -
             ! opened o r=send.result
             ! run a m -
             < Open 2:from:free:16384
             < Request 4 m -
             ! ended r cancelled
             ! interrupt a
             finish a
             = streams 0
             > Response 4 duplicate
             > Response 4 duplicate
             > End -2 refused 0",
    ),
    (
        "an answer without the end, and an end that counts otherwise, are losses",
        "stream-call x m - s=result
             stream-call y m - t=result
             > Open 1:to:result:16384
             > Request 1 m -
             > Open 2:to:result:16384
             > Request 2 m -
             < Items -1 a
             ! items s a
             < Response 1 ok -
             ! ended s answered
             ! answered x ok -
             < Items -1 b
             consumed s 1
             < Items -2 a b
             ! items t a b
             < End -2 finished 3
             ! ended t lost 2 of 3
             < Response 2 ok -
             ! answered y ok -
             consumed t 1
             consumed t 1
             = streams 0",
    ),
    (
        "the consumer goes: the producer is asked to stop, and its end is waited for",
        "stream-call x m - s=result
             > Open 1:to:result:16384
             > Request 1 m -
             < Items -1 a
             ! items s a
             drop-receiver s
             = held 0
             = windows 0
             = streams 1
             > End +1 cancelled 1
             < Items -1 b
             = held 0
             < End -1 cancelled 2
             = streams 0
             < End -1 cancelled 2
             < Response 1 ok -
             ! answered x ok -",
    ),
    (
        "the producer is asked to stop",
        "< Open 1:to:result:16384
             < Request 4 m -
             ! opened o r=send.result
             ! run a m -
             send r x
             < End +1 cancelled 0
             ! ended r cancelled
             send r y
             ! not-sent r over
             > End -1 cancelled 0
             respond a ok -
             finish a
             > Response 4 ok -
             = streams 0
             = queued 0",
    ),
    (
        "the channel ends",
        "< Open 1:to:result:16384
             < Request 4 m -
             ! opened o r=send.result
             ! run a m -
             send r x
             stream-call x m - s=result t=send.bound
             > Open 1:to:result:16384 2:from:bound:16384
             > Request 1 m -
             > Items -1 x
             < Items -1 a
             ! items s a
             end-session
             ! ended r closed
             ! ended s closed
             ! ended t closed
             = streams 0
             = held 0
             = windows 0
             finish a
             cancel x",
    ),
];

#[test]
fn a_result_stream_lives_within_its_call() {
    check_streams(&with_streams(), RESULTS);
}

const ARGUMENTS: &[(&str, &str)] = &[
    (
        "items of an argument, which come as the call runs",
        "< Open 1:from:bound:16384
             < Request 4 m -
             ! opened o s=receive.bound
             ! run a m -
             claim o s
             < Items +1 a b
             ! items s a b
             consumed s 1
             consumed s 1
             < End +1 finished 2
             ! ended s finished
             respond a ok -
             finish a
             > Response 4 ok -
             = streams 0",
    ),
    (
        "the answer ends it, whatever its code",
        "< Open 1:from:bound:16384
             < Request 4 m -
             ! opened o s=receive.bound
             ! run a m -
             claim o s
             < Items +1 a
             ! items s a
             respond a ok -
             ! ended s answered
             finish a
             > Response 4 ok -
             < Items +1 b
             < End +1 finished 2
             consumed s 1
             = held 0
             = streams 0",
    ),
    (
        "the caller's half ends with the answer, and says nothing of it",
        "stream-call x m - s=send.bound
             > Open 1:from:bound:16384
             > Request 1 m -
             send s a
             < Response 1 error no
             ! ended s answered
             ! answered x error no
             finish-stream s
             > nothing
             = queued 0
             = streams 0",
    ),
    (
        "what is sent at once follows the call",
        "stream-call x m - s=send.bound
             send s a
             > Open 1:from:bound:16384
             > Request 1 m -
             > Items +1 a
             finish-stream s
             > End +1 finished 1
             = streams 0
             < Response 1 ok -
             ! answered x ok -",
    ),
    (
        "an argument that is not taken is refused, and its sender is told",
        "< Open 1:from:bound:16384 2:to:bound:16384
             < Request 4 m -
             ! opened o s=receive.bound t=send.bound
             ! run a m -
             claim o
             ! ended s refused
             ! ended t refused
             > End -1 refused 0
             > End -2 refused 0
             < End +1 cancelled 0
             respond a error why
             finish a
             > Response 4 error why
             = streams 0
             stream-call x m - u=send.bound
             > Open 1:from:bound:16384
             > Request 1 m -
             < End -1 refused 0
             ! ended u refused
             > End +1 cancelled 0
             < Response 1 ok -
             ! answered x ok -",
    ),
    (
        "a Cancel of the caller's, before the end",
        "stream-call x m - s=send.bound
             > Open 1:from:bound:16384
             > Request 1 m -
             send s a
             cancel x
             ! ended s cancelled
             send s b
             ! not-sent s over
             > Cancel 1
             = streams 1
             = queued 0
             < Credit -1:100
             < End -1 cancelled 0
             > End +1 cancelled 0
             < Response 1 cancelled
             = streams 0",
    ),
];

#[test]
fn an_argument_lives_within_its_call() {
    check_streams(&with_streams(), ARGUMENTS);
}

const WAITS: &[(&str, &str)] = &[(
    "what is said before the call has left waits for it",
    "call big m x*100
             stream-call x m - s=send.bound t=send u=receive v=send
             send s a
             ! not-sent s full
             drop-sender t
             drop-receiver u
             finish-stream v
             call y m -
             > Request 1 m x*100
             ! ready s
             > Open 1:from:bound:16384 2:from:free:16384 3:to:free:0 4:from:free:16384
             > Request 2 m -
             > End +2 cancelled 0
             > End +3 cancelled 0
             > End +4 finished 0
             > Request 3 m -
             send s a
             > Items +1 a
             < End -3 cancelled 0
             < Response 2 ok -
             ! ended s answered
             ! answered x ok -
             = streams 0",
)];

#[test]
fn a_stream_waits_for_its_call_to_leave() {
    let mut limits = with_streams();
    limits.max_write_buffer = 20;
    check_streams(&limits, WAITS);
}
