//! Handlers start in the order in which their calls were sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chirp::packet::ErrorData;
use chirp::{AsCaller, PeerBuilder, Request, channel};

const APPENDS: u32 = 100_000;

/// Appends to a log with one-way calls and then reads it, while other handlers compute or wait.
async fn appends_are_in_order() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let (appended, read) = (Arc::clone(&log), Arc::clone(&log));
    let builder = PeerBuilder::new()
        .handle("append", move |request: Request| {
            let number = u32::from_be_bytes(request.params().try_into().expect("four bytes"));
            appended.lock().expect("no panics").push(number);
            async { Ok::<_, ErrorData>(()) }
        })
        .handle("read", move |_: Request| {
            let length = read.lock().expect("no panics").len();
            async move { Ok::<_, ErrorData>(length.to_string()) }
        })
        .handle("compute", |_: Request| async {
            // Longer than any time slice of a dispatcher.
            let begun = std::time::Instant::now();
            while begun.elapsed() < Duration::from_millis(2) {
                std::hint::spin_loop();
            }
            Ok::<_, ErrorData>(())
        })
        .handle("wait", |_: Request| {
            std::future::pending::<Result<(), ErrorData>>()
        });
    let (one, other) = channel::memory();
    let peer = PeerBuilder::new().start(one).expect("no duplicates");
    let _other = builder.start(other).expect("no duplicates");
    let caller = peer.as_caller();
    let mut slow = Vec::new();
    for number in 0..APPENDS {
        if number.is_multiple_of(5000) {
            slow.push(peer.call("compute", ()).start());
            slow.push(peer.call("wait", ()).start());
        }
        caller
            .call_one_way("append", number.to_be_bytes().to_vec())
            .await
            .expect("sent");
    }
    let length = peer.call("read", ()).await.expect("answered");
    assert_eq!(length, APPENDS.to_string());
    let log = log.lock().expect("no panics");
    assert!(
        log.iter().copied().eq(0..APPENDS),
        "the log is out of order"
    );
}

#[tokio::test]
async fn on_one_thread() {
    appends_are_in_order().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_two_threads() {
    appends_are_in_order().await;
}
