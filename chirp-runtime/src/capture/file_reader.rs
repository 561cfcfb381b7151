use std::io::{self, Read};
use std::time::Duration;

use bytes::Bytes;

use super::error::CaptureError;

/// The maximum length of a block or record, in bytes.
const MAX_BLOCK: u64 = 16 << 20;
/// The maximum number of interfaces of a section.
const MAX_INTERFACES: usize = 4096;

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const OPT_COMMENT: u16 = 1;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
const EPB_DROPCOUNT: u16 = 4;

/// A frame of a capture.
#[derive(Debug)]
pub(super) struct CapturedFrame {
    pub(super) time: Duration,
    pub(super) link: u16,
    pub(super) data: Bytes,
    /// The number of frames that were lost before this one, if the file says so.
    pub(super) lost: u64,
    pub(super) comment: String,
}

/// Reads the frames of a pcapng or pcap file.
#[derive(Debug)]
pub(super) struct FileReader<R> {
    input: R,
    /// The number of bytes read.
    offset: u64,
    format: Format,
    /// Whether the file ends inside of a block.
    pub(super) is_truncated: bool,
}

#[derive(Debug)]
enum Format {
    /// The beginning of a file.
    Unknown,
    Pcap {
        is_big: bool,
        is_nano: bool,
        link: u16,
    },
    Pcapng {
        is_big: bool,
        interfaces: Vec<CaptureInterface>,
    },
}

#[derive(Clone, Copy, Debug)]
struct CaptureInterface {
    link: u16,
    /// The maximum length of frames, 0 for none.
    snap_len: u32,
    /// The units of time in a second.
    units: u64,
    /// Seconds to add to times.
    offset: i64,
}

/// Reads numbers in one byte order.
#[derive(Clone, Copy)]
struct Numbers<'a> {
    bytes: &'a [u8],
    is_big: bool,
}

