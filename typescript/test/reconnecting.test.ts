import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import WebSocket from "ws";
import { ConnectionLostError, DeadlineExceededError, NotConnectedError, ReconnectingPeer, untyped, type Peer } from "chirp-rpc";
import { rejects, until } from "./check.js";
import { DemoClient } from "./demo.js";
import { serve, skip } from "./server.js";

const options = { WebSocket, backoff: [5, 50] } as const;

test("calls wait for a server, and for the next one", { skip, timeout: 20_000 }, async () => {
  const first = await serve();
  let url = "ws://127.0.0.1:1/chirp";
  const states: boolean[] = [];
  let connections = 0;
  const peer = new ReconnectingPeer(() => url, {
    ...options,
    onConnect: () => void connections++,
    onState: (connected) => states.push(!!connected),
  });
  const demo = new DemoClient(peer);
  const early = demo.sumDiff(1n, 2n);
  await until(() => states.length > 0, "an attempt has failed");
  url = first.url;
  assert.deepEqual(await early, { sum: 3n, diff: -1n });

  const lost = rejects(demo.wait(), ConnectionLostError);
  const stream = demo.count(0xffff_ffff);
  await stream.next();
  const second = await serve();
  url = second.url;
  await first.kill();
  await lost;
  await rejects((async () => { for await (const _ of stream); })(), ConnectionLostError);
  assert.deepEqual(await demo.sumDiff(1n, 2n), { sum: 3n, diff: -1n });
  let count = 0;
  for await (const _ of demo.count(10)) count++;
  assert.equal(count, 10);
  assert.equal(connections, 2);
  assert(states.includes(true) && states.includes(false));
  await peer.close();
  await rejects(demo.sumDiff(1n, 2n), NotConnectedError);
  await second.kill();
});

test("an idempotent call is made again when its connection is lost", { skip, timeout: 20_000 }, async () => {
  const server = await serve();
  const peer = new ReconnectingPeer(server.url, options);
  const demo = new DemoClient(peer);
  const connection = await peer.connection();
  const call = demo.sleep(200n, { idempotent: true });
  const other = rejects(demo.sleep(200n), ConnectionLostError);
  await demo.interrupted();
  connection.abort();
  await other;
  assert.equal(await call, 200n);
  await peer.close();
  await server.kill();
});

test("waiting for a connection ends with the call's time, its signal, or the peer", { timeout: 10_000 }, async () => {
  const peer = new ReconnectingPeer("ws://127.0.0.1:1", { ...options, maxWait: 50 });
  const demo = new DemoClient(peer);
  const error = await rejects(demo.wait(), NotConnectedError);
  assert.equal(error.safeToRetry, true);
  await rejects(demo.wait({ timeout: 20 }), NotConnectedError);
  await rejects(demo.wait({ signal: AbortSignal.timeout(20) }), DOMException);
  await rejects(demo.count(1).next(), NotConnectedError);
  const cancelled = demo.count(1);
  cancelled.cancel();
  assert.deepEqual(await cancelled.next(), { done: true, value: undefined });
  const waiting = rejects(demo.wait({ timeout: 5000 }), NotConnectedError);
  await peer.close();
  await waiting;
});

test("a server that shuts down in order loses no call", { skip, timeout: 20_000 }, async () => {
  const first = await serve();
  let url = first.url;
  const peer = new ReconnectingPeer(() => url, options);
  const demo = new DemoClient(peer);
  await demo.sumDiff(1n, 1n);
  const running = demo.sleep(300n);
  const second = await serve();
  url = second.url;
  const killed = first.kill("SIGINT");
  const end = Date.now() + 200;
  let calls = 0;
  while (Date.now() < end) {
    assert.equal((await demo.sumDiff(BigInt(calls), 1n)).sum, BigInt(calls + 1));
    calls++;
  }
  assert.equal(await running, 300n);
  await killed;
  assert(calls > 0);
  await peer.close();
  await second.kill();
});

test("calls that ended while there was no connection leave nothing behind", { timeout: 20_000 }, async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const peer = new ReconnectingPeer("ws://127.0.0.1:1", options);
  const calls = async (count: number) => {
    for (let at = 0; at < count; at++) await Promise.all(Array.from({ length: 500 }, () => peer.call(untyped("A.b"), [], { timeout: 1 }).catch(() => {})));
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = await calls(2);
  const growth = (await calls(20)) - before;
  assert(growth < 4 << 20, `${growth} bytes are kept of 10,000 calls`);
  await peer.close();
});

test("a failed onConnect is a failed attempt", { skip, timeout: 10_000 }, async () => {
  const server = await serve();
  let attempts = 0;
  const peer = new ReconnectingPeer(server.url, {
    ...options,
    onConnect: async (connection: Peer) => {
      if (++attempts < 3) throw new Error("not signed in");
      await new DemoClient(connection).interrupted();
    },
  });
  assert.deepEqual(await new DemoClient(peer).sumDiff(1n, 1n, { timeout: 5000 }), { sum: 2n, diff: 0n });
  assert.equal(attempts, 3);
  await rejects(new DemoClient(peer).wait({ timeout: 20 }), DeadlineExceededError);
  await peer.close();
  await server.kill();
});
