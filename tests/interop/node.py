#!/usr/bin/env python3
"""An independent node, written from PROTOCOL.md alone (sections 9.2 and 12), on top of chirp_v0.py.

    node.py dial ADDRESS NAME NETWORK TO [KEY=VALUE...]
    node.py listen ADDRESS NAME NETWORK
    node.py examples

`dial` joins the node TO at ADDRESS, and `listen` is joined. Both then serve the service `Arith`, call `Arith.add(20, 22)` of the
other node, print what happens, one line each, and serve until the link ends. `examples` compares with the bytes in PROTOCOL.md.
"""

import asyncio
import random
import struct
import sys
from typing import Callable, NamedTuple, Optional

from chirp_v0 import (
    SERVICE_ERROR,
    SUCCESS,
    UNKNOWN_METHOD,
    Call,
    ErrorData,
    Fatal,
    Session,
    check,
    framework_error,
    parse_address,
    request,
    response,
)

JOIN, LEAVE = "chirp.node.join", "chirp.node.leave"
PERMISSION_DENIED, INVALID_ARGUMENTS = 0xC70A, 0xC704
VERSION = 1
REASONS = {
    1: "network",
    2: "name taken",
    3: "unproven",
    4: "wrong node",
    5: "own name",
    6: "too many nodes",
    7: "busy",
    8: "disconnected",
    9: "shutting down",
    10: "invalid",
}


# Values in bincode, section 9.2.


def varint(number: int) -> bytes:
    for limit, mark, form in (1 << 16, b"\xfb", "<H"), (1 << 32, b"\xfc", "<I"), (1 << 64, b"\xfd", "<Q"):
        if number < 251:
            return bytes([number])
        if number < limit:
            return mark + struct.pack(form, number)
    raise ValueError(number)


def signed(number: int) -> bytes:
    return varint(2 * number if number >= 0 else -2 * number - 1)


def text(value: str) -> bytes:
    return varint(len(value.encode())) + value.encode()


def pairs(labels: dict[str, str]) -> bytes:
    return varint(len(labels)) + b"".join(text(key) + text(value) for key, value in labels.items())


class Reader:
    """Takes values from the front of some bytes."""

    def __init__(self, data: bytes):
        self.data = data

    def take(self, length: int) -> bytes:
        check(len(self.data) >= length, "a value is cut short", Fatal)
        taken, self.data = self.data[:length], self.data[length:]
        return taken

    def varint(self) -> int:
        first = self.take(1)[0]
        if first < 251:
            return first
        check(first in (0xFB, 0xFC, 0xFD), "an integer is too wide", Fatal)
        width = {0xFB: 2, 0xFC: 4, 0xFD: 8}[first]
        return int.from_bytes(self.take(width), "little")

    def signed(self) -> int:
        number = self.varint()
        return -(number + 1) // 2 if number % 2 else number // 2

    def text(self) -> str:
        return self.take(self.varint()).decode()

    def pairs(self) -> dict[str, str]:
        return {self.text(): self.text() for _ in range(self.varint())}


# Joins, section 12.1.


class Join(NamedTuple):
    version: int
    name: str
    network: str
    to: str
    incarnation: int
    sequence: int
    features: int
    labels: dict[str, str]

    def encode(self) -> bytes:
        head = varint(self.version) + text(self.name) + text(self.network) + text(self.to)
        return head + varint(self.incarnation) + varint(self.sequence) + varint(self.features) + pairs(self.labels)

    @staticmethod
    def decode(data: bytes) -> "Join":
        # Bytes after the last field belong to a later revision.
        r = Reader(data)
        return Join(r.varint(), r.text(), r.text(), r.text(), r.varint(), r.varint(), r.varint(), r.pairs())


class Joined(NamedTuple):
    version: int
    name: str
    network: str
    incarnation: int
    features: int
    labels: dict[str, str]

    def encode(self) -> bytes:
        head = varint(0) + varint(self.version) + text(self.name) + text(self.network)
        return head + varint(self.incarnation) + varint(self.features) + pairs(self.labels)


class Refused(NamedTuple):
    reason: int
    why: str

    def encode(self) -> bytes:
        return varint(1) + varint(self.reason) + text(self.why)


def decode_answer(data: bytes) -> Joined | Refused:
    r = Reader(data)
    variant = r.varint()
    check(variant in (0, 1), f"variant {variant} of the answer to a join", Fatal)
    if variant == 1:
        return Refused(r.varint(), r.text())
    return Joined(r.varint(), r.text(), r.text(), r.varint(), r.varint(), r.pairs())


# The service that the tests of nodes call.


def add(call: Call, caller: str) -> None:
    """`add(a: i64, b: i64) -> (i64, Option<String>)`: the sum, and the name of the calling node."""
    r = Reader(call.params)
    call.answer(SUCCESS, signed(r.signed() + r.signed()) + b"\x01" + text(caller))


