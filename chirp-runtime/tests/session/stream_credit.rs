use crate::script::check;
use crate::streams::{check_streams, with_streams};

const GRANTS: &[(&str, &str)] = &[
    (
        "an item may be sent while there is any credit, whatever its cost",
        "< Open 1:to:free:1
             < Request 4 m -
             ! opened o s=send
             ! run a m -
             claim o s
             send s x*100000
             send s y
             ! not-sent s full
             > Items -1 x*100000
             < Credit +1:100015
             send s y
             ! not-sent s full
             < Credit +1:1
             ! ready s
             send s y
             > Items -1 y
             respond a ok -
             finish a
             > Response 4 ok -
             drop-sender s
             > End -1 cancelled 2
             = streams 0",
    ),
    (
        "a stream without a window waits for credit",
        "< Open 1:to:free:0
             < Request 4 m -
             ! opened o s=send
             ! run a m -
             claim o s
             send s a
             ! not-sent s full
             finish-stream s
             > End -1 finished 0
             respond a ok -
             finish a
             > Response 4 ok -
             = streams 0",
    ),
    (
        "credit is granted when half of the window has been consumed, and the window doubles",
        "stream-call x m - s=receive
             > Open 1:to:free:16384
             > Request 1 m -
             = windows 16384
             < Items -1 x*8000
             ! items s x*8000
             consumed s 8000
             > nothing
             < Items -1 x*400
             ! items s x*400
             consumed s 400
             > Credit +1:24816
             = windows 32768
             < Items -1 x*9000
             ! items s x*9000
             < Items -1 x*20000
             ! items s x*20000
             consumed s 9000
             > nothing
             consumed s 20000
             > Credit +1:61800
             = windows 65536
             < End -1 finished 4
             ! ended s finished
             < Response 1 ok -
             ! answered x ok -
             = windows 0
             = streams 0",
    ),
    (
        "a slow consumer is granted what it has consumed, and no more",
        "stream-call x m - s=receive
             > Open 1:to:free:16384
             > Request 1 m -
             < Items -1 x*8176
             ! items s x*8176
             < Items -1 y
             ! items s y
             consumed s 8176
             > Credit +1:8192
             = windows 16384
             = held 17
             drop-receiver s
             > End +1 cancelled 2
             < End -1 cancelled 2
             < Response 1 ok -
             ! answered x ok -
             = streams 0",
    ),
    (
        "an item larger than the window is accepted, and its credit is granted when it is consumed",
        "stream-call x m - s=receive
             > Open 1:to:free:16384
             > Request 1 m -
             < Items -1 x*500000
             ! items s x*500000
             = held 500016
             consumed s 500000
             > Credit +1:516400
             = windows 32768
             < Items -1 y
             ! items s y
             < End -1 finished 2
             ! ended s finished
             = windows 0
             = streams 1
             consumed s 1
             = streams 0
             < Response 1 ok -
             ! answered x ok -",
    ),
    (
        "credit for several streams shares a packet, and is added up",
        "stream-call x m - s=receive t=receive
             > Open 1:to:free:16384 2:to:free:16384
             > Request 1 m -
             < Items -1 x*9000
             ! items s x*9000
             < Items -2 x*9000
             ! items t x*9000
             consumed s 9000
             consumed t 9000
             < Items -1 x*20000
             ! items s x*20000
             consumed s 20000
             > Credit +1:78184 +2:25400
             drop-receiver s
             drop-receiver t
             > End +1 cancelled 2
             > End +2 cancelled 1
             < End -1 cancelled 2
             < End -2 cancelled 1
             < Response 1 ok -
             ! answered x ok -
             = streams 0",
    ),
    (
        "a stream from its opener without a window is granted a minimal one, and never waits for others",
        "< Open 1:from:free:0
             < Request 4 m -
             ! opened o s=receive
             ! run a m -
             claim o s
             > Credit -1:256
             < Items +1 a
             ! items s a
             respond a ok -
             finish a
             > Response 4 ok -
             < End +1 finished 1
             ! ended s finished
             consumed s 1
             = streams 0",
    ),
];

#[test]
fn credit_is_spent_and_granted() {
    check_streams(&with_streams(), GRANTS);
}

