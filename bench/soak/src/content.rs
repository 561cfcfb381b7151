//! Bytes that can be checked without being kept.

use bytes::Bytes;

/// Returns `length` bytes that follow from `seed`. They can be compressed if `is_regular`.
pub(crate) fn bytes(seed: u64, length: usize, is_regular: bool) -> Bytes {
    let byte = |index: u64| {
        let step = if is_regular { index / 64 } else { index };
        (seed.wrapping_add(step).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
    };
    (0..length as u64).map(byte).collect::<Vec<_>>().into()
}

/// Returns a checksum (FNV-1a) of bytes that come in pieces, the first of which has `sum` zero.
pub(crate) fn checksum(sum: u64, piece: &[u8]) -> u64 {
    let start = sum ^ 0xCBF2_9CE4_8422_2325;
    let end = piece.iter().fold(start, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    });
    end ^ 0xCBF2_9CE4_8422_2325
}
