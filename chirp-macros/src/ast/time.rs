use std::time::Duration;

use syn::LitStr;

use crate::mistakes::Mistakes;

/// Units and their nanoseconds.
const UNITS: [(&str, u64); 6] = [
    // Longer suffixes first, since `ms` also ends with `s`.
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Parses a duration such as `"5s"` or `"250ms"`.
pub(super) fn parse(written: &LitStr, mistakes: &mut Mistakes) -> Option<Duration> {
    let text = written.value();
    let time = UNITS.iter().find_map(|(unit, nanos)| {
        let number: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
        number.checked_mul(*nanos).map(Duration::from_nanos)
    });
    if time.is_none_or(|time| time.is_zero()) {
        mistakes.at(
            written,
            "invalid deadline: expected a positive integer with a unit, such as `\"5s\"`, `\"250ms\"`, `\"1m\"` or `\"1h\"`",
        );
    }
    time
}
