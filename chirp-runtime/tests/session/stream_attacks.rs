use bytes::{BufMut, Bytes};
use chirp_runtime::packet::{PacketDecoder, Payload, ResultCode};
use chirp_runtime::session::{
    Batch, Event, Fatal, Limits, NotSent, Session, StreamEvent, StreamKey, StreamSpec,
};

use crate::streams::with_streams;
use crate::words::packet;

/// A session whose other side sends any packets.
struct Attacked {
    session: Session,
    decoder: PacketDecoder,
}

impl Attacked {
    fn new(limits: Limits) -> Self {
        let decoder = PacketDecoder::new(limits.max_payload);
        let session = Session::new(limits);
        let mut attacked = Self { session, decoder };
        attacked
            .receive("Request 1 chirp.hello ask:5:16777216:streams")
            .expect("it is a greeting");
        attacked
    }

    fn receive(&mut self, words: &str) -> Result<Vec<Event>, Fatal> {
        let words: Vec<_> = words.split_whitespace().collect();
        self.receive_bytes(&packet(&words))
    }

    fn receive_bytes(&mut self, mut bytes: &[u8]) -> Result<Vec<Event>, Fatal> {
        let mut events = Vec::new();
        while !bytes.is_empty() {
            let mut room = self.decoder.buffer();
            let piece = room.remaining_mut().min(bytes.len());
            room.put_slice(&bytes[..piece]);
            bytes = &bytes[piece..];
            loop {
                let session = &self.session;
                let decoded = self.decoder.decode_with(|kind| session.accepts(kind))?;
                let Some(incoming) = decoded else { break };
                events.extend(self.session.handle(incoming)?);
            }
        }
        Ok(events)
    }

    fn write(&mut self) -> usize {
        let mut written = 0;
        while let Ok(mut batch) = self.session.take_batch(Batch::default()) {
            written += self.session.unsent();
            batch.advance(self.session.unsent());
            assert!(batch.is_done());
            self.session.batch_written();
            drop(self.session.take_leftovers());
        }
        written
    }

    fn events(&mut self) -> Vec<StreamEvent> {
        std::iter::from_fn(|| self.session.poll_stream_event()).collect()
    }

    /// Opens streams of this side with a call.
    fn call(&mut self, specs: &[StreamSpec]) -> Vec<StreamKey> {
        let called = self.session.call_with(
            &Bytes::from_static(b"m"),
            &mut Payload::default(),
            None,
            specs,
        );
        called.expect("it may be made").1
    }
}

fn opens(numbers: impl Iterator<Item = u32>, entry: &str) -> String {
    let entries: Vec<_> = numbers.map(|number| format!("{number}:{entry}")).collect();
    format!("Open {}", entries.join(" "))
}

/// Every refusal is sent, and the other side does not read.
#[test]
fn refused_streams_of_a_peer_that_never_reads() {
    let mut attacked = Attacked::new(with_streams());
    attacked.session.drain(None);
    let open = packet(&opens(1..1025, "to:free:1").split(' ').collect::<Vec<_>>());
    let request = packet(&["Request", "4", "m", "-"]);
    let both = [open, request].concat();
    let mut rounds = 0;
    let fatal = loop {
        if let Err(fatal) = attacked.receive_bytes(&both) {
            break fatal;
        }
        rounds += 1;
        assert!(attacked.session.unsent() < 56 << 20);
        assert_eq!(attacked.session.streams(), 0);
    };
    assert!(matches!(fatal, Fatal::NotReading { .. }), "{fatal:?}");
    assert!(rounds < 3000, "{rounds}");
}

