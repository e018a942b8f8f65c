//! Names of dumps: `HOST:FS:LEVEL:DATE`, and the keys that hold them.
//!
//! The key is the whole metadata of a dump as far as other people's tools are concerned, so it is strict:
//! what does not parse is not a dump, is shown apart by `s3ls` and never touched by `s3prune`. Three
//! generations of keys are understood; the first form is what is written, and the second where that is asked for; the
//! others are older data. They count only where no object has the name itself:
//!
//! - `KEY`: the dump is one object; if it is longer than one may be, it goes on in `KEY:1`, `KEY:2`, …;
//! - `KEY:N`: numbered pieces, N in decimal without padding;
//! - `KEY/chunk_NNNNNN`: numbered pieces, six digits.
//!
//! `KEY.tail` is no dump and no piece of one: it is a copy of the end of `KEY`, and goes when `KEY` goes.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;

use crate::error::{Doing, Error, Result};

/// The longest key that S3 takes, in bytes.
pub const MAX_KEY: usize = 1024;

/// The date of a dump: a day, or a second in UTC; perhaps made unguessable.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Date {
    stamp: Stamp,
    /// `~` and 16 hex digits, so that nobody can overwrite a dump by guessing its name.
    token: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Stamp {
    Day(civil::Date),
    Second(civil::DateTime),
}

impl Stamp {
    /// A day without a time comes before every second of it.
    fn order(self) -> (civil::Date, Option<civil::Time>) {
        match self {
            Self::Day(day) => (day, None),
            Self::Second(second) => (second.date(), Some(second.time())),
        }
    }
}

impl Ord for Stamp {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Stamp {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Date {
    /// Today, where this machine is.
    #[must_use]
    pub fn today() -> Self {
        Self {
            stamp: Stamp::Day(jiff::Zoned::now().date()),
            token: None,
        }
    }

    /// The day `date`.
    #[must_use]
    pub fn of_day(date: civil::Date) -> Self {
        Self {
            stamp: Stamp::Day(date),
            token: None,
        }
    }

    /// The same date followed by `~` and 16 hex digits of `random`.
    #[must_use]
    pub fn with_token(mut self, random: u64) -> Self {
        self.token = Some(format!("{random:016x}"));
        self
    }

    /// The day that is named.
    #[must_use]
    pub fn day(&self) -> civil::Date {
        match self.stamp {
            Stamp::Day(day) => day,
            Stamp::Second(second) => second.date(),
        }
    }

    /// The instant that is named, when the date names a second.
    #[must_use]
    pub fn second(&self) -> Option<Timestamp> {
        match self.stamp {
            Stamp::Day(_) => None,
            Stamp::Second(second) => second
                .to_zoned(TimeZone::UTC)
                .ok()
                .map(|zoned| zoned.timestamp()),
        }
    }

    /// Midnight (UTC) of the day, or the second that is named.
    #[must_use]
    pub fn earliest(&self) -> Timestamp {
        self.second()
            .or_else(|| {
                self.day()
                    .to_zoned(TimeZone::UTC)
                    .ok()
                    .map(|zoned| zoned.timestamp())
            })
            .unwrap_or(Timestamp::MIN)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stamp {
            Stamp::Day(d) => write!(f, "{:04}-{:02}-{:02}", d.year(), d.month(), d.day())?,
            Stamp::Second(t) => write!(
                f,
                "{:04}-{:02}-{:02}T{:02}{:02}{:02}Z",
                t.year(),
                t.month(),
                t.day(),
                t.hour(),
                t.minute(),
                t.second()
            )?,
        }
        match &self.token {
            Some(token) => write!(f, "~{token}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Date {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse_date(text).ok_or_else(|| {
            Error::usage(format!("'{text}' is not a date"))
                .hint("a date is YYYY-MM-DD, or YYYY-MM-DDTHHMMSSZ in UTC")
        })
    }
}

fn parse_date(text: &str) -> Option<Date> {
    let (stamp, token) = match text.split_once('~') {
        Some((stamp, token)) => (stamp, Some(token)),
        None => (text, None),
    };
    if token.is_some_and(|t| {
        t.len() != 16 || !t.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }) {
        return None;
    }
    let (day, time) = match stamp.split_once('T') {
        Some((day, time)) => (day, Some(time)),
        None => (stamp, None),
    };
    let day = day.as_bytes();
    if day.len() != 10 || day[4] != b'-' || day[7] != b'-' {
        return None;
    }
    let date = civil::Date::new(
        i16::try_from(digits(&day[..4])?).ok()?,
        i8::try_from(digits(&day[5..7])?).ok()?,
        i8::try_from(digits(&day[8..])?).ok()?,
    )
    .ok()?;
    let stamp = match time {
        None => Stamp::Day(date),
        Some(time) => {
            let time = time.as_bytes();
            if time.len() != 7 || time[6] != b'Z' {
                return None;
            }
            let part =
                |from: usize| digits(&time[from..from + 2]).and_then(|n| i8::try_from(n).ok());
            let time = civil::Time::new(part(0)?, part(2)?, part(4)?, 0).ok()?;
            Stamp::Second(date.to_datetime(time))
        }
    };
    Some(Date {
        stamp,
        token: token.map(str::to_owned),
    })
}

/// A decimal number of digits only.
fn digits(text: &[u8]) -> Option<u32> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The name of a dump.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DumpName {
    /// The machine it came from: not empty, no `:` and no `/`.
    pub host: String,
    /// What was dumped: any text without `:`, not empty.
    pub fs: String,
    /// As in dump(8): 0 is full, a higher level holds what changed since the newest lower one.
    pub level: u32,
    /// When.
    pub date: Date,
}

impl DumpName {
    /// A name whose parts are checked.
    ///
    /// # Errors
    /// If a part is empty or holds a character that would make the key ambiguous.
    pub fn new(host: String, fs: String, level: u32, date: Date) -> Result<Self> {
        if host.is_empty() || host.contains([':', '/']) || host.chars().any(char::is_control) {
            return Err(Error::usage(format!(
                "'{}' can't be the host in a key",
                host.escape_debug()
            ))
            .hint("a host is text without ':' and '/'"));
        }
        if fs.is_empty() || fs.contains(':') || fs.chars().any(char::is_control) {
            return Err(Error::usage(format!(
                "'{}' can't be the file system in a key",
                fs.escape_debug()
            ))
            .hint("a file system is any text without ':'"));
        }
        let name = Self {
            host,
            fs,
            level,
            date,
        };
        if name.to_string().len() > MAX_KEY {
            return Err(Error::usage(format!(
                "the key would be longer than {MAX_KEY} bytes"
            )));
        }
        Ok(name)
    }

