use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::status_line::{StatusLine, bar};

/// The time after which the speed counts for a tenth.
const MEMORY: Duration = Duration::from_secs(15);

/// The progress of sending bytes on standard error, if that is a terminal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    transfer: Option<Arc<Mutex<Transfer>>>,
}

impl Progress {
    /// Shows a bar. Without a length, it shows the bytes alone.
    pub(crate) fn start(length: Option<u64>) -> Self {
        let transfer = StatusLine::open().map(|line| {
            let mut transfer = Transfer {
                line,
                length,
                sent: 0,
                speed: Speed::new(Instant::now()),
                is_over: false,
            };
            transfer.advance(0, Instant::now());
            Arc::new(Mutex::new(transfer))
        });
        Self { transfer }
    }

    /// Counts bytes that were sent.
    pub(crate) fn advance(&self, bytes: usize) {
        if let Some(transfer) = &self.transfer {
            lock(transfer).advance(bytes as u64, Instant::now());
        }
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        if let Some(transfer) = &self.transfer {
            let mut transfer = lock(transfer);
            transfer.is_over = true;
            transfer.line.clear();
        }
    }
}

fn lock(transfer: &Mutex<Transfer>) -> MutexGuard<'_, Transfer> {
    transfer.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Transfer {
    line: StatusLine,
    length: Option<u64>,
    sent: u64,
    speed: Speed,
    /// `true` once nothing more is shown.
    is_over: bool,
}

impl Transfer {
    fn advance(&mut self, bytes: u64, now: Instant) {
        self.sent = self.sent.saturating_add(bytes);
        if !self.is_over && self.line.is_due(now) {
            let speed = self.speed.update(self.sent, now);
            let text = text(self.sent, self.length, speed);
            self.line.draw(now, &text);
        }
    }
}

fn text(sent: u64, length: Option<u64>, speed: f64) -> String {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a size that is shown is rounded"
    )]
    let of = |bytes: u64| size(bytes as f64);
    let speed_text = size(speed);
    let Some(length) = length else {
        return format!("{}  {speed_text}/s", of(sent));
    };
    let length = length.max(sent);
    let percent = u128::from(sent) * 100 / u128::from(length.max(1));
    #[expect(
        clippy::cast_precision_loss,
        reason = "a time that is shown is rounded"
    )]
    let left = Duration::try_from_secs_f64((length - sent) as f64 / speed);
    format!(
        "{} {percent:>3}%  {} of {}  {speed_text}/s  {} left",
        bar(sent, length),
        of(sent),
        of(length),
        time(left.unwrap_or_default()),
    )
}

/// Returns a number of bytes with its unit.
fn size(bytes: f64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024.0 {
        return format!("{bytes:.0} B");
    }
    let (mut bytes, mut unit) = (bytes / 1024.0, 0);
    while bytes >= 1024.0 && unit + 1 < UNITS.len() {
        bytes /= 1024.0;
        unit += 1;
    }
    format!("{bytes:.2} {}", UNITS[unit])
}

/// Returns a time in its largest unit.
fn time(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7200 => format!("{}m", seconds / 60),
        seconds => format!("{}h", seconds / 3600),
    }
}

/// The speed of late, in bytes per second.
#[derive(Debug)]
struct Speed {
    at: Instant,
    sent: u64,
    mean: f64,
    /// How much of the mean was measured: the rest is the zero that it began with.
    weight: f64,
}

impl Speed {
    fn new(now: Instant) -> Self {
        Self {
            at: now,
            sent: 0,
            mean: 0.0,
            weight: 0.0,
        }
    }

    /// Notes the bytes that were sent until now.
    fn update(&mut self, sent: u64, now: Instant) -> f64 {
        let seconds = now.saturating_duration_since(self.at).as_secs_f64();
        if seconds > 0.0 {
            let old = 0.1_f64.powf(seconds / MEMORY.as_secs_f64());
            #[expect(
                clippy::cast_precision_loss,
                reason = "a speed that is shown is rounded"
            )]
            let speed = (sent - self.sent) as f64 / seconds;
            self.mean = self.mean * old + speed * (1.0 - old);
            self.weight = self.weight * old + (1.0 - old);
            self.at = now;
            self.sent = sent;
        }
        if self.weight > 0.0 {
            self.mean / self.weight
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        for (bytes, text) in [
            (0.0, "0 B"),
            (1023.0, "1023 B"),
            (1024.0, "1.00 KiB"),
            (2.5 * 1024.0 * 1024.0, "2.50 MiB"),
            (2_f64.powi(64), "16.00 EiB"),
            (2_f64.powi(80), "1048576.00 EiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn a_transfer_shows_what_is_left() {
        let text = text(1 << 20, Some(4 << 20), 1024.0 * 1024.0);
        assert!(
            text.ends_with(" 25%  1.00 MiB of 4.00 MiB  1.00 MiB/s  3s left"),
            "{text}"
        );
        assert!(super::text(0, Some(0), 0.0).ends_with("0 B of 0 B  0 B/s  0s left"));
        assert_eq!(super::text(1, None, 2.0), "1 B  2 B/s");
        assert_eq!(time(Duration::from_secs(150)), "2m");
        assert_eq!(time(Duration::from_hours(2)), "2h");
    }

    #[test]
    fn the_speed_follows_a_change() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut speed = Speed::new(begin);
        assert_eq!(speed.update(10, begin).to_bits(), 0_f64.to_bits());
        assert!((speed.update(15_000, at(15)) - 1000.0).abs() < 1.0);
        let after = speed.update(15_000, at(30));
        assert!((50.0..200.0).contains(&after), "{after}");
    }
}