/// Streams that open and end while nothing is written leave nothing behind, except their packets.
#[test]
fn short_streams_of_a_peer_that_never_reads() {
    let mut attacked = Attacked::new(with_streams());
    let open = opens(1..1025, "from:free:0");
    let ends: Vec<_> = (1..1025)
        .flat_map(|number| packet(&["End", &format!("+{number}"), "finished", "0"]))
        .collect();
    for _ in 0..300 {
        attacked.receive(&open).expect("it may");
        let events = attacked.receive("Request 4 m -").expect("it may");
        let [Event::Request(run, _)] = events[..] else {
            panic!("{events:?}");
        };
        let told = attacked.events();
        let [StreamEvent::Opened(carrier, opened)] = &told[..] else {
            panic!("{told:?}");
        };
        let keys: Vec<_> = opened.iter().map(|opened| opened.key).collect();
        assert!(attacked.session.claim_streams(*carrier, &keys));
        attacked.receive_bytes(&ends).expect("they may");
        assert_eq!(attacked.events().len(), 1024);
        assert_eq!(attacked.session.streams(), 0);
        let ok = ResultCode::Success;
        attacked.session.respond(run, ok, &mut Payload::default());
        attacked.session.finish(run);
        assert!(attacked.session.has_output());
    }
    // The responses. Ended streams are granted no credit.
    assert!(attacked.write() < 300 * 13 + 100);
    assert_eq!(attacked.session.stream_windows(), 0);
}

/// 16,384 streams in each direction: their windows stay within the budget, and each can make progress.
#[test]
fn the_most_streams_that_are_allowed() {
    let mut attacked = Attacked::new(with_streams());
    let mut keys = Vec::new();
    for _ in 0..16 {
        keys.extend(attacked.call(&[StreamSpec::receiving(0); 1024]));
        attacked.write();
    }
    let (session, method) = (&mut attacked.session, Bytes::from_static(b"m"));
    let one_more = [StreamSpec::receiving(0)];
    let refused = session.call_with(&method, &mut Payload::default(), None, &one_more);
    assert!(refused.is_err());
    assert!(session.stream_windows() <= 32 << 20);
    // One item of each stream, since all have a window.
    for number in 1..=16_384 {
        let item = format!("Items -{number} a");
        attacked.receive(&item).expect("it may");
    }
    let events = attacked.events();
    let is_items = |event: &&StreamEvent| matches!(event, StreamEvent::Items(..));
    assert_eq!(events.iter().filter(is_items).count(), 16_384);
    assert_eq!(attacked.session.stream_bytes_held(), 16_384 * 17);
    // The consumers take all items repeatedly, and the windows do not grow beyond the budget.
    for _ in 0..6 {
        for key in &keys {
            attacked.session.consumed(*key, 1, 1);
        }
        attacked.write();
        assert!(attacked.session.stream_windows() <= 32 << 20);
        for number in 1..=16_384 {
            let item = format!("Items -{number} a");
            attacked.receive(&item).expect("it may");
        }
        let events = attacked.events();
        assert_eq!(events.iter().filter(is_items).count(), 16_384);
    }
    attacked.session.end();
    assert_eq!(attacked.session.streams(), 0);
    assert_eq!(attacked.session.stream_windows(), 0);
    assert_eq!(attacked.session.stream_bytes_held(), 0);
}

/// The opener of 1,024 streams that it sends must not take another window, and takes none.
#[test]
fn windows_taken_without_a_grant() {
    let mut attacked = Attacked::new(with_streams());
    attacked
        .receive(&opens(1..1025, "from:free:16384"))
        .expect("it may");
    attacked.receive("Request 4 m -").expect("it may");
    assert_eq!(attacked.session.stream_windows(), 16 << 20);
    let more = attacked.receive("Open 1025:from:free:16384");
    assert!(matches!(more, Err(Fatal::Packet(_))), "{more:?}");

    let mut attacked = Attacked::new(with_streams());
    let taken = attacked.call(&[StreamSpec::sending(0); 1024]);
    let more = attacked.call(&[StreamSpec::sending(0)]);
    let session = &mut attacked.session;
    assert_eq!(session.send_item(taken[0], &mut "a".into()), Ok(()));
    let not_sent = session.send_item(more[0], &mut "a".into());
    assert_eq!(not_sent, Err(NotSent::Full));
    // The end of a stream makes its window available to the next.
    session.finish_stream(taken[1]);
    session.finish_stream(taken[2]);
    let next = attacked.call(&[StreamSpec::sending(0)]);
    let sent = attacked.session.send_item(next[0], &mut "a".into());
    assert_eq!(sent, Ok(()));
}

