use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use super::compression;
use super::connection_core::ConnectionCore;
use super::effects::Effects;
use super::lingering::Lingering;
use super::sending::Sending;
use crate::channel;
use crate::packet::{Header, IncomingPacket, PacketDecoder, PacketError, PacketType, foreign};
use crate::peer::ConnectionError;
use crate::peer::monitoring::observe::{self, Observer};
use crate::peer::monitoring::progress::Progress;
use crate::peer::monitoring::stall_timer::StallTimer;
use crate::peer::server::dispatch::BUDGET;
use crate::peer::server::handler_starter::HandlerStarter;
use crate::peer::server::in_place::InPlaceOutcome;
use crate::session::ReadState;

/// The number of pieces that a pause is divided into. If the whole process stood still for the time of a pause, that
/// counts as one piece, and handlers run before the next is over.
const PIECES: u32 = 8;

/// The maximum number of repetitions of a brief pause. It is repeated while this side makes progress in writing, since the
/// responses that the pause waits for are leaving, or is still starting requests, which the pause also waits for.
const REPEATS: u32 = 10;

/// Decompressed bytes after which packets are handled before more are decoded.
const UNPACKED: usize = 1 << 20;

/// How long the handlers of received requests may take to start after the peer has ended.
const ARRIVED: Duration = Duration::from_secs(1);

/// How long the peer may take to close after an end that did not wait for it.
const AFTER_END: Duration = Duration::from_secs(1);

/// The size of the buffer for bytes that are discarded.
const DISCARDED: usize = 16 << 10;

/// Item bytes after which the reader yields, even if more have arrived: receivers most often run on this thread, and
/// the memory of consumed items is reused for the next.
const ITEMS: usize = 64 << 10;

/// Received bytes after which the reader yields, even if more have arrived: the dispatcher may be waiting for this
/// thread, and requests that have not been started use memory.
const TURN: u64 = 1 << 20;

/// The task that handles received packets. It waits for nothing but bytes or room, and runs handlers only in place of an
/// idle dispatcher, where another task may take the reader over.
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(in crate::peer) struct ReaderTask {
    connection: Arc<ConnectionCore>,
    io: channel::Reader,
    decoder: PacketDecoder,
    /// Packets that have been decoded and not handled. Empty most of the time: see [`handle_batch`](Self::handle_batch).
    decoded: VecDeque<IncomingPacket>,
    /// The error that follows `decoded`.
    broken: Option<Box<PacketError>>,
    /// More packets may be decoded without reading.
    more: bool,
    /// Nothing has been decoded yet: the peer may speak another protocol.
    first: bool,
    /// Item bytes since the last yield.
    items: usize,
    /// The maximum payload, in bytes.
    limit: usize,
    effects: Option<Box<Effects>>,
    overdue: StallTimer,
    progress: Progress,
    /// Bytes read in total.
    bytes: u64,
    /// The peer has ended.
    input_over: bool,
    /// How long the reader continues after this side has stopped sending.
    lingering: Option<Box<Lingering>>,
    /// The value of `bytes` at the last yield.
    yielded_at: u64,
    /// Tasks of the program may have been woken since this task was polled.
    has_woken: bool,
    /// The time that was spent inside of handlers since others were last let run.
    spent: Duration,
    /// Starts requests in place of an idle dispatcher.
    pub(in crate::peer) starter: Option<Box<HandlerStarter>>,
    /// Why the last batch ended, and whether work may be blocked behind a handler, while requests of the batch are
    /// started in place.
    stopped: Option<(ReadStop, bool)>,
}

/// The reason why [`ReaderTask::read`] returns.
enum ReadEnd {
    /// Requests have been claimed and are to be started in place.
    InPlace,
    /// Nothing more is to be read.
    Over(ConnectionError),
}

/// The reason why a batch of packets ends.
enum ReadStop {
    /// More bytes are needed.
    Empty,
    /// There is no room for more.
    Paused(ReadState),
    /// The batch is large enough, and more packets are ready.
    More,
    /// Receivers have enough items for now.
    Items,
}

