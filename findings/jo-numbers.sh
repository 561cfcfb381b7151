#!/usr/bin/env bash
# JSON on the command line: jo 1.9 (Debian jo 1.9-1) rounds integers above 2^53, from 2^63 on to 16 digits with an exponent, and
# makes numbers of 007 and 0x10. jshon (Debian 20131010-3+b1) rewrites 1.10 as 1.1000000000000001 and refuses integers above 2^63.
# Guess: the digits of the argument are kept, as both only pass values through, and what is no JSON number becomes a string.
source "$(dirname "$(realpath "$0")")/lib.sh"
deb_install jo=1.9-1 jshon=20131010-3+b1 libjansson4

{
    jo a=9007199254740993 b=18446744073709551615 c=007 d=0x10
    echo '{"price":1.10}' | jshon -e price
    { echo '[18446744073709551615]' | jshon 2>&1 || true; } | grep -o 'too big integer'
} | expect '{"a":9007199254740992,"b":1.844674407370955e+19,"c":7,"d":16}
1.1000000000000001
too big integer'
