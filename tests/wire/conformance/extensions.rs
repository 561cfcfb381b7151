//! Sections 6 to 8 and 10.2: names, hello, errors, call contexts.

use crate::conformance::script::{Case, both, live, value};

pub(crate) const CASES: &[Case] = &[
    both(
        "6.1",
        "The callee compares the whole name, byte for byte.",
        "> request 1 ech o
         < response 1 1 _
         > request 2 echoo x
         < response 2 1 _
         > request 3 Echo x
         < response 3 1 _
         > request 4 echo+x:00 x
         < response 4 1 _
         > request 5 .echo x
         < response 5 1 _",
    ),
    both(
        "6.2",
        "A session answers them itself, before any handler, a wildcard included:",
        "wildcard
         > request 1 chirp x
         < response 1 0 x
         > request 2 Chirp.echo x
         < response 2 0 x
         > request 3 chirp.echo x | request 4 chirp. x
         < response 3 1 _
         < response 4 1 _",
    ),
    both(
        "6.2",
        "`chirp.hello` as section 7 says, every other with code 1,",
        "> request 1 chirp. x | request 2 chirp.echo x | request 3 chirp.hell x | request 4 chirp.hello2 x
         < response 1 1 _
         < response 2 1 _
         < response 3 1 _
         < response 4 1 _",
    ),
    live(
        "6.2",
        "ordinary calls of the framework's, which hosts may call, and no host may serve:",
        "call a chirp.echo x
         ! a reserved",
    ),
    live(
        "6.4",
        "`00`, no such method is served; `01`, it is, or may be, and nothing is known of its signature;",
        "> request 1 chirp.contract x:c75349474e+x:04+echo+x:04+ohce
         < response 1 0 x:c74e474953+x:0100
         wildcard
         > request 2 chirp.contract x:c75349474e+x:04+echo+x:04+ohce
         < response 2 0 x:c74e474953+x:0101
         > request 3 chirp.contract x:c75349474e
         < response 3 0 x:c74e474953",
    ),
    live(
        "6.4",
        "Other parameters, or over 4,096 methods, are answered C704.",
        "> request 1 chirp.contract _
         < response 1 4 ~c704
         > request 2 chirp.contract x:c75349474e+x:04+ech
         < response 2 4 ~c704
         > request 3 chirp.contract x:c74e474953
         < response 3 4 ~c704",
    ),
    live(
        "6.3",
        "Hosts may neither send nor handle them.",
        "send 50944 x
         ! send reserved
         send 50959 x
         ! send reserved
         send 50960 x
         ! send sent
         < packet 50960 x",
    ),
    both(
        "7.2",
        "payload limit, u32",
        "> request 1 chirp.hello =hello:16777216
         < raw c7000004 00000024 00000001 00 c74f4c4548 0123456789abcdf0 0001 00000000000000cf 01000000 00001000",
    ),
    both(
        "7.3",
        "Calling declares, and so does answering: whoever has received a valid hello or a valid answer to its own knows what the other side accepts, and MAY from then on send exactly that.",
        "hello
         < request @h chirp.hello ?
         > response @h 0 =welcome:100
         ! hello known
         call a m 200*x
         ! a too-large",
    ),
    both(
        "7.3",
        "A side MUST accept what it declares from the moment it sends the declaration.",
        "limit payload 1000
         > request 1 chirp.hello =hello:1000
         < response 1 0 =welcome:1000
         > request 2 echo 991*x
         < response 2 0 991*x
         > request 3 echo 992*x
         < response 3 4 ~c705",
    ),
    both(
        "7.3",
        "Parameters shorter than 31 bytes, with another magic, or of revision 0, are answered C704 and declare nothing.",
        "> request 1 chirp.hello _
         < response 1 4 ~c704
         > request 2 chirp.hello x:c748454c4f0123456789abcdef000100000000000000000000006400001000+x
         < response 2 0 ?",
    ),
    both(
        "7.3",
        "with another magic, or of revision 0, are answered C704 and declare nothing",
        "> request 1 chirp.hello x:c748454c4f0123456789abcdef0000000000000000000000000064000010
         < response 1 4 ~c704
         > request 2 chirp.hello x:c748454c4f0123456789abcdef000000000000000000000000006400001000
         < response 2 4 ~c704
         > request 3 chirp.hello =welcome:100
         < response 3 4 ~c704
         call a m 200*x
         < request @a m 200*x
         > response @a 0 y
         ! a ok y",
    ),
    both(
        "7.3",
        "**Any other answer means that the other side has no extensions**: an unknown method, any error, an echo of the parameters, a constant, a recorded answer, a shorter value. The session goes on as plain v0.",
        "hello
         < request @h chirp.hello ?
         > response @h 1 _
         ! hello none
         call a m 200*x
         < request @a m 200*x
         > response @a 0 y
         ! a ok y",
    ),
    both(
        "7.3",
        "a recorded answer, a shorter value",
        "hello
         < request @h chirp.hello ?
         > response @h 0 x:c74f4c45480123456789abcdf0000100000000000000000000006400001000
         ! hello none",
    ),
    both(
        "7.3",
        "any error",
        "hello
         < request @h chirp.hello ?
         > response @h 4 _
         ! hello none",
    ),
    value(
        "7.3",
        "An answer that takes over 10 s SHOULD be taken for none.",
        "hello
         < request @h chirp.hello ?
         give-up
         < cancel @h
         ! hello none
         > response @h 0 =welcome:100
         ! hello none",
    ),
    both(
        "7.3",
        "Hello is asked when the connection begins, by the side that connected or by both, or when something cannot be done without a *required* extension, or never, as configured; a deadline alone does not ask. It is answered always",
        "hello
         < request @h chirp.hello ?
         > response @h 0 =welcome:5000
         ! hello known
         hello
         ! hello known",
    ),
    live(
        "7.3",
        "it is never refused as busy, passes no layer, and counts as no running call",
        "limit running 1
         > request 1 wait x
         > request 2 chirp.hello =hello:5000
         < response 2 0 ?
         > cancel 1
         < response 1 3 _",
    ),
    both(
        "7.3",
        "Hello MAY be called again, as a sign of life. Each side MUST declare the same each time; a receiver keeps the first.",
        "> request 1 chirp.hello =hello:100
         < response 1 0 ?
         > request 1 chirp.hello =hello:5000
         < response 1 0 ?
         call a m 200*x
         ! a too-large",
    ),
    both(
        "7.3",
        "Each side MUST declare the same each time;",
        "> request 1 chirp.hello =hello:5000
         < response 1 0 =welcome:16777216
         > request 1 chirp.hello =hello:5000
         < response 1 0 =welcome:16777216",
    ),
    both(
        "7.3",
        "Bits that the receiver does not know are ignored. Bits 16 to 63 are zero in revision 1.",
        "> request 1 chirp.hello x:c748454c4f0123456789abcdef0001ffffffffffffffff0100000000001000
         < response 1 0 ?",
    ),
    both(
        "8.1",
        "Both are needed: without the two bytes it is somebody else's error.",
        "call a m x
         < request @a m x
         > response @a 4 x:c7000004+busy+x:c745
         ! a fault c700
         call b m x
         < request @b m x
         > response @b 4 x:c7000004+busy
         ! b error 50944 busy _",
    ),
    both(
        "8.1",
        "A recognised code that the receiver does not know is still a framework error, of an unknown kind.",
        "call a m x
         < request @a m x
         > response @a 4 x:c7ee0004+what+x:c745
         ! a fault c7ee",
    ),
    both(
        "8.1",
        "a C702, C705 or C70B without its eight bytes is recognised without them",
        "call a m x
         < request @a m x
         > response @a 4 x:c7020004+what+x:c745
         ! a fault c702",
    ),
    both(
        "10.10",
        "Unless it has sent its own, it MUST send it at once behind the calls that it has already made, with the same grace.",
        "> request 9 chirp.hello x:c748454c4f0123456789abcdef0001000000000000004000ffffff00001000
         < response 9 0 ?
         call a m x
         > packet 50950 x:00007530
         < request @a m x
         < packet 50950 x:00007530
         > packet 50950 x:00000001
         call b m x
         ! b fault c701
         > request 1 echo x
         < response 1 0 x
         > response @a 0 y
         ! a ok y",
    ),
    both(
        "10.10",
        "**while it has a call to answer**, it may make calls, so that running handlers can call back",
        "> request 9 chirp.hello x:c748454c4f0123456789abcdef0001000000000000004000ffffff00001000
         < response 9 0 ?
         > request 1 wait x
         > packet 50950 x:ffffffff
         < packet 50950 x:ffffffff
         > request 2 callback x
         < request @b back x
         > response @b 0 y
         < response 2 0 y
         > cancel 1
         < response 1 3 _",
    ),
    live(
        "10.10",
        "A side that shuts down says GOING AWAY, and goes on accepting Requests until the other side has closed or the grace is over.",
        "> request 9 chirp.hello x:c748454c4f0123456789abcdef0001000000000000004000ffffff00001000
         < response 9 0 ?
         > request 1 wait x | request 2 echo x
         < response 2 0 x
         shutdown
         < packet 50950 x:00007530
         > request 3 echo x
         < response 3 0 x
         > packet 50950 x:00007530
         > request 4 echo x
         < response 4 0 x
         > cancel 1
         < response 1 3 _
         > end
         ! ended closed by this side",
    ),
    both(
        "10.10",
        "To a side that has not declared bit 6, or whose declaration has not arrived, GOING AWAY is not sent.",
        "> request 9 chirp.hello x:c748454c4f0123456789abcdef0001000000000000000000ffffff00001000
         < response 9 0 ?
         > packet 50950 x:00007530
         call a m x
         < request @a m x
         > response @a 0 y
         ! a ok y",
    ),
    both(
        "10.2",
        "It MUST be followed at once by the Request or one-way request that it belongs to.",
        "> request 1 chirp.hello =hello:5000
         < response 1 0 ?
         > packet 50944 _ | cancel 7
         ! ended expected a call to follow, got a Cancel packet",
    ),
    both(
        "10.2",
        "with 0 remaining it is not run",
        "> request 1 chirp.hello =hello:5000
         < response 1 0 ?
         > packet 50944 x:01000400000000 | request 2 echo x
         < response 2 4 ~c703
         > packet 50944 x:0100040000ffff | request 3 echo x
         < response 3 0 x",
    ),
    both(
        "10.2",
        "must be understood: a Request is answered C706",
        "> request 1 chirp.hello =hello:5000
         < response 1 0 ?
         > packet 50944 x:800000 | request 2 echo x
         < response 2 4 ~c706
         > packet 50944 x:7f0000 | request 3 echo x
         < response 3 0 x",
    ),
    both(
        "10.2",
        "A trace context shorter than 25 bytes is invalid.",
        "> request 1 chirp.hello =hello:5000
         < response 1 0 ?
         > packet 50944 x:020018+24*a | request 2 echo x
         ! ended trace context shorter than 25 bytes",
    ),
    both(
        "10.2",
        "With an id that is all zero it is ignored",
        "> request 1 chirp.hello =hello:5000
         < response 1 0 ?
         > packet 50944 x:020019+x:00000000000000000000000000000000+9*a | request 2 echo x
         < response 2 0 x",
    ),
    both(
        "10.2",
        "A metadata key that is empty, runs past the end of its field or is not UTF-8 is invalid.",
        "> request 1 chirp.hello =hello:5000
         < response 1 0 ?
         > packet 50944 x:03000100 | request 2 echo x
         ! ended metadata with an empty key",
    ),
    both(
        "10.2",
        "runs past the end of its field or is not UTF-8 is invalid",
        "> request 1 chirp.hello =hello:5000
         < response 1 0 ?
         > packet 50944 x:03000202+a | request 2 echo x
         ! ended truncated metadata key",
    ),
    both(
        "10.2",
        "or is not UTF-8 is invalid",
        "> request 1 chirp.hello =hello:5000
         < response 1 0 ?
         > packet 50944 x:030002+x:01ff | request 2 echo x
         ! ended metadata key is not UTF-8",
    ),
    both(
        "10.2",
        "A receiver ignores metadata with a reserved key that it does not know.",
        "> request 1 chirp.hello =hello:5000
         < response 1 0 ?
         > packet 50944 x:03000807+chirp.x | request 2 echo x
         < response 2 0 x",
    ),
    both(
        "10.2",
        "A call over it is answered C70B",
        "> request 1 chirp.hello =hello:5000
         < response 1 0 ?
         > packet 50944 x:032000016b+8190*v | request 2 echo x
         < response 2 4 ~c70b
         > packet 50944 x:031ffd016b+8187*v | request 3 echo x
         < response 3 0 x",
    ),
];
