//! Client libraries of editors, which nobody here wrote, against the language server in `examples/editor`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// The time that a script may take. One that takes longer has failed.
const LIMIT: Duration = Duration::from_mins(2);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jsonrpc/clients")
}

/// The language server, which Cargo builds beside the tests, unless it builds only one crate of them.
fn server() -> Option<PathBuf> {
    let test = std::env::current_exe().unwrap();
    let server = test.parent()?.parent()?.join("examples/editor");
    server.exists().then_some(server)
}

/// Runs a script, with the server's command as its arguments.
async fn run(interpreter: &Path, library: &Path, script: &str) {
    let Some(server) = server() else {
        println!("skipped: the example `editor` has not been built");
        return;
    };
    let mut command = Command::new(interpreter);
    command
        .arg(folder().join(script))
        .arg(server)
        .arg("serve")
        .kill_on_drop(true);
    if !library.exists() {
        println!("skipped: {} is not installed", library.display());
        return;
    }
    let output = timeout(LIMIT, command.output()).await;
    let output = output.expect("the script ends in time").unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}

/// Needs `node`, and `npm ci` in `tests/jsonrpc/clients`.
#[tokio::test]
async fn the_client_of_vs_code() {
    let library = folder().join("node_modules/vscode-languageserver-protocol");
    run(Path::new("node"), &library, "editor.js").await;
}

/// Needs a virtual environment `tests/jsonrpc/clients/.venv` with the packages of `requirements.txt`.
#[tokio::test]
async fn the_client_of_pygls() {
    let python = folder().join(".venv/bin/python");
    run(&python, &python, "editor.py").await;
}