    /// The name that `key` is, if it is one exactly as we would write it.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let mut parts = key.split(':');
        let (host, fs, level, date) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let number: u32 = digits(level.as_bytes())?;
        if number.to_string() != level {
            return None;
        }
        Self::new(host.to_owned(), fs.to_owned(), number, parse_date(date)?).ok()
    }

    /// The set that the dump belongs to: `HOST:FS`.
    #[must_use]
    pub fn set(&self) -> String {
        format!("{}:{}", self.host, self.fs)
    }
}

impl fmt::Display for DumpName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.host, self.fs, self.level, self.date)
    }
}

/// Which part of a dump an object holds. The order is the order of the bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Piece {
    /// `KEY`: all of it, or all that one object may hold.
    Whole,
    /// `KEY:N` where it is known to continue `KEY`, which a name alone doesn't tell.
    Next(u32),
    /// `KEY:N`.
    Number(u32),
    /// `KEY/chunk_NNNNNN`.
    Chunk(u32),
}

/// What a key of a bucket is to us: a dump, or a piece of one. `None`: not ours.
#[must_use]
pub fn parse_key(key: &str) -> Option<(DumpName, Piece)> {
    if let Some(name) = DumpName::parse(key) {
        return Some((name, Piece::Whole));
    }
    if let Some((base, number)) = key.rsplit_once("/chunk_") {
        return (number.len() == 6).then_some(()).and_then(|()| {
            Some((
                DumpName::parse(base)?,
                Piece::Chunk(digits(number.as_bytes())?),
            ))
        });
    }
    let (base, number) = key.rsplit_once(':')?;
    let piece = digits(number.as_bytes())?;
    (piece.to_string() == number).then_some(())?;
    Some((DumpName::parse(base)?, Piece::Number(piece)))
}

/// What follows the key of a dump in the key of its hot tail.
const TAIL: &str = ".tail";

/// The key of the copy of the end of `key`'s chunk stream, which can be read where `key` must be thawed first.
#[must_use]
pub fn tail(key: &str) -> String {
    format!("{key}{TAIL}")
}

/// The dump whose tail an object with this key is, if there is such a dump.
#[must_use]
pub fn tail_of(key: &str) -> Option<DumpName> {
    DumpName::parse(key.strip_suffix(TAIL)?)
}

/// The key of which an object with this key may be a part, if its name is that of one: what continues another object, a
/// piece of a dump, or the copy of its end. Only the object itself can tell whether it is.
#[must_use]
pub fn part_of(key: &str) -> Option<&str> {
    let of_chunk = || {
        let (whole, _) = key.rsplit_once("/chunk_")?;
        matches!(parse_key(key)?.1, Piece::Chunk(_)).then_some(whole)
    };
    let of_number = || {
        let (whole, text) = key.rsplit_once(':')?;
        let number = digits(text.as_bytes()).filter(|number| number.to_string() == text)?;
        (number > 0 || DumpName::parse(whole).is_some()).then_some(whole)
    };
    key.strip_suffix(TAIL)
        .or_else(of_chunk)
        .or_else(of_number)
        .filter(|whole| !whole.is_empty())
}

/// A key given by the user, if S3 can take it.
///
/// # Errors
/// If it is empty or longer than [`MAX_KEY`] bytes.
pub fn literal(key: &str) -> Result<String> {
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(Error::usage(format!("a key is 1 to {MAX_KEY} bytes long")));
    }
    Ok(key.to_owned())
}

