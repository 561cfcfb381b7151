//! Frames of RFC 6455: a decoder for input in any pieces, and the encoding of headers. Nothing here reads or writes.

use super::CloseReason;

/// The payload of a frame that this side sends, at most. Other sides hand on whole messages only, and a message that is
/// longer takes longer than a limit on stalls over a slow link.
pub(super) const MAX_SENT: usize = 64 << 10;

/// The longest payload of a control frame.
pub(super) const MAX_CONTROL: usize = 125;

/// The longest header: two bytes, eight of the length, four of the mask.
pub(super) const MAX_HEADER: usize = 14;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

/// Lengths that say that the length follows, in two or eight bytes.
const MEDIUM: u8 = 126;
const LONG: u8 = 127;

/// The kind of a message, or of a control frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The side of a connection that this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Masks its frames.
    Client,
    /// Requires masks.
    Server,
}

/// A violation of the protocol by the other side.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("frame with reserved bits: no extension was negotiated")]
    ReservedBits,
    #[error("frame with the unknown opcode {0}")]
    UnknownOpcode(u8),
    #[error("frame without a mask: clients mask all frames")]
    NotMasked,
    #[error("frame with a mask: servers mask no frames")]
    Masked,
    #[error("control frame in fragments")]
    FragmentedControl,
    #[error("control frame of {0} bytes, at most {MAX_CONTROL}")]
    LongControl(u64),
    #[error("length of a frame is not in its shortest form, or over 2^63")]
    InvalidLength,
    #[error("continuation of a message that has not begun")]
    NothingToContinue,
    #[error("new message inside of another")]
    MessageInMessage,
    #[error("Close frame with an invalid code or text")]
    InvalidClose,
    #[error("text message: packets are sent in binary messages")]
    Text,
    #[error("binary message: JSON is sent in text messages")]
    Binary,
}

impl FrameError {
    /// Returns the code for the Close frame that reports this error.
    pub(super) fn close_code(&self) -> u16 {
        match self {
            Self::Text | Self::Binary => CloseReason::UNSUPPORTED_DATA,
            _ => CloseReason::PROTOCOL_ERROR,
        }
    }
}

/// The payload of a control frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct ControlPayload {
    bytes: [u8; MAX_CONTROL],
    len: u8,
}

impl ControlPayload {
    fn new() -> Self {
        Self {
            bytes: [0; MAX_CONTROL],
            len: 0,
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Reads the code and the text of a Close frame. No code is [`CloseReason::NO_CODE`].
    fn close_reason(&self) -> Result<CloseReason, FrameError> {
        let (code, text) = match *self.as_bytes() {
            [] => (CloseReason::NO_CODE, &[][..]),
            [high, low, ref text @ ..] => (u16::from_be_bytes([high, low]), text),
            [_] => return Err(FrameError::InvalidClose),
        };
        let is_valid = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
            || self.len == 0 && code == CloseReason::NO_CODE;
        match str::from_utf8(text) {
            Ok(text) if is_valid => Ok(CloseReason::new(code, text)),
            _ => Err(FrameError::InvalidClose),
        }
    }
}

impl std::fmt::Debug for ControlPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_bytes().fmt(f)
    }
}

/// The result of one step of a [`FrameDecoder`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The input is used up.
    Incomplete,
    /// The last `len` bytes of those that were consumed are payload, without its mask.
    Payload {
        len: usize,
        ends_message: bool,
    },
    Ping(ControlPayload),
    Close(CloseReason),
}

/// Decodes frames in place. Allocates nothing, whatever a header claims.
#[derive(Debug)]
pub(super) struct FrameDecoder {
    side: Side,
    /// The kind of messages that are accepted.
    accepted: Opcode,
    header: [u8; MAX_HEADER],
    header_len: u8,
    /// The frame whose payload is being received.
    frame: Option<Frame>,
    control: ControlPayload,
    /// The last data frame did not end its message.
    is_inside_message: bool,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: Opcode,
    is_final: bool,
    /// Bytes that have not arrived.
    left: u64,
    /// The mask, rotated so that its first byte belongs to the next byte of the payload.
    mask: [u8; 4],
}

impl FrameDecoder {
    pub(super) fn new(side: Side, accepted: Opcode) -> Self {
        Self {
            side,
            accepted,
            header: [0; MAX_HEADER],
            header_len: 0,
            frame: None,
            control: ControlPayload::new(),
            is_inside_message: false,
        }
    }

