//! Which rate holds when.
//!
//! A timetable is a list of rules separated by commas, each `[DAYS] [HH:MM-HH:MM] RATE`; the first that
//! matches the local time holds, and where none does there is no limit. Days are `Mon`, `Mon-Fri`,
//! `Sat+Sun`; they are joined with `+` because the comma is taken. Ranges may wrap: `Fri-Mon`,
//! `22:00-06:00`. A span that wraps past midnight belongs to the day on which it begins, so that
//! `Fri 22:00-06:00` ends on Saturday morning.
//!
//! A rule behind one that always holds would never be used; that is an error and not a surprise at night.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;

use super::Rate;
use crate::error::{Error, Result};

/// Minutes of a day.
const DAY: u16 = 24 * 60;
const NAMES: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// Rates by day and hour. The default is no limit at any time.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Timetable(Vec<Rule>);

impl Timetable {
    /// The rate that holds at the local time `now`.
    #[must_use]
    pub fn rate_at(&self, now: DateTime) -> Rate {
        let minute =
            u16::from(now.hour().unsigned_abs()) * 60 + u16::from(now.minute().unsigned_abs());
        let day = now.weekday().to_monday_zero_offset().unsigned_abs();
        self.0
            .iter()
            .find(|rule| rule.matches(day, minute))
            .map_or(Rate::UNLIMITED, |rule| rule.rate)
    }

    /// The rate, when it is the same at all times.
    #[must_use]
    pub fn fixed(&self) -> Option<Rate> {
        match self.0.first() {
            None => Some(Rate::UNLIMITED),
            Some(rule) if rule.always() => Some(rule.rate),
            Some(_) => None,
        }
    }
}

impl From<Rate> for Timetable {
    fn from(rate: Rate) -> Self {
        Self(vec![Rule {
            days: Days::ALL,
            span: Span::WHOLE,
            rate,
        }])
    }
}

impl FromStr for Timetable {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let rules = text
            .split(',')
            .map(str::parse)
            .collect::<Result<Vec<Rule>>>()?;
        if let Some(first) = rules.iter().position(Rule::always)
            && let Some(unused) = rules.get(first + 1)
        {
            return Err(Error::usage(format!(
                "the rule '{unused}' would never be used: put it before '{}'",
                rules[first]
            )));
        }
        Ok(Self(rules))
    }
}

impl fmt::Display for Timetable {
    /// Readable by [`Timetable::from_str`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Rate::UNLIMITED.fmt(f);
        }
        for (n, rule) in self.0.iter().enumerate() {
            write!(f, "{}{rule}", if n > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// On these days, at these hours: this rate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Rule {
    days: Days,
    span: Span,
    rate: Rate,
}

impl Rule {
    fn always(&self) -> bool {
        self.days == Days::ALL && self.span == Span::WHOLE
    }

    fn matches(&self, day: u8, minute: u16) -> bool {
        let Span { start, end } = self.span;
        if start < end {
            return self.days.has(day) && (start..end).contains(&minute);
        }
        let yesterday = (day + 6) % 7;
        (self.days.has(day) && minute >= start) || (self.days.has(yesterday) && minute < end)
    }
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let Some(last) = words.pop() else {
            return Err(Error::usage(
                "a rate is missing: each rule is [DAYS] [HH:MM-HH:MM] RATE",
            ));
        };
        if last.parse::<Days>().is_ok() || last.parse::<Span>().is_ok() {
            let text = text.trim();
            return Err(Error::usage(format!(
                "'{text}' has no rate (days are joined with '+', rules with ',')"
            )));
        }
        let rate = last.parse()?;
        let (days, span) = match words[..] {
            [] => (Days::ALL, Span::WHOLE),
            [span] if span.contains(':') => (Days::ALL, span.parse()?),
            [days] => (days.parse()?, Span::WHOLE),
            [days, span] => (days.parse()?, span.parse()?),
            _ => {
                let text = text.trim().escape_debug();
                return Err(Error::usage(format!(
                    "'{text}' has too many words: each rule is [DAYS] [HH:MM-HH:MM] RATE"
                )));
            }
        };
        Ok(Self { days, span, rate })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days != Days::ALL {
            write!(f, "{} ", self.days)?;
        }
        if self.span != Span::WHOLE {
            write!(f, "{} ", self.span)?;
        }
        self.rate.fmt(f)
    }
}

/// A set of weekdays: bit 0 is Monday.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Days(u8);

impl Days {
    const ALL: Self = Self(0x7f);

    fn has(self, day: u8) -> bool {
        self.0 >> day & 1 == 1
    }
}

impl FromStr for Days {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut set = 0;
        for range in text.split('+') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (mut day, last) = (weekday(first)?, weekday(last)?);
            set |= 1 << day;
            while day != last {
                day = (day + 1) % 7;
                set |= 1 << day;
            }
        }
        Ok(Self(set))
    }
}

/// The number of a day, whose name has three letters or all of them.
fn weekday(name: &str) -> Result<u8> {
    let lower = name.to_ascii_lowercase();
    (0u8..).zip(NAMES).find(|(_, full)| lower == *full || lower == full[..3]).map(|(day, _)| day).ok_or_else(|| {
        let name = name.escape_debug();
        Error::usage(format!("'{name}' is not a day: give Mon, Tue, Wed, Thu, Fri, Sat or Sun, such as Mon-Fri or Sat+Sun"))
    })
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("Mon-Sun");
        }
        let mut between = "";
        // A run begins where the day before is not in the set; Sunday's successor is Monday.
        for first in (0..7).filter(|&day| self.has(day) && !self.has((day + 6) % 7)) {
            let length = (1..7)
                .take_while(|more| self.has((first + more) % 7))
                .count();
            let last = (usize::from(first) + length) % 7;
            write!(f, "{between}{}", short(usize::from(first)))?;
            if length > 0 {
                write!(f, "-{}", short(last))?;
            }
            between = "+";
        }
        Ok(())
    }
}

/// `Mon`.
fn short(day: usize) -> String {
    let name = NAMES[day % 7];
    format!("{}{}", name[..1].to_ascii_uppercase(), &name[1..3])
}

/// From one minute of the day up to, but without, another. An end that isn't later is on the next day.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Span {
    start: u16,
    end: u16,
}

impl Span {
    const WHOLE: Self = Self { start: 0, end: DAY };
}

impl FromStr for Span {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::usage(format!(
                "'{}' is not a span of time: {why}",
                text.escape_debug()
            ))
        };
        let (start, end) = text
            .split_once('-')
            .and_then(|(start, end)| Some((minute_of_day(start)?, minute_of_day(end)?)))
            .ok_or_else(|| wrong("give HH:MM-HH:MM, from 00:00 to 24:00"))?;
        if start == end {
            return Err(wrong("it ends when it begins (a whole day is 00:00-24:00)"));
        }
        if start == DAY {
            return Err(wrong("it begins at 24:00 (give 00:00, and the day after)"));
        }
        Ok(Self { start, end })
    }
}

fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !(1..=2).contains(&hour.len()) || minute.len() != 2 || !digits(hour) || !digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= DAY).then_some(total)
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, end } = self;
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            start / 60,
            start % 60,
            end / 60,
            end % 60
        )
    }
}

#[cfg(test)]
#[path = "timetable_tests.rs"]
mod tests;
