//! Section 5: limits.

use crate::conformance::script::{Case, both, live};

pub(crate) const CASES: &[Case] = &[
    both(
        "5.1",
        "A sender that knows the other side's limit (section 7) MUST NOT send more;",
        "> request 1 chirp.hello =hello:100
         < response 1 0 ?
         call a m 96*x
         ! a too-large
         call b m 94*x
         < request @b m 94*x
         > response @b 0 y
         ! b ok y",
    ),
    both(
        "5.1",
        "one that does not know it applies its own. A call over the limit fails locally, and nothing is sent.",
        "limit payload 1000
         call a m 1000*x
         ! a too-large",
    ),
    both(
        "5.1",
        "A result over the limit is answered C708, since its method has run",
        "> request 1 chirp.hello =hello:100
         < response 1 0 ?
         > request 2 echo 200*x
         < response 2 4 ~c708",
    ),
    both(
        "5.1",
        "A Request over the limit: its id is read, the rest is skipped unstored, and it is answered C705 with the limit.",
        "limit payload 1000
         > request 1 echo 5000*x
         < response 1 4 ~c705",
    ),
    both(
        "5.1",
        "The answer MAY be sent before the packet has ended. The session goes on.",
        "limit payload 1000
         > raw c7000002 000003f0 00000001
         < response 1 4 ~c705
         > packet 40000 996*x",
    ),
    both(
        "5.1",
        "A Response over the limit: its id is read, the rest is skipped unstored, and that call alone fails. Its code and its error data are not checked.",
        "limit payload 1000
         call a m x
         < request @a m x
         > response @a 4 5000*x
         ! a too-large
         call b m x
         < request @b m x
         > response @b 100 5000*x
         ! b too-large",
    ),
    both(
        "5.1",
        "A Cancel cannot be over the limit: any length but 4 is invalid (2.5).",
        "limit payload 1000
         > packet 3 5000*x
         ! ended protocol error",
    ),
    live(
        "5.2",
        "Cancel and Response packets that it reads are always handled.",
        "limit running 2
         > request 1 callback x
         < request @b back x
         > request 2 wait x | request 3 echo x
         < response 3 4 ~c700
         > cancel 2
         < response 2 3 _
         > response @b 0 y
         < response 1 0 y",
    ),
    live(
        "5.3",
        "| method name | 255 bytes | refused locally, nothing sent |",
        "call a 256*n x
         ! a name-too-long",
    ),
    both(
        "5.3",
        "| pending outbound calls | 65,536 | refused locally, nothing sent |",
        "limit pending 1
         call a m x
         < request @a m x
         call b m x
         ! b too-many
         > response @a 0 y
         ! a ok y",
    ),
    both(
        "5.3",
        "A Request whose Cancel is read together with it starts no handler; it is answered code 3.",
        "> request 1 wait x | cancel 1
         < response 1 3 _",
    ),
];
