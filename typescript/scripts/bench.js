// Compares 100 concurrent calls from a page in Chromium with 100 concurrent fetches of the same method from the HTTP gateway:
// `npm run bench`, with `examples/typescript.rs` built in release mode.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const CALLS = 100;
const ROUNDS = 50;
const target = process.env.CARGO_TARGET_DIR ?? "../target";
const server = spawn(`${target}/release/examples/typescript`, ["gateway", "ws://127.0.0.1:0/chirp", "tcp://127.0.0.1:0"]);
const [line] = await once(createInterface({ input: server.stdout }), "line");
const [, url, origin] = /^listening on (\S+) (\S+)$/.exec(line);

const script = `import { connect, untyped } from "./src/index.ts"; window.chirp = { connect, untyped };`;
const { outputFiles } = await build({ stdin: { contents: script, resolveDir: "." }, bundle: true, minify: true, format: "iife", write: false });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
// The page has the origin of the gateway, so that fetch needs no preflight.
const page = await browser.newPage();
await page.goto(`${origin}/`);
await page.addScriptTag({ content: outputFiles[0].text });

const result = await page.evaluate(
  async ([url, calls, rounds]) => {
    const peer = await window.chirp.connect(url);
    const method = window.chirp.untyped("Demo.sum_diff");
    const ways = {
      chirp: (a) => peer.call(method, [{ a, b: 1 }]),
      fetch: async (a) => {
        const headers = { "content-type": "application/json" };
        const response = await fetch("/call/Demo.sum_diff", { method: "POST", headers, body: JSON.stringify({ a, b: 1 }) });
        return response.json();
      },
    };
    const times = { chirp: [], fetch: [] };
    // The two take turns, so that both have the same conditions.
    for (let round = 0; round < rounds; round++) {
      for (const [name, call] of Object.entries(ways)) {
        const start = performance.now();
        const results = await Promise.all(Array.from({ length: calls }, (_, at) => call(at)));
        times[name].push(performance.now() - start);
        if (results.some(({ diff }, at) => diff !== at - 1)) throw new Error("a wrong result");
      }
    }
    const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
    return { chirp: median(times.chirp), fetch: median(times.fetch) };
  },
  [url, CALLS, ROUNDS],
);
await browser.close();
server.kill();

console.log(`${CALLS} calls at once, median of ${ROUNDS} rounds:`);
console.log(`chirp ${result.chirp.toFixed(1)} ms, fetch ${result.fetch.toFixed(1)} ms: ${(result.fetch / result.chirp).toFixed(1)} times as fast`);
