use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use super::ConnectionError;
use super::compression;
use super::connection::ConnectionCore;
use super::lingering::Lingering;
use super::monitoring::observe;
use super::monitoring::progress::Progress;
use super::monitoring::stall_timer::StallTimer;
use super::sending::Sending;
use super::state::Effects;
use crate::channel;
use crate::packet::{Header, IncomingPacket, PacketDecoder, PacketError, PacketType, foreign};
use crate::session::ReadState;

/// A pause is waited for in this many pieces. When the whole program stood still for the time of a pause,
/// that was one piece of it, and handlers run before the next is over.
const PIECES: u32 = 8;

/// A brief pause is repeated so often while this side writes: what holds it up is being answered.
const REPEATS: u32 = 10;

/// When what came compressed was more than so many bytes, it is handled before more is decoded.
const UNPACKED: usize = 1 << 20;

/// How long handlers may take to be begun when the other side has ended.
const ARRIVED: Duration = Duration::from_secs(1);

/// How long the other side may take to end after an end that did not wait for it.
const AFTER_END: Duration = Duration::from_secs(1);

/// How many bytes are thrown away at once.
const DISCARDED: usize = 16 << 10;

/// After so many bytes of items others run, though more may have come: those who take items are most often on this
/// thread, and what they have taken is the memory that the next items are read into.
const ITEMS: usize = 64 << 10;

/// After so many bytes others run, though more may have come: the dispatcher may be waiting for this very thread, and
/// what it has not begun is held.
const TURN: u64 = 1 << 20;

/// The task that takes what comes. It never runs user code and never waits for anything but bytes.
pub(super) struct ReaderTask {
    connection: Arc<ConnectionCore>,
    io: channel::Reader,
    decoder: PacketDecoder,
    /// What has been decoded and not handled,
    decoded: VecDeque<IncomingPacket>,
    /// what was wrong with what came after it,
    broken: Option<PacketError>,
    /// and whether there may be more where that came from.
    more: bool,
    /// Nothing has been decoded yet, so that what comes may be anything but Chirp.
    first: bool,
    /// How many bytes of items came since others ran.
    items: usize,
    /// The largest payload that is taken, in bytes.
    limit: usize,
    effects: Effects,
    overdue: StallTimer,
    progress: Progress,
    /// How many bytes have come in all.
    bytes: u64,
    /// Nothing more will come.
    input_over: bool,
    /// How long it goes on, once this side sends no more.
    lingering: Option<Box<Lingering>>,
    /// How many had come when others were last let run.
    yielded_at: u64,
}

/// Why the reader stopped decoding.
enum ReadStop {
    /// It needs more bytes.
    Empty,
    /// There is no room for more.
    Paused(ReadState),
    /// It has enough to handle, and more is there.
    More,
    /// It has passed on as many items as those who take them should have at once.
    Items,
}

impl ReaderTask {
    pub(super) fn new(connection: Arc<ConnectionCore>, io: channel::Reader) -> Self {
        let limits = connection.lock().session.limits().clone();
        Self {
            connection,
            io,
            decoder: PacketDecoder::new(limits.max_payload),
            decoded: VecDeque::with_capacity(1),
            broken: None,
            more: false,
            first: true,
            items: 0,
            limit: limits.max_payload,
            effects: Effects::default(),
            overdue: StallTimer::default(),
            progress: Progress::new(limits.progress_timeout),
            bytes: 0,
            input_over: false,
            lingering: None,
            yielded_at: 0,
        }
    }

    /// A block, and no async function: that would hold the reader twice, as its argument and as its variable.
    #[expect(clippy::manual_async_fn, reason = "the future is half as large")]
    pub(super) fn run(mut self) -> impl Future<Output = ()> + Send {
        async move {
            poll_fn(|cx| {
                let _ = self.connection.reader.set(cx.waker().clone());
                Poll::Ready(())
            })
            .await;
            let reason = self.read().await;
            if self.input_over {
                Box::pin(self.finish_arrived()).await;
            }
            self.connection.end(reason);
            if let Some(lingering) = self.linger() {
                Box::pin(self.discard(lingering)).await;
            }
        }
    }

