use chirp_runtime::packet::{
    EndReason, ErrorData, FrameworkError, StreamCredit, StreamEnd, StreamEntry, StreamId,
    StreamItems, StreamOpen,
};
use chirp_runtime::session::{Ending, NotSent, StreamKind, StreamSpec};

use crate::words::{bytes, word};

/// A stream id: `+5` is the fifth stream that the packet's sender opened, `-5` the fifth of the other side.
fn id(word: &str) -> StreamId {
    let (whose, number) = word.split_at(1);
    let number = number.parse().expect("a number");
    match whose {
        "+" => StreamId::of_sender(number),
        _ => StreamId::of_receiver(number),
    }
}

fn id_word(id: StreamId) -> String {
    let whose = if id.is_of_sender() { '+' } else { '-' };
    format!("{whose}{}", id.number())
}

/// A stream in Stream-Open, as `NUMBER:to:result:WINDOW`: its number, its direction as seen from the opener,
/// its kind and its window.
fn entry(word: &str) -> StreamEntry {
    let parts: Vec<_> = word.split(':').collect();
    let [number, way, kind, window] = parts[..] else {
        panic!("{word} opens no stream");
    };
    StreamEntry {
        number: number.parse().expect("a number"),
        to_opener: way == "to",
        bound: kind != "free",
        result: kind == "result",
        codec: 0,
        window: window.parse().expect("a window"),
    }
}

fn entry_word(entry: &StreamEntry) -> String {
    let way = if entry.to_opener { "to" } else { "from" };
    let kind = match (entry.bound, entry.result) {
        (_, true) => "result",
        (true, _) => "bound",
        _ => "free",
    };
    format!("{}:{way}:{kind}:{}", entry.number, entry.window)
}

fn error(words: &[&str]) -> ErrorData {
    match words {
        [] => ErrorData::default(),
        ["busy"] => FrameworkError::Overloaded.into(),
        [text] => ErrorData::from(String::from_utf8(bytes(text)).expect("text")),
        other => panic!("{other:?} is no error"),
    }
}

fn error_word(error: &ErrorData) -> String {
    match FrameworkError::from_error_data(error) {
        Some(FrameworkError::Overloaded) => " busy".to_owned(),
        Some(FrameworkError::TooLarge { limit }) => format!(" too-large:{limit}"),
        Some(other) => panic!("{other} is not the session's to say"),
        None if error.is_empty() => String::new(),
        None => format!(" {}", error.message.replace(' ', "-")),
    }
}

const REASONS: [(&str, EndReason); 4] = [
    ("finished", EndReason::Finished),
    ("failed", EndReason::Failed),
    ("cancelled", EndReason::Cancelled),
    ("refused", EndReason::Refused),
];

/// The bytes of a stream packet: `Open ENTRY...`, `Items ID ITEM...`, `Credit ID:BYTES...`, `End ID REASON
/// ITEMS ERROR`.
pub(crate) fn packet(words: &[&str]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match words {
        ["Open", entries @ ..] => {
            let entries: Vec<_> = entries.iter().map(|word| entry(word)).collect();
            StreamOpen::encode(&mut out, &entries);
        }
        ["Items", stream, items @ ..] => {
            let items: Vec<_> = items.iter().map(|word| bytes(word)).collect();
            let count = u16::try_from(items.len()).expect("few");
            let len = items.iter().map(Vec::len).sum();
            StreamItems::encode_head(&mut out, id(stream), count, len);
            for item in items {
                StreamItems::encode_item_head(&mut out, item.len());
                out.extend_from_slice(&item);
            }
        }
        ["Credit", entries @ ..] => {
            let entries = entries.iter().map(|word| {
                let (stream, bytes) = word.split_once(':').expect("how much");
                (id(stream), bytes.parse().expect("a number"))
            });
            StreamCredit::encode(&mut out, &entries.collect::<Vec<_>>());
        }
        ["End", stream, reason, items, why @ ..] => {
            let found = REASONS.iter().find(|(name, _)| name == reason);
            StreamEnd {
                id: id(stream),
                reason: found.expect("a reason").1,
                items: items.parse().expect("a number"),
                error: error(why),
            }
            .encode(&mut out);
        }
        _ => return None,
    }
    Some(out)
}

pub(crate) fn open_words(payload: &[u8]) -> String {
    let entries = StreamOpen::decode(payload).expect("it is valid");
    let entries: Vec<_> = entries.iter().map(entry_word).collect();
    format!("Open {}", entries.join(" "))
}

pub(crate) fn items_words(packet: StreamItems) -> String {
    let items = packet.items.map(|item| format!(" {}", word(&item)));
    format!("Items {}{}", id_word(packet.id), items.collect::<String>())
}

pub(crate) fn credit_words(packet: &StreamCredit) -> String {
    let entries = packet.entries();
    let entries = entries.map(|(id, bytes)| format!(" {}:{bytes}", id_word(id)));
    format!("Credit{}", entries.collect::<String>())
}

pub(crate) fn end_words(packet: &StreamEnd) -> String {
    let (name, _) = REASONS
        .iter()
        .find(|(_, reason)| *reason == packet.reason)
        .expect("a reason");
    let id = id_word(packet.id);
    format!(
        "End {id} {name} {}{}",
        packet.items,
        error_word(&packet.error)
    )
}

/// A stream that this side opens: `NAME=send`, `NAME=receive.bound`, `NAME=result`.
pub(crate) fn spec(word: &str) -> (&str, StreamSpec) {
    let (name, what) = word.split_once('=').expect("a name");
    let spec = match what {
        "send" => StreamSpec::sending(0),
        "send.bound" => StreamSpec::sending(0).bound(),
        "receive" => StreamSpec::receiving(0),
        "receive.bound" => StreamSpec::receiving(0).bound(),
        "result" => StreamSpec::result(0),
        other => panic!("{other} is no stream"),
    };
    (name, spec)
}

pub(crate) fn spec_word(spec: StreamSpec) -> String {
    let way = if spec.sends { "send" } else { "receive" };
    let kind = match spec.kind {
        StreamKind::Free => "",
        StreamKind::Bound => ".bound",
        StreamKind::Result => ".result",
    };
    format!("{way}{kind}")
}

pub(crate) fn ending_words(ending: &Ending) -> String {
    match ending {
        Ending::Finished => "finished".to_owned(),
        Ending::Incomplete {
            received: came,
            sent,
        } => format!("lost {came} of {sent}"),
        Ending::Failed(error) => format!("failed{}", error_word(error)),
        Ending::Cancelled => "cancelled".to_owned(),
        Ending::Refused(error) => format!("refused{}", error_word(error)),
        Ending::Answered => "answered".to_owned(),
        Ending::Closed => "closed".to_owned(),
    }
}

pub(crate) fn not_sent_words(not_sent: NotSent) -> String {
    match not_sent {
        NotSent::Full => "full".to_owned(),
        NotSent::Closed => "over".to_owned(),
        NotSent::TooLarge { limit, whose } => format!("too-large {limit} {whose}"),
        NotSent::TooManyStreams { limit } => format!("too-many-streams {limit}"),
        NotSent::TooManyInPacket { limit } => format!("too-many-in-packet {limit}"),
    }
}
