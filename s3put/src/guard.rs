//! What the stream itself must be like to become a dump: `--expect`, `--min-size` and `--shrink-limit`.
//!
//! [`Guard::watch`] counts the bytes and looks at them as they pass to the upload. After their end, and before
//! the commit, [`Guard::judge`] says whether they may become a dump. What is counted is what is stored.

use std::io::{self, Read};
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use common::bucket::Bucket;
use common::levels::{Set, is_trusted};
use common::listing::Dump;
use common::names::DumpName;
use common::run::Speaker;
use common::units::{Size, human};
use common::{Error, Result};

use crate::expect::{Expect, Expectation, NotWhole, Proof};
use crate::producer::held;

/// How much less than the dump before may come, in percent of that: 0 to 100.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Percent(u8);

impl FromStr for Percent {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = text.strip_suffix('%').unwrap_or(text);
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        match number.parse() {
            Ok(percent @ 0..=100) if is_number => Ok(Self(percent)),
            _ => Err(
                Error::usage(format!("'{}' is not a percentage", text.escape_debug()))
                    .hint("a percentage is a whole number from 0 to 100: 50%"),
            ),
        }
    }
}

/// The dump before, which the new one is compared with.
#[derive(Clone, Debug)]
struct Before {
    key: String,
    size: u64,
    limit: Percent,
}

/// What is asked of one stream.
#[derive(Clone)]
pub(crate) struct Guard {
    key: String,
    least: Option<Size>,
    before: Option<Before>,
    seen: Arc<Mutex<Seen>>,
    voice: Speaker,
}

/// What came so far.
struct Seen {
    bytes: u64,
    expectation: Option<Expectation>,
}

impl Guard {
    /// A guard of what will be stored under `key`. For `shrink` the bucket is asked for the dump before.
    ///
    /// # Errors
    /// If `shrink` is given and `key` is no dump's, or the bucket can't be asked.
    pub(crate) fn new(
        bucket: &Bucket,
        key: &str,
        expect: Option<Expect>,
        least: Option<Size>,
        shrink: Option<Percent>,
        voice: Speaker,
    ) -> Result<Self> {
        let before = match shrink {
            Some(limit) => {
                dump_before(bucket, key, voice)?.map(|(key, size)| Before { key, size, limit })
            }
            None => None,
        };
        Ok(Self {
            key: key.to_owned(),
            least,
            before,
            seen: Arc::new(Mutex::new(Seen {
                bytes: 0,
                expectation: expect.map(Expectation::new),
            })),
            voice,
        })
    }

    /// `input`, looked at. Where it is certain that it can't be what was expected, it ends.
    pub(crate) fn watch<R: Read>(&self, input: R) -> Watched<R> {
        Watched {
            input,
            seen: Arc::clone(&self.seen),
        }
    }

