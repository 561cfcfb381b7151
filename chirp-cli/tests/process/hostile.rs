//! Targets that lie, hang, or send too much.

use super::program::chirp;
use super::raw_peer::{Answer, RawPeer};

/// A description with one method, of which `method` is the JSON behind its name.
fn description(method: &str) -> String {
    format!(
        r#"{{"version":1,"services":[{{"name":"S","codec":"Bincode","methods":[{{"name":"S.m"{method}}}]}}]}}"#
    )
}

#[tokio::test]
async fn a_target_without_reflection_is_code_2_and_takes_raw_calls() {
    let peer = RawPeer::start(&[("S.m", Answer::ok([1, 0xff]))]).await;
    for command in [&["ls"][..], &["describe"]] {
        let run = chirp(&[command, &[&peer.address]].concat()).await;
        assert_eq!(
            run.failed(2),
            "error: the target does not describe itself: turn reflection on there (`builder.reflect()`)\n"
        );
    }
    let run = chirp(&["call", &peer.address, "S.m", "a=1"]).await;
    assert!(
        run.failed(2)
            .ends_with("(`builder.reflect()`), or send bytes with --raw HEX\n")
    );
    let run = chirp(&["call", &peer.address, "S.m", "--raw", "00 01"]).await;
    assert_eq!(run.ok(), "01ff\n");
    let run = chirp(&["call", &peer.address, "S.other", "--raw", ""]).await;
    assert_eq!(run.failed(6), "error: unknown method \"S.other\"\n");
}

#[tokio::test]
async fn a_target_that_hangs_is_code_4() {
    let silent = RawPeer::start(&[("S.m", Answer::Nothing)]).await;
    let run = chirp(&[
        "call",
        &silent.address,
        "S.m",
        "--raw",
        "",
        "--timeout",
        "200ms",
    ])
    .await;
    assert_eq!(
        run.failed(4),
        "error: S.m failed: no answer in time (--timeout)\n"
    );

    let silent = RawPeer::start(&[("chirp.reflect.describe", Answer::Nothing)]).await;
    let run = chirp(&["call", &silent.address, "S.m", "--timeout", "200ms"]).await;
    assert_eq!(
        run.failed(4),
        "error: the target has not described itself in 200ms\n"
    );
}

#[tokio::test]
async fn a_target_that_breaks_off_is_code_3() {
    let cut = Answer::Bytes(vec![0xc7, 0, 0, 4, 0, 0, 0, 9, 0]);
    let text = Answer::Bytes(b"HTTP/1.1 400 Bad Request\r\n\x1b[31m".to_vec());
    for answer in [cut, text] {
        let peer = RawPeer::start(&[("chirp.reflect.describe", answer)]).await;
        let run = chirp(&["ls", &peer.address]).await;
        let error = run.failed(3);
        assert!(
            !error.contains('\u{1b}') && error.lines().count() == 1,
            "{error}"
        );
    }
    let run = chirp(&["ls", "tcp://127.0.0.1:1"]).await;
    assert!(run.failed(3).contains("tcp://127.0.0.1:1"));
}

#[tokio::test]
async fn a_description_that_is_none_is_refused() {
    let deep = format!(
        r#"{{"version":1,"services":[],"types":{{"readable":{{"T":{{"alias":{}"any"{}}}}}}}}}"#,
        r#"{"optional":"#.repeat(100_000),
        "}".repeat(100_000)
    );
    for json in [
        "",
        "{}",
        "[]",
        r#"{"version":2,"services":[]}"#,
        "\u{1b}[2J",
        &deep,
    ] {
        let peer = RawPeer::describing(json, &[]).await;
        let run = chirp(&["ls", &peer.address]).await;
        let error = run.failed(7);
        assert!(
            !error.contains('\u{1b}') && error.lines().count() == 1,
            "{error}"
        );
    }
}

