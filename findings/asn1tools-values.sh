#!/usr/bin/env bash
# PyPI asn1tools 0.169.0: the object identifier 2.999.1 comes back as 26.39.1. DER does not sort a SET OF, keeps the zero bits at the end
# of a bit string with names. Members that the type does not have are dropped.
# Guess: 2.999.1; the sorted elements and no zero bits, as X.690 says in 11.6 and 11.2.2; an error for unknown members.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install asn1tools==0.169.0

cat >run.py <<'PY'
import datetime
import asn1tools

specification = """M DEFINITIONS AUTOMATIC TAGS ::= BEGIN
    Identifier ::= OBJECT IDENTIFIER
    Numbers ::= SET OF INTEGER
    Flags ::= BIT STRING { first(0), second(1) }
    Record ::= SEQUENCE { number INTEGER }
END"""
for codec in ("ber", "der", "uper"):
    module = asn1tools.compile_string(specification, codec)
    print(f"{codec}: 2.999.1 comes back as", module.decode("Identifier", module.encode("Identifier", "2.999.1")))
module = asn1tools.compile_string(specification, "der")
print("der: SET OF {3, 1}:", module.encode("Numbers", [3, 1]).hex())
print("der: the first of eight flags:", module.encode("Flags", (b"\x80", 8)).hex())
print("der: unknown member:", module.decode("Record", module.encode("Record", {"number": 1, "nunber": 2})))
PY
python3 run.py | expect "ber: 2.999.1 comes back as 26.39.1
der: 2.999.1 comes back as 26.39.1
uper: 2.999.1 comes back as 26.39.1
der: SET OF {3, 1}: 3106020103020101
der: the first of eight flags: 03020080
der: unknown member: {'number': 1}"
