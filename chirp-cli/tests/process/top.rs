#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use chirp::packet::ErrorData;
use chirp::reflect::Statistics;
use chirp::{PeerBuilder, Request, Server};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use serde_json::Value;

use super::program::chirp;

/// Much longer than any step takes.
const LONG: Duration = Duration::from_mins(1);

async fn serve(statistics: Option<Statistics>) -> String {
    let mut server = Server::builder();
    for name in ["Arith.sum", "Files.list"] {
        server = server.handle(name, async |_: Request| Ok::<_, ErrorData>(Vec::new()));
    }
    if let Some(statistics) = statistics {
        server = server.statistics(&statistics);
    }
    let server = server.bind("tcp://127.0.0.1:0").await.unwrap();
    let address = server.endpoint().to_string();
    tokio::spawn(server.run());
    let client = PeerBuilder::new().connect(&address).await.unwrap();
    for _ in 0..3 {
        client.call("Arith.sum", "").await.unwrap();
    }
    tokio::spawn(async move { client.closed().await });
    address
}

fn all() -> Statistics {
    Statistics::new().show_connections(|_| true)
}

#[tokio::test]
async fn a_pipe_gets_the_numbers_once() {
    let address = serve(Some(all())).await;
    for arguments in [&["top", &address[..]][..], &["top", &address, "--once"]] {
        let run = chirp(arguments).await;
        let lines: Vec<_> = run.ok().lines().collect();
        assert!(
            lines[0].starts_with(&format!("{address}: up ")),
            "{lines:?}"
        );
        assert!(lines[0].contains("2 connections"), "{lines:?}");
        let row = lines
            .iter()
            .find(|line| line.starts_with("Arith.sum "))
            .unwrap();
        assert!(row.ends_with(" 3       0"), "{lines:?}");
        assert!(
            lines.iter().any(|line| line.contains("anonymous")),
            "{lines:?}"
        );
        assert!(!run.ok().contains('\u{1b}'), "{lines:?}");
    }
    let run = chirp(&["top", &address, "--json"]).await;
    let report: Value = serde_json::from_str(run.ok()).unwrap();
    assert_eq!(report["methods"][0]["outcomes"]["ok"], 3);
}

#[tokio::test]
async fn a_server_without_statistics_is_code_2() {
    let address = serve(None).await;
    let run = chirp(&["top", &address]).await;
    let expected =
        "error: the target has no statistics: turn them on there (`builder.statistics(..)`)\n";
    assert_eq!(run.failed(2), expected);
}

/// A terminal in which the program runs.
struct Terminal {
    controller: OwnedFd,
    child: Child,
    seen: mpsc::Receiver<Vec<u8>>,
    text: String,
}

impl Terminal {
    fn start(arguments: &[&str], rows: u16) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap();
        let open = || {
            File::options()
                .read(true)
                .write(true)
                .open(name.to_str().unwrap())
                .unwrap()
        };
        let terminal = open();
        resize(&controller, rows);
        let child = Command::new(env!("CARGO_BIN_EXE_chirp"))
            .args(arguments)
            .env("TERM", "xterm")
            .stdin(open())
            .stdout(open())
            .stderr(terminal)
            .spawn()
            .unwrap();
        let mut reader = File::from(controller.try_clone().unwrap());
        let (see, seen) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if see.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            controller,
            child,
            seen,
            text: String::new(),
        }
    }

    /// Waits until the program has written `part`, after what was waited for before.
    fn wait_for(&mut self, part: &str) {
        let until = Instant::now() + LONG;
        loop {
            if let Some(at) = self.text.find(part) {
                self.text.drain(..at + part.len());
                return;
            }
            let left = until.saturating_duration_since(Instant::now());
            let bytes = self.seen.recv_timeout(left);
            let bytes = bytes.unwrap_or_else(|_| panic!("no {part:?} in {:?}", self.text));
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    fn press(&self, key: &str) {
        let mut writer = File::from(self.controller.try_clone().unwrap());
        writer.write_all(key.as_bytes()).unwrap();
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits for the end of the program, which must have left the terminal as it was.
    fn end(mut self) -> Option<i32> {
        self.wait_for("\u{1b}[?25h\u{1b}[?1049l");
        let code = self.child.wait().unwrap().code();
        let modes = tcgetattr(&self.controller).unwrap().local_modes;
        assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO));
        code
    }
}

fn resize(controller: &OwnedFd, rows: u16) {
    let size = Winsize {
        ws_row: rows,
        ws_col: 100,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(controller, size).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_shows_the_numbers_until_a_key_is_pressed() {
    let address = serve(Some(all())).await;
    let mut terminal = Terminal::start(&["top", &address, "--interval", "100ms"], 24);
    terminal.wait_for("\u{1b}[?1049h");
    terminal.wait_for("by calls");
    terminal.wait_for("Arith.sum");
    terminal.wait_for("anonymous");
    terminal.press("n");
    terminal.wait_for("by name");
    terminal.press("s");
    terminal.wait_for("by calls");
    // What does not fit is left out.
    resize(&terminal.controller, 4);
    terminal.signal(Signal::WINCH);
    terminal.wait_for("more");
    // The numbers change without a key.
    let client = PeerBuilder::new().connect(&address).await.unwrap();
    resize(&terminal.controller, 24);
    terminal.signal(Signal::WINCH);
    client.call("Files.list", "").await.unwrap();
    terminal.wait_for("Files.list");
    terminal.press("q");
    assert_eq!(terminal.end(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_leaves_the_terminal_as_it_was() {
    let address = serve(Some(all())).await;
    let mut terminal = Terminal::start(&["top", &address], 24);
    terminal.wait_for("Arith.sum");
    terminal.signal(Signal::INT);
    assert_eq!(terminal.end(), Some(130));
}
