#!/usr/bin/env python3
"""An independent Chirp v0 peer, written from PROTOCOL.md alone.

As a script it examines a server:

    chirp_v0.py [--vectors FILE] [--rss PID] [--timeout SECONDS] ADDRESS CASE...
    chirp_v0.py serve ADDRESS

ADDRESS is tcp://host:port or unix:///path; CASE is one of the names printed by --help, or `all`. The server under
examination has the six raw methods of `HANDLERS` below, and so has `serve`.

As a library, its floors are: packets as bytes, `Framer` (bytes to packets), `Session` (the protocol as a value, no
sockets), `Connection` (a blocking socket). Section numbers are those of PROTOCOL.md.
"""

import argparse
import asyncio
import json
import random
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections import Counter, namedtuple
from typing import Callable, Iterable, Iterator, NamedTuple, Optional

REQUEST, CANCEL, RESPONSE = 2, 3, 4
SUCCESS, UNKNOWN_METHOD, DUPLICATE_REQUEST, CANCELLED, SERVICE_ERROR = range(5)
BUSY, BAD_ARGUMENTS, TOO_LARGE = 0xC700, 0xC704, 0xC705
FRAMEWORK_MARK = b"\xc7\x45"
HELLO_ASKS, HELLO_ANSWERS = b"\xc7HELO", b"\xc7OLEH"
HELLO = struct.Struct(">5sQHQII")  # magic, nonce, revision, extensions, payload limit, running limit

HEADER = struct.Struct(">BBHI")
MIB = 1 << 20
PAYLOAD_LIMIT = 16 * MIB
RUNNING_LIMIT = 4096


class Fatal(Exception):
    """A protocol fatal condition: section 4.1."""


class Failure(Exception):
    """A case found the server wrong."""


def check(condition: bool, why: str, kind: type[Exception] = Failure) -> None:
    if not condition:
        raise kind(why)


# Packets, sections 1 and 2.


class Packet(NamedTuple):
    type: int
    payload: bytes  # of an oversized packet, only its beginning
    oversized: bool = False


def packet(type: int, payload: bytes = b"", protocol: int = 0) -> bytes:
    return HEADER.pack(0xC7, protocol, type, len(payload)) + payload


def request(id: int, method: str, params: bytes = b"") -> bytes:
    name = method.encode()
    return packet(REQUEST, struct.pack(">IB", id, len(name)) + name + params)


def cancel(id: int) -> bytes:
    return packet(CANCEL, struct.pack(">I", id))


def response(id: int, code: int = SUCCESS, data: bytes = b"") -> bytes:
    return packet(RESPONSE, struct.pack(">IB", id, code) + data)


class ErrorData(NamedTuple):
    """Section 2.4."""

    code: int = 0
    description: str = ""
    data: bytes = b""

    def encode(self) -> bytes:
        if self == ErrorData():
            return b""
        # Cutting at 65,535 bytes may split a character; `ignore` drops the part that is left of it.
        text = self.description.encode()[:0xFFFF].decode(errors="ignore").encode()
        return struct.pack(">HH", self.code, len(text)) + text + self.data

    @staticmethod
    def decode(data: bytes) -> "ErrorData":
        if not data:
            return ErrorData()
        check(len(data) >= 4, "short error data", Fatal)
        code, length = struct.unpack_from(">HH", data)
        check(len(data) >= 4 + length, "error description runs past the end", Fatal)
        try:
            return ErrorData(code, data[4 : 4 + length].decode(), data[4 + length :])
        except UnicodeDecodeError:
            raise Fatal("error description is not UTF-8") from None

    def is_framework(self, code: int) -> bool:
        """Section 8.1: the code alone would not do."""
        return self.code == code and self.data.startswith(FRAMEWORK_MARK)


def framework_error(code: int, description: str, rest: bytes = b"") -> bytes:
    return ErrorData(code, description, FRAMEWORK_MARK + rest).encode()


def split_request(payload: bytes) -> tuple[int, bytes, bytes]:
    check(len(payload) >= 5 and len(payload) >= 5 + payload[4], "invalid Request", Fatal)
    end = 5 + payload[4]
    return int.from_bytes(payload[:4], "big"), payload[5:end], payload[end:]


