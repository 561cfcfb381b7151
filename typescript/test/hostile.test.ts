// Servers that break the protocol, never answer, or end in the middle: the client fails with typed errors, and does not hang.
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { afterEach, test } from "node:test";
import WebSocket, { WebSocketServer } from "ws";
import {
  ChirpError,
  connect,
  ConnectionLostError,
  DeadlineExceededError,
  DecodeError,
  FrameworkError,
  LimitError,
  NotConnectedError,
  ProtocolError,
  ReconnectingPeer,
  service,
  ServiceError,
  StreamError,
  t,
  untyped,
  type ConnectOptions,
  type Peer,
} from "chirp-rpc";
import { pause, rejects, until } from "./check.js";

type Send = (hex: string) => void;

const servers: WebSocketServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    for (const client of server.clients) client.terminate();
    server.close();
  }
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const number = (value: number, length: number): string => value.toString(16).padStart(2 * length, "0");

/** A packet in hex. */
function packet(type: number, payload: string): string {
  const body = payload.replaceAll(" ", "");
  return `c700${number(type, 2)}${number(body.length / 2, 4)}${body}`;
}

/** The answer to hello, with the extensions of the bits. */
function helloAnswer(request: Buffer, extensions = 0xcf): string {
  const nonce = request.readBigUInt64BE(8 + 5 + 11 + 5) + 1n;
  const id = hex(request.subarray(8, 12));
  return packet(4, `${id} 00 c74f4c4548 ${BigInt.asUintN(64, nonce).toString(16).padStart(16, "0")} 0001 ${number(extensions, 8)} 01000000 00001000`);
}

/**
 * A server that answers hello, and gives every other packet to `answer`, with the number of the request in hex. With `null` for
 * `extensions`, it answers hello as a plain v0 peer.
 */
async function serve(answer: (request: { type: number; id: string; payload: Buffer; send: Send; socket: WebSocket }) => void, extensions: number | null = 0xcf): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  servers.push(server);
  server.on("connection", (socket) => {
    let input = Buffer.alloc(0);
    const send: Send = (text) => socket.send(bytes(text));
    socket.on("message", (data: Buffer) => {
      input = Buffer.concat([input, data]);
      while (input.length >= 8 && input.length >= 8 + input.readUInt32BE(4)) {
        const whole = input.subarray(0, 8 + input.readUInt32BE(4));
        input = input.subarray(whole.length);
        const type = whole.readUInt16BE(2);
        const payload = whole.subarray(8);
        if (type === 2 && payload.includes("chirp.hello")) send(extensions === null ? packet(4, `${hex(payload.subarray(0, 4))} 01`) : helloAnswer(whole, extensions));
        else answer({ type, id: hex(payload.subarray(0, 4)), payload, send, socket });
      }
    });
    socket.on("error", () => {});
  });
  await new Promise((resolve) => server.on("listening", resolve));
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Connects to a server whose answer to a request is `answer`, and calls it. */
async function callAgainst(answer: (id: string) => string[], options?: ConnectOptions): Promise<{ peer: Peer; call: Promise<unknown> }> {
  const url = await serve(({ type, id, send }) => {
    if (type === 2) for (const part of answer(id)) send(part);
  });
  const peer = await connect(url, { WebSocket, ...options });
  return { peer, call: peer.call(untyped("A.b"), []) };
}

