use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use rustix::termios::tcgetwinsize;

/// The shortest time between two drawings of the line.
const PAUSE: Duration = Duration::from_millis(50);

/// The columns of a bar.
const BAR: u64 = 32;

/// The columns of a terminal that does not know its own.
const DEFAULT_COLUMNS: usize = 80;

/// The last line of standard error, which shows the progress of a command until the value is dropped.
#[derive(Debug, Default)]
pub(crate) struct StatusLine {
    drawn: Option<Instant>,
}

impl StatusLine {
    /// Returns `None` if standard error is not a terminal.
    pub(crate) fn open() -> Option<Self> {
        io::stderr().is_terminal().then(Self::default)
    }

    /// Returns `true` if the line may be drawn again.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.drawn
            .is_none_or(|drawn| now.saturating_duration_since(drawn) >= PAUSE)
    }

    /// Replaces the line.
    pub(crate) fn draw(&mut self, now: Instant, text: &str) {
        self.drawn = Some(now);
        write(text);
    }

    /// Removes the line.
    pub(crate) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            write("");
        }
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.clear();
    }
}

fn write(text: &str) {
    let mut err = io::stderr().lock();
    let columns = tcgetwinsize(&err).map_or(0, |size| size.ws_col.into());
    let columns = if columns == 0 {
        DEFAULT_COLUMNS
    } else {
        columns
    };
    // A text that is longer than the line could not be removed again.
    let shown: String = text.chars().take(columns).collect();
    // There is no place for errors.
    let _ = write!(err, "\r\x1b[2K{shown}").and_then(|()| err.flush());
}

/// Returns a bar that shows `part` of `whole`.
pub(crate) fn bar(part: u64, whole: u64) -> String {
    let part = u128::from(part) * u128::from(BAR) / u128::from(whole.max(1));
    let columns = (0..u128::from(BAR)).map(|column| match column.cmp(&part) {
        std::cmp::Ordering::Less => '━',
        std::cmp::Ordering::Equal => '╸',
        std::cmp::Ordering::Greater => '─',
    });
    columns.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_in_the_end() {
        assert_eq!(bar(0, 100), format!("╸{}", "─".repeat(31)));
        assert_eq!(
            bar(50, 100),
            format!("{}╸{}", "━".repeat(16), "─".repeat(15))
        );
        for (part, whole) in [(100, 100), (200, 100), (u64::MAX, u64::MAX), (1, 0)] {
            assert_eq!(bar(part, whole), "━".repeat(32));
        }
    }

    #[test]
    fn a_line_is_not_drawn_again_at_once() {
        let now = Instant::now();
        let mut line = StatusLine::default();
        assert!(line.is_due(now));
        line.drawn = Some(now);
        assert!(!line.is_due(now + PAUSE / 2));
        assert!(line.is_due(now + PAUSE));
        line.drawn = None;
    }
}