#[tokio::test]
async fn control_characters_are_escaped() {
    let name = r#"{"version":1,"services":[{"name":"S\u001b[31m","documentation":"\u001b]0;x\u0007\nb","codec":"\u009b","methods":[
        {"name":"S.m","documentation":"a\u202eb","arguments":[{"name":"\u001ba","type":"\u001bT","readable":{"named":"\u001b"},"compact":"any","required":true}],
         "errors":[{"code":1,"name":"\u001bE","documentation":"\u0007"}],"deprecated":"\u001b"}]}],
        "others":["\u001bo"],"types":{"readable":{"\u001b":{"enum":[{"name":"\u001b","definition":"unit"}]}}}}"#;
    let peer = RawPeer::describing(name, &[]).await;
    for arguments in [&["ls"][..], &["describe"]] {
        let run = chirp(&[arguments, &[&peer.address]].concat()).await;
        let out = run.ok();
        assert!(out.chars().all(|c| c == '\n' || !c.is_control()), "{out:?}");
        assert!(out.contains(r"S\u{1b}[31m"), "{out}");
    }
    let run = chirp(&["call", &peer.address, "S.m"]).await;
    assert!(!run.failed(2).contains('\u{1b}'));

    let failed = Answer::error(7, "\u{1b}[2Jgone\nnext", b"{\"a\": \"\\u001b\"}");
    let peer = RawPeer::describing(&description(""), &[("S.m;json", failed)]).await;
    let run = chirp(&["call", &peer.address, "S.m"]).await;
    let lines = "error: S.m failed: code 7: \\u{1b}[2Jgone\\nnext\n{\"a\":\"\\u001b\"}\n";
    assert_eq!(run.failed(1), lines);
}

#[tokio::test]
async fn types_that_refer_to_themselves_end() {
    let json = r#"{"version":1,"services":[{"name":"S","codec":"Bincode","methods":[{"name":"S.m","arguments":[
        {"name":"a","type":"A","readable":{"named":"A"},"compact":"any","required":true}]}]}],
        "types":{"readable":{"A":{"alias":{"named":"B"}},"B":{"newtype":{"named":"A"}}}}}"#;
    let peer = RawPeer::describing(json, &[("S.m;json", Answer::ok("1"))]).await;
    assert!(
        chirp(&["describe", &peer.address])
            .await
            .ok()
            .contains("A = B")
    );
    assert_eq!(
        chirp(&["call", &peer.address, "S.m", "a=x"]).await.ok(),
        "1\n"
    );
}

#[tokio::test]
async fn results_that_are_not_what_was_described() {
    let bytes = r#","result":{"type":"Vec<u8>","readable":"bytes","compact":"bytes"}"#;
    for (method, result, code, out) in [
        ("", "", 7, ""),
        ("", "{", 7, ""),
        ("", "\"\x1b\"", 7, ""),
        // Not base64: printed as it came.
        (bytes, "\"?\"", 0, "\"?\"\n"),
        (bytes, "[1]", 0, "[1]\n"),
    ] {
        let peer =
            RawPeer::describing(&description(method), &[("S.m;json", Answer::ok(result))]).await;
        let run = chirp(&["call", &peer.address, "S.m"]).await;
        assert_eq!((run.code, run.out()), (Some(code), out), "{result} {run:?}");
    }
    // A method that is described as a stream, at a peer that has no streams.
    let items = r#","items":{"type":"u8","readable":"u8","compact":"u8"}"#;
    let peer = RawPeer::describing(&description(items), &[("S.m;json", Answer::ok("1"))]).await;
    chirp(&["call", &peer.address, "S.m"]).await.failed(7);
}

#[tokio::test]
async fn huge_and_deep_results_are_printed() {
    let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
    let wide = format!("[{}0]", "0,".repeat(1_000_000));
    for json in [deep, wide] {
        let peer =
            RawPeer::describing(&description(""), &[("S.m;json", Answer::ok(json.clone()))]).await;
        let run = chirp(&["call", &peer.address, "S.m"]).await;
        assert_eq!(run.code, Some(0));
        assert_eq!(run.stdout.len(), json.len() + 1);
    }
}

