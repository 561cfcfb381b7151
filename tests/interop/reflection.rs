//! A Python program of a few lines lists the methods of a server and calls them in JSON.

use std::path::Path;

use chirp::Server;
use tokio::process::Command;

use crate::has_python;
use crate::support::socket_path;

/// The reason why there is no result.
#[derive(Debug, thiserror::Error, chirp::ServiceError)]
enum ArithError {
    #[error("{a} and {b} overflow")]
    #[chirp(code = 17)]
    Overflow { a: i64, b: i64 },
}

#[derive(serde::Serialize, serde::Deserialize)]
struct SumDiff {
    sum: i64,
    diff: i64,
}

#[chirp::service]
trait Arith {
    async fn sum_diff(&self, a: i64, b: i64) -> Result<SumDiff, ArithError>;
    async fn count(&self, words: Vec<String>, least: Option<u32>) -> u32;
}

struct Calculator;

impl Arith for Calculator {
    async fn sum_diff(&self, a: i64, b: i64) -> Result<SumDiff, ArithError> {
        match (a.checked_add(b), a.checked_sub(b)) {
            (Some(sum), Some(diff)) => Ok(SumDiff { sum, diff }),
            _ => Err(ArithError::Overflow { a, b }),
        }
    }

    async fn count(&self, words: Vec<String>, least: Option<u32>) -> u32 {
        u32::try_from(words.len())
            .unwrap_or(u32::MAX)
            .max(least.unwrap_or(0))
    }
}

async fn python(arguments: &[&str]) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/reflect.py");
    let mut command = Command::new("python3");
    let output = command.arg(script).args(arguments).output().await;
    let output = output.expect("Python runs");
    let text = if output.status.success() {
        output.stdout
    } else {
        output.stderr
    };
    let text = String::from_utf8(text).expect("it prints text");
    (output.status.success(), text.trim().to_owned())
}

#[tokio::test]
async fn a_few_lines_of_python_list_and_call_methods() {
    if !has_python() {
        return;
    }
    let path = socket_path();
    let path = path.to_str().expect("a path of ASCII");
    let builder = Server::builder()
        .service(ArithServer::new(Calculator))
        .reflect();
    let server = builder
        .bind(&format!("unix://{path}"))
        .await
        .expect("it listens");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.run_until(stopped));
    let (_, list) = python(&[path]).await;
    assert_eq!(
        list,
        "Arith.sum_diff a: i64 b: i64\nArith.count words: Vec<String> least: Option<u32>"
    );
    for (method, arguments, answer) in [
        (
            "Arith.sum_diff",
            r#"{"a":100,"b":250}"#,
            r#"{"sum": 350, "diff": -150}"#,
        ),
        ("Arith.sum_diff", "[1, 2]", r#"{"sum": 3, "diff": -1}"#),
        ("Arith.count", r#"{"words":["a","é"]}"#, "2"),
        ("Arith.count", "[[], 7]", "7"),
    ] {
        assert_eq!(
            python(&[path, method, arguments]).await,
            (true, answer.to_owned())
        );
    }
    for (method, arguments, error) in [
        (
            "Arith.sum_diff",
            "[9223372036854775807, 1]",
            r#"error 17: 9223372036854775807 and 1 overflow {"a":9223372036854775807,"b":1}"#,
        ),
        ("Arith.sum_diff", r#"{"a":1}"#, "argument `b` is missing"),
        ("Arith.sum_diff", r#"{"a":1,"b":"x"}"#, "argument `b` (i64)"),
        (
            "Arith.sum_diff",
            "[1,2,3]",
            "expected `]` after 2 arguments",
        ),
        ("Arith.sum_diff", "{", "error 50948"),
        ("Arith.nothing", "", "result code 1"),
    ] {
        let (succeeded, text) = python(&[path, method, arguments]).await;
        assert!(
            !succeeded && text.contains(error),
            "{method} {arguments}: {text}"
        );
    }
    drop(stop);
    serving.await.expect("it ends");
}
