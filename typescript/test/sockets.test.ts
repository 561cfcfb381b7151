// Sockets that take nothing, and random bytes.
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { ChirpError, connect, ConnectionLostError, service, t, untyped, type Peer, type WebSocketLike } from "chirp-rpc";
import { rejects } from "./check.js";

/** A socket whose other side answers hello, and otherwise does what the test says. */
class Socket implements WebSocketLike {
  static last: Socket;
  binaryType = "";
  bufferedAmount = 0;
  readyState = 1;
  /** Whether what is sent stays in the buffer. */
  isFull = false;
  sent: Uint8Array[] = [];
  closed: [number | undefined, string | undefined][] = [];
  readonly #listeners: Record<string, ((event: unknown) => void)[]> = {};

  constructor(_url: string, readonly protocols?: string | string[]) {
    Socket.last = this;
    queueMicrotask(() => this.emit("open", {}));
  }

  addEventListener(type: string, listener: (event: any) => void): void {
    (this.#listeners[type] ??= []).push(listener);
  }

  emit(type: string, event: unknown): void {
    for (const listener of this.#listeners[type] ?? []) listener(event);
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    this.sent.push(data.slice());
    if (this.isFull) this.bufferedAmount += data.length;
    const bytes = Buffer.from(data);
    if (this.sent.length === 1) {
      const answer = Buffer.concat([Buffer.from("c700000400000024", "hex"), bytes.subarray(8, 12), Buffer.from("00c74f4c4548", "hex"), bytes.subarray(29, 37), Buffer.from("000100000000000000cf0100000000001000", "hex")]);
      answer.writeBigUInt64BE(BigInt.asUintN(64, bytes.readBigUInt64BE(29) + 1n), 18);
      queueMicrotask(() => this.receive(answer));
    }
  }

  receive(bytes: Uint8Array): void {
    this.emit("message", { data: Uint8Array.from(bytes).buffer });
  }

  close(code?: number, reason?: string): void {
    this.readyState = 3;
    this.closed.push([code, reason]);
  }

  /** How many requests were sent. */
  get requests(): number {
    const all = Buffer.concat(this.sent);
    let count = 0;
    for (let at = 0; at + 8 <= all.length; at += 8 + all.readUInt32BE(at + 4)) if (all.readUInt16BE(at + 2) === 2) count++;
    return count - 1;
  }
}

async function open(options = {}): Promise<{ peer: Peer; socket: Socket }> {
  const peer = await connect("ws://nowhere", { WebSocket: Socket, ...options });
  return { peer, socket: Socket.last };
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

test("the subprotocol is offered, and that of a token", async () => {
  const { peer, socket } = await open({ protocols: ["chirp.token.x"] });
  assert.deepEqual(socket.protocols, ["chirp.v0", "chirp.token.x"]);
  peer.abort("enough");
  assert.deepEqual(socket.closed, [[1000, "enough"]]);
});

test("calls of one turn leave in one message", async () => {
  const { peer, socket } = await open();
  for (let at = 0; at < 100; at++) peer.call(untyped("A.b"), [[at]]).catch(() => {});
  await turn();
  assert.equal(socket.sent.length, 2);
  assert.equal(socket.requests, 100);
  peer.call(untyped("A.b"), [["x".repeat(200_000)]]).catch(() => {});
  await turn();
  assert(socket.sent.every(({ length }) => length <= 65_536));
  assert.equal(socket.requests, 101);
  peer.abort();
});

test("calls wait while the socket takes nothing, and leave in their order", async () => {
  const { peer, socket } = await open();
  socket.isFull = true;
  const pending = Array.from({ length: 100 }, (_, at) => peer.call(untyped("A.b"), [[at, "x".repeat(100_000)]]).catch((error) => error));
  const controller = new AbortController();
  const aborted = rejects(peer.call(untyped("A.b"), [], { signal: controller.signal }), Error);
  await turn();
  const sent = socket.requests;
  assert(sent < 40, `${sent} requests were sent`);
  assert(socket.bufferedAmount < 2 << 20);
  controller.abort();
  await aborted;
  socket.isFull = false;
  for (let round = 0; round < 20 && socket.requests < 100; round++) {
    socket.bufferedAmount = 0;
    await turn();
  }
  assert.equal(socket.requests, 100);
  const all = Buffer.concat(socket.sent).toString();
  assert.deepEqual([...all.matchAll(/\[(\d+),"x/g)].map(([, at]) => Number(at)), Array.from({ length: 100 }, (_, at) => at));
  peer.abort();
  for (const result of await Promise.all(pending)) assert(result instanceof ConnectionLostError);
});

test("a stream waits while the socket takes nothing", async () => {
  const { peer, socket } = await open();
  socket.isFull = true;
  let made = 0;
  const items = (function* () {
    for (;;) yield [made++, "x".repeat(1000)];
  })();
  const method = { name: "A.b", parameters: [{ name: "x", type: t.any, stream: true as const }] };
  peer.call(method, [items]).catch(() => {});
  // The other side grants as much as it may.
  socket.receive(Buffer.from("c700c70200000008 80000001 7fffffff".replaceAll(" ", ""), "hex"));
  await turn();
  await turn();
  assert(made > 50 && made < 200, `${made} items were made`);
  peer.abort();
});

test("a socket that takes nothing for 30 s ends the connection", async () => {
  const { peer, socket } = await open();
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  try {
    socket.isFull = true;
    const call = rejects(peer.call(untyped("A.b"), [["x".repeat(3 << 20)]]), ConnectionLostError);
    for (let second = 0; second < 32; second++) {
      for (let step = 0; step < 10; step++) {
        mock.timers.tick(100);
        await Promise.resolve();
      }
      if (second < 29) assert(peer.isOpen, `after ${second} s`);
    }
    assert.match((await call).message, /does not read/);
    assert.deepEqual(socket.closed.map(([code]) => code), [4008]);
  } finally {
    mock.timers.reset();
  }
});

test("a packet that has begun must go on within 30 s", async () => {
  const { peer, socket } = await open();
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  try {
    const call = rejects(peer.call(untyped("A.b"), []), ConnectionLostError);
    socket.receive(Buffer.from("c7000004", "hex"));
    mock.timers.tick(29_000);
    assert(peer.isOpen);
    mock.timers.tick(2000);
    assert.match((await call).message, /stalled/);
  } finally {
    mock.timers.reset();
  }
});

test("a side that asks without reading is left", async () => {
  const { peer, socket } = await open({ services: [service({ a: { name: "A.a" } }, { a: () => {} })] });
  socket.isFull = true;
  const ask = Buffer.from("c700000200000012 00000001 08 412e613b6a736f6e 0000000000".replaceAll(" ", ""), "hex");
  const many = Buffer.concat(Array.from({ length: 20_000 }, () => ask));
  let rounds = 0;
  while (peer.isOpen && rounds++ < 100) {
    socket.receive(many);
    await Promise.resolve();
  }
  assert(!peer.isOpen, "the connection is still open");
  assert.match((await peer.closed)!.message, /does not read/);
});

test("what is kept of large messages is small", async () => {
  const { peer, socket } = await open();
  const stream = peer.stream(untyped("A.b", { items: true }), []);
  await turn();
  const item = Buffer.from("c700c7010000000b 80000001 0001 00000001 31".replaceAll(" ", ""), "hex");
  // A packet of an unknown type fills the message.
  const filler = Buffer.alloc(8 + (1 << 20));
  filler.writeUInt32BE(0xc7000080);
  filler.writeUInt32BE(1 << 20, 4);
  const message = Buffer.concat([filler, item]);
  const before = process.memoryUsage().arrayBuffers;
  for (let at = 0; at < 300; at++) {
    socket.receive(message);
    if (at % 10 === 0) await turn();
  }
  (globalThis as { gc?: () => void }).gc?.();
  const grown = process.memoryUsage().arrayBuffers - before;
  assert(grown < 150 << 20, `${grown} bytes are held for 300 items of one byte`);
  for (let at = 0; at < 300; at++) assert.deepEqual(await stream.next(), { done: false, value: 1 });
  peer.abort();
});

/** A generator of numbers that is the same in every run. */
function random(seed: number): (below: number) => number {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
}

test("random packets never do worse than ending the connection", { timeout: 60_000 }, async () => {
  const methods = {
    a: { name: "A.a", parameters: [{ name: "x", type: t.any, optional: true as const }], result: t.any },
    b: { name: "A.b", items: t.any },
    c: { name: "A.c", parameters: [{ name: "x", type: t.any, stream: true as const }], result: t.any },
  };
  const handler = {
    a: (x: unknown) => x,
    *b() {
      for (let at = 0; at < 10; at++) yield at;
    },
    async c(items: AsyncIterable<unknown>) {
      let count = 0;
      for await (const _ of items) count++;
      return count;
    },
  };
  const hex = (text: string): string => Buffer.from(text).toString("hex");
  const seeds = [
    [2, `00000001 08 ${hex("A.a;json")} ${hex("[1]")}`],
    [2, `00000002 08 ${hex("A.b;json")}`],
    [2, `00000003 08 ${hex("A.c;json")} ${hex('{"x":0}')}`],
    [3, "00000001"],
    [4, "00000002 00 31"],
    [4, "00000002 04 0011 0003 686579 7374756666"],
    [4, "00000002 04 c705 0009 746f6f206c61726765 c745 0000000001000000"],
    [0xc700, "01 0004 000005dc 03 0009 04 75736572 616e6e61"],
    [0xc701, "80000001 0001 00000001 31"],
    [0xc701, "00000001 0002 00000001 31 00000001 32"],
    [0xc702, "00000001 00000022 80000001 00000100"],
    [0xc703, "80000001 00 0000000000000001"],
    [0xc703, "00000001 01 0000000000000001 0011 0003 686579"],
    [0xc707, "00000001 07 03 00004000"],
    [0xc707, "00000001 00 03 00004000"],
    [0xc706, "00007530"],
  ] as const;
  let ended = 0;
  for (let run = 0; run < 3000; run++) {
    const pick = random(run);
    const { peer, socket } = await open({ services: [service(methods, handler)], maxPayload: 1000, onHandlerError: () => {} });
    const outcomes = [
      peer.call(untyped("X.y"), []).catch((error) => error),
      peer.stream(untyped("X.y", { items: true }), []).next().catch((error) => error),
      peer.call(methods.c, [[1, 2, 3]]).catch((error) => error),
    ];
    for (let packet = 0; packet < 8; packet++) {
      const [type, payload] = seeds[pick(seeds.length)]!;
      const body = Buffer.from(payload.replaceAll(" ", ""), "hex");
      for (let change = pick(3); change > 0; change--) body[pick(body.length)] = pick(4) ? pick(4) : pick(256);
      const cut = pick(10) ? body : body.subarray(0, pick(body.length + 1));
      const header = Buffer.from([0xc7, pick(50) ? 0 : 1, type >> 8, type & 255, 0, 0, 0, cut.length]);
      if (!pick(40)) header[4 + pick(4)] = pick(256);
      const whole = Buffer.concat([header, cut]);
      const at = pick(whole.length + 1);
      socket.receive(whole.subarray(0, at));
      socket.receive(whole.subarray(at));
      if (!pick(3)) await Promise.resolve();
    }
    ended += peer.isOpen ? 0 : 1;
    peer.abort();
    for (const outcome of await Promise.all(outcomes)) {
      if (outcome instanceof Error) assert(outcome instanceof ChirpError, `run ${run}: ${outcome.stack}`);
    }
    const reason = await peer.closed;
    assert(reason instanceof ChirpError, `run ${run}: ${reason}`);
    assert(!/TypeError|RangeError|ReferenceError/.test(reason.message), `run ${run}: ${reason.message}`);
  }
  assert(ended > 100 && ended < 2990, `${ended} of 3000 connections ended`);
});