const fatal: [string, (id: string) => string[]][] = [
  ["another protocol", () => ["48545450 2f312e31"]],
  ["a response that is too short", () => [packet(4, "00000001")]],
  ["a result code that is not defined", (id) => [packet(4, `${id} 05`)]],
  ["error data that end inside of a field", (id) => [packet(4, `${id} 04 0011 00ff 61`)]],
  ["error data of one byte, for a call that is not there", () => [packet(4, "7fffffff 04 00")]],
  ["a request that is too short", () => [packet(2, "00000001")]],
  ["a request whose name is longer than the packet", () => [packet(2, "00000001 ff 61")]],
  ["a cancel of five bytes", () => [packet(3, "0000000100")]],
  ["credit of no whole entry", () => [packet(0xc702, "00000001 0000")]],
  ["an end of a stream that is cut short", () => [packet(0xc703, "00000001 00 0000")]],
  ["items that are longer than their packet", () => [packet(0xc701, "80000001 0001 00000009 61")]],
  ["items with bytes left over", () => [packet(0xc701, "80000001 0000 61")]],
  ["a stream with the number 0", () => [packet(0xc707, "00000000 00 03 00004000")]],
  ["a stream with unknown flags", () => [packet(0xc707, "00000001 08 03 00004000")]],
  ["a stream of an unknown codec", () => [packet(0xc707, "00000001 00 09 00004000")]],
  ["a stream that is opened twice", () => [packet(0xc707, "00000001 00 03 00004000 00000001 00 03 00004000")]],
  ["streams of nothing", () => [packet(0xc707, "")]],
  ["a cancel between a stream and its request", () => [packet(0xc707, "00000001 00 03 00004000"), packet(3, "00000001")]],
  ["a response behind the context of a request", (id) => [packet(0xc700, "01 0004 00000001"), packet(4, `${id} 00`)]],
  ["two deadlines", () => [packet(0xc700, "01 0004 00000001 01 0004 00000001")]],
  ["an empty metadata key", () => [packet(0xc700, "03 0002 00 61")]],
  ["going away without a grace", () => [packet(0xc706, "00")]],
];

for (const [what, answer] of fatal) {
  test(`ends the connection: ${what}`, { timeout: 10_000 }, async () => {
    const { peer, call } = await callAgainst(answer);
    await rejects(call, ProtocolError);
    assert(((await peer.closed) as ChirpError) instanceof ProtocolError);
    await rejects(peer.call(untyped("A.b"), []), NotConnectedError);
  });
}

test("a text message ends the connection", { timeout: 10_000 }, async () => {
  const url = await serve(({ socket }) => socket.send("text"));
  const peer = await connect(url, { WebSocket });
  await rejects(peer.call(untyped("A.b"), []), ProtocolError);
});

test("packets are split and merged at will", { timeout: 10_000 }, async () => {
  const { peer, call } = await callAgainst((id) => {
    const all = [
      "c763 0002 00000007 67617262616765", // another protocol number
      packet(0x9c40, "637573746f6d"), // an unknown type
      packet(127, ""),
      packet(4, "0000004d 00 7374726179"), // a response to no call
      packet(3, "00000063"),
      packet(0xc702, "00000063 00000001"),
      packet(0xc703, "00000063 00 0000000000000000"),
      packet(4, `${id} 00 2274657874 22`),
    ].join("");
    const compact = all.replaceAll(" ", "");
    return Array.from({ length: compact.length / 2 }, (_, at) => compact.slice(2 * at, 2 * at + 2));
  });
  assert.equal(await call, "text");
  await peer.close();
});

test("a connection that ends in the middle of a packet fails what is pending", { timeout: 10_000 }, async () => {
  const url = await serve(({ id, send, socket }) => {
    send(packet(4, `${id} 00 31`).slice(0, -2));
    socket.close();
  });
  const peer = await connect(url, { WebSocket });
  await rejects(peer.call(untyped("A.b"), []), ProtocolError);
});

test("a connection that ends fails what is pending, with the code and the reason", { timeout: 10_000 }, async () => {
  const url = await serve(({ socket }) => socket.close(1013, "too many"));
  const peer = await connect(url, { WebSocket });
  const error = await rejects(peer.call(untyped("A.b"), []), ConnectionLostError);
  assert.match(error.message, /1013.*too many/);
  assert.equal(error.safeToRetry, false);
});

test("a header that claims 4 GiB takes no memory", { timeout: 10_000 }, async () => {
  const before = process.memoryUsage().arrayBuffers;
  const { peer, call } = await callAgainst((id) => ["c7009c40ffffffff 00", `c7000004ffffffff ${id} 00`], { maxPayload: 0xffff_ffff });
  // The first packet is of an unknown type, and never ends.
  const late = peer.call(untyped("A.c"), [], { timeout: 50 });
  await rejects(late, DeadlineExceededError);
  assert(process.memoryUsage().arrayBuffers - before < 10 << 20);
  peer.abort();
  await rejects(call, ConnectionLostError);
});

test("a packet over the limit that cannot be skipped ends the connection", { timeout: 10_000 }, async () => {
  const { call } = await callAgainst(() => ["c700c703 01000001"]);
  await rejects(call, ProtocolError);
});

