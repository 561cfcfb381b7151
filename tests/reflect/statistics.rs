//! The numbers of servers, for peers that ask.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;

use chirp::channel::{Identity, memory};
use chirp::packet::ErrorData;
use chirp::reflect::{JsonCaller, MethodStatistics, Statistics, StatisticsReport};
use chirp::{AccessPolicy, CallError, Channel, Peer, PeerBuilder, Request, Server, SharedMetrics};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

use crate::support::{echo, in_time, read_packet, response};

async fn fails(_: Request) -> Result<Vec<u8>, ErrorData> {
    Err(ErrorData::new(7, "no"))
}

/// A server with statistics, and a client of it.
fn pair(builder: PeerBuilder, statistics: &Statistics) -> (Peer, Peer) {
    let (one, other) = memory();
    let server = builder.statistics(statistics).start(other).unwrap();
    (PeerBuilder::new().start(one).unwrap(), server)
}

async fn ask(peer: &Peer) -> StatisticsReport {
    in_time(JsonCaller::new(peer).statistics()).await.unwrap()
}

fn method<'r>(report: &'r StatisticsReport, name: &str) -> &'r MethodStatistics {
    let found = report.methods.iter().find(|method| method.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {report:?}"))
}

#[tokio::test]
async fn calls_are_counted_by_method_and_outcome() {
    let go_on = Arc::new(Semaphore::new(0));
    let waits = Arc::clone(&go_on);
    let builder = PeerBuilder::new()
        .handle("echo", echo)
        .handle("fails", fails)
        .handle("waits", move |_: Request| {
            let waits = Arc::clone(&waits);
            async move {
                waits.acquire().await.unwrap().forget();
                Ok::<_, ErrorData>(Vec::new())
            }
        });
    let (client, _server) = pair(builder, &Statistics::new());
    let report = ask(&client).await;
    assert_eq!((report.version, &report.methods[..]), (1, &[][..]));
    assert_eq!(report.connections, None);
    for _ in 0..3 {
        client.call("echo", "x").await.unwrap();
    }
    client.call("fails", "").await.unwrap_err();
    client.call("unknown", "").await.unwrap_err();
    let waiting = client.call("waits", "").start();
    let report = ask(&client).await;
    let echo = method(&report, "echo");
    assert_eq!((echo.calls(), echo.errors(), echo.in_progress), (3, 0, 0));
    assert_eq!(echo.buckets.iter().sum::<u64>(), 3);
    assert_eq!(echo.buckets.len(), report.bounds_us.len() + 1);
    let failed = method(&report, "fails");
    assert_eq!(failed.outcomes, [("error".to_owned(), 1)].into());
    assert_eq!(method(&report, "waits").in_progress, 1);
    // Names that nobody has registered are chosen by callers.
    let names: Vec<_> = report
        .methods
        .iter()
        .map(|method| &method.name[..])
        .collect();
    assert_eq!(names, ["echo", "fails", "waits"]);
    go_on.add_permits(1);
    in_time(waiting).await.unwrap();
    let later = ask(&client).await;
    assert_eq!(method(&later, "waits").calls(), 1);
    assert!(later.uptime_us >= report.uptime_us);
}

/// Who may not call a method does not see its numbers.
#[tokio::test]
async fn statistics_are_filtered_by_access() {
    let statistics = Statistics::new().show_connections(|_| true);
    let (one, other) = memory();
    let admin: chirp::PublicKey = chirp_key();
    let access = AccessPolicy::new().allow(["open"], |_| true);
    let access = access.default_rule(move |who| *who == Identity::Key(admin));
    let builder = PeerBuilder::new()
        .handle("open", echo)
        .handle("secret", echo)
        // The rules apply whenever they are set.
        .statistics(&statistics)
        .access(access);
    let _server = builder
        .start(other.with_identity(Identity::Key(admin)))
        .unwrap();
    let client = PeerBuilder::new().start(one).unwrap();
    client.call("open", "").await.unwrap();
    client.call("secret", "").await.unwrap();
    let report = ask(&client).await;
    method(&report, "secret");

    let (one, other) = memory();
    let _server = builder.start(other).unwrap();
    let client = PeerBuilder::new().start(one).unwrap();
    client.call("secret", "").await.unwrap_err();
    let report = ask(&client).await;
    let [open] = &report.methods[..] else {
        panic!("{report:?}");
    };
    assert_eq!((&open.name[..], open.calls()), ("open", 1));
}

