//! A daemon: listens on a socket of the service manager or on an address, tells the manager when it is ready, reloads on
//! SIGHUP, and stops on SIGTERM without losing a call.
//!
//! ```console
//! cargo run --all-features --example daemon                       # starts itself, and checks what it does
//! cargo run --all-features --example daemon unix://clock.sock     # serves until SIGTERM
//! systemd-socket-activate -l /run/clock.sock target/debug/examples/daemon activated
//! ```
//!
//! A unit file for it:
//!
//! ```ini
//! [Service]
//! Type=notify
//! ExecStart=/usr/bin/clock activated
//! ExecReload=kill -HUP $MAINPID
//! TimeoutStopSec=40
//! ```

use std::env;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use chirp::{AsCaller, CallContext, Health, HealthClient, HealthStatus, PeerBuilder, Server};
use tokio::signal::unix::{SignalKind, signal};

#[chirp::service]
trait Clock {
    /// Returns the number of milliseconds that it has waited.
    async fn wait(&self, milliseconds: u64) -> u64;

    /// Counts up until the daemon stops.
    async fn ticks(&self, cx: &CallContext) -> impl chirp::Stream<Item = u64>;
}

struct SystemClock;

impl Clock for SystemClock {
    async fn wait(&self, milliseconds: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        milliseconds
    }

    async fn ticks(&self, cx: &CallContext) -> impl chirp::Stream<Item = u64> {
        let cx = cx.clone();
        async_stream::stream! {
            for tick in 0.. {
                yield tick;
                // A stream without an end would hold up the stop until the shutdown timeout.
                tokio::select! {
                    () = cx.draining() => return,
                    () = tokio::time::sleep(Duration::from_millis(10)) => {}
                }
            }
        }
    }
}

/// Tells the service manager about this process. Does nothing without a manager.
fn notify(state: &str) -> io::Result<()> {
    let Some(path) = env::var_os("NOTIFY_SOCKET") else {
        return Ok(());
    };
    let socket = UnixDatagram::unbound()?;
    #[cfg(target_os = "linux")]
    if let Some(name) = path.to_str().and_then(|path| path.strip_prefix('@')) {
        use std::os::linux::net::SocketAddrExt as _;
        let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
        return socket.send_to_addr(state.as_bytes(), &address).map(drop);
    }
    socket.send_to(state.as_bytes(), path).map(drop)
}

/// Serves until SIGTERM.
async fn serve(address: &str) -> anyhow::Result<()> {
    let health = Health::new();
    health.set_serving("Clock");
    let builder = Server::builder()
        .service(ClockServer::new(SystemClock))
        .health(&health)
        .shutdown_timeout(Duration::from_secs(30));
    let server = if address == "activated" {
        let listeners = chirp::channel::from_socket_activation()?;
        ensure!(!listeners.is_empty(), "no socket was passed");
        let mut listeners = listeners.into_iter();
        let first = listeners.next().context("no socket was passed")?;
        listeners.fold(builder.listen(first), Server::also_listen)
    } else {
        builder.bind(address).await?
    };
    let mut stop = signal(SignalKind::terminate())?;
    let mut reload = signal(SignalKind::hangup())?;
    // From here on, connections wait until the server runs.
    notify("READY=1")?;
    let stopped = async {
        loop {
            tokio::select! {
                _ = stop.recv() => break,
                _ = reload.recv() => {
                    let _ = notify("RELOADING=1");
                    // This is the place to read the configuration again, and to call `ServerHandle::update`.
                    let _ = notify("READY=1");
                }
            }
        }
        // Calls that are running or on their way are answered before the process ends.
        let _ = notify("STOPPING=1");
    };
    server.run_until(stopped).await;
    Ok(())
}

/// The daemon in another process, which is killed on drop.
struct Daemon(Child);

impl Daemon {
    fn signal(&self, name: &str) -> anyhow::Result<()> {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status()?;
        ensure!(sent.success(), "kill {name} failed");
        Ok(())
    }

    async fn ended(mut self) -> anyhow::Result<()> {
        let status = tokio::task::spawn_blocking(move || self.0.wait()).await??;
        ensure!(status.success(), "the daemon ended with {status}");
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

/// Calls the daemon at `address`, stops it while a call and a stream are in progress, and checks that neither is lost.
async fn check(daemon: Daemon, address: &str) -> anyhow::Result<()> {
    let link = PeerBuilder::new().reconnecting(address)?;
    let clock = ClockClient::new(&link);
    ensure!(clock.wait(1).await? == 1);
    let status = HealthClient::new(&link.as_caller()).check("Clock").await?;
    ensure!(status == HealthStatus::Serving, "the clock is {status}");
    let waits = clock.wait(300).start();
    let mut ticks = clock.ticks().await?;
    ensure!(ticks.recv().await.transpose()?.is_some());
    daemon.signal("-TERM")?;
    let mut count = 0;
    while ticks.recv().await.transpose()?.is_some() {
        count += 1;
    }
    println!("stopped after {count} further ticks");
    ensure!(waits.await? == 300, "a call in progress is answered");
    daemon.ended().await
}

async fn expect(manager: &tokio::net::UnixDatagram, expected: &str) -> anyhow::Result<()> {
    let mut buffer = [0; 100];
    let received = manager.recv(&mut buffer);
    let length = tokio::time::timeout(Duration::from_mins(1), received).await??;
    let state = str::from_utf8(&buffer[..length])?;
    ensure!(state == expected, "{state} instead of {expected}");
    println!("the manager was told {state}");
    Ok(())
}

/// Plays the service manager.
async fn check_as_service(own: &Path, folder: &Path) -> anyhow::Result<()> {
    let socket = folder.join("notify.sock");
    let manager = tokio::net::UnixDatagram::bind(&socket)?;
    let address = format!("unix://{}", folder.join("clock.sock").display());
    let mut command = Command::new(own);
    command.arg(&address).env("NOTIFY_SOCKET", &socket);
    let daemon = Daemon(command.spawn()?);
    expect(&manager, "READY=1").await?;
    daemon.signal("-HUP")?;
    expect(&manager, "RELOADING=1").await?;
    expect(&manager, "READY=1").await?;
    check(daemon, &address).await?;
    expect(&manager, "STOPPING=1").await
}

/// Starts the daemon by a connection to a socket that systemd's tool listens on.
async fn check_activated(own: &Path, folder: &Path) -> anyhow::Result<()> {
    let path = folder.join("activated.sock");
    let mut command = Command::new("systemd-socket-activate");
    command.arg("-l").arg(&path).arg(own).arg("activated");
    let daemon = match command.stderr(Stdio::null()).spawn() {
        Ok(child) => Daemon(child),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!("skipped: systemd-socket-activate is not installed");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    check(daemon, &format!("unix://{}", path.display())).await?;
    println!("started and stopped under systemd-socket-activate");
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if let Some(address) = env::args().nth(1) {
        return serve(&address).await;
    }
    let own = env::current_exe()?;
    let folder = env::temp_dir().join(format!("chirp-daemon-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let checked = async {
        check_as_service(&own, &folder).await?;
        check_activated(&own, &folder).await
    };
    let checked = checked.await;
    std::fs::remove_dir_all(&folder)?;
    checked
}
