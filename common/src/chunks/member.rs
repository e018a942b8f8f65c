//! Members of the archive: their names, and their headers of ustar (POSIX.1-2008, pax, "ustar Interchange Format").

use std::fmt;

use super::{BLOCK, LONGEST, MOST, flaw};
use crate::error::Result;

/// What a member is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Name {
    /// A chunk: where it lies.
    Chunk {
        /// Which object of `refs`; 0 is the stream's own.
        object: u32,
        /// Which chunk in it, from 0 on.
        number: u64,
    },
    /// Hash, length and place of every chunk.
    Index,
    /// What begins where in the stream.
    Files,
    /// What a fetcher needs.
    Refs,
    /// Stored sizes.
    Toc,
    /// Where the others begin.
    End,
    /// A plain piece, from 1 on.
    Piece(u64),
}

impl Name {
    /// True of those that are compressed and sealed.
    #[must_use]
    pub fn is_sealed(self) -> bool {
        matches!(self, Self::Chunk { .. } | Self::Index | Self::Files)
    }

    /// The most bytes that its content may have, opened.
    #[must_use]
    pub fn limit(self) -> u64 {
        if matches!(self, Self::Chunk { .. }) {
            LONGEST
        } else {
            MOST
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chunk { object: 0, number } => write!(f, "c/{number:010}"),
            Self::Chunk { object, number } => write!(f, "{object}/{number:010}"),
            Self::Index => f.write_str("index"),
            Self::Files => f.write_str("files"),
            Self::Refs => f.write_str("refs"),
            Self::Toc => f.write_str("toc"),
            Self::End => f.write_str("end"),
            Self::Piece(number) => write!(f, "{number}"),
        }
    }
}

/// How a content is compressed, as its first bytes say.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[allow(missing_docs, reason = "they are called as their programs are")]
pub enum Compression {
    #[default]
    None,
    Zst,
    Bz2,
    Gz,
    Xz,
    Lz4,
    Lz,
    Lzo,
}

impl Compression {
    const ALL: [(Self, &'static str); 8] = [
        (Self::None, ""),
        (Self::Zst, ".zst"),
        (Self::Bz2, ".bz2"),
        (Self::Gz, ".gz"),
        (Self::Xz, ".xz"),
        (Self::Lz4, ".lz4"),
        (Self::Lz, ".lz"),
        (Self::Lzo, ".lzo"),
    ];
}

/// What was done to a content, as its name tells.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Suffix {
    /// First it was compressed,
    pub compression: Compression,
    /// then sealed.
    pub age: bool,
}

impl Suffix {
    /// Nothing was done.
    pub const PLAIN: Self = Self {
        compression: Compression::None,
        age: false,
    };

    fn parse(text: &str) -> Option<Self> {
        let (rest, age) = text
            .strip_suffix(".age")
            .map_or((text, false), |rest| (rest, true));
        let found = Compression::ALL.into_iter().find(|(_, name)| *name == rest);
        found.map(|(compression, _)| Self { compression, age })
    }
}

impl fmt::Display for Suffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Compression::ALL
            .iter()
            .find(|(kind, _)| *kind == self.compression);
        f.write_str(found.map_or("", |(_, name)| name))?;
        f.write_str(if self.age { ".age" } else { "" })
    }
}

/// A member: what its header says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Member {
    /// What it is.
    pub name: Name,
    /// What was done to it.
    pub suffix: Suffix,
    /// Bytes of its content, as they are here.
    pub size: u64,
}

impl Member {
    /// A member to which nothing was done.
    #[must_use]
    pub fn plain(name: Name, size: u64) -> Self {
        Self {
            name,
            suffix: Suffix::PLAIN,
            size,
        }
    }

    /// Its header. The size must be one that a header can say ([`MOST`]).
    #[must_use]
    pub fn header(&self) -> [u8; BLOCK] {
        block(&self.to_string(), b'0', self.size)
    }

    /// What a header says; `None` for a block of zeros, with which the end of an archive begins.
    ///
    /// # Errors
    /// If it is not such a header as [`Member::header`] makes.
    pub fn parse(header: &[u8; BLOCK]) -> Result<Option<Self>> {
        if header.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let broken = || flaw("a header in it is damaged, or is none of a chunk stream");
        if !checksum_holds(header) {
            return Err(broken());
        }
        let length = header[..100]
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(100);
        let text = std::str::from_utf8(&header[..length]).map_err(|_| broken())?;
        let (name, suffix) = named(text).ok_or_else(|| {
            flaw(format!(
                "a member is called {text:.40}, which no member of a chunk stream is"
            ))
        })?;
        let size = octal(&header[124..136]).ok_or_else(broken)?;
        let member = Self { name, suffix, size };
        // So that there is one way to write it, and nothing is lost by writing it again.
        if member.header() == *header {
            Ok(Some(member))
        } else {
            Err(broken())
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.suffix)
    }
}

fn named(text: &str) -> Option<(Name, Suffix)> {
    let split = text.find('.').unwrap_or(text.len());
    let (name, suffix) = text.split_at(split);
    let suffix = Suffix::parse(suffix)?;
    let name = match name {
        "index" => Name::Index,
        "files" => Name::Files,
        "refs" => Name::Refs,
        "toc" => Name::Toc,
        "end" => Name::End,
        _ => match name.split_once('/') {
            Some(("c", number)) => Name::Chunk {
                object: 0,
                number: number.parse().ok()?,
            },
            Some((object, number)) => {
                let object = object.parse().ok().filter(|object| *object > 0)?;
                Name::Chunk {
                    object,
                    number: number.parse().ok()?,
                }
            }
            None => Name::Piece(name.parse().ok().filter(|number| *number > 0)?),
        },
    };
    // What may not be sealed has no suffix; numbers have one way to be written.
    let fits = name.is_sealed() || suffix == Suffix::PLAIN;
    (fits && format!("{name}{suffix}") == text).then_some((name, suffix))
}

/// A header of ustar.
pub(super) fn block(name: &str, kind: u8, size: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, text: &str| {
        block[at..at + text.len()].copy_from_slice(text.as_bytes());
    };
    put(0, name);
    put(100, "0000600\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", size & MOST));
    put(136, "00000000000\0");
    put(257, "ustar\x0000");
    put(329, "0000000\0");
    put(337, "0000000\0");
    block[156] = kind;
    let sum = format!("{:06o}\0 ", sum(&block));
    block[148..156].copy_from_slice(sum.as_bytes());
    block
}

/// Whether the checksum in a header is its own.
pub(super) fn checksum_holds(header: &[u8]) -> bool {
    header.get(148..156).and_then(octal) == Some(sum(header))
}

/// The sum of a header's bytes, with blanks for the sum itself.
fn sum(header: &[u8]) -> u64 {
    let all: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    let own: u64 = header[148..156].iter().map(|byte| u64::from(*byte)).sum();
    all - own + 8 * u64::from(b' ')
}

/// Octal digits, up to a NUL or a blank.
fn octal(field: &[u8]) -> Option<u64> {
    let length = field
        .iter()
        .position(|byte| matches!(byte, 0 | b' '))
        .unwrap_or(field.len());
    let digits = std::str::from_utf8(&field[..length]).ok()?;
    u64::from_str_radix(digits, 8).ok()
}
