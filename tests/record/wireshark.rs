//! Records, opened by Wireshark without preferences.

use std::path::Path;
use std::process::Command;

use chirp::packet::PacketType;
use chirp::record::Recorder;

use crate::foreign::{ACK, BACK, OUT, Order, SYN, ipv4, pcap, tcp};
use crate::support::{Link, cancel, packet, request, response, socket_path};
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

/// The script that teaches Wireshark the protocol.
const SCRIPT: &str = concat!(
    "lua_script:",
    env!("CARGO_MANIFEST_DIR"),
    "/tools/wireshark/chirp.lua"
);

/// Runs tshark with the dissector. Returns the fields of each frame that has packets.
fn dissect(file: &Path, fields: &[&str]) -> Option<Vec<Vec<String>>> {
    let mut arguments = vec!["-X", SCRIPT, "-Y", "chirp.type", "-T", "fields"];
    for field in fields {
        arguments.extend(["-e", field]);
    }
    let output = tshark(file, &arguments)?;
    let row = |line: &str| line.split('\t').map(str::to_owned).collect();
    Some(output.lines().map(row).collect())
}

#[tokio::test]
async fn the_dissector_matches_requests_and_responses() {
    let path = record().await;
    let fields = [
        "_ws.col.Info",
        "chirp.method",
        "chirp.response_to",
        "chirp.time",
    ];
    let Some(rows) = dissect(&path, &fields) else {
        return;
    };
    let response = |row: &&Vec<String>| row[0].contains("Response");
    let answered = rows.iter().filter(response).filter(|row| {
        let time: f64 = row[3].parse().expect("a time");
        !row[1].is_empty() && row[2].parse::<u32>().is_ok() && (0.0..10.0).contains(&time)
    });
    assert_eq!(answered.count(), rows.iter().filter(response).count());
    for text in [
        "Request 1 Station.add",
        "Response 1 Station.add success (",
        "Station.fail service error 0 \"no luck\"",
        "Cancel ",
        "Station.wait cancelled",
        "Stream items other's 1: 3",
        "Stream end own 2 finished",
        "Request 1 Listener.answer",
        "Response 1 Listener.answer success",
        "Station.keep",
        "Going away",
    ] {
        let found = rows.iter().filter(|row| row[0].contains(text)).count();
        assert!(found >= 3, "{text} in {rows:#?}");
    }
    let wrong = "chirp.malformed || chirp.foreign || _ws.malformed || _ws.lua.error";
    let wrong = tshark(&path, &["-X", SCRIPT, "-Y", wrong]).expect("installed");
    assert_eq!(wrong, "");
    std::fs::remove_file(&path).expect("a file");
}

