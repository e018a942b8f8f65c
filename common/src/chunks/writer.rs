//! Writing a chunk stream, member by member.

use std::io::Write;

use super::reader::Sequence;
use super::{BLOCK, Head, MOST, Member, Name, Suffix, flaw, padding};
use crate::error::Result;
use crate::run::written;

/// Zeros, for paddings and ends.
const ZEROS: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// A chunk stream that is being written. Give it something that buffers.
#[derive(Debug)]
pub struct Writer<W> {
    to: W,
    sequence: Sequence,
    left: u64,
    padding: u64,
}

impl<W: Write> Writer<W> {
    /// Writes the head.
    ///
    /// # Errors
    /// If `to` fails.
    pub fn new(mut to: W, head: &Head) -> Result<Self> {
        written(to.write_all(&head.encode()))?;
        Ok(Self {
            to,
            sequence: Sequence::new(head.form),
            left: 0,
            padding: 0,
        })
    }

    /// A member with this content.
    ///
    /// # Errors
    /// As [`Writer::begin`].
    pub fn member(&mut self, name: Name, suffix: Suffix, content: &[u8]) -> Result<()> {
        self.begin(&Member {
            name,
            suffix,
            size: content.len() as u64,
        })?;
        self.content(content)
    }

    /// A member whose content follows, in one or several calls of [`Writer::content`].
    ///
    /// # Errors
    /// If it may not come now, the one before is not whole, it is larger than a header can say, or `to` fails.
    pub fn begin(&mut self, member: &Member) -> Result<()> {
        self.is_whole()?;
        if member.size > MOST {
            return Err(flaw(format!("{member} would be longer than 8 GiB")));
        }
        self.sequence.admit(member.name)?;
        self.write(&member.header())?;
        (self.left, self.padding) = (member.size, padding(member.size));
        if self.left == 0 { self.pad() } else { Ok(()) }
    }

    /// The next bytes of the content.
    ///
    /// # Errors
    /// If there are more than the member has, or `to` fails.
    pub fn content(&mut self, bytes: &[u8]) -> Result<()> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or_else(|| flaw("a member is longer than its header says"))?;
        self.write(bytes)?;
        if self.left == 0 { self.pad() } else { Ok(()) }
    }

    /// Writes the end, and gives back what was written to, flushed.
    ///
    /// # Errors
    /// If a member is missing or not whole, or `to` fails.
    pub fn finish(mut self) -> Result<W> {
        self.is_whole()?;
        self.sequence.close()?;
        self.write(&ZEROS)?;
        written(self.to.flush())?;
        Ok(self.to)
    }

    /// Hands on what is buffered.
    ///
    /// # Errors
    /// If `to` fails.
    pub fn flush(&mut self) -> Result<()> {
        written(self.to.flush())
    }

    fn is_whole(&self) -> Result<()> {
        if self.left > 0 {
            Err(flaw("a member is shorter than its header says"))
        } else {
            Ok(())
        }
    }

    fn pad(&mut self) -> Result<()> {
        let zeros = usize::try_from(std::mem::take(&mut self.padding)).unwrap_or(0);
        self.write(&ZEROS[..zeros])
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        written(self.to.write_all(bytes))
    }
}
