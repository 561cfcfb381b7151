//! Sections 3.1 to 3.4: sessions and their ids.

use crate::conformance::script::{Case, both, live};

pub(crate) const CASES: &[Case] = &[
    live(
        "3.1",
        "Sending MUST NOT block receiving, nor receiving sending.",
        "call a m x
         < request @a m x
         > request 1 echo 3000000*z
         > request 2 echo 3000000*z
         > response @a 0 y
         ! a ok y
         > raw c7000002 0000000a 00000003
         < response 1 0 3000000*z
         < response 2 0 3000000*z
         call b m x
         < request @b m x
         > raw 04 6563686f 78
         < response 3 0 x
         > response @b 0 y
         ! b ok y",
    ),
    live(
        "3.1",
        "A peer MAY limit how many calls are in flight, as long as delaying a receive does not prevent sending a response, or the other way round.",
        "limit running 1
         > request 1 callback x
         < request @b back x
         > request 2 echo x
         < response 2 4 ~c700
         > response @b 0 y
         < response 1 0 y",
    ),
    both(
        "3.1",
        "Nothing precedes the first packet: v0 has no greeting, and either side may send first.",
        "call a m x
         < request 1 m x
         > response 1 0 y
         ! a ok y",
    ),
    both(
        "3.2",
        "Then running handlers are interrupted, their results are discarded, and every pending call of this side fails with the reason.",
        "call a m x
         < request @a m x
         > request 1 wait _
         > request 2 callback x
         < request @b back x
         > end
         ! ended closed by the other side
         ! a closed",
    ),
    both(
        "3.2",
        "The end of input between two packets is a close, not an error;",
        "> packet 40000 hello
         > end
         ! ended closed by the other side",
    ),
    both(
        "3.2",
        "inside a packet it is protocol fatal (4.1).",
        "> raw c7
         > end
         ! ended protocol error: short packet header",
    ),
    both(
        "3.2",
        "A half-closed channel is not a state: the end of input ends the session for both directions.",
        "> request 1 wait _
         > end
         ! ended closed by the other side",
    ),
    both(
        "3.3",
        "Request(1) from A and Request(1) from B are two calls.",
        "call a m x
         < request 1 m x
         > request 1 echo y
         < response 1 0 y
         > response 1 0 z
         ! a ok z",
    ),
    both(
        "3.3",
        "A Response speaks of a Request that its receiver sent; a Cancel, of one that its receiver got.",
        "call a m x
         < request 1 m x
         > cancel 1
         > request 1 wait _
         > response 1 0 y
         ! a ok y
         > cancel 1
         < response 1 3 _",
    ),
    both(
        "3.4",
        "An id MUST NOT be used for a new call while one with it is pending.",
        "call a m 1
         call b m 2
         call c m 3
         < request @a m 1
         < request @b m 2
         < request @c m 3
         > response @b 0 y
         ! b ok y
         call d m 4
         < request @d m 4
         > response @c 0 z | response @d 0 w | response @a 0 v
         ! a ok v
         ! c ok z
         ! d ok w",
    ),
    both(
        "3.4",
        "Once a call has been answered its id may be used again, unless the answer was code 2: then never in this session.",
        "> request 1 echo x
         < response 1 0 x
         > request 1 echo y
         < response 1 0 y
         call a m x
         < request @a m x
         > response @a 2 _
         ! a duplicate
         call b m x
         < request @b m x
         > response @a 0 late
         > response @b 0 y
         ! b ok y",
    ),
    both(
        "3.4",
        "An id whose call was cancelled stays out of use until its answer has come.",
        "call a m x
         < request @a m x
         drop a
         < cancel @a
         call b m x
         < request @b m x
         > response @a 3 _
         > response @b 0 y
         ! b ok y",
    ),
    both(
        "3.4",
        "so that an answer that comes twice, or late, finds no later call",
        "call a m x
         < request 1 m x
         > response 1 0 y
         > response 1 0 z
         ! a ok y
         call b m x
         < request @b m x
         > response 1 0 late
         > response @b 0 y
         ! b ok y",
    ),
    both(
        "3.4",
        "with more than 16,384 of them the caller closes the session",
        "limit abandoned 0
         call a m x
         < request @a m x
         > response @a 2 _
         ! ended does not answer",
    ),
];
