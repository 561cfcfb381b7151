import type { Point } from "./client.js";

/** The points of a line while it is drawn. The reader waits for the next one, until the line ends. */
export class Points implements AsyncIterable<Point> {
  #points: Point[] = [];
  #ended = false;
  #wake = () => {};

  add(point: Point): void {
    this.#points.push(point);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Point> {
    for (;;) {
      yield* this.#points.splice(0);
      if (this.#points.length > 0) continue;
      if (this.#ended) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
