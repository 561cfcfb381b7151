//! Peers that speak JSON-RPC 2.0.
