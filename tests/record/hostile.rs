//! Files that lie, end early, or are no captures.

use chirp::record::{CaptureError, CaptureReader, Recorder};

use crate::support::Link;
use crate::traffic::{Memory, packets, record_traffic};

fn read(file: &[u8]) -> Result<usize, CaptureError> {
    let mut events = 0;
    for event in CaptureReader::new(file) {
        event?;
        events += 1;
    }
    Ok(events)
}

async fn record() -> Vec<u8> {
    let output = Memory::default();
    let recorder = Recorder::new(output.clone()).expect("a thread");
    record_traffic(&recorder, Link::Memory).await;
    output.bytes()
}

#[test]
fn an_empty_file_has_no_packets_and_others_are_no_captures() {
    assert_eq!(read(b"").expect("empty"), 0);
    for file in [
        &b"hello, world"[..],
        b"\x0A",
        b"\xA1\xB2\xC3\xD4",
        &[0; 100],
    ] {
        let error = read(file).expect_err("no capture");
        assert!(matches!(error, CaptureError::Format), "{error}");
    }
}

/// A record whose program was killed can be read up to there.
#[tokio::test]
async fn a_file_may_end_anywhere() {
    let file = record().await;
    let whole = CaptureReader::new(&file[..]).collect::<Result<Vec<_>, _>>();
    let whole = packets(&whole.expect("a capture"));
    for end in (60..file.len()).step_by(97) {
        let mut reader = CaptureReader::new(&file[..end]);
        let events = reader.by_ref().collect::<Result<Vec<_>, _>>();
        let found = packets(&events.expect("a beginning"));
        let complete = found.iter().filter(|packet| packet.missing == 0);
        assert!(complete.zip(&whole).all(|(one, other)| one == other));
    }
}

/// Damaged bytes give other packets or an error, and never a panic or an endless file.
#[tokio::test]
async fn damaged_files_are_errors_or_other_packets() {
    let file = record().await;
    let mut random = 12_345_u32;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        usize::try_from(random).expect("32 bits") % below
    };
    let mut errors = 0;
    for _ in 0..400 {
        let mut damaged = file.clone();
        for _ in 0..=next(5) {
            // Most of the file is one large packet.
            let at = next(8000.min(damaged.len()));
            damaged[at] = u8::try_from(next(256)).expect("a byte");
        }
        errors += usize::from(read(&damaged).is_err());
    }
    assert!(errors > 50, "{errors}");
}

#[test]
fn lengths_are_claims() {
    let section = [
        0x0A, 0x0D, 0x0D, 0x0A, 0, 0, 0, 28, 0x1A, 0x2B, 0x3C, 0x4D, 0, 1, 0, 0, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 28,
    ];
    let with = |block: &[u8]| [&section[..], block].concat();
    // A block of 4 GiB.
    let error = read(&with(&[0, 0, 0, 6, 0xFF, 0xFF, 0xFF, 0xFC])).expect_err("too long");
    assert_eq!(
        error.to_string(),
        "damaged capture: a block at byte 28 claims 4294967292 bytes, over the limit of 16777216"
    );
    // Too short, not a multiple of four, and two lengths.
    for block in [
        &[0, 0, 0, 6, 0, 0, 0, 8, 0, 0, 0, 0][..],
        &[0, 0, 0, 6, 0, 0, 0, 13, 0, 0, 0, 0, 0, 0],
        &[0, 0, 0, 6, 0, 0, 0, 12, 0, 0, 0, 16],
        // A packet of an interface that was never described.
        &[
            0, 0, 0, 6, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 32,
        ],
    ] {
        let error = read(&with(block)).expect_err("damaged");
        assert!(matches!(error, CaptureError::Malformed { .. }), "{error}");
    }
    // A block of 16 MiB, of which nothing comes, takes no memory: it is the end.
    assert_eq!(read(&with(&[0, 0, 0, 6, 1, 0, 0, 0])).expect("the end"), 0);
    // An interface whose clock has a resolution that no number holds.
    let interface = [
        0, 0, 0, 1, 0, 0, 0, 28, 0, 228, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 127, 0, 0, 0, 0, 0, 0, 28,
    ];
    read(&with(&interface)).expect_err("an impossible clock");
}

/// Many connections that begin and do nothing take bounded memory and time.
#[test]
fn a_flood_of_connections_is_read() {
    use chirp::record::{CaptureWriter, Segment, SegmentFlags};
    use std::time::Duration;

    let mut file = Vec::new();
    let mut writer = CaptureWriter::new(&mut file, "test").expect("memory");
    for number in 0..100_000_u32 {
        let address = std::net::Ipv4Addr::from(number);
        let segment = Segment {
            time: Duration::from_secs(1),
            source: (address, 1).into(),
            destination: "192.0.2.2:2".parse().expect("an address"),
            sequence: 0,
            acknowledgment: 0,
            flags: SegmentFlags::SYN,
            data: vec![0xC7].into(),
            lost: 0,
            comment: String::new(),
        };
        writer.write(&segment).expect("memory");
    }
    assert_eq!(read(&file).expect("a capture"), 0);
}