impl ReaderTask {
    pub(in crate::peer) fn new(connection: Arc<ConnectionCore>, io: channel::Reader) -> Box<Self> {
        let limits = connection.look().session.limits().clone();
        Box::new(Self {
            connection,
            io,
            decoder: PacketDecoder::new(limits.max_payload),
            decoded: VecDeque::new(),
            broken: None,
            more: false,
            first: true,
            items: 0,
            limit: limits.max_payload,
            effects: None,
            overdue: StallTimer::default(),
            progress: Progress::new(limits.progress_timeout),
            bytes: 0,
            input_over: false,
            lingering: None,
            yielded_at: 0,
            has_woken: false,
            spent: Duration::ZERO,
            starter: None,
            stopped: None,
        })
    }

    /// Reads until the session ends, or another task takes the reader over. Boxed, since it changes its place whenever
    /// requests are started in place.
    pub(in crate::peer) async fn run(mut reader: Box<Self>) {
        let connection = Arc::clone(&reader.connection);
        poll_fn(|cx| {
            let old = connection.reader.lock().replace(cx.waker().clone());
            drop(old);
            Poll::Ready(())
        })
        .await;
        let reason = loop {
            match reader.read().await {
                ReadEnd::Over(reason) => break reason,
                ReadEnd::InPlace => match connection.start_in_place(reader) {
                    Some(returned) => reader = returned,
                    None => return,
                },
            }
        };
        if reader.input_over {
            Box::pin(reader.finish_arrived()).await;
        }
        connection.end(reason);
        if let Some(lingering) = reader.linger() {
            Box::pin(reader.discard(lingering)).await;
        }
    }

    /// Notes what follows from handlers that were run in place.
    pub(in crate::peer) fn note_in_place(&mut self, outcome: InPlaceOutcome) {
        let InPlaceOutcome {
            blocked_work,
            has_woken,
            spent,
        } = outcome;
        self.has_woken |= has_woken;
        self.spent += spent;
        if let Some((_, blocked)) = &mut self.stopped {
            *blocked |= blocked_work;
        }
    }

    /// Prepares for another task, which looks for work that is blocked behind a handler before it reads.
    pub(in crate::peer) fn forget_batch(&mut self) {
        self.stopped = None;
    }

    async fn read(&mut self) -> ReadEnd {
        loop {
            let (stopped, blocked_work) = match self.stopped.take() {
                Some(stopped) => {
                    if self.spent > BUDGET {
                        self.let_others_run().await;
                    }
                    stopped
                }
                None => match self.handle_batch() {
                    Ok((stopped, blocked_work, false)) => (stopped, blocked_work),
                    Ok((stopped, _, true)) => {
                        self.stopped = Some((stopped, false));
                        return ReadEnd::InPlace;
                    }
                    Err(reason) => return ReadEnd::Over(reason),
                },
            };
            match stopped {
                // Boxed: a pause is rare, and its timers are large.
                ReadStop::Paused(reading) => Box::pin(self.pause(reading, blocked_work)).await,
                // Few bytes may decompress to many, and other tasks must not wait for all of them.
                ReadStop::More | ReadStop::Items => tokio::task::yield_now().await,
                ReadStop::Empty if self.bytes - self.yielded_at >= TURN => {
                    self.yielded_at = self.bytes;
                    self.let_others_run().await;
                }
                ReadStop::Empty => match self.fill(blocked_work).await {
                    Ok(0) => {
                        self.input_over = !self.connection.has_ended();
                        return ReadEnd::Over(match self.decoder.finish() {
                            Ok(()) => ConnectionError::ClosedByPeer,
                            Err(error) => error.into(),
                        });
                    }
                    Ok(bytes) => {
                        self.decoder.note_read(bytes);
                        self.bytes += bytes as u64;
                        self.connection
                            .bytes_read
                            .store(self.bytes, Ordering::Relaxed);
                        let lingering = self.lingering.as_deref();
                        if lingering.is_some_and(|lingering| lingering.is_over(self.bytes)) {
                            return ReadEnd::Over(ConnectionError::ClosedHere);
                        }
                    }
                    Err(reason) => {
                        self.input_over = matches!(reason, ConnectionError::Channel(_));
                        return ReadEnd::Over(reason);
                    }
                },
            }
            if self.connection.has_ended() {
                return ReadEnd::Over(ConnectionError::ClosedHere);
            }
        }
    }

