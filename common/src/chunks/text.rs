//! The texts in a chunk stream: lines that end with a line feed, fields that one blank separates.
//!
//! Numbers and fields have one way to be written, so that a text that was read and written again is the same.

use std::io::{BufRead, Read};

use super::{Id, flaw, unhex};
use crate::error::{Doing, Error, Result};

/// A line longer than this is none of ours: keys and paths are at most some KiB long.
const LONGEST_LINE: u64 = 64 << 10;

/// The lines of a text, one after the other.
pub(super) struct Lines<R> {
    from: R,
    what: &'static str,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Reads the first line, which must be `s3pipes-WHAT/1`.
    pub(super) fn of(from: R, what: &'static str) -> Result<Self> {
        let mut lines = Self {
            from,
            what,
            line: Vec::new(),
        };
        let wanted = format!("s3pipes-{what}/1");
        match lines.next()? {
            Some(first) if first == wanted => Ok(lines),
            _ => Err(flaw(format!("its {what} does not begin as one"))),
        }
    }

    /// The next line, without its end.
    pub(super) fn next(&mut self) -> Result<Option<&str>> {
        self.line.clear();
        let from = self.from.by_ref();
        from.take(LONGEST_LINE)
            .read_until(b'\n', &mut self.line)
            .doing("read the chunk stream")?;
        match self.line.pop() {
            None => Ok(None),
            Some(b'\n') => match std::str::from_utf8(&self.line) {
                Ok(line) => Ok(Some(line)),
                Err(_) => Err(self.broken()),
            },
            Some(_) => Err(self.broken()),
        }
    }

    /// The next line, which must be there and be `FIELD value`.
    pub(super) fn field(&mut self, field: &str) -> Result<&str> {
        let broken = self.broken();
        let line = self.next()?.ok_or_else(|| broken.clone())?;
        line.strip_prefix(field)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or(broken)
    }

    /// The id, which comes after the first line.
    pub(super) fn id(&mut self) -> Result<Id> {
        let broken = self.broken();
        unhex(self.field("id")?).map(Id).ok_or(broken)
    }

    pub(super) fn broken(&self) -> Error {
        flaw(format!("its {} is damaged", self.what))
    }
}

/// A number in its shortest decimal form.
pub(super) fn number<T: std::str::FromStr + ToString>(text: &str) -> Option<T> {
    text.parse()
        .ok()
        .filter(|number: &T| number.to_string() == text)
}
