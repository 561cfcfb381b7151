#!/usr/bin/env bash
# Neovim 0.7.2 as the client of a language server: a request from the server whose handler returns false is not answered, but is an
# error in the editor, and an ID of 123456789012345678 comes back as another number, so that the server cannot match the answer.
# Guess: "result": false; IDs come back as they were.
source "$(dirname "$(realpath "$0")")/lib.sh"
deb_install neovim=0.7.2-7 neovim-runtime=0.7.2-7 libluajit-5.1-2=2.1.0~beta3+git20220320+dfsg-4.1+deb12u1 \
    libluajit-5.1-common=2.1.0~beta3+git20220320+dfsg-4.1+deb12u1 libmsgpackc2=4.0.0-3 libtermkey1=0.22-1 \
    libtree-sitter0=0.20.7-1 libunibilium4=2.1.0-1 libuv1=1.44.2-1+deb12u1 libvterm0=0.1.4-1 lua-luv=1.44.2-0-1
export VIMRUNTIME=$work/root/usr/share/nvim/runtime XDG_STATE_HOME=$work/state

cat >server.py <<'PY'
import json, sys, threading

def send(message):
    body = json.dumps({"jsonrpc": "2.0", **message})
    sys.stdout.write(f"Content-Length: {len(body)}\r\n\r\n{body}")
    sys.stdout.flush()

for id, method in [(1, "yes"), (2, "no"), (123456789012345678, "yes")]:
    send({"id": id, "method": method})
threading.Timer(2, sys.stdin.buffer.raw.close).start()
with open("answers", "wb", 0) as answers:
    while part := sys.stdin.buffer.raw.read(4096):
        answers.write(part)
PY
cat >client.lua <<'LUA'
local function answer(method) return method == 'yes', nil end
local dispatchers = { server_request = answer, notification = print, on_error = print, on_exit = function() end }
vim.lsp.rpc.start('python3', { 'server.py' }, dispatchers)
vim.wait(1500, function() return false end, 50)
vim.cmd 'qa!'
LUA
nvim --headless -u NONE -c 'luafile client.lua' >nvim.log 2>&1 </dev/null || true
{
    tr -d '\r' <answers | sed 's/Content-Length: [0-9]*/\n/g' | grep -o '"id":[^,}]*'
    grep -o 'either a result or an error must be sent' nvim.log | head -1
} | expect '"id":1
"id":1.2345678901235e+17
either a result or an error must be sent'
