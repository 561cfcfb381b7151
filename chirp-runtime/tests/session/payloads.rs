use std::cell::Cell;

use bytes::Bytes;
use chirp_runtime::packet::{PacketDecoder, Payload, ResultCode};
use chirp_runtime::session::{Batch, Event, InboundCallId, OutboundCallId, Session};

use bytes::BufMut;

use crate::script::limits;
use crate::words::packet;

thread_local! {
    /// Whether a session is being called, as if under its lock.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// The number of payloads that are alive.
    static ALIVE: Cell<usize> = const { Cell::new(0) };
}

/// A payload of the application, whose drop is foreign code.
struct Foreign(Vec<u8>);

impl AsRef<[u8]> for Foreign {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        assert!(!INSIDE.get(), "a payload is dropped under the lock");
        ALIVE.set(ALIVE.get() - 1);
    }
}

fn foreign(length: usize) -> Payload {
    ALIVE.set(ALIVE.get() + 1);
    Bytes::from_owner(Foreign(vec![b'.'; length])).into()
}

/// A session that is checked at each operation.
struct Watched(Session);

impl Watched {
    fn new(unsent: usize) -> Self {
        let limits = limits(|limits| {
            limits.max_write_buffer = unsent;
            limits.max_payload = 50_000;
        });
        Self(Session::new(limits))
    }

    /// Calls the session like a connection does: leftovers are dropped without the lock.
    fn step<T>(&mut self, step: impl FnOnce(&mut Session) -> T) -> T {
        INSIDE.set(true);
        let done = step(&mut self.0);
        let leftovers = self.0.take_leftovers();
        INSIDE.set(false);
        drop(leftovers);
        done
    }

    fn call(&mut self, length: usize) -> OutboundCallId {
        let mut params = foreign(length);
        let method = Bytes::from_static(b"m");
        let call = self.step(|session| session.call(&method, &mut params));
        call.expect("there is room")
    }

    fn cancel(&mut self, call: OutboundCallId) {
        assert_eq!(self.step(|session| session.cancel(call)), Ok(()));
    }

    fn request(&mut self, id: u32) -> InboundCallId {
        let mut decoder = PacketDecoder::new(1000);
        let request = packet(&["Request", &id.to_string(), "m", "-"]);
        decoder.buffer().put_slice(&request);
        let request = decoder.decode().expect("a packet").expect("a whole one");
        match self.step(|session| session.handle(request)) {
            Ok(Some(Event::Request(run, _))) => run,
            other => panic!("{other:?}"),
        }
    }

    fn respond(&mut self, run: InboundCallId, length: usize) {
        let mut data = foreign(length);
        self.step(|session| session.respond(run, ResultCode::Success, &mut data));
    }

    /// Writes a batch, if one is ready.
    fn write(&mut self) -> bool {
        let Ok(mut batch) = self.step(|session| session.take_batch(Batch::default())) else {
            return false;
        };
        while !batch.is_done() {
            batch.advance(1000);
        }
        self.step(Session::batch_written);
        true
    }
}

const SMALL: usize = 10;
const LARGE: usize = 9000;

/// Invariant 2: no payload is dropped under the session lock.
#[test]
fn no_payload_is_dropped_under_the_lock_or_leaked() {
    for length in [SMALL, LARGE] {
        let mut session = Watched::new(100);
        let calls = [0; 4].map(|_| session.call(length));
        session.cancel(calls[2]);
        session.cancel(calls[0]);
        session.write();
        session.cancel(calls[1]);
        session.cancel(calls[3]);
        // A response that fills the buffer, one that is queued, one that is late, and one that is too large.
        let runs = [1, 2, 3].map(|id| session.request(id));
        let answers = [(0, LARGE), (1, length), (1, length), (2, 60_000)];
        for (run, length) in answers {
            session.respond(runs[run], length);
        }
        for run in runs {
            session.step(|session| session.finish(run));
        }
        let waiting = session.call(length);
        while session.write() {}
        assert_eq!(session.0.unsent(), 0);
        assert_eq!(ALIVE.get(), 0, "all that was written is gone");
        session.cancel(waiting);
    }
}

/// Small payloads stay with the caller, so that it can reuse their buffers, and so do payloads that were not
/// sent.
#[test]
fn small_payloads_stay_with_the_caller() {
    let mut session = Watched::new(usize::MAX);
    let method = Bytes::from_static(b"m");
    let (mut small, mut large, mut over) = (foreign(SMALL), foreign(LARGE), foreign(60_000));
    let calls = [&mut small, &mut large, &mut over].map(|params| {
        let called = session.step(|session| session.call(&method, params));
        (called.is_ok(), params.len())
    });
    assert_eq!(calls, [(true, SMALL), (true, 0), (false, 60_000)]);

    let run = session.request(1);
    let mut late = foreign(LARGE);
    session.step(|session| {
        session.finish(run);
        session.respond(run, ResultCode::Success, &mut late);
    });
    assert_eq!(late.len(), LARGE);
}
