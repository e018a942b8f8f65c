//! xz: streams, one after another, each a header, blocks, an index of the blocks, and a footer.
//!
//! Source: The .xz File Format, version 1.2.1 (Collin and others), sections 2 to 4.
//!
//! The blocks needn't tell how long they are, and nothing is decompressed, so the end of a stream is recognised
//! from behind: a footer whose checksum is right, an index before it whose checksum is right, and blocks in the
//! index that together with everything else are exactly as long as the stream. After it only zeros may come, in
//! multiples of four, and further streams. Of an index longer than 1 MiB (a file of terabytes in many small
//! blocks) only the footer is checked.
//!
//! A cut just after a stream can't be seen: what is left is whole files, joined with cat.

use super::{Check, EMPTY, FOLLOWED, Flaw, Proof, flaw};

/// How a stream begins.
pub(super) const MAGIC: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
/// How it ends.
const FOOTER_MAGIC: &[u8] = b"YZ";
/// The length of a header, and of a footer.
const FRAME: usize = 12;
/// Bytes that are looked at together.
const PIECE: usize = 1 << 20;
/// The longest index that is checked.
const INDEX: usize = 1 << 20;
/// What is kept: an index and a footer before the first byte of a piece, and the piece.
const KEPT: usize = PIECE + INDEX + FRAME;

const CUT: Flaw = flaw("it ends inside a stream");
const DAMAGED: Flaw = flaw("the header of a stream in it is damaged");
const STRANGE: Flaw = flaw("it does not begin like one");

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// Where a stream has to begin, or may begin after another one.
    Outside,
    /// In a stream that began at this offset, with these flags.
    Stream(u64, [u8; 2]),
}

pub(super) struct Xz {
    step: Step,
    /// The last bytes that came.
    kept: Vec<u8>,
    /// How many came.
    total: u64,
    /// Up to where everything is settled; a multiple of four.
    settled: u64,
    streams: u64,
    /// All indexes were compared.
    proven: bool,
}

impl Default for Xz {
    fn default() -> Self {
        Self {
            step: Step::Outside,
            kept: Vec::new(),
            total: 0,
            settled: 0,
            streams: 0,
            proven: true,
        }
    }
}

impl Check for Xz {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        for piece in bytes.chunks(PIECE) {
            // Dropped from the front only now and then: moving costs.
            if self.kept.len() + piece.len() > 2 * KEPT {
                let surplus = self.kept.len().saturating_sub(INDEX + FRAME);
                self.kept.drain(..surplus);
            }
            self.kept.extend_from_slice(piece);
            self.total += piece.len() as u64;
            self.settle()?;
        }
        Ok(())
    }

    fn end(&self) -> Result<Proof, Flaw> {
        match self.step {
            Step::Outside if self.total == 0 => Err(EMPTY),
            // Less than a header came, and all of it is kept.
            Step::Outside if self.streams == 0 => {
                let is_one = self.kept.iter().zip(MAGIC).all(|(one, other)| one == other);
                Err(if is_one { CUT } else { STRANGE })
            }
            Step::Outside if self.settled == self.total => Ok(match self.proven {
                true => Proof::Closed,
                false => Proof::Plausible,
            }),
            _ => Err(CUT),
        }
    }
}

impl Xz {
    /// What is kept of the stream from this offset on.
    fn since(&self, offset: u64) -> Option<&[u8]> {
        let back = usize::try_from(self.total.checked_sub(offset)?).ok()?;
        self.kept.get(self.kept.len().checked_sub(back)?..)
    }

