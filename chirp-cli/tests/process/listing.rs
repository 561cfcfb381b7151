//! Listing, describing and comparing.

use chirp::{AccessPolicy, Server};

use super::program::chirp;
use super::scratch::Scratch;
use super::tools::ToolServer;

#[tokio::test]
async fn methods_are_listed_with_their_signatures() {
    let server = ToolServer::start().await;
    let run = chirp(&["ls", &server.address]).await;
    let out = run.ok();
    assert!(out.starts_with("Tools  Tools of every kind.\n"), "{out}");
    for line in [
        "  Tools.sum_diff(a: i64, b: i64) -> SumDiff",
        "  Tools.maybe(count?: Option<u32>) -> Option<u32>",
        "  Tools.log(line: &str) one way",
        "  Tools.nothing()",
        "  Tools.count(to: u32) -> stream of u32",
        "  Tools.store(name: &str, data: stream of Bytes) -> String",
    ] {
        assert!(out.lines().any(|other| other == line), "{line}\n{out}");
    }
}

#[tokio::test]
async fn a_method_is_described() {
    let server = ToolServer::start().await;
    let run = chirp(&["describe", &server.address, "Tools.sum_diff"]).await;
    assert_eq!(
        run.ok(),
        "Tools.sum_diff(a: i64, b: i64) -> SumDiff
  Returns the sum and the difference.
  Arguments:
    a: i64
    b: i64
  Result: SumDiff
  Errors:
    17    Overflow { a: i64, b: i64 }
      The result is out of range.
    18    Empty

Types:
  SumDiff = { sum: i64, diff: i64 }
"
    );
    let run = chirp(&["describe", &server.address, "Tools.order"]).await;
    let out = run.ok();
    for line in [
        "    note?: Option<String>  = string?",
        "  Color = red | rgb(u8, u8, u8)",
        "  Order = { id: u64, lines: [Line], color: Color? = default }",
    ] {
        assert!(out.lines().any(|other| other == line), "{line}\n{out}");
    }
    let run = chirp(&["describe", &server.address, "Tools.quick"]).await;
    assert!(
        run.ok().contains("\n  Idempotent; Deadline: 20s\n"),
        "{run:?}"
    );
    let run = chirp(&["describe", &server.address, "Tools.old"]).await;
    assert!(run.ok().contains("\n  Deprecated: use text\n"), "{run:?}");
}

#[tokio::test]
async fn a_service_or_everything_is_described() {
    let server = ToolServer::start().await;
    let service = chirp(&["describe", &server.address, "Tools"]).await;
    assert!(service.ok().starts_with(
        "Tools  (Bincode)\n  Tools of every kind.\n\n  The second paragraph.\n\nTools.sum_diff("
    ));
    let all = chirp(&["describe", &server.address]).await;
    assert_eq!(all.ok(), service.ok());
    let run = chirp(&["describe", &server.address, "Tool"]).await;
    run.failed(6);
    let run = chirp(&["describe", &server.address, "Tools.sum_diff", "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(run.ok()).expect("JSON");
    assert_eq!(json["services"][0]["methods"][0]["name"], "Tools.sum_diff");
}

#[tokio::test]
async fn methods_that_are_not_allowed_are_hidden_and_code_5() {
    let access = AccessPolicy::new()
        .default_rule(|_| true)
        .allow(["Tools.secret"], |_| false);
    let builder = Server::builder().reflect().access(access);
    let server = ToolServer::start_with(builder, "tcp://127.0.0.1:0").await;
    let run = chirp(&["ls", &server.address]).await;
    assert!(run.ok().contains("Tools.quick") && !run.out().contains("secret"));
    let run = chirp(&["call", &server.address, "Tools.secret"]).await;
    assert_eq!(
        run.failed(5),
        "error: not allowed to call \"Tools.secret\"\n"
    );
    let run = chirp(&["call", &server.address, "Tools.secret", "--raw", ""]).await;
    run.failed(5);
    let run = chirp(&["call", &server.address, "Tools.qiuck"]).await;
    assert_eq!(
        run.failed(6),
        "error: unknown method \"Tools.qiuck\": did you mean Tools.quick?\n"
    );
}

#[tokio::test]
async fn versions_are_compared() {
    let server = ToolServer::start().await;
    let dir = Scratch::new("diff");
    let saved = dir.path("saved.json");
    chirp(&["ls", &server.address, "--save", &saved]).await.ok();
    let run = chirp(&["diff", &saved, &server.address]).await;
    assert_eq!(run.ok(), "");

    let json = std::fs::read_to_string(&saved).expect("a description");
    let old = dir.file(
        "old.json",
        json.replace("\"note\"", "\"remark\"").as_bytes(),
    );
    let run = chirp(&["diff", &old, &server.address]).await;
    assert_eq!((run.code, &run.stderr[..]), (Some(1), ""));
    assert!(
        run.out().contains("Tools.order") && run.out().contains("remark"),
        "{run:?}"
    );
    let run = chirp(&["diff", &old, &server.address, "--json"]).await;
    let differences: serde_json::Value = serde_json::from_str(run.out()).expect("JSON");
    assert!(
        differences[0]["path"]
            .as_str()
            .is_some_and(|path| path.contains("Tools.order"))
    );

    // A deprecation breaks nothing.
    let fine = dir.file(
        "fine.json",
        json.replace("\"deprecated\"", "\"_\"").as_bytes(),
    );
    let run = chirp(&["diff", &fine, &server.address]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(!run.out().is_empty());
    let run = chirp(&["diff", &fine, &server.address, "--strict"]).await;
    assert_eq!(run.code, Some(1));

    let none = dir.file("none.json", b"{}");
    chirp(&["diff", &none, &server.address]).await.failed(2);
    chirp(&["diff", &dir.path("missing.json"), &server.address])
        .await
        .failed(2);
}