test("a result over the limit is skipped, and fails its call alone", { timeout: 10_000 }, async () => {
  let first = true;
  const url = await serve(({ type, id, send }) => {
    if (type !== 2) return;
    send(first ? packet(4, `${id} 00 ${"20".repeat(5000)}`) : packet(4, `${id} 00 31`));
    first = false;
  });
  const peer = await connect(url, { WebSocket, maxPayload: 4096 });
  const error = await rejects(peer.call(untyped("A.b"), []), LimitError);
  assert.equal(error.safeToRetry, false);
  assert.equal(await peer.call(untyped("A.b"), []), 1);
  await peer.close();
});

test("a result that is not JSON, or of another type, fails its call alone", { timeout: 10_000 }, async () => {
  const results = ["ff", "7b", "", Buffer.from("[".repeat(100_000)).toString("hex"), Buffer.from('{"sum":"1"}').toString("hex"), "31"];
  const url = await serve(({ type, id, send }) => type === 2 && send(packet(4, `${id} 00 ${results.shift()}`)));
  const peer = await connect(url, { WebSocket });
  const method = { name: "A.b", result: t.struct({ sum: t.i64 }) };
  for (let at = 0; at < 4; at++) await rejects(peer.call(untyped("A.b"), []), DecodeError);
  const error = await rejects(peer.call(method, []), DecodeError);
  assert.equal(error.message, 'result of A.b.sum: expected i64 as a bigint, found "1"');
  assert.equal(await peer.call(untyped("A.b"), []), 1);
  await peer.close();
});

test("a server that never answers does not hold a call with a time limit, nor a close", { timeout: 10_000 }, async () => {
  const url = await serve(() => {});
  const peer = await connect(url, { WebSocket });
  const pending = rejects(peer.call(untyped("A.b"), []), ConnectionLostError);
  await rejects(peer.call(untyped("A.b"), [], { timeout: 20 }), DeadlineExceededError);
  await rejects(peer.call(untyped("A.b"), [], { signal: AbortSignal.timeout(20) }), DOMException);
  const start = Date.now();
  await peer.close(100);
  await pending;
  assert(Date.now() - start < 5000);
});

test("keep-alive ends a connection without a sign of life", { timeout: 10_000 }, async () => {
  let hellos = 0;
  const url = await serve(() => {}, 0xcf);
  const server = servers.at(-1)!;
  server.on("connection", (socket) => {
    // After the first answer, nothing is heard of the server.
    const send = socket.send.bind(socket);
    socket.send = ((data: Buffer) => hellos++ < 1 && send(data)) as typeof socket.send;
  });
  const peer = await connect(url, { WebSocket, keepAlive: 50 });
  const error = await rejects(peer.call(untyped("A.b"), []), ConnectionLostError);
  assert.match(error.message, /hello/);
  assert(hellos >= 2);
});

test("a server of plain v0 is called, without anything that it does not know", { timeout: 10_000 }, async () => {
  const types: number[] = [];
  const url = await serve(({ type, id, send }) => {
    types.push(type);
    if (type === 2) send(packet(4, `${id} 00 31`));
  }, null);
  const peer = await connect(url, { WebSocket });
  assert.equal(await peer.call(untyped("A.b"), [], { timeout: 1000 }), 1);
  const error = await rejects(peer.call(untyped("A.b"), [], { metadata: { a: "b" } }), FrameworkError);
  assert.equal(error.kind, "unsupported");
  const stream = peer.stream(untyped("A.b", { items: true }), []);
  assert.equal((await rejects(stream.next(), FrameworkError)).kind, "unsupported");
  await peer.close();
  assert.deepEqual(types, [2]);
});

/** Calls a stream whose server sends `packets`, with the numbers of the stream and of the call. */
async function streamAgainst(packets: (id: string) => string[]): Promise<{ items: unknown[]; error: unknown }> {
  const url = await serve(({ type, id, send }) => {
    if (type === 2) for (const part of packets(id)) send(part);
    if (type === 3) send(packet(4, `${id} 03`));
  });
  const peer = await connect(url, { WebSocket });
  const items: unknown[] = [];
  let error: unknown;
  try {
    for await (const item of peer.stream(untyped("A.b", { items: true }), [])) items.push(item);
  } catch (reason) {
    error = reason;
  }
  peer.abort();
  return { items, error };
}

