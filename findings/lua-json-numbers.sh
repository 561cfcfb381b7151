#!/usr/bin/env bash
# Lua's cjson 2.1.0 writes numbers with 14 digits, integers too: a request's ID of 9007199254740991 or 123456789012345678 comes back
# as another number, so that a client cannot match the answer. An empty array comes back as an object. dkjson 2.6 does the first in
# Lua 5.1, and in Lua 5.4 not.
# Guess: integers below 2^53 are exact, and in Lua 5.4 all of 64 bits; an empty array is ambiguous, but decoded ones are marked.
source "$(dirname "$(realpath "$0")")/lib.sh"
deb_install lua-cjson=2.1.0+dfsg-2.2 lua-dkjson=2.6-2 lua5.1=5.1.5-9 lua5.4=5.4.4-3+deb12u1

cat >run.lua <<'LUA'
local json = require(arg[1])
for _, text in ipairs { '[9007199254740991]', '[123456789012345678]', '[]' } do
    print(_VERSION, arg[1], text .. ' becomes ' .. json.encode((json.decode(text))))
end
LUA
for version in 5.1 5.4; do
    export LUA_PATH="$work/root/usr/share/lua/$version/?.lua"
    export LUA_CPATH="$work/root/usr/lib/$(uname -m)-linux-gnu/lua/$version/?.so"
    for module in cjson dkjson; do "lua$version" run.lua $module; done
done | expect 'Lua 5.1	cjson	[9007199254740991] becomes [9.007199254741e+15]
Lua 5.1	cjson	[123456789012345678] becomes [1.2345678901235e+17]
Lua 5.1	cjson	[] becomes {}
Lua 5.1	dkjson	[9007199254740991] becomes [9.007199254741e+15]
Lua 5.1	dkjson	[123456789012345678] becomes [1.2345678901235e+17]
Lua 5.1	dkjson	[] becomes []
Lua 5.4	cjson	[9007199254740991] becomes [9.007199254741e+15]
Lua 5.4	cjson	[123456789012345678] becomes [1.2345678901235e+17]
Lua 5.4	cjson	[] becomes {}
Lua 5.4	dkjson	[9007199254740991] becomes [9007199254740991]
Lua 5.4	dkjson	[123456789012345678] becomes [123456789012345678]
Lua 5.4	dkjson	[] becomes []'
