//! Decimal numbers as they are written: exact, one spelling each.

use std::fmt;

/// A decimal number: `mantissa / 10^scale`, with no trailing zero behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    mantissa: i64,
    scale: u8,
}

/// A text or pair of numbers is no decimal number in its one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not a number.
    #[error("the value is not a finite number")]
    NotFinite,
    /// Another spelling: exponent, leading or trailing zero, plus sign, minus zero.
    #[error("a number is written without exponent, plus sign, leading or trailing zeros")]
    Spelling,
    /// More digits than fit.
    #[error("a number has at most {MAX_SCALE} digits behind the point and fits 64 bits")]
    Range,
}

impl Decimal {
    /// `mantissa / 10^scale`, whatever its zeros.
    pub fn new(mut mantissa: i64, mut scale: u8) -> Result<Self, DecimalError> {
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        Self::canonical(mantissa, scale)
    }

    /// `mantissa / 10^scale` in its one form.
    pub fn canonical(mantissa: i64, scale: u8) -> Result<Self, DecimalError> {
        if scale > MAX_SCALE {
            return Err(DecimalError::Range);
        }
        if scale > 0 && mantissa % 10 == 0 {
            return Err(DecimalError::Spelling);
        }
        Ok(Self { mantissa, scale })
    }

    /// Reads the one spelling of a number.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        let lower = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
        if lower.starts_with("nan") || lower.starts_with("inf") {
            return Err(DecimalError::NotFinite);
        }
        if text.len() > MAX_TEXT {
            return Err(DecimalError::Range);
        }
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(DecimalError::Spelling),
            Some(parts) => parts,
            None => (digits, ""),
        };
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let leading = whole.is_empty() || (whole.len() > 1 && whole.starts_with('0'));
        if !plain(whole) || !plain(fraction) || leading {
            return Err(DecimalError::Spelling);
        }
        let scale = u8::try_from(fraction.len()).map_err(|_| DecimalError::Range)?;
        let magnitude: i128 = format!("{whole}{fraction}")
            .parse()
            .map_err(|_| DecimalError::Range)?;
        if negative && magnitude == 0 {
            return Err(DecimalError::Spelling);
        }
        let signed = if negative { -magnitude } else { magnitude };
        Self::canonical(
            i64::try_from(signed).map_err(|_| DecimalError::Range)?,
            scale,
        )
    }

    /// The number in units of 10^-decimals, if it is a whole one that fits.
    pub fn scaled(self, decimals: u8) -> Option<i64> {
        let more = decimals.checked_sub(self.scale)?;
        10i64
            .checked_pow(more.into())
            .and_then(|factor| self.mantissa.checked_mul(factor))
    }

    /// Mantissa and digits behind the point.
    pub fn parts(self) -> (i64, u8) {
        (self.mantissa, self.scale)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = self.mantissa.unsigned_abs();
        if self.scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let unit = 10u64.saturating_pow(self.scale.into());
        let width = usize::from(self.scale);
        write!(f, "{sign}{}.{:0width$}", digits / unit, digits % unit)
    }
}

/// Most digits behind the point.
pub const MAX_SCALE: u8 = 9;
const MAX_TEXT: usize = 24;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_spelling_for_one_number() {
        for good in [
            "0",
            "-1",
            "4.25",
            "0.001",
            "-0.5",
            "9223372036854775807",
            "-9223372036854775808",
        ] {
            assert_eq!(Decimal::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "", "-", "+1", "01", "1.", ".5", "1.0", "-0", "1e3", "0x1", " 1", "1 ", "--1", "1.2.3",
        ] {
            assert_eq!(Decimal::parse(bad), Err(DecimalError::Spelling), "{bad}");
        }
        for huge in [
            "9223372036854775808",
            "-9223372036854775809",
            "0.0000000001",
            "1111111111111111111111111",
        ] {
            assert_eq!(Decimal::parse(huge), Err(DecimalError::Range), "{huge}");
        }
        for not in ["NaN", "nan", "Infinity", "-inf", "+Inf"] {
            assert_eq!(Decimal::parse(not), Err(DecimalError::NotFinite), "{not}");
        }
    }

    #[test]
    fn more_digits_than_the_feed_has_do_not_fit() {
        let value = Decimal::parse("4.25").unwrap();

        assert_eq!(value.scaled(2), Some(425));
        assert_eq!(value.scaled(3), Some(4250));
        assert_eq!(value.scaled(1), None);
        assert_eq!(
            Decimal::parse("9223372036854775807").unwrap().scaled(1),
            None
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(mantissa: i64, scale in 0..=MAX_SCALE) {
            let value = Decimal::new(mantissa, scale).unwrap();
            prop_assert_eq!(Decimal::parse(&value.to_string()), Ok(value));
            prop_assert_eq!(value.scaled(scale), Some(mantissa));
        }

        #[test]
        fn whatever_is_read_is_spelt_alike(text in "-?[0-9]{0,21}(\\.[0-9]{0,11})?") {
            if let Ok(value) = Decimal::parse(&text) {
                prop_assert_eq!(value.to_string(), text);
            }
        }
    }
}