def split_response(payload: bytes, oversized: bool = False) -> tuple[int, int, bytes]:
    check(len(payload) >= 5 and payload[4] <= SERVICE_ERROR, "invalid Response", Fatal)
    if payload[4] == SERVICE_ERROR and not oversized:
        ErrorData.decode(payload[5:])
    return int.from_bytes(payload[:4], "big"), payload[4], payload[5:]


class Framer:
    """Cuts a byte stream into packets, and skips in constant memory what is discarded or too large (4.2, 5.1)."""

    def __init__(self, limit: int = PAYLOAD_LIMIT):
        self.limit = limit
        self.buffer = bytearray()
        self.skip = 0

    def feed(self, data: bytes) -> Iterator[Packet]:
        self.buffer += data
        while (found := self._next()) is not None:
            yield found

    def _next(self) -> Optional[Packet]:
        buffer = self.buffer
        while True:
            step = min(self.skip, len(buffer))
            del buffer[:step]
            self.skip -= step
            check(not buffer or buffer[0] == 0xC7, "bad magic", Fatal)
            if self.skip or len(buffer) < HEADER.size:
                return None
            _, protocol, type, length = HEADER.unpack_from(buffer)
            if protocol != 0 or type not in (REQUEST, CANCEL, RESPONSE):
                self.skip = HEADER.size + length
                continue
            check(type != CANCEL or length == 4, "invalid Cancel", Fatal)
            oversized = length > self.limit
            # The longest head that is needed: id, name length and name, or id and code.
            kept = length if not oversized else 260 if type == REQUEST else 5
            if len(buffer) < HEADER.size + kept:
                return None
            payload = bytes(buffer[HEADER.size : HEADER.size + kept])
            del buffer[: HEADER.size + kept]
            self.skip = length - kept
            return Packet(type, payload, oversized)

    def in_packet(self) -> bool:
        return bool(self.buffer or self.skip)


# The protocol as a value, sections 3 to 8.

Answered = Callable[[int, bytes], None]


class Call:
    """One inbound call. What answers it after its end answers nothing."""

    def __init__(self, session: "Session", id: int, params: bytes):
        self.session, self.id, self.params = session, id, params

    def answer(self, code: int = SUCCESS, data: bytes = b"") -> None:
        if self.session.running.get(self.id) is self:
            del self.session.running[self.id]
            self.session.out += response(self.id, code, data)

    def fail(self, code: int, description: str, data: bytes = b"") -> None:
        self.answer(SERVICE_ERROR, ErrorData(code, description, data).encode())


class Session:
    """Bytes go into `receive`, and come out of `out`; handlers are run in between."""

    def __init__(self, handlers: dict[bytes, Callable[[Call], None]]):
        self.handlers = handlers
        self.framer = Framer()
        self.running: dict[int, Call] = {}
        self.pending: dict[int, Answered] = {}
        self.last_id = 0
        self.out = bytearray()

    def call(self, method: str, params: bytes, answered: Answered) -> int:
        self.last_id += 1
        self.pending[self.last_id] = answered
        self.out += request(self.last_id, method, params)
        return self.last_id

    def receive(self, data: bytes) -> None:
        for type, payload, oversized in self.framer.feed(data):
            if type == REQUEST:
                self._request(payload, oversized)
            elif type == CANCEL:
                if call := self.running.get(int.from_bytes(payload, "big")):
                    call.answer(CANCELLED)
            else:
                id, code, result = split_response(payload, oversized)
                answered = self.pending.pop(id, None)
                if answered and oversized:
                    answered(SERVICE_ERROR, framework_error(TOO_LARGE, "too large"))
                elif answered:
                    answered(code, result)

    def _request(self, payload: bytes, oversized: bool) -> None:
        id, method, params = split_request(payload)
        if running := self.running.get(id):
            running.answer(DUPLICATE_REQUEST)
            self.out += response(id, DUPLICATE_REQUEST)
            return
        call = self.running[id] = Call(self, id, params)
        if oversized:
            call.answer(SERVICE_ERROR, framework_error(TOO_LARGE, "too large", struct.pack(">Q", PAYLOAD_LIMIT)))
        elif method == b"chirp.hello":
            self._hello(call)
        elif method.startswith(b"chirp.") or method not in self.handlers:
            call.answer(UNKNOWN_METHOD)
        elif len(self.running) > RUNNING_LIMIT:
            call.answer(SERVICE_ERROR, framework_error(BUSY, "busy"))
        else:
            self.handlers[method](call)

    def _hello(self, call: Call) -> None:
        if asked := read_hello(call.params, HELLO_ASKS):
            call.answer(SUCCESS, hello(HELLO_ANSWERS, asked.nonce + 1, min(asked.revision, 1)))
        else:
            call.answer(SERVICE_ERROR, framework_error(BAD_ARGUMENTS, "not a hello"))


