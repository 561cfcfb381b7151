// The suite in a headless Chromium, in a page of another origin than the server.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import { serve, skip as noServer, type Server } from "./server.js";
import { tests } from "./suite.js";

const program = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const skip = noServer || (existsSync(program) ? false : `skipped: ${program} is missing`);
const root = fileURLToPath(new URL("..", import.meta.url));

let http: HttpServer;
let server: Server;
let browser: Browser;
let page: Page;

/** Serves the compiled modules, and a page that runs tests by their numbers. */
async function serveFiles(): Promise<HttpServer> {
  const server = createServer(async ({ url = "/" }, response) => {
    if (url === "/") {
      response.setHeader("content-type", "text/html");
      response.end(`<!doctype html><title>Chirp</title>
        <script type="importmap">{ "imports": { "chirp-rpc": "/dist/index.js" } }</script>
        <script type="module">
        import { tests } from "/build/suite.js";
        import { connect } from "chirp-rpc";
        window.run = (at, url) => tests[at].run({ connect: (options) => connect(url, options) });
        window.connect = connect;
      </script>`);
      return;
    }
    try {
      response.setHeader("content-type", "text/javascript");
      response.end(await readFile(`${root}${url.replaceAll("..", "")}`));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

before(async () => {
  if (skip) return;
  http = await serveFiles();
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  server = await serve("ws://127.0.0.1:0/chirp", origin);
  browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox"] });
  page = await browser.newPage();
  page.on("pageerror", (error) => console.error("in the page:", error));
  await page.goto(origin);
  await page.waitForFunction("window.run");
});

after(async () => {
  await browser?.close();
  await server?.kill();
  http?.close();
});

for (const [at, { name }] of tests.entries()) {
  test(`in Chromium: ${name}`, { skip, timeout: 30_000 }, () => page.evaluate(`run(${at}, ${JSON.stringify(server.url)})`));
}

test("in Chromium: a server that does not list the page's origin refuses it", { skip, timeout: 30_000 }, async () => {
  const closed = await serve();
  const message = await page.evaluate(`connect(${JSON.stringify(closed.url)}).then(() => "connected", (error) => error.name)`);
  assert.equal(message, "NotConnectedError");
  await closed.kill();
});
