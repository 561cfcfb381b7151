//! Layers around handlers and outgoing calls: their order, what they see and may change, and what comes with Chirp.

mod authenticate;
mod client;
mod limits;
mod metrics;
mod server;
mod streams;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "tower")]
mod tower;

use std::sync::{Arc, Mutex};

use chirp::{InboundRequest, Layer, Next};

/// Lines that layers and handlers have written.
#[derive(Clone, Debug, Default)]
struct Book(Arc<Mutex<Vec<String>>>);

impl Book {
    fn note(&self, line: impl Into<String>) {
        self.0.lock().expect("no panics").push(line.into());
    }

    /// Takes the lines out.
    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no panics"))
    }
}

/// A layer that notes the beginning and the end of each call.
fn noting(book: &Book, name: &'static str) -> impl Layer + use<> {
    let book = book.clone();
    move |request: InboundRequest, next: Next| {
        let book = book.clone();
        async move {
            book.note(format!("{name} in"));
            let reply = next.run(request).await;
            book.note(format!("{name} out"));
            reply
        }
    }
}