Hello = namedtuple("Hello", "nonce revision extensions payload_limit running_limit")


def hello(magic: bytes, nonce: int, revision: int = 1) -> bytes:
    return HELLO.pack(magic, nonce % (1 << 64), revision, 0, PAYLOAD_LIMIT, RUNNING_LIMIT)


def read_hello(data: bytes, magic: bytes) -> Optional[Hello]:
    if len(data) < HELLO.size:
        return None
    found, *fields = HELLO.unpack_from(data)
    said = Hello(*fields)
    return said if found == magic and said.revision > 0 else None


def callback(call: Call) -> None:
    def answered(code: int, data: bytes) -> None:
        # A nested failure is this handler's own (3.5), never passed off as the outer call's.
        if code == SUCCESS:
            call.answer(SUCCESS, data)
        else:
            call.fail(0, f"back answered code {code}")

    call.session.call("back", call.params, answered)


# What the examined server has, and `serve` too.
HANDLERS: dict[bytes, Callable[[Call], None]] = {
    b"echo": lambda call: call.answer(SUCCESS, call.params),
    b"fail": lambda call: call.fail(0, call.params.decode(errors="replace")),
    b"edata": lambda call: call.fail(17, "hey", b"stuff"),
    b"eempty": lambda call: call.fail(0, ""),
    b"wait": lambda call: None,  # answered by Cancel, a duplicate, or never
    b"callback": callback,
}


# Sockets.


def parse_address(address: str) -> tuple[int, object]:
    if address.startswith("unix://"):
        return socket.AF_UNIX, address[len("unix://") :]
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    if not address.startswith("tcp://") or not port.isdigit():
        raise SystemExit(f"not an address: {address}")
    host = host.strip("[]")
    return (socket.AF_INET6 if ":" in host else socket.AF_INET), (host, int(port))


