//! Opens the page in a browser.

use std::path::Path;
use std::process::Command;

#[test]
fn two_pages_show_the_same_picture() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
    let chromium = std::env::var_os("CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".into());
    if !Path::new(&chromium).exists() || !page.join("node_modules/playwright-core").exists() {
        println!("skipped: needs chromium, and `npm ci` in examples/board/page");
        return;
    }
    let program = env!("CARGO_BIN_EXE_board");
    let pictures = env!("CARGO_TARGET_TMPDIR");
    let status = Command::new("node")
        .args(["test/two_pages.mjs", program, pictures])
        .current_dir(page)
        .status();
    assert!(status.is_ok_and(|status| status.success()));
}
