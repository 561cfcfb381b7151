export { connect, type ConnectOptions } from "./connect.js";
export {
  CancelledError,
  ChirpError,
  ConnectionLostError,
  DeadlineExceededError,
  DecodeError,
  EncodeError,
  errorClass,
  FrameworkError,
  LimitError,
  NotConnectedError,
  ProtocolError,
  ServiceError,
  StreamError,
  UnknownMethodError,
  type ErrorClass,
  type FrameworkErrorKind,
} from "./errors.js";
export { type Json, parseJson, writeJson } from "./json.js";
export { Peer, type PeerOptions } from "./peer.js";
export { ReconnectingPeer, type ReconnectOptions } from "./reconnecting.js";
export {
  service,
  untyped,
  type Caller,
  type CallContext,
  type CallOptions,
  type HandlerFunction,
  type Method,
  type Parameter,
  type Service,
} from "./service.js";
export { type Items, type ItemStream } from "./streams.js";
export { type WebSocketConstructor, type WebSocketLike } from "./transport.js";
export * as t from "./types.js";