class Connection:
    """One socket to the examined server. It reads while it writes, so that neither side waits for the other."""

    def __init__(self, address: str, timeout: float = 5.0):
        family, where = parse_address(address)
        self.timeout = timeout
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(where)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.unread = bytearray()
        self.ended = False

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _read_some(self) -> None:
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        self.unread += data
        self.ended = not data

    def send(self, data: bytes, timeout: Optional[float] = None) -> None:
        """Sends all of it; if the server closes first, the rest is dropped and the end is seen by the next read."""
        rest, deadline = memoryview(data), time.monotonic() + (timeout or self.timeout)
        while rest and not self.ended:
            left = deadline - time.monotonic()
            readable, writable, _ = select.select([self.socket], [self.socket], [], max(left, 0))
            if not readable and not writable:
                raise Failure(f"took no more bytes, {len(rest)} left to send")
            if readable:
                self._read_some()
            if writable:
                try:
                    rest = rest[self.socket.send(rest[: 1 << 20]) :]
                except BlockingIOError:
                    pass
                except ConnectionError:
                    return

    def _poll(self, deadline: float) -> bool:
        """Reads what comes before the deadline; false when nothing came."""
        ready = select.select([self.socket], [], [], max(deadline - time.monotonic(), 0))[0]
        if ready:
            self._read_some()
        return bool(ready)

    def read(self, length: int, what: str = "bytes", timeout: Optional[float] = None) -> bytes:
        deadline = time.monotonic() + (timeout or self.timeout)
        while len(self.unread) < length:
            check(not self.ended, f"connection closed, expected {what}")
            check(self._poll(deadline), f"nothing for too long, expected {what}")
        data = bytes(self.unread[:length])
        del self.unread[:length]
        return data

    def packet(self, what: str = "a packet", timeout: Optional[float] = None) -> Packet:
        magic, protocol, type, length = HEADER.unpack(self.read(HEADER.size, what, timeout))
        check(magic == 0xC7 and protocol == 0, f"sent a strange header, expected {what}")
        return Packet(type, self.read(length, what, timeout))

    def response(self, what: str = "a Response", timeout: Optional[float] = None) -> tuple[int, int, bytes]:
        found = self.packet(what, timeout)
        check(found.type == RESPONSE, f"sent type {found.type}, expected {what}")
        return split_response(found.payload)

    def expect(self, id: int, code: int = SUCCESS, data: Optional[bytes] = b"", timeout: Optional[float] = None) -> bytes:
        """The next packet must be this Response; `None` for data leaves them open."""
        got = self.response(f"Response({id}, code {code})", timeout)
        wrong = got[:2] != (id, code) or (data is not None and got[2] != data)
        check(not wrong, f"expected Response({id}, code {code}), got ({got[0]}, code {got[1]}, {got[2][:32]!r})")
        return got[2]

    def expect_all(self, wanted: Iterable[tuple[int, int, bytes]], timeout: Optional[float] = None) -> None:
        """What comes next is these Responses, in any order, each once for each time it is wanted, and no more."""
        left = Counter(wanted)
        for _ in range(left.total()):
            got = self.response(timeout=timeout)
            check(left[got] > 0, f"unexpected Response({got[0]}, code {got[1]}, {got[2][:32]!r})")
            left[got] -= 1
        self.quiet()

    def back(self) -> tuple[int, bytes]:
        """The id and parameters of the server's next call to `back`."""
        found = self.packet("a Request for `back`")
        check(found.type == REQUEST, f"sent type {found.type}, expected a Request for `back`")
        id, method, params = split_request(found.payload)
        check(method == b"back", f"called {method!r}")
        return id, params

    def call(self, method: str, params: bytes = b"", id: int = 0xABCDEF) -> tuple[int, bytes]:
        """One call, with nothing else pending on this connection."""
        self.send(request(id, method, params))
        got = self.response(f"an answer to {method}")
        check(got[0] == id, f"answered id {got[0]} instead of {id}")
        return got[1:]

    def echoes(self, id: int = 0xABCDEF) -> None:
        """The connection is still usable, and nothing else was waiting on it."""
        check(self.call("echo", b"alive?", id) == (SUCCESS, b"alive?"), "echo answered wrong")

    def quiet(self, seconds: float = 0.2) -> None:
        """Nothing more comes."""
        self._poll(time.monotonic() + seconds)
        check(not self.unread, f"sent {bytes(self.unread[:32]).hex()}, expected nothing")
        check(not self.ended, "connection closed, expected nothing")

    def closed(self) -> None:
        """The server closes, and sends nothing before that."""
        deadline = time.monotonic() + self.timeout
        while not self.ended:
            check(self._poll(deadline), "connection not closed")
        check(not self.unread, f"sent {bytes(self.unread[:32]).hex()} before closing, expected nothing")

    def half_close(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)


