//! Halves of streams under attack: what is lost, who is held up, what is left behind.

#[path = "../support/mod.rs"]
mod support;

mod bytes;
mod counts;
mod dropped;
mod ends;
mod forwarded;
mod memory;
mod odd;
mod one_way;
mod pace;
mod packet_limits;
mod plain;
mod times;
mod unclaimed;
