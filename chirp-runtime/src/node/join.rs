//! The packets of a join: parameters and answers of `chirp.node.join` and `chirp.node.leave` (PROTOCOL.md, "Nodes").

use std::collections::BTreeMap;

use bincode::config;
use serde::Deserialize;

use super::labels::{Labels, MAX_LABELS};
use super::refusal::{Refusal, RefusalReason, cut};
use crate::codec::Bincode;

/// The revision of the join that this side speaks.
pub(super) const VERSION: u32 = 1;

/// The largest parameters and answers. Everything in them is bounded by less.
const MAX_BYTES: usize = 16 * 1024;

/// The parameters of `chirp.node.join`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JoinRequest {
    pub(super) version: u32,
    pub(super) name: String,
    pub(super) network: String,
    /// The name of the node that the dialler wants to reach.
    pub(super) to: String,
    pub(super) incarnation: u64,
    pub(super) sequence: u64,
    pub(super) features: u64,
    pub(super) labels: Labels,
}

/// The answer of `chirp.node.join`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum JoinAnswer {
    Joined(Joined),
    Refused(Refusal),
}

/// The node that was joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Joined {
    pub(super) version: u32,
    pub(super) name: String,
    pub(super) network: String,
    pub(super) incarnation: u64,
    pub(super) features: u64,
    pub(super) labels: Labels,
}

/// The parameters of `chirp.node.leave`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// Another link to the same node is used from now on.
    Replaced,
    /// The program disconnected: the other side must not dial again.
    Disconnected(String),
}

type LabelList = Vec<(String, String)>;
type RequestFields = (u32, String, String, String, u64, u64, u64, LabelList);
type JoinedFields = (u32, String, String, u64, u64, LabelList);

/// Decodes fields from the beginning of `bytes`. Later revisions append.
fn decode<'a, T: Deserialize<'a>>(mut bytes: &'a [u8]) -> Result<(T, &'a [u8]), String> {
    if bytes.len() > MAX_BYTES {
        return Err(format!("{} bytes, at most {MAX_BYTES}", bytes.len()));
    }
    let fields = Bincode::read(&mut bytes).map_err(|error| error.to_string())?;
    Ok((fields, bytes))
}

fn encode(fields: impl bincode::Encode) -> Vec<u8> {
    // Encoding to memory cannot fail.
    bincode::encode_to_vec(fields, config::standard()).unwrap_or_default()
}

