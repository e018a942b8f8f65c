//! Sizes as people write them and as we show them.
//!
//! Suffixes are binary: `k` is 1,024 bytes. Input takes decimals (`1.5M`); output has one decimal.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A number of bytes given as `300`, `64k`, `16M`, `1.5G` or `5T`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse_size(text).map(Self)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&human(self.0))
    }
}

/// The number of bytes that `text` means.
///
/// # Errors
/// If it isn't a number with at most one of the suffixes k, m, g, t (and an optional `B` or `iB`).
pub fn parse_size(text: &str) -> Result<u64> {
    scaled(text).ok_or_else(|| {
        Error::usage(format!("'{}' is not a size", text.escape_debug()))
            .hint("a size is a number with an optional k, M, G or T")
    })
}

fn scaled(text: &str) -> Option<u64> {
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let shift = match suffix.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || fraction.len() > 12 {
        return None;
    }
    let unit = 1u128 << shift;
    let whole: u128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let part: u128 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    u64::try_from(whole.checked_mul(unit)? + part * unit / scale).ok()
}

/// Sizes together. What servers say is not always possible; then this is the most that there can be.
pub fn total(sizes: impl IntoIterator<Item = u64>) -> u64 {
    sizes.into_iter().fold(0, u64::saturating_add)
}

/// `n` bytes as s3dump has always shown them: `812`, `14.0k`, `21.5M`, `5.4G`.
#[must_use]
pub fn human(n: u64) -> String {
    for (shift, letter) in [(40, 'T'), (30, 'G'), (20, 'M'), (10, 'k')] {
        if n > 1 << shift {
            return format!("{}{letter}", tenths(n, shift));
        }
    }
    n.to_string()
}

/// `n` in units of 2^`shift`, rounded to one decimal, without floating point.
fn tenths(n: u64, shift: u32) -> String {
    let tenth = (u128::from(n) * 10 + (1u128 << (shift - 1))) >> shift;
    format!("{}.{}", tenth / 10, tenth % 10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("300", 300),
            ("64k", 65536),
            ("1.5M", 1_572_864),
            ("16MiB", 16 << 20),
            ("5T", 5 << 40),
            (".5k", 512),
        ] {
            assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "k", "-1", "1x", "1.2.3", "1 k", "99999999T", ".", "1e3"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shown() {
        for (bytes, text) in [
            (0, "0"),
            (1024, "1024"),
            (1025, "1.0k"),
            (14336, "14.0k"),
            (22_544_384, "21.5M"),
            (5_798_205_850, "5.4G"),
            (u64::MAX, "16777216.0T"),
        ] {
            assert_eq!(human(bytes), text);
        }
    }

    #[test]
    fn together() {
        assert_eq!(total([]), 0);
        assert_eq!(total([1, 2, 3]), 6);
        assert_eq!(total([u64::MAX, 1, u64::MAX]), u64::MAX);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,30}") {
            let _ = parse_size(&text);
        }
    }
}