class Cases:
    """Each method that CASES lists is one case: it fails by `Failure`, and may return a remark."""

    def __init__(self, options: argparse.Namespace):
        self.options = options

    def connect(self) -> Connection:
        return Connection(self.options.address, self.options.timeout)

    def lives(self) -> None:
        """Another connection is served promptly."""
        with Connection(self.options.address, 2.0) as c:
            c.echoes()

    def replay(self) -> str:
        """Every recorded session, byte for byte."""
        check(bool(self.options.vectors), "needs --vectors FILE")
        with open(self.options.vectors, encoding="utf-8") as file:
            sessions = json.load(file)["sessions"]
        wrong = []
        for session in sessions:
            try:
                self._replay(session)
            except Failure as why:
                wrong.append(f"{session['name']}: {why}")
        check(not wrong, "; ".join(wrong))
        return f"{len(sessions)} sessions"

    def _replay(self, session: dict) -> None:
        sent, out = (bytes.fromhex(text) for text in ("".join(session["in"]), session["out"]))
        with self.connect() as c:
            c.send(sent)
            if "in_then" in session:
                first = bytes.fromhex(session["after_first_out"])
                got = c.read(len(first))
                check(got == first, f"expected {first.hex()}, got {got.hex()}")
                out = out[len(first) :]
                c.send(bytes.fromhex(session["in_then"]))
            got = c.read(len(out))
            check(got == out, f"expected {out.hex()}, got {got.hex()}")
            if not session["fatal"]:
                c.quiet(0.05)
                c.half_close()
                return c.closed()
            # What is wrong by its length must be refused as it stands; what is cut short needs the end of input.
            framer = Framer()
            try:
                cut_short = not list(framer.feed(sent)) and framer.in_packet()
            except Fatal:
                cut_short = False
            if cut_short:
                c.half_close()
            c.closed()

    def flood(self) -> None:
        """5,000 requests in one write, each answered right."""
        with self.connect() as c:
            c.send(b"".join(request(id, "echo", b"flood %d" % id) for id in range(1, 5001)))
            c.expect_all((id, SUCCESS, b"flood %d" % id) for id in range(1, 5001))

    def lies(self) -> None:
        """Lengths that are not true, not wanted, or too much."""
        def claim(type: int, length: int) -> bytes:
            return HEADER.pack(0xC7, 0, type, length)

        silent = []
        for type in REQUEST, RESPONSE, 0x9C40:
            for length in 1 << 31, 0xFFFFFFFF:
                silent.append(self.connect())
                silent[-1].send(claim(type, length))
        self.lives()
        for c in silent:  # and then the end of input
            c.half_close()
            c.closed()
            c.socket.close()
        with self.connect() as c:  # a length that is wrong by itself
            c.send(claim(CANCEL, 1 << 31))
            c.half_close()
            c.closed()
        with self.connect() as c:  # skipped, whatever the length
            c.send(claim(0x9C40, 40 * MIB) + bytes(40 * MIB))
            c.echoes()
            c.send(packet(REQUEST, bytes(20 * MIB), protocol=99) + response(77, SUCCESS, bytes(17 * MIB)))
            c.echoes()
        with self.connect() as c:
            code, data = c.call("echo", bytes(17 * MIB))
            error = ErrorData.decode(data) if code == SERVICE_ERROR else ErrorData()
            check(error.is_framework(TOO_LARGE), f"oversized Request answered code {code}, {error}")
            check(error.data[2:10] == struct.pack(">Q", PAYLOAD_LIMIT), f"limit {error.data[2:].hex()}")
            c.echoes()
            largest = bytes(PAYLOAD_LIMIT - 9)
            check(c.call("echo", largest) == (SUCCESS, largest), "the largest packet is not accepted")

    def deaf(self) -> str:
        """A peer that only ever writes is held back."""
        with self.connect() as c:
            accepted, limit = 0, 64 * MIB
            piece = b"".join(request(id, "echo", bytes(65536)) for id in range(1, 1200))
            while accepted < limit and select.select([], [c.socket], [], 1.5)[1]:
                try:
                    accepted += c.socket.send(piece[accepted : accepted + 65536])
                except BlockingIOError:
                    pass
                except ConnectionError:
                    break  # to be thrown out is as good
            self.lives()
            check(accepted < limit, f"accepted {accepted} bytes unread")
            return f"{accepted / MIB:.1f} MiB accepted"

    def slow_first(self) -> None:
        """A call that waits holds up nobody, and is cancelled once."""
        with self.connect() as c:
            c.send(request(1, "wait") + request(2, "echo", b"quick"))
            c.expect(2, SUCCESS, b"quick", 1.0)
            c.quiet()
            c.send(cancel(1))
            c.expect(1, CANCELLED, timeout=1.0)
            c.send(cancel(1))
            c.quiet()

    def rapid_reset(self) -> str:
        """100,000 calls cancelled at once: one answer each, and others are served meanwhile."""
        slow, worst, over = 6 * self.options.timeout, [0.0], threading.Event()

        def prober() -> None:
            try:
                with self.connect() as other:
                    while not over.wait(0.02):
                        begun = time.monotonic()
                        other.echoes()
                        worst[0] = max(worst[0], time.monotonic() - begun)
            except (Failure, OSError):
                worst[0] = float("inf")

        thread = threading.Thread(target=prober)
        thread.start()
        try:
            with self.connect() as c:
                for first in range(1, 100_001, 1000):
                    c.send(b"".join(request(id, "wait") + cancel(id) for id in range(first, first + 1000)), slow)
                c.expect_all(((id, CANCELLED, b"") for id in range(1, 100_001)), slow)
                c.echoes()
        finally:
            over.set()
            thread.join()
        check(worst[0] < 2.0, f"another connection waited {worst[0]:.2f} s")
        return f"another connection waited {1000 * worst[0]:.0f} ms at most"

    def duplicates(self) -> None:
        """A pending id used again ends both calls; one that was answered may be used again."""
        with self.connect() as c, self.connect() as other:
            other.send(request(1, "wait"))
            twice = [request(id, "wait") + request(id, "echo", b"dup") for id in range(1, 101)]
            c.send(b"".join(twice) + request(101, "wait") + request(101, "nope"))  # it need not have a method
            c.expect_all(2 * [(id, DUPLICATE_REQUEST, b"") for id in range(1, 102)])
            c.send(request(201, "wait") + cancel(201))
            c.expect(201, CANCELLED)
            c.echoes(201)
            c.echoes(201)
            c.quiet()
            other.quiet(0.01)  # ids are the connection's own
            other.send(cancel(1))
            other.expect(1, CANCELLED)

    def hello(self) -> None:
        """Section 7, as the side that asks."""
        with self.connect() as c:
            for nonce, revision, more in (random.getrandbits(64), 1, b""), ((1 << 64) - 1, 7, b"later"):
                code, data = c.call("chirp.hello", hello(HELLO_ASKS, nonce, revision) + more)
                said = read_hello(data, HELLO_ANSWERS)
                check(code == SUCCESS and said is not None, f"answered code {code}, {data.hex()}")
                check(said.nonce == (nonce + 1) % (1 << 64), f"nonce {said.nonce:x} for {nonce:x}")
                check(said.revision == 1, f"revision {said.revision}")
                check(said.extensions < 1 << 16, f"extensions {said.extensions:x}")
                check((said.extensions & 0x8E) in (0, 0x8E), "streams declared in part")
                check(said.payload_limit > 0 and said.running_limit > 0, f"limits {said[3:]}")
            good = hello(HELLO_ASKS, 1)
            for bad in b"", good[:30], HELLO_ANSWERS + good[5:], hello(HELLO_ASKS, 1, 0):
                code, data = c.call("chirp.hello", bad)
                refused = code == SERVICE_ERROR and ErrorData.decode(data).is_framework(BAD_ARGUMENTS)
                check(refused, f"malformed hello {bad.hex()} answered code {code}, {data!r}")
            check(c.call("chirp.nothing") == (UNKNOWN_METHOD, b""), "chirp.nothing is served")
            c.echoes()

    def bytewise(self) -> None:
        """A valid session, one byte at a time."""
        with self.connect() as c:
            session = (
                request(1, "echo", b"hello") + packet(0x9C40, b"custom") + request(2, "wait") + cancel(2)
                + request(3, "nope") + request(4, "edata") + request(5, "eempty") + request(6, "fail", b"why")
            )
            for at in range(len(session)):
                c.send(session[at : at + 1])
                time.sleep(0.0005)
            c.expect_all([
                (1, SUCCESS, b"hello"), (2, CANCELLED, b""), (3, UNKNOWN_METHOD, b""), (5, SERVICE_ERROR, b""),
                (4, SERVICE_ERROR, ErrorData(17, "hey", b"stuff").encode()),
                (6, SERVICE_ERROR, ErrorData(0, "why").encode()),
            ])

    def dribble_die(self) -> None:
        """200 connections that end inside a packet, half of them with a reset."""
        whole = request(1, "wait") + request(2, "echo", bytes(3000))
        for turn in range(200):
            with self.connect() as c:
                for piece in (whole[: turn % 17], whole[turn % 17 : 1 + 15 * turn]):
                    c.send(piece)
                if turn % 2:
                    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.lives()

    def stale(self) -> None:
        """Answers and cancels that belong to no call."""
        with self.connect() as c:
            c.send(response(9, SUCCESS, b"stray") + response(9, SERVICE_ERROR) + response(9, CANCELLED) + cancel(9))
            c.echoes()
            for id in (1, 2):
                c.send(request(id, "callback", b"ping"))
                called, params = c.back()
                check(params == b"ping", f"called back with {params!r}")
                c.send(response(called, SUCCESS, b"first") + response(called, SUCCESS, b"second"))
                c.expect(id, SUCCESS, b"first")
                c.send(response(called, SUCCESS, b"third"))
                c.echoes()
            c.quiet()

    def both(self) -> None:
        """64 callbacks at once, answered last first."""
        with self.connect() as c:
            c.send(b"".join(request(id, "callback", b"%d" % id) for id in range(1, 65)))
            calls = [c.back() for _ in range(64)]
            check(len({id for id, _ in calls}) == 64, "an id was used twice")
            check({params for _, params in calls} == {b"%d" % id for id in range(1, 65)}, "wrong parameters")
            c.send(b"".join(response(id, SUCCESS, params + b"!") for id, params in reversed(calls)))
            c.expect_all((id, SUCCESS, b"%d!" % id) for id in range(1, 65))
            # An id of ours that equals one of theirs, both pending.
            c.send(request(1000, "callback", b"same"))
            theirs, _ = c.back()
            c.send(request(theirs, "echo", b"mine"))
            c.expect(theirs, SUCCESS, b"mine")
            c.send(response(theirs, SERVICE_ERROR, ErrorData(9, "no").encode()))
            c.expect(1000, SERVICE_ERROR, None)
            c.quiet()


