//! How fast bytes may pass.
//!
//! A [`Rate`] is a number of bytes per second, or no limit. A [`Timetable`] says which rate holds when. A
//! [`Pacer`] makes a stream keep to it: it never blocks, so that a plain filter and an async upload use
//! the same one, and several tasks may draw from it at once. [`obey_signals`] lets its owner change it
//! from outside: `SIGUSR1` halves the rate, `SIGUSR2` doubles it.
//!
//! What it promises: over any time the bytes granted are at most the rate times that time plus one burst,
//! and a stream that asks again as soon as it is told to gets the rate. What it refuses: a rate below one
//! byte per second, and a timetable with a rule that could never hold.

mod pacer;
mod signals;
mod timetable;

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::units::parse_size;

pub use pacer::{Clock, Grant, Pacer, SystemClock};
pub use signals::{Obedience, obey_signals};
pub use timetable::Timetable;

/// Where halving ends, in bytes per second, unless the rate was lower to begin with.
const LOWEST: u64 = 1 << 10;
/// Where doubling ends, in bytes per second: more than a pipe can carry.
const HIGHEST: u64 = 16 << 30;
/// What a signal makes of "unlimited", in bytes per second.
const FIRST: u64 = 256 << 10;

/// A number of bytes per second, or no limit.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rate(u64);

impl Rate {
    /// No limit.
    pub const UNLIMITED: Self = Self(0);

    /// `bytes` per second; 0 is no limit.
    #[must_use]
    pub const fn per_second(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The limit in bytes per second, when there is one.
    #[must_use]
    pub fn limit(self) -> Option<u64> {
        (self.0 > 0).then_some(self.0)
    }

    /// Half of it, but not less than 1 KiB per second; 256 KiB per second where there was no limit.
    #[must_use]
    pub fn halved(self) -> Self {
        match self.limit() {
            None => Self(FIRST),
            Some(rate) => Self((rate / 2).max(rate.min(LOWEST))),
        }
    }

    /// Twice as much, but not more than 16 GiB per second; 256 KiB per second where there was no limit.
    #[must_use]
    pub fn doubled(self) -> Self {
        match self.limit() {
            None => Self(FIRST),
            Some(rate) => Self(rate.saturating_mul(2).min(rate.max(HIGHEST))),
        }
    }
}

impl FromStr for Rate {
    type Err = Error;

    /// `300k`, `1.5M`, `64KiB/s`, or `0`, `off`, `unlimited`. Suffixes are binary.
    fn from_str(text: &str) -> Result<Self> {
        if text.eq_ignore_ascii_case("off") || text.eq_ignore_ascii_case("unlimited") {
            return Ok(Self::UNLIMITED);
        }
        let amount = text
            .strip_suffix("/s")
            .or_else(|| text.strip_suffix("/S"))
            .unwrap_or(text);
        let bytes = parse_size(amount).map_err(|_| {
            let text = text.escape_debug();
            Error::usage(format!(
                "'{text}' is not a rate: give bytes per second, such as 300k or 1.5M, or 'off'"
            ))
        })?;
        if bytes == 0 && amount.contains(|c: char| ('1'..='9').contains(&c)) {
            return Err(Error::usage(format!(
                "'{text}' is less than one byte per second"
            )));
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Rate {
    /// Exact, and readable by [`Rate::from_str`]: `300k/s`, `1.5M/s`, `unlimited`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(rate) = self.limit() else {
            return f.write_str("unlimited");
        };
        for (shift, letter) in [(40, 'T'), (30, 'G'), (20, 'M'), (10, 'k')] {
            let thousandths = (u128::from(rate) * 1000) >> shift;
            if rate >> shift > 0 && thousandths << shift == u128::from(rate) * 1000 {
                let fraction = format!("{:03}", thousandths % 1000);
                let fraction = fraction.trim_end_matches('0');
                let point = if fraction.is_empty() { "" } else { "." };
                return write!(f, "{}{point}{fraction}{letter}/s", thousandths / 1000);
            }
        }
        write!(f, "{rate}/s")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn reads_what_people_write() {
        for (text, bytes) in [
            ("300k", 300 << 10),
            ("300K", 300 << 10),
            ("300kB/s", 300 << 10),
            ("64KiB/s", 64 << 10),
            ("1.5M", 3 << 19),
            ("2g", 2 << 30),
            ("1T/S", 1 << 40),
            ("17", 17),
            ("0", 0),
            ("0k/s", 0),
            ("off", 0),
            ("Unlimited", 0),
        ] {
            assert_eq!(rate(text), Rate(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "", "fast", "-1", "1x", "300k/h", "300k/s/s", "/s", "1 M", "0.1", "nan", "1e6",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        let error = "0.5".parse::<Rate>().unwrap_err();
        assert_eq!(error.to_string(), "'0.5' is less than one byte per second");
    }

    #[test]
    fn is_shown_exactly() {
        for (bytes, text) in [
            (0, "unlimited"),
            (1, "1/s"),
            (1023, "1023/s"),
            (1024, "1k/s"),
            (38_400, "37.5k/s"),
            (4_800, "4800/s"),
            (3 << 19, "1.5M/s"),
            (1 << 40, "1T/s"),
            (1_000_000, "1000000/s"),
        ] {
            assert_eq!(Rate(bytes).to_string(), text);
        }
    }

    #[test]
    fn halving_and_doubling_have_ends() {
        assert_eq!(rate("300k").halved(), rate("150k"));
        assert_eq!(rate("300k").doubled(), rate("600k"));
        assert_eq!(rate("1k").halved(), rate("1k"));
        assert_eq!(rate("1500").halved(), rate("1k"));
        assert_eq!(rate("500").halved(), rate("500"));
        assert_eq!(rate("500").doubled(), rate("1000"));
        assert_eq!(rate("10G").doubled(), rate("16G"));
        assert_eq!(rate("1T").doubled(), rate("1T"));
        assert_eq!(Rate(u64::MAX).doubled(), Rate(u64::MAX));
        assert_eq!(Rate::UNLIMITED.halved(), rate("256k"));
        assert_eq!(Rate::UNLIMITED.doubled(), rate("256k"));
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_read(mantissa in 0u64..1 << 16, shift in 0u32..48) {
            let rate = Rate(mantissa << shift);
            prop_assert_eq!(rate.to_string().parse::<Rate>().unwrap(), rate);
        }

        #[test]
        fn any_number_can_be_shown_and_read(bytes: u64) {
            let rate = Rate(bytes);
            prop_assert_eq!(rate.to_string().parse::<Rate>().unwrap(), rate);
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,30}") {
            let _ = text.parse::<Rate>();
        }

        #[test]
        fn a_limit_stays_a_limit(bytes in 1u64.., doublings in proptest::collection::vec(any::<bool>(), 0..80)) {
            let mut rate = Rate(bytes);
            for double in doublings {
                rate = if double { rate.doubled() } else { rate.halved() };
                prop_assert!(rate.limit().is_some_and(|now| now >= bytes.min(LOWEST) && now <= bytes.max(HIGHEST)));
            }
        }
    }
}
