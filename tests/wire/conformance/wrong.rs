//! Section 4: errors and their consequences.

use crate::conformance::script::{Case, both, live};

pub(crate) const CASES: &[Case] = &[
    both(
        "4.1",
        "The receiver closes the channel at once and tells its host why; nothing is sent about it.",
        "call a m x
         < request @a m x
         > request 1 wait _
         > raw 2a3f0002 00000000
         ! ended protocol error: invalid protocol magic
         ! a closed",
    ),
    // CH-T14.
    both(
        "4.1",
        "A header is cut short by the end of input, or its first byte is not `c7`.",
        "> raw c7000002 0000
         > end
         ! ended protocol error: short packet header",
    ),
    // CH-T13.
    both(
        "4.1",
        "or its first byte is not `c7`",
        "> raw 00000002 00000000
         ! ended protocol error: invalid protocol magic",
    ),
    // CH-T15, CH-T53.
    both(
        "4.1",
        "A payload is cut short by the end of input,",
        "> raw c7000002 0000000a 61626364
         > end
         ! ended protocol error: short payload",
    ),
    both(
        "4.1",
        "including that of a packet that is being discarded or skipped",
        "> raw c7009c40 0000000a 61626364
         > end
         ! ended protocol error: short payload",
    ),
    both(
        "4.1",
        "including that of a packet that is being discarded or skipped",
        "> raw c7630002 ffffffff 61626364
         > end
         ! ended protocol error: short payload",
    ),
    // CH-T16.
    both(
        "4.1",
        "A Request, Response or Cancel has an invalid payload: 2.1, 2.2, 2.5.",
        "> packet 2 X
         ! ended protocol error",
    ),
    // CH-T17.
    both(
        "4.1",
        "A Request, Response or Cancel has an invalid payload: 2.1, 2.2, 2.5.",
        "> response 1 100 _
         ! ended protocol error: invalid Response packet: result code",
    ),
    both(
        "4.1",
        "Where the length alone shows it, the payload need not be awaited.",
        "> raw c7000003 00000005
         ! ended protocol error",
    ),
    both(
        "4.1",
        "A Response with code 4 has error data that end inside a field (2.4), whether or not its id is known.",
        "call a m x
         < request @a m x
         > response @a 4 x:00
         ! ended protocol error
         ! a closed",
    ),
    both(
        "4.1",
        "whether or not its id is known",
        "> response 99 4 x:0000ff
         ! ended protocol error",
    ),
    both(
        "4.2",
        "The packet is consumed whole, no answer is sent, and the channel stays open.",
        "> protocol 99 packet 2 garbage | request 1 echo x
         < response 1 0 x",
    ),
    // CH-T20.
    both(
        "4.2",
        "Another protocol number than 0.",
        "> raw c7630002 00000007 67617262616765
         > protocol 99 request 1 echo x",
    ),
    // CH-T19.
    both(
        "4.2",
        "An unknown type: those reserved by v0, those without a handler, and extensions that were not declared.",
        "> packet 0 _ | packet 1 x | packet 5 x | packet 100 x | packet 127 x
         > packet 128 x | packet 40000 custom | packet 50944 x | packet 50959 x | packet 65535 x",
    ),
    both(
        "4.2",
        "A Response for an id that is not pending here: unknown, or answered already.",
        "> response 77 0 stray | response 77 1 _ | response 77 4 _
         call a m x
         < request @a m x
         > response @a 0 y | response @a 1 _
         ! a ok y",
    ),
    both(
        "4.2",
        "A Cancel for an id that is not pending here.",
        "> cancel 99
         > request 99 echo x
         < response 99 0 x
         > cancel 99",
    ),
    both(
        "4.2",
        "Packets to be discarded under 1 and 2 are skipped at any length, up to the 4 GiB that the header can express, in constant memory.",
        "limit payload 1000
         > packet 40000 3000000*z
         > protocol 99 packet 4 3000000*z",
    ),
    both(
        "4.3",
        "| unknown method | code 1 |",
        "> request 1 nope x
         < response 1 1 _",
    ),
    both(
        "4.3",
        "| id already pending | code 2, twice (3.7) |",
        "> request 1 wait x
         > request 1 wait x
         < response 1 2 _
         < response 1 2 _",
    ),
    both(
        "4.3",
        "| payload over the limit | service error C705 (5.1) |",
        "limit payload 1000
         > request 1 echo 5000*x
         < response 1 4 ~c705",
    ),
    live(
        "4.3",
        "| more work than this side takes on | service error C700 (5.2) |",
        "limit running 1
         > request 1 wait x
         > request 2 echo x
         < response 2 4 ~c700
         > cancel 1
         < response 1 3 _",
    ),
    live(
        "4.3",
        "| this side is shutting down, and the caller does not accept GOING AWAY (10.10) | service error C701 |",
        "> request 1 wait x | request 2 echo x
         < response 2 0 x
         shutdown
         > request 3 echo x
         < response 3 4 ~c701
         > cancel 1
         < response 1 3 _
         > end
         ! ended closed by this side",
    ),
    both(
        "4.3",
        "If several apply to a Request, it is answered with the first of: duplicate, too large, shutting down, busy, unknown method, bad parameters.",
        "limit payload 1000
         > request 1 wait x
         > request 1 nope 5000*x
         < response 1 2 _
         < response 1 2 _
         > request 2 nope 5000*x
         < response 2 4 ~c705",
    ),
    live(
        "4.3",
        "it is answered with the first of: duplicate, too large, shutting down, busy, unknown method",
        "limit running 1
         > request 1 wait x
         > request 2 nope x
         < response 2 4 ~c700
         > request 1 wait x
         < response 1 2 _
         < response 1 2 _",
    ),
];
