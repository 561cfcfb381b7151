import { NotConnectedError } from "./errors.js";
import { Peer, type PeerOptions } from "./peer.js";
import type { WebSocketConstructor, WebSocketLike } from "./transport.js";

/** Settings of a connection. */
export interface ConnectOptions extends PeerOptions {
  /** The constructor of WebSockets, such as that of the package `ws`. The global one by default. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** Subprotocols to offer besides `chirp.v0`. */
  readonly protocols?: readonly string[] | undefined;
  /** How long connecting may take, in milliseconds. 10 s by default. */
  readonly connectTimeout?: number | undefined;
  /** Gives up connecting. It has no effect on the connection. */
  readonly signal?: AbortSignal | undefined;
}

/** The subprotocol of Chirp packets in binary messages. */
const SUBPROTOCOL = "chirp.v0";

/**
 * Connects to a server at a `ws:` or `wss:` address.
 *
 * Rejects with `NotConnectedError` if there is none, or it refuses the connection.
 */
export async function connect(url: string | URL, options: ConnectOptions = {}): Promise<Peer> {
  options.signal?.throwIfAborted();
  const { connectTimeout = 10_000, signal } = options;
  const Constructor = options.WebSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  if (!Constructor) throw new TypeError("there is no global WebSocket: pass a constructor as the option WebSocket");
  const socket = new Constructor(String(url), [SUBPROTOCOL, ...(options.protocols ?? [])]);
  socket.binaryType = "arraybuffer";
  let timer: ReturnType<typeof setTimeout> | undefined;
  let abort: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const refuse = (reason: string) => reject(new NotConnectedError(`cannot connect to ${url}: ${reason}`));
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", ({ message }) => refuse(message || "the server is not there, or refuses the connection"));
      socket.addEventListener("close", ({ code, reason }) => refuse(`closed with code ${code}${reason && `, ${reason}`}`));
      timer = setTimeout(() => refuse(`no answer within ${connectTimeout} ms`), connectTimeout);
      abort = () => reject(signal!.reason);
      signal?.addEventListener("abort", abort);
    });
    return await Peer.start(socket, options);
  } catch (error) {
    closeQuietly(socket);
    throw error;
  } finally {
    clearTimeout(timer);
    if (abort) signal?.removeEventListener("abort", abort);
  }
}

function closeQuietly(socket: WebSocketLike): void {
  try {
    socket.close();
  } catch {
    // It was not open. The package `ws` says so with an exception.
  }
}