fn list(labels: &Labels) -> LabelList {
    labels
        .iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn labels(list: LabelList) -> Result<Labels, String> {
    if list.len() > MAX_LABELS {
        return Err(format!("{} labels, at most {MAX_LABELS}", list.len()));
    }
    let mut labels = BTreeMap::new();
    for (key, value) in list {
        if let Some(_earlier) = labels.insert(key.clone(), value) {
            return Err(format!("label {key:?} occurs twice"));
        }
    }
    Labels::new(labels)
}

impl JoinRequest {
    pub(super) fn encode(self) -> Vec<u8> {
        let fields: RequestFields = (
            self.version,
            self.name,
            self.network,
            self.to,
            self.incarnation,
            self.sequence,
            self.features,
            list(&self.labels),
        );
        encode(fields)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (fields, _later): (RequestFields, _) = decode(bytes)?;
        let (version, name, network, to, incarnation, sequence, features, list) = fields;
        if version == 0 {
            return Err("version 0".into());
        }
        Ok(Self {
            version,
            name,
            network,
            to,
            incarnation,
            sequence,
            features,
            labels: labels(list)?,
        })
    }
}

impl JoinAnswer {
    pub(super) fn encode(self) -> Vec<u8> {
        match self {
            Self::Joined(joined) => {
                let fields: JoinedFields = (
                    joined.version,
                    joined.name,
                    joined.network,
                    joined.incarnation,
                    joined.features,
                    list(&joined.labels),
                );
                encode((0_u32, fields))
            }
            Self::Refused(refusal) => encode((1_u32, refusal.reason.code(), &*refusal.message)),
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (kind, rest): (u32, _) = decode(bytes)?;
        match kind {
            0 => {
                let (fields, _later): (JoinedFields, _) = decode(rest)?;
                let (version, name, network, incarnation, features, list) = fields;
                if version == 0 || version > VERSION {
                    return Err(format!("version {version}, asked was {VERSION}"));
                }
                Ok(Self::Joined(Joined {
                    version,
                    name,
                    network,
                    incarnation,
                    features,
                    labels: labels(list)?,
                }))
            }
            1 => {
                let ((code, text), _later): ((u32, String), _) = decode(rest)?;
                Ok(Self::Refused(Refusal::new(
                    RefusalReason::from_code(code),
                    &text,
                )))
            }
            kind => Err(format!("unknown kind of answer {kind}")),
        }
    }
}

impl Leave {
    pub(super) fn encode(self) -> Vec<u8> {
        match self {
            Self::Replaced => encode((0_u32, "")),
            Self::Disconnected(text) => encode((1_u32, text)),
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let ((reason, text), _later): ((u32, String), _) = decode(bytes)?;
        match reason {
            0 => Ok(Self::Replaced),
            1 => Ok(Self::Disconnected(cut(&text))),
            reason => Err(format!("unknown reason {reason}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        digits.collect::<Vec<_>>().join(" ")
    }

    fn request() -> JoinRequest {
        let labels = BTreeMap::from([("zone".to_owned(), "eu".to_owned())]);
        JoinRequest {
            version: 1,
            name: "alpha".into(),
            network: "prod".into(),
            to: "beta".into(),
            incarnation: 0x0123_4567_89ab_cdef,
            sequence: 1,
            features: 0,
            labels: Labels::new(labels).expect("valid"),
        }
    }

    /// The examples of PROTOCOL.md, section 12.
    #[test]
    fn packets_have_the_specified_bytes() {
        let asked = request().encode();
        assert_eq!(
            hex(&asked),
            "01 05 61 6c 70 68 61 04 70 72 6f 64 04 62 65 74 61 fd ef cd ab 89 67 45 23 01 01 00 \
             01 04 7a 6f 6e 65 02 65 75"
        );
        assert_eq!(JoinRequest::decode(&asked), Ok(request()));
        let joined = JoinAnswer::Joined(Joined {
            version: 1,
            name: "beta".into(),
            network: "prod".into(),
            incarnation: 250,
            features: 0,
            labels: Labels::default(),
        });
        let bytes = joined.clone().encode();
        assert_eq!(hex(&bytes), "00 01 04 62 65 74 61 04 70 72 6f 64 fa 00 00");
        assert_eq!(JoinAnswer::decode(&bytes), Ok(joined));
        let refused = JoinAnswer::Refused(Refusal::new(RefusalReason::Network, "no"));
        let bytes = refused.clone().encode();
        assert_eq!(hex(&bytes), "01 01 02 6e 6f");
        assert_eq!(JoinAnswer::decode(&bytes), Ok(refused));
        assert_eq!(hex(&Leave::Replaced.encode()), "00 00");
        let leave = Leave::Disconnected("bye".into());
        assert_eq!(hex(&leave.clone().encode()), "01 03 62 79 65");
        assert_eq!(Leave::decode(&leave.clone().encode()), Ok(leave));
    }

    #[test]
    fn later_revisions_may_append() {
        let mut bytes = request().encode();
        bytes.extend([1, 2, 3]);
        assert_eq!(JoinRequest::decode(&bytes), Ok(request()));
    }

    #[test]
    fn wrong_bytes_are_refused() {
        let bytes = request().encode();
        for len in 0..bytes.len() {
            JoinRequest::decode(&bytes[..len]).expect_err("too short");
        }
        JoinRequest::decode(&[0xff; 32]).expect_err("no request");
        JoinRequest::decode(&vec![0; MAX_BYTES + 1]).expect_err("too long");
        // A length is a claim.
        JoinRequest::decode(&[1, 0xfd, 255, 255, 255, 255, 255, 255, 0, 0]).expect_err("too long");
        let twice = vec![("a".to_owned(), String::new()); 2];
        let fields: RequestFields = (1, "a".into(), "n".into(), "b".into(), 1, 1, 0, twice);
        let error = JoinRequest::decode(&encode(fields)).expect_err("twice");
        assert_eq!(error, "label \"a\" occurs twice");
        JoinAnswer::decode(&[2]).expect_err("no kind");
        Leave::decode(&[2, 0]).expect_err("no reason");
    }

    #[test]
    fn long_texts_of_the_other_side_are_cut() {
        let text = "ä".repeat(2000);
        let refused = JoinAnswer::Refused(Refusal::new(RefusalReason::Busy, &text)).encode();
        let Ok(JoinAnswer::Refused(refusal)) = JoinAnswer::decode(&refused) else {
            panic!("not a refusal");
        };
        assert_eq!(refusal.message.len(), 1024);
        let lines = JoinAnswer::Refused(Refusal::new(RefusalReason::Busy, "a\nb")).encode();
        let Ok(JoinAnswer::Refused(refusal)) = JoinAnswer::decode(&lines) else {
            panic!("not a refusal");
        };
        assert_eq!(&*refusal.message, "a b");
    }
}
