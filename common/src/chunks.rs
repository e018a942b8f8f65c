//! Chunk streams: the tar archive in which a stream travels that was cut into chunks.
//!
//! Format: `doc/format/chunk-stream.md`. Here is what all tools share: the frame of the archive ([`Head`], [`Member`],
//! [`Reader`], [`Writer`]) and the texts in it ([`Index`], [`Files`], [`Refs`], [`Toc`], [`End`]). Nothing here hashes,
//! seals or fetches. Everything that is read is checked against the page: what it doesn't know is refused.

use std::fmt;
use std::str::FromStr;

pub mod brought;
pub mod end;
pub mod files;
pub mod grace;
pub mod head;
pub mod index;
pub mod member;
pub mod reader;
pub mod refs;
mod text;
pub mod toc;
pub mod writer;

pub use brought::{Brought, Finder, Here};
pub use end::{End, Span};
pub use files::{FileLine, Files};
pub use head::{Form, Head};
pub use index::{Cut, Entry, Index};
pub use member::{Compression, Member, Name, Suffix};
pub use reader::{Opened, Reader, open};
pub use refs::{Bond, Object, Place, Refs, Run, Runs};
pub use toc::Toc;
pub use writer::Writer;

use crate::error::Error;

/// Bytes of a block of tar: headers fill one, contents are padded to whole ones.
pub const BLOCK: usize = 512;
/// Bytes before the first member: the global header, in two blocks. What isn't a chunk stream shows it here.
pub const HEAD: usize = 2 * BLOCK;
/// The longest chunk, in bytes.
pub const LONGEST: u64 = 256 << 20;
/// The most bytes that a member other than a chunk may have: as many as its header can say.
pub const MOST: u64 = (8 << 30) - 1;

/// Zeros that follow a content of `size` bytes.
#[must_use]
pub fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64) - size
}

/// The id of a chunk stream: random, new for each.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Id(pub [u8; 16]);

impl Id {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(random())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl FromStr for Id {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        unhex(text)
            .map(Self)
            .ok_or_else(|| flaw("an id is not 32 hexadecimal digits"))
    }
}

/// Bytes that nobody can guess, from the kernel.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        let rest = bytes.get_mut(filled..).unwrap_or_default();
        // Only a kernel without the call fails otherwise than by being interrupted.
        filled += rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty()).unwrap_or(0);
    }
    bytes
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// The bytes of exactly 2·N lower-case hexadecimal digits.
#[must_use]
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// What is wrong with a chunk stream.
pub(crate) fn flaw(what: impl fmt::Display) -> Error {
    Error::permanent("read the chunk stream", what)
}

#[cfg(test)]
mod tests;