#[tokio::test]
async fn errors_of_the_framework_have_codes() {
    for (error, code) in [
        (0xc700, 7),
        (0xc702, 7),
        (0xc703, 4),
        (0xc704, 2),
        (0xc70a, 5),
    ] {
        let mut data = b"\xc7\x45".to_vec();
        data.extend([0; 8]);
        let answer = Answer::error(error, "refused", &data);
        let peer = RawPeer::describing(&description(""), &[("S.m;json", answer)]).await;
        let run = chirp(&["call", &peer.address, "S.m"]).await;
        assert!(
            run.failed(code).starts_with("error: S.m failed: "),
            "{error:x}: {run:?}"
        );
    }
}

#[tokio::test]
async fn errors_are_json_if_asked_for() {
    let failed = Answer::error(17, "too large", b"{\"a\":9223372036854775807}");
    let peer = RawPeer::describing(&description(""), &[("S.m;json", failed)]).await;
    let run = chirp(&["call", &peer.address, "S.m", "--json-errors"]).await;
    assert_eq!(
        run.failed(1),
        "{\"error\":\"S.m failed: code 17: too large\",\"exit_code\":1,\"method\":\"S.m\",\"code\":17,\
         \"message\":\"too large\",\"data\":{\"a\":9223372036854775807}}\n"
    );
    let run = chirp(&["call", &peer.address, "S.m", "b=1", "--json-errors"]).await;
    let error = "{\"error\":\"S.m has no argument \\\"b\\\": it has none\",\"exit_code\":2}\n";
    assert_eq!(run.failed(2), error);
}

#[tokio::test]
async fn a_method_that_is_missing_is_explained() {
    let peer = RawPeer::describing(&description(""), &[]).await;
    for (name, hint) in [
        ("S.n", "did you mean S.m?"),
        ("s.m", "did you mean S.m?"),
        ("Files.store", "`chirp ls` lists the methods"),
    ] {
        let run = chirp(&["call", &peer.address, name]).await;
        assert_eq!(
            run.failed(6),
            format!("error: unknown method \"{name}\": {hint}\n")
        );
    }
    let nameless =
        r#"{"version":1,"services":[{"name":"S","codec":"Json","methods":[{"name":""}]}]}"#;
    let peer = RawPeer::describing(nameless, &[]).await;
    let run = chirp(&["call", &peer.address, "S.n"]).await;
    let error = "error: unknown method \"S.n\": `chirp ls` lists the methods\n";
    assert_eq!(run.failed(6), error);
    let denied = Answer::error(0xc70a, "not allowed", b"\xc7\x45");
    let peer = RawPeer::describing(&description(""), &[("S.x;json", denied)]).await;
    let run = chirp(&["call", &peer.address, "S.x"]).await;
    assert_eq!(run.failed(5), "error: not allowed to call \"S.x\"\n");
    let others = r#"{"version":1,"services":[],"others":["plain"]}"#;
    let peer = RawPeer::describing(others, &[]).await;
    let run = chirp(&["call", &peer.address, "plain"]).await;
    let error = "error: \"plain\" is served, and not described: send bytes with --raw HEX\n";
    assert_eq!(run.failed(2), error);
}

#[tokio::test]
async fn types_that_are_too_deep_to_compare_are_said_to_be() {
    let describe = |inner: &str| {
        let types: Vec<_> = (0..100)
            .map(|depth| format!(r#""T{depth}":{{"newtype":{{"named":"T{}"}}}}"#, depth + 1))
            .collect();
        let types = format!(r#"{{{},"T100":{{"alias":"{inner}"}}}}"#, types.join(","));
        format!(
            r#"{{"version":1,"services":[{{"name":"S","codec":"Bincode","methods":[{{"name":"S.m","arguments":[
            {{"name":"a","type":"T0","readable":{{"named":"T0"}},"compact":{{"named":"T0"}},"required":true}}]}}]}}],
            "types":{{"readable":{types},"compact":{types}}}}}"#
        )
    };
    let old = RawPeer::describing(&describe("u32"), &[]).await;
    let new = RawPeer::describing(&describe("u64"), &[]).await;
    let run = chirp(&["diff", &old.address, &new.address]).await;
    run.failed(1);
    assert!(
        run.out().contains("too deep or too large to compare"),
        "{run:?}"
    );
}
