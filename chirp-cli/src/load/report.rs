use std::fmt::Write;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::measurement::Measurement;
use crate::text;

/// The results of `chirp bench`.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) address: String,
    pub(crate) method: String,
    /// `closed` or `open`.
    pub(crate) r#loop: &'static str,
    /// In an open loop, the number of calls that may be in progress.
    pub(crate) callers: usize,
    pub(crate) connections: usize,
    /// In an open loop, the calls that are due per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<f64>,
    pub(crate) warm_up_seconds: f64,
    /// The time that was measured.
    pub(crate) seconds: f64,
    /// Whether the measurement ended early.
    pub(crate) interrupted: bool,
    #[serde(flatten)]
    pub(crate) results: Results,
    /// The mean time of the same call to an empty handler in this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) local_call_ns: Option<u64>,
    /// The part of the time in which this program used a processor, of 1. An open loop spins, and uses most of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) processor_share: Option<f64>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Results {
    /// Calls that succeeded.
    calls: u64,
    calls_per_second: f64,
    /// The items of results that are streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items_per_second: Option<f64>,
    errors: Vec<ErrorReport>,
    /// Times until the answers. In an open loop, from the time at which a call was due.
    latency_ns: Percentiles,
    /// In an open loop, the times from when calls were due until they were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    send_delay_ns: Option<Percentiles>,
    /// In an open loop, calls that were due and not sent, since all callers waited for answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    unsent: Option<u64>,
    /// In an open loop, calls that had to wait for a caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<u64>,
    #[serde(skip)]
    pub(crate) is_connection_lost: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct ErrorReport {
    kind: String,
    count: u64,
    /// The text of the first error.
    example: String,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Percentiles {
    count: u64,
    min: u64,
    mean: f64,
    p50: u64,
    p90: u64,
    p99: u64,
    p99_9: u64,
    max: u64,
}

impl Percentiles {
    fn of(histogram: &Histogram<u64>) -> Self {
        Self {
            count: histogram.len(),
            min: histogram.min(),
            mean: (histogram.mean() * 10.0).round() / 10.0,
            p50: histogram.value_at_quantile(0.5),
            p90: histogram.value_at_quantile(0.9),
            p99: histogram.value_at_quantile(0.99),
            p99_9: histogram.value_at_quantile(0.999),
            max: histogram.max(),
        }
    }

    fn text(&self) -> String {
        if self.count == 0 {
            return "none was measured".to_owned();
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a mean of times"
        )]
        let mean = self.mean as u64;
        let names = ["p50", "p90", "p99", "p99.9", "max", "mean"];
        let times = [self.p50, self.p90, self.p99, self.p99_9, self.max, mean];
        let parts = names.iter().zip(times);
        let parts: Vec<_> = parts
            .map(|(name, nanos)| format!("{name} {}", time(nanos)))
            .collect();
        parts.join("   ")
    }
}

impl Results {
    /// Sums up what was measured in the time that has passed.
    pub(crate) fn new(
        measurement: &Measurement,
        elapsed: Duration,
        is_open: bool,
        is_stream: bool,
    ) -> Self {
        let seconds = elapsed.as_secs_f64();
        let per_second = |count: u64| {
            #[expect(clippy::cast_precision_loss, reason = "exact for 2^53 calls")]
            let rate = if seconds > 0.0 {
                count as f64 / seconds
            } else {
                0.0
            };
            (rate * 10.0).round() / 10.0
        };
        let errors = measurement.errors.iter();
        Self {
            calls: measurement.calls,
            calls_per_second: per_second(measurement.calls_in_window),
            items: is_stream.then_some(measurement.items_in_window),
            items_per_second: is_stream.then(|| per_second(measurement.items_in_window)),
            errors: errors
                .map(|(kind, error)| ErrorReport {
                    kind: kind.clone(),
                    count: error.count,
                    example: error.example.clone(),
                })
                .collect(),
            latency_ns: Percentiles::of(&measurement.latency),
            send_delay_ns: is_open.then(|| Percentiles::of(&measurement.delay)),
            unsent: is_open.then_some(measurement.unsent),
            blocked: is_open.then_some(measurement.blocked),
            is_connection_lost: measurement.is_lost,
        }
    }

    pub(crate) fn has_only_errors(&self) -> bool {
        self.calls == 0 && !self.errors.is_empty()
    }
}

impl Report {
    /// Returns the report for people, in several lines.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out)
            .expect("writing to a string cannot fail");
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let plural = |count: usize, word: &str| match count {
            1 => format!("1 {word}"),
            count => format!("{count} {word}s"),
        };
        let results = &self.results;
        let (callers, connections) = (
            plural(self.callers, "caller"),
            plural(self.connections, "connection"),
        );
        let how = match self.rate {
            Some(rate) => format!("{rate} calls/s due, at most {callers}, {connections}"),
            None => format!("{callers}, {connections}"),
        };
        let interrupted = if self.interrupted {
            ", interrupted"
        } else {
            ""
        };
        writeln!(
            out,
            "{} at {}: {how}, {:.1} s after {:.1} s of warm-up{interrupted}",
            text::one_line(&self.method),
            text::one_line(&self.address),
            self.seconds,
            self.warm_up_seconds,
        )?;
        writeln!(
            out,
            "calls      {} ({:.1}/s)",
            results.calls, results.calls_per_second
        )?;
        if let (Some(items), Some(rate)) = (results.items, results.items_per_second) {
            writeln!(out, "items      {items} ({rate:.1}/s)")?;
        }
        for error in &results.errors {
            let (kind, example) = (text::one_line(&error.kind), text::one_line(&error.example));
            writeln!(out, "errors     {} {kind}: {example}", error.count)?;
        }
        writeln!(out, "latency    {}", results.latency_ns.text())?;
        if let Some(delay) = &results.send_delay_ns {
            writeln!(out, "late by    {}", delay.text())?;
        }
        if let Some(unsent @ 1..) = results.unsent {
            writeln!(
                out,
                "unsent     {unsent} calls were due, but all callers waited for answers: the target is slower than the rate"
            )?;
        } else if let Some(blocked @ 1..) = results.blocked {
            writeln!(
                out,
                "blocked    {blocked} calls waited for a caller, which counts as latency (--callers)"
            )?;
        }
        if let Some(local) = self.local_call_ns {
            write!(
                out,
                "client     the same call to an empty handler in this process takes {}",
                time(local)
            )?;
            if let (Some(share), None) = (self.processor_share, self.rate) {
                write!(
                    out,
                    "; this program used {:.0} % of a processor",
                    share * 100.0
                )?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

/// Formats a time with three digits.
fn time(nanos: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let nanos = nanos as f64;
    let (value, unit) = match nanos {
        ..1e3 => (nanos, "ns"),
        ..1e6 => (nanos / 1e3, "µs"),
        ..1e9 => (nanos / 1e6, "ms"),
        _ => (nanos / 1e9, "s"),
    };
    let digits = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_have_three_digits() {
        let times = [
            0,
            7,
            999,
            1_000,
            12_345,
            999_999,
            1_500_000,
            250_000_000,
            61_000_000_000,
        ];
        let expected = [
            "0.00 ns", "7.00 ns", "999 ns", "1.00 µs", "12.3 µs", "1000 µs", "1.50 ms", "250 ms",
            "61.0 s",
        ];
        assert_eq!(times.map(time), expected);
    }
}
