//! Peer credentials from the operating system.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::os::unix::fs::MetadataExt;

use chirp::{PeerBuilder, Server, channel};

#[tokio::test]
async fn a_unix_socket_knows_its_peers_credentials() {
    let dir = std::env::temp_dir().join(format!("chirp-credentials-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let user = fs::metadata(&dir).unwrap().uid();
    let server = Server::builder()
        .bind(format!("unix://{}/socket", dir.display()))
        .await
        .unwrap();
    let endpoint = server.endpoint().clone();
    let mut connections = server.incoming();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(server.run_until(stopped));

    let here = chirp::connect(&endpoint).await.unwrap();
    let there = connections.recv().await.unwrap().peer;
    assert!(here.identity().is_user(user) && there.identity().is_user(user));
    let (here, there) = (here.credentials().unwrap(), there.credentials().unwrap());
    assert_eq!((here.uid, there.uid), (user, user));
    assert_eq!(here.gid, there.gid);
    for pid in [here.pid, there.pid].into_iter().flatten() {
        assert_eq!(u32::try_from(pid).unwrap(), std::process::id());
    }
    #[cfg(target_os = "linux")]
    assert!(here.pid.is_some() && there.pid.is_some());

    drop(stop);
    server.await.unwrap();
    fs::remove_dir_all(&dir).unwrap();
}

#[tokio::test]
async fn other_channels_have_no_credentials() {
    let (one, _other) = channel::memory();
    assert_eq!(one.credentials(), None);
    let server = Server::builder().bind("tcp://127.0.0.1:0").await.unwrap();
    let endpoint = server.endpoint().clone();
    let server = tokio::spawn(server.run());
    let peer = PeerBuilder::new().connect(&endpoint).await.unwrap();
    assert_eq!(peer.credentials(), None);
    assert!(peer.identity().is_anonymous());
    server.abort();
}