test("a stream fails if items are missing, or its end", { timeout: 10_000 }, async () => {
  const one = packet(0xc701, "80000001 0001 00000001 31");
  const end = (count: string, reason = "00") => packet(0xc703, `80000001 ${reason} 00000000000000${count}`);
  const whole = await streamAgainst((id) => [one, end("01"), packet(4, `${id} 00`)]);
  assert.deepEqual(whole, { items: [1], error: undefined });
  const incomplete = await streamAgainst((id) => [one, end("02"), packet(4, `${id} 00`)]);
  assert.deepEqual(incomplete.items, [1]);
  assert(incomplete.error instanceof StreamError && /1 of 2/.test(incomplete.error.message));
  for (const packets of [(id: string) => [one, packet(4, `${id} 00`)], () => [one, end("01", "01")], () => [one, end("01", "02")], () => [one, end("01", "63")]]) {
    const { items, error } = await streamAgainst(packets);
    assert.deepEqual(items, [1]);
    assert(error instanceof StreamError, String(error));
  }
  const unreadable = await streamAgainst(() => [packet(0xc701, "80000001 0001 00000001 7b")]);
  assert(unreadable.error instanceof DecodeError);
});

test("items without credit fail their stream, and take no memory", { timeout: 20_000 }, async () => {
  const item = packet(0xc701, `80000001 0001 00002000 ${"20".repeat(0x2000)}`);
  const sent: string[] = [];
  const url = await serve(({ type, id, send }) => {
    sent.push(`${type}`);
    if (type === 2) for (let at = 0; at < 10; at++) send(item);
    if (type === 3) send(packet(4, `${id} 03`));
  });
  const peer = await connect(url, { WebSocket });
  const stream = peer.stream(untyped("A.b", { items: true }), []);
  await stream.ready();
  await until(() => sent.includes(`${0xc703}`), "the server is told");
  // The two items for which there was credit were taken: they are spaces, and no JSON.
  await rejects(stream.next(), DecodeError);
  peer.abort();
});

test("a server that cancels nothing and answers late is not confused", { timeout: 10_000 }, async () => {
  const ids: string[] = [];
  let answer: Send = () => {};
  const url = await serve(({ type, id, send }) => {
    answer = send;
    if (type === 2) ids.push(id);
  });
  const peer = await connect(url, { WebSocket });
  await rejects(peer.call(untyped("A.a"), [], { timeout: 20 }), DeadlineExceededError);
  const second = peer.call(untyped("A.b"), []);
  await until(() => ids.length === 2, "the second request is there");
  answer(packet(4, `${ids[0]} 00 31`));
  answer(packet(4, `${ids[0]} 00 31`));
  answer(packet(4, `${ids[1]} 00 32`));
  assert.equal(await second, 2);
  await peer.close();
});

const methods = { a: { name: "A.a", parameters: [{ name: "x", type: t.any, optional: true as const }], result: t.any } };

/** Connects with a service, and sends it packets. Gives the answers, in hex. */
async function answersOf(packets: string[], count: number, handler: { a: (...args: any[]) => unknown }): Promise<string[]> {
  const answers: string[] = [];
  let send: Send = () => {};
  const url = await serve((request) => {
    send = request.send;
    if (request.type === 4) answers.push(hex(request.payload));
    else if (request.type === 2) request.send(packet(4, `${request.id} 00 31`));
  });
  const peer = await connect(url, { WebSocket, services: [service(methods, handler)], maxPayload: 4096 });
  await peer.call(untyped("A.b"), []);
  for (const part of packets) send(part);
  await until(() => answers.length >= count, `${count} answers`);
  peer.abort();
  return answers;
}

const request = (id: number, name: string, parameters = ""): string =>
  packet(2, `${number(id, 4)}${number(name.length, 1)}${Buffer.from(name).toString("hex")}${Buffer.from(parameters).toString("hex")}`);

test("each request is answered once, whatever it is", { timeout: 10_000 }, async () => {
  const answers = await answersOf(
    [
      request(1, "A.a;json", "[5]"),
      request(2, "A.nothing;json"),
      request(3, "chirp.secret"),
      request(4, "A.a;json", "{"),
      request(5, "A.a;json", "5"),
      packet(0xc700, "80 0000") + request(6, "A.a;json", "[1]"),
      packet(0xc700, "01 0004 00000000") + request(7, "A.a;json", "[1]"),
      packet(0xc707, "00000001 07 03 00004000") + request(8, "A.a;json", "[1]"),
      packet(2, `00000009 08 ${Buffer.from("A.a;json").toString("hex")} ${"20".repeat(5000)}`),
      request(10, "chirp.hello", "x"),
    ],
    10,
    { a: (x) => x },
  );
  const codes = answers.sort().map((answer) => [parseInt(answer.slice(0, 8), 16), answer.slice(8, 14)]);
  assert.deepEqual(codes, [
    [1, "0035"],
    [2, "01"],
    [3, "01"],
    [4, "04c704"],
    [5, "04c704"],
    [6, "04c706"],
    [7, "04c703"],
    [8, "04c706"],
    [9, "04c705"],
    [10, "04c704"],
  ]);
});

