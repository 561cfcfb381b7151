import { after, before, test } from "node:test";
import WebSocket from "ws";
import { connect } from "chirp-rpc";
import { serve, skip, type Server } from "./server.js";
import { tests } from "./suite.js";

let server: Server;

before(async () => {
  if (!skip) server = await serve();
});

after(async () => {
  await server?.kill();
});

for (const { name, run } of tests) {
  test(name, { skip, timeout: 20_000 }, () => run({ connect: (options) => connect(server.url, { WebSocket, ...options }) }));
}