    async fn read(&mut self) -> ConnectionError {
        loop {
            let (stopped, blocked_work) = match self.handle_batch() {
                Ok(stopped) => stopped,
                Err(reason) => return reason,
            };
            match stopped {
                // It is rare, and its timers are large.
                ReadStop::Paused(reading) => Box::pin(self.pause(reading, blocked_work)).await,
                // What others do must not wait for all that few bytes may stand for.
                ReadStop::More | ReadStop::Items => tokio::task::yield_now().await,
                ReadStop::Empty if self.bytes - self.yielded_at >= TURN => {
                    self.yielded_at = self.bytes;
                    let mut begun = false;
                    poll_fn(|cx| {
                        if std::mem::replace(&mut begun, true) {
                            return Poll::Ready(());
                        }
                        cx.waker().wake_by_ref();
                        Poll::Pending
                    })
                    .await;
                }
                ReadStop::Empty => match self.fill(blocked_work).await {
                    Ok(0) => {
                        self.input_over = !self.connection.has_ended();
                        return match self.decoder.finish() {
                            Ok(()) => ConnectionError::ClosedByPeer,
                            Err(error) => error.into(),
                        };
                    }
                    Ok(bytes) => {
                        self.decoder.note_read(bytes);
                        self.bytes += bytes as u64;
                        let lingering = self.lingering.as_deref();
                        if lingering.is_some_and(|lingering| lingering.is_over(self.bytes)) {
                            return ConnectionError::ClosedHere;
                        }
                    }
                    Err(reason) => {
                        self.input_over = matches!(reason, ConnectionError::Channel(_));
                        return reason;
                    }
                },
            }
            if self.connection.has_ended() {
                return ConnectionError::ClosedHere;
            }
        }
    }

    /// Decodes every packet that is whole, unless they are far larger than what came. There is no lock for it: what
    /// takes memory is done here.
    fn decode(&mut self) {
        // What was decoded is handled first, so that no more than that is held beside the session.
        if self.broken.is_some() || !self.decoded.is_empty() {
            return;
        }
        self.more = false;
        if self.first {
            self.broken = foreign::explain(self.decoder.undecoded());
            if self.broken.is_some() {
                return;
            }
            self.first = self.decoder.undecoded().len() < Header::LEN;
        }
        let mut unpacked = 0;
        let observer = self.connection.observer();
        let connection = &self.connection;
        let wanted = |kind| {
            let state = connection.lock();
            let served = state.serving.as_deref();
            state.session.accepts(kind) || served.is_some_and(|served| served.router.wants(kind))
        };
        loop {
            match self.decoder.decode_with(wanted) {
                Ok(Some(incoming)) if compression::is_packed(&incoming) => {
                    self.progress.ended();
                    match compression::unpack(incoming, self.limit, wanted, observer.as_ref()) {
                        Ok((incoming, length)) => {
                            self.decoded.push_back(incoming);
                            unpacked += length;
                        }
                        Err(error) => self.broken = Some(error),
                    }
                    self.more = unpacked > UNPACKED;
                    if self.more || self.broken.is_some() {
                        return;
                    }
                }
                Ok(Some(incoming)) => {
                    self.progress.ended();
                    if let Some(observer) = &observer {
                        observe::show_received(observer, &incoming, None);
                    }
                    if let IncomingPacket::Packet { kind, payload } = &incoming
                        && *kind == PacketType::STREAM_ITEMS
                    {
                        self.items += payload.len();
                    }
                    self.decoded.push_back(incoming);
                }
                Ok(None) => return,
                Err(error) => {
                    self.broken = Some(match error {
                        // A program that prints between packets, for example.
                        PacketError::Magic(_) => {
                            foreign::explain(self.decoder.undecoded()).unwrap_or(error)
                        }
                        error => error,
                    });
                    return;
                }
            }
        }
    }

