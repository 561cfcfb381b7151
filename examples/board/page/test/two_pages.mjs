// Starts the board, opens it in two pages, draws, and compares pictures of both.
//
//     node test/two_pages.mjs PROGRAM [FOLDER FOR PICTURES]

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { chromium } from "playwright-core";

const [program, folder] = process.argv.slice(2);
let { server, url } = await start("127.0.0.1:0");
// Also after an error.
process.on("exit", () => server.kill());
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // Tests run as root, too.
  args: ["--no-sandbox"],
});
let ann, bob;
try {
  ann = await open("Ann");
  bob = await open("Bob");
  await ann.getByRole("listitem").filter({ hasText: "Bob" }).waitFor();
  const blank = await picture(ann);
  await settle(async () => assert.deepEqual(await picture(bob), blank));

  // Everybody sees a line while it is drawn.
  await draw(ann, "crimson", house(200, 400), { lift: false });
  await reaches(bob, "crimson", end(200, 400));
  await ann.mouse.up();
  await reaches(ann, "crimson", end(200, 400));
  const house1 = await sameOnBoth();
  assert.notDeepEqual(house1, blank);

  // Several may draw at once.
  await Promise.all([
    draw(ann, "seagreen", house(480, 350)),
    draw(bob, "royalblue", house(700, 450)),
  ]);
  for (const page of [ann, bob]) {
    await reaches(page, "seagreen", end(480, 350));
    await reaches(page, "royalblue", end(700, 450));
  }
  const village = await sameOnBoth();
  assert.notDeepEqual(village, house1);
  if (folder) await bob.screenshot({ path: join(folder, "board.png") });

  // A page that comes later shows all of it.
  const cleo = await open("Cleo");
  await ann.getByRole("listitem").filter({ hasText: "Cleo" }).waitFor();
  await settle(async () => assert.deepEqual(await picture(cleo), village));
  await cleo.close();
  await ann.getByRole("listitem").filter({ hasText: "Cleo" }).waitFor({ state: "detached" });

  // Nobody else may be called Bob.
  const other = await open("Bob");
  await says(other, 'there is somebody called "Bob" already');
  await other.close();

  // The server asks the other page before it wipes the board.
  await ann.getByRole("button", { name: "Wipe" }).click();
  await bob.getByText("Ann wants to wipe the board.").waitFor();
  await bob.getByRole("button", { name: "Keep it" }).click();
  await says(ann, "Bob wants to keep the board");
  assert.deepEqual(await picture(bob), village);
  await ann.getByRole("button", { name: "Wipe" }).click();
  await bob.getByRole("button", { name: "Wipe it" }).click();
  await says(ann, "Wiped");
  for (const page of [ann, bob]) await settle(async () => assert.deepEqual(await picture(page), blank));

  // After a restart of the server, which forgets everything, the pages are there again.
  server.kill();
  await once(server, "exit");
  await says(ann, "trying again");
  ({ server } = await start(new URL(url).host));
  await says(ann, "You are Ann");
  await bob.getByRole("listitem").filter({ hasText: "Ann" }).waitFor();
  await draw(ann, "black", house(200, 400));
  await reaches(bob, "black", end(200, 400));
} finally {
  await browser.close();
  server.kill();
}
console.log("both pages showed the same pictures");

/** Starts the program at an address, and returns it with the URL of its page. */
async function start(address) {
  const server = spawn(program, [address], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(server, "exit").then(([code]) => {
    throw new Error(`${program} ${address} has exited with ${code}`);
  });
  const [line] = await Promise.race([once(server.stdout, "data"), ended]);
  return { server, url: String(line).trim() };
}

async function open(name) {
  const page = await browser.newPage();
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => console.error(`${name}'s page:`, error));
  await page.goto(url);
  await says(page, "Connected");
  await page.getByPlaceholder("Your name").fill(name);
  await page.getByRole("button", { name: "Join" }).click();
  return page;
}

function says(page, text) {
  return page.getByRole("status").filter({ hasText: text }).waitFor();
}

function house(x, y) {
  return [[x, y], [x, y - 100], [x + 100, y - 100], [x + 50, y - 180], [x, y - 100], [x + 100, y], [x, y], [x + 100, y - 100], [x + 100, y], end(x, y)];
}

/** The end of the line of a house. */
function end(x, y) {
  return [x + 150, y];
}

async function draw(page, color, [first, ...others], { lift = true } = {}) {
  await page.locator(`label.${color}`).click();
  const { x, y } = await page.locator("canvas").boundingBox();
  await page.mouse.move(x + first[0], y + first[1]);
  await page.mouse.down();
  for (const point of others) await page.mouse.move(x + point[0], y + point[1], { steps: 5 });
  if (lift) await page.mouse.up();
}

/** A PNG of the canvas, as a person sees it. */
function picture(page) {
  return page.locator("canvas").screenshot();
}

/** Waits until both pages show the same, and returns the picture. */
async function sameOnBoth() {
  return settle(async () => {
    const [one, other] = [await picture(ann), await picture(bob)];
    assert.deepEqual(one, other);
    return one;
  });
}

/** Waits until a line has arrived at a point. */
function reaches(page, color, [x, y]) {
  return page.waitForFunction(({ color, x, y }) => {
    const probe = document.createElement("canvas").getContext("2d");
    probe.fillStyle = color;
    probe.fillRect(0, 0, 1, 1);
    const wanted = probe.getImageData(0, 0, 1, 1).data.join();
    return document.querySelector("canvas").getContext("2d").getImageData(x, y, 1, 1).data.join() === wanted;
  }, { color, x, y });
}

/** Repeats a check until it holds. */
async function settle(check) {
  const end = Date.now() + 30_000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
