import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";
import { existsSync } from "node:fs";

/** The program `examples/typescript.rs`. `CHIRP_EXAMPLE` says where it is, if not in the target directory. */
export const example =
  process.env["CHIRP_EXAMPLE"] ??
  `${process.env["CARGO_TARGET_DIR"] ?? fileURLToPath(new URL("../../target", import.meta.url))}/debug/examples/typescript`;

export const skip = existsSync(example) ? false : `skipped: ${example} is not built`;

export interface Server {
  readonly url: string;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts the server. It ends with this process, or by `kill`. */
export async function serve(address = "ws://127.0.0.1:0/chirp", ...origins: string[]): Promise<Server> {
  const child = spawn(example, ["serve", address, ...origins], {
    // The messages of panics, which are part of a test, would only look like failures.
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  process.on("exit", () => child.kill("SIGKILL"));
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^listening on (.*)$/.exec(line)?.[1];
    if (url) {
      return {
        url,
        async kill(signal = "SIGKILL") {
          child.kill(signal);
          await ended;
        },
      };
    }
  }
  throw new Error(`${example} ended before it listened`);
}
