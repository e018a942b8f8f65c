//! gzip: members, one after another, each a header, a deflate stream, and the CRC-32 and length of its content.
//!
//! Sources: RFC 1952 (gzip), RFC 1951 (deflate).
//!
//! Where a member ends only inflating tells, so everything is inflated, and the checksum of each member
//! compared. Zeros may follow the last member: tapes are filled up with them. If a tar archive comes out, its
//! end is looked for, too.
//!
//! A cut just after a member can't be seen, unless there is an archive inside.

use crc_fast::{CrcAlgorithm, Digest};
use flate2::{Decompress, FlushDecompress, Status};

use super::tar::{self, Tar};
use super::{Check, EMPTY, FOLLOWED, Flaw, Proof, flaw};

/// How a stream begins. The third byte is the method, and there is one.
pub(super) const MAGIC: &[u8] = &[0x1f, 0x8b, 8];

/// Bytes that are inflated at once.
const OUTPUT: usize = 1 << 16;

const CUT: Flaw = flaw("it ends inside a member");
const DAMAGED: Flaw = flaw("a member in it is damaged");
const STRANGE: Flaw = flaw("it does not begin like one");

/// Bits of the flags.
const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// The first ten bytes of a header; how many were read.
    Fixed(usize),
    /// The length of the extra field: how many of its two bytes were read.
    ExtraLength(usize),
    /// The extra field: bytes to come.
    Extra(usize),
    Name,
    Comment,
    /// The checksum of the header: bytes to come. Old programs used its flag for something else, so that
    /// it isn't compared.
    HeaderCrc(usize),
    Deflated,
    /// The eight bytes after the deflate stream: how many were read.
    Trailer(usize),
    /// Another member, zeros, or nothing.
    Between,
    /// Zeros.
    Padding,
}

pub(super) struct Gzip {
    step: Step,
    members: u64,
    /// Flags of this member whose fields are still to come.
    flags: u8,
    /// The length of the extra field, or the trailer, while it is read.
    field: [u8; 8],
    inflate: Decompress,
    output: Vec<u8>,
    crc: Digest,
    /// Bytes of content, modulo 2^32 as in the trailer.
    length: u32,
    inside: Inside,
}

impl Default for Gzip {
    fn default() -> Self {
        Self {
            step: Step::Fixed(0),
            members: 0,
            flags: 0,
            field: [0; 8],
            inflate: Decompress::new(false),
            output: vec![0; OUTPUT],
            crc: crc32(),
            length: 0,
            inside: Inside::Unknown(Vec::new()),
        }
    }
}

fn crc32() -> Digest {
    Digest::new(CrcAlgorithm::Crc32IsoHdlc)
}

impl Check for Gzip {
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Flaw> {
        while let Some((byte, rest)) = bytes.split_first() {
            if self.step == Step::Deflated {
                let used = self.inflate(bytes)?;
                bytes = &bytes[used..];
            } else {
                self.step = self.header(*byte)?;
                bytes = rest;
            }
        }
        Ok(())
    }

    fn end(&self) -> Result<Proof, Flaw> {
        match self.step {
            Step::Between | Step::Padding => self.inside.end(),
            Step::Fixed(0) if self.members == 0 => Err(EMPTY),
            Step::Fixed(some) if self.members == 0 && some < MAGIC.len() => Err(STRANGE),
            _ => Err(CUT),
        }
    }
}

