#!/usr/bin/env bash
# PyPI pymodbus 3.16.1 puts the first of sixteen bits into bit 8 of a register, so that it is read as 256. A list of one number is read
# as the number, two bits as sixteen, and zero bytes at the end of a text are lost.
# Guess: 1, as the first bit is the lowest; what was written.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install pymodbus==3.16.1

cat >run.py <<'PY'
from pymodbus.client.mixin import ModbusClientMixin as Client

kinds = Client.DATATYPE
print("first bit:", Client.convert_to_registers([True] + [False] * 15, kinds.BITS))
for value, kind in (([1], kinds.INT16), ([1, 2], kinds.INT16), ([True, False], kinds.BITS), ("a\0\0", kinds.STRING)):
    result = Client.convert_from_registers(Client.convert_to_registers(value, kind), kind)
    print(f"{value!r} arrives as", f"{len(result)} bits" if kind == kinds.BITS else repr(result))
PY
python3 run.py | expect "first bit: [256]
[1] arrives as 1
[1, 2] arrives as [1, 2]
[True, False, False, False, False, False, False, False, False, False, False, False, False, False, False, False] arrives as 16 bits
'a\\x00\\x00' arrives as 'a'"
