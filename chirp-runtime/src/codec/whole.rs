use serde::de::{Error, Visitor};

/// A whole number that was written as a float, without rounding. JavaScript has only floats, and its
/// libraries write large integers that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    negative: bool,
    magnitude: u128,
}

impl Whole {
    /// Converts a float that is whole and has at most 128 bits.
    #[cfg(feature = "messagepack")]
    pub(super) fn of_float(float: f64) -> Option<Self> {
        const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
        const BIAS: u64 = 1023 + FRACTION_BITS as u64;
        // Rejects NaN and infinities too: their fractional part is not a number.
        if float.fract() != 0.0 {
            return None;
        }
        let bits = float.to_bits();
        let fraction = bits & ((1 << FRACTION_BITS) - 1);
        let exponent = bits >> FRACTION_BITS & 0x7FF;
        let magnitude = if exponent == 0 {
            // Zero: all other numbers with this exponent are below 1.
            0
        } else {
            let digits = u128::from(fraction | 1 << FRACTION_BITS);
            match exponent.checked_sub(BIAS) {
                Some(up) => shifted(digits, u32::try_from(up).ok()?)?,
                // Only zero bits are shifted out, since the number is whole.
                None => digits >> (BIAS - exponent),
            }
        };
        Some(Self {
            negative: float.is_sign_negative(),
            magnitude,
        })
    }

    /// Converts the text of a JSON number that is whole and has at most 128 bits. The conversion does not go
    /// through a float, so nothing is rounded.
    #[cfg(feature = "json")]
    pub(super) fn of_text(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, power(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits = whole.bytes().chain(fraction.bytes());
        if whole.is_empty() || !digits.all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        // Trailing zeros only move the decimal point.
        let fraction = fraction.trim_end_matches('0');
        let (whole, moved) = if fraction.is_empty() {
            let trimmed = whole.trim_end_matches('0');
            (trimmed, i64::try_from(whole.len() - trimmed.len()).ok()?)
        } else {
            (whole, 0)
        };
        let mut magnitude: u128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            magnitude = magnitude
                .checked_mul(10)?
                .checked_add(u128::from(digit - b'0'))?;
        }
        if magnitude > 0 {
            let places = i64::try_from(fraction.len()).ok()?;
            let up = exponent.checked_add(moved)?.checked_sub(places)?;
            let factor = 10_u128.checked_pow(u32::try_from(up).ok()?)?;
            magnitude = magnitude.checked_mul(factor)?;
        }
        Some(Self {
            negative,
            magnitude,
        })
    }

    /// Passes the number to a visitor, as the narrowest integer type that serde has for it.
    pub(super) fn visit<'de, V: Visitor<'de>, E: Error>(self, visitor: V) -> Result<V::Value, E> {
        let Self {
            negative,
            magnitude,
        } = self;
        if !negative || magnitude == 0 {
            return match u64::try_from(magnitude) {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => visitor
                    .visit_u128(magnitude)
                    .map_err(|error| self.named(error)),
            };
        }
        let Some(number) = 0_i128.checked_sub_unsigned(magnitude) else {
            return Err(E::custom(format_args!(
                "-{magnitude} is too small for any integer type"
            )));
        };
        match i64::try_from(number) {
            Ok(number) => visitor.visit_i64(number),
            Err(_) => visitor
                .visit_i128(number)
                .map_err(|error| self.named(error)),
        }
    }

    /// Adds the number to a visitor's error. serde omits 128-bit numbers from some errors.
    fn named<E: Error>(self, error: E) -> E {
        let sign = if self.negative { "-" } else { "" };
        let (text, number) = (error.to_string(), format!("{sign}{}", self.magnitude));
        if text.contains(&number) {
            return error;
        }
        E::custom(format_args!("{text}, got {number}"))
    }
}

/// Shifts `digits` to the left, unless bits would be lost.
#[cfg(feature = "messagepack")]
fn shifted(digits: u128, up: u32) -> Option<u128> {
    (up <= digits.leading_zeros()).then(|| digits << up)
}

/// Parses a power of ten in JSON notation. Values too large to matter are capped.
#[cfg(feature = "json")]
fn power(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut power: i64 = 0;
    for digit in digits {
        // Far beyond the length of any text that fits into memory.
        power = (power * 10 + i64::from(digit - b'0')).min(1 << 48);
    }
    Some(if negative { -power } else { power })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(
        clippy::unnecessary_wraps,
        reason = "the result is compared with an option"
    )]
    fn number(negative: bool, magnitude: u128) -> Option<Whole> {
        Some(Whole {
            negative,
            magnitude,
        })
    }

    #[cfg(feature = "json")]
    #[test]
    fn texts_are_read_exactly() {
        for (text, expected) in [
            ("0", number(false, 0)),
            ("-0.0", number(true, 0)),
            ("0e99999999999999999999", number(false, 0)),
            ("0.000e-99999999999999999999", number(false, 0)),
            ("5.0", number(false, 5)),
            ("-5.000", number(true, 5)),
            ("1e3", number(false, 1000)),
            ("1E+3", number(false, 1000)),
            ("1.25e2", number(false, 125)),
            ("1200e-2", number(false, 12)),
            ("100.50e1", number(false, 1005)),
            ("1.8e1", number(false, 18)),
            // A conversion to a float would round these.
            ("9007199254740993.0", number(false, (1 << 53) + 1)),
            ("18446744073709551615.0", number(false, u64::MAX.into())),
            (
                "340282366920938463463374607431768211455e0",
                number(false, u128::MAX),
            ),
            ("340282366920938463463374607431768211456e0", None),
            ("4.99999999999999999999", None),
            ("1.5", None),
            ("1.25e1", None),
            ("1e-1", None),
            ("1200e-3", None),
            ("1e39", None),
            ("1e99999999999999999999", None),
            ("1e-99999999999999999999", None),
            ("x", None),
            ("", None),
            ("1e", None),
        ] {
            assert_eq!(Whole::of_text(text), expected, "{text}");
        }
    }

    #[cfg(feature = "messagepack")]
    #[test]
    fn floats_are_read_exactly() {
        for (float, expected) in [
            (0.0, number(false, 0)),
            (-0.0, number(true, 0)),
            (1.0, number(false, 1)),
            (-3.0, number(true, 3)),
            (1_764_363_600_123.0, number(false, 1_764_363_600_123)),
            (9_007_199_254_740_991.0, number(false, (1 << 53) - 1)),
            (18_446_744_073_709_551_616.0, number(false, 1 << 64)),
            (2_f64.powi(127), number(false, 1 << 127)),
            (-2_f64.powi(127), number(true, 1 << 127)),
            (2_f64.powi(128), None),
            (0.5, None),
            (-1.5, None),
            (f64::MIN_POSITIVE, None),
            (5e-324, None),
            (f64::MAX, None),
            (f64::INFINITY, None),
            (f64::NEG_INFINITY, None),
            (f64::NAN, None),
        ] {
            assert_eq!(Whole::of_float(float), expected, "{float}");
        }
    }
}
