#!/usr/bin/env bash
# Rust's prometheus-parse 0.2.5: without an error it leaves out samples whose name has a colon, whose labels are empty braces, or that
# have a brace in a label. It splits a label at a comma, and leaves escapes as they are. openmetrics-parser 0.5.1 reads all of them.
# Guess: every sample, with the text of its labels.
source "$(dirname "$(realpath "$0")")/lib.sh"

cargo_run 'openmetrics-parser = "=0.5.1"' 'prometheus-parse = "=0.2.5"' <<'RS' |
fn main() {
    for line in ["a:b 1", "a{} 1", r#"a{x="{1}"} 1"#, r#"a{x="1,2=3"} 1"#, r#"a{x="say \"hi\""} 1"#] {
        let scrape = prometheus_parse::Scrape::parse([Ok(line.to_owned())].into_iter()).unwrap();
        let samples = scrape.samples.iter().map(|sample| {
            let mut labels = sample.labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
            labels.sort();
            format!("{} [{}]", sample.metric, labels.join("; "))
        });
        let other = openmetrics_parser::prometheus::parse_prometheus(&format!("{line}\n")).unwrap();
        let samples = samples.collect::<Vec<_>>();
        println!("{line}: prometheus-parse {samples:?}, openmetrics-parser {}", other.to_string().trim());
    }
}
RS
    expect 'a:b 1: prometheus-parse [], openmetrics-parser a:b 1
a{} 1: prometheus-parse [], openmetrics-parser a 1
a{x="{1}"} 1: prometheus-parse [], openmetrics-parser a{x="{1}"} 1
a{x="1,2=3"} 1: prometheus-parse ["a [2=3; x=1]"], openmetrics-parser a{x="1,2=3"} 1
a{x="say \"hi\""} 1: prometheus-parse ["a [x=say \\\"hi\\]"], openmetrics-parser a{x="say \"hi\""} 1'
