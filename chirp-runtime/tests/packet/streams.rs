use bytes::Bytes;
use chirp_runtime::packet::{
    EndReason, ErrorData, Header, PacketType, StreamCredit, StreamEnd, StreamEntry, StreamId,
    StreamItems, StreamOpen,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn hex(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    let pairs = digits.as_bytes().chunks(2).map(|pair| {
        let pair = str::from_utf8(pair).expect("it is text");
        u8::from_str_radix(pair, 16).expect("two digits")
    });
    pairs.collect()
}

fn encode_items(id: StreamId, items: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    let count = u16::try_from(items.len()).expect("few");
    StreamItems::encode_head(&mut out, id, count, items.iter().map(Vec::len).sum());
    for item in items {
        StreamItems::encode_item_head(&mut out, item.len());
        out.extend_from_slice(item);
    }
    out
}

/// The payload of a packet. Checks its type and length.
fn payload(kind: PacketType, packet: &[u8]) -> Bytes {
    let header = Header::decode(*packet.first_chunk().expect("a header")).expect("a header");
    let payload = Bytes::copy_from_slice(&packet[Header::LEN..]);
    assert_eq!((header.kind, header.length as usize), (kind, payload.len()));
    payload
}

/// The packets in sections 10.5 and 10.6 of PROTOCOL.md.
#[test]
fn the_packets_of_the_specification() {
    let result = StreamEntry {
        number: 1,
        to_opener: true,
        bound: true,
        result: true,
        codec: 0,
        window: 16_384,
    };
    let open = hex("c7 00 c7 07 00 00 00 0a  00 00 00 01  07  00  00 00 40 00");
    let mut out = Vec::new();
    StreamOpen::encode(&mut out, &[result]);
    assert_eq!(out, open);
    let decoded = StreamOpen::decode(&payload(PacketType::STREAM_OPEN, &open));
    assert_eq!(decoded, Ok(vec![result]));

    let items = hex("c7 00 c7 01 00 00 00 10  80 00 00 01  00 02  00 00 00 01 00  00 00 00 01 01");
    let id = StreamId::of_receiver(1);
    assert_eq!(encode_items(id, &[vec![0], vec![1]]), items);
    let decoded = StreamItems::decode(payload(PacketType::STREAM_ITEMS, &items));
    let decoded = decoded.expect("it is valid");
    assert_eq!(decoded.id, id);
    assert!(decoded.items.eq([&[0][..], &[1]]));

    let end = StreamEnd {
        id,
        reason: EndReason::Finished,
        items: 2,
        error: ErrorData::default(),
    };
    let bytes = hex("c7 00 c7 03 00 00 00 0d  80 00 00 01  00  00 00 00 00 00 00 00 02");
    let mut out = Vec::new();
    end.encode(&mut out);
    assert_eq!(out, bytes);
    assert_eq!(
        StreamEnd::decode(payload(PacketType::STREAM_END, &bytes)),
        Ok(end)
    );

    let bytes = hex("c7 00 c7 02 00 00 00 08  00 00 00 01  00 00 00 22");
    let entry = (StreamId::of_sender(1), 34);
    let mut out = Vec::new();
    StreamCredit::encode(&mut out, &[entry]);
    assert_eq!(out, bytes);
    let decoded = StreamCredit::decode(payload(PacketType::STREAM_CREDIT, &bytes));
    assert!(decoded.expect("it is valid").entries().eq([entry]));
}

#[test]
fn invalid_stream_payloads() {
    let large = format!(
        "00000001 0002 {} {}",
        "00002000".to_owned() + &"00".repeat(8192),
        "00002000".to_owned() + &"00".repeat(8192)
    );
    let open = |entry: &str| ("open", entry.to_owned());
    let table = [
        (open(""), "1 to 1,024"),
        (open(&"00000001 0700 00004000".repeat(1025)), "1 to 1,024"),
        (open("00000001 0700 000040"), "truncated"),
        (open("00000001 0700 00004000 00"), "truncated"),
        (open("00000000 0100 00004000"), "number"),
        (open("80000001 0100 00004000"), "number"),
        (open("00000001 0800 00004000"), "flag"),
        (open("00000001 8100 00004000"), "flag"),
        (open("00000001 0400 00004000"), "a result"),
        (open("00000001 0600 00004000"), "a result"),
        (open("00000001 0500 00004000"), "a result"),
        (open("00000001 0705 00004000"), "codec"),
        (open("00000001 0700 00000000"), ""),
        (open("7fffffff 0004 ffffffff"), ""),
        (("items", String::new()), "truncated"),
        (("items", "00000001 00".to_owned()), "truncated"),
        (("items", "00000001 0000".to_owned()), ""),
        (("items", "00000001 0000 00".to_owned()), "bytes follow"),
        (("items", "00000001 0001".to_owned()), "length"),
        (("items", "00000001 0001 000000".to_owned()), "length"),
        (("items", "00000001 0001 00000001".to_owned()), "an item is"),
        (
            ("items", "00000001 0001 ffffffff 00".to_owned()),
            "an item is",
        ),
        (("items", "00000001 ffff 00000000".to_owned()), "length"),
        (
            ("items", "00000001 0001 00000000 00".to_owned()),
            "bytes follow",
        ),
        (("items", "00000001 0002 00000000 00000000".to_owned()), ""),
        (("items", large), "one item"),
        (("credit", String::new()), "truncated"),
        (("credit", "00000001 000000".to_owned()), "truncated"),
        (("credit", "00000001 00000000".to_owned()), ""),
        (("end", String::new()), "truncated"),
        (
            ("end", "00000001 00 00000000000000".to_owned()),
            "truncated",
        ),
        (("end", "00000001 00 0000000000000000".to_owned()), ""),
        (
            ("end", "00000001 00 0000000000000000 00".to_owned()),
            "error data",
        ),
        // These bytes are ignored, but must be there.
        (
            (
                "end",
                "00000001 02 0000000000000000 0001 0002 ff".to_owned(),
            ),
            "the message is truncated",
        ),
        // Invalid UTF-8 is no error.
        (
            (
                "end",
                "00000001 01 0000000000000000 0001 0001 ff".to_owned(),
            ),
            "",
        ),
        (
            (
                "end",
                "00000001 63 0000000000000000 0001 0001 61".to_owned(),
            ),
            "",
        ),
    ];
    for ((kind, text), expected) in table {
        let payload = Bytes::from(hex(&text));
        let decoded = match kind {
            "open" => StreamOpen::decode(&payload).map(drop),
            "items" => StreamItems::decode(payload).map(drop),
            "credit" => StreamCredit::decode(payload).map(drop),
            _ => StreamEnd::decode(payload).map(drop),
        };
        let said = decoded.err().map(|error| error.to_string());
        let said = said.unwrap_or_default();
        let text = &text[..text.len().min(60)];
        assert!(said.contains(expected), "{kind} {text}: {said:?}");
        assert_eq!(
            said.is_empty(),
            expected.is_empty(),
            "{kind} {text}: {said:?}"
        );
    }
}

/// An item shares the memory of its packet.
#[test]
fn items_are_not_copied() {
    let packet = encode_items(StreamId::of_sender(9), &[b"one".to_vec(), b"two".to_vec()]);
    let payload = payload(PacketType::STREAM_ITEMS, &packet);
    let within = payload.as_ptr_range();
    let items = StreamItems::decode(payload.clone())
        .expect("it is valid")
        .items;
    for item in items {
        assert!(within.contains(&item.as_ptr()));
    }
}

/// Claimed counts cost nothing: a packet has no more of anything than bytes have come for.
#[test]
fn a_count_is_a_claim() {
    let bytes = Bytes::from(hex("00000001 ffff ffffffff"));
    assert!(StreamItems::decode(bytes).is_err());
}

fn id() -> impl Strategy<Value = StreamId> {
    any::<u32>().prop_map(StreamId::from_bits)
}

fn entry() -> impl Strategy<Value = StreamEntry> {
    let fields = (1..=StreamId::MAX_NUMBER, 0..5_u8, any::<u32>(), 0..5_u8);
    fields.prop_map(|(number, flags, window, codec)| StreamEntry {
        number,
        to_opener: flags & 1 == 1 || flags == 4,
        bound: flags >= 2,
        result: flags == 4,
        codec,
        window,
    })
}

fn error() -> impl Strategy<Value = ErrorData> {
    (any::<u16>(), any::<String>(), vec(any::<u8>(), 0..40))
        .prop_map(|(code, message, data)| ErrorData::new(code, message).with_data(data))
}

fn reason() -> impl Strategy<Value = EndReason> {
    prop_oneof![
        Just(EndReason::Finished),
        Just(EndReason::Failed),
        Just(EndReason::Cancelled),
        Just(EndReason::Refused),
    ]
}

proptest! {
    #[test]
    fn opens(entries in vec(entry(), 1..20)) {
        let mut out = Vec::new();
        StreamOpen::encode(&mut out, &entries);
        let payload = payload(PacketType::STREAM_OPEN, &out);
        prop_assert_eq!(payload.len(), StreamOpen::payload_len(entries.len()));
        prop_assert_eq!(StreamOpen::decode(&payload), Ok(entries));
    }

    #[test]
    fn items(id in id(), items in vec(vec(any::<u8>(), 0..200), 0..60), first: u16) {
        let payload = payload(PacketType::STREAM_ITEMS, &encode_items(id, &items));
        let bytes = items.iter().map(Vec::len).sum();
        prop_assert_eq!(payload.len(), StreamItems::payload_len(items.len(), bytes));
        let decoded = StreamItems::decode(payload).expect("it is valid");
        prop_assert_eq!(decoded.id, id);
        prop_assert_eq!(decoded.items.len(), items.len());
        prop_assert!(decoded.items.lens().eq(items.iter().map(Vec::len)));
        let part = items.iter().take(first.into());
        prop_assert!(decoded.items.clone().first(first).eq(part));
        prop_assert!(decoded.items.eq(items));
    }

    #[test]
    fn credits(entries in vec((id(), any::<u32>()), 1..20)) {
        let mut out = Vec::new();
        StreamCredit::encode(&mut out, &entries);
        let credit = StreamCredit::decode(payload(PacketType::STREAM_CREDIT, &out));
        prop_assert!(credit.expect("it is valid").entries().eq(entries));
    }

    #[test]
    fn ends(id in id(), reason in reason(), items: u64, error in error()) {
        let end = StreamEnd { id, reason, items, error };
        let mut out = Vec::new();
        end.encode(&mut out);
        prop_assert_eq!(StreamEnd::decode(payload(PacketType::STREAM_END, &out)), Ok(end));
    }

    /// Bytes from a peer decode to a value or an error, and never panic; ids are the same from both sides.
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..64), number in 1..=StreamId::MAX_NUMBER) {
        let bytes = Bytes::from(bytes);
        let _ = StreamOpen::decode(&bytes);
        let _ = StreamEnd::decode(bytes.clone());
        if let Ok(credit) = StreamCredit::decode(bytes.clone()) {
            prop_assert_eq!(credit.entries().len() * 8, bytes.len());
        }
        if let Ok(items) = StreamItems::decode(bytes.clone()) {
            let lens: usize = items.items.lens().map(|len| len + 4).sum();
            prop_assert_eq!(lens + 6, bytes.len());
        }
        let (own, others) = (StreamId::of_sender(number), StreamId::of_receiver(number));
        prop_assert_eq!((own.number(), others.number()), (number, number));
        prop_assert!(own.is_of_sender() && !others.is_of_sender());
    }
}