    /// Goes over what is new, four bytes at a time: everything in this format is a multiple of that.
    fn settle(&mut self) -> Result<(), Flaw> {
        loop {
            match self.step {
                Step::Outside => {
                    let fresh = self.since(self.settled).unwrap_or_default();
                    if fresh.len() < 4 {
                        return Ok(());
                    }
                    if self.streams > 0 && fresh.starts_with(&[0; 4]) {
                        let zeros = fresh.chunks_exact(4).take_while(|word| **word == [0; 4]);
                        self.settled += 4 * zeros.count() as u64;
                        continue;
                    }
                    let known = fresh.len().min(MAGIC.len());
                    if fresh[..known] != MAGIC[..known] {
                        return Err(if self.streams == 0 { STRANGE } else { FOLLOWED });
                    }
                    let Some(header) = fresh.first_chunk::<FRAME>() else {
                        return Ok(());
                    };
                    let flags = [header[6], header[7]];
                    if crc32(&flags) != little(&header[8..]) || flags[0] != 0 || flags[1] > 15 {
                        return Err(DAMAGED);
                    }
                    self.step = Step::Stream(self.settled, flags);
                    self.settled += FRAME as u64;
                }
                Step::Stream(start, flags) => {
                    let fresh = self.since(self.settled).unwrap_or_default();
                    let whole = fresh.len() / 4 * 4;
                    let Some(at) = candidate(&fresh[..whole]) else {
                        self.settled += whole as u64;
                        return Ok(());
                    };
                    self.settled += at as u64;
                    if let Some(proven) = self.is_end(start, flags) {
                        self.step = Step::Outside;
                        self.streams = self.streams.saturating_add(1);
                        self.proven &= proven;
                    }
                }
            }
        }
    }

    /// Whether the stream ends at `settled`, and if it does, whether its index proves it.
    fn is_end(&self, start: u64, flags: [u8; 2]) -> Option<bool> {
        let length = self.settled - start;
        let footer = self
            .since(self.settled.checked_sub(FRAME as u64)?)?
            .first_chunk::<FRAME>()?;
        let backward = (u64::from(little(&footer[4..8])) + 1) * 4;
        let is_footer = footer[8..10] == flags
            && crc32(&footer[4..10]) == little(&footer[..4])
            && backward + 2 * FRAME as u64 <= length;
        if !is_footer {
            return None;
        }
        if backward > INDEX as u64 {
            return Some(false);
        }
        let index = self
            .since(self.settled - FRAME as u64 - backward)?
            .get(..usize::try_from(backward).ok()?)?;
        let blocks = blocks(index)?;
        (blocks.checked_add(backward + 2 * FRAME as u64)? == length).then_some(true)
    }
}

/// The end of the first four bytes that could be the end of a footer.
fn candidate(words: &[u8]) -> Option<usize> {
    let is_one = |word: &[u8]| word[2..] == *FOOTER_MAGIC;
    // In strides first, which the compiler turns into wide instructions.
    let strides = words.chunks(256);
    let clean = strides
        .take_while(|stride| {
            !stride
                .chunks_exact(4)
                .fold(false, |any, word| any | is_one(word))
        })
        .count();
    let rest = words.get(clean * 256..)?;
    let at = rest.chunks_exact(4).position(is_one)?;
    Some(clean * 256 + 4 * (at + 1))
}

/// The length of all blocks together, if this is an index. (Section 4.)
fn blocks(index: &[u8]) -> Option<u64> {
    let (content, crc) = index.split_at(index.len().checked_sub(4)?);
    if crc32(content) != little(crc) {
        return None;
    }
    let mut rest = content.strip_prefix(&[0])?;
    let records = number(&mut rest)?;
    let mut length = 0u64;
    for _ in 0..records {
        // Both are at least two bytes in all, so that this ends with the index.
        let unpadded = number(&mut rest)?;
        let _content = number(&mut rest)?;
        length = length.checked_add(unpadded.checked_next_multiple_of(4)?)?;
    }
    (rest.len() < 4 && rest.iter().all(|byte| *byte == 0)).then_some(length)
}

/// A number in the format's own form: seven bits a byte, the lowest first. (Section 1.2.)
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn little(bytes: &[u8]) -> u32 {
    bytes
        .first_chunk()
        .map_or(0, |four| u32::from_le_bytes(*four))
}

fn crc32(bytes: &[u8]) -> u32 {
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, bytes);
    // It has 32 bits.
    u32::try_from(crc).unwrap_or_default()
}
