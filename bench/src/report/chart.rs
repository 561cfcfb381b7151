//! Renders the results as a bar chart in SVG.

use std::fmt::Write;

use super::table::distinct;
use super::{Results, escaped, figure};
use crate::record::{Metric, Record};

const WIDTH: f64 = 760.0;
const LABELS: f64 = 130.0;
const FIGURES: f64 = 90.0;
const BAR: f64 = 16.0;
const GAP: f64 = 4.0;

/// The charts: workload, case, metric and title.
const SHOWN: [(&str, &str, Metric, &str); 5] = [
    (
        "add",
        "unix",
        Metric::P50,
        "One caller over a Unix socket: p50 in µs (less is better)",
    ),
    (
        "echo",
        "unix, 256 callers",
        Metric::Rate,
        "256 callers over a Unix socket: calls/s",
    ),
    (
        "echo",
        "unix, 256 callers",
        Metric::Cpu,
        "256 callers over a Unix socket: CPU seconds per million calls (less is better)",
    ),
    (
        "waits",
        "another task, 256 callers",
        Metric::Rate,
        "256 callers of handlers that wait for another task: calls/s",
    ),
    (
        "blobs",
        "64 KiB, Vec<u8>",
        Metric::Rate,
        "64 KiB as Vec<u8>, four on their way: calls/s",
    ),
];

/// Renders one group of bars for each chart.
pub(super) fn overview(results: &Results) -> String {
    let mut body = String::new();
    let mut y = GAP;
    for (workload, case, metric, title) in SHOWN {
        let of = |record: &&Record| {
            record.workload == workload && record.case == case && record.metric == metric
        };
        let records: Vec<_> = results.records.iter().filter(of).collect();
        if !records.is_empty() {
            y = group(&mut body, y, title, &records);
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y:.0}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

fn group(body: &mut String, top: f64, title: &str, records: &[&Record]) -> f64 {
    let largest = records
        .iter()
        .map(|record| record.median)
        .fold(0.0, f64::max);
    let mut y = top + 2.0 * BAR;
    let _ = writeln!(
        body,
        "<text x=\"{GAP}\" y=\"{:.0}\" font-weight=\"bold\">{}</text>",
        y - BAR / 2.0,
        escaped(title)
    );
    for system in distinct(records.iter().copied(), |record| record.system.as_str()) {
        let Some(record) = records.iter().find(|record| record.system == system) else {
            continue;
        };
        let len = (WIDTH - LABELS - FIGURES) * record.median / largest;
        let colour = match system {
            name if name.starts_with("chirp") => "#2f6fb5",
            name if name.contains("floor") => "#9aa5b1",
            _ => "#c9b48a",
        };
        let base = y + BAR - GAP;
        let value = figure(record.median);
        let _ = writeln!(
            body,
            "<text x=\"{:.0}\" y=\"{base:.0}\" text-anchor=\"end\">{system}</text>\
             <rect x=\"{LABELS}\" y=\"{y:.0}\" width=\"{len:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{base:.0}\">{value}</text>",
            LABELS - GAP,
            LABELS + len + GAP,
        );
        y += BAR + GAP;
    }
    y + GAP
}

#[cfg(test)]
mod tests {
    use super::SHOWN;
    use crate::report::escaped;

    /// A regression test: an unescaped angle bracket in a title made the chart invalid.
    #[test]
    fn a_title_is_text() {
        let titles = SHOWN.map(|(.., title)| title);
        assert!(titles.iter().any(|title| title.contains('<')));
        for title in titles {
            assert!(!escaped(title).contains(['<', '>']));
        }
        assert_eq!(escaped("Vec<u8> & more"), "Vec&lt;u8&gt; &amp; more");
    }
}
