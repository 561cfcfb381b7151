//! Performance goals of Chirp, and the measured values.

use super::{Results, figure};
use crate::record::{Metric, Record};

/// The bound of a goal.
#[derive(Clone, Copy)]
enum Against {
    /// At least this multiple of the number of another system.
    AtLeast(f64, &'static str),
    /// At most this multiple of the number of another system.
    AtMost(f64, &'static str),
    /// At most this value.
    Below(f64),
}

use Against::{AtLeast, AtMost, Below};

struct Goal {
    workload: &'static str,
    case: &'static str,
    metric: Metric,
    /// The variant of Chirp that is measured.
    system: &'static str,
    against: Against,
}

const fn goal(
    workload: &'static str,
    case: &'static str,
    metric: Metric,
    against: Against,
) -> Goal {
    Goal {
        workload,
        case,
        metric,
        system: "chirp",
        against,
    }
}

const GOALS: &[Goal] = &[
    goal("add", "unix", Metric::P50, AtMost(1.15, "floor")),
    goal("add", "tcp", Metric::P50, AtMost(1.15, "floor")),
    goal("add", "unix", Metric::Rate, AtLeast(2.2, "tarpc")),
    goal("add", "tcp", Metric::Rate, AtLeast(1.6, "tarpc")),
    goal(
        "echo",
        "unix, 64 callers",
        Metric::Rate,
        AtLeast(0.7, "pipelined-floor"),
    ),
    goal(
        "echo",
        "unix, 256 callers",
        Metric::Rate,
        AtLeast(0.7, "pipelined-floor"),
    ),
    goal(
        "echo",
        "unix, 1024 callers",
        Metric::Rate,
        AtLeast(0.72, "pipelined-floor"),
    ),
    goal(
        "echo",
        "tcp, 64 callers",
        Metric::Rate,
        AtLeast(0.7, "pipelined-floor"),
    ),
    goal(
        "echo",
        "tcp, 256 callers",
        Metric::Rate,
        AtLeast(0.7, "pipelined-floor"),
    ),
    goal(
        "echo",
        "tcp, 1024 callers",
        Metric::Rate,
        AtLeast(0.72, "pipelined-floor"),
    ),
    goal(
        "echo",
        "unix, 64 callers",
        Metric::Rate,
        AtLeast(2.7, "tarpc"),
    ),
    goal(
        "echo",
        "unix, 256 callers",
        Metric::Rate,
        AtLeast(2.5, "tarpc"),
    ),
    goal(
        "echo",
        "unix, 1024 callers",
        Metric::Rate,
        AtLeast(2.5, "tarpc"),
    ),
    goal(
        "echo",
        "tcp, 64 callers",
        Metric::Rate,
        AtLeast(2.7, "tarpc"),
    ),
    goal(
        "echo",
        "tcp, 256 callers",
        Metric::Rate,
        AtLeast(2.5, "tarpc"),
    ),
    goal(
        "echo",
        "tcp, 1024 callers",
        Metric::Rate,
        AtLeast(2.5, "tarpc"),
    ),
    goal(
        "echo",
        "unix, 64 callers",
        Metric::Rate,
        AtLeast(10.0, "tonic"),
    ),
    goal(
        "echo",
        "unix, 256 callers",
        Metric::Rate,
        AtLeast(10.0, "tonic"),
    ),
    goal(
        "echo",
        "unix, 1024 callers",
        Metric::Rate,
        AtLeast(10.0, "tonic"),
    ),
    goal(
        "echo",
        "unix, 64 callers",
        Metric::Cpu,
        AtMost(0.27, "tarpc"),
    ),
    goal(
        "echo",
        "unix, 256 callers",
        Metric::Cpu,
        AtMost(0.27, "tarpc"),
    ),
    goal(
        "echo",
        "tcp, 64 callers",
        Metric::Cpu,
        AtMost(0.27, "tarpc"),
    ),
    goal(
        "echo",
        "tcp, 256 callers",
        Metric::Cpu,
        AtMost(0.27, "tarpc"),
    ),
    goal(
        "echo",
        "unix, 64 callers, one worker",
        Metric::Rate,
        AtLeast(0.45, "pipelined-floor"),
    ),
    goal(
        "waits",
        "another task, 64 callers",
        Metric::Rate,
        AtLeast(1.3, "tarpc"),
    ),
    goal(
        "waits",
        "another task, 256 callers",
        Metric::Rate,
        AtLeast(1.3, "tarpc"),
    ),
    goal(
        "waits",
        "another task, 1024 callers",
        Metric::Rate,
        AtLeast(1.3, "tarpc"),
    ),
    goal(
        "blobs",
        "64 KiB, Vec<u8>",
        Metric::Rate,
        AtLeast(0.8, "pipelined-floor"),
    ),
    goal(
        "blobs",
        "64 KiB, best type",
        Metric::Rate,
        AtLeast(0.8, "pipelined-floor"),
    ),
    goal(
        "blobs",
        "1024 KiB, Vec<u8>",
        Metric::Rate,
        AtLeast(0.8, "pipelined-floor"),
    ),
    goal(
        "blobs",
        "1024 KiB, best type",
        Metric::Rate,
        AtLeast(0.8, "pipelined-floor"),
    ),
    goal(
        "blobs",
        "64 KiB, Vec<u8>",
        Metric::Rate,
        AtLeast(1.2, "tarpc"),
    ),
    goal(
        "blobs",
        "64 KiB, best type",
        Metric::Rate,
        AtLeast(1.2, "tarpc"),
    ),
    goal(
        "blobs",
        "1024 KiB, Vec<u8>",
        Metric::Rate,
        AtLeast(1.2, "tarpc"),
    ),
    goal(
        "blobs",
        "1024 KiB, best type",
        Metric::Rate,
        AtLeast(1.2, "tarpc"),
    ),
    goal(
        "both-ways",
        "unix, 128 callers at each end",
        Metric::Rate,
        AtLeast(0.72, "pipelined-floor"),
    ),
    goal(
        "streams",
        "numbers that are ready",
        Metric::ItemRate,
        AtLeast(1.1, "tonic"),
    ),
    goal(
        "streams",
        "numbers through a channel",
        Metric::ItemRate,
        AtLeast(2.5, "tonic"),
    ),
    goal(
        "streams",
        "pieces of 16 KiB",
        Metric::ByteRate,
        AtLeast(0.8, "floor"),
    ),
    goal(
        "streams",
        "64 callers beside bytes",
        Metric::P99Times,
        Below(3.0),
    ),
    goal(
        "in-process",
        "one caller",
        Metric::P50,
        AtMost(0.33, "tarpc"),
    ),
    Goal {
        system: "chirp-local",
        ..goal(
            "in-process",
            "one caller",
            Metric::P50,
            AtMost(0.1, "tarpc"),
        )
    },
    Goal {
        system: "chirp-jsonrpc",
        ..goal(
            "web",
            "unix, 64 callers",
            Metric::Rate,
            AtLeast(3.0, "jsonrpsee"),
        )
    },
    Goal {
        system: "chirp-jsonrpc",
        ..goal(
            "web",
            "unix, 64 callers",
            Metric::Cpu,
            AtMost(0.5, "jsonrpsee"),
        )
    },
    Goal {
        system: "chirp-websocket",
        ..goal(
            "web",
            "tcp, 64 callers",
            Metric::Rate,
            AtLeast(0.6, "chirp"),
        )
    },
    goal("wire", "64 callers", Metric::Writes, Below(0.1)),
    goal("wire", "one caller", Metric::Writes, Below(1.1)),
    goal("wire", "one caller", Metric::Reads, Below(1.1)),
    goal("memory", "a call", Metric::Allocations, Below(2.0)),
    goal(
        "memory",
        "an idle connection",
        Metric::Bytes,
        Below(10.0 * 1024.0),
    ),
    goal(
        "connections",
        "idle connections",
        Metric::Bytes,
        Below(10.0 * 1024.0),
    ),
    Goal {
        system: "chirp-websocket",
        ..goal(
            "memory",
            "an idle connection",
            Metric::Bytes,
            Below(40.0 * 1024.0),
        )
    },
    // Request: header, ID, name length, `Bench.add` and two small numbers. Response: header, ID, code and the sum.
    goal("wire", "one caller", Metric::BytesOut, Below(24.0)),
    goal("wire", "one caller", Metric::BytesBack, Below(14.0)),
    goal("build", "hello", Metric::Seconds, AtMost(1.0, "tarpc")),
    goal("build", "hello", Metric::CpuSeconds, AtMost(1.0, "tarpc")),
    goal("build", "hello", Metric::Crates, AtMost(1.0, "tarpc")),
    goal("build", "hello", Metric::Size, AtMost(1.0, "tarpc")),
];

/// Prints each goal that was measured, and whether it was reached.
pub fn print(results: &Results) {
    println!("\n{:<52} {:>24} {:>10}", "goal", "", "reached");
    for goal in GOALS {
        let of = |system: &str| {
            let wanted = |record: &Record| {
                record.workload == goal.workload
                    && record.case == goal.case
                    && record.metric == goal.metric
                    && record.system == system
            };
            results.median(wanted)
        };
        let Some(own) = of(goal.system) else {
            continue;
        };
        let (wanted, reached, holds) = match goal.against {
            AtLeast(times, other) => {
                let Some(ratio) = of(other).map(|other| own / other) else {
                    continue;
                };
                let wanted = format!("≥ {times:.2} × {other}");
                (wanted, ratio, ratio >= times)
            }
            AtMost(times, other) => {
                let Some(ratio) = of(other).map(|other| own / other) else {
                    continue;
                };
                let wanted = format!("≤ {times:.2} × {other}");
                (wanted, ratio, ratio <= times)
            }
            Below(most) => (format!("≤ {}", figure(most)), own, own <= most),
        };
        let title = format!("{} {}: {}", goal.workload, goal.case, goal.metric.title());
        let mark = if holds { "yes" } else { "NO" };
        println!("{title:<52} {wanted:>24} {:>10} {mark}", figure(reached));
    }
}
