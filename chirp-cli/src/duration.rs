use std::time::Duration;

/// Parses a time limit or an interval, which is not zero. See [`parse_any`].
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    match parse_any(text)? {
        Duration::ZERO => Err("a time is longer than zero here".to_owned()),
        time => Ok(time),
    }
}

/// Parses a time such as `5s`, `250ms`, `2m` or `1h`. A number alone means seconds.
pub(crate) fn parse_any(text: &str) -> Result<Duration, String> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let scale = match unit.trim() {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("a time is written as 5s, 250ms, 2m or 1h".to_owned()),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "a time is written as 5s, 250ms, 2m or 1h".to_owned())?;
    let time = Duration::try_from_secs_f64(number * scale).ok();
    // tokio's timers cannot represent much longer times.
    time.filter(|time| *time <= Duration::from_hours(24 * 365))
        .ok_or_else(|| "a time is at most one year".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let cases = [
            ("5s", 5_000),
            ("5", 5_000),
            ("0.5", 500),
            ("250ms", 250),
            ("2m", 120_000),
            ("1h", 3_600_000),
        ];
        for (text, millis) in cases {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "s",
            "5x",
            "-1s",
            "1e3",
            "1.2.3",
            "99999999999h",
            "5 parsecs",
        ] {
            assert!(parse_any(text).is_err(), "{text}");
        }
        for text in ["0", "0ms", "0.0h"] {
            assert_eq!(parse_any(text), Ok(Duration::ZERO), "{text}");
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
