//! Conformance to PROTOCOL.md, rule by rule: each case quotes the rule, and is played to the session as a value and to
//! live peers over each kind of channel.

mod callers;
mod calls;
mod checks;
mod connections;
mod extensions;
mod limits;
mod live;
mod packets;
mod recordings;
mod script;
mod sessions;
mod value;
mod words;
mod wrong;

use crate::support::Link;
use live::Live;
use script::{Case, On, check};
use value::Value;

fn cases() -> impl Iterator<Item = &'static Case> {
    let tables = [
        packets::CASES,
        sessions::CASES,
        calls::CASES,
        wrong::CASES,
        limits::CASES,
        extensions::CASES,
    ];
    tables.into_iter().flatten()
}

/// The name of a case, for failures.
fn about(on: &str, case: &Case) -> String {
    format!("{on}: {} {:?}", case.section, case.quote)
}

#[tokio::test]
async fn as_a_value() {
    for case in cases().filter(|case| case.on != On::Live) {
        let subject = Value::new(script::limits(case.script));
        check(&about("value", case), case.script, subject).await;
    }
}

async fn check_live(link: Link) {
    for case in cases().filter(|case| case.on != On::Value) {
        let subject = Live::start(link, script::limits(case.script)).await;
        let on = format!("{link:?}");
        check(&about(&on, case), case.script, subject).await;
    }
    recordings::check_all(link).await;
}

#[tokio::test]
async fn over_memory() {
    check_live(Link::Memory).await;
}

#[tokio::test]
async fn over_tcp() {
    check_live(Link::Tcp).await;
}

#[tokio::test]
async fn over_a_unix_socket() {
    check_live(Link::Unix).await;
}

#[tokio::test]
async fn over_inproc() {
    check_live(Link::Inproc).await;
}

#[tokio::test]
async fn over_an_abstract_unix_socket() {
    check_live(Link::Abstract).await;
}

#[tokio::test]
async fn over_a_slow_line() {
    check_live(Link::Slow).await;
}

#[tokio::test]
async fn over_pipes() {
    check_live(Link::Pipes).await;
}

/// A section of PROTOCOL.md, on one line.
fn sections() -> Vec<(String, String)> {
    let text = include_str!("../../../PROTOCOL.md");
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("##") {
            let number = title.trim_start_matches(['#', ' ']).split(' ').next();
            let number = number.expect("a title").trim_end_matches('.');
            sections.push((number.to_owned(), String::new()));
        } else if let Some((_, section)) = sections.last_mut() {
            section.push(' ');
            section.push_str(line.trim());
        }
    }
    sections
        .into_iter()
        .map(|(number, text)| (number, on_one_line(&text)))
        .collect()
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn each_quote_is_in_its_section() {
    let sections = sections();
    for case in cases() {
        let section = sections.iter().find(|(number, _)| number == case.section);
        let (_, text) = section.unwrap_or_else(|| panic!("no section {}", case.section));
        assert!(
            text.contains(case.quote),
            "{}: {}",
            case.section,
            case.quote
        );
    }
}

/// Each MUST, SHOULD and MAY of sections 1 to 8 has a case.
#[test]
fn each_must_should_and_may_is_quoted() {
    let mut missing = Vec::new();
    let mut count = 0;
    for (number, text) in sections() {
        let chapter = number.split('.').next().expect("a number");
        if !(1..=8).any(|of| chapter == of.to_string()) {
            continue;
        }
        let quoted: Vec<_> = cases()
            .filter(|case| case.section == number)
            .filter_map(|case| Some((text.find(case.quote)?, case.quote.len())))
            .collect();
        for word in ["MUST", "SHOULD", "MAY"] {
            for (at, _) in text.match_indices(word) {
                count += 1;
                if !quoted
                    .iter()
                    .any(|(from, len)| (*from..from + len).contains(&at))
                {
                    let rest: String = text[at..].chars().take(60).collect();
                    missing.push(format!("{number}: {rest}"));
                }
            }
        }
    }
    assert!(count > 20, "{count} is too few");
    assert!(missing.is_empty(), "no case for {missing:#?}");
}