    /// Handles every packet that is whole: one lock for all of them. Says why it stopped, and whether
    /// something may be lying behind a handler.
    fn handle_batch(&mut self) -> Result<(ReadStop, bool), ConnectionError> {
        self.decode();
        let mut state = self.connection.lock();
        let unsent = state.session.unsent();
        let dispatching = !state.dispatch.idle;
        let stopped = loop {
            match state.session.reading() {
                ReadState::Ready => {}
                // What comes now is not held.
                _ if matches!(state.sending, Sending::Closed) => {}
                paused => {
                    state.paused = Some(paused);
                    break Ok(ReadStop::Paused(paused));
                }
            }
            match self.decoded.pop_front() {
                Some(incoming) => {
                    if let Err(fatal) = state.handle(incoming, &mut self.effects) {
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
                        Some(error) => Err(error.into()),
                    };
                }
            }
        };
        let overdue = state.check_stalled_handler(&mut self.effects);
        // The session has given answers by itself.
        self.effects.wake_writer |= state.session.unsent() > unsent;
        state.reconcile(self.connection.budget.as_deref(), &mut self.effects);
        // What has come may be begun behind an answer that has not been written.
        let blocked_work = state.has_blocked_work() || (dispatching && !state.queue.is_empty());
        drop(state);
        for kind in self.effects.packet_tasks.drain(..) {
            self.connection.start_packet_task(kind);
        }
        self.connection.apply(&mut self.effects);
        self.connection.recover(overdue);
        stopped.map(|stopped| (stopped, blocked_work))
    }

    /// Reads what has come, or waits for it, and looks after what lies.
    async fn fill(&mut self, blocked_work: bool) -> Result<usize, ConnectionError> {
        let Self {
            connection,
            io,
            decoder,
            overdue,
            progress,
            bytes,
            lingering,
            ..
        } = self;
        if !connection.is_sending() && lingering.is_none() {
            *lingering = connection.lingering(*bytes);
        }
        let inside = decoder.is_inside_packet();
        let mut buffer = decoder.buffer();
        let mut read = pin!(io.read_buf(&mut buffer));
        poll_fn(|cx| {
            if connection.has_ended() {
                return Poll::Ready(Ok(0));
            }
            if let Poll::Ready(read) = read.as_mut().poll(cx) {
                return Poll::Ready(read.map_err(ConnectionError::from));
            }
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
            if inside && progress.poll(*bytes, cx).is_ready() {
                let seconds = progress.stall().as_secs();
                return Poll::Ready(Err(ConnectionError::Unfinished { seconds }));
            }
            Poll::Pending
        })
        .await
    }

    /// The other side sends no more. Sees to it that the handlers of what came begin before the session ends, and that
    /// an orderly end of this side is not cut short.
    async fn finish_arrived(&mut self) {
        let connection = &self.connection;
        let overdue = &mut self.overdue;
        connection.lock().input_over = true;
        let begun = poll_fn(|cx| {
            if connection.has_ended() || connection.lock().has_begun_all() {
                return Poll::Ready(());
            }
            overdue.poll(connection, true, cx);
            Poll::Pending
        });
        // Longer takes only what cannot be begun, and its time is over with the connection.
        let _ = tokio::time::timeout(ARRIVED, begun).await;
        poll_fn(|_| {
            // The writer has its own time limit.
            if !connection.has_ended() && connection.lock().sending.is_closing() {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }

    /// Whether what comes after the end of the session is to be thrown away for a while, and how long: a socket that is
    /// closed while bytes come throws away what it has sent and the other side has not read.
    fn linger(&self) -> Option<Lingering> {
        let state = self.connection.lock();
        let is_vain = self.input_over
            || matches!(state.sending, Sending::Closed | Sending::Failed(_))
            || state.session.counters().packets_sent == 0
            || !state.end.as_ref()?.may_have_reader();
        (!is_vain).then(|| Lingering::new(self.bytes, Instant::now() + AFTER_END, AFTER_END))
    }

    /// Throws away what comes until the other side ends, too.
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

    /// Waits until there is room, and looks after what lies.
    async fn pause(&mut self, reading: ReadState, blocked_work: bool) {
        self.progress.ended();
        let connection = &self.connection;
        let overdue = &mut self.overdue;
        let limit = {
            let state = connection.lock();
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
        let mut written = connection.bytes_written();
        while left > 0 {
            let mut piece = pin!(tokio::time::sleep(limit / PIECES));
            loop {
                let resumed = poll_fn(|cx| {
                    if connection.has_ended() || connection.lock().paused.is_none() {
                        return Poll::Ready(());
                    }
                    overdue.poll(connection, blocked_work, cx);
                    Poll::Pending
                });
                tokio::select! {
                    biased;
                    () = resumed => return,
                    // Whether that is enough is for this connection to see.
                    () = connection.budget_freed() => connection.with(|_, _| ()),
                    () = &mut piece => break,
                }
            }
            left -= 1;
            if left == 0 && repeats > 0 {
                let before = std::mem::replace(&mut written, connection.bytes_written());
                if before != written {
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
