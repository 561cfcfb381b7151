import { RequestCaller } from "./caller.js";
import { connect, type ConnectOptions } from "./connect.js";
import { ChirpError, ConnectionLostError, FrameworkError, NotConnectedError } from "./errors.js";
import type { Peer } from "./peer.js";
import type { CallOptions, Method } from "./service.js";
import { deferred, type Receiver } from "./streams.js";
import { watch } from "./transport.js";

/** Settings of a peer that reconnects. */
export interface ReconnectOptions extends ConnectOptions {
  /** The pause after the first failed attempt to connect, and the longest one, in milliseconds. 100 ms and 10 s by default. */
  readonly backoff?: readonly [number, number] | undefined;
  /** How long a call without a time limit waits for a connection, in milliseconds. 30 s by default. */
  readonly maxWait?: number | undefined;
  /** Is called on each new connection, before calls use it: to sign in, for example. The connection is closed if it rejects. */
  readonly onConnect?: ((peer: Peer) => void | Promise<void>) | undefined;
  /** Is told when there is a connection, and when there is none any more, or an attempt has failed, and why. */
  readonly onState?: ((peer: Peer | undefined, error: unknown) => void) | undefined;
}

/** How often a call is made again whose connection was lost. */
const MAX_RETRIES = 2;

/**
 * Calls a server over one connection after another. Calls wait for a connection.
 *
 * A call in progress when the connection is lost fails, since it may have run. Those of idempotent methods are made again, at most
 * twice, and so are calls that a server refused because it shuts down. Calls with streams are made once.
 */
export class ReconnectingPeer extends RequestCaller {
  readonly #url: () => string | URL;
  readonly #options: ReconnectOptions;
  /** The connection, if there is one. */
  #peer: Peer | undefined;
  /** Calls that wait for a connection. */
  readonly #waiting = new Set<{ resolve: (peer: Peer) => void; reject: (error: unknown) => void }>();
  #isClosed = false;
  #lastError: unknown = "there was no attempt yet";
  /** Ends the pause between two attempts. */
  #wake: (() => void) | undefined;

  /** Begins to connect. `url` may be a function, which is called for each attempt. */
  constructor(url: string | URL | (() => string | URL), options: ReconnectOptions = {}) {
    super();
    this.#url = typeof url === "function" ? url : () => url;
    this.#options = options;
    void this.#run();
  }

  async #run(): Promise<void> {
    const { backoff: [least, most] = [100, 10_000], onConnect, onState = () => {} } = this.#options;
    const tell: typeof onState = (peer, error) => {
      try {
        onState(peer, error);
      } catch (failure) {
        console.error(failure);
      }
    };
    let pause = least;
    while (!this.#isClosed) {
      let peer: Peer | undefined;
      const start = Date.now();
      try {
        peer = await connect(this.#url(), this.#options);
        await onConnect?.(peer);
        if (this.#isClosed) return peer.abort();
        tell(peer, undefined);
        this.#peer = peer;
        for (const { resolve } of this.#waiting) resolve(peer);
        // A connection that shuts down ends by itself, when the calls on it have ended.
        void peer.closed.then((reason) => (this.#lastError = reason));
        await peer.unusable;
        if (this.#isClosed) return;
        this.#peer = undefined;
      } catch (error) {
        this.#lastError = error;
        peer?.abort();
      }
      tell(undefined, this.#lastError);
      // A server that accepts and then closes at once is not tried again at once.
      if (Date.now() - start > most) pause = least;
      await new Promise<void>((resolve) => {
        // Half of the pause is random, so that the clients of a server do not all come at once.
        const timer = setTimeout(resolve, pause * (0.5 + Math.random() / 2));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      pause = Math.min(2 * pause, most);
    }
  }

  /** @internal */
  async request(method: Method<any>, args: readonly unknown[], options: CallOptions, receiver?: Receiver<any>, sent?: () => void): Promise<Uint8Array> {
    const { idempotent = method.idempotent, timeout = method.deadline, signal } = options;
    const isPlain = !receiver && !method.parameters?.some(({ stream }) => stream);
    const end = timeout === undefined ? undefined : Date.now() + timeout;
    const left = () => end && Math.max(0, end - Date.now());
    for (let retries = MAX_RETRIES; ; retries--) {
      const peer = await this.#wait(left(), signal, receiver);
      try {
        return await peer.request(method, args, { ...options, timeout: left() }, receiver, sent);
      } catch (error) {
        const isUnsent = error instanceof NotConnectedError;
        const isRefused = error instanceof FrameworkError && error.kind === "shuttingDown";
        const isLost = error instanceof ConnectionLostError && idempotent;
        if (!isUnsent && !(isPlain && retries > 0 && (isRefused || isLost))) throw error;
        // This connection takes no calls any more.
        await peer.unusable;
      }
    }
  }

  /** Waits for a connection. */
  async #wait(time = this.#options.maxWait ?? 30_000, signal?: AbortSignal, receiver?: Receiver<any>): Promise<Peer> {
    signal?.throwIfAborted();
    if (this.#isClosed) throw new NotConnectedError("this side closed the connection");
    if (this.#peer) return this.#peer;
    const waiter = deferred<Peer>();
    const { promise, reject } = waiter;
    const unwatch = watch(reject, time, () => new NotConnectedError(`no connection within ${time} ms: ${this.#lastError}`), signal);
    if (receiver) receiver.onCancel = () => reject(new ChirpError("the stream was cancelled"));
    this.#waiting.add(waiter);
    try {
      return await promise;
    } finally {
      unwatch();
      this.#waiting.delete(waiter);
    }
  }

  /** Waits for the connection, or for the next one. */
  connection(): Promise<Peer> {
    return this.#wait();
  }

  /** Closes the connection in order, and makes no other. */
  async close(timeout?: number): Promise<void> {
    this.#isClosed = true;
    this.#wake?.();
    for (const { reject } of this.#waiting) reject(new NotConnectedError("this side closed the connection"));
    await this.#peer?.close(timeout);
  }
}
