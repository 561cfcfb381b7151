//! Renders the run as lines over time, in SVG.

use std::fmt::Write;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 110.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 40.0;

/// A line of a panel: values by seconds since the start.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) colour: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// A diagram.
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    pub(crate) is_logarithmic: bool,
    pub(crate) lines: Vec<Line>,
}

/// Renders panels below each other.
pub(crate) fn render(panels: &[Panel]) -> String {
    let mut body = String::new();
    for (index, panel) in panels.iter().enumerate() {
        draw(&mut body, index as f64 * HEIGHT, panel);
    }
    let height = panels.len() as f64 * HEIGHT;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

fn draw(body: &mut String, top: f64, panel: &Panel) {
    let points = || panel.lines.iter().flat_map(|line| line.points.iter());
    let last = points().map(|point| point.0).fold(1.0, f64::max);
    let highest = points().map(|point| point.1).fold(0.0, f64::max).max(1e-9);
    let lowest = points().map(|point| point.1).fold(highest, f64::min);
    // A linear axis begins at zero, a logarithmic one at the power of ten below the lowest value.
    let (low, high) = if panel.is_logarithmic {
        (lowest.max(1e-9).log10().floor(), highest.log10().ceil())
    } else {
        (0.0, highest * 1.1)
    };
    let span = (high - low).max(1e-9);
    let base = top + HEIGHT - BOTTOM;
    let x = |seconds: f64| LEFT + (WIDTH - LEFT - RIGHT) * seconds / last;
    let y = |value: f64| {
        let value = if panel.is_logarithmic {
            value.max(1e-9).log10()
        } else {
            value
        };
        base - (HEIGHT - TOP - BOTTOM) * (value - low) / span
    };
    let _ = writeln!(
        body,
        "<text x=\"4\" y=\"{:.0}\" font-weight=\"bold\">{}</text>\
         <path d=\"M{LEFT} {:.0}V{base:.0}H{:.0}\" fill=\"none\" stroke=\"#9aa5b1\"/>\
         <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{last:.0} s</text>",
        top + 20.0,
        panel.title,
        top + TOP,
        WIDTH - RIGHT,
        WIDTH - RIGHT,
        base + 16.0,
    );
    let marks: Vec<f64> = if panel.is_logarithmic {
        (low as i32..=high as i32)
            .map(|power| 10_f64.powi(power))
            .collect()
    } else {
        (0..=4)
            .map(|part| highest * f64::from(part) / 4.0)
            .collect()
    };
    for mark in marks {
        let _ = writeln!(
            body,
            "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <path d=\"M{LEFT} {:.1}H{:.0}\" stroke=\"#e4e7eb\"/>",
            LEFT - 6.0,
            y(mark) + 4.0,
            figure(mark),
            y(mark),
            WIDTH - RIGHT,
        );
    }
    for (index, line) in panel.lines.iter().enumerate() {
        let path: Vec<_> = line
            .points
            .iter()
            .map(|(seconds, value)| format!("{:.1} {:.1}", x(*seconds), y(*value)))
            .collect();
        let _ = writeln!(
            body,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>\
             <text x=\"{:.0}\" y=\"{:.0}\" fill=\"{colour}\">{}</text>",
            path.join("L"),
            WIDTH - RIGHT + 8.0,
            top + TOP + 10.0 + 16.0 * index as f64,
            line.name,
            colour = line.colour,
        );
    }
}

fn figure(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{:.1} M", value / 1e6),
        value if value >= 1e4 => format!("{:.0} k", value / 1e3),
        value if value >= 10.0 || value == 0.0 => format!("{value:.0}"),
        value => format!("{value:.2}"),
    }
}
