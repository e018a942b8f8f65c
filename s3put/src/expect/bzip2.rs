//! bzip2: streams, one after another, each a header, blocks, and a mark with a CRC-32, all of them bits.
//!
//! There is no standard. Sources: bzip2 and libbzip2, "A program and library for data compression", version 1.0.8
//! (Seward), and the informal "BZIP2 Format Specification" (Tsai, 2016).
//!
//! Where the mark at the end of a stream stands only decompressing tells, and what comes after it is filled up
//! to a byte; so it is looked for, at every bit, before the end and before every header of a further stream
//! (pbzip2 and lbzip2 write many). The mark has 48 bits, which don't come about by chance.
//!
//! A cut just after a stream can't be seen: what is left is whole files, joined with cat.

use memchr::memmem::Finder;

use super::{Check, EMPTY, FOLLOWED, Flaw, Proof, flaw};

/// How a stream begins; then comes the size of its blocks, a digit.
const MAGIC: &[u8] = b"BZh";
/// How a block begins, which the first one does on a byte.
const BLOCK: &[u8] = &[0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
/// The mark at the end of a stream.
const END: &[u8] = &[0x17, 0x72, 0x45, 0x38, 0x50, 0x90];
/// The same as a number.
const END_NUMBER: u128 = 0x1772_4538_5090;
/// Mark, checksum, and what fills the last byte: at most so many bytes.
const LONGEST_END: usize = 11;
/// A header with the mark of its first block.
const HEADER: usize = 10;
/// What is looked at again with the next bytes: more than an end and a header.
const KEPT: usize = 32;
/// Bytes that are looked at together.
const PIECE: usize = 1 << 16;

const CUT: Flaw = flaw("it ends inside a stream");
const CUT_BEFORE: Flaw = flaw("a stream in it ends too early");
const STRANGE: Flaw = flaw("it does not begin like one");

/// True if a stream that begins with `start` is of this format.
pub(super) fn recognises(start: &[u8]) -> bool {
    start.first_chunk::<HEADER>().is_some_and(is_header)
}

fn is_header(bytes: &[u8; HEADER]) -> bool {
    bytes.starts_with(MAGIC)
        && (b'1'..=b'9').contains(&bytes[3])
        && (bytes[4..] == *BLOCK || bytes[4..] == *END)
}

pub(super) struct Bzip2 {
    /// The last bytes that came, and then those that are looked at.
    window: Vec<u8>,
    total: u64,
    block: Finder<'static>,
}

impl Default for Bzip2 {
    fn default() -> Self {
        Self {
            window: Vec::with_capacity(KEPT + PIECE),
            total: 0,
            block: Finder::new(BLOCK),
        }
    }
}

impl Check for Bzip2 {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        for piece in bytes.chunks(PIECE) {
            let surplus = self.window.len().saturating_sub(KEPT);
            self.window.drain(..surplus);
            self.window.extend_from_slice(piece);
            let before = self.total;
            self.total += piece.len() as u64;
            if before < HEADER as u64
                && let Some(start) = self.window.first_chunk()
                && !is_header(start)
            {
                return Err(STRANGE);
            }
            self.streams()?;
        }
        Ok(())
    }

    fn end(&self) -> Result<Proof, Flaw> {
        if self.total == 0 {
            return Err(EMPTY);
        }
        if self.total < HEADER as u64 {
            let is_one = self
                .window
                .iter()
                .zip(MAGIC)
                .all(|(one, other)| one == other);
            return Err(if is_one { CUT } else { STRANGE });
        }
        if self.total >= (HEADER + 4) as u64 && is_end(&self.window) {
            return Ok(Proof::Closed);
        }
        Err(if self.is_followed() { FOLLOWED } else { CUT })
    }
}

impl Bzip2 {
    /// Fails if a stream begins in the window and the one before it doesn't end there.
    fn streams(&self) -> Result<(), Flaw> {
        for at in self.block.find_iter(&self.window) {
            // One that begins further ahead was seen before, with what is in front of it.
            let Some(start) = at.checked_sub(4).filter(|start| *start >= LONGEST_END) else {
                continue;
            };
            let (before, header) = self.window.split_at(start);
            if header.first_chunk().is_some_and(is_header) && !is_end(before) {
                return Err(CUT_BEFORE);
            }
        }
        Ok(())
    }

    /// True if an end is among the last bytes, and something after it.
    fn is_followed(&self) -> bool {
        let last = &self.window[self.window.len().saturating_sub(KEPT)..];
        (LONGEST_END..last.len()).any(|end| is_end(&last[..end]))
    }
}

/// True if a stream ends with these bytes: mark, checksum, and zeros up to a byte.
fn is_end(bytes: &[u8]) -> bool {
    let last = &bytes[bytes.len().saturating_sub(LONGEST_END)..];
    let number = last
        .iter()
        .fold(0u128, |sum, byte| (sum << 8) | u128::from(*byte));
    (0..8).any(|fill| {
        number & ((1 << fill) - 1) == 0 && (number >> (fill + 32)) & ((1 << 48) - 1) == END_NUMBER
    })
}
