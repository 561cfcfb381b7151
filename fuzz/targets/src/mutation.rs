//! Mutations of inputs, for fuzzing without coverage.

/// Bytes that often matter: limits of lengths and numbers, and the words of the formats.
const TOKENS: &[&[u8]] = &[
    b"\0",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xff\xff",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\0\0\0\0",
    b"\0\0\0\x01",
    b"\xc7\0\0\x02",
    b"\xc7\0\0\x03",
    b"\xc7\0\0\x04",
    b"\xfa",
    b"\xfb\xff\0",
    b"\xfc",
    b"\xfd",
    b"\xfe",
    b"\xc0",
    b"\xc6",
    b"\xdd",
    b"\xdf",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"true",
    b"-",
    b"e400",
    b"1e3",
    b"0.5",
    b"18446744073709551616",
    b"\"jsonrpc\":\"2.0\"",
    b"\"id\":",
    b"\"id\":null",
    b"\"method\":",
    b"\"params\":",
    b"\"result\":",
    b"\"error\":",
    b"$/cancelRequest",
    b"\n",
    b"Content-Length: ",
    b"\r\n\r\n",
    b"tcp://",
    b"unix:",
    b"exec:",
    b"%25",
    b"[::1]",
    b"@",
    b"?mode=",
    b"/",
    b";json",
    b"chirp.",
    b"async fn ",
    b"&self",
    b"&mut ",
    b"-> ",
    b"impl Stream<Item = ",
    b"Result<",
    b"Option<",
    b"#[chirp(",
    b")]",
    b"<T>",
    b"where ",
    b"'a",
    b"dyn ",
    b";",
];

/// A source of inputs: mutations of a corpus, from a seed.
#[derive(Clone, Debug)]
pub struct Mutator {
    random: u64,
    corpus: Vec<Vec<u8>>,
    longest: usize,
}

impl Mutator {
    /// Creates a source of mutations of these inputs, none longer than `longest` bytes.
    pub fn new(seed: u64, corpus: Vec<Vec<u8>>, longest: usize) -> Self {
        Self {
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            corpus,
            longest,
        }
    }

    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or_default()
    }

    fn random_bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1);
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    fn any_input(&mut self) -> Vec<u8> {
        let at = self.below(self.corpus.len());
        self.corpus.get(at).cloned().unwrap_or_default()
    }

    /// The next input.
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut input = if self.corpus.is_empty() || self.below(16) == 0 {
            self.random_bytes(300)
        } else {
            self.any_input()
        };
        for _ in 0..=self.below(6) {
            self.mutate(&mut input);
        }
        input.truncate(self.longest);
        input
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = at + self.below((input.len() - at).min(32) + 1);
        match self.below(9) {
            0 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << (self.next() % 8);
                }
            }
            1 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = self.next().to_le_bytes()[0];
                }
            }
            2 => drop(input.drain(at..end)),
            3 => {
                let copy = input[at..end].to_vec();
                let to = self.below(input.len() + 1);
                input.splice(to..to, copy);
            }
            4 => {
                let token = TOKENS[self.below(TOKENS.len())];
                input.splice(at..at, token.iter().copied());
            }
            5 => {
                let token = TOKENS[self.below(TOKENS.len())];
                let end = (at + token.len()).min(input.len());
                input.splice(at..end, token.iter().copied());
            }
            6 => {
                let other = self.any_input();
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            7 => {
                let more = self.random_bytes(16);
                input.splice(at..at, more);
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = byte
                        .wrapping_add(self.next().to_le_bytes()[0] % 9)
                        .wrapping_sub(4);
                }
            }
        }
    }
}
