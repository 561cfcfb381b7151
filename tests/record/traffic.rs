//! Mixed traffic: unary calls, errors, cancels, streams both ways, callbacks, one-way calls, large packets.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chirp::record::{CaptureEvent, CaptureReader, CapturedPacket, Recorder};
use chirp::{CallContext, Peer, PeerBuilder, Receiver, Stream};
use tokio::sync::Notify;

#[chirp::service]
pub(crate) trait Station {
    async fn add(&self, a: i64, b: i64) -> i64;
    async fn fail(&self) -> Result<(), String>;
    async fn wait(&self);
    async fn count(&self, to: u64) -> impl Stream<Item = u64>;
    async fn total(&self, numbers: Receiver<u64>) -> u64;
    async fn ask(&self, cx: &CallContext, question: String) -> String;
    #[chirp(oneway)]
    async fn note(&self, text: String);
    async fn keep(&self, data: Vec<u8>) -> u64;
}

#[chirp::service]
pub(crate) trait Listener {
    async fn answer(&self, question: String) -> String;
}

pub(crate) struct Here {
    noted: Arc<Notify>,
    waiting: Arc<Notify>,
}

impl Station for Here {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn fail(&self) -> Result<(), String> {
        Err("no luck".to_owned())
    }

    async fn wait(&self) {
        self.waiting.notify_one();
        std::future::pending::<()>().await;
    }

    async fn count(&self, to: u64) -> impl Stream<Item = u64> {
        tokio_stream::iter(0..to)
    }

    async fn total(&self, mut numbers: Receiver<u64>) -> u64 {
        let mut total = 0;
        while let Some(Ok(number)) = numbers.recv().await {
            total += number;
        }
        total
    }

    async fn ask(&self, cx: &CallContext, question: String) -> String {
        let listener = ListenerClient::new(cx.caller());
        listener.answer(question).await.unwrap_or_default()
    }

    async fn note(&self, _text: String) {
        self.noted.notify_one();
    }

    async fn keep(&self, data: Vec<u8>) -> u64 {
        data.len() as u64
    }
}

pub(crate) struct There;

impl Listener for There {
    async fn answer(&self, question: String) -> String {
        format!("{question}: yes")
    }
}

/// A station, and what it tells.
pub(crate) fn station() -> (PeerBuilder, Arc<Notify>, Arc<Notify>) {
    let (noted, waiting) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let here = Here {
        noted: Arc::clone(&noted),
        waiting: Arc::clone(&waiting),
    };
    (
        PeerBuilder::new().service(StationServer::new(here)),
        noted,
        waiting,
    )
}

pub(crate) fn listener() -> PeerBuilder {
    PeerBuilder::new().service(ListenerServer::new(There))
}

/// Makes calls of all kinds to a station.
pub(crate) async fn make_calls(peer: &Peer, noted: &Notify, waiting: &Notify) {
    let station = StationClient::new(peer);
    assert_eq!(station.add(1, 2).await.expect("a sum"), 3);
    station.fail().await.expect_err("no luck");
    let wait = station.wait().start();
    waiting.notified().await;
    drop(wait);
    let mut counted = station.count(3).await.expect("a stream");
    let mut items = Vec::new();
    while let Some(item) = counted.recv().await {
        items.push(item.expect("an item"));
    }
    assert_eq!(items, [0, 1, 2]);
    let total = station.total(tokio_stream::iter([1, 2, 3]));
    assert_eq!(total.await.expect("a total"), 6);
    assert_eq!(
        station.ask("well".to_owned()).await.expect("text"),
        "well: yes"
    );
    station.note("noted".to_owned()).await.expect("sent");
    noted.notified().await;
    let kept = station.keep(vec![7; 300 << 10]).await;
    assert_eq!(kept.expect("a length"), 300 << 10);
}

/// An output whose bytes can be seen while it is written.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("no panics").clone()
    }

    /// The events of what has been written.
    pub(crate) fn events(&self) -> Vec<CaptureEvent> {
        let bytes = self.bytes();
        let events = CaptureReader::new(&bytes[..]).collect::<Result<_, _>>();
        events.expect("a capture")
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The packets of events, as lines.
pub(crate) fn packets(events: &[CaptureEvent]) -> Vec<CapturedPacket> {
    let packets = events.iter().filter_map(|event| match event {
        CaptureEvent::Packet { packet, .. } => Some(packet.clone()),
        _ => None,
    });
    packets.collect()
}

/// Records mixed traffic between two peers, with the connection's end.
pub(crate) async fn record_traffic(recorder: &Recorder, link: crate::support::Link) {
    let (serving, noted, waiting) = station();
    let (one, other) = crate::support::channels(link).await;
    let peer = listener().start(recorder.tap(one, true)).expect("a peer");
    let server = serving.start(other).expect("a peer");
    make_calls(&peer, &noted, &waiting).await;
    crate::support::idle(&peer).await;
    peer.shutdown(Duration::from_secs(10)).await;
    server.closed().await;
    recorder.flush().await.expect("written");
}
