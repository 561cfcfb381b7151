//! Records of connections, and captures of live ones.
#![cfg(feature = "record")]

mod foreign;
mod hostile;
mod losses;
mod relaying;
mod round_trips;
#[path = "../support/mod.rs"]
mod support;
mod traffic;
mod wireshark;