/** Connects with a service, sends it packets, and gives all packets that it sends, until `isEnough`. */
async function packetsOf(packets: string[], handler: object, isEnough: (sent: string[], send: Send) => boolean): Promise<string[]> {
  const sent: string[] = [];
  let send: Send = () => {};
  const url = await serve((request) => {
    send = request.send;
    if (request.payload.includes("start")) request.send(packet(4, `${request.id} 00 31`));
    else sent.push(`${request.type.toString(16)} ${hex(request.payload)}`);
  });
  const all = {
    ...methods,
    stream: { name: "A.stream", items: t.any },
    take: { name: "A.take", parameters: [{ name: "x", type: t.any, stream: true as const }], result: t.any },
  };
  const peer = await connect(url, { WebSocket, services: [service(all, { a() {}, stream() {}, take() {}, ...handler })], onHandlerError() {} });
  await peer.call(untyped("start"), []);
  for (const part of packets) send(part);
  await until(() => isEnough(sent, send), `enough packets of ${sent.join(", ")}`);
  peer.abort();
  return sent;
}

test("hello is answered, as the specification says", { timeout: 10_000 }, async () => {
  const hello = "c7 00 00 02 00 00 00 2f 00 00 00 01 0b 63 68 69 72 70 2e 68 65 6c 6c 6f c7 48 45 4c 4f 01 23 45 67 89 ab cd ef 00 01 00 00 00 00 00 00 00 00 01 00 00 00 00 00 10 00";
  const sent = await packetsOf([hello], {}, ({ length }) => length > 0);
  assert.deepEqual(sent, ["4 00000001" + "00" + "c74f4c4548" + "0123456789abcdf0" + "0001" + "00000000000000cf" + "01000000" + "00001000"]);
});

test("what a stream has made before it fails is sent before the error", { timeout: 10_000 }, async () => {
  const stream = function* () {
    yield 1;
    yield 2;
    throw new ServiceError(7, "seven", undefined);
  };
  const open = packet(0xc707, "00000001 07 03 00004000");
  const sent = await packetsOf([open + request(1, "A.stream;json")], { stream }, (sent) => sent.some((each) => each.startsWith("4 ")));
  assert.deepEqual(sent, ["c701 800000010000", "c701 80000001" + "0002" + "00000001" + "31" + "00000001" + "32", "4 00000001" + "04" + "0007" + "0005" + "736576656e"]);
});

test("a cancelled stream ends its generator, also while it waits for credit", { timeout: 10_000 }, async () => {
  let ended = 0;
  const stream = function* () {
    try {
      for (;;) yield "x".repeat(1000);
    } finally {
      ended++;
    }
  };
  const open = packet(0xc707, "00000001 07 03 00000100");
  const sent = await packetsOf([open + request(1, "A.stream;json")], { stream }, (sent, send) => {
    if (sent.length === 2) send(packet(3, "00000001"));
    return ended > 0 && sent.length > 2;
  });
  assert.equal(sent[2], "4 0000000103");
  // A source that has not begun is ended, too.
  let returned = 0;
  const unbegun = () => ({
    [Symbol.iterator]: () => ({
      next: () => ({ done: false, value: 1 }),
      return: () => {
        returned++;
        return { done: true };
      },
    }),
  });
  await packetsOf([open + request(1, "A.stream;json") + packet(3, "00000001")], { stream: unbegun }, () => returned > 0);
});

test("an argument that a handler leaves alone ends with its call", { timeout: 10_000 }, async () => {
  const open = packet(0xc707, "00000001 00 03 00004000");
  const sent = await packetsOf([open + request(1, "A.take;json", '{"x":0}')], { take: () => 5 }, ({ length }) => length > 1);
  assert.deepEqual(sent, ["4 00000001" + "00" + "35", "c703 80000001" + "02" + "0000000000000000"]);
  const unnamed = await packetsOf([open + request(1, "A.take;json", '{"x":1}')], {}, ({ length }) => length > 1);
  assert.equal(unnamed[0], "c703 80000001" + "03" + "0000000000000000");
  assert(unnamed[1]!.startsWith("4 0000000104c709"), unnamed[1]);
});