const WRONG: &[(&str, &str)] = &[
    (
        "an item without credit fails its stream, after the items with credit",
        "stream-call x m - s=receive
             > Open 1:to:free:16384
             > Request 1 m -
             < Items -1 x*16368
             ! items s x*16368
             < Items -1 y
             ! ended s failed item-sent-without-credit
             > End +1 failed 1 item-sent-without-credit
             < Items -1 z
             = held 16384
             < End -1 cancelled 2
             < Response 1 ok -
             ! answered x ok -
             consumed s 16368
             = held 0
             = streams 0",
    ),
    (
        "empty items are not free",
        "< Open 1:from:free:0
             < Request 4 m -
             ! opened o s=receive
             ! run a m -
             claim o s
             > Credit -1:256
             < Items +1 - - - - - - - - - - - - - - - - - -
             ! items s - - - - - - - - - - - - - - - -
             ! ended s failed item-sent-without-credit
             > End -1 failed 16 item-sent-without-credit
             < End +1 finished 18
             respond a ok -
             finish a
             > Response 4 ok -
             drop-receiver s
             = held 0
             = streams 0",
    ),
    (
        "a stream that is started repeatedly is reported once",
        "stream-call x m - s=result
             > Open 1:to:result:16384
             > Request 1 m -
             < Items -1
             ! begun s
             < Items -1
             < Items -1 a
             ! items s a
             < Items -1
             < End -1 finished 1
             ! ended s finished
             < Response 1 ok -
             ! answered x ok -
             consumed s 1
             = streams 0",
    ),
    (
        "excessive credit does not grow the queue",
        "< Open 1:to:free:4294967295
             < Request 4 m -
             ! opened o s=send
             ! run a m -
             claim o s
             < Credit +1:4294967295 +1:4294967295
             < Credit +1:4294967295
             send s x*65519
             send s y
             send s z
             ! not-sent s full
             = queued 65552
             > Items -1 x*65519
             ! ready s
             > Items -1 y
             drop-sender s
             > End -1 cancelled 2
             respond a ok -
             finish a
             > Response 4 ok -
             = streams 0",
    ),
    (
        "packets for ended or unknown streams, or from the wrong side, are discarded",
        "< Open 1:to:free:16384 2:from:free:16384
             < Request 4 m -
             ! opened o s=send t=receive
             ! run a m -
             claim o s t
             < Items +1 a
             < Credit +2:100
             < Items +9 a
             < Items -9 a
             < Items +0 a
             < Credit +9:1 -9:1
             < End +9 finished 0
             < End -9 finished 0
             < End +2 finished 0
             ! ended t finished
             < End +2 finished 0
             < Items +2 a
             drop-sender s
             > End -1 cancelled 0
             < End +1 cancelled 0
             < Credit +1:1
             respond a ok -
             finish a
             > Response 4 ok -
             = streams 0",
    ),
];

#[test]
fn an_error_in_a_stream_ends_only_that_stream() {
    check_streams(&with_streams(), WRONG);
}

/// Each of these packets ends the session.
#[test]
fn fatal_stream_packets() {
    let table = [
        (
            "< Open 1:to:free:1\n< Cancel 4",
            "invalid StreamOpen packet: expected a packet that carries streams to follow, got a Cancel packet",
        ),
        (
            "< Open 1:to:free:1\n< Open 2:to:free:1",
            "invalid StreamOpen packet: expected a packet that carries streams to follow, got a StreamOpen packet",
        ),
        (
            "< Open 1:to:free:1\n< Credit +1:1",
            "invalid StreamOpen packet: expected a packet that carries streams to follow, got a StreamCredit packet",
        ),
        (
            "< Open 1:to:free:1\n< Discarded x",
            "invalid StreamOpen packet: expected a packet that carries streams to follow, got a PacketType(100) packet",
        ),
        (
            "< Open 1:to:bound:1\n< Response 4 ok -",
            "invalid StreamOpen packet: only a request can open bound streams",
        ),
        (
            "< Open 1:to:bound:1\n< Items +4 a",
            "invalid StreamOpen packet: only a request can open bound streams",
        ),
        (
            "< Open 1:to:free:1\n< Items +4 a b",
            "invalid StreamOpen packet: an item that carries streams must be alone in its packet",
        ),
        (
            "< Open 1:to:free:1\n< Items +4",
            "invalid StreamOpen packet: an item that carries streams must be alone in its packet",
        ),
        (
            "< Open 1:to:free:1 1:from:free:0",
            "invalid StreamOpen packet: stream number in use",
        ),
        (
            "< Open 1:from:free:16383",
            "invalid StreamOpen packet: window taken without a grant",
        ),
        (
            "< Open 1:from:free:16384\n< Request 4 m -\n! opened o s=receive\n! run a m -\n< Open 1:to:free:0",
            "invalid StreamOpen packet: stream number in use",
        ),
    ];
    for (script, expected) in table {
        let script = format!("{script}\n! fatal {expected}\n");
        check_streams(&with_streams(), &[(expected, &script)]);
    }
}

