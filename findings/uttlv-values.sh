#!/usr/bin/env bash
# PyPI uttlv 0.7.1 loses an entry whose value is an empty text, writes every integer with four bytes whatever its tag, and refuses booleans with
# an error about NoneType; what it reads are bytes, also for integers and texts.
# Guess: an entry of length 0, and values of the kinds that were written.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install uttlv==0.7.1

cat >run.py <<'PY'
import uttlv

for value in [1, 2**31, 2**32, 'a', '', b'', True]:
    try:
        written = uttlv.TLV()
        written[1] = 'first'
        written[2] = value
        data = bytes(written.to_byte_array())
        read = uttlv.TLV()
        read.parse_array(data)
        print(repr(value), data.hex(), read[2])
    except Exception as error:
        print(repr(value), type(error).__name__, error)
PY
python3 run.py | expect '1 01056669727374020400000001 b'\''\x00\x00\x00\x01'\''
2147483648 01056669727374020480000000 b'\''\x80\x00\x00\x00'\''
4294967296 OverflowError int too big to convert
'\''a'\'' 01056669727374020161 b'\''a'\''
'\'''\'' KeyError 2
b'\'''\'' KeyError 2
True TypeError '\''NoneType'\'' object is not callable'
