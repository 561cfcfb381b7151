//! What is answered to each message.

use chirp::jsonrpc::JsonRpc;

use crate::calls::text;
use crate::program::Program;
use crate::support::idle;

/// Messages, and the lines that are answered. An entry without lines is answered by nothing.
const CASES: &[(&str, &[&str])] = &[
    // Not JSON.
    (
        "{",
        &[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"invalid JSON: EOF while parsing an object at line 1 column 1"}}"#,
        ],
    ),
];

#[tokio::test]
async fn messages_have_a_defined_answer() {
    for (message, answers) in CASES {
        let (peer, mut program) = Program::connected(&text(), &JsonRpc::new());
        program.send(message).await;
        for answer in *answers {
            assert_eq!(program.receive().await, *answer, "{message}");
        }
        // The connection goes on, and nothing else was answered.
        let response = program
            .exchange(r#"{"jsonrpc":"2.0","id":99,"method":"Text.nothing"}"#)
            .await;
        assert_eq!(
            response, r#"{"jsonrpc":"2.0","id":99,"result":null}"#,
            "{message}"
        );
        idle(&peer).await;
    }
}
