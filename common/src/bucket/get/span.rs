//! A part of a stream, as HTTP writes ranges.

use std::str::FromStr;

use crate::error::{Error, Result};

/// `FIRST-LAST` (both included), `FIRST-` (to the end), or `-COUNT` (the last COUNT bytes).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Span {
    /// From one byte to another, both included.
    Between(u64, u64),
    /// From a byte to the end.
    From(u64),
    /// The last bytes.
    Last(u64),
    /// The first bytes, or all if there are not so many. The only one that may mean none.
    First(u64),
}

impl Span {
    /// The bytes `first..end` that it means in a stream of `total`.
    ///
    /// # Errors
    /// If there are none.
    pub(super) fn within(self, total: u64) -> Result<(u64, u64)> {
        let (first, end) = match self {
            Self::Between(first, last) => (first, last.saturating_add(1).min(total)),
            Self::From(first) => (first, total),
            Self::Last(count) => (total.saturating_sub(count), total),
            Self::First(count) => return Ok((0, count.min(total))),
        };
        if first >= end {
            return Err(Error::permanent(
                "read that range",
                format!("there are only {total} bytes"),
            ));
        }
        Ok((first, end))
    }
}

impl FromStr for Span {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse(text).ok_or_else(|| {
            Error::usage(format!("'{}' is not a range", text.escape_debug()))
                .hint("a range is FIRST-LAST, FIRST- or -COUNT")
        })
    }
}

fn parse(text: &str) -> Option<Span> {
    let number = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok())
            .flatten()
    };
    match text.split_once('-')? {
        ("", count) => number(count).map(Span::Last),
        (first, "") => number(first).map(Span::From),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Span::Between(first, last))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let bytes = |text: &str| text.parse::<Span>().unwrap().within(10).ok();
        assert_eq!(bytes("0-0"), Some((0, 1)));
        assert_eq!(bytes("2-99"), Some((2, 10)));
        assert_eq!(bytes("9-"), Some((9, 10)));
        assert_eq!(bytes("-3"), Some((7, 10)));
        assert_eq!(bytes("-30"), Some((0, 10)));
        assert_eq!(bytes("10-"), None);
        assert_eq!(bytes("-0"), None);
        assert_eq!(Span::First(4).within(10).ok(), Some((0, 4)));
        assert_eq!(Span::First(40).within(10).ok(), Some((0, 10)));
        assert_eq!(Span::First(40).within(0).ok(), Some((0, 0)));
        for text in ["", "-", "3", "5-2", "a-b", "1-2-3", "+1-2"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