    /// Decodes all complete packets before the lock is taken, unless they are far larger than the bytes received. If all of
    /// them are small, returns the first, and the others are decoded under the lock, directly into the session.
    fn decode(&mut self) -> Option<(PacketType, Bytes)> {
        // Decoded packets are handled first: no more than those are held outside of the session.
        if self.broken.is_some() || !self.decoded.is_empty() {
            return None;
        }
        self.more = false;
        if self.first {
            self.broken = foreign::explain(self.decoder.undecoded()).map(Box::new);
            if self.broken.is_some() {
                return None;
            }
            self.first = self.decoder.undecoded().len() < Header::LEN;
        }
        let observer = self.connection.observer();
        if observer.is_none() {
            let mut next = self.decoder.decode_small();
            if next.is_some() {
                self.progress.ended();
                if self.decoder.has_only_small() {
                    return next;
                }
            }
            while let Some((kind, payload)) = next {
                self.decoded
                    .push_back(IncomingPacket::Packet { kind, payload });
                next = self.decoder.decode_small();
            }
            if !self.decoder.is_inside_packet() {
                return None;
            }
        }
        self.decode_any(observer.as_ref());
        None
    }

    /// Decodes packets of any size and type. Large allocations happen here, without the lock.
    fn decode_any(&mut self, observer: Option<&Observer>) {
        let mut unpacked = 0;
        let connection = &self.connection;
        let wanted = |kind| {
            let state = connection.look();
            let served = state.serving.as_deref();
            state.session.accepts(kind) || served.is_some_and(|served| served.router.wants(kind))
        };
        loop {
            match self.decoder.decode_with(wanted) {
                Ok(Some(incoming)) if compression::is_packed(&incoming) => {
                    self.progress.ended();
                    match compression::unpack(incoming, self.limit, wanted, observer) {
                        Ok((incoming, length)) => {
                            self.decoded.push_back(incoming);
                            unpacked += length;
                        }
                        Err(error) => self.broken = Some(Box::new(error)),
                    }
                    self.more = unpacked > UNPACKED;
                    if self.more || self.broken.is_some() {
                        return;
                    }
                }
                Ok(Some(incoming)) => {
                    self.progress.ended();
                    if let Some(observer) = observer {
                        observe::show_received(observer, &incoming, None);
                    }
                    if let IncomingPacket::Packet { kind, payload } = &incoming {
                        if *kind == PacketType::STREAM_ITEMS {
                            self.items += payload.len();
                        } else if *kind == PacketType::CALL_CONTEXT {
                            // A side that has declared an extension accepts it until the end.
                            self.decoder.want_contexts();
                        }
                    }
                    self.decoded.push_back(incoming);
                }
                Ok(None) => return,
                Err(error) => {
                    let error = match error {
                        // A program that prints between packets, for example.
                        PacketError::Magic(_) => {
                            foreign::explain(self.decoder.undecoded()).unwrap_or(error)
                        }
                        error => error,
                    };
                    self.broken = Some(Box::new(error));
                    return;
                }
            }
        }
    }

