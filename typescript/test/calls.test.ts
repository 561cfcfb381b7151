import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { connect, type Peer } from "../src/index.js";
import { DemoClient, Overflow } from "./demo.js";
import { serve, skip, type Server } from "./server.js";

let server: Server;
let peer: Peer;
let demo: DemoClient;

before(async () => {
  if (skip) return;
  server = await serve();
  peer = await connect(server.url, { WebSocket });
  demo = new DemoClient(peer);
});

after(async () => {
  await peer?.close();
  await server?.kill();
});

test("a call returns its result, with every digit", { skip }, async () => {
  assert.deepEqual(await demo.sumDiff(100n, 250n), { sum: 350n, diff: -150n });
  assert.deepEqual(await demo.sumDiff(9007199254740993n, 0n), { sum: 9007199254740993n, diff: 9007199254740993n });
});

test("an error of the method is its class, with its fields", { skip }, async () => {
  await assert.rejects(demo.sumDiff(9223372036854775807n, 1n), (error) => {
    assert(error instanceof Overflow);
    assert.equal(error.code, 17);
    assert.deepEqual(error.data, { a: 9223372036854775807n, b: 1n });
    assert.equal(error.message, "9223372036854775807 and 1 overflow");
    return true;
  });
});
