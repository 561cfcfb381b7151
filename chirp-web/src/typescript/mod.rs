//! TypeScript clients and handlers, generated from the description of a peer.
