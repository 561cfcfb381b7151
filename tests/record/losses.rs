//! Outputs that are slow or fail: connections go on, and the record shows what is missing.

use std::io::{self, Write};
use std::sync::mpsc;

use chirp::packet::ErrorData;
use chirp::record::{CaptureEvent, Recorder};
use chirp::{PeerBuilder, Request};

use crate::support::{in_time, pair};
use crate::traffic::{Memory, packets};

/// An output that writes nothing until it is told to.
struct Stuck {
    output: Memory,
    release: mpsc::Receiver<()>,
    is_header: bool,
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !std::mem::take(&mut self.is_header) {
            // An error means that the output is free for good.
            let _ = self.release.recv();
        }
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn keeping() -> PeerBuilder {
    PeerBuilder::new().handle("keep", |request: Request| async move {
        Ok::<_, ErrorData>(request.into_params().len().to_string())
    })
}

#[tokio::test]
async fn a_connection_goes_on_while_the_output_is_stuck() {
    let (free, release) = mpsc::channel();
    let output = Memory::default();
    let stuck = Stuck {
        output: output.clone(),
        release,
        is_header: true,
    };
    let recorder = Recorder::new(stuck).expect("a thread");
    let (peer, _server) = pair(&PeerBuilder::new().record(&recorder), &keeping());
    let data = vec![1; 1 << 20];
    for _ in 0..50 {
        let answer = in_time(async { peer.call("keep", data.clone()).await }).await;
        assert_eq!(answer.expect("answered"), "1048576");
    }
    let stats = recorder.stats();
    assert!(
        stats.lost_packets > 10 && stats.lost_bytes > 15 << 20,
        "{stats:?}"
    );
    drop(free);
    recorder.flush().await.expect("written");
    // There is room again, and the next packets are behind a gap.
    peer.call("keep", "more").await.expect("answered");
    recorder.flush().await.expect("written");
    let events = output.events();
    let gap: u64 = events
        .iter()
        .map(|event| match event {
            CaptureEvent::Gap { bytes, .. } => *bytes,
            _ => 0,
        })
        .sum();
    assert_eq!(gap, recorder.stats().lost_bytes);
    let found = packets(&events);
    let newest = &found[found.len() - 1];
    assert_eq!((&newest.payload[5..], newest.missing), (&b"4"[..], 0));
    assert!(found.iter().filter(|packet| packet.missing > 0).count() <= 1);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_ends_the_record_and_no_connection() {
    let recorder = match Recorder::create("/dev/full") {
        Ok(recorder) => recorder,
        Err(error) => panic!("the header is only buffered: {error}"),
    };
    let (peer, _server) = pair(&PeerBuilder::new().record(&recorder), &keeping());
    peer.call("keep", "abc").await.expect("answered");
    let error = recorder.flush().await.expect_err("a full disk");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(
        recorder.error().expect("kept").kind(),
        io::ErrorKind::StorageFull
    );
    peer.call("keep", "abc").await.expect("answered");
    assert!(recorder.stats().lost_packets >= 2);
    recorder.flush().await.expect_err("still full");
}

/// An output that panics ends the record, not the connection, and `flush` says so.
#[tokio::test]
async fn an_output_that_panics_ends_the_record_alone() {
    struct Panics(bool);
    impl Write for Panics {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            assert!(std::mem::take(&mut self.0), "a bug in an output");
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let recorder = Recorder::new(Panics(true)).expect("a thread");
    let (peer, _server) = pair(&PeerBuilder::new().record(&recorder), &keeping());
    peer.call("keep", "abc").await.expect("answered");
    in_time(recorder.flush()).await.expect_err("a panic");
    peer.call("keep", "abc").await.expect("answered");
    in_time(recorder.flush()).await.expect_err("a panic");
}
