//! Arguments and results.

use super::program::{chirp, chirp_with_input};
use super::scratch::Scratch;
use super::tools::ToolServer;

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn arguments_of_every_form() {
    let server = ToolServer::start().await;
    let dir = Scratch::new("arguments");
    let all = format!("@{}", dir.file("all.json", br#"{"a": 1, "b": 2}"#));
    let text = format!("text@{}", dir.file("text", b"two\nlines\n"));
    let number = format!(
        "number@{}",
        dir.file("number", b"340282366920938463463374607431768211455\n")
    );
    let bytes = format!("data@{}", dir.file("bytes", &[1, 2, 0xff]));
    let order = format!("order@{}", dir.file("order", br#"{"id":1,"lines":[]}"#));
    let cases: &[(&str, &[&str], &str)] = &[
        (
            "sum_diff",
            &["a=100", "b=250"],
            r#"{"sum":350,"diff":-150}"#,
        ),
        (
            "sum_diff",
            &["b=250", "a=100"],
            r#"{"sum":350,"diff":-150}"#,
        ),
        ("sum_diff", &["a=-1", "b:=1"], r#"{"sum":0,"diff":-2}"#),
        ("sum_diff", &["a:=1e2", "b=0"], r#"{"sum":100,"diff":100}"#),
        (
            "sum_diff",
            &[r#"{"a":100,"b":250}"#],
            r#"{"sum":350,"diff":-150}"#,
        ),
        ("sum_diff", &["[100, 250]"], r#"{"sum":350,"diff":-150}"#),
        (
            "sum_diff",
            &[r#"{"a":100}"#, "b=250"],
            r#"{"sum":350,"diff":-150}"#,
        ),
        ("sum_diff", &[&all], r#"{"sum":3,"diff":-1}"#),
        ("text", &["text=hello world"], r#""hello world""#),
        ("text", &["text="], r#""""#),
        ("text", &["text=5"], r#""5""#),
        ("text", &["text=a=b:=c@d"], r#""a=b:=c@d""#),
        ("text", &["text:=\"x\\n\""], r#""x\n""#),
        ("text", &["text=null"], r#""null""#),
        ("text", &[&text], r#""two\nlines\n""#),
        ("flag", &["on=true"], "true"),
        ("ratio", &["ratio=1.5"], "1.5"),
        ("ratio", &["ratio=-2"], "-2.0"),
        ("letter", &["letter=é"], r#""é""#),
        (
            "big",
            &["number=340282366920938463463374607431768211455"],
            "340282366920938463463374607431768211455",
        ),
        ("big", &[&number], "340282366920938463463374607431768211455"),
        ("maybe", &["count=5"], "5"),
        ("maybe", &["count=null"], "null"),
        ("maybe", &[], "null"),
        ("items", &["items=[1, 2]"], "[1,2]"),
        ("items", &["items:=[]"], "[]"),
        ("pair", &["pair=[7, true]"], "[7,true]"),
        ("table", &[r#"table={"a":1}"#], r#"{"a":1}"#),
        ("paint", &["color=red"], r#""red""#),
        ("paint", &[r#"color={"rgb":[1,2,3]}"#], r#"{"rgb":[1,2,3]}"#),
        (
            "order",
            &[r#"order={"id":18446744073709551615,"lines":[{"name":"x","count":2}]}"#],
            r#"{"id":18446744073709551615,"lines":[{"name":"x","count":2}],"color":null}"#,
        ),
        (
            "order",
            &[&order, "note=n"],
            r#"{"id":1,"lines":[],"color":null}"#,
        ),
        ("place", &["id=7", "lines=[]"], "7"),
        ("place", &[r#"{"id":7,"lines":[]}"#], "7"),
        ("resolve", &["ip=127.0.0.1"], r#""127.0.0.1""#),
        ("reverse", &["data:=\"YWJj\"", "--pretty"], "cba"),
        ("reverse", &["data=abc"], "cba"),
        ("nothing", &[], "null"),
        ("nothing", &["{}"], "null"),
        ("nothing", &["[]"], "null"),
        ("quick", &[], "1"),
    ];
    for (method, arguments, result) in cases {
        let run = chirp(
            &[
                &["call", &server.address, &format!("Tools.{method}")],
                *arguments,
            ]
            .concat(),
        )
        .await;
        let expected = if *method == "reverse" {
            (*result).to_owned()
        } else {
            format!("{result}\n")
        };
        assert_eq!(run.ok(), expected, "{method} {arguments:?}");
    }
    let run = chirp(&["call", &server.address, "Tools.reverse", &bytes]).await;
    assert_eq!(run.stdout, [0xff, 2, 1]);
    for (arguments, input) in [(["a=1", "-"], "{\"b\":2}"), (["a=1", "b@-"], "2\n")] {
        let arguments = [&["call", &server.address, "Tools.sum_diff"][..], &arguments].concat();
        let run = chirp_with_input(&arguments, input.as_bytes()).await;
        assert_eq!(run.ok(), "{\"sum\":3,\"diff\":-1}\n");
    }
}

#[tokio::test]
async fn wrong_arguments_are_code_2() {
    let server = ToolServer::start().await;
    let cases: &[(&str, &[&str], &str)] = &[
        (
            "sum_diff",
            &["a=100"],
            "Tools.sum_diff needs the argument b: i64",
        ),
        ("sum_diff", &["a=x", "b=1"], "argument a: expected i64"),
        (
            "sum_diff",
            &["a=9223372036854775808", "b=1"],
            "argument a: expected i64",
        ),
        (
            "sum_diff",
            &["a=1", "b=1", "c=1"],
            "Tools.sum_diff has no argument \"c\": it has a: i64, b: i64",
        ),
        (
            "paint",
            &["color=blue"],
            "argument color: expected Color: one of red, rgb",
        ),
        ("items", &["items=[1,"], "EOF"),
        ("items", &["items:=[\"x\"]"], "Tools.items failed: "),
        ("sum_diff", &["[1]"], "Tools.sum_diff failed: "),
        ("count", &["to=x"], "argument to: expected u32"),
    ];
    for (method, arguments, message) in cases {
        let run = chirp(
            &[
                &["call", &server.address, &format!("Tools.{method}")],
                *arguments,
            ]
            .concat(),
        )
        .await;
        let error = run.failed(2);
        assert!(error.contains(message), "{method} {arguments:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[tokio::test]
async fn results_can_be_printed_on_several_lines() {
    let server = ToolServer::start().await;
    let run = chirp(&[
        "call",
        &server.address,
        "Tools.sum_diff",
        "a=1",
        "b=2",
        "--pretty",
    ])
    .await;
    assert_eq!(run.ok(), "{\n  \"sum\": 3,\n  \"diff\": -1\n}\n");
}

#[tokio::test]
async fn errors_of_methods_are_code_1() {
    let server = ToolServer::start().await;
    let max = "a=9223372036854775807";
    let run = chirp(&["call", &server.address, "Tools.sum_diff", max, "b=1"]).await;
    assert_eq!(
        run.failed(1),
        "error: Tools.sum_diff failed: code 17: 9223372036854775807 and 1 overflow\n\
         {\"a\":9223372036854775807,\"b\":1}\n"
    );
    assert_eq!(run.out(), "");
    let run = chirp(&["call", &server.address, "Tools.panic"]).await;
    assert!(
        run.failed(7)
            .starts_with("error: Tools.panic failed: the handler panicked")
    );
}

#[tokio::test]
async fn one_way_calls_return_when_they_are_sent() {
    let mut server = ToolServer::start().await;
    let run = chirp(&["call", &server.address, "Tools.log", "line=hello"]).await;
    assert_eq!(run.ok(), "");
    assert_eq!(server.event().await, "hello");
}

#[tokio::test]
async fn metadata_reaches_the_method() {
    let server = ToolServer::start().await;
    let run = chirp(&[
        "call",
        &server.address,
        "Tools.metadata",
        "--metadata",
        "user=ann",
    ])
    .await;
    assert_eq!(run.ok(), "\"ann\"\n");
    let run = chirp(&[
        "call",
        &server.address,
        "Tools.metadata",
        "--metadata",
        "chirp.x=ann",
    ])
    .await;
    run.failed(2);
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_code_4() {
    let mut server = ToolServer::start().await;
    let run = chirp(&["call", &server.address, "Tools.hang", "--timeout", "300ms"]).await;
    assert_eq!(
        run.failed(4),
        "error: Tools.hang failed: no answer in time (--timeout)\n"
    );
    assert_eq!(server.event().await, "hang began");
    assert_eq!(server.event().await, "hang ended");
}
