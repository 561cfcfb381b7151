use chirp_runtime::session::{Limits, Negotiation, SessionConfig};

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
        "a call with streams waits for hello, and other calls overtake it",
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
        "the other side does not support streams",
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
        "some of the four bits do not declare streams",
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
        "a call that waits for hello is cancelled",
        "stream-call a m - r=result
             cancel a
             ! ended r refused
             = wants-hello false
             = streams 0
             = pending 0
             > nothing",
    ),
    (
        "stream packets before any declaration are discarded",
        "< Open 1:to:result:16384
             < Request 1 m -
             ! run a m -
             respond a ok -
             finish a
             > Response 1 ok -",
    ),
    (
        "well-formed stream packets of a side that has not declared streams are discarded",
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

/// The question is sent although the calls that wait for it have used up the limit on pending calls.
#[test]
fn hello_is_asked_even_at_the_limit_on_pending_calls() {
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
fn streams_need_both_sides() {
    crate::script::check_all(&with_streams(), NEGOTIATED);
    let never = SessionConfig {
        negotiation: Negotiation::Disabled,
        ..limits(|limits| limits.max_streams = 16_384).into()
    };
    for config in [never, limits(|limits| limits.max_streams = 0).into()] {
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
        check(config, script);
    }
}

const RESULTS: &[(&str, &str)] = &[
    (
        "items, end and response are sent in this order, in as few packets as possible",
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
        "a response is held until the items before it have left, and its call cannot be cancelled any more",
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
        "a result stream that its handler did not finish is incomplete",
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
        "an error ends the result stream without a Stream-End, after the queued items",
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
        "an error before the first item fails the call",
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
        "an error after the start fails the stream",
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
        "a Cancel drops the queued items, and its response is the only one",
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
        "a cancelled call: items are discarded until the response",
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
        "a call that is cancelled before it leaves",
        "stream-call x m - s=result t=send
             cancel x
             ! ended s refused
             ! ended t refused
             = streams 0
             > nothing",
    ),
    (
        "a duplicate ends the streams of the first call",
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
        "a response without the end, or an end with another count, makes the stream incomplete",
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
        "a dropped receiver asks the sender to stop, and waits for the end",
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
        "a sender is asked to stop",
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
        "items of an argument come while the call runs",
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
        "the response ends an argument stream, whatever its code",
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
        "the response ends the caller's half without a Stream-End",
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
        "items sent at once follow the request",
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
        "an unclaimed argument is refused, and its sender is told",
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
        "the caller cancels before the end of the stream",
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
fn a_stream_starts_after_its_call_has_left() {
    let mut limits = with_streams();
    limits.max_write_buffer = 20;
    check_streams(&limits, WAITS);
}
