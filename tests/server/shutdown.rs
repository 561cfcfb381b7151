//! Shutdown while the other side still sends: nothing that was sent is lost.

use crate::support::{
    LINKS, Link, channels, connected, echo, idle, in_time, on_both_runtimes, read_packet,
    read_response, request,
};
use bytes::Bytes;
use chirp::channel::{Channel, Reader, Writer, memory};
use chirp::packet::{ErrorData, FrameworkError, PacketType};
use chirp::{
    AsCaller, CallError, ConnectionError, ConnectionStats, Limits, Peer, PeerBuilder, Request,
    Server,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Barrier, Notify, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The shutdown timeout of every test here. No test may take as long.
const GRACE: Duration = Duration::from_hours(1);

const ANSWER: usize = 300_000;

const NOTES: usize = 5_000;

/// A builder whose method "large" returns many bytes.
fn large() -> PeerBuilder {
    PeerBuilder::new()
        .handle("echo", echo)
        .handle("large", |_: Request| async {
            Ok::<_, ErrorData>(vec![7; ANSWER])
        })
}

/// A builder that counts the calls of "note".
fn counting() -> (PeerBuilder, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let mut limits = Limits::default();
    // No call is refused as overloaded.
    limits.max_concurrent_handlers = 10_000;
    let builder = large().limits(limits).handle("note", move |_: Request| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, ErrorData>(()) }
    });
    (builder, count)
}

/// Calls a method over and over, with parameters of `size` bytes, until the connection is lost.
async fn keeps_calling(peer: Peer, method: &'static str, size: usize) {
    let params = || Bytes::from(vec![0; size]);
    while !matches!(
        peer.call(method, params()).await,
        Err(CallError::ConnectionLost(_))
    ) {}
}

/// Makes [`NOTES`] one-way calls of "note".
async fn notes(client: &impl AsCaller) {
    let caller = client.as_caller();
    for _ in 0..NOTES {
        caller.call_one_way("note", ()).await.expect("sent");
    }
}

/// A plain Chirp v0 peer: requests a large answer, waits for the other side's shutdown, keeps sending large requests,
/// and only then reads. Returns the number of answer bytes received.
async fn still_sends(
    mut reader: Reader,
    mut writer: Writer,
    end: impl Future<Output = ()>,
) -> usize {
    writer
        .write_all(&request(1, "large", b""))
        .await
        .expect("it is open");
    writer.flush().await.expect("it is open");
    let mut head = [0; 13];
    reader
        .read_exact(&mut head)
        .await
        .expect("the answer has begun");
    end.await;
    let large = request(2, "echo", &vec![0; 256 << 10]);
    for _ in 0..64 {
        // The channel may be closed by now.
        if writer.write_all(&large).await.is_err() || writer.flush().await.is_err() {
            break;
        }
    }
    let mut answer = vec![0; ANSWER];
    let mut came = 0;
    while came < ANSWER {
        match reader.read(&mut answer[came..]).await {
            Ok(0) | Err(_) => return came,
            Ok(read) => came += read,
        }
    }
    while let Some((kind, _)) = read_packet(&mut reader).await {
        assert_eq!(kind, PacketType::RESPONSE, "a refusal");
    }
    came
}

/// Channels of every kind, whose other side is read and written raw.
async fn every_channel() -> Vec<(String, Channel, Channel)> {
    let mut all = Vec::new();
    for link in LINKS {
        let (one, other) = channels(link).await;
        all.push((format!("{link:?}"), one, other));
    }
    #[cfg(feature = "tls")]
    for link in [Link::Tcp, Link::Unix] {
        let (one, other) = crate::support::over_tls(channels(link).await).await;
        all.push((format!("TLS over {link:?}"), one, other));
    }
    all
}

#[test]
fn a_shutdown_delivers_what_was_answered_while_the_other_side_still_sends() {
    on_both_runtimes(async || {
        for (link, one, other) in every_channel().await {
            let peer = large().start(one).expect("no duplicates");
            let (reader, writer) = other.into_split();
            let (end, ended) = oneshot::channel();
            let ending = tokio::spawn(async move {
                ended.await.expect("it is told");
                peer.shutdown(GRACE).await
            });
            let came = in_time(still_sends(reader, writer, async {
                end.send(()).expect("it waits");
            }))
            .await;
            assert_eq!(came, ANSWER, "{link}");
            let reason = in_time(ending).await.expect("no panic");
            assert!(
                matches!(reason, ConnectionError::ClosedHere),
                "{link}: {reason}"
            );
        }
    });
}

