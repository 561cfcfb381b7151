//! The longest and the shortest durations that a program can set work and do not panic.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chirp::packet::ErrorData;
use chirp::{
    AsCaller, CallError, Caller, ConnectionError, KeepAlive, Limits, PeerBuilder, ReconnectConfig,
    Request, Server,
};
use support::echo;

/// Much longer than any step takes: a test that hangs fails.
const LONG: Duration = Duration::from_secs(30);

/// Panics in any thread. The panic hook is global, so this test has a process of its own.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// The name of each duration, and how it is set.
struct Settings {
    abandoned_for: Duration,
    busy_after: Duration,
    stall: Duration,
    keep_alive: KeepAlive,
    connect_timeout: Duration,
    handshake_timeout: Duration,
    first_pause: Duration,
    longest_pause: Duration,
    max_wait: Duration,
    shutdown_timeout: Duration,
    timeout: Duration,
}

/// Changes one duration of the settings.
type Change = fn(&mut Settings, Duration);

const CHANGES: [(&str, Change); 12] = [
    ("abandoned_for", |all, time| all.abandoned_for = time),
    ("busy_after", |all, time| all.busy_after = time),
    ("stall", |all, time| all.stall = time),
    ("interval", |all, time| all.keep_alive.interval = time),
    ("keep-alive timeout", |all, time| {
        all.keep_alive.timeout = time;
    }),
    ("connect_timeout", |all, time| all.connect_timeout = time),
    ("handshake_timeout", |all, time| {
        all.handshake_timeout = time;
    }),
    ("first pause", |all, time| all.first_pause = time),
    ("longest pause", |all, time| all.longest_pause = time),
    ("max_wait", |all, time| all.max_wait = time),
    ("shutdown_timeout", |all, time| all.shutdown_timeout = time),
    ("timeout", |all, time| all.timeout = time),
];

impl Settings {
    fn usual() -> Self {
        Self {
            abandoned_for: LONG,
            busy_after: Duration::from_millis(100),
            stall: LONG,
            keep_alive: KeepAlive {
                interval: LONG,
                timeout: LONG,
            },
            connect_timeout: LONG,
            handshake_timeout: LONG,
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(1),
            max_wait: LONG,
            shutdown_timeout: LONG,
            timeout: LONG,
        }
    }

    fn peers(&self) -> PeerBuilder {
        let mut limits = Limits::default();
        limits.cancel_timeout = self.abandoned_for;
        limits.max_read_pause = self.busy_after;
        limits.progress_timeout = self.stall;
        limits.max_concurrent_handlers = 2;
        PeerBuilder::new()
            .limits(limits)
            .keep_alive(self.keep_alive)
            .connect_timeout(self.connect_timeout)
    }

    /// Makes a call too large for the channel's buffers, more calls at once than may run, a cancelled call, and an
    /// orderly shutdown.
    async fn run(&self) -> Result<(), CallError> {
        let server = Server::builder()
            .configure_peers(|_| self.peers())
            .handle("echo", echo)
            .handle("never", |_: Request| async {
                std::future::pending::<()>().await;
                Ok::<_, ErrorData>(())
            })
            .handshake(|channel| async { Ok(channel) })
            .handshake_timeout(self.handshake_timeout)
            .shutdown_timeout(self.shutdown_timeout)
            .bind("tcp://127.0.0.1:0")
            .await
            .unwrap();
        let address = server.endpoint().clone();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let server = tokio::spawn(server.run_until(stopped));
        let reconnect = ReconnectConfig::new()
            .backoff(self.first_pause, self.longest_pause)
            .max_wait(self.max_wait);
        let peers = self.peers();
        let link = peers.reconnecting_with(
            move || {
                let address = address.clone();
                async move { address.connect().await }
            },
            reconnect,
        );
        let link = link.unwrap();
        let caller = link.as_caller();
        let done = self.calls(&caller).await;
        link.shutdown(self.shutdown_timeout).await;
        let _ = stop.send(());
        server.await.unwrap();
        done
    }

    async fn calls(&self, caller: &Caller) -> Result<(), CallError> {
        caller.call("echo", "first").timeout(self.timeout).await?;
        let large = vec![7_u8; 8 << 20];
        let large = caller.call("echo", large).timeout(self.timeout).await?;
        assert_eq!(large.len(), 8 << 20);
        let never = caller.call("never", ()).start();
        let others = (0..4).map(|_| caller.call("echo", "beside it").start());
        let others: Vec<_> = others.collect();
        drop(never);
        for other in others {
            match other.timeout(self.timeout).await {
                // While another handler runs, these may be refused as overloaded.
                Ok(_) | Err(CallError::Rejected { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The longest time never passes and the shortest is over at once. The only errors are timeouts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_duration_is_too_long_or_too_short() {
    panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        eprintln!("{panic}");
    }));
    for time in [Duration::MAX, Duration::ZERO, Duration::from_nanos(1)] {
        for (name, change) in CHANGES {
            let mut settings = Settings::usual();
            change(&mut settings, time);
            let done = tokio::time::timeout(LONG, settings.run()).await;
            let done = done.unwrap_or_else(|_| panic!("{name} = {time:?}: it hangs"));
            assert_eq!(PANICS.load(Ordering::Relaxed), 0, "{name} = {time:?}");
            if time == Duration::MAX {
                done.unwrap_or_else(|error| panic!("{name} = {time:?}: {error}"));
            } else if let Err(error) = done {
                assert!(is_of_time(&error), "{name} = {time:?}: {error}");
            }
        }
        let mut settings = Settings::usual();
        for (_, change) in CHANGES {
            change(&mut settings, time);
        }
        let done = tokio::time::timeout(LONG, settings.run()).await;
        let done = done.unwrap_or_else(|_| panic!("all = {time:?}: it hangs"));
        assert_eq!(PANICS.load(Ordering::Relaxed), 0, "all = {time:?}");
        if time == Duration::MAX {
            done.unwrap();
        }
    }
}

/// Returns `true` if a call failed because of a timeout.
fn is_of_time(error: &CallError) -> bool {
    match error {
        CallError::NotConnected(_) | CallError::DeadlineExceeded { .. } => true,
        CallError::ConnectionLost(reason) => matches!(
            reason,
            ConnectionError::Stalled { .. }
                | ConnectionError::Unfinished { .. }
                | ConnectionError::Unresponsive { .. }
                | ConnectionError::KeepAlive { .. }
                | ConnectionError::ClosedByPeer
                // The other side timed out first.
                | ConnectionError::Channel(_)
        ),
        _ => false,
    }
}