const LARGE: &[(&str, &str)] = &[
    (
        "an item that is too large to send stays with its owner",
        "stream-call x m - s=send
             > Open 1:from:free:16384
             > Request 1 m -
             send s x*991
             ! not-sent s too-large 990 our
             send s x*990
             > Items +1 x*990
             drop-sender s
             > End +1 cancelled 1
             < Response 1 ok -
             ! answered x ok -
             = streams 0",
    ),
    (
        "a received item that is too large fails its stream, and refuses the streams that it carries",
        "stream-call x m - s=receive
             > Open 1:to:free:16384
             > Request 1 m -
             < Open 1:to:free:0
             < Items -1 x*991
             ! ended s failed too-large:1000
             > End +1 failed 0 too-large:1000
             > End -1 refused 0
             < End -1 cancelled 1
             < Items -1 x*991
             < Response 1 ok -
             ! answered x ok -
             = streams 0",
    ),
    (
        "a received request that is too large refuses the streams that it carries",
        "< Open 1:to:free:0 2:to:bound:0
             < Request 7 m x*2000
             > Response 7 too-large 1000
             > End -1 refused 0
             = streams 0",
    ),
    (
        "an end is shortened to the other side's payload limit",
        "stream-call x m - s=send
             > Open 1:from:free:16384
             > Request 1 m -
             fail s x*2000
             > End +1 failed 0
             < Response 1 ok -
             ! answered x ok -
             = streams 0",
    ),
];

#[test]
fn payload_limits_hold_for_items() {
    let mut limits = with_streams();
    limits.max_payload = 1000;
    check_streams(&limits, LARGE);
}

/// All streams together have a limit, since each may exceed its window by one item.
#[test]
fn a_stream_over_the_limit_on_held_items_fails() {
    let mut limits = with_streams();
    limits.max_stream_buffer = 50_000;
    let script = "stream-call x m - s=receive t=receive
         > Open 1:to:free:16384 2:to:free:16384
         > Request 1 m -
         < Items -1 x*49000
         ! items s x*49000
         < Items -2 a*900 b*900
         ! items t a*900
         ! ended t failed busy
         > End +2 failed 1 busy
         < End -2 cancelled 2
         consumed s 49000
         drop-receiver s
         drop-receiver t
         > End +1 cancelled 1
         < End -1 cancelled 1
         < Response 1 ok -
         ! answered x ok -
         = held 0
         = streams 0";
    check_streams(&limits, &[("held", script)]);
}

#[test]
fn streams_over_the_limit_are_refused() {
    let mut limits = with_streams();
    limits.max_streams = 3;
    let script = "< Open 1:from:free:16384 2:to:free:5
         < Request 4 m -
         ! opened o s=receive t=send
         ! run a m -
         claim o s t
         stream-call x m - u=send v=send
         ! refused too-many-streams 3
         < Open 3:from:free:16384 4:to:bound:5
         < Request 5 m -
         ! opened p u=receive v=send.bound.refused
         ! run b m -
         claim p u
         > End -4 refused 0 busy
         send s b
         ! not-sent s over
         send v b
         ! not-sent v over
         < Items +1 a
         ! items s a
         < End +1 finished 1
         ! ended s finished
         # Its items count until they are consumed.
         = streams 3
         < Open 5:from:free:16384
         < Request 6 m -
         ! opened q w=receive.refused
         ! run c m -
         > End -5 refused 0 busy
         consumed s 1
         = streams 2
         respond a ok -
         finish a
         respond b ok -
         finish b
         respond c ok -
         finish c
         > Response 4 ok -
         > Response 5 ok -
         > Response 6 ok -
         drop-sender t
         drop-receiver u
         > End -2 cancelled 0
         > End -3 cancelled 0
         < End +3 cancelled 0
         = streams 0";
    check_streams(&limits, &[("streams", script)]);
    let script = "stream-call x m - u=send
         ! refused too-many-streams 0";
    limits.max_streams = 1;
    check_streams(&limits, &[("none", "")]);
    limits.max_streams = 0;
    check(limits, &script.replace("too-many-streams 0", "unsupported"));
}

/// The other side may wait for credit, or send items before the next packet.
#[test]
fn a_side_with_a_stream_goes_on_reading() {
    let mut limits = with_streams();
    limits.max_concurrent_handlers = 1;
    limits.max_write_buffer = 1;
    let script = "< Request 4 m -
         ! run a m -
         = reading PausedBriefly
         finish a
         < Open 1:from:free:16384
         < Request 5 m -
         ! opened o s=receive
         ! run b m -
         claim o s
         = reading Ready
         < End +1 finished 0
         ! ended s finished
         = reading PausedBriefly
         finish b
         = reading Ready";
    check_streams(&limits, &[("reading", script)]);
}