#[test]
fn a_server_that_ends_delivers_what_was_answered_while_clients_still_send() {
    on_both_runtimes(async || {
        let path = crate::support::socket_path();
        for address in [
            "tcp://127.0.0.1:0".to_owned(),
            format!("unix://{}", path.display()),
        ] {
            let server = Server::builder()
                .handle("echo", echo)
                .handle("large", |_: Request| async {
                    Ok::<_, ErrorData>(vec![7; ANSWER])
                })
                .shutdown_timeout(GRACE)
                .bind(&address)
                .await
                .expect("bound");
            let endpoint = server.endpoint().clone();
            let stop = Arc::new(Notify::new());
            let stopped = Arc::clone(&stop);
            let running = tokio::spawn(server.run_until(async move { stopped.notified().await }));
            let mut clients = JoinSet::new();
            let all = Arc::new(Barrier::new(4));
            for _ in 0..4 {
                let (reader, writer) = endpoint.connect().await.expect("connected").into_split();
                let stop = Arc::clone(&stop);
                let all = Arc::clone(&all);
                let end = async move {
                    all.wait().await;
                    stop.notify_one();
                };
                clients.spawn(still_sends(reader, writer, end));
            }
            for came in in_time(clients.join_all()).await {
                assert_eq!(came, ANSWER, "{address}");
            }
            in_time(running).await.expect("no panic");
        }
    });
}

/// The ways in which a client shuts down.
#[derive(Clone, Copy, Debug)]
enum End {
    Shutdown,
    LastHandle,
}

#[test]
fn one_way_calls_before_a_shutdown_all_run() {
    on_both_runtimes(async || {
        for link in LINKS {
            for end in [End::Shutdown, End::LastHandle] {
                let (builder, count) = counting();
                let (client, server) = connected(link, &PeerBuilder::new(), &builder).await;
                // The other side keeps calling.
                let caller = tokio::spawn(keeps_calling(server.clone(), "m", 10_000));
                notes(&client).await;
                match end {
                    End::Shutdown => drop(in_time(client.shutdown(GRACE)).await),
                    End::LastHandle => drop(client),
                }
                in_time(server.closed()).await;
                in_time(caller).await.expect("no panic");
                assert_eq!(count.load(Ordering::Relaxed), 5_000, "{link:?}, {end:?}");
            }
        }
    });
}

#[test]
fn a_reconnecting_client_that_shuts_down_sends_what_it_was_given() {
    on_both_runtimes(async || {
        let (builder, count) = counting();
        let server = Server::builder()
            .configure_peers(|_| builder)
            .bind("tcp://127.0.0.1:0")
            .await
            .expect("bound");
        let address = server.endpoint().to_string();
        let mut connections = server.incoming();
        let running = tokio::spawn(server.run());
        let client = PeerBuilder::new()
            .reconnecting(&address)
            .expect("an address");
        client.ready().await.expect("connected");
        let there = connections.recv().await.expect("it has come").peer;
        let caller = tokio::spawn(keeps_calling(there.clone(), "m", 10_000));
        notes(&client).await;
        in_time(client.shutdown(GRACE)).await;
        in_time(there.closed()).await;
        in_time(caller).await.expect("no panic");
        assert_eq!(count.load(Ordering::Relaxed), NOTES);
        running.abort();
    });
}

/// Running calls are answered although their caller keeps calling; all others are refused or fail with the connection.
#[test]
fn running_calls_are_answered_under_a_mixed_load() {
    on_both_runtimes(async || {
        for link in LINKS {
            let go_on = Arc::new(Semaphore::new(0));
            let wait = Arc::clone(&go_on);
            let builder = large().handle("finish", move |request: Request| {
                let wait = Arc::clone(&wait);
                async move {
                    wait.acquire().await.expect("open").forget();
                    Ok::<_, ErrorData>(request.into_params())
                }
            });
            let (client, server) = connected(link, &PeerBuilder::new(), &builder).await;
            let running: Vec<_> = (0..60)
                .map(|_| client.call("finish", vec![1; 64 << 10]).start())
                .collect();
            while server.stats().running < 60 {
                tokio::task::yield_now().await;
            }
            let mut others = JoinSet::new();
            for _ in 0..16 {
                others.spawn(keeps_calling(client.clone(), "echo", 100 << 10));
            }
            let ending = server.shutdown(GRACE);
            let (reason, ()) =
                in_time(async { tokio::join!(ending, async { go_on.add_permits(60) }) }).await;

            assert!(
                matches!(reason, ConnectionError::ClosedHere),
                "{link:?}: {reason}"
            );
            for call in running {
                let answer = in_time(call)
                    .await
                    .unwrap_or_else(|error| panic!("{link:?}: {error}"));
                assert_eq!(answer.len(), 64 << 10);
            }
            in_time(others.join_all()).await;
            idle(&client).await;
            idle(&server).await;
        }
    });
}

