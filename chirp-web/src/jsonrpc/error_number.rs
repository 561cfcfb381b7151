//! The error numbers of JSON-RPC, which are signed, and the error codes of Chirp, which are not.
//!
//! A number and a code that are equal modulo 65,536 are the same error, so nothing has to be looked up and nothing is lost
//! between two peers. The range of numbers ends just below those that LSP defines.

/// The lowest number that is a code: the start of the range that LSP reserves.
pub(crate) const LOWEST: i32 = -32_899;

/// The highest number that is a code.
pub(crate) const HIGHEST: i32 = LOWEST + 0xFFFF;

/// Returns the number of an error code: the code itself up to [`HIGHEST`], and a negative number beyond it.
pub(crate) fn of_code(code: u16) -> i32 {
    let number = i32::from(code);
    if number > HIGHEST {
        number - 0x1_0000
    } else {
        number
    }
}

/// Returns the code of an error number. `None` if no code has the number.
pub(crate) fn to_code(number: i64) -> Option<u16> {
    let range = i64::from(LOWEST)..=i64::from(HIGHEST);
    let code = range.contains(&number).then(|| number.rem_euclid(0x1_0000));
    code.and_then(|code| u16::try_from(code).ok())
}

#[cfg(test)]
mod tests {
    use super::{HIGHEST, LOWEST, of_code, to_code};

    #[test]
    fn every_code_has_a_number() {
        for code in 0..=u16::MAX {
            let number = of_code(code);
            assert!((LOWEST..=HIGHEST).contains(&number), "{code}");
            assert_eq!(to_code(number.into()), Some(code));
        }
    }

    #[test]
    fn numbers_of_protocols_are_codes() {
        let cases = [
            (0, Some(0)),
            (404, Some(404)),
            (-1, Some(0xFFFF)),
            (-32_601, Some(32_935)),
            (-32_801, Some(32_735)),
            (-32_899, Some(32_637)),
            (32_636, Some(32_636)),
            (-32_900, None),
            (32_637, None),
            (i64::MAX, None),
            (i64::MIN, None),
        ];
        for (number, code) in cases {
            assert_eq!(to_code(number), code, "{number}");
        }
    }
}