fn chirp_key() -> chirp::PublicKey {
    let text = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    text.parse().unwrap()
}

#[tokio::test]
async fn connections_are_shown_to_those_who_may_see_them() {
    let metrics = SharedMetrics::new();
    let statistics = Statistics::new()
        .metrics(&metrics)
        .show_connections(|who| matches!(who, Identity::Key(_)));
    let server = Server::builder()
        .handle("echo", echo)
        .statistics(&statistics)
        .build()
        .unwrap();
    let handle = server.handle();
    let running = tokio::spawn(server.run());
    let connect = async |channel: (Channel, Channel), identity: Identity| {
        let identified = channel.1.with_identity(identity);
        handle.serve_connection(identified).await.unwrap();
        PeerBuilder::new().start(channel.0).unwrap()
    };
    let guest = connect(memory(), Identity::Anonymous).await;
    let operator = connect(memory(), Identity::Key(chirp_key())).await;
    guest.call("echo", "hello").await.unwrap();
    assert_eq!(ask(&guest).await.connections, None);
    let connections = ask(&operator).await.connections.unwrap();
    assert_eq!(connections.open, 2);
    let [first, second] = &connections.list[..] else {
        panic!("{connections:?}");
    };
    assert_eq!((first.number, &first.identity[..]), (1, "anonymous"));
    assert!(second.identity.starts_with("key "), "{second:?}");
    // `echo` and the question for statistics.
    assert_eq!(first.calls_received, 2);
    assert!(
        first.bytes_received > 5 && first.bytes_sent > 5,
        "{first:?}"
    );
    assert_eq!(metrics.snapshot().connections_open, 2);
    guest.close();
    in_time(async {
        while ask(&operator).await.connections.unwrap().open == 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    running.abort();
}

#[tokio::test]
async fn a_peer_without_statistics_does_not_know_the_method() {
    let (one, other) = memory();
    let _server = PeerBuilder::new()
        .handle("echo", echo)
        .start(other)
        .unwrap();
    let client = PeerBuilder::new().start(one).unwrap();
    let error = in_time(JsonCaller::new(&client).statistics()).await;
    assert!(
        matches!(error, Err(CallError::UnknownMethod { .. })),
        "{error:?}"
    );
}

/// A report has at most 500 connections, those with most traffic.
#[tokio::test]
async fn a_report_of_many_connections_is_limited() {
    let statistics = Statistics::new().show_connections(|_| true);
    let builder = PeerBuilder::new().handle("echo", echo);
    let mut pairs: Vec<_> = (0..600)
        .map(|_| pair(builder.clone(), &statistics))
        .collect();
    let (busy, _server) = pairs.pop().unwrap();
    busy.call("echo", vec![0; 1000]).await.unwrap();
    let connections = ask(&busy).await.connections.unwrap();
    assert_eq!((connections.open, connections.list.len()), (600, 500));
    let most = connections.list.iter().map(|row| row.bytes_received).max();
    assert!(most > Some(1000), "{most:?}");
}

#[tokio::test]
async fn an_answer_of_another_version_is_an_error() {
    let (one, mut other) = tokio::io::duplex(1024);
    let peer = PeerBuilder::new().start(Channel::io(one)).unwrap();
    let asks = tokio::spawn(async move { JsonCaller::new(&peer).statistics().await });
    let (_, asked) = read_packet(&mut other).await.unwrap();
    let id = u32::from_be_bytes(asked[..4].try_into().unwrap());
    let answer = br#"{"version":9,"uptime_us":1,"bounds_us":[],"methods":[]}"#;
    other.write_all(&response(id, 0, answer)).await.unwrap();
    let error = in_time(asks).await.unwrap().unwrap_err().to_string();
    assert!(error.contains("version 9"), "{error}");
}
