//! Sections 3.5 to 3.8: calls.

use crate::conformance::script::{Case, both, live, value};

pub(crate) const CASES: &[Case] = &[
    both(
        "3.5",
        "The callee MUST send exactly one Response to each Request, whatever happens in the handler, as long as the session lasts.",
        "> request 1 echo x
         < response 1 0 x
         > request 2 edata _
         < response 2 4 x:00110003+heystuff
         > request 3 nope _
         < response 3 1 _",
    ),
    both(
        "3.5",
        "Any number of calls may be pending, in both directions; answers come in any order.",
        "> request 1 wait _ | request 2 wait _ | request 3 echo x
         < response 3 0 x
         > cancel 2
         < response 2 3 _
         > cancel 1
         < response 1 3 _",
    ),
    both(
        "3.5",
        "Success is code 0 with the result.",
        "> request 12345 echo hello
         < response 12345 0 hello",
    ),
    live(
        "3.5",
        "A handler that fails, or does not complete (a panic), is code 4.",
        "> request 1 panic _
         < response 1 4 ~c702",
    ),
    both(
        "3.5",
        "An unknown method is code 1.",
        "> request 3 nope x
         < response 3 1 _",
    ),
    both(
        "3.5",
        "a handler that meets code 1 in a call of its own has failed, code 4",
        "> request 1 callback x
         < request @b back x
         > response @b 1 _
         < response 1 4 ?",
    ),
    both(
        "3.5",
        "So a caller may see code 1, 2 or 3 for a call whose method it knows, whose id was free, and which it did not cancel",
        "call a m x
         < request @a m x
         > response @a 3 _
         ! a cancelled
         call b m x
         < request @b m x
         > response @b 1 x:00000005+other
         ! b unknown
         call c m x
         < request @c m x
         > response @c 2 _
         ! c duplicate",
    ),
    both(
        "3.5",
        "Host errors are never protocol fatal.",
        "> request 1 fail x
         < response 1 4 x:00000001+x",
    ),
    both(
        "3.6",
        "The caller MAY send Cancel(id) while the call is pending; a Cancel is not answered as such.",
        "call a m x
         < request @a m x
         drop a
         < cancel @a
         > response @a 3 _",
    ),
    both(
        "3.6",
        "The callee interrupts the handler, discards what it may still return, and at once answers code 3, once;",
        "> request 7 wait _
         > cancel 7
         < response 7 3 _
         > cancel 7
         > request 8 callback x
         < request @b back x
         > cancel 8
         < response 8 3 _
         < cancel @b
         > response @b 0 late",
    ),
    both(
        "3.6",
        "a call not yet given to a handler is never given to one",
        "> request 1 wait _ | cancel 1 | request 2 wait _ | cancel 2
         < response 1 3 _
         < response 2 3 _",
    ),
    both(
        "3.6",
        "A Cancel for a call that has been answered, or is unknown, is discarded.",
        "> cancel 1
         > request 1 echo x
         < response 1 0 x
         > cancel 1",
    ),
    both(
        "3.6",
        "The caller MUST be prepared for either, MAY return to its host before, and then discards it.",
        "call a m x
         call b m x
         < request @a m x
         < request @b m x
         drop a
         < cancel @a
         drop b
         < cancel @b
         > response @a 0 late
         > response @b 3 _
         call c m x
         < request @c m x
         > response @c 0 y
         ! c ok y",
    ),
    value(
        "3.6",
        "A Request that has not begun to leave when its call is dropped is taken back: neither it nor a Cancel is sent.",
        "call a m x
         drop a",
    ),
    both(
        "3.7",
        "It MUST be answered code 2 and MUST NOT run.",
        "> request 1 wait _
         > request 1 callback x
         < response 1 2 _
         < response 1 2 _",
    ),
    both(
        "3.7",
        "its handler SHOULD be interrupted, its result is discarded, and it MUST be answered code 2.",
        "> request 1 callback x
         < request @b back x
         > request 1 echo x
         < response 1 2 _
         < response 1 2 _
         < cancel @b
         > response @b 0 late",
    ),
    // CH-T24.
    both(
        "3.7",
        "So two equal Responses are sent, one for each Request.",
        "> request 12345 callback x
         < request @b back x
         > request 12345 nope _
         < response 12345 2 _
         < response 12345 2 _
         < cancel @b
         > response @b 0 late",
    ),
    both(
        "3.7",
        "After both, the id is not pending at the callee; a further Request with it is judged afresh.",
        "> request 10 wait _
         > request 10 echo dup
         < response 10 2 _
         < response 10 2 _
         > request 10 echo again
         < response 10 0 again",
    ),
    both(
        "3.8",
        "Packets are handled in the order they arrive.",
        "> request 1 wait _ | cancel 1 | request 1 wait _ | request 1 wait _ | request 1 wait _ | cancel 1
         < response 1 3 _
         < response 1 2 _
         < response 1 2 _
         < response 1 3 _",
    ),
    both(
        "3.8",
        "Handlers are *started* in the order of their Requests;",
        "> request 1 callback a | request 2 callback b | request 3 callback c
         < request @a back a
         < request @b back b
         < request @c back c
         > response @c 0 C
         < response 3 0 C
         > response @a 0 A
         < response 1 0 A
         > response @b 0 B
         < response 2 0 B",
    ),
];
