//! Starts the program, and opens its page in a browser.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Board {
    process: Child,
    url: String,
}

impl Board {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_board"))
            .arg("127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        Self { process, url }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn two_pages_show_the_same_picture() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
    let chromium = std::env::var_os("CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".into());
    if !Path::new(&chromium).exists() || !page.join("node_modules/playwright-core").exists() {
        println!("skipped: needs chromium, and `npm ci` in examples/board/page");
        return;
    }
    let board = Board::start();
    let status = Command::new("node")
        .args([
            "test/two_pages.mjs",
            &board.url,
            env!("CARGO_TARGET_TMPDIR"),
        ])
        .current_dir(page)
        .status()
        .unwrap();
    assert!(status.success());
}
