//! Sessions recorded with the Go implementation, release v0.4.12, played to live peers.

use chirp::Limits;
use serde_json::Value;
use std::fmt::Write as _;

use crate::conformance::live::Live;
use crate::conformance::script::check;
use crate::support::Link;

/// The recordings as scripts: packets in, bytes out, and the end.
fn script(recording: &Value) -> String {
    let text = |field: &str| recording[field].as_str().unwrap_or_default();
    let mut script = String::new();
    for packet in recording["in"].as_array().expect("a recording has input") {
        writeln!(script, "> raw {}", packet.as_str().expect("hex")).expect("a string takes all");
    }
    let (mut out, first) = (text("out"), text("after_first_out"));
    let expect = |script: &mut String, mut out: &str| {
        while !out.is_empty() {
            let payload = usize::from_str_radix(&out[8..16], 16).expect("a length");
            let (packet, rest) = out.split_at(2 * (8 + payload));
            writeln!(script, "< raw {packet}").expect("a string takes all");
            out = rest;
        }
    };
    if !first.is_empty() {
        expect(&mut script, first);
        out = out.strip_prefix(first).expect("it is the beginning");
        writeln!(script, "> raw {}", text("in_then")).expect("a string takes all");
    }
    expect(&mut script, out);
    script.push_str("> end\n! ended ");
    script.push_str(if recording["fatal"] == true {
        "protocol error"
    } else {
        "closed by the other side"
    });
    script
}

pub(crate) async fn check_all(link: Link) {
    let file: Value = serde_json::from_str(include_str!(
        "../../../chirp-runtime/tests/vectors/chirp-v0.json"
    ))
    .expect("the file is JSON");
    let recordings = file["sessions"].as_array().expect("the file has them");
    assert_eq!(recordings.len(), 17);
    for recording in recordings {
        let subject = Live::start(link, Limits::default()).await;
        let about = format!("{link:?}: recorded {}", recording["name"]);
        check(&about, &script(recording), subject).await;
    }
}
