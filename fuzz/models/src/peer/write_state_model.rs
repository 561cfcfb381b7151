use std::sync::Arc;

use shuttle::thread::{self, JoinHandle};

use crate::channel::Wire;
use crate::peer::ConnectionError;
use crate::peer::connection::ConnectionCore;
use crate::peer::connection::sending::Sending;
use crate::peer::connection::writer::{WriteState, WriterTask};
use crate::peer::schedules;
use crate::peer::sleeper;

const SENDERS: u8 = 2;
const PACKETS: u8 = 3;

/// A connection whose writer task runs.
struct Model {
    connection: Arc<ConnectionCore>,
    wire: Wire,
    writer: JoinHandle<()>,
}

impl Model {
    fn start() -> Self {
        let wire = Wire::default();
        let connection = ConnectionCore::new(&wire);
        let task = WriterTask::new(Arc::clone(&connection), None);
        let writer = thread::spawn(move || sleeper::run(task));
        Self {
            connection,
            wire,
            writer,
        }
    }

    /// Starts threads that send packets: their own numbers times 16, plus the numbers of their packets. They return how many
    /// they have sent before the connection ended.
    fn start_senders(&self) -> Vec<JoinHandle<u8>> {
        let senders = (0..SENDERS).map(|sender| {
            let connection = Arc::clone(&self.connection);
            thread::spawn(move || {
                let sent = (0..PACKETS)
                    .take_while(|packet| send(&connection, 16 * sender + packet, packet % 2 == 0));
                u8::try_from(sent.count()).expect("few")
            })
        });
        senders.collect()
    }
}

/// Sends a packet as a caller, which writes by itself, or as a task that leaves its output to the writer task. Returns `false`
/// after the end.
fn send(connection: &ConnectionCore, packet: u8, writes: bool) -> bool {
    let mut state = connection.lock();
    if state.end.is_some() {
        return false;
    }
    state.session.send(packet);
    let lease = if writes {
        connection.take_turn(&mut state)
    } else {
        None
    };
    drop(state);
    if let Some(lease) = lease {
        connection.write(lease);
    }
    true
}

/// Checks that what was read is what each thread has sent, in order.
fn assert_all(read: &[u8], sent: &[u8]) {
    for (sender, sent) in (0..SENDERS).zip(sent) {
        let packets = read.iter().filter(|byte| *byte / 16 == sender);
        assert!(
            packets
                .copied()
                .eq((0..*sent).map(|packet| 16 * sender + packet)),
            "{read:?}"
        );
    }
}

fn join(threads: Vec<JoinHandle<u8>>) -> Vec<u8> {
    let threads = threads.into_iter();
    threads.map(|thread| thread.join().unwrap()).collect()
}

/// Invariants: one batch is written at a time (which the session of the models checks), no packet is lost, doubled or
/// overtaken, and none waits for a writer that sleeps. Writes are made by callers, the writer task, and a task that writes in
/// place of a writer that is blocked.
#[test]
fn every_packet_is_written_once_and_in_order_whoever_writes() {
    schedules::check(|| {
        let model = Model::start();
        let senders = model.start_senders();
        let helper = thread::spawn({
            let connection = Arc::clone(&model.connection);
            move || (0..2).for_each(|_| connection.write_for_writer())
        });
        let read: Vec<_> = (0..SENDERS * PACKETS)
            .map(|_| model.wire.read().expect("nobody closes"))
            .collect();
        assert_all(&read, &join(senders));
        helper.join().unwrap();
        model.connection.end(ConnectionError::ClosedHere);
        model.writer.join().unwrap();
        assert_eq!(model.wire.read(), None, "each packet once");
    });
}

/// Invariant: what was sent before a graceful shutdown is written before the write half is shut down. (That nothing is
/// written behind it, the channel of the models checks.)
#[test]
fn a_graceful_shutdown_comes_behind_all_packets() {
    schedules::check(|| {
        let model = Model::start();
        let closer = thread::spawn({
            let connection = Arc::clone(&model.connection);
            let senders = model.start_senders();
            move || {
                let sent = join(senders);
                connection.lock().sending = Sending::Closing { batches: 0 };
                sent
            }
        });
        let read = model.wire.read_to_end();
        assert_all(&read, &closer.join().unwrap());
        model.connection.end(ConnectionError::ClosedByPeer);
        model.writer.join().unwrap();
        assert!(matches!(
            model.connection.look().sending,
            Sending::Closed | Sending::Closing { .. }
        ));
    });
}

/// Invariant: the writer task gets the turn at the end of the connection, also if another task writes at this moment. It
/// writes everything that was sent before, closes the channel and ends.
#[test]
fn the_writer_task_writes_the_rest_and_ends_with_the_connection() {
    schedules::check(|| {
        let model = Model::start();
        let senders = model.start_senders();
        let closer = thread::spawn({
            let connection = Arc::clone(&model.connection);
            move || connection.end(ConnectionError::ClosedHere)
        });
        let read = model.wire.read_to_end();
        assert_all(&read, &join(senders));
        closer.join().unwrap();
        model.writer.join().unwrap();
    });
}

/// Invariant: a failed write of any task ends sending and frees the turn, so that the writer task ends with the
/// connection.
#[test]
fn a_failed_write_frees_the_turn() {
    schedules::check(|| {
        let model = Model::start();
        let senders = model.start_senders();
        model.wire.fail();
        join(senders);
        // The reader ends the connection, sooner or later.
        model.connection.end(ConnectionError::ClosedByPeer);
        model.writer.join().unwrap();
        let state = model.connection.look();
        assert!(matches!(state.write_state, WriteState::Writing));
    });
}