    /// Handles all complete packets under one lock. Small ones are also decoded there, so that they need not be put into a
    /// queue in between; an allocation for these is small, and shared by many. Returns why it stopped, whether work may be blocked
    /// behind a handler, and whether requests have been claimed that are to be started in place.
    fn handle_batch(&mut self) -> Result<(ReadStop, bool, bool), ConnectionError> {
        let mut small = self.decode();
        let mut state = self.connection.lock_reusing(&mut self.effects);
        let dispatching = !state.dispatch.idle;
        let stopped = loop {
            match state.session.reading() {
                ReadState::Ready => {}
                // After the end of sending, received packets are not stored.
                _ if matches!(state.sending, Sending::Closed) => {}
                paused => {
                    state.paused = Some(paused);
                    break Ok(ReadStop::Paused(paused));
                }
            }
            if let Some((kind, payload)) = small.take() {
                if let Err(fatal) = state.handle_small(kind, payload) {
                    break Err(fatal.into());
                }
                small = self.decoder.decode_small();
                continue;
            }
            match self.decoded.pop_front() {
                Some(incoming) => {
                    if let Err(fatal) = state.handle(incoming) {
                        break Err(fatal.into());
                    }
                }
                None => {
                    break match self.broken.take() {
                        None if self.more => Ok(ReadStop::More),
                        None if self.items >= ITEMS => {
                            self.items = 0;
                            Ok(ReadStop::Items)
                        }
                        None => Ok(ReadStop::Empty),
                        Some(error) => Err((*error).into()),
                    };
                }
            }
        };
        if let Some((kind, payload)) = small {
            // Left for after the pause, and more may be behind it.
            self.decoded
                .push_front(IncomingPacket::Packet { kind, payload });
            self.more = true;
        }
        let recovery = state.check_stalled_handler();
        let packet_tasks = std::mem::take(&mut state.packet_tasks);
        self.has_woken |= state.effects.has_wakes();
        // A reader that pauses leaves them to the dispatcher, since a pause has a time limit.
        let in_place = !matches!(stopped, Err(_) | Ok(ReadStop::Paused(_)))
            && self.connection.starts_in_place
            && state.can_start_in_place()
            && state.claim_in_place(&mut self.starter, &self.connection, &mut self.has_woken);
        // Reconciling may wake the dispatcher, whose handlers may then block responses that have not been written. What is
        // blocked behind handlers in place is looked for after them.
        let blocked_work = state.reconcile_and_look(|state| {
            !in_place && (state.has_blocked_work() || (dispatching && !state.queue.is_empty()))
        });
        for kind in packet_tasks {
            self.connection.start_packet_task(kind);
        }
        self.connection.recover(recovery);
        stopped.map(|stopped| (stopped, blocked_work, in_place))
    }

    /// Lets tasks run that are ready, although this task could go on.
    async fn let_others_run(&mut self) {
        let mut begun = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut begun, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        self.has_woken = false;
        self.spent = Duration::ZERO;
    }

    /// Waits for bytes and reads them. Meanwhile recovers from stalled handlers.
    async fn fill(&mut self, blocked_work: bool) -> Result<usize, ConnectionError> {
        if !self.connection.is_sending() && self.lingering.is_none() {
            self.lingering = self.connection.lingering(self.bytes);
        }
        poll_fn(|cx| self.poll_fill(blocked_work, cx)).await
    }