/// Empty items have a cost, so that the window bounds their number.
#[test]
fn millions_of_empty_items() {
    let mut attacked = Attacked::new(with_streams());
    let keys = attacked.call(&[StreamSpec::receiving(0)]);
    attacked.write();
    let items = "Items -1".to_owned() + &" -".repeat(1000);
    let items = packet(&items.split(' ').collect::<Vec<_>>());
    attacked.receive_bytes(&items).expect("it may");
    attacked.receive_bytes(&items).expect("it may");
    let events = attacked.events();
    let [
        StreamEvent::Items(..),
        StreamEvent::Items(_, rest),
        StreamEvent::Ended(..),
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!(rest.len(), 24);
    for _ in 0..1000 {
        attacked.receive_bytes(&items).expect("it may");
        assert!(attacked.events().is_empty());
    }
    assert_eq!(attacked.session.stream_bytes_held(), 16_384);
    attacked.session.drop_receiver(keys[0]);
    assert_eq!(attacked.session.stream_bytes_held(), 0);
}

/// The transmit buffer holds at most 64 KiB of items, however many are queued. Later packets wait for no more
/// than that.
#[test]
fn calls_wait_for_at_most_64_kib_of_items() {
    let mut attacked = Attacked::new(with_streams());
    let keys = attacked.call(&[StreamSpec::sending(0); 100]);
    attacked.write();
    let credit: Vec<_> = (1..101)
        .map(|number| format!("-{number}:1000000"))
        .collect();
    attacked
        .receive(&format!("Credit {}", credit.join(" ")))
        .expect("it may");
    for key in &keys {
        while attacked.session.send_item(*key, &mut vec![0; 1000].into()) == Ok(()) {}
    }
    assert!(attacked.session.stream_bytes_queued() >= 100 << 16);
    let batch = attacked.session.take_batch(Batch::default());
    let batch = batch.expect("there are items");
    // One packet of each stream in turn.
    let packets: Vec<_> = batch.packets().map(|(header, _)| header.length).collect();
    assert_eq!(packets.len(), 5, "{packets:?}");
    assert!(packets.iter().all(|length| *length <= 16 << 10));
    let unsent = attacked.session.unsent();
    assert!(unsent <= (64 << 10) + (17 << 10), "{unsent}");
    let call = attacked.call(&[]);
    assert!(call.is_empty());
    // No items are added while a batch is being written.
    assert!(attacked.session.take_batch(Batch::default()).is_err());
    assert!(attacked.session.unsent() < unsent + 100);
}

/// An observer sees whole items, including large ones that are not copied.
#[test]
fn large_and_small_items_form_whole_packets() {
    let mut attacked = Attacked::new(with_streams());
    let keys = attacked.call(&[StreamSpec::sending(0)]);
    attacked.write();
    attacked.receive("Credit -1:1000000").expect("it may");
    let lengths = [5, 9000, 0, 8192, 8192, 20_000, 3, 8193];
    for length in lengths {
        let sent = attacked
            .session
            .send_item(keys[0], &mut vec![b'x'; length].into());
        assert_eq!(sent, Ok(()));
    }
    let batch = attacked.session.take_batch(Batch::default());
    let batch = batch.expect("there are items");
    let mut found = Vec::new();
    for (header, payload) in batch.packets() {
        assert_eq!(header.length as usize, payload.len());
        let payload = Bytes::copy_from_slice(&payload);
        let items = chirp_runtime::packet::StreamItems::decode(payload).expect("they are items");
        found.extend(items.items.map(|item| item.len()));
    }
    assert_eq!(found, lengths);
}
