//! Records, opened by Wireshark without preferences.

use std::path::Path;
use std::process::Command;

use chirp::record::Recorder;

use crate::support::{Link, socket_path};
use crate::traffic::record_traffic;

/// Runs tshark on a file. `None` if it is not installed.
fn tshark(file: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("tshark")
        .arg("-r")
        .arg(file)
        .args(arguments)
        .output();
    let Ok(output) = output else {
        eprintln!("skipped: tshark is not installed");
        return None;
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    // Running as root is worth a remark to tshark.
    let errors: Vec<_> = errors
        .lines()
        .filter(|line| !line.contains("could be dangerous"))
        .collect();
    assert!(output.status.success() && errors.is_empty(), "{errors:#?}");
    Some(String::from_utf8(output.stdout).expect("text"))
}

/// Records mixed traffic of three connections.
async fn record() -> std::path::PathBuf {
    let path = socket_path().with_extension("pcapng");
    let recorder = Recorder::create(&path).expect("a record");
    for link in [Link::Memory, Link::Unix, Link::Tcp] {
        record_traffic(&recorder, link).await;
    }
    path
}

/// Checksums are checked, and nothing is wrong: no malformed packet, no missing segment.
#[tokio::test]
async fn wireshark_finds_nothing_wrong_with_a_record() {
    let path = record().await;
    let checks = [
        "-o",
        "tcp.check_checksum:TRUE",
        "-o",
        "ip.check_checksum:TRUE",
    ];
    let wrong = [&checks[..], &["-Y", "_ws.expert.severity >= 0x00600000"]].concat();
    let Some(found) = tshark(&path, &wrong) else {
        return;
    };
    assert_eq!(found, "");
    let good = [
        &checks[..],
        &["-Y", "tcp.checksum.status == 1 && ip.checksum.status == 1"],
    ]
    .concat();
    let good = tshark(&path, &good).expect("installed");
    let all = tshark(&path, &[]).expect("installed");
    assert_eq!(good.lines().count(), all.lines().count());
    let comments = tshark(
        &path,
        &["-Y", "frame.comment", "-T", "fields", "-e", "frame.comment"],
    );
    assert_eq!(comments.expect("installed").lines().count(), 3);
    std::fs::remove_file(&path).expect("a file");
}
