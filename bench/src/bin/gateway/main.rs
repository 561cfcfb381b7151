//! The HTTP gateway, compared with the same handlers written by hand in axum.
//!
//! Without arguments it drives servers in processes of their own with `wrk`, and sends bodies of 1 GiB. Rounds alternate, so
//! that other load on the machine affects all alike. `gateway count SERVER CALLS` calls a server in this process one call
//! after another, for counting instructions with valgrind.

mod bodies;
mod calls;
mod server;
mod service;

use std::error::Error;

use server::ServerKind;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => {
            calls::compare(&[ServerKind::Axum, ServerKind::Gateway, ServerKind::Nested])?;
            calls::compare(&[ServerKind::AxumPeer, ServerKind::GatewayPeer])?;
            bodies::compare()
        }
        ["calls"] => calls::compare(&[ServerKind::Axum, ServerKind::Gateway, ServerKind::Nested]),
        ["peer"] => calls::compare(&[ServerKind::AxumPeer, ServerKind::GatewayPeer]),
        ["bodies"] => bodies::compare(),
        ["serve", kind] => server::serve(kind.parse()?),
        ["count", kind, calls] => calls::count(kind.parse()?, calls.parse()?),
        _ => Err("arguments: none, `calls`, `peer`, `bodies`, or `count SERVER CALLS`".into()),
    }
}

/// Returns the middle of some numbers.
fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