test("a handler calls back while the other side shuts down, and nobody else does", { timeout: 10_000 }, async () => {
  let go = (): void => {};
  const going = new Promise<void>((resolve) => (go = resolve));
  let late: Error | undefined;
  const handler = {
    async a(_: unknown, { peer }: { peer: Peer }) {
      await peer.unusable;
      peer.call(untyped("back"), []).catch(() => {});
      setTimeout(() => peer.call(untyped("late"), []).catch((error) => (late = error)), 20);
      go();
      return 1;
    },
  };
  const sent = await packetsOf([request(1, "A.a;json"), packet(0xc706, "00007530")], handler, (sent) => sent.length > 2 && !!late);
  await going;
  assert(late instanceof FrameworkError && late.kind === "shuttingDown", String(late));
  assert.equal(sent[0], "c706 00007530");
  assert(sent[1]!.startsWith("2 ") && sent[1]!.includes(Buffer.from("back;json").toString("hex")), sent[1]);
  assert.equal(sent[2], "4 00000001" + "00" + "31");
});

test("a number that is pending is answered twice as a duplicate, and its handler is interrupted", { timeout: 10_000 }, async () => {
  let interrupted = 0;
  const handler = {
    a: (_: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise(() => {
        signal.addEventListener("abort", () => interrupted++);
      }),
  };
  const answers = await answersOf([request(1, "A.a;json"), request(1, "A.a;json"), request(2, "A.a;json"), packet(3, "00000002"), packet(3, "00000003")], 3, handler);
  assert.deepEqual(answers, ["0000000102", "0000000102", "0000000203"]);
  assert.equal(interrupted, 2);
});

test("a flood of requests is refused beyond the limit, and each is answered", { timeout: 20_000 }, async () => {
  const count = 10_000;
  const flood = Array.from({ length: count }, (_, at) => request(at + 1, "A.a;json"));
  let started = 0;
  const answers = await answersOf([flood.join("")], count - 4096, {
    a: () => {
      started++;
      return new Promise(() => {});
    },
  });
  assert.equal(started, 4096);
  assert(answers.every((answer) => answer.startsWith("04c700", 8)));
});

test("closing sends the last results whole, however long they are", { timeout: 20_000 }, async () => {
  const text = "x".repeat(12 << 20);
  let received = 0;
  let closed = false;
  let peer!: Peer;
  // This server does not know that sides may go away: the connection is closed as soon as nothing is in progress.
  const url = await serve(({ type, id, payload, send, socket }) => {
    socket.on("close", () => (closed = true));
    if (type === 4) received = payload.length;
    if (type === 2) {
      send(packet(4, `${id} 00 31`));
      send(request(1, "A.a;json"));
    }
  }, 0x8f);
  const handler = {
    a() {
      void peer.close();
      return text;
    },
  };
  peer = await connect(url, { WebSocket, services: [service(methods, handler)] });
  await peer.call(untyped("A.b"), []);
  await until(() => closed, "the connection is closed");
  assert.equal(received, 5 + text.length + 2);
  assert.equal(await peer.closed, undefined);
});

test("a function of the program that throws does not leave a call without an answer", { timeout: 10_000 }, async () => {
  const rejections: unknown[] = [];
  const note = (reason: unknown) => rejections.push(reason);
  process.on("unhandledRejection", note);
  try {
    const answers: string[] = [];
    const url = await serve((received) => {
      if (received.type === 4) answers.push(hex(received.payload));
      else if (received.type === 2) received.send(packet(4, `${received.id} 00 31`) + request(1, "A.a;json"));
    });
    const onHandlerError = () => {
      throw new Error("the log is full");
    };
    const handler = { a: () => Promise.reject(new Error("no")) };
    const peer = await connect(url, { WebSocket, onHandlerError, services: [service(methods, handler)] });
    await peer.call(untyped("A.b"), []);
    await until(() => answers.length > 0, "the request is answered");
    assert(answers[0]!.startsWith("0000000104c7"), answers[0]);
    peer.abort();
    await pause(0);
    assert.deepEqual(rejections, []);
  } finally {
    process.off("unhandledRejection", note);
  }
});

test("a reconnecting peer goes on when onState throws", { timeout: 10_000 }, async () => {
  const rejections: unknown[] = [];
  const note = (reason: unknown) => rejections.push(reason);
  process.on("unhandledRejection", note);
  try {
    let url = "ws://127.0.0.1:1";
    let states = 0;
    const onState = () => {
      states++;
      throw new Error("the page has gone");
    };
    const peer = new ReconnectingPeer(() => url, { WebSocket, backoff: [5, 20], onState });
    const call = peer.call(untyped("A.b"), []);
    await until(() => states > 0 || rejections.length > 0, "an attempt has failed");
    url = await serve(({ type, id, send }) => type === 2 && send(packet(4, `${id} 00 31`)));
    assert.equal(await call, 1);
    await peer.close();
    assert.deepEqual(rejections, []);
  } finally {
    process.off("unhandledRejection", note);
  }
});

test("streams over the limit are refused one by one", { timeout: 20_000 }, async () => {
  const stream = (at: number) => packet(0xc707, `${number(at, 4)} 00 03 00004000`);
  const refusals: string[] = [];
  const answers: string[] = [];
  const most = 2048;
  const url = await serve((received) => {
    const { type, payload, send, id } = received;
    if (type === 0xc703) refusals.push(hex(payload));
    if (type === 4) answers.push(hex(payload));
    if (type !== 2) return;
    send(packet(4, `${id} 00 31`));
    for (let at = 1; at <= most + 1; at++) send(stream(at) + request(at, "A.take;json", '{"x":0}'));
  });
  const all = { take: { name: "A.take", parameters: [{ name: "x", type: t.any, stream: true as const }], result: t.any } };
  const peer = await connect(url, { WebSocket, services: [service(all, { take: () => new Promise(() => {}) })] });
  await peer.call(untyped("A.b"), []);
  await until(() => answers.length > 0, "the last call is refused");
  assert(answers[0]!.startsWith(`${number(most + 1, 4)}04c700`), answers[0]);
  // The stream of the refused call ends, too: nothing else would end it.
  await until(() => refusals.length > 0, "its stream is refused");
  assert(refusals[0]!.startsWith((0x8000_0000 + most + 1).toString(16)), refusals[0]);
  peer.abort();
});

test("streams whose windows have grown leave room for others", { timeout: 30_000 }, async () => {
  const item = Buffer.from(`"${"x".repeat(16_300)}"`);
  const credit = new Map<string, number>();
  let granted = 0;
  const url = await serve(({ type, id, payload, socket }) => {
    if (type === 0xc707) credit.set(id, payload.readUInt32BE(6));
    if (type === 0xc702) {
      for (let at = 0; at < payload.length; at += 8) {
        const stream = hex(payload.subarray(at, at + 4));
        granted += payload.readUInt32BE(at + 4);
        credit.set(stream, credit.get(stream)! + payload.readUInt32BE(at + 4));
      }
    }
    for (const [stream, left] of credit) {
      let rest = left;
      for (; rest > 0; rest -= item.length + 16) {
        const its = (parseInt(stream, 16) ^ 0x8000_0000) >>> 0;
        socket.send(Buffer.concat([bytes(`c700c701 ${number(10 + item.length, 4)} ${number(its, 4)} 0001 ${number(item.length, 4)}`), item]));
      }
      credit.set(stream, rest);
    }
  });
  const peer = await connect(url, { WebSocket });
  const all = Array.from({ length: 40 }, () => peer.stream(untyped("A.b", { items: true }), []));
  await Promise.all(
    all.map(async (stream) => {
      for (let count = 0; count < 150; count++) await stream.next();
    }),
  );
  assert(granted > 40 * 150 * item.length, "windows have grown");
  const other = peer.stream(untyped("A.b", { items: true }), []);
  assert.equal((await other.next()).done, false);
  peer.abort();
});

test("there is no server, or it does not answer the handshake", { timeout: 10_000 }, async () => {
  await rejects(connect("ws://127.0.0.1:1", { WebSocket }), NotConnectedError);
  const { createServer } = await import("node:net");
  const silent = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => silent.on("listening", resolve));
  const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const error = await rejects(connect(url, { WebSocket, connectTimeout: 50 }), NotConnectedError);
  assert.match(error.message, /50 ms/);
  silent.close();
});
