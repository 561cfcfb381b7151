#![allow(clippy::unwrap_used, reason = "a test may")]

use bytes::BytesMut;

use super::content_length::MAX_HEAD;
use super::{Frame, Framing, FramingError};

/// The messages of an input, and its end.
type Output = (Vec<Frame>, Result<(), FramingError>);

fn too_large(start: &'static str) -> Frame {
    Frame::TooLarge {
        start: start.into(),
    }
}

fn message(text: &str) -> Frame {
    Frame::Message(text.as_bytes().to_vec().into())
}

/// Decodes an input that arrives in parts.
fn decode(framing: Framing, max_message: usize, parts: &[&[u8]]) -> Output {
    let mut decoder = framing.decoder(max_message);
    let mut input = BytesMut::new();
    let mut frames = Vec::new();
    for part in parts {
        input.extend_from_slice(part);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
        assert!(
            input.len() <= max_message.max(MAX_HEAD) + 2,
            "the buffer holds {} bytes",
            input.len()
        );
    }
    match decoder.finish(&mut input) {
        Ok(frame) => {
            frames.extend(frame);
            (frames, Ok(()))
        }
        Err(error) => (frames, Err(error)),
    }
}

/// Checks an input as a whole, byte by byte, and split at every place.
fn check(framing: Framing, max_message: usize, input: &[u8], expected: &Output) {
    let shown = String::from_utf8_lossy(input);
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(
        &decode(framing, max_message, &[input]),
        expected,
        "{shown:?}"
    );
    assert_eq!(&decode(framing, max_message, &bytes), expected, "{shown:?}");
    for at in 0..=input.len() {
        let (before, after) = input.split_at(at);
        let output = decode(framing, max_message, &[before, after]);
        assert_eq!(&output, expected, "{shown:?} split at {at}");
    }
}

#[test]
fn lines_are_split() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("\n\r\n \t\n\n", &[]),
        ("{}\n", &["{}"]),
        ("{}\r\n", &["{}"]),
        ("{}\n[]\n", &["{}", "[]"]),
        ("\n{}\n\n\r\n[]\n\n", &["{}", "[]"]),
        ("{}\n[]", &["{}", "[]"]),
        ("{}\r", &["{}"]),
        (" {} \n", &[" {} "]),
        ("no JSON\n{}\n", &["no JSON", "{}"]),
        ("12345678\n", &["12345678"]),
        ("12345678\r\n", &["12345678"]),
    ];
    for (input, expected) in cases {
        let frames = expected.iter().copied().map(message).collect();
        check(Framing::Lines, 8, input.as_bytes(), &(frames, Ok(())));
    }
}

#[test]
fn lines_over_the_limit_are_skipped() {
    let too_large = too_large("12345678");
    let cases: &[(&str, Vec<Frame>)] = &[
        ("123456789\n{}\n", vec![too_large.clone(), message("{}")]),
        ("123456789\r\n{}\n", vec![too_large.clone(), message("{}")]),
        ("123456789", vec![too_large.clone()]),
        (
            "123456789123456789\n1234567890\n{}",
            vec![too_large.clone(), too_large.clone(), message("{}")],
        ),
    ];
    for (input, expected) in cases {
        check(
            Framing::Lines,
            8,
            input.as_bytes(),
            &(expected.clone(), Ok(())),
        );
    }
}

#[test]
fn content_lengths_are_read() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("\r\n\n", &[]),
        ("Content-Length: 2\r\n\r\n{}", &["{}"]),
        ("content-length:2\r\n\r\n{}", &["{}"]),
        ("CONTENT-LENGTH :\t 2 \r\n\r\n{}", &["{}"]),
        ("Content-Length: 2\n\n{}", &["{}"]),
        ("\r\nContent-Length: 02\r\n\r\n{}\r\n\r\n", &["{}"]),
        (
            "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
            &["{}"],
        ),
        (
            "Content-Length: 2\r\nContent-Length: 2\r\nX:\r\n\r\n{}",
            &["{}"],
        ),
        (
            "Content-Length: 2\r\n\r\n{}Content-Length: 0\r\n\r\nContent-Length: 3\r\n\r\n\r\n\n",
            &["{}", "", "\r\n\n"],
        ),
    ];
    for (input, expected) in cases {
        let frames = expected.iter().copied().map(message).collect();
        check(
            Framing::ContentLength,
            8,
            input.as_bytes(),
            &(frames, Ok(())),
        );
    }
}

