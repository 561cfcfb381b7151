//! Compares `page/src/client.ts` with the traits. `UPDATE_CLIENT=1 cargo test` writes it.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::Path;
use std::sync::Arc;

use chirp::reflect::JsonCaller;
use chirp::typescript::{Options, generate};
use chirp::{PeerBuilder, channel};

use crate::board::{BoardServer, Page, PageServer, Seat, Table};

/// Stands for a page, of which only the methods matter here.
struct BlankPage;

impl Page for BlankPage {
    async fn show_names(&self, _names: Vec<String>) {}

    async fn may_wipe(&self, _asked_by: &str) -> bool {
        true
    }
}

#[tokio::test]
async fn the_client_is_up_to_date() {
    let (one, other) = channel::memory();
    let peer = PeerBuilder::new().start(one).unwrap();
    let both = PeerBuilder::new()
        .service(BoardServer::new(Seat::new(
            &Arc::new(Table::default()),
            &peer,
        )))
        .service(PageServer::new(BlankPage))
        .reflect()
        .start(other)
        .unwrap();
    let description = JsonCaller::new(&peer).describe().await.unwrap();
    let generated = generate(&description, &Options::new());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("page/src/client.ts");
    if std::env::var_os("UPDATE_CLIENT").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let present = std::fs::read_to_string(path).unwrap();
    assert!(
        present == generated,
        "run UPDATE_CLIENT=1 cargo test, and build the page"
    );
    drop(both);
}
