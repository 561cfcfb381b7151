//! The services of this crate, called over a connection.

#![expect(
    clippy::unwrap_used,
    clippy::tests_outside_test_module,
    reason = "a test may"
)]

use core::time::Duration;

use chirp::{ItemError, MethodError, Peer, PeerBuilder, channel};
use chirp_tests_strict::{
    Draw, DrawClient, DrawError, DrawServer, EchoClient, EchoServer, Paper, Place, SearchClient,
    SearchServer, TraceClient, TraceServer,
};

/// Both ends of a connection.
fn connect() -> (Peer, Peer) {
    let (one, other) = channel::memory();
    let serving = PeerBuilder::new()
        .service(DrawServer::new(Paper::default()))
        .service(EchoServer::new(Paper::default()))
        .service(SearchServer::new(Paper::default()))
        .service(TraceServer::new(Paper::default()))
        .service(chirp_tests_strict::served());
    (
        serving.start(one).unwrap(),
        PeerBuilder::new().start(other).unwrap(),
    )
}

#[tokio::test]
async fn strict_services_are_services() {
    let (_server, peer) = connect();
    let draw = DrawClient::new(&peer);
    assert_eq!(draw.lines().await.unwrap(), 1);
    let (here, there) = (Place::new(0.0, 0.0), Place::new(3.0, 4.0));
    let length = draw.line(here, &there).await.unwrap();
    assert!((length - 5.0_f64).abs() < f64::EPSILON);
    let far = draw.line(here, &Place::new(1e9, 0.0)).await;
    assert!(matches!(
        far,
        Err(MethodError::Handler(DrawError::TooFar {
            distance: 100,
            advice: None
        }))
    ));
    draw.through(&[here], Some("it")).await.unwrap();
    let dry = draw.through(&[here], None).await;
    assert!(matches!(dry, Err(MethodError::Handler(DrawError::Dry))));
    let written = draw.write("text", b"picture", "title".into()).await;
    assert_eq!(written.unwrap(), b"\0textpicturetitle");
    draw.forget(Duration::from_secs(1)).await.unwrap();
    assert_eq!(draw.hue().await.unwrap(), 7);
    assert_eq!(draw.r#type(3).await.unwrap(), 3);
    draw.here().await.unwrap();
    #[expect(deprecated, reason = "it is still there")]
    let point = draw.point(here).await;
    assert!(!point.unwrap());
    assert_eq!(EchoClient::new(&peer).echo(b"it").await.unwrap(), b"it");
    assert_eq!(Draw::lines(&Paper::default()), 1);
    let search = SearchClient::new(&peer);
    let found = search.find("it", 3, Some(b"ab")).await;
    assert_eq!(found.unwrap(), ["it 3 2"]);
    assert_eq!(search.compute(4).await.unwrap(), 4);
    let name = peer.call("Inside.name", Vec::new()).await.unwrap();
    assert!(name.ends_with(b"the only one"));
}

#[tokio::test]
async fn strict_services_have_streams() {
    let (_server, peer) = connect();
    let trace = TraceClient::new(&peer);
    let dry = trace.trace("").await;
    assert!(matches!(dry, Err(MethodError::Handler(DrawError::Dry))));
    let mut places = trace.trace("it").await.unwrap();
    assert!((places.recv().await.unwrap().unwrap().y - 2.0_f64).abs() < f64::EPSILON);
    let error = places.recv().await.unwrap().unwrap_err();
    assert!(matches!(error, ItemError::Handler(DrawError::NoPaper(name)) if name == "it"));
    let place = Place::new(3.0, 4.0);
    let mut one = trace.places(place).await.unwrap();
    assert_eq!(one.recv().await.unwrap().unwrap(), place);
    assert!(one.recv().await.is_none());
    let mut twice = trace.twice(tokio_stream::once(place), 2.0).await.unwrap();
    assert_eq!(twice.recv().await.unwrap().unwrap(), Place::new(6.0, 8.0));
    assert_eq!(trace.how_many(tokio_stream::once(place)).await.unwrap(), 0);
}
