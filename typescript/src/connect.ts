import { NotConnectedError } from "./errors.js";
import { Peer, type PeerOptions } from "./peer.js";
import { deferred } from "./streams.js";
import { watch, type WebSocketConstructor } from "./transport.js";

/** Settings of a connection. */
export interface ConnectOptions extends PeerOptions {
  /** The constructor of WebSockets, such as that of the package `ws`. The global one by default. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** Subprotocols to offer besides `chirp.v0`. */
  readonly protocols?: readonly string[] | undefined;
  /** How long connecting may take, in milliseconds. 10 s by default. */
  readonly connectTimeout?: number | undefined;
}

/** The subprotocol of Chirp packets in binary messages. */
const SUBPROTOCOL = "chirp.v0";

/**
 * Connects to a server at a `ws:` or `wss:` address.
 *
 * Rejects with `NotConnectedError` if there is none, or it refuses the connection.
 */
export async function connect(url: string | URL, options: ConnectOptions = {}): Promise<Peer> {
  const { connectTimeout = 10_000, protocols = [], WebSocket = (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket } = options;
  if (!WebSocket) throw new TypeError("no global WebSocket: pass the option WebSocket");
  const socket = new WebSocket(String(url), [SUBPROTOCOL, ...protocols]);
  socket.binaryType = "arraybuffer";
  const { promise, resolve, reject } = deferred<void>();
  const refuse = (reason: string) => reject(new NotConnectedError(`cannot connect to ${url}: ${reason}`));
  const unwatch = watch(reject, connectTimeout, () => new NotConnectedError(`cannot connect to ${url}: no answer within ${connectTimeout} ms`));
  socket.addEventListener("open", () => resolve());
  socket.addEventListener("error", ({ message = "no server, or it refuses the connection" }) => refuse(message));
  socket.addEventListener("close", ({ code, reason }) => refuse(`closed with code ${code} ${reason}`));
  try {
    await promise;
    return await Peer.start(socket, options);
  } catch (error) {
    socket.close();
    throw error;
  } finally {
    unwatch();
  }
}