CASES = [name for name in vars(Cases) if not name.startswith("_") and name not in ("connect", "lives")]


def memory(pid: int) -> str:
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        fields = dict(line.split(":", 1) for line in file)
    return ", ".join(f"{name} {int(fields[name].split()[0]) / 1024:.1f} MiB" for name in ("VmHWM", "VmRSS"))


def took_too_long(*_: object) -> None:
    raise Failure("took too long")


def run(options: argparse.Namespace) -> int:
    failed = 0
    signal.signal(signal.SIGALRM, took_too_long)
    for name in CASES if options.cases == ["all"] else options.cases:
        signal.alarm(int(12 * options.timeout))
        try:
            found = getattr(Cases(options), name)()
            signal.alarm(0)
            print(f"ok {name}" + (f" ({found})" if found else ""), flush=True)
        except (Failure, Fatal, OSError) as why:
            signal.alarm(0)
            failed = 1
            print(f"FAILED {name}: {why}", flush=True)
        if options.rss:
            print(f"   {memory(options.rss)}", flush=True)
    return failed


# The server.


async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    session = Session(HANDLERS)
    try:
        while data := await reader.read(1 << 16):
            session.receive(data)
            writer.write(bytes(session.out))
            session.out.clear()
            # Not to read is safe only while we wait for nothing from the other side (5.2).
            if not session.pending:
                await writer.drain()
    except (Fatal, ConnectionError):
        pass
    finally:
        writer.transport.abort()  # a peer that reads nothing would keep an ordinary close waiting


