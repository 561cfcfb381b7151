use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};

use super::ip;
use super::segment::Segment;

/// The link type of raw IPv4 packets.
const LINKTYPE_IPV4: u16 = 228;

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const EPB_DROPCOUNT: u16 = 4;

/// The maximum length of a comment, in bytes.
const MAX_COMMENT: usize = 1024;

/// Writes TCP segments as a pcapng file, with times in nanoseconds.
///
/// Each segment is one write. Segments have IPv4 addresses; an IPv6 address is written as `0.0.0.0`.
#[derive(Debug)]
pub struct CaptureWriter<W> {
    output: W,
    block: Vec<u8>,
    /// The identification of the next IPv4 packet.
    identification: u16,
}

impl<W: Write> CaptureWriter<W> {
    /// Writes the header of the file. `program` is the name of the program that Wireshark shows.
    ///
    /// # Errors
    ///
    /// Returns the error of the write.
    pub fn new(output: W, program: &str) -> io::Result<Self> {
        let mut writer = Self {
            output,
            block: Vec::new(),
            identification: 0,
        };
        writer.begin(SECTION_HEADER);
        writer.put(&0x1A2B_3C4D_u32.to_le_bytes());
        writer.put(&1_u16.to_le_bytes());
        writer.put(&0_u16.to_le_bytes());
        // The length of the section is not known.
        writer.put(&u64::MAX.to_le_bytes());
        writer.put_option(SHB_USERAPPL, program.as_bytes());
        writer.end_options();
        let mut header = std::mem::take(&mut writer.block);
        finish(&mut header);
        writer.begin(INTERFACE);
        writer.put(&LINKTYPE_IPV4.to_le_bytes());
        writer.put(&0_u16.to_le_bytes());
        // No limit on the length of packets.
        writer.put(&0_u32.to_le_bytes());
        writer.put_option(IF_NAME, b"chirp");
        writer.put_option(
            IF_DESCRIPTION,
            b"Chirp connections, with made-up IP and TCP headers",
        );
        writer.put_option(IF_TSRESOL, &[9]);
        writer.end_options();
        finish(&mut writer.block);
        header.extend_from_slice(&writer.block);
        writer.output.write_all(&header)?;
        Ok(writer)
    }

    /// Writes a segment. Data beyond [`Segment::MAX_DATA`] bytes and comments beyond 1,024 bytes are cut.
    ///
    /// # Errors
    ///
    /// Returns the error of the write. The file then ends with an incomplete segment, which readers ignore.
    pub fn write(&mut self, segment: &Segment) -> io::Result<()> {
        self.begin(ENHANCED_PACKET);
        // The only interface.
        self.put(&0_u32.to_le_bytes());
        let nanoseconds = u64::try_from(segment.time.as_nanos()).unwrap_or(u64::MAX);
        let high = u32::try_from(nanoseconds >> 32).unwrap_or(u32::MAX);
        let low = u32::try_from(nanoseconds & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        self.put(&high.to_le_bytes());
        self.put(&low.to_le_bytes());
        let lengths = self.block.len();
        self.put(&[0; 8]);
        let begin = self.block.len();
        self.identification = self.identification.wrapping_add(1);
        let addresses = (v4(segment.source.ip()), v4(segment.destination.ip()));
        ip::encode(&mut self.block, segment, addresses, self.identification);
        let length = u32::try_from(self.block.len() - begin).unwrap_or(u32::MAX);
        self.block[lengths..lengths + 4].copy_from_slice(&length.to_le_bytes());
        self.block[lengths + 4..lengths + 8].copy_from_slice(&length.to_le_bytes());
        self.pad();
        if segment.lost > 0 {
            self.put_option(EPB_DROPCOUNT, &segment.lost.to_le_bytes());
        }
        if !segment.comment.is_empty() {
            let cut = segment.comment.floor_char_boundary(MAX_COMMENT);
            self.put_option(OPT_COMMENT, &segment.comment.as_bytes()[..cut]);
        }
        if segment.lost > 0 || !segment.comment.is_empty() {
            self.end_options();
        }
        finish(&mut self.block);
        self.output.write_all(&self.block)
    }

    /// Flushes the output.
    ///
    /// # Errors
    ///
    /// Returns the error of the output.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// Begins a block, whose length is filled in by `finish`.
    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.put(&kind.to_le_bytes());
        self.put(&[0; 4]);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(bytes);
    }

    fn pad(&mut self) {
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    fn put_option(&mut self, code: u16, value: &[u8]) {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.put(&code.to_le_bytes());
        self.put(&length.to_le_bytes());
        self.put(&value[..length.into()]);
        self.pad();
    }

    fn end_options(&mut self) {
        self.put(&[0; 4]);
    }
}

/// Completes a block with its length at both ends.
fn finish(block: &mut Vec<u8>) {
    let length = u32::try_from(block.len() + 4).unwrap_or(u32::MAX);
    block[4..8].copy_from_slice(&length.to_le_bytes());
    block.extend_from_slice(&length.to_le_bytes());
}

fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}
