//! Reports: JSON files, tables, charts and the goals.

mod chart;
mod curve;
mod goals;
mod results;
mod table;

pub use goals::print as print_goals;
pub use results::Results;

/// Escapes a name, such as `Vec<u8>`, for Markdown and SVG.
fn escaped(name: &str) -> String {
    name.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Formats a number with about four digits.
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
