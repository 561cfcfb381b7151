#!/usr/bin/env bash
# PyPI erlastic 2.0.0 cannot read maps, nor the atoms that Erlang writes since release 26 (SMALL_ATOM_UTF8_EXT), and refuses to write a
# dict. It writes None as the atom none, where erlang-py 2.0.7 writes undefined. Both read a list of small integers as bytes, and
# erlang-py writes a text as such a list, so that it comes back as bytes.
# Guess: maps and atoms are read and written; one atom for None; [1, 2, 3] is read as a list; a text is a binary.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install erlastic==2.0.0 erlang-py==2.0.7

cat >run.py <<'PY'
import erlang
import erlastic

def attempt(name, call):
    try:
        print(name, call())
    except Exception as error:
        print(name, type(error).__name__)

terms = {"[1, 2, 3]": b"\x83k\0\3\1\2\3", "ok": b"\x83w\2ok", "#{1 => 2}": b"\x83t\0\0\0\1a\1a\2"}
for name, term in terms.items():
    attempt(f"{name} read by erlastic:", lambda: erlastic.decode(term))
    attempt(f"{name} read by erlang-py:", lambda: erlang.binary_to_term(term))
for value in (None, {1: 2}, "text"):
    attempt(f"{value!r} written by erlastic:", lambda: erlastic.encode(value))
    attempt(f"{value!r} written by erlang-py:", lambda: erlang.term_to_binary(value))
PY
python3 run.py | expect "[1, 2, 3] read by erlastic: b'\\x01\\x02\\x03'
[1, 2, 3] read by erlang-py: b'\\x01\\x02\\x03'
ok read by erlastic: KeyError
ok read by erlang-py: OtpErlangAtom('ok')
#{1 => 2} read by erlastic: KeyError
#{1 => 2} read by erlang-py: {1: 2}
None written by erlastic: b'\\x83d\\x00\\x04none'
None written by erlang-py: b'\\x83w\\tundefined'
{1: 2} written by erlastic: NotImplementedError
{1: 2} written by erlang-py: b'\\x83t\\x00\\x00\\x00\\x01a\\x01a\\x02'
'text' written by erlastic: b'\\x83m\\x00\\x00\\x00\\x04text'
'text' written by erlang-py: b'\\x83k\\x00\\x04text'"
