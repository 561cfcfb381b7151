//! What becomes of the numbers: a file for programs, a table, a chart, and the goals.

mod chart;
mod goals;
mod results;
mod table;

pub use goals::print as print_goals;
pub use results::Results;

/// A name as it stands in Markdown and in SVG, for which `<` begins something else: `Vec<u8>` has one.
fn escaped(name: &str) -> String {
    name.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A number in four digits or so, as a reader wants it.
pub fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 1e7 => format!("{:.1} M", value / 1e6),
        size if size >= 1e4 => format!("{:.0} k", value / 1e3),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.0995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
