use shuttle::rand::Rng;
use shuttle::thread;

use super::reader_in_place::Stay;
use crate::channel::Wire;
use crate::peer::connection::ConnectionCore;
use crate::peer::connection::reader::ReaderTask;
use crate::peer::schedules;

/// Longer than the watchdog observes a connection without stays.
const PAUSE: u32 = 200;

/// Invariants: a reader that is inside of a handler is observed, also if the watchdog stops observing the connection at the
/// moment when the reader enters: a handler that blocks until the reader goes on would be a deadlock otherwise. A handler
/// that returns late does not get the reader back, and not that of a later stay either.
#[test]
fn a_reader_that_is_blocked_in_a_handler_is_taken_over() {
    schedules::check(|| {
        let connection = ConnectionCore::new(&Wire::default());
        let mut reader = Box::new(ReaderTask);
        let mut blocked: Option<Stay<'_>> = None;
        for _ in 0..3 {
            let stay = Stay::begin(&connection, reader);
            if let Some(mut late) = blocked.replace(stay) {
                assert!(late.end().is_none(), "the reader has one owner");
            }
            reader = connection.taken_reader.receive();
            for _ in 0..shuttle::rand::thread_rng().gen_range(0..PAUSE) {
                thread::yield_now();
            }
        }
    });
}

/// Invariant: whether a handler returns in time or not, one task has the reader afterwards.
#[test]
fn a_reader_has_one_owner_when_its_handler_returns() {
    schedules::check(|| {
        let connection = ConnectionCore::new(&Wire::default());
        let mut reader = Box::new(ReaderTask);
        for _ in 0..3 {
            let mut stay = Stay::begin(&connection, reader);
            for _ in 0..shuttle::rand::thread_rng().gen_range(0..8) {
                thread::yield_now();
            }
            let own = stay.end();
            drop(stay);
            reader = own.unwrap_or_else(|| connection.taken_reader.receive());
            assert!(connection.taken_reader.take().is_none());
        }
    });
}
