#!/usr/bin/env bash
# Durations of Rust crates: "1M" is a minute for duration-str 0.21.0 and a month for humantime 2.4.0 and parse_duration 2.1.1.
# parse_duration reads ".5s" as 5 s. What Rust's Debug writes for 500 µs and 1.5 ms is refused by parse_duration and by duration-str,
# respectively. iso8601-duration 0.2.0 counts with 32-bit floats.
# Guess: a month or an error; half a second or an error; the durations that were written; 1.001 s and 16777217 s.
source "$(dirname "$(realpath "$0")")/lib.sh"

cargo_run 'duration-str = "=0.21.0"' 'humantime = "=2.4.0"' 'iso8601-duration = "=0.2.0"' 'parse_duration = "=2.1.1"' <<'RS' |
use std::time::Duration;

fn show(duration: Option<Duration>) -> String {
    duration.map_or("refused".to_owned(), |duration| format!("{} s", duration.as_secs_f64()))
}

fn main() {
    let written = [Duration::from_micros(500), Duration::from_micros(1500)].map(|duration| format!("{duration:?}"));
    for text in ["1M", ".5s", &written[0], &written[1]] {
        let humantime = show(humantime::parse_duration(text).ok());
        let duration_str = show(duration_str::parse(text).ok());
        let parse_duration = show(parse_duration::parse(text).ok());
        println!("{text}: humantime {humantime}, duration-str {duration_str}, parse_duration {parse_duration}");
    }
    for text in ["PT1.001S", "PT16777217S"] {
        let parsed = iso8601_duration::Duration::parse(text).ok().and_then(|duration| duration.to_std());
        println!("{text}: iso8601-duration {}", show(parsed));
    }
}
RS
    expect "1M: humantime 2630016 s, duration-str 60 s, parse_duration 2629746 s
.5s: humantime refused, duration-str refused, parse_duration 5 s
500µs: humantime 0.0005 s, duration-str 0.0005 s, parse_duration refused
1.5ms: humantime 0.0015 s, duration-str refused, parse_duration 0.0015 s
PT1.001S: iso8601-duration 1.001000047 s
PT16777217S: iso8601-duration 16777216 s"
