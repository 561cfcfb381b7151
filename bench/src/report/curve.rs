//! Renders numbers of meshes as lines in SVG: time and memory by the number of nodes.

use std::fmt::Write;

use super::{Results, figure};
use crate::record::{Metric, Record};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 40.0;

/// Renders one chart for the time in which a mesh forms, and one for its memory.
pub(super) fn meshes(results: &Results) -> String {
    let charts = [
        (
            Metric::Seconds,
            "A mesh of nodes: seconds until every node is connected to every other",
        ),
        (
            Metric::Bytes,
            "The same meshes: bytes of heap memory of all links, both ends",
        ),
    ];
    let mut body = String::new();
    let mut height = 0.0;
    for (metric, title) in charts {
        let points = points(results, metric);
        if !points.is_empty() {
            curve(&mut body, height, title, &points);
            height += HEIGHT;
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

/// Returns the numbers of nodes with their values.
fn points(results: &Results, metric: Metric) -> Vec<(f64, f64)> {
    let of_mesh = |record: &&Record| record.workload == "mesh" && record.metric == metric;
    let point = |record: &Record| {
        let count = record.case.strip_suffix(" nodes")?.parse().ok()?;
        Some((count, record.median))
    };
    results
        .records
        .iter()
        .filter(of_mesh)
        .filter_map(point)
        .collect()
}

fn curve(body: &mut String, top: f64, title: &str, points: &[(f64, f64)]) {
    let largest = |value: fn(&(f64, f64)) -> f64| points.iter().map(value).fold(0.0, f64::max);
    let (most, highest) = (largest(|point| point.0), largest(|point| point.1));
    let x = |count: f64| LEFT + (WIDTH - LEFT - RIGHT) * count / most;
    let base = top + HEIGHT - BOTTOM;
    let y = |value: f64| base - (HEIGHT - TOP - BOTTOM) * value / highest;
    let _ = writeln!(
        body,
        "<text x=\"4\" y=\"{:.0}\" font-weight=\"bold\">{title}</text>\
         <path d=\"M{LEFT} {:.0}V{base:.0}H{:.0}\" fill=\"none\" stroke=\"#9aa5b1\"/>",
        top + 20.0,
        top + TOP,
        WIDTH - RIGHT,
    );
    let line: Vec<_> = points
        .iter()
        .map(|(count, value)| format!("{:.1} {:.1}", x(*count), y(*value)))
        .collect();
    let _ = writeln!(
        body,
        "<path d=\"M{}\" fill=\"none\" stroke=\"#2f6fb5\" stroke-width=\"2\"/>",
        line.join("L")
    );
    for (count, value) in points {
        let (x, y) = (x(*count), y(*value));
        let _ = writeln!(
            body,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"#2f6fb5\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{count}</text>",
            x - 6.0,
            y - 6.0,
            figure(*value),
            base + 16.0,
        );
    }
}
