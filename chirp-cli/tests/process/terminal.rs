//! The program in a terminal: colours, progress bars, and bytes.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::program::command;
use super::raw_peer::{Answer, RawPeer};
use super::scratch::Scratch;
use super::tools::ToolServer;

/// A terminal whose user reads what is printed.
struct Terminal {
    user: File,
    program: File,
}

impl Terminal {
    fn open() -> Self {
        let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&user).expect("its permissions");
        unlockpt(&user).expect("an unlocked terminal");
        let path = ptsname(&user, Vec::new()).expect("its name");
        let path = path.to_str().expect("a path of text");
        let program = OpenOptions::new()
            .read(true)
            .write(true)
            .open(Path::new(path));
        let program = program.expect("the other end");
        let size = Winsize {
            ws_row: 24,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&program, size).expect("a size");
        Self {
            user: user.into(),
            program,
        }
    }

    fn end(&self) -> Stdio {
        self.program.try_clone().expect("a descriptor").into()
    }

    /// Returns everything that was printed. Lines end with a carriage return, too.
    async fn printed(self) -> String {
        let Self { mut user, program } = self;
        drop(program);
        let read = tokio::task::spawn_blocking(move || {
            let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
            // The error after the program has ended is the end.
            while let Ok(length @ 1..) = user.read(&mut buffer) {
                all.extend_from_slice(&buffer[..length]);
            }
            all
        });
        String::from_utf8(read.await.expect("what was printed")).expect("text")
    }
}

/// Runs the program with both outputs in a terminal, and returns the exit code and what was printed.
async fn run(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let terminal = Terminal::open();
    let mut command = command(arguments);
    command
        .env("TERM", "xterm")
        .envs(environment.iter().copied());
    command.stdout(terminal.end()).stderr(terminal.end());
    let mut child = command.spawn().expect("the program starts");
    // The command has descriptors of the terminal, too.
    drop(command);
    let printed = tokio::spawn(terminal.printed());
    let status = child.wait().await.expect("an end");
    (status.code(), printed.await.expect("what was printed"))
}

#[tokio::test]
async fn bytes_are_base64_in_a_terminal() {
    let server = ToolServer::start().await;
    let (code, printed) = run(&["call", &server.address, "Tools.reverse", "data=abc"], &[]).await;
    assert_eq!((code, &printed[..]), (Some(0), "\"Y2Jh\"\r\n"));
    let (code, printed) = run(&["call", &server.address, "Tools.read", "size=3"], &[]).await;
    assert_eq!((code, &printed[..]), (Some(0), "\"AAEC\"\r\n"));
}

#[tokio::test]
async fn colours_are_for_terminals_that_want_them() {
    let server = ToolServer::start().await;
    let arguments = ["ls", &server.address];
    let (_, printed) = run(&arguments, &[]).await;
    assert!(printed.contains("\u{1b}["), "{printed}");
    for environment in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let (_, printed) = run(&arguments, &[environment]).await;
        assert!(
            printed.starts_with("Tools  ") && !printed.contains('\u{1b}'),
            "{printed}"
        );
    }
    let (code, printed) = run(&["ls", "tcp://127.0.0.1:1"], &[]).await;
    assert_eq!(code, Some(3));
    assert!(
        printed.contains("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m"),
        "{printed:?}"
    );
}

#[tokio::test]
async fn an_upload_has_a_progress_bar() {
    let server = ToolServer::start().await;
    let dir = Scratch::new("bar");
    let data = format!("data@{}", dir.file("big", &vec![1; 2 << 20]));
    let arguments = ["call", &server.address, "Tools.store", "name=x", &data];
    let (code, printed) = run(&arguments, &[]).await;
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("of 2.00 MiB"), "{printed:?}");
    // The bar is removed, and the result is a line of its own.
    let last = printed.trim_end().rsplit(['\r', '\n', 'K']).next();
    assert_eq!(last, Some("\"x 2097152 2097152\""), "{printed:?}");
}

#[tokio::test]
async fn characters_in_results_do_not_control_the_terminal() {
    let description =
        r#"{"version":1,"services":[{"name":"S","codec":"Bincode","methods":[{"name":"S.m"}]}]}"#;
    let result = "\"\u{9b}2J\u{202e}\"";
    let peer = RawPeer::describing(description, &[("S.m;json", Answer::ok(result))]).await;
    let (code, printed) = run(&["call", &peer.address, "S.m"], &[]).await;
    assert_eq!((code, &printed[..]), (Some(0), "\"\\u009b2J\\u202e\"\r\n"));
}
