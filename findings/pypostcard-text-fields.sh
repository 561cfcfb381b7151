#!/usr/bin/env bash
# Python pypostcard 0.1.1 leaves out fields of the types str and bytes, and fields whose value is None: it logs a warning for the
# former and returns the bytes of the other fields, which a Rust peer reads as something else.
# Guess: a length and UTF-8, a 0 for None, or a TypeError.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install pypostcard==0.1.1 pyserde==0.34.0

python3 - 2>/dev/null <<'PY' | expect "Person(id=7, name='Ada', tag=b'xy', age=36) -> 0724
Limit(low=None, high=5) -> 05"
from dataclasses import dataclass
from typing import Optional
from pypostcard.serde import to_postcard
from pypostcard.types import u8

@dataclass
class Person:
    id: u8
    name: str
    tag: bytes
    age: u8

@dataclass
class Limit:
    low: Optional[u8]
    high: u8

for value in [Person(7, "Ada", b"xy", 36), Limit(None, 5)]:
    print(value, "->", to_postcard(value).hex())
PY