impl Gzip {
    /// Takes a byte of anything but the deflate stream; returns what the next one is.
    fn header(&mut self, byte: u8) -> Result<Step, Flaw> {
        Ok(match self.step {
            Step::Fixed(at) => {
                if MAGIC.get(at).is_some_and(|wanted| *wanted != byte) {
                    return Err(if self.members == 0 { STRANGE } else { FOLLOWED });
                }
                if at == 3 {
                    self.flags = byte;
                    if byte & RESERVED != 0 {
                        return Err(DAMAGED);
                    }
                }
                if at == 9 {
                    self.next_field()
                } else {
                    Step::Fixed(at + 1)
                }
            }
            Step::ExtraLength(at) => {
                self.field[at] = byte;
                match (at, u16::from_le_bytes([self.field[0], byte])) {
                    (0, _) => Step::ExtraLength(1),
                    (_, 0) => self.next_field(),
                    (_, length) => Step::Extra(usize::from(length)),
                }
            }
            Step::Extra(1) | Step::HeaderCrc(1) => self.next_field(),
            Step::Extra(more) => Step::Extra(more - 1),
            Step::HeaderCrc(more) => Step::HeaderCrc(more - 1),
            Step::Name | Step::Comment if byte == 0 => self.next_field(),
            step @ (Step::Name | Step::Comment | Step::Deflated) => step,
            Step::Trailer(at) => {
                self.field[at] = byte;
                if at < 7 {
                    Step::Trailer(at + 1)
                } else {
                    self.compare()?;
                    Step::Between
                }
            }
            Step::Between if byte == MAGIC[0] => Step::Fixed(1),
            Step::Between | Step::Padding if byte == 0 => Step::Padding,
            Step::Between | Step::Padding => return Err(FOLLOWED),
        })
    }

    /// The next field that the flags promise; the deflate stream comes last.
    fn next_field(&mut self) -> Step {
        for (flag, step) in [
            (EXTRA, Step::ExtraLength(0)),
            (NAME, Step::Name),
            (COMMENT, Step::Comment),
            (HEADER_CRC, Step::HeaderCrc(2)),
        ] {
            if self.flags & flag != 0 {
                self.flags &= !flag;
                return step;
            }
        }
        self.inflate.reset(false);
        self.crc = crc32();
        self.length = 0;
        Step::Deflated
    }

    /// Inflates; returns how many bytes were of the deflate stream.
    fn inflate(&mut self, bytes: &[u8]) -> Result<usize, Flaw> {
        let mut used = 0;
        loop {
            let (read, wrote) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self
                .inflate
                .decompress(&bytes[used..], &mut self.output, FlushDecompress::None)
                .map_err(|_| DAMAGED)?;
            let read = grown(read, self.inflate.total_in());
            let wrote = grown(wrote, self.inflate.total_out());
            let content = self.output.get(..wrote).ok_or(DAMAGED)?;
            self.crc.update(content);
            self.length = self
                .length
                .wrapping_add(u32::try_from(wrote).unwrap_or_default());
            self.inside.take(content)?;
            used = (used + read).min(bytes.len());
            match status {
                Status::StreamEnd => {
                    self.step = Step::Trailer(0);
                    return Ok(used);
                }
                // There may be more to come out as long as the buffer was filled.
                _ if used == bytes.len() && wrote < self.output.len() => return Ok(used),
                _ if read == 0 && wrote == 0 => return Err(DAMAGED),
                _ => {}
            }
        }
    }

    fn compare(&mut self) -> Result<(), Flaw> {
        let [a, b, c, d, e, f, g, h] = self.field;
        let crc = u64::from(u32::from_le_bytes([a, b, c, d]));
        if crc != self.crc.finalize() || u32::from_le_bytes([e, f, g, h]) != self.length {
            return Err(DAMAGED);
        }
        self.members += 1;
        Ok(())
    }
}

fn grown(before: u64, after: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX)
}

/// What comes out: an archive, or something else.
enum Inside {
    /// The first bytes, too few to tell.
    Unknown(Vec<u8>),
    Archive(Box<Tar>),
    Other,
}

impl Inside {
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Flaw> {
        if let Self::Unknown(seen) = self {
            let (first, rest) = bytes.split_at(bytes.len().min(tar::BLOCK - seen.len()));
            seen.extend_from_slice(first);
            if seen.len() < tar::BLOCK {
                return Ok(());
            }
            if tar::recognises(seen) {
                let mut archive = Box::new(Tar::default());
                archive.take(seen).map_err(of_the_archive)?;
                *self = Self::Archive(archive);
            } else {
                *self = Self::Other;
            }
            bytes = rest;
        }
        match self {
            Self::Archive(archive) => archive.take(bytes).map_err(of_the_archive),
            _ => Ok(()),
        }
    }

    fn end(&self) -> Result<Proof, Flaw> {
        match self {
            Self::Archive(archive) => archive.end().map_err(of_the_archive),
            _ => Ok(Proof::Closed),
        }
    }
}

fn of_the_archive(flaw: Flaw) -> Flaw {
    Flaw {
        inside: true,
        ..flaw
    }
}
