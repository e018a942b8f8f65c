//! Spans of time as people write them: `30d`, `12h`, `2w`, `6m`, `1y`, `1y6m`.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::error::{Error, Result};

/// A span of time; months and years are the calendar's, in UTC.
#[derive(Clone, Debug)]
pub struct Age {
    text: String,
    span: Span,
}

impl Age {
    /// True for `0h`: everything is older than that.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.span.is_zero()
    }

    /// The instant that is so long before `instant`.
    #[must_use]
    pub fn before(&self, instant: Timestamp) -> Timestamp {
        // Longer ago than the calendar reaches is before everything.
        instant
            .to_zoned(TimeZone::UTC)
            .checked_sub(self.span)
            .map_or(Timestamp::MIN, |zoned| zoned.timestamp())
    }

    /// How many seconds it is, if it ends at `instant`: months and years are of different lengths.
    #[must_use]
    pub fn seconds(&self, instant: Timestamp) -> u64 {
        let seconds = instant.as_second() - self.before(instant).as_second();
        seconds.unsigned_abs()
    }
}

impl FromStr for Age {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        span(text)
            .filter(|_| !text.is_empty())
            .map(|span| Self {
                text: text.to_owned(),
                span,
            })
            .ok_or_else(|| {
                Error::usage(format!("'{}' is not a span of time", text.escape_debug()))
                    .hint("a span is one or more of 12h, 30d, 2w, 6m (months), 1y")
            })
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn span(text: &str) -> Option<Span> {
    let mut sum = Span::new();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        let (taken, next) = match rest.as_bytes()[digits] {
            b'h' => (sum.get_hours().into(), sum.try_hours(number)),
            b'd' => (i64::from(sum.get_days()), sum.try_days(number)),
            b'w' => (i64::from(sum.get_weeks()), sum.try_weeks(number)),
            b'm' => (i64::from(sum.get_months()), sum.try_months(number)),
            b'y' => (i64::from(sum.get_years()), sum.try_years(number)),
            _ => return None,
        };
        if taken != 0 {
            return None;
        }
        sum = next.ok()?;
        rest = &rest[digits + 1..];
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spans() {
        let start: Timestamp = "2026-03-31T12:00:00Z".parse().unwrap();
        for (text, before) in [
            ("12h", "2026-03-31T00:00:00Z"),
            ("30d", "2026-03-01T12:00:00Z"),
            ("2w", "2026-03-17T12:00:00Z"),
            ("1m", "2026-02-28T12:00:00Z"),
            ("1y6m", "2024-09-30T12:00:00Z"),
        ] {
            let age: Age = text.parse().unwrap();
            assert_eq!(age.before(start).to_string(), before, "{text}");
        }
        let month = "1m".parse::<Age>().unwrap();
        assert_eq!(month.seconds(start), 31 * 86_400);
        for text in [
            "",
            "d",
            "30",
            "-1d",
            "1x",
            "1d1d",
            "1.5d",
            "99999999999999999999d",
            "99999999y",
            "1é",
        ] {
            assert!(text.parse::<Age>().is_err(), "{text}");
        }
        assert_eq!(
            "19000y".parse::<Age>().unwrap().before(start),
            Timestamp::MIN
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[0-9hdwmyé]{0,12}") {
            let _ = text.parse::<Age>();
        }
    }
}
