//! The program's own account: one trace, from the client's span down to the stock's.

use std::process::Command;

#[test]
fn the_spans_of_three_processes_form_one_trace() {
    let output = Command::new(env!("CARGO_BIN_EXE_traced"))
        .output()
        .expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    let mut lines = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let [_, trace] = lines.next().expect("a trace")[..] else {
        panic!("{text}")
    };
    assert!(
        trace.len() == 32 && trace.bytes().any(|digit| digit != b'0'),
        "{text}"
    );
    let spans: Vec<_> = lines.collect();
    let names: Vec<_> = spans.iter().map(|span| (span[0], span[1])).collect();
    let expected = [
        ("client", "checkout"),
        ("client", "call"),
        ("shop", "handle"),
        ("shop", "call"),
        ("stock", "handle"),
        ("stock", "count"),
    ];
    assert_eq!(names, expected, "{text}");
    // Each span is the child of the one before.
    let mut parent = "0000000000000000";
    for span in spans {
        assert_eq!(span[3], parent, "{text}");
        assert!(span[2].len() == 16 && span[2] != parent, "{text}");
        parent = span[2];
    }
}