    /// Fails if the stream was ended here, before its own end: nobody else is to be asked about it then.
    ///
    /// # Errors
    /// If it is not what was expected, whatever would have followed.
    pub(crate) fn stopped(&self) -> Result<()> {
        let seen = held(&self.seen);
        match &seen.expectation {
            Some(expectation) if expectation.is_refused() => self.ended(&seen).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Says, after its end, whether the stream may become a dump; and what its own end proves, if that was asked.
    ///
    /// # Errors
    /// If it may not.
    pub(crate) fn judge(&self) -> Result<Option<Proof>> {
        let seen = held(&self.seen);
        let proof = self.ended(&seen)?;
        if proof == Some(Proof::Unrecognised) {
            self.voice.note(
                "the format of the stream is none that --expect knows: its end was not checked",
            );
        }
        let refused = |why: String| Error::permanent(format!("store {}", self.key), why);
        if let Some(Size(least)) = self.least.filter(|least| seen.bytes < least.0) {
            return Err(refused(format!(
                "the stream has {} bytes, and --min-size asks for {least}",
                seen.bytes
            ))
            .hint("the program that made it may have failed; nothing was stored"));
        }
        if let Some(before) = self.before.as_ref().filter(|it| seen.bytes < it.least()) {
            return Err(refused(format!(
                "the stream has {} bytes, and --shrink-limit {}% asks for {}, because {} has {}",
                seen.bytes,
                before.limit.0,
                before.least(),
                before.key,
                before.size
            ))
            .hint("nothing was stored; if that much was removed, raise the limit this once"));
        }
        Ok(proof)
    }

    fn ended(&self, seen: &Seen) -> Result<Option<Proof>> {
        let finished = seen.expectation.as_ref().map(Expectation::finish);
        finished.transpose().map_err(|why: NotWhole| {
            Error::permanent(format!("store {}", self.key), why)
                .hint("the program that made it may have failed; nothing was stored")
        })
    }
}

impl Before {
    /// The fewest bytes that the new dump must have, rounded up.
    fn least(&self) -> u64 {
        let rest = 100 - u128::from(self.limit.0.min(100));
        let least = (u128::from(self.size) * rest).div_ceil(100);
        // Not more than the size.
        u64::try_from(least).unwrap_or(self.size)
    }
}

/// The newest dump of the same host, file system and level, and its size. Only one counts that is whole, and
/// whose date the server's clock bears out: or whoever may write could choose what is compared with.
fn dump_before(bucket: &Bucket, key: &str, voice: Speaker) -> Result<Option<(String, u64)>> {
    let name = DumpName::parse(key).ok_or_else(|| {
        Error::usage(format!(
            "--shrink-limit needs the name of a dump, and '{}' is none",
            key.escape_debug()
        ))
        .hint("a dump's name is HOST:FS:LEVEL:DATE")
    })?;
    let Some(dumps) = bucket.dumps_like(&name)? else {
        voice.note(
            "the key in use may not list, so --shrink-limit has nothing to compare with: any size is stored",
        );
        return Ok(None);
    };
    let mut good: Vec<&Dump> = dumps.iter().collect();
    good.retain(|dump| dump.flaw().is_none() && is_trusted(dump));
    let set = Set::of(good);
    let newest = set
        .newest(None)
        .and_then(|index| set.dumps().get(index).copied());
    match newest {
        Some(dump) => voice.detail(format_args!(
            "the dump before is {}, of {}",
            dump.key(),
            human(dump.size())
        )),
        None => voice.detail("there is no dump before, so --shrink-limit allows any size"),
    }
    Ok(newest.map(|dump| (dump.key(), dump.size())))
}

/// A stream that is looked at while it is read.
pub(crate) struct Watched<R> {
    input: R,
    seen: Arc<Mutex<Seen>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        let mut seen = held(&self.seen);
        seen.bytes += read as u64;
        let is_fine = match &mut seen.expectation {
            Some(expectation) => expectation.see(buffer.get(..read).unwrap_or_default()),
            None => true,
        };
        // What can't become a dump any more needn't be sent. The judge says why it ended.
        Ok(if is_fine { read } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(text: &str) -> Percent {
        text.parse().unwrap()
    }

    #[test]
    fn percentages() {
        assert_eq!(percent("50"), Percent(50));
        assert_eq!(percent("50%"), Percent(50));
        assert_eq!(percent("0"), Percent(0));
        assert_eq!(percent("100%"), Percent(100));
        for text in ["", "%", "101", "-1", "+5", "5%%", "0.5", "300", "x"] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_least_size_is_exact() {
        let least = |size, limit| {
            let limit = percent(limit);
            let key = String::new();
            Before { key, size, limit }.least()
        };
        assert_eq!(least(1000, "50%"), 500);
        assert_eq!(least(1001, "50%"), 501);
        assert_eq!(least(1000, "0"), 1000);
        assert_eq!(least(1000, "100"), 0);
        assert_eq!(least(0, "0"), 0);
        assert_eq!(least(u64::MAX, "0"), u64::MAX);
        assert_eq!(least(1, "99"), 1);
    }
}
