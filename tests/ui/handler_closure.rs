use chirp::{PeerBuilder, Request};

fn handlers() {
    let _ = PeerBuilder::new().handle("a", |_: Request| "not a future");
    let _ = PeerBuilder::new().handle("b", |_: Request| async { 5 });
}

fn main() {}