#[test]
fn two_sides_that_shut_down_at_once_do_not_wait_for_each_other() {
    on_both_runtimes(async || {
        for link in LINKS {
            let (left, right) = connected(link, &large(), &large()).await;
            left.call("echo", "x").await.expect("answered");
            right.call("echo", "x").await.expect("answered");
            let both = async { tokio::join!(left.shutdown(GRACE), right.shutdown(GRACE)) };
            let (here, there) = in_time(both).await;
            assert!(
                here.is_clean() && there.is_clean(),
                "{link:?}: {here}, {there}"
            );
        }
    });
}

/// The other side reads the end and does not close: the shutdown timeout decides.
#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_no_longer_than_its_timeout() {
    let (ours, theirs) = tokio::io::duplex(1000);
    let peer = large().start(Channel::io(ours)).expect("no duplicates");
    let (mut reader, mut writer) = tokio::io::split(theirs);
    writer
        .write_all(&request(1, "echo", b"x"))
        .await
        .expect("open");
    assert_eq!(read_response(&mut reader).await, (1, 0, b"x".to_vec()));
    let began = Instant::now();
    let shutdown_timeout = Duration::from_secs(5);
    assert!(matches!(
        peer.shutdown(shutdown_timeout).await,
        ConnectionError::ClosedHere
    ));
    assert_eq!(began.elapsed().as_secs(), 5);
    assert!(read_packet(&mut reader).await.is_none());
    // Not even if nobody waits for it.
    let (ours, theirs) = tokio::io::duplex(1000);
    let peer = PeerBuilder::new()
        .start(Channel::io(ours))
        .expect("no duplicates");
    peer.as_caller().call_one_way("m", ()).await.expect("sent");
    drop(peer);
    let (mut reader, mut writer) = tokio::io::split(theirs);
    assert!(read_packet(&mut reader).await.is_some());
    assert!(read_packet(&mut reader).await.is_none());
    while writer.write_all(&request(1, "m", b"")).await.is_ok() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(began.elapsed() < Duration::from_mins(1));
}

/// Calls made until the end are written as whole packets.
#[test]
fn a_shutdown_cuts_no_packet_in_half_while_calls_are_made() {
    on_both_runtimes(async || {
        for (link, one, other) in every_channel().await {
            let peer = PeerBuilder::new().start(one).expect("no duplicates");
            let (mut reader, writer) = other.into_split();
            let mut callers = JoinSet::new();
            for _ in 0..8 {
                let peer = peer.clone();
                callers.spawn(async move {
                    while peer
                        .as_caller()
                        .call_one_way("m", vec![0; 100_000])
                        .await
                        .is_ok()
                    {}
                });
            }
            for _ in 0..10 {
                read_packet(&mut reader).await.expect("a packet");
            }
            let ending = tokio::spawn(async move { peer.shutdown(GRACE).await });
            // Panics if a packet is cut.
            in_time(async { while read_packet(&mut reader).await.is_some() {} }).await;
            drop((reader, writer));
            let reason = in_time(ending).await.expect("no panic");
            assert!(reason.is_clean(), "{link}: {reason}");
            in_time(callers.join_all()).await;
        }
    });
}

/// The buffer has space for one call at a time, so that the others wait.
fn narrow() -> PeerBuilder {
    let mut limits = Limits::default();
    limits.max_write_buffer = 1;
    PeerBuilder::new().limits(limits)
}

