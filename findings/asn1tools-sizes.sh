#!/usr/bin/env bash
# PyPI asn1tools 0.169.0 with PER does not refuse values beyond the constraints of their types unless check_constraints is set, and sends
# others in their place: 256 as 0, three elements as one, and three octets as two. BER sends the values as they are.
# Guess: an error, as a PER encoding has no bits for such values.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install asn1tools==0.169.0

cat >run.py <<'PY'
import asn1tools

specification = """M DEFINITIONS AUTOMATIC TAGS ::= BEGIN
    Byte ::= INTEGER (0..255)
    Pair ::= SEQUENCE (SIZE(1..2)) OF INTEGER
    Octets ::= OCTET STRING (SIZE(2))
END"""
for codec in ("ber", "per", "uper"):
    module = asn1tools.compile_string(specification, codec)
    for name, value in (("Byte", 256), ("Pair", [1, 2, 3]), ("Octets", b"abc")):
        print(f"{codec}: {name} {value!r} arrives as", module.decode(name, module.encode(name, value)))
try:
    module.encode("Byte", 256, check_constraints=True)
except asn1tools.ConstraintsError:
    print("uper: Byte 256 with check_constraints: ConstraintsError")
PY
python3 run.py | expect "ber: Byte 256 arrives as 256
ber: Pair [1, 2, 3] arrives as [1, 2, 3]
ber: Octets b'abc' arrives as b'abc'
per: Byte 256 arrives as 0
per: Pair [1, 2, 3] arrives as [1]
per: Octets b'abc' arrives as b'ab'
uper: Byte 256 arrives as 0
uper: Pair [1, 2, 3] arrives as [1]
uper: Octets b'abc' arrives as b'ab'
uper: Byte 256 with check_constraints: ConstraintsError"
