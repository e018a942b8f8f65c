//! zstd: frames, one after another, each a header, blocks that tell their lengths, and perhaps a checksum.
//!
//! Source: RFC 8878, section 3.1.
//!
//! The headers are walked and what they tell is skipped, so that nothing is decompressed. Skippable frames may
//! stand anywhere. The last block of the last frame, and its checksum where the header promises one, must be
//! there. A cut just after a frame can't be seen: what is left is whole files, joined with cat.

use super::{Check, EMPTY, FOLLOWED, Flaw, Proof, flaw};

const MAGIC: u32 = 0xfd2f_b528;
/// The first of sixteen.
const SKIPPABLE: u32 = 0x184d_2a50;
/// The most that a block can hold.
const MOST: u32 = 128 << 10;

const CUT: Flaw = flaw("it ends inside a frame");
const DAMAGED: Flaw = flaw("a frame in it is damaged");
const STRANGE: Flaw = flaw("it does not begin like one");

/// True if a stream that begins with `start` is of this format.
pub(super) fn recognises(start: &[u8]) -> bool {
    start
        .first_chunk()
        .is_some_and(|magic| is_magic(u32::from_le_bytes(*magic)))
}

fn is_magic(number: u32) -> bool {
    number == MAGIC || number & !0xf == SKIPPABLE
}

/// What the bytes belong to that are read next, and how many they are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Magic,
    /// The length of a skippable frame.
    Length,
    /// The byte that says what else is in the header.
    Descriptor,
    BlockHeader,
}

impl Step {
    fn length(self) -> usize {
        match self {
            Self::Magic | Self::Length => 4,
            Self::Descriptor => 1,
            Self::BlockHeader => 3,
        }
    }
}

pub(super) struct Zstd {
    step: Step,
    field: [u8; 4],
    filled: usize,
    /// Bytes to pass over before that.
    skip: u64,
    has_checksum: bool,
    /// Of any kind.
    frames: u64,
}

impl Default for Zstd {
    fn default() -> Self {
        Self {
            step: Step::Magic,
            field: [0; 4],
            filled: 0,
            skip: 0,
            has_checksum: false,
            frames: 0,
        }
    }
}

impl Check for Zstd {
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Flaw> {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let some = usize::try_from(self.skip).map_or(bytes.len(), |n| n.min(bytes.len()));
                self.skip -= some as u64;
                bytes = &bytes[some..];
                continue;
            }
            let wanted = self.step.length();
            let some = bytes.len().min(wanted - self.filled);
            self.field[self.filled..][..some].copy_from_slice(&bytes[..some]);
            self.filled += some;
            bytes = &bytes[some..];
            if self.filled == wanted {
                let mut field = [0; 4];
                field[..wanted].copy_from_slice(&self.field[..wanted]);
                self.filled = 0;
                self.step = self.read(u32::from_le_bytes(field))?;
            }
        }
        Ok(())
    }

    fn end(&self) -> Result<Proof, Flaw> {
        match (self.step, self.filled, self.skip) {
            (Step::Magic, 0, 0) if self.frames == 0 => Err(EMPTY),
            (Step::Magic, 0, 0) => Ok(Proof::Closed),
            (Step::Magic, _, 0) if self.frames == 0 => Err(STRANGE),
            _ => Err(CUT),
        }
    }
}

impl Zstd {
    fn read(&mut self, number: u32) -> Result<Step, Flaw> {
        match self.step {
            Step::Magic => {
                let first = self.frames == 0;
                self.frames = self.frames.saturating_add(1);
                match number {
                    MAGIC => Ok(Step::Descriptor),
                    _ if is_magic(number) => Ok(Step::Length),
                    _ if first => Err(STRANGE),
                    _ => Err(FOLLOWED),
                }
            }
            Step::Length => {
                self.skip = u64::from(number);
                Ok(Step::Magic)
            }
            Step::Descriptor => {
                if number & 8 != 0 {
                    return Err(DAMAGED);
                }
                let is_single = number & 0x20 != 0;
                let dictionary = [0, 1, 2, 4][(number & 3) as usize];
                let size = match number >> 6 {
                    0 => u64::from(is_single),
                    bits => 1 << bits,
                };
                self.has_checksum = number & 4 != 0;
                self.skip = u64::from(!is_single) + dictionary + size;
                Ok(Step::BlockHeader)
            }
            Step::BlockHeader => self.block(number),
        }
    }

    fn block(&mut self, header: u32) -> Result<Step, Flaw> {
        let (is_last, size) = (header & 1 != 0, header >> 3);
        if size > MOST {
            return Err(DAMAGED);
        }
        self.skip = match (header >> 1) & 3 {
            // One byte, so many times.
            1 => 1,
            0 | 2 => u64::from(size),
            _ => return Err(DAMAGED),
        };
        if !is_last {
            return Ok(Step::BlockHeader);
        }
        if self.has_checksum {
            self.skip += 4;
        }
        Ok(Step::Magic)
    }
}
