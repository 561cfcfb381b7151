//! Records that hosts encode by hand, with the test values of the Go implementation.

use chirp_runtime::packet::{Payload, RecordBuilder, RecordError, RecordScanner, Vint30};
use proptest::prelude::*;

fn vint30(value: u32) -> Vint30 {
    Vint30::new(value).expect("it has 30 bits")
}

/// The values of the Go implementation's tests, and those of PROTOCOL.md.
const VALUES: [(u32, &[u8]); 13] = [
    (0, b"\x00"),
    (1, b"\x04"),
    (63, b"\xfc"),
    (64, b"\x01\x01"),
    (100, b"\x91\x01"),
    (500, b"\xd1\x07"),
    (16_383, b"\xfd\xff"),
    (16_384, b"\x02\x00\x01"),
    (65_000, b"\xa2\xf7\x03"),
    (1_048_576, b"\x02\x00\x40"),
    (62_830_181, b"\x97\xd9\xfa\x0e"),
    (536_896_023, b"\x5f\x88\x01\x80"),
    (1_073_741_823, b"\xff\xff\xff\xff"),
];

#[test]
fn integers_are_those_of_the_go_implementation() {
    let mut all = RecordBuilder::new();
    for (value, bytes) in VALUES {
        let mut out = Vec::new();
        vint30(value).encode(&mut out);
        assert_eq!(out, bytes, "{value}");
        assert_eq!(vint30(value).encoded_len(), bytes.len());
        all.vint30(vint30(value));
    }
    let all = all.finish();
    let mut scanner = RecordScanner::new(&all);
    for (value, _) in VALUES {
        assert_eq!(scanner.vint30(), Ok(vint30(value)));
    }
    assert_eq!(scanner.end(), Ok(()));
}

#[test]
fn protocol_md_has_the_same_integers() {
    let text = include_str!("../../../PROTOCOL.md");
    let (_, appendix) = text.split_once("## Appendix A").expect("it is there");
    let row = appendix.split("```").nth(1).expect("the examples");
    let mut examples = 0;
    for example in row.trim().split("      ") {
        let (value, hex) = example.split_once("  ").expect("a value and its bytes");
        let hex = hex.split_whitespace();
        let bytes: Vec<u8> = hex
            .map(|byte| u8::from_str_radix(byte, 16).expect("a byte"))
            .collect();
        let mut out = Vec::new();
        vint30(value.trim().parse().expect("a number")).encode(&mut out);
        assert_eq!(out, bytes, "{value}");
        examples += 1;
    }
    assert!(examples >= 7, "{examples} is too few");
}

#[test]
fn a_value_has_thirty_bits() {
    assert_eq!(Vint30::new(Vint30::MAX.get()), Ok(Vint30::MAX));
    for value in [1 << 30, u32::MAX] {
        let error = Vint30::new(value).expect_err("it is too large");
        assert!(error.to_string().starts_with(&value.to_string()), "{error}");
    }
}

/// `TestBuilder` of the Go implementation.
#[test]
fn a_record_is_that_of_the_go_implementation() {
    let mut record = RecordBuilder::new();
    record
        .bool(true)
        .bytes(&[5, 9, 100])
        .u16(5000)
        .u32(0xfc00_9a01)
        .vint30(vint30(999));
    record.prefixed_str("apple").expect("short");
    record.prefixed(b"pear").expect("short").str("xyzzy");
    let expected = b"\x01\x05\x09\x64\x13\x88\xfc\x00\x9a\x01\x9d\x0f\x14apple\x10pearxyzzy";
    assert_eq!(record.as_slice(), expected);
    assert_eq!(record.len(), expected.len());
    let payload = Payload::from(record.clone());
    assert_eq!(payload.as_slice(), expected);

    let bytes = record.finish();
    let mut scanner = RecordScanner::new(&bytes);
    assert_eq!(scanner.bool(), Ok(true));
    assert_eq!(scanner.u8(), Ok(5));
    assert_eq!(scanner.u8(), Ok(9));
    assert_eq!(scanner.u8(), Ok(100));
    assert_eq!(scanner.u16(), Ok(5000));
    assert_eq!(scanner.u32(), Ok(0xfc00_9a01));
    assert_eq!(scanner.vint30(), Ok(vint30(999)));
    assert_eq!(scanner.prefixed_str(), Ok("apple"));
    assert_eq!(scanner.prefixed(), Ok(&b"pear"[..]));
    assert_eq!(scanner.offset(), expected.len() - 5);
    assert_eq!(
        scanner.end(),
        Err(RecordError::LeftOver {
            offset: scanner.offset(),
            count: 5
        })
    );
    assert_eq!(scanner.bytes(5), Ok(&b"xyzzy"[..]));
    assert!(scanner.is_empty());
    assert_eq!(scanner.end(), Ok(()));
}

