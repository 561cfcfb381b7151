//! Renders the rate by the number of instances as lines in SVG.

use std::fmt::Write;

use super::instances::{INSTANCES, Point};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 60.0;

/// One line of the chart.
pub(crate) struct Line<'p> {
    pub(crate) name: &'static str,
    pub(crate) colour: &'static str,
    pub(crate) points: &'p [Point],
    /// The rate of one instance, if it has one. A thin line shows its multiples.
    pub(crate) capacity: Option<f64>,
}

/// Renders the lines, with `note` below them.
pub(crate) fn render(title: &str, lines: &[Line<'_>], note: &str) -> String {
    let rates = lines.iter().flat_map(|line| line.points);
    let highest = rates.map(|point| point.rate).fold(1.0, f64::max) * 1.1;
    let most = number(INSTANCES.into_iter().max().unwrap_or(1));
    let x = |instances: f64| LEFT + (WIDTH - LEFT - RIGHT) * instances / most;
    let base = HEIGHT - BOTTOM;
    let y = |rate: f64| base - (base - TOP) * rate / highest;
    let mut body = format!(
        "<text x=\"4\" y=\"20\" font-weight=\"bold\">{title}</text>\n\
         <path d=\"M{LEFT} {TOP:.0}V{base:.0}H{:.0}\" fill=\"none\" stroke=\"#9aa5b1\"/>\n",
        WIDTH - RIGHT
    );
    for instances in INSTANCES {
        let _ = writeln!(
            body,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{instances}</text>",
            x(number(instances)),
            base + 16.0
        );
    }
    let mut legend = 4.0;
    for line in lines {
        let colour = line.colour;
        if let Some(capacity) = line.capacity {
            let end = (highest / capacity).min(most);
            let _ = writeln!(
                body,
                "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"{colour}\" stroke-dasharray=\"4 4\"/>",
                x(0.0),
                y(0.0),
                x(end),
                y(end * capacity)
            );
        }
        let corner =
            |point: &Point| format!("{:.1} {:.1}", x(number(point.instances)), y(point.rate));
        let corners: Vec<_> = line.points.iter().map(corner).collect();
        let _ = writeln!(
            body,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            corners.join("L")
        );
        for point in line.points {
            let (x, y) = (x(number(point.instances)), y(point.rate));
            let _ = writeln!(
                body,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.0}</text>",
                x,
                y - 8.0,
                point.rate
            );
        }
        let _ = writeln!(
            body,
            "<rect x=\"{legend:.0}\" y=\"30\" width=\"12\" height=\"4\" fill=\"{colour}\"/>\
             <text x=\"{:.0}\" y=\"38\">{}</text>",
            legend + 18.0,
            line.name
        );
        legend += 330.0;
    }
    let _ = writeln!(
        body,
        "<text x=\"4\" y=\"{:.0}\" font-size=\"10\">{note}</text>",
        HEIGHT - 12.0
    );
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

#[expect(clippy::cast_precision_loss, reason = "a small number")]
fn number(count: usize) -> f64 {
    count as f64
}
