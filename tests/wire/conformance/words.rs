//! Packets as text.
//!
//! ```text
//! request ID METHOD DATA      response ID CODE DATA      cancel ID      packet TYPE DATA
//! protocol NUMBER PACKET      raw HEX                    PACKET | PACKET
//! ```
//!
//! An id is a number, or a name such as `@a` for an id that the other side chose. Data are pieces joined by `+`: text,
//! `x:HEX`, `1000*a`, `_` for nothing. In an expected packet, `?` matches anything, and `~c705` matches a framework
//! error of that code with any text.

use std::collections::HashMap;

use chirp::packet::{ErrorData, PacketType};

use crate::support::packet;

/// The names that a case has bound.
#[derive(Default)]
pub(crate) struct Names {
    ids: HashMap<String, u32>,
    nonce: u64,
}

const ASKS: [u8; 5] = [0xC7, 0x48, 0x45, 0x4C, 0x4F];
const ANSWERS: [u8; 5] = [0xC7, 0x4F, 0x4C, 0x45, 0x48];
/// The nonce of section 7.2's example.
const NONCE: u64 = 0x0123_4567_89AB_CDEF;

impl Names {
    /// Parses packets into their bytes.
    pub(crate) fn bytes(&self, words: &[&str]) -> Vec<u8> {
        if let Some(bar) = words.iter().position(|word| *word == "|") {
            return [self.bytes(&words[..bar]), self.bytes(&words[bar + 1..])].concat();
        }
        match words {
            ["raw", hex @ ..] => from_hex(&hex.concat()),
            ["protocol", number, words @ ..] => {
                let mut bytes = self.bytes(words);
                bytes[1] = number.parse().expect("a protocol number");
                bytes
            }
            ["packet", kind, payload] => packet(kind_of(kind), &self.data(payload)),
            ["request", id, method, params] => {
                let (id, method) = (self.id(id), self.data(method));
                let len = u8::try_from(method.len()).expect("a name");
                let head = [&id.to_be_bytes()[..], &[len], &method].concat();
                packet(PacketType::REQUEST, &[head, self.data(params)].concat())
            }
            ["response", id, code, data] => {
                let code = code.parse().expect("a code");
                let head = [&self.id(id).to_be_bytes()[..], &[code]].concat();
                packet(PacketType::RESPONSE, &[head, self.data(data)].concat())
            }
            ["cancel", id] => packet(PacketType::CANCEL, &self.id(id).to_be_bytes()),
            other => panic!("{other:?} is no packet"),
        }
    }

    fn id(&self, word: &str) -> u32 {
        match self.ids.get(word) {
            Some(id) => *id,
            None => word.parse().unwrap_or_else(|_| panic!("{word} is no id")),
        }
    }

    /// Parses one word into its bytes.
    pub(crate) fn data(&self, word: &str) -> Vec<u8> {
        let piece = |piece: &str| -> Vec<u8> {
            if piece == "_" {
                Vec::new()
            } else if let Some(hex) = piece.strip_prefix("x:") {
                from_hex(hex)
            } else if let Some(limit) = piece.strip_prefix("=hello:") {
                hello(ASKS, NONCE, limit)
            } else if let Some(limit) = piece.strip_prefix("=welcome:") {
                // The answer to the last hello request, or to our own if there was none.
                let nonce = if self.nonce == 0 { NONCE } else { self.nonce };
                hello(ANSWERS, nonce.wrapping_add(1), limit)
            } else if let Some((count, text)) = piece.split_once('*') {
                text.repeat(count.parse().expect("a count")).into_bytes()
            } else {
                piece.as_bytes().to_vec()
            }
        };
        word.split('+').flat_map(piece).collect()
    }

    /// Returns whether a packet matches a text. Binds the names of its ids.
    pub(crate) fn is(&mut self, words: &[&str], bytes: &[u8]) -> bool {
        let (head, payload) = bytes.split_at(8);
        let (kind, id) = (&head[2..4], payload.first_chunk().copied());
        let id = id.map_or(0, u32::from_be_bytes);
        match words {
            ["request", word, method, params] if kind == [0, 2] => {
                let (name, rest) = payload[5..].split_at(payload[4].into());
                if name == b"chirp.hello" {
                    let nonce = rest[5..].first_chunk().expect("a nonce");
                    self.nonce = u64::from_be_bytes(*nonce);
                }
                self.names(word, id) && name == self.data(method) && self.means(params, rest)
            }
            ["response", word, code, data] if kind == [0, 4] => {
                id == self.id(word)
                    && payload[4].to_string() == *code
                    && self.means(data, &payload[5..])
            }
            ["cancel", word] if kind == [0, 3] => bytes.len() == 12 && id == self.id(word),
            ["packet" | "raw", ..] => bytes == self.bytes(words),
            _ => false,
        }
    }

    fn names(&mut self, word: &str, id: u32) -> bool {
        if !word.starts_with('@') || self.ids.contains_key(word) {
            return id == self.id(word);
        }
        // No two names stand for one id: ids are not reused within a case.
        let is_new = self.ids.values().all(|known| *known != id);
        self.ids.insert(word.to_owned(), id);
        is_new
    }

    /// Returns whether data match a word.
    fn means(&self, word: &str, data: &[u8]) -> bool {
        if word == "?" {
            return true;
        }
        let Some(code) = word.strip_prefix('~') else {
            return data == self.data(word);
        };
        let code = u16::from_str_radix(code, 16).expect("a code");
        ErrorData::decode(data.to_vec().into())
            .is_ok_and(|error| error.code == code && error.data.starts_with(&[0xC7, 0x45]))
    }
}

fn kind_of(word: &str) -> PacketType {
    PacketType(word.parse().expect("a packet type"))
}

/// Section 7.1's fields: revision 1, no extensions, a payload limit, and 4,096 calls.
fn hello(magic: [u8; 5], nonce: u64, limit: &str) -> Vec<u8> {
    let limit: u32 = limit.parse().expect("a limit");
    let mut bytes = magic.to_vec();
    bytes.extend(nonce.to_be_bytes());
    bytes.extend(1_u16.to_be_bytes());
    // The extensions that both sides know: call contexts, streams and going away.
    bytes.extend(0xCF_u64.to_be_bytes());
    bytes.extend(limit.to_be_bytes());
    bytes.extend(4096_u32.to_be_bytes());
    bytes
}

pub(crate) fn from_hex(hex: &str) -> Vec<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).expect("a hex digit");
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).expect("two digits"))
        .collect()
}
