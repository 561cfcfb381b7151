import type { Caller, CallOptions, Method } from "./service.js";
import { decode, Receiver, type ItemStream } from "./streams.js";
import { any, unit, type Type } from "./types.js";

/** Makes calls of every kind from requests, whose results are bytes. */
export abstract class RequestCaller implements Caller {
  /**
   * Makes a request. The result stream comes to `receiver`, if there is one. `sent` is called when the request is written.
   *
   * @internal
   */
  abstract request(method: Method<any>, args: readonly unknown[], options: CallOptions, receiver?: Receiver<any>, sent?: () => void): Promise<Uint8Array>;

  async call<T>(method: Method<T>, args: readonly unknown[], options: CallOptions = {}): Promise<T> {
    const result = await this.request(method, args, options);
    return decode(method.result ?? (unit as Type<any>), result, `result of ${method.name}`);
  }

  stream<T>(method: Method<T>, args: readonly unknown[], options: CallOptions = {}): ItemStream<T> {
    const receiver = new Receiver<T>(method.items ?? (any as Type<any>), method.name);
    this.request(method, args, options, receiver).catch((error) => receiver.end(error));
    return receiver;
  }

  send(method: Method<any>, args: readonly unknown[], options: CallOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      // A one-way call is a request whose answer is ignored.
      this.request(method, args, options, undefined, resolve).catch(reject);
    });
  }
}