impl<'a> Numbers<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*taken)
    }

    fn half(&mut self) -> Option<u16> {
        let bytes = self.take()?;
        Some(if self.is_big {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        })
    }

    fn word(&mut self) -> Option<u32> {
        let bytes = self.take()?;
        Some(if self.is_big {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    }

    fn long(&mut self) -> Option<u64> {
        let bytes = self.take()?;
        Some(if self.is_big {
            u64::from_be_bytes(bytes)
        } else {
            u64::from_le_bytes(bytes)
        })
    }

    /// The next option: its code and its value. `None` at the end.
    fn option(&mut self) -> Option<(u16, Numbers<'a>)> {
        let code = self.half()?;
        let length = usize::from(self.half()?);
        if code == 0 {
            return None;
        }
        let value = self.bytes.get(..length)?;
        self.bytes = self.bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        let is_big = self.is_big;
        Some((
            code,
            Numbers {
                bytes: value,
                is_big,
            },
        ))
    }
}

impl<R: Read> FileReader<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            offset: 0,
            format: Format::Unknown,
            is_truncated: false,
        }
    }

    /// Returns the next frame. `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<CapturedFrame>, CaptureError> {
        loop {
            match self.format {
                Format::Unknown => {
                    if !self.begin()? {
                        return Ok(None);
                    }
                }
                Format::Pcap {
                    is_big,
                    is_nano,
                    link,
                } => return self.record(is_big, is_nano, link),
                Format::Pcapng { .. } => match self.block()? {
                    Block::Frame(frame) => return Ok(Some(frame)),
                    Block::Other => {}
                    Block::End => return Ok(None),
                },
            }
        }
    }

    /// Reads the beginning of the file. Returns `false` if it is empty.
    fn begin(&mut self) -> Result<bool, CaptureError> {
        let Some(magic) = self.read_array::<4>()? else {
            if self.is_truncated {
                return Err(CaptureError::Format);
            }
            return Ok(false);
        };
        let (is_big, is_nano) = match magic {
            [0x0A, 0x0D, 0x0D, 0x0A] => {
                self.section()?;
                return Ok(true);
            }
            [0xA1, 0xB2, 0xC3, 0xD4] => (true, false),
            [0xD4, 0xC3, 0xB2, 0xA1] => (false, false),
            [0xA1, 0xB2, 0x3C, 0x4D] => (true, true),
            [0x4D, 0x3C, 0xB2, 0xA1] => (false, true),
            _ => return Err(CaptureError::Format),
        };
        let Some(rest) = self.read_array::<20>()? else {
            return Err(CaptureError::Format);
        };
        let mut numbers = Numbers {
            bytes: &rest[16..],
            is_big,
        };
        // The upper bits say something else.
        let link = numbers.word().unwrap_or_default() & 0xFFFF;
        let link = u16::try_from(link).unwrap_or(u16::MAX);
        self.format = Format::Pcap {
            is_big,
            is_nano,
            link,
        };
        Ok(true)
    }

    /// Reads a section header after its type.
    fn section(&mut self) -> Result<(), CaptureError> {
        let Some([l0, l1, l2, l3, order @ ..]) = self.read_array::<8>()? else {
            return Ok(());
        };
        let is_big = match order {
            [0x1A, 0x2B, 0x3C, 0x4D] => true,
            [0x4D, 0x3C, 0x2B, 0x1A] => false,
            _ => return Err(self.malformed("is a section header without a byte order")),
        };
        let length = [l0, l1, l2, l3];
        let length = if is_big {
            u32::from_be_bytes(length)
        } else {
            u32::from_le_bytes(length)
        };
        // The type, the length and the byte order have been read.
        self.body(length, 12)?;
        self.format = Format::Pcapng {
            is_big,
            interfaces: Vec::new(),
        };
        Ok(())
    }

    fn block(&mut self) -> Result<Block, CaptureError> {
        let Some(kind) = self.read_array::<4>()? else {
            return Ok(Block::End);
        };
        if kind == SECTION_HEADER.to_be_bytes() {
            self.section()?;
            return Ok(Block::Other);
        }
        let Some(length) = self.read_array::<4>()? else {
            return Ok(Block::End);
        };
        let Format::Pcapng { is_big, .. } = self.format else {
            return Ok(Block::End);
        };
        let number = |bytes| {
            if is_big {
                u32::from_be_bytes(bytes)
            } else {
                u32::from_le_bytes(bytes)
            }
        };
        let Some(body) = self.body(number(length), 8)? else {
            return Ok(Block::End);
        };
        let numbers = Numbers {
            bytes: &body,
            is_big,
        };
        match number(kind) {
            INTERFACE => {
                let interface =
                    interface(numbers).ok_or_else(|| self.malformed("describes no interface"))?;
                let too_many = self.malformed("describes too many interfaces");
                let Format::Pcapng { interfaces, .. } = &mut self.format else {
                    return Ok(Block::End);
                };
                if interfaces.len() == MAX_INTERFACES {
                    return Err(too_many);
                }
                interfaces.push(interface);
                Ok(Block::Other)
            }
            ENHANCED_PACKET => {
                let frame = self.enhanced(numbers, &body);
                let frame = frame.ok_or_else(|| self.malformed("holds no complete packet"))?;
                Ok(Block::Frame(frame))
            }
            SIMPLE_PACKET => {
                let frame = self.simple(numbers, &body);
                let frame = frame.ok_or_else(|| self.malformed("holds no complete packet"))?;
                Ok(Block::Frame(frame))
            }
            _ => Ok(Block::Other),
        }
    }

    fn interface(&self, at: u32) -> Option<CaptureInterface> {
        match &self.format {
            Format::Pcapng { interfaces, .. } => interfaces.get(usize::try_from(at).ok()?).copied(),
            _ => None,
        }
    }

    fn enhanced<'a>(&self, mut numbers: Numbers<'a>, body: &'a Bytes) -> Option<CapturedFrame> {
        const FIXED: usize = 20;
        let interface = self.interface(numbers.word()?)?;
        let (high, low) = (numbers.word()?, numbers.word()?);
        let length = usize::try_from(numbers.word()?).ok()?;
        numbers.word()?;
        let end = FIXED.checked_add(length)?;
        if end > body.len() {
            return None;
        }
        numbers.bytes = body.get(end.next_multiple_of(4)..).unwrap_or(&[]);
        let mut frame = CapturedFrame {
            time: interface.time(u64::from(high) << 32 | u64::from(low)),
            link: interface.link,
            data: body.slice(FIXED..end),
            lost: 0,
            comment: String::new(),
        };
        while let Some((code, mut value)) = numbers.option() {
            match code {
                EPB_DROPCOUNT => frame.lost = value.long().unwrap_or_default(),
                OPT_COMMENT if frame.comment.is_empty() => {
                    frame.comment = String::from_utf8_lossy(value.bytes).into_owned();
                }
                _ => {}
            }
        }
        Some(frame)
    }

    fn simple(&self, mut numbers: Numbers<'_>, body: &Bytes) -> Option<CapturedFrame> {
        let interface = self.interface(0)?;
        let mut length = numbers.word()?;
        if interface.snap_len > 0 {
            length = length.min(interface.snap_len);
        }
        let end = 4 + usize::try_from(length).ok()?;
        Some(CapturedFrame {
            time: Duration::ZERO,
            link: interface.link,
            data: (end <= body.len()).then(|| body.slice(4..end))?,
            lost: 0,
            comment: String::new(),
        })
    }

    /// The body of a block of this total length, of which `read` bytes have been read. `None` if the file ends before.
    fn body(&mut self, length: u32, read: u32) -> Result<Option<Bytes>, CaptureError> {
        let start = self.offset - u64::from(read);
        let malformed = |problem| CaptureError::Malformed {
            offset: start,
            problem,
        };
        if u64::from(length) > MAX_BLOCK {
            return Err(CaptureError::TooLong {
                offset: start,
                length: length.into(),
                limit: MAX_BLOCK,
            });
        }
        let Some(rest) = length
            .checked_sub(read + 4)
            .filter(|_| length.is_multiple_of(4))
        else {
            return Err(malformed("has an impossible length"));
        };
        let Some(body) = self.read_bytes(u64::from(rest) + 4)? else {
            return Ok(None);
        };
        let end = body.len() - 4;
        // In either byte order, since that of a section header is not known to the caller yet.
        let again = [length.to_be_bytes(), length.to_le_bytes()];
        if !again.iter().any(|length| body[end..] == length[..]) {
            return Err(malformed("has two different lengths"));
        }
        Ok(Some(body.slice(..end)))
    }

    fn record(
        &mut self,
        is_big: bool,
        is_nano: bool,
        link: u16,
    ) -> Result<Option<CapturedFrame>, CaptureError> {
        let offset = self.offset;
        let Some(header) = self.read_array::<16>()? else {
            return Ok(None);
        };
        let mut numbers = Numbers {
            bytes: &header,
            is_big,
        };
        let mut next = || numbers.word().unwrap_or_default();
        let (seconds, fraction, length) = (next(), next(), u64::from(next()));
        if length > MAX_BLOCK {
            return Err(CaptureError::TooLong {
                offset,
                length,
                limit: MAX_BLOCK,
            });
        }
        let Some(data) = self.read_bytes(length)? else {
            return Ok(None);
        };
        let nanos = u64::from(fraction) * if is_nano { 1 } else { 1000 };
        Ok(Some(CapturedFrame {
            time: Duration::from_secs(seconds.into()) + Duration::from_nanos(nanos),
            link,
            data,
            lost: 0,
            comment: String::new(),
        }))
    }

    fn read_array<const N: usize>(&mut self) -> Result<Option<[u8; N]>, CaptureError> {
        let mut array = [0; N];
        let mut filled = 0;
        while filled < N {
            match self.input.read(&mut array[filled..]) {
                Ok(0) => {
                    self.is_truncated |= filled > 0;
                    return Ok(None);
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.offset += N as u64;
        Ok(Some(array))
    }

    /// Reads this many bytes. Memory grows as they arrive, whatever the length claims.
    fn read_bytes(&mut self, length: u64) -> Result<Option<Bytes>, CaptureError> {
        let mut bytes = Vec::new();
        let read = self.input.by_ref().take(length).read_to_end(&mut bytes)? as u64;
        self.offset += read;
        if read < length {
            self.is_truncated = true;
            return Ok(None);
        }
        Ok(Some(bytes.into()))
    }

    fn malformed(&self, problem: &'static str) -> CaptureError {
        CaptureError::Malformed {
            offset: self.offset,
            problem,
        }
    }
}

enum Block {
    Frame(CapturedFrame),
    Other,
    End,
}

fn interface(mut numbers: Numbers<'_>) -> Option<CaptureInterface> {
    let link = numbers.half()?;
    numbers.half()?;
    let mut interface = CaptureInterface {
        link,
        snap_len: numbers.word()?,
        units: 1_000_000,
        offset: 0,
    };
    while let Some((code, mut value)) = numbers.option() {
        match code {
            IF_TSRESOL => {
                let [resolution] = value.take()?;
                let power = u32::from(resolution & 0x7F);
                let base = if resolution & 0x80 == 0 { 10_u64 } else { 2 };
                interface.units = base.checked_pow(power)?;
            }
            IF_TSOFFSET => interface.offset = value.long()?.cast_signed(),
            _ => {}
        }
    }
    Some(interface)
}

impl CaptureInterface {
    fn time(self, units: u64) -> Duration {
        let seconds = (units / self.units).saturating_add_signed(self.offset);
        let part = u128::from(units % self.units) * 1_000_000_000 / u128::from(self.units);
        Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(part).unwrap_or(0))
    }
}