#[test]
fn calls_waiting_for_buffer_space_end_with_the_connection() {
    on_both_runtimes(async || {
        let (ours, theirs) = tokio::io::duplex(1000);
        let peer = narrow().start(Channel::io(ours)).expect("no duplicates");
        let calls: Vec<_> = (0..64)
            .map(|_| peer.call("m", vec![0; 2000]).start())
            .collect();
        let cast = peer.as_caller().call_one_way("m", vec![0; 2000]).start();
        assert!(peer.stats().pending == 64);
        peer.close();
        drop(theirs);
        for call in calls {
            assert!(matches!(
                in_time(call).await,
                Err(CallError::ConnectionLost(_))
            ));
        }
        in_time(idle(&peer)).await;
        assert_eq!(peer.stats(), ConnectionStats::default());
        // Also if everything that waited has been discarded.
        assert!(matches!(cast.await, Err(CallError::ConnectionLost(_))));
    });
}

#[test]
fn application_packets_before_a_shutdown_are_handled() {
    on_both_runtimes(async || {
        for link in LINKS {
            let count = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&count);
            let kind = PacketType(200);
            let builder = PeerBuilder::new().handle_packet(kind, move |_, _| {
                let counted = Arc::clone(&counted);
                async move {
                    tokio::task::yield_now().await;
                    counted.fetch_add(1, Ordering::Relaxed);
                    Ok::<_, ErrorData>(())
                }
            });
            let (client, server) = connected(link, &PeerBuilder::new(), &builder).await;
            for _ in 0..300 {
                client.send_packet(kind, "x").await.expect("sent");
            }
            drop(client);
            in_time(server.closed()).await;
            assert_eq!(count.load(Ordering::Relaxed), 300, "{link:?}");
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_close_finishes_the_packet_that_is_being_written() {
    let (ours, mut theirs) = tokio::io::duplex(1000);
    let peer = large().start(Channel::io(ours)).expect("no duplicates");
    let wanted = request(1, "large", b"");
    theirs.write_all(&wanted).await.expect("open");
    let mut answer = vec![0; 13 + ANSWER];
    theirs
        .read_exact(&mut answer[..13])
        .await
        .expect("it has begun");
    peer.close();
    theirs
        .read_exact(&mut answer[13..])
        .await
        .expect("all of it");
    assert!(read_packet(&mut theirs).await.is_none());
    // A side that does not read is not waited for.
    let (ours, mut theirs) = tokio::io::duplex(1000);
    let peer = large().start(Channel::io(ours)).expect("no duplicates");
    theirs.write_all(&wanted).await.expect("open");
    theirs.read_exact(&mut [0; 13]).await.expect("it has begun");
    let began = Instant::now();
    peer.close();
    while peer.stats() != ConnectionStats::default() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(3));
}

/// Requests that were sent before their caller could know of the shutdown are refused. The connection ends once none has
/// arrived for 100 ms, or after 1 s if they never stop.
#[tokio::test(start_paused = true)]
async fn a_shutdown_refuses_requests_until_none_arrives_for_100_ms() {
    const EACH: Duration = Duration::from_millis(60);
    const QUIET: Duration = Duration::from_millis(100);
    const MOST: Duration = Duration::from_secs(1);
    /// The shutdown looks every 10 ms, and the end takes a round trip.
    const MORE: Duration = Duration::from_millis(20);
    for (requests, serves, expected) in [
        (0, false, Duration::ZERO),
        (0, true, QUIET),
        (3, true, EACH * 3 + QUIET),
        (100, true, MOST),
    ] {
        let (a, b) = memory();
        let here = if serves { large() } else { PeerBuilder::new() };
        let here = here.start(a).expect("no duplicates");
        let there = PeerBuilder::new().start(b).expect("no duplicates");
        let began = Instant::now();
        let ending = tokio::spawn(async move { here.shutdown(GRACE).await });
        for _ in 0..requests {
            tokio::time::sleep(EACH).await;
            match there.call("echo", "x").await {
                Err(CallError::Rejected { reason, .. }) => {
                    assert_eq!(reason, FrameworkError::ShuttingDown);
                }
                Err(CallError::ConnectionLost(_)) if expected == MOST => break,
                answer => panic!("{answer:?}"),
            }
        }
        let reason = in_time(ending).await.expect("no panic");
        assert!(reason.is_clean(), "{reason}");
        let took = began.elapsed();
        assert!(took >= expected, "{requests}: {took:?}");
        assert!(took <= expected + MORE, "{requests}: {took:?}");
    }
}