async def serve(address: str) -> None:
    family, where = parse_address(address)
    if family == socket.AF_UNIX:
        server = await asyncio.start_unix_server(serve_one, where, backlog=512)
    else:
        server = await asyncio.start_server(serve_one, *where, family=family, backlog=512)
        address = address[: address.rindex(":") + 1] + str(server.sockets[0].getsockname()[1])
    print(f"listening on {address}", flush=True)
    await server.serve_forever()


def main() -> int:
    parser = argparse.ArgumentParser(description="Examines a Chirp v0 server, or is one.", epilog="cases: " + " ".join(CASES))
    parser.add_argument("address", help="tcp://host:port or unix:///path; or the word serve")
    parser.add_argument("cases", nargs="+", help="names of cases, or all; after serve, the address")
    parser.add_argument("--vectors", help="the recorded sessions, for `replay`")
    parser.add_argument("--rss", type=int, metavar="PID", help="print the memory of this process after each case")
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds that the server may be silent (default 5)")
    options = parser.parse_intermixed_args()
    if options.address == "serve":
        try:
            asyncio.run(serve(options.cases[0]))
        except KeyboardInterrupt:
            return 0
    unknown = [name for name in options.cases if name not in CASES + ["all"]]
    if unknown:
        parser.error(f"no such case: {' '.join(unknown)}")
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
