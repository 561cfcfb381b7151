use std::io::{self, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::io::{AsyncReadExt, Stdin};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::output;

/// The alternate screen without a cursor, and back.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l";
const LEAVE: &[u8] = b"\x1b[?25h\x1b[?1049l";

/// The size of a terminal that does not know its own.
const DEFAULT_SIZE: (usize, usize) = (80, 24);

/// The whole terminal, until the value is dropped.
pub(crate) struct Screen {
    /// The settings of standard input, if it is a terminal.
    before: Option<Termios>,
    stdin: Option<Stdin>,
    resized: Signal,
}

/// A request of the user or the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Char(char),
    Resized,
}

impl Screen {
    pub(crate) fn open() -> io::Result<Self> {
        let resized = signal(SignalKind::window_change())?;
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut raw = before.clone();
            // Ctrl-C stays a signal.
            raw.local_modes
                .remove(LocalModes::ICANON | LocalModes::ECHO);
            tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        }
        let screen = Self {
            stdin: before.is_some().then(tokio::io::stdin),
            before,
            resized,
        };
        write(ENTER)?;
        Ok(screen)
    }

    /// Returns the width and the height.
    pub(crate) fn size() -> (usize, usize) {
        match tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (size.ws_col.into(), size.ws_row.into())
            }
            _ => DEFAULT_SIZE,
        }
    }

    /// Replaces what is shown.
    pub(crate) fn draw(lines: &[String]) -> io::Result<()> {
        let style = output::Styles::new();
        let mut text = String::from("\x1b[H");
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                text.push_str("\r\n");
            }
            // The rest of a line is cleared before it is written: after its last column, this would clear the next line.
            text.push_str("\x1b[2K");
            if line.starts_with("METHOD ") || line.starts_with("CONNECTION ") {
                let name = style.name;
                text.extend([
                    name.render().to_string().as_str(),
                    line,
                    name.render_reset().to_string().as_str(),
                ]);
            } else {
                text.push_str(line);
            }
        }
        text.push_str("\x1b[J");
        write(text.as_bytes())
    }

    /// Waits for a key, or until the size of the terminal has changed. Cancel safe.
    pub(crate) async fn next(&mut self) -> Key {
        loop {
            let mut byte = [0];
            let read = async {
                match &mut self.stdin {
                    Some(stdin) => stdin.read(&mut byte).await.unwrap_or(0),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                count = read => {
                    if count == 1 {
                        return Key::Char(byte[0].into());
                    }
                    // The terminal is gone, or its input has ended.
                    self.stdin = None;
                }
                _ = self.resized.recv() => return Key::Resized,
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // There is no place for errors.
        let _ = write(LEAVE);
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