    /// Decodes up to the next event. Returns how many bytes of `input` were consumed.
    pub(super) fn decode(&mut self, input: &mut [u8]) -> Result<(usize, Event), FrameError> {
        let mut at = 0;
        loop {
            let Some(frame) = &mut self.frame else {
                let Some(&byte) = input.get(at) else {
                    return Ok((at, Event::Incomplete));
                };
                at += 1;
                self.header[usize::from(self.header_len)] = byte;
                self.header_len += 1;
                self.read_header()?;
                continue;
            };
            let available =
                (input.len() - at).min(usize::try_from(frame.left).unwrap_or(usize::MAX));
            if available == 0 && frame.left > 0 {
                return Ok((at, Event::Incomplete));
            }
            let piece = &mut input[at..at + available];
            unmask(piece, &mut frame.mask);
            at += available;
            frame.left -= available as u64;
            let Frame {
                opcode,
                is_final,
                left,
                ..
            } = *frame;
            if opcode.is_control() {
                let len = usize::from(self.control.len);
                self.control.bytes[len..len + available].copy_from_slice(piece);
                self.control.len += u8::try_from(available).unwrap_or(0);
            }
            if left == 0 {
                self.frame = None;
            }
            match opcode {
                Opcode::Close if left == 0 => {
                    return Ok((at, Event::Close(self.control.close_reason()?)));
                }
                Opcode::Ping if left == 0 => return Ok((at, Event::Ping(self.control))),
                Opcode::Close | Opcode::Ping | Opcode::Pong => {}
                _ => {
                    let ends_message = left == 0 && is_final;
                    if available > 0 || ends_message {
                        let len = available;
                        return Ok((at, Event::Payload { len, ends_message }));
                    }
                }
            }
        }
    }

    /// Reads what has arrived of a header, and begins the frame once it is complete.
    fn read_header(&mut self) -> Result<(), FrameError> {
        let [first, second, rest @ ..] = &self.header;
        let received = usize::from(self.header_len);
        if received < 2 {
            return Ok(());
        }
        // Checked before the rest arrives, so that other protocols are noticed at once.
        if first & RESERVED != 0 {
            return Err(FrameError::ReservedBits);
        }
        let opcode = Opcode::from_bits(first & 0xF);
        let opcode = opcode.ok_or(FrameError::UnknownOpcode(first & 0xF))?;
        let is_final = first & FIN != 0;
        let is_masked = second & MASKED != 0;
        match self.side {
            Side::Server if !is_masked => return Err(FrameError::NotMasked),
            Side::Client if is_masked => return Err(FrameError::Masked),
            _ => {}
        }
        let short = second & 0x7F;
        let length_len = match short {
            MEDIUM => 2,
            LONG => 8,
            _ => 0,
        };
        if received < 2 + length_len + usize::from(is_masked) * 4 {
            return Ok(());
        }
        let (length, mask) = rest.split_at(length_len);
        let length = match *length {
            [] => u64::from(short),
            [high, low] => u64::from(u16::from_be_bytes([high, low])),
            _ => length
                .iter()
                .fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
        };
        let shortest = match length_len {
            2 => 126,
            8 => 1 << 16,
            _ => 0,
        };
        if length < shortest || length >> 63 != 0 {
            return Err(FrameError::InvalidLength);
        }
        let mut frame = Frame {
            opcode,
            is_final,
            left: length,
            mask: [0; 4],
        };
        if is_masked {
            frame.mask.copy_from_slice(&mask[..4]);
        }
        self.check(&frame)?;
        self.header_len = 0;
        self.frame = Some(frame);
        Ok(())
    }

    /// Checks the place of a frame among others.
    fn check(&mut self, frame: &Frame) -> Result<(), FrameError> {
        if frame.opcode.is_control() {
            if !frame.is_final {
                return Err(FrameError::FragmentedControl);
            }
            if frame.left > MAX_CONTROL as u64 {
                return Err(FrameError::LongControl(frame.left));
            }
            self.control.len = 0;
            return Ok(());
        }
        match (frame.opcode, self.is_inside_message) {
            (Opcode::Continuation, true) => {}
            (Opcode::Continuation, false) => return Err(FrameError::NothingToContinue),
            (_, true) => return Err(FrameError::MessageInMessage),
            (opcode, false) if opcode == self.accepted => {}
            (Opcode::Text, false) => return Err(FrameError::Text),
            (_, false) => return Err(FrameError::Binary),
        }
        self.is_inside_message = !frame.is_final;
        Ok(())
    }
}

/// Applies a mask, eight bytes at a time, and rotates it to the place where the payload continues.
pub(super) fn unmask(payload: &mut [u8], mask: &mut [u8; 4]) {
    if *mask == [0; 4] {
        return;
    }
    let [a, b, c, d] = *mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    mask.rotate_left(payload.len() % 4);
}

/// Appends the header of a frame.
pub(super) fn write_header(
    out: &mut Vec<u8>,
    opcode: Opcode,
    is_final: bool,
    length: usize,
    mask: Option<[u8; 4]>,
) {
    out.push(opcode as u8 | if is_final { FIN } else { 0 });
    let masked = if mask.is_some() { MASKED } else { 0 };
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..=125), _) => out.push(masked | short),
        (_, Ok(medium)) => {
            out.push(masked | MEDIUM);
            out.extend(medium.to_be_bytes());
        }
        _ => {
            out.push(masked | LONG);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend(mask.iter().flatten());
}
