//! Renders the results as Markdown tables.

use std::fmt::Write;

use super::{Results, escaped, figure};
use crate::record::{Metric, Record};

/// Renders one table per workload, with a column per system.
pub(super) fn all(results: &Results) -> String {
    let machine = &results.machine;
    let mut text =
        String::from("# Results\n\nMedians of all rounds, with the lowest and the highest.\n\n");
    let _ = writeln!(
        text,
        "{} × {}, {}, {}.",
        machine.processors, machine.processor, machine.kernel, machine.rustc
    );
    let versions: Vec<_> = results
        .versions
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let _ = writeln!(text, "{}.", versions.join(", "));
    for workload in distinct(&results.records, |record| record.workload.as_str()) {
        let of = |record: &&Record| record.workload == workload;
        let records: Vec<_> = results.records.iter().filter(of).collect();
        let _ = write!(text, "\n## {workload}\n\n");
        table(&mut text, &records);
    }
    text
}

fn table(text: &mut String, records: &[&Record]) {
    let systems = distinct(records.iter().copied(), |record| record.system.as_str());
    let rows = distinct(records.iter().copied(), |record| {
        (record.case.as_str(), record.metric)
    });
    let _ = writeln!(text, "| | | {} |", systems.join(" | "));
    let _ = writeln!(text, "|---|---|{}", "--:|".repeat(systems.len()));
    for (case, metric) in rows {
        let cells = systems.iter().map(|system| {
            let found = records.iter().find(|record| {
                record.case == case && record.metric == metric && record.system == *system
            });
            found.map_or_else(String::new, |record| cell(record))
        });
        let cells: Vec<_> = cells.collect();
        let (case, title) = (escaped(case), Metric::title(metric));
        let _ = writeln!(text, "| {case} | {title} | {} |", cells.join(" | "));
    }
}

fn cell(record: &Record) -> String {
    let median = figure(record.median);
    if record.rounds < 2 {
        return median;
    }
    let (low, high) = record.spread;
    format!("**{median}** {}–{}", figure(low), figure(high))
}

/// Returns the distinct values of a property, in order of appearance.
pub(super) fn distinct<'a, T: PartialEq>(
    records: impl IntoIterator<Item = &'a Record>,
    property: impl Fn(&'a Record) -> T,
) -> Vec<T> {
    let mut found = Vec::new();
    for record in records {
        let value = property(record);
        if !found.contains(&value) {
            found.push(value);
        }
    }
    found
}