/// This machine's name up to the first dot.
///
/// # Errors
/// If it has none that can be part of a key.
pub fn short_host() -> Result<String> {
    let uname = rustix::system::uname();
    let full = uname
        .nodename()
        .to_str()
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidData))
        .doing("read the host name")?;
    let short = full.split('.').next().unwrap_or_default();
    if short.is_empty() {
        return Err(Error::permanent("name this host", "it has no name").hint("use --host NAME"));
    }
    Ok(short.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_three_generations() {
        let piece = |key| parse_key(key).map(|(name, piece)| (name.to_string(), piece));
        let base = "ember:/home:0:2019-11-30".to_owned();
        assert_eq!(
            piece("ember:/home:0:2019-11-30"),
            Some((base.clone(), Piece::Whole))
        );
        assert_eq!(
            piece("ember:/home:0:2019-11-30:12"),
            Some((base.clone(), Piece::Number(12)))
        );
        assert_eq!(
            piece("ember:/home:0:2019-11-30/chunk_000007"),
            Some((base, Piece::Chunk(7)))
        );
    }

    #[test]
    fn what_is_not_a_dump() {
        for key in [
            "",
            "x",
            "a:b:c:d",
            "h:f:0:2019-02-30",
            "h:f:00:2019-01-01",
            "h:f:-1:2019-01-01",
            "h::0:2019-01-01",
            ":f:0:2019-01-01",
            "h/x:f:0:2019-01-01",
            "h:f:0:2019-1-1",
            "h:f:0:2019-01-01:01",
            "h:f:0:2019-01-01:",
            "h:f:0:2019-01-01/chunk_1",
            "h:f:0:2019-01-01T10:00:00Z",
            "h:f:0:2019-01-01T250000Z",
            "h:f:0:2019-01-01~xyz",
            "h:f:0:2019-01-01~0123456789ABCDEF",
            "h:f:0:2019-01-01\n",
            "h:f:99999999999:2019-01-01",
        ] {
            assert_eq!(parse_key(key), None, "{key}");
        }
    }

    #[test]
    fn a_tail_is_no_dump_and_no_piece() {
        let key = "h:f:0:2026-11-20T235959Z~00ff00ff00ff00ff";
        let name = DumpName::parse(key);
        assert_eq!((tail_of(&tail(key)), parse_key(&tail(key))), (name, None));
        for key in [
            key,
            ".tail",
            "x.tail",
            &format!("{key}:1.tail"),
            &format!("{key}.tail.tail"),
        ] {
            assert_eq!(tail_of(key), None, "{key}");
        }
    }

    #[test]
    fn what_may_be_a_part() {
        let dump = "h:f:0:2026-11-20";
        for (key, whole) in [
            ("x:1", "x"),
            ("x:1:2", "x:1"),
            ("x.tail", "x"),
            ("x:1.tail", "x:1"),
            ("h:f:0:2026-11-20:0", dump),
            ("h:f:0:2026-11-20:12", dump),
            ("h:f:0:2026-11-20.tail", dump),
            ("h:f:0:2026-11-20/chunk_000003", dump),
        ] {
            assert_eq!(part_of(key), Some(whole), "{key}");
        }
        for key in [
            dump,
            "x",
            "x:0",
            "x:01",
            "x:y",
            "x:",
            "x:-1",
            "x:+1",
            ":1",
            ".tail",
            "x/chunk_000003",
        ] {
            assert_eq!(part_of(key), None, "{key}");
        }
    }

    #[test]
    fn seconds_and_tokens() {
        let key = "h:f:1:2026-11-20T235959Z~00ff00ff00ff00ff";
        let name = DumpName::parse(key).unwrap();
        assert_eq!(name.to_string(), key);
        assert_eq!(
            name.date.second().unwrap().to_string(),
            "2026-11-20T23:59:59Z"
        );
        assert_eq!(
            Date::of_day(civil::date(2026, 1, 2))
                .with_token(255)
                .to_string(),
            "2026-01-02~00000000000000ff"
        );
    }

    #[test]
    fn dates_come_in_the_order_of_time() {
        let texts = [
            "2026-11-18",
            "2026-11-19",
            "2026-11-19T010000Z",
            "2026-11-19T010001Z",
            "2026-11-20",
        ];
        let dates: Vec<Date> = texts.iter().map(|text| text.parse().unwrap()).collect();
        assert!(dates.is_sorted());
    }

    proptest! {
        #[test]
        fn a_written_name_reads_back(host in "[a-z0-9.-]{1,20}", fs in "[^:\\p{Cc}]{1,60}", level in 0u32..100, days in 0i32..20000) {
            let day = civil::date(1990, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
            let name = DumpName::new(host, fs, level, Date::of_day(day)).unwrap();
            prop_assert_eq!(DumpName::parse(&name.to_string()), Some(name));
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,80}") {
            if let Some((name, Piece::Whole)) = parse_key(&text) {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
