//! Sections 1 and 2: packets and payloads.

use crate::conformance::script::{Case, both, live};

pub(crate) const CASES: &[Case] = &[
    both(
        "1.1",
        "Reading one consumes exactly 8 + n bytes.",
        "> raw c7000002 00000005 00000001 00 | packet 40000 hello | request 2 echo x
         < response 1 1 _
         < response 2 0 x",
    ),
    both(
        "1.1",
        "A packet is at least 8 bytes.",
        "> raw c7000002 000000
         > end
         ! ended protocol error: short packet header",
    ),
    live(
        "1.2",
        "| 0, 1, 5..=127 | reserved by v0; MUST NOT be sent (v0)",
        "send 0 x
         ! send reserved
         send 1 x
         ! send reserved
         send 5 x
         ! send reserved
         send 127 x
         ! send reserved
         send 128 x
         ! send sent
         < packet 128 x",
    ),
    both(
        "1.3",
        "a packet of another protocol number is discarded whatever its type, length and payload are",
        "> protocol 99 packet 3 five!
         > protocol 1 packet 2 X
         > protocol 255 packet 4 _",
    ),
    both(
        "1.3",
        "A receiver checks in this order: magic, protocol number, type, length, payload.",
        "> raw 2a630064 00000000
         ! ended protocol error: invalid protocol magic",
    ),
    both(
        "1.3",
        "A packet is sent whole; there are no fragments, and no bytes are between two packets.",
        "> request 1 echo 100000*ab | request 2 echo y
         < response 1 0 100000*ab
         < response 2 0 y",
    ),
    both(
        "1.3",
        "A receiver MUST NOT take memory for a payload before its bytes have arrived.",
        "> raw c7000004 00ffffff 00000001 00
         > end
         ! ended protocol error: short payload",
    ),
    both(
        "2.1",
        "The name is 0 to 255 bytes, opaque to the protocol, and need not be text. Empty is legal.",
        "> raw c7000002 00000005 ffffffff 00
         < response 4294967295 1 _
         > raw c7000002 00000013 00000008 0300fffe 62696e617279206e616d65
         < response 8 1 _
         > request 9 255*n _
         < response 9 1 _
         call a 255*n x
         < request @a 255*n x
         > response @a 0 y
         ! a ok y
         call b _ x
         < request @b _ x
         > response @b 0 y
         ! b ok y",
    ),
    both(
        "2.1",
        "Parameters are opaque and may be empty.",
        "> request 1 echo _
         < response 1 0 _
         > request 2 echo x:00fffe80
         < response 2 0 x:00fffe80",
    ),
    both(
        "2.1",
        "A payload shorter than 5 + n is invalid.",
        "> raw c7000002 00000007 00000001 03 6162
         ! ended protocol error",
    ),
    both(
        "2.2",
        "A payload shorter than 5 bytes, or with a result code above 4, is invalid.",
        "> raw c7000004 00000004 00000001
         ! ended protocol error",
    ),
    both(
        "2.2",
        "or with a result code above 4, is invalid",
        "> response 1 5 _
         ! ended protocol error",
    ),
    both(
        "2.3",
        "A sender MUST leave the data of codes 1, 2 and 3 empty",
        "> request 1 nope data
         < response 1 1 _
         > request 2 wait data
         > request 2 echo data
         < response 2 2 _
         < response 2 2 _
         > request 3 wait data
         > cancel 3
         < response 3 3 _",
    ),
    both(
        "2.3",
        "A receiver MUST accept such a Response with data, and ignore the data (ref).",
        "call a m x
         < request @a m x
         > response @a 1 x:00ff
         ! a unknown
         call b m x
         < request @b m x
         > response @b 2 junk
         ! b duplicate
         call c m x
         < request @c m x
         > response @c 3 junk
         ! c cancelled",
    ),
    both(
        "2.4",
        "That value MUST be written as zero bytes (ref);",
        "> request 1 eempty _
         < response 1 4 _
         > request 2 fail _
         < response 2 4 _",
    ),
    both(
        "2.4",
        "Zero bytes stand for code 0, no description, no auxiliary data.",
        "call a m x
         < request @a m x
         > response @a 4 _
         ! a error 0 _ _",
    ),
    both(
        "2.4",
        "`00 00 00 00` is read as the same.",
        "call a m x
         < request @a m x
         > response @a 4 x:00000000
         ! a error 0 _ _",
    ),
    both(
        "2.4",
        "1 to 3 bytes, or a description that runs past the end, are malformed, and protocol fatal (4.1)",
        "> response 1 4 x:000100
         ! ended protocol error",
    ),
    // CH-T26.
    both(
        "2.4",
        "a description that runs past the end",
        "> response 1 4 x:00010004616263
         ! ended protocol error",
    ),
    both(
        "2.4",
        "A description that is not UTF-8 is malformed too, but that MUST binds the sender: the receiver fails that call alone, as *malformed error data*, and the session goes on.",
        "call a m x
         call b m x
         < request @a m x
         < request @b m x
         > response 99 4 x:01020004616263c0
         > response @a 4 x:01020004616263c0ff
         ! a malformed error 258 abc\u{fffd} ff
         > response @b 0 y
         ! b ok y",
    ),
    both(
        "2.4",
        "cut to the longest prefix of at most that many that ends between two characters",
        "> request 1 fail 65536*a
         < response 1 4 x:0000ffff+65535*a
         > request 2 fail 65534*a+x:c3a9
         < response 2 4 x:0000fffe+65534*a",
    ),
    both(
        "2.4",
        "A handler chooses all three fields; code 0 where it chooses none.",
        "> request 5 edata _
         < response 5 4 x:00110003+heystuff
         > request 6 fail only
         < response 6 4 x:00000004+only
         call a m x
         < request @a m x
         > response @a 4 x:00110003+hey+x:7374
         ! a error 17 hey 7374",
    ),
    both(
        "2.4",
        "What is sent MUST be UTF-8: an error text from elsewhere that is not has its bad parts replaced by U+FFFD.",
        "> request 1 fail x:61ff62
         < response 1 4 x:00000005+a+x:efbfbd+b",
    ),
    both(
        "2.5",
        "The payload is one request id, u32: exactly 4 bytes; any other length is invalid.",
        "> packet 3 five!
         ! ended protocol error",
    ),
    both(
        "2.5",
        "any other length is invalid",
        "> packet 3 _
         ! ended protocol error",
    ),
    both(
        "2.5",
        "exactly 4 bytes",
        "> cancel 16909060
         > packet 3 abc
         ! ended protocol error",
    ),
];
