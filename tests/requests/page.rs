//! The page of a gateway that accepts requests whose responses come later, in a browser.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::ErrorKind;
use std::time::Duration;

use chirp::requests::DeferredRequests;
use tokio::process::Command;

use crate::deferred::gateway;

#[tokio::test]
async fn the_page_lists_the_methods_in_a_browser() {
    let gateway = gateway(|gateway| gateway.requests(DeferredRequests::new())).await;
    let browser = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        // The page is shown when its requests are answered and this much of its own time has passed.
        .arg("--virtual-time-budget=5000")
        .arg(format!("http://{gateway}/api/"))
        .kill_on_drop(true)
        .output();
    let shown = match tokio::time::timeout(Duration::from_mins(1), browser).await {
        Ok(Err(error)) if error.kind() == ErrorKind::NotFound => {
            println!("skipped: chromium is not installed");
            return;
        }
        shown => shown.expect("chromium ends").unwrap(),
    };
    let page = String::from_utf8(shown.stdout).unwrap();
    let (_, services) = page.split_once("<main id=\"services\">").unwrap();
    assert!(
        services.contains("<code>Arith.sum_diff</code>"),
        "{services}"
    );
}
