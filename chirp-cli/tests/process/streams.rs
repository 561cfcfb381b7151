//! Streams in and out, pipes, and interrupts.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::program::{LIMIT, chirp, chirp_with_input, command};
use super::scratch::Scratch;
use super::tools::ToolServer;

#[tokio::test]
async fn items_are_lines_of_json() {
    let server = ToolServer::start().await;
    let run = chirp(&["call", &server.address, "Tools.count", "to=3"]).await;
    assert_eq!(run.ok(), "1\n2\n3\n");
    let run = chirp(&["call", &server.address, "Tools.count", "to=0"]).await;
    assert_eq!(run.ok(), "");
    let run = chirp(&["call", &server.address, "Tools.count", "to=100000"]).await;
    assert_eq!(run.ok().lines().count(), 100_000);
}

#[tokio::test]
async fn a_stream_that_breaks_is_code_8_after_items() {
    let server = ToolServer::start().await;
    let run = chirp(&["call", &server.address, "Tools.broken", "after=2"]).await;
    assert_eq!(
        run.failed(8),
        "error: Tools.broken failed: code 18: nothing is left\n"
    );
    assert_eq!(run.out(), "1\n2\n");
    let run = chirp(&["call", &server.address, "Tools.broken", "after=0"]).await;
    run.failed(1);
}

#[tokio::test]
async fn bytes_go_to_a_pipe_as_they_are() {
    let server = ToolServer::start().await;
    let run = chirp(&["call", &server.address, "Tools.read", "size=100000"]).await;
    assert_eq!(run.code, Some(0));
    let expected: Vec<u8> = (0..100_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    assert!(run.stdout == expected);
}

#[tokio::test]
async fn stream_arguments_come_from_files_and_pipes() {
    let server = ToolServer::start().await;
    let dir = Scratch::new("streams");
    let big = vec![1; 3_000_000];
    let data = format!("data@{}", dir.file("big", &big));
    let store = ["call", &server.address, "Tools.store", "name=x"];
    let run = chirp(&[&store[..], &[&data]].concat()).await;
    assert_eq!(run.ok(), "\"x 3000000 3000000\"\n");
    let run = chirp_with_input(&[&store[..], &["data@-"]].concat(), &big).await;
    assert_eq!(run.ok(), "\"x 3000000 3000000\"\n");
    let run = chirp(&[&store[..], &["data=abc"]].concat()).await;
    assert_eq!(run.ok(), "\"x 3 294\"\n");

    let sum = ["call", &server.address, "Tools.sum"];
    let run = chirp_with_input(&[&sum[..], &["numbers@-"]].concat(), b"1\n\n 2 \n3").await;
    assert_eq!(run.ok(), "6\n");
    let run = chirp(&[&sum[..], &["numbers:=[4, 5]"]].concat()).await;
    assert_eq!(run.ok(), "9\n");
    let run = chirp(&[&sum[..], &[r#"{"numbers":[4, 5]}"#]].concat()).await;
    assert_eq!(run.ok(), "9\n");
    let run = chirp_with_input(&[&sum[..], &["-"]].concat(), b"[[4, 5]]").await;
    assert_eq!(
        run.failed(2),
        "error: argument numbers: a stream has no position: write numbers@file, and the others by name\n"
    );
    let run = chirp_with_input(&[&sum[..], &["numbers@-"]].concat(), b"1\nx\n3").await;
    assert!(
        run.failed(2)
            .starts_with("error: argument numbers: line 2: "),
        "{run:?}"
    );
    let run = chirp(&[&sum[..], &["numbers@/"]].concat()).await;
    assert_eq!(run.failed(2), "error: cannot read /: is a directory\n");

    // A method that does not read its stream answers at once.
    let run = chirp(&["call", &server.address, "Tools.refuse", &data]).await;
    run.failed(1);
}

#[tokio::test]
async fn items_travel_both_ways_as_they_come() {
    let server = ToolServer::start().await;
    let mut child = command(&["call", &server.address, "Tools.double", "numbers@-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for number in [1, 20, 300] {
        stdin
            .write_all(format!("{number}\n").as_bytes())
            .await
            .expect("a pipe");
        let line = lines.next_line().await.expect("a line");
        assert_eq!(line, Some((number * 2).to_string()));
    }
    drop(stdin);
    assert_eq!(lines.next_line().await.expect("an end"), None);
    assert!(child.wait().await.expect("an end").success());
}

#[tokio::test]
async fn a_reader_that_goes_ends_the_call_quietly() {
    let mut server = ToolServer::start().await;
    let mut child = command(&["call", &server.address, "Tools.endless"])
        .spawn()
        .expect("the program starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert_eq!(
        stdout.next_line().await.expect("a line").as_deref(),
        Some("0")
    );
    drop(stdout);
    let output = child.wait_with_output().await.expect("an end");
    assert_eq!(
        (output.status.code(), &output.stderr[..]),
        (Some(0), &b""[..])
    );
    assert_eq!(server.event().await, "endless ended");
}

#[tokio::test]
async fn an_interrupt_cancels_the_call() {
    let mut server = ToolServer::start().await;
    for method in ["Tools.hang", "Tools.endless"] {
        let mut child = command(&["call", &server.address, method])
            .spawn()
            .expect("the program starts");
        let mut stdout = child.stdout.take().expect("a pipe");
        let pid = child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
            .expect("a process");
        if method == "Tools.hang" {
            assert_eq!(server.event().await, "hang began");
        } else {
            // The pipe fills, since the program has stopped reading.
            stdout.read_exact(&mut [0; 2]).await.expect("an item");
        }
        kill_process(pid, Signal::INT).expect("a signal");
        let status = child.wait().await.expect("an end");
        assert_eq!(status.code(), Some(130), "{method}");
        assert_eq!(server.event().await, format!("{} ended", &method[6..]));
    }
}

#[tokio::test]
async fn an_interrupt_ends_the_reading_of_arguments() {
    let server = ToolServer::start().await;
    let target = &server.address[..];
    for arguments in [
        &["call", target, "Tools.reverse", "data@-"][..],
        &["call", target, "Tools.text", "-"],
        &["bench", target, "Tools.reverse", "data@-"],
    ] {
        let mut child = command(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // More than a pipe holds, so that the program has begun to read when this is written.
        stdin
            .write_all(&vec![b' '; 256 << 10])
            .await
            .expect("a reader");
        let pid = child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        kill_process(pid.expect("a process"), Signal::INT).expect("a signal");
        let status = tokio::time::timeout(LIMIT, child.wait()).await;
        let status = status.unwrap_or_else(|_| panic!("{arguments:?} goes on"));
        assert_eq!(status.expect("a status").code(), Some(130), "{arguments:?}");
        drop(stdin);
    }
}