/// A missing field is an error that tells its position. No part of the field is consumed.
#[test]
fn a_truncated_record_reports_the_position() {
    type Read = fn(&mut RecordScanner<'_>) -> Result<(), RecordError>;
    let fields: [(&[u8], usize, Read); 9] = [
        (b"", 1, |scanner| scanner.u8().map(drop)),
        (b"", 1, |scanner| scanner.bool().map(drop)),
        (b"\x01", 2, |scanner| scanner.u16().map(drop)),
        (b"\x01\x02\x03", 4, |scanner| scanner.u32().map(drop)),
        (b"", 1, |scanner| scanner.vint30().map(drop)),
        (b"\x03\0\0", 4, |scanner| scanner.vint30().map(drop)),
        (b"abc", 4, |scanner| scanner.bytes(4).map(drop)),
        (b"\x01", 2, |scanner| scanner.prefixed().map(drop)),
        (b"", 1, |scanner| scanner.prefixed_str().map(drop)),
    ];
    for (bytes, needs, read) in fields {
        let record = [b"\x07", bytes].concat();
        let mut scanner = RecordScanner::new(&record);
        assert_eq!(scanner.u8(), Ok(7));
        let truncated = RecordError::Truncated {
            offset: 1,
            needs,
            has: bytes.len(),
        };
        assert_eq!(read(&mut scanner), Err(truncated), "{bytes:02x?}");
        assert_eq!((scanner.offset(), scanner.rest()), (1, bytes));
    }
    // A length that exceeds the data.
    let mut scanner = RecordScanner::new(b"\xff\xff\xff\xffab");
    let error = scanner.prefixed().expect_err("it is cut short");
    assert_eq!(
        error.to_string(),
        "record truncated at offset 4: 1073741823 bytes needed, 2 available"
    );
    assert_eq!(scanner.offset(), 0);
    let mut scanner = RecordScanner::new(b"\x08\xff\xfe");
    assert_eq!(
        scanner.prefixed_str(),
        Err(RecordError::NotUtf8 { offset: 0 })
    );
    assert_eq!(scanner.prefixed(), Ok(&b"\xff\xfe"[..]));
}

/// Like the Go implementation, which accepts longer encodings than necessary.
#[test]
fn longer_encodings_are_accepted() {
    for bytes in [&b"\x04"[..], b"\x05\0", b"\x06\0\0", b"\x07\0\0\0"] {
        let mut scanner = RecordScanner::new(bytes);
        assert_eq!(scanner.vint30(), Ok(vint30(1)));
        assert_eq!(scanner.end(), Ok(()));
    }
    assert_eq!(RecordScanner::new(b"\x02").bool(), Ok(true));
}

proptest! {
    #[test]
    fn integers_come_back(value in 0..1_u32 << 30, more: Vec<u8>) {
        let mut record = RecordBuilder::new();
        record.vint30(vint30(value)).bytes(&more);
        let bytes = record.finish();
        let mut scanner = RecordScanner::new(&bytes);
        prop_assert_eq!(scanner.vint30(), Ok(vint30(value)));
        prop_assert_eq!(scanner.rest(), &more[..]);
        prop_assert_eq!(scanner.offset(), vint30(value).encoded_len());
    }

    #[test]
    fn any_bytes_are_a_record_or_an_error(bytes: Vec<u8>) {
        let mut scanner = RecordScanner::new(&bytes);
        while scanner.prefixed().is_ok() {}
        prop_assert!(scanner.offset() <= bytes.len());
    }
}