class Node(Session):
    """One link of a node."""

    def __init__(self, name: str, network: str, labels: Optional[dict[str, str]] = None):
        super().__init__({})
        self.name, self.network, self.labels = name, network, labels or {}
        self.incarnation = random.getrandbits(64)
        self.other: Optional[str] = None
        self.ends = False

    def _request(self, payload: bytes, oversized: bool) -> None:
        id, method = int.from_bytes(payload[:4], "big"), payload[5 : 5 + payload[4]].decode()
        if oversized or method == "chirp.hello" or id in self.running:
            super()._request(payload, oversized)
            return
        call = self.running[id] = Call(self, id, payload[5 + payload[4] :])
        if method == JOIN:
            self._join(call)
        elif self.other is None:
            call.answer(SERVICE_ERROR, framework_error(PERMISSION_DENIED, "join first"))
        elif method == LEAVE:
            self._leave(call)
        elif method == "Arith.add":
            add(call, self.other)
        elif method == "Arith.name":
            call.answer(SUCCESS, text(self.name))
        elif method == "Arith.log":
            say(f"logged {Reader(call.params).text()}")
            call.answer()
        else:
            call.answer(UNKNOWN_METHOD)

    def join(self, to: str) -> None:
        """The side that dialled joins before it calls anything else."""
        join = Join(VERSION, self.name, self.network, to, self.incarnation, 1, 0, self.labels)

        def answered(code: int, data: bytes) -> None:
            if code != SUCCESS:
                return self.end(f"the join failed with code {code} {data!r}")
            answer = decode_answer(data)
            if isinstance(answer, Refused):
                return self.end(f"refused: {REASONS.get(answer.reason, answer.reason)}")
            if answer.name != to or answer.network != self.network:
                return self.end(f"joined {answer.name} of {answer.network}, which was not dialled")
            self.joined(answer.name)

        self.call(JOIN, join.encode(), answered)

    def _join(self, call: Call) -> None:
        try:
            join = Join.decode(call.params)
        except (Fatal, UnicodeDecodeError) as why:
            return call.answer(SUCCESS, Refused(10, str(why)).encode())
        if self.other is not None or join.version < 1:
            refused = Refused(10, "this connection has joined, or the version is 0")
        elif join.network != self.network:
            refused = Refused(1, f"this is the network {self.network}")
        elif join.name == self.name:
            refused = Refused(5, "this is the name of this node")
        elif join.to != self.name:
            refused = Refused(4, f"this is {self.name}")
        else:
            version = min(VERSION, join.version)
            joined = Joined(version, self.name, self.network, self.incarnation, 0, self.labels)
            call.answer(SUCCESS, joined.encode())
            return self.joined(join.name)
        call.answer(SUCCESS, refused.encode())
        say(f"refused {join.name}: {REASONS[refused.reason]}")

    def joined(self, other: str) -> None:
        self.other = other
        say(f"joined {other}")

        def answered(code: int, data: bytes) -> None:
            if code != SUCCESS:
                return say(f"the call failed with code {code} {data!r}")
            r = Reader(data)
            total, caller = r.signed(), r.text() if r.varint() else None
            say(f"called {other}: {total}, known there as {caller}")

        self.call("Arith.add", signed(20) + signed(22), answered)

    def _leave(self, call: Call) -> None:
        # This node has one link: the other side leaves it for another process, or for good.
        reason = Reader(call.params).varint()
        call.answer()
        say("disconnected" if reason == 1 else "left")
        self.ends = reason == 1

    def end(self, why: str) -> None:
        say(why)
        self.ends = True


def say(line: str) -> None:
    print(line, flush=True)


async def run(node: Node, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            writer.write(bytes(node.out))
            node.out.clear()
            await writer.drain()
            if node.ends or not (data := await reader.read(1 << 16)):
                return
            node.receive(data)
    except ConnectionError:
        pass
    finally:
        writer.close()
        say("ended")


async def dial(address: str, name: str, network: str, to: str, *labels: str) -> None:
    family, where = parse_address(address)
    reader, writer = await (
        asyncio.open_unix_connection(where) if isinstance(where, str) else asyncio.open_connection(*where)
    )
    node = Node(name, network, dict(label.split("=", 1) for label in labels))
    node.join(to)
    await run(node, reader, writer)


async def listen(address: str, name: str, network: str) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await run(Node(name, network), reader, writer)

    family, where = parse_address(address)
    if isinstance(where, str):
        server = await asyncio.start_unix_server(accept, where)
    else:
        server = await asyncio.start_server(accept, *where)
        address = "tcp://{}:{}".format(*server.sockets[0].getsockname())
    say(f"listening on {address}")
    await server.serve_forever()


def examples() -> None:
    """The bytes in section 12 of PROTOCOL.md."""
    join = Join(1, "alpha", "prod", "beta", 0x0123456789ABCDEF, 1, 0, {"zone": "eu"})
    dialled = request(1, JOIN, join.encode())
    check(dialled == bytes.fromhex(
        "c700000200000039 00000001 0f63686972702e6e6f64652e6a6f696e"
        "01 05616c706861 0470726f64 0462657461 fdefcdab8967452301 01 00 01 047a6f6e65 026575"
    ), f"the join is {dialled.hex()}")
    check(Join.decode(join.encode() + b"later") == join, "the join, read back")
    joined = Joined(1, "beta", "prod", 250, 0, {})
    for answer, expected in (joined, "0400000014 00000001 00 00 01 0462657461 0470726f64 fa 00 00"), (
        Refused(1, "no"),
        "040000000a 00000001 00 01 01 026e6f",
    ):
        sent = response(1, SUCCESS, answer.encode())
        check(sent == bytes.fromhex("c70000" + expected), f"the answer is {sent.hex()}")
        check(decode_answer(answer.encode()) == answer, "the answer, read back")
    leave = request(2, LEAVE, varint(0) + text(""))
    check(leave == bytes.fromhex(
        "c700000200000017 00000002 1063686972702e6e6f64652e6c65617665 0000"
    ), f"the leave is {leave.hex()}")
    check(ErrorData.decode(framework_error(PERMISSION_DENIED, "")).code == 0xC70A, "the refusal")
    for number in 0, -1, 1, 250, -(1 << 31), (1 << 63) - 1:
        check(Reader(signed(number)).signed() == number, f"{number} is read back")


def main(arguments: list[str]) -> None:
    commands: dict[str, Callable] = {"dial": dial, "listen": listen}
    match arguments:
        case ["examples"]:
            examples()
        case [command, *rest] if command in commands:
            try:
                asyncio.run(commands[command](*rest))
            except KeyboardInterrupt:
                pass
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
