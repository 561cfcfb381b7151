//! The text that is generated for a description.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::path::Path;

use chirp::PeerBuilder;
use chirp::reflect::{Description, JsonCaller};
use chirp::typescript::{Options, generate};

use crate::odd_names::{Odd, OddNamesServer};
use crate::shapes::{Echo, ShapesServer};
use crate::shop::{Counter, ShopServer};
use crate::support::pair;

/// The services of this crate.
pub(crate) fn serving() -> PeerBuilder {
    PeerBuilder::new()
        .service(ShapesServer::new(Echo))
        .service(ShopServer::new(Counter::default()))
        .service(OddNamesServer::new(Odd))
        .reflect()
}

async fn description() -> Description {
    let (peer, _serving) = pair(&PeerBuilder::new(), &serving());
    JsonCaller::new(&peer).describe().await.unwrap()
}

/// Compares code with a file in `typescript/test/generated`. `UPDATE_SNAPSHOTS=1` writes the file: read the difference.
#[track_caller]
pub(crate) fn assert_recorded(file: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("typescript/test/generated");
    let path = path.join(file);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, generated).unwrap();
    }
    let recorded = fs::read_to_string(&path).unwrap();
    let mut lines = generated.lines().zip(recorded.lines()).enumerate();
    let difference = lines.find(|(_, (new, old))| new != old);
    assert!(
        generated == recorded,
        "generated code differs from {}, first at {difference:?}",
        path.display()
    );
}

#[tokio::test]
async fn generated_code_is_as_recorded() {
    let description = description().await;
    let generated = generate(&description, &Options::new());
    assert_recorded("services.ts", &generated);
    assert_eq!(generated, generate(&description, &Options::new()));
}