    fn poll_fill(
        &mut self,
        blocked_work: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<usize, ConnectionError>> {
        let Self {
            connection,
            io,
            decoder,
            overdue,
            progress,
            bytes,
            lingering,
            has_woken,
            spent,
            ..
        } = self;
        if connection.has_ended() {
            return Poll::Ready(Ok(0));
        }
        // The future of a read keeps nothing between polls. Without it, the task of an idle connection is smaller.
        let mut buffer = decoder.buffer();
        if let Poll::Ready(read) = pin!(io.read_buf(&mut buffer)).poll(cx) {
            return Poll::Ready(read.map_err(ConnectionError::from));
        }
        *has_woken = false;
        *spent = Duration::ZERO;
        // All that came before has been handled.
        connection.empty_reads.fetch_add(1, Ordering::Release);
        if !connection.is_sending() {
            if lingering.is_none() {
                *lingering = connection.lingering(*bytes);
            }
            if let Some(lingering) = lingering
                && lingering.poll(*bytes, cx).is_ready()
            {
                return Poll::Ready(Ok(0));
            }
        }
        overdue.poll(connection, blocked_work, cx);
        if decoder.is_inside_packet() && progress.poll(*bytes, cx).is_ready() {
            let seconds = progress.stall().as_secs();
            return Poll::Ready(Err(ConnectionError::Unfinished { seconds }));
        }
        Poll::Pending
    }

    /// Waits after the peer has ended: until the handlers of received requests have started, and until a graceful shutdown
    /// of this side is complete.
    async fn finish_arrived(&mut self) {
        let connection = &self.connection;
        let overdue = &mut self.overdue;
        connection.lock().input_over = true;
        let begun = poll_fn(|cx| {
            if connection.has_ended() || connection.look().has_begun_all() {
                return Poll::Ready(());
            }
            overdue.poll(connection, true, cx);
            Poll::Pending
        });
        // Requests that are still waiting then end with the connection.
        let _ = tokio::time::timeout(ARRIVED, begun).await;
        poll_fn(|_| {
            // The writer task has a timeout of its own.
            if !connection.has_ended() && connection.look().sending.is_closing() {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }

    /// Returns how long received bytes are discarded after the end of the session, if they are: closing a socket while
    /// bytes arrive resets it, and output that the peer has not read is lost.
    fn linger(&self) -> Option<Lingering> {
        let state = self.connection.look();
        let is_vain = self.input_over
            || matches!(state.sending, Sending::Closed | Sending::Failed(_))
            || state.session.counters().packets_sent == 0
            || !state.end.as_ref()?.may_have_reader();
        (!is_vain).then(|| Lingering::new(self.bytes, Instant::now() + AFTER_END, AFTER_END))
    }

    /// Discards received bytes until the peer has ended, too.
    async fn discard(&mut self, mut lingering: Lingering) {
        self.decoded.clear();
        let mut buffer = vec![0; DISCARDED];
        while !lingering.is_over(self.bytes) {
            let mut read = pin!(self.io.read(&mut buffer));
            let bytes = self.bytes;
            let read = poll_fn(|cx| {
                if let Poll::Ready(read) = read.as_mut().poll(cx) {
                    return Poll::Ready(read.unwrap_or(0));
                }
                lingering.poll(bytes, cx).map(|()| 0)
            });
            match read.await {
                0 => return,
                read => self.bytes += read as u64,
            }
        }
    }

    /// Waits until there is room, and counts the pause.
    async fn pause(&mut self, reading: ReadState, blocked_work: bool) {
        let began = Instant::now();
        self.connection.rare().read_pauses.begin();
        self.wait_for_room(reading, blocked_work).await;
        self.connection.rare().read_pauses.end(began.elapsed());
    }

    /// Waits until there is room. Meanwhile recovers from stalled handlers.
    async fn wait_for_room(&mut self, reading: ReadState, blocked_work: bool) {
        self.progress.ended();
        let connection = &self.connection;
        let overdue = &mut self.overdue;
        let limit = {
            let state = connection.look();
            let limits = state.session.limits();
            match reading {
                ReadState::PausedBriefly => limits.max_read_pause,
                _ => limits.progress_timeout,
            }
        };
        let mut left = PIECES;
        let mut repeats = match reading {
            ReadState::PausedBriefly => REPEATS,
            _ => 0,
        };
        let mut written = connection.bytes_written.load(Ordering::Relaxed);
        while left > 0 {
            let mut piece = pin!(tokio::time::sleep(limit / PIECES));
            loop {
                let resumed = poll_fn(|cx| {
                    if connection.has_ended() || connection.look().paused.is_none() {
                        return Poll::Ready(());
                    }
                    overdue.poll(connection, blocked_work, cx);
                    Poll::Pending
                });
                tokio::select! {
                    biased;
                    () = resumed => return,
                    // Reconciling tells whether the freed memory suffices for this connection.
                    () = connection.budget_freed() => connection.reconcile(),
                    () = &mut piece => break,
                }
            }
            left -= 1;
            if left == 0 && repeats > 0 {
                let before = std::mem::replace(
                    &mut written,
                    connection.bytes_written.load(Ordering::Relaxed),
                );
                // On a machine that is busy with other programs, the dispatcher may not have run for as long as the pause.
                if before != written || connection.look().is_starting_requests() {
                    repeats -= 1;
                    left = PIECES;
                }
            }
        }
        let mut state = connection.lock();
        if state.paused.take().is_some() {
            state.session.stop_pausing();
        }
    }
}

impl Drop for ReaderTask {
    fn drop(&mut self) {
        self.connection.end_with_task();
    }
}