/// A live connection: packets share segments and go over many, as large as 300 KiB, and all extensions are understood.
#[test]
fn the_dissector_reads_live_connections() {
    let mut ask = request(1, "one", b"x");
    ask.extend(request(2, "two", &vec![7; 300 << 10]));
    ask.extend(packet(
        PacketType::CALL_CONTEXT,
        &[
            1, 0, 4, 0, 0, 5, 0xDC, 3, 0, 9, 4, b'u', b's', b'e', b'r', b'a', b'n', b'n', b'a',
        ],
    ));
    ask.extend(request(3, "three;json", b"{\"a\":1}"));
    ask.extend(cancel(3));
    ask.extend(packet(PacketType::ONE_WAY, b"\x04note"));
    ask.extend(packet(
        PacketType::COMPRESSED,
        &[0, 2, 0, 0, 0, 0x49, 0xAF, 0],
    ));
    ask.extend(packet(PacketType(200), b"custom"));
    let mut answer = response(1, 0, b"y");
    answer.extend(response(3, 3, b""));
    answer.extend(response(2, 4, b"\xC7\0\0\x04busy\xC7\x45"));
    let mut frames = vec![
        ipv4(&tcp(OUT, 1000, 0, SYN, b"")),
        ipv4(&tcp(BACK, 5000, 1001, SYN | ACK, b"")),
    ];
    let mut sequence = 1001;
    for chunk in ask.chunks(1448) {
        frames.push(ipv4(&tcp(OUT, sequence, 5001, ACK, chunk)));
        sequence += u32::try_from(chunk.len()).expect("short");
    }
    frames.push(ipv4(&tcp(BACK, 5001, sequence, ACK, &answer)));
    let path = socket_path().with_extension("pcap");
    std::fs::write(&path, pcap(Order::Little, 228, &frames)).expect("a file");
    let fields = [
        "_ws.col.Info",
        "chirp.context.deadline",
        "chirp.context.key",
    ];
    let Some(rows) = dissect(&path, &fields) else {
        return;
    };
    let texts: Vec<_> = rows.iter().flat_map(|row| row[0].split(" | ")).collect();
    let expected = [
        "Request 1 one",
        "Request 2 two",
        "Call context: deadline 1500 ms, user",
        "Request 3 three;json",
        "Cancel 3 three;json",
        "One-way request note",
        "Compressed Request, 73 bytes",
        "Packet of type 200",
        "Response 1 one success",
        "Response 3 three;json cancelled",
        "Response 2 two service error busy \"busy\"",
    ];
    assert_eq!(texts.len(), expected.len(), "{texts:#?}");
    for (text, expected) in texts.iter().zip(expected) {
        assert!(text.starts_with(expected), "{text}");
    }
    std::fs::remove_file(&path).expect("a file");
}

/// Packets that break the rules are said to, and another protocol is left alone.
#[test]
fn the_dissector_reports_malformed_packets() {
    let mut bytes = request(1, "good", b"");
    // A name that is longer than the payload, a Cancel of five bytes, and a stream item that is cut.
    bytes.extend(packet(PacketType::REQUEST, b"\0\0\0\x02\x09abc"));
    bytes.extend(packet(PacketType::CANCEL, b"12345"));
    bytes.extend(packet(
        PacketType::STREAM_ITEMS,
        b"\0\0\0\x05\0\x01\0\0\0\x09ab",
    ));
    let http = (40_001, 80);
    let frames = [
        ipv4(&tcp(OUT, 1000, 0, SYN, b"")),
        ipv4(&tcp(OUT, 1001, 1, ACK, &bytes)),
        ipv4(&tcp(http, 1, 1, ACK, b"GET / HTTP/1.1\r\n\r\n")),
    ];
    let path = socket_path().with_extension("pcap");
    std::fs::write(&path, pcap(Order::Big, 228, &frames)).expect("a file");
    let Some(rows) = dissect(&path, &["_ws.col.Info", "chirp.malformed"]) else {
        return;
    };
    assert_eq!(rows.len(), 1, "{rows:?}");
    let texts: Vec<_> = rows[0][0].split(" | ").collect();
    assert_eq!(
        texts,
        [
            "Request 1 good",
            "Request, malformed",
            "Cancel, malformed",
            "Stream items, malformed"
        ]
    );
    std::fs::remove_file(&path).expect("a file");
}

/// A header that claims more than any packet has is no error of the dissector.
#[test]
fn the_dissector_waits_for_lengths_that_are_lies() {
    for length in [u32::MAX, u32::MAX - 7, 1 << 31] {
        let mut bytes = vec![0xC7, 0, 0, 2];
        bytes.extend(length.to_be_bytes());
        bytes.extend([b'x'; 1000]);
        let frames = [
            ipv4(&tcp(OUT, 1000, 0, SYN, b"")),
            ipv4(&tcp(OUT, 1001, 1, ACK, &request(1, "good", b""))),
            ipv4(&tcp(OUT, 1018, 1, ACK, &bytes)),
        ];
        let path = socket_path().with_extension("pcap");
        std::fs::write(&path, pcap(Order::Big, 228, &frames)).expect("a file");
        let Some(malformed) = tshark(&path, &["-X", SCRIPT, "-Y", "_ws.malformed"]) else {
            return;
        };
        assert_eq!(malformed, "", "{length:x}");
        std::fs::remove_file(&path).expect("a file");
    }
}
