#!/usr/bin/env bash
# PyPI betterproto 1.2.5: lists lose their elements that are an empty message, empty bytes or an empty text, so that others take their
# places. A duration of -0.5 s is written as 0.5 s. In JSON, NaN is a bare word, and integers of 64 bits in maps are numbers.
# Guess: as many elements as were written; nanos below zero; "NaN" and text, as the JSON mapping of Protocol Buffers says.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install betterproto==1.2.5

cat >run.py <<'PY'
import datetime
from dataclasses import dataclass
from typing import Dict, List
import betterproto

@dataclass
class Point(betterproto.Message):
    x: int = betterproto.int32_field(1)

@dataclass
class Drawing(betterproto.Message):
    points: List[Point] = betterproto.message_field(1)
    parts: List[bytes] = betterproto.bytes_field(2)
    names: List[str] = betterproto.string_field(3)
    delay: datetime.timedelta = betterproto.message_field(4)
    scale: float = betterproto.double_field(5)
    counts: Dict[str, int] = betterproto.map_field(6, betterproto.TYPE_STRING, betterproto.TYPE_INT64)

def pass_on(drawing):
    return Drawing().parse(bytes(drawing))

print("points:", pass_on(Drawing(points=[Point(0), Point(1), Point(0)])).points)
print("parts:", pass_on(Drawing(parts=[b"", b"a"])).parts)
print("names:", pass_on(Drawing(names=["", "a"])).names)
print("delay:", pass_on(Drawing(delay=datetime.timedelta(seconds=-0.5))).delay.total_seconds())
print("JSON:", Drawing(scale=float("nan"), counts={"a": 2**60}).to_json())
PY
python3 run.py | expect 'points: [Point(x=1)]
parts: [b'"'a'"']
names: ['"'a'"']
delay: 0.5
JSON: {"scale": NaN, "counts": {"a": 1152921504606846976}}'
