use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The time that any run of the program may take. A run that takes longer has failed.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// The result of a run of the program.
#[derive(Debug)]
pub(crate) struct Run {
    /// `None` if a signal ended the program.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Run {
    /// Returns standard output as text.
    pub(crate) fn out(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("text on standard output")
    }

    /// Asserts that the program succeeded, and returns what it printed.
    #[track_caller]
    pub(crate) fn ok(&self) -> &str {
        assert_eq!((self.code, &self.stderr[..]), (Some(0), ""), "{self:?}");
        self.out()
    }

    /// Asserts that the program failed with an exit code, and returns what it wrote to standard error.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:?}");
        &self.stderr
    }
}

/// The command that runs the program, with the pipes that tests need.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chirp"));
    command
        .args(arguments)
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs the program.
pub(crate) async fn chirp(arguments: &[&str]) -> Run {
    chirp_with_input(arguments, b"").await
}

/// Runs the program with bytes on its standard input.
pub(crate) async fn chirp_with_input(arguments: &[&str], input: &[u8]) -> Run {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // The program need not read its input.
    let writer = tokio::spawn(async move { stdin.write_all(&input).await });
    let output = tokio::time::timeout(LIMIT, child.wait_with_output())
        .await
        .expect("the program ends in time")
        .expect("its output");
    drop(writer.await);
    Run {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).expect("text on standard error"),
    }
}
