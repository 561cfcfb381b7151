//! The results of a run.

use std::fmt::Write;
use std::time::Duration;

use crate::chart::{self, Line, Panel};
use crate::conductor::Sample;
use crate::histogram::Histogram;
use crate::options::Options;
use crate::process::Held;
use crate::shared::Shared;
use crate::station::Outcome;
use crate::verdict::{RESIDENT_GROWTH, growth, heap_growth};

const MIB: f64 = 1024.0 * 1024.0;

/// One of the numbers of what a process holds.
type Value = fn(&Held) -> usize;

/// The numbers of one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundResult {
    at: Duration,
    is_warm: bool,
    /// At rest, after the round.
    held: Held,
    /// The latencies of single calls, in microseconds: p50, p99 and p99.9.
    latencies: [f64; 3],
}

impl RoundResult {
    pub(crate) fn new(at: Duration, is_warm: bool, held: Held, adds: &Histogram) -> Self {
        let latencies = [0.5, 0.99, 0.999].map(|part| adds.quantile(part).as_secs_f64() * 1e6);
        Self {
            at,
            is_warm,
            held,
            latencies,
        }
    }
}

/// The results of all rounds.
pub(crate) struct Report {
    rounds: Vec<RoundResult>,
    planned: usize,
}

impl Report {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            rounds: Vec::new(),
            planned: options.rounds(),
        }
    }

    /// Adds a round and prints it.
    pub(crate) fn add(&mut self, round: RoundResult) {
        let RoundResult {
            at,
            held,
            latencies: [p50, p99, p999],
            ..
        } = round;
        self.rounds.push(round);
        println!(
            "{:>5.0} s  round {:>3} of {}  heap {:>7.3} MiB  resident {:>6.1} MiB  {} descriptors  {} tasks  \
             p50 {p50:.0} µs  p99 {p99:.0} µs  p99.9 {p999:.0} µs",
            at.as_secs_f64(),
            self.rounds.len(),
            self.planned,
            held.heap as f64 / MIB,
            held.resident as f64 / MIB,
            held.descriptors,
            held.tasks,
        );
    }

    fn grown(&self, value: Value) -> f64 {
        let warm = self.rounds.iter().filter(|round| round.is_warm);
        growth(
            &warm
                .map(|round| value(&round.held) as f64)
                .collect::<Vec<_>>(),
        )
    }

    /// Returns what has grown too much since the warm-up.
    pub(crate) fn growths(&self) -> Vec<String> {
        let rounds = self.rounds.iter().filter(|round| round.is_warm).count();
        let checked: [(&str, Value, f64); 2] = [
            ("heap memory", |held| held.heap, heap_growth(rounds)),
            ("resident memory", |held| held.resident, RESIDENT_GROWTH),
        ];
        let mut growths = Vec::new();
        for (name, value, allowed) in checked {
            let grown = self.grown(value);
            println!(
                "{name} at rest has grown by {:.3} MiB since the warm-up",
                grown / MIB
            );
            if grown > allowed {
                growths.push(format!(
                    "{name} has grown by {grown:.0} bytes, at most {allowed} are no leak"
                ));
            }
        }
        growths
    }

    /// Prints the operations, and writes `soak.md` and `soak.svg`.
    pub(crate) fn save(
        &self,
        options: &Options,
        shared: &Shared,
        samples: &[Sample],
    ) -> Outcome<()> {
        let mut text = format!(
            "# Soak\n\n{} rounds in {} s, seed {}. Processor: {}; load of the machine at the end: {}. Problems: {}.\n\n| operation | outcome | times |\n|---|---|---|\n",
            self.rounds.len(),
            self.rounds.last().map_or(0, |round| round.at.as_secs()),
            options.seed,
            processor(),
            load(),
            shared.problems(),
        );
        for (name, outcome, count) in shared.tally() {
            let _ = writeln!(text, "| {name} | {outcome} | {count} |");
        }
        text += "\nAt rest after each round, since the warm-up:\n\n| | first | last | growth |\n|---|---|---|---|\n";
        let warm: Vec<_> = self.rounds.iter().filter(|round| round.is_warm).collect();
        if let (Some(first), Some(last)) = (warm.first(), warm.last()) {
            let rows: [(&str, Value); 4] = [
                ("heap memory, bytes", |held| held.heap),
                ("resident memory, bytes", |held| held.resident),
                ("descriptors", |held| held.descriptors),
                ("tasks", |held| held.tasks),
            ];
            for (name, value) in rows {
                let grown = self.grown(value);
                let (first, last) = (value(&first.held), value(&last.held));
                let _ = writeln!(text, "| {name} | {first} | {last} | {grown:.0} |");
            }
        }
        println!("\n{text}");
        std::fs::create_dir_all(&options.out)?;
        std::fs::write(options.out.join("soak.md"), text)?;
        std::fs::write(
            options.out.join("soak.svg"),
            chart::render(&self.panels(samples)),
        )?;
        println!("written: {}", options.out.join("soak.svg").display());
        Ok(())
    }

    fn panels(&self, samples: &[Sample]) -> Vec<Panel> {
        let latency = |name, colour, index: usize| Line {
            name,
            colour,
            points: self.points(|round| round.latencies[index]),
        };
        let loaded = |name, value: fn(&Held) -> f64| Line {
            name,
            colour: "#c9b48a",
            points: samples
                .iter()
                .map(|sample| (sample.at.as_secs_f64(), value(&sample.held)))
                .collect(),
        };
        let rested = |name, value: fn(&Held) -> f64| Line {
            name,
            colour: "#2f6fb5",
            points: self.points(|round| value(&round.held)),
        };
        let panel = |title, value: fn(&Held) -> f64| Panel {
            title,
            is_logarithmic: false,
            lines: vec![loaded("under load", value), rested("at rest", value)],
        };
        let rates = samples.windows(2).map(|pair| {
            let between = pair[1].at.saturating_sub(pair[0].at);
            let seconds = between.as_secs_f64().max(1e-3);
            (
                pair[1].at.as_secs_f64(),
                (pair[1].operations - pair[0].operations) as f64 / seconds,
            )
        });
        vec![
            Panel {
                title: "Latency of a single call beside all others, in µs",
                is_logarithmic: true,
                lines: vec![
                    latency("p99.9", "#b5532f", 2),
                    latency("p99", "#c9b48a", 1),
                    latency("p50", "#2f6fb5", 0),
                ],
            },
            panel("Live heap memory of both sides, in MiB", |held| {
                held.heap as f64 / MIB
            }),
            panel("Resident memory, in MiB", |held| held.resident as f64 / MIB),
            panel("Descriptors", |held| held.descriptors as f64),
            panel("Tasks", |held| held.tasks as f64),
            Panel {
                title: "Operations per second",
                is_logarithmic: false,
                lines: vec![Line {
                    name: "operations",
                    colour: "#2f6fb5",
                    points: rates.collect(),
                }],
            },
        ]
    }

    fn points(&self, value: impl Fn(&RoundResult) -> f64) -> Vec<(f64, f64)> {
        let point = |round: &RoundResult| (round.at.as_secs_f64(), value(round));
        self.rounds.iter().map(point).collect()
    }
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    model
        .map_or("unknown", |model| {
            model.trim_start_matches([':', ' ', '\t'])
        })
        .to_owned()
}

/// Returns the load averages, to which this program adds up to 2.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace()
        .take(3)
        .collect::<Vec<_>>()
        .join(", ")
}