#[test]
fn bodies_over_the_limit_are_skipped() {
    let input = b"Content-Length: 9\r\n\r\n123456789Content-Length: 2\r\n\r\n{}";
    let frames = vec![too_large("12345678"), message("{}")];
    check(Framing::ContentLength, 8, input, &(frames, Ok(())));
}

#[test]
fn wrong_header_fields_end_the_input() {
    let no_field = |line: &str| FramingError::NoField { line: line.into() };
    let invalid = |value: &str| FramingError::InvalidLength {
        value: value.into(),
    };
    let body = FramingError::Truncated {
        missing: "the end of the body",
    };
    let head = FramingError::Truncated {
        missing: "the end of the header fields",
    };
    let cases: &[(&str, FramingError)] = &[
        ("listening on stdio\r\n", no_field("listening on stdio")),
        ("{\"jsonrpc\"}\n", no_field("{\"jsonrpc\"}")),
        ("Content-Type: x\r\n\r\n{}", FramingError::NoLength),
        ("Content-Length: -1\r\n", invalid("-1")),
        ("Content-Length: +1\r\n", invalid("+1")),
        ("Content-Length: 1 1\r\n", invalid("1 1")),
        ("Content-Length:\r\n", invalid("")),
        ("Content-Length: 1e3\r\n", invalid("1e3")),
        (
            "Content-Length: 99999999999999999999\r\n",
            invalid("99999999999999999999"),
        ),
        (
            "Content-Length: 1\r\nContent-length: 2\r\n",
            FramingError::TwoLengths {
                first: 1,
                second: 2,
            },
        ),
        ("Content-Length: 3\r\n\r\n{}", body.clone()),
        ("Content-Length: 2\r\n", head.clone()),
        ("Content-Le", head.clone()),
    ];
    for (input, error) in cases {
        let expected = (Vec::new(), Err(error.clone()));
        check(Framing::ContentLength, 8, input.as_bytes(), &expected);
    }
    let expected = (vec![too_large("12345678")], Err(body.clone()));
    let input = b"Content-Length: 9999999999999999999\r\n\r\n12345678";
    check(Framing::ContentLength, 8, input, &expected);
    let expected = (Vec::new(), Err(body));
    let input = b"Content-Length: 9999999999999999999\r\n\r\n{}";
    check(Framing::ContentLength, 8, input, &expected);
}

#[test]
fn header_fields_have_a_limit() {
    let error = FramingError::HeadTooLarge { limit: MAX_HEAD };
    let long_line = vec![b'x'; MAX_HEAD + 1];
    let many_lines = b"a: b\r\n".repeat(MAX_HEAD);
    for input in [long_line, many_lines] {
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        let expected = (Vec::new(), Err(error.clone()));
        assert_eq!(decode(Framing::ContentLength, 8, &[&input]), expected);
        assert_eq!(decode(Framing::ContentLength, 8, &bytes), expected);
    }
    // Empty lines before the first field are not part of it.
    let mut input = b"\r\n".repeat(MAX_HEAD);
    input.extend_from_slice(b"Content-Length: 2\r\n\r\n{}");
    let expected = (vec![message("{}")], Ok(()));
    assert_eq!(decode(Framing::ContentLength, 8, &[&input]), expected);
}

#[test]
fn a_claimed_length_takes_no_memory() {
    let mut decoder = Framing::ContentLength.decoder(usize::MAX);
    let mut input = BytesMut::from(&b"Content-Length: 9000000000000000000\r\n\r\n{"[..]);
    assert_eq!(decoder.decode(&mut input), Ok(None));
    assert!(input.capacity() < 1024);
}

#[test]
fn messages_are_encoded() {
    let mut output = Vec::new();
    Framing::Lines.encode(b"{}", &mut output);
    Framing::Lines.encode(b"{\r\n\t\"a\": \"\\n\"\n}", &mut output);
    assert_eq!(output, b"{}\n{  \t\"a\": \"\\n\" }\n");
    let mut output = Vec::new();
    Framing::ContentLength.encode("{\"ä\":\n1}".as_bytes(), &mut output);
    assert_eq!(output, "Content-Length: 9\r\n\r\n{\"ä\":\n1}".as_bytes());
}

#[test]
fn framings_have_names() {
    for framing in [Framing::Lines, Framing::ContentLength] {
        assert_eq!(framing.to_string().parse(), Ok(framing));
    }
    let error = "Lines".parse::<Framing>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown framing \"Lines\": use `lines` or `content-length`"
    );
}
