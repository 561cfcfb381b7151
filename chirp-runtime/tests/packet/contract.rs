//! `chirp.contract`: questions round-trip, and invalid answers are recognized.

use chirp_runtime::packet::ServedMethod;
use proptest::prelude::*;

#[test]
fn the_example_of_the_protocol() {
    let question = ServedMethod::encode_question([&b"a"[..], b"a.b"]);
    assert_eq!(question, b"\xc7SIGN\x01a\x03a.b");
    let answer = [
        ServedMethod::No,
        ServedMethod::Signed(0x2aff_cbb9_ec31_1921),
    ];
    let answer = ServedMethod::encode_answer(answer);
    assert_eq!(answer, b"\xc7NGIS\x00\x02\x2a\xff\xcb\xb9\xec\x31\x19\x21");
}

#[test]
fn invalid_questions() {
    let table: [&[u8]; 5] = [
        b"",
        b"\xc7SIG",
        b"\xc7NGIS",
        b"\xc7SIGN\x01",
        b"\xc7SIGN\x01a\x02a",
    ];
    for bytes in table {
        assert_eq!(ServedMethod::decode_question(bytes), None, "{bytes:02x?}");
    }
    let most = vec![&b"name"[..]; ServedMethod::MAX_METHODS];
    let question = ServedMethod::encode_question(most.iter().copied());
    assert_eq!(ServedMethod::decode_question(&question), Some(most));
    let more = [&question[..], &[0]].concat();
    assert_eq!(ServedMethod::decode_question(&more), None);
}

#[test]
fn invalid_answers() {
    let table: [(&[u8], usize); 8] = [
        (b"", 0),
        (b"\xc7SIGN", 0),
        (b"\xc7NGIS", 1),
        (b"\xc7NGIS\x00", 0),
        (b"\xc7NGIS\x00\x00", 1),
        (b"\xc7NGIS\x03", 1),
        (b"\xc7NGIS\x02\x00\x00\x00\x00\x00\x00\x00", 1),
        (b"\xc7NGIS\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00", 1),
    ];
    for (bytes, methods) in table {
        let decoded = ServedMethod::decode_answer(bytes, methods);
        assert_eq!(decoded, None, "{bytes:02x?} of {methods}");
    }
}

proptest! {
    #[test]
    fn questions_and_answers_round_trip(
        methods in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 0..=255), prop::option::of(any::<u64>())),
            0..40,
        ),
    ) {
        let names: Vec<_> = methods.iter().map(|(name, _)| &name[..]).collect();
        let question = ServedMethod::encode_question(names.iter().copied());
        prop_assert_eq!(ServedMethod::decode_question(&question), Some(names));
        let served: Vec<_> = methods
            .iter()
            .map(|(name, print)| match print {
                Some(print) => ServedMethod::Signed(*print),
                None if name.is_empty() => ServedMethod::No,
                None => ServedMethod::Unsigned,
            })
            .collect();
        let answer = ServedMethod::encode_answer(served.iter().copied());
        prop_assert_eq!(ServedMethod::decode_answer(&answer, served.len()), Some(served));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in any::<Vec<u8>>(), methods in 0..9_usize) {
        for magic in [&b"\xc7SIGN"[..], b"\xc7NGIS"] {
            let bytes = [magic, &bytes].concat();
            let _ = ServedMethod::decode_question(&bytes);
            let _ = ServedMethod::decode_answer(&bytes, methods);
        }
    }
}
