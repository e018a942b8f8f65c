//! The toc: the stored size of each chunk of an object, and so where each is.

use std::io::{BufRead, Write};

use super::text::{Lines, number};
use super::{BLOCK, HEAD, padding};
use crate::error::{Doing, Result};

/// Stored sizes, in the order of the chunks. It takes 8 bytes of memory a chunk.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Toc {
    /// Bytes of each content.
    pub sizes: Vec<u64>,
}

impl Toc {
    /// Writes its text.
    ///
    /// # Errors
    /// If `to` fails.
    pub fn write(&self, mut to: impl Write) -> Result<()> {
        to.write_all(b"s3pipes-toc/1\n").doing("write the toc")?;
        for size in &self.sizes {
            writeln!(to, "{size}").doing("write the toc")?;
        }
        Ok(())
    }

    /// Reads its text, to the end of `from`.
    ///
    /// # Errors
    /// If it is damaged, or the sizes are more than an object can have.
    pub fn read(from: impl BufRead) -> Result<Self> {
        let mut lines = Lines::of(from, "toc")?;
        let broken = lines.broken();
        let (mut sizes, mut end) = (Vec::new(), HEAD as u64);
        while let Some(line) = lines.next()? {
            let size: u64 = number(line).ok_or_else(|| broken.clone())?;
            let stored = size.checked_next_multiple_of(BLOCK as u64);
            end = stored
                .and_then(|stored| end.checked_add(stored)?.checked_add(BLOCK as u64))
                .ok_or_else(|| broken.clone())?;
            sizes.push(size);
        }
        Ok(Self { sizes })
    }

    /// Where the header of each chunk begins, and one more: where what follows the last one begins.
    pub fn offsets(&self) -> impl Iterator<Item = u64> + '_ {
        let mut at = HEAD as u64;
        let after = move |size: &u64| {
            at += BLOCK as u64 + size + padding(*size);
            at
        };
        std::iter::once(HEAD as u64).chain(self.sizes.iter().map(after))
    }
}
