import { ReconnectingPeer } from "chirp-rpc";

import { BoardClient, pageService, type Color, type Mark, type PageHandler, type Point } from "./client.js";
import { Points } from "./points.js";

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

const canvas = element<HTMLCanvasElement>("canvas");
const picture = canvas.getContext("2d", { willReadFrequently: true })!;
picture.lineWidth = 4;
picture.lineCap = "round";

/** Only what the server says is drawn, so that all pages show the same picture. */
function show(mark: Mark): void {
  if (mark === "wiped") {
    picture.clearRect(0, 0, canvas.width, canvas.height);
    return;
  }
  const { color, from, to } = mark.line;
  picture.strokeStyle = color;
  picture.beginPath();
  picture.moveTo(from.x, from.y);
  picture.lineTo(to.x, to.y);
  picture.stroke();
}

/** What the server asks of this page. */
const page: PageHandler = {
  showNames(names) {
    const items = names.map((name) => {
      const item = document.createElement("li");
      item.textContent = name;
      return item;
    });
    element("names").replaceChildren(...items);
  },

  mayWipe(askedBy, { signal }) {
    const question = element<HTMLDialogElement>("question");
    // One question at a time.
    if (question.open) return false;
    element("asked").textContent = `${askedBy || "Somebody"} wants to wipe the board.`;
    question.returnValue = "";
    question.showModal();
    signal.onabort = () => question.close("late");
    return new Promise((resolve) => {
      question.onclose = () => resolve(question.returnValue === "yes");
    });
  },
};

const status = element("status");

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Shows how an action ends. */
async function report(action: Promise<void>, done: string): Promise<void> {
  try {
    await action;
    status.textContent = done;
  } catch (error) {
    status.textContent = text(error);
  }
}

function place(event: PointerEvent): Point {
  const inside = (value: number, size: number) => Math.round(Math.min(Math.max(value, 0), size));
  return { x: inside(event.offsetX, canvas.width), y: inside(event.offsetY, canvas.height) };
}

function chosenColor(): Color {
  return document.querySelector<HTMLInputElement>("#colors :checked")!.value as Color;
}

function drawWith(board: BoardClient): void {
  canvas.onpointerdown = (down) => {
    canvas.setPointerCapture(down.pointerId);
    // One call for one line: its points are on their way while it is drawn.
    const points = new Points();
    points.add(place(down));
    void report(board.draw(chosenColor(), points), "");
    canvas.onpointermove = (move) => points.add(place(move));
    canvas.onpointerup = canvas.onpointercancel = () => {
      canvas.onpointermove = null;
      points.end();
    };
  };
}

/** Shows what is on the board, over one connection after another. */
async function follow(board: BoardClient): Promise<never> {
  for (;;) {
    try {
      const marks = board.watch();
      await marks.ready();
      // The server sends all of it again.
      show("wiped");
      status.textContent = "Connected";
      if (name) void report(board.join(name), `You are ${name}`);
      for await (const mark of marks) show(mark);
    } catch (error) {
      status.textContent = `${text(error)}: trying again`;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

const peer = new ReconnectingPeer(`${location.origin.replace("http", "ws")}/chirp`, { services: [pageService(page)] });
const board = new BoardClient(peer);
let name = "";

element("join").onsubmit = (event) => {
  event.preventDefault();
  const wanted = element<HTMLInputElement>("name").value;
  void report(board.join(wanted).then(() => void (name = wanted)), `You are ${wanted}`);
};
element("wipe").onclick = () => report(board.wipe(), "Wiped");
drawWith(board);
await follow(board);
