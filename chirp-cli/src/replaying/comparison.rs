use chirp::packet::{ErrorData, FrameworkError, ResultCode};
use chirp::record::Origin;
use serde_json::Value;

use super::session::ReplayedAnswer;
use crate::recorded::{Descriptions, RecordedCall};

/// The way in which answers are compared.
pub(crate) struct Comparison<'a> {
    pub(crate) descriptions: &'a Descriptions,
    /// The parts of values that may differ, as paths of names and numbers. `*` stands for every name or number.
    pub(crate) ignored: Vec<Vec<String>>,
}

/// The recorded answer and the present one.
pub(crate) struct Different {
    pub(crate) recorded: String,
    pub(crate) now: String,
}

/// Returns how an answer differs from the recorded one, if it does.
pub(crate) fn difference(
    comparison: &Comparison<'_>,
    call: &RecordedCall,
    answer: &ReplayedAnswer,
) -> Option<Different> {
    let method = String::from_utf8_lossy(&call.method);
    let Some((code, data)) = &call.outcome else {
        // A one-way call, whose method should exist.
        return (answer.code == ResultCode::UnknownMethod).then(|| Different {
            recorded: "a one-way call".to_owned(),
            now: answer.code.to_string(),
        });
    };
    let method = method.as_ref();
    if let Some(callback) = answer.unexpected.first() {
        return Some(Different {
            recorded: "no further call back".to_owned(),
            now: format!("calls back {callback}"),
        });
    }
    if *code != answer.code {
        return Some(Different {
            recorded: comparison.shown(method, *code, data),
            now: comparison.shown(method, answer.code, &answer.data),
        });
    }
    let differs = match code {
        ResultCode::Success => {
            let decode = |bytes: &[u8]| comparison.descriptions.result(method, bytes);
            comparison.differ(data, &answer.data, decode)
        }
        ResultCode::ServiceError => comparison.errors_differ(method, data, &answer.data),
        _ => false,
    };
    if differs {
        return Some(Different {
            recorded: comparison.shown(method, *code, data),
            now: comparison.shown(method, answer.code, &answer.data),
        });
    }
    if *code == ResultCode::Success {
        return comparison.streams(method, call, answer);
    }
    None
}

impl Comparison<'_> {
    /// Compares the streams that came to the caller.
    fn streams(
        &self,
        method: &str,
        call: &RecordedCall,
        answer: &ReplayedAnswer,
    ) -> Option<Different> {
        let streams = call.opened.iter().zip(&call.streams).zip(&answer.streams);
        for (place, ((entry, recorded), now)) in streams.enumerate() {
            if !entry.to_opener {
                continue;
            }
            let argument = (!entry.result).then_some(place);
            let decode =
                |bytes: &[u8]| self.descriptions.item(method, argument, entry.codec, bytes);
            let shown = |bytes: &[u8]| decode(bytes).unwrap_or_else(|| quoted(bytes));
            let pairs = recorded.items.iter().zip(&now.items);
            for (at, (one, other)) in pairs.enumerate() {
                if self.differ(one, other, decode) {
                    return Some(Different {
                        recorded: format!("item {at}: {}", shown(one)),
                        now: format!("item {at}: {}", shown(other)),
                    });
                }
            }
            if recorded.items.len() != now.items.len() || recorded.end != now.end {
                let say = |stream: &crate::recorded::RecordedStream| {
                    format!("{} items, then {:?}", stream.items.len(), stream.end)
                };
                return Some(Different {
                    recorded: say(recorded),
                    now: say(now),
                });
            }
        }
        None
    }

    /// Returns whether two values differ: their bytes, and the JSON of those without what is ignored.
    fn differ(&self, one: &[u8], other: &[u8], decode: impl Fn(&[u8]) -> Option<String>) -> bool {
        if one == other {
            return false;
        }
        let parse = |bytes| {
            let json = decode(bytes)?;
            serde_json::from_slice::<Value>(json.as_bytes()).ok()
        };
        let (Some(mut one), Some(mut other)) = (parse(one), parse(other)) else {
            return true;
        };
        for path in &self.ignored {
            remove(&mut one, path);
            remove(&mut other, path);
        }
        one != other
    }

    fn errors_differ(&self, method: &str, one: &[u8], other: &[u8]) -> bool {
        let decode = |bytes: &[u8]| ErrorData::decode_lossy(bytes.to_vec().into()).ok();
        let (Some(one), Some(other)) = (decode(one), decode(other)) else {
            return one != other;
        };
        let framework = (
            FrameworkError::from_error_data(&one),
            FrameworkError::from_error_data(&other),
        );
        // Their texts are not for programs, and the reference of a panic is another one each time.
        if framework.0.is_some() || framework.1.is_some() {
            return one.code != other.code;
        }
        let data = |error: &ErrorData| self.descriptions.error(Some(method), error).1;
        if one.code != other.code || one.message != other.message {
            return true;
        }
        self.differ(&one.data, &other.data, |bytes| {
            let mut error = ErrorData::new(one.code, "");
            error.data = bytes.to_vec().into();
            data(&error)
        })
    }

    fn shown(&self, method: &str, code: ResultCode, data: &[u8]) -> String {
        match code {
            ResultCode::Success => {
                let decoded = self.descriptions.result(method, data);
                decoded.unwrap_or_else(|| format!("success {}", quoted(data)))
            }
            ResultCode::ServiceError => match ErrorData::decode_lossy(data.to_vec().into()) {
                Ok(error) => {
                    let (name, data) = self.descriptions.error(Some(method), &error);
                    let name = name.unwrap_or_else(|| error.code.to_string());
                    let data = data.unwrap_or_default();
                    format!("error {name} {:?} {data}", error.message)
                }
                Err(_) => format!("error {}", quoted(data)),
            },
            code => code.to_string(),
        }
    }
}

fn quoted(bytes: &[u8]) -> String {
    const SHOWN: usize = 64;
    let more = if bytes.len() > SHOWN { "..." } else { "" };
    let shown = &bytes[..bytes.len().min(SHOWN)];
    format!("\"{}\"{more}", shown.escape_ascii())
}

/// Replaces what a path leads to by `null`.
fn remove(value: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else {
        *value = Value::Null;
        return;
    };
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if first == "*" || name == first {
                    remove(field, rest);
                }
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                if first == "*" || first.parse() == Ok(at) {
                    remove(item, rest);
                }
            }
        }
        _ => {}
    }
}

/// The calls of this side are sent again; those of the other are answered.
pub(crate) const REPLAYED: Origin = Origin::Client;
