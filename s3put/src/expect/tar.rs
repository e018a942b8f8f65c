//! tar: headers of 512 bytes, each followed by its member's data, and two blocks of zeros at the end.
//!
//! Sources: POSIX.1-2024, pax, "ustar Interchange Format" and "pax Interchange Format"; the GNU tar manual,
//! "Basic Tar Format" and "Storing Sparse Files"; star(5) for the sparse headers of star.
//!
//! The headers are walked: the checksum of each must be right, and the data in between is skipped. An archive
//! must end in two blocks of zeros where a header could be. After that only zeros may come, with which writers
//! fill their last record, or another archive: files that were joined with cat, as `tar -i` reads them. A file
//! that ends in one block of zeros, or in none, is refused, as is a volume of several that isn't the last one.

use common::tar::{self, Block, SPARSE_MORE, has_more_map, is_header, is_zero, number};

use super::{Check, EMPTY, FOLLOWED, Flaw, Proof, flaw};

pub(super) use common::tar::BLOCK;

const CUT: Flaw = flaw("it ends inside a member");
const UNENDED: Flaw = flaw("the two blocks of zeros that end an archive are missing");
const DAMAGED: Flaw = flaw("a header in it is damaged");
const UNUSED: Flaw = flaw("an extended header in it belongs to no member");
const STRANGE: Flaw = flaw("it does not begin like one");

/// True if a stream that begins with `start` is an archive: the first checksum is right.
pub(super) fn recognises(start: &[u8]) -> bool {
    start
        .first_chunk()
        .is_some_and(|block| !is_zero(block) && is_header(block))
}

/// What the next block must be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Step {
    #[default]
    First,
    Header,
    /// More of the map of a sparse file, whose data of so many bytes comes afterwards.
    SparseMap(u64),
    /// Data of so many bytes, or another header: there are programs that give a size to what has no data.
    PerhapsData(u64),
    /// One block of zeros was seen.
    Ending,
    /// Two of them.
    Ended,
}

pub(super) struct Tar {
    step: Step,
    /// A block that came in several chunks.
    block: Block,
    filled: usize,
    /// Bytes to skip before the next block.
    skip: u64,
    /// The data of an extended header, while it passes.
    records: Option<Records>,
    /// What the last extended header says of the size of the next member.
    size: Option<u64>,
    /// The last header was about the one that has to follow it.
    owes_header: bool,
}

impl Default for Tar {
    fn default() -> Self {
        Self {
            step: Step::default(),
            block: [0; BLOCK],
            filled: 0,
            skip: 0,
            records: None,
            size: None,
            owes_header: false,
        }
    }
}

impl Check for Tar {
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Flaw> {
        while !bytes.is_empty() {
            if let Some(records) = &mut self.records {
                bytes = records.take(bytes)?;
                if records.left == 0 {
                    self.size = records.end()?.or(self.size);
                    self.records = None;
                }
            } else if self.skip > 0 {
                let some = at_most(self.skip, bytes.len());
                self.skip -= some as u64;
                bytes = &bytes[some..];
            } else if let (0, Some((block, rest))) = (self.filled, bytes.split_first_chunk()) {
                self.next(block)?;
                bytes = rest;
            } else {
                let some = bytes.len().min(BLOCK - self.filled);
                self.block[self.filled..][..some].copy_from_slice(&bytes[..some]);
                self.filled += some;
                bytes = &bytes[some..];
                if self.filled == BLOCK {
                    self.filled = 0;
                    let block = self.block;
                    self.next(&block)?;
                }
            }
        }
        Ok(())
    }

    fn end(&self) -> Result<Proof, Flaw> {
        if self.skip > 0 || self.records.is_some() {
            return Err(CUT);
        }
        match self.step {
            Step::First if self.filled == 0 => Err(EMPTY),
            Step::First => Err(STRANGE),
            Step::Ended if self.filled == 0 => Ok(Proof::Whole),
            Step::Ended if self.block[..self.filled].iter().all(|byte| *byte == 0) => {
                Err(flaw("it ends inside a block"))
            }
            Step::Ended => Err(FOLLOWED),
            Step::Header if self.filled == 0 && !self.owes_header => Err(UNENDED),
            Step::Ending => Err(UNENDED),
            _ => Err(CUT),
        }
    }
}

impl Tar {
    fn next(&mut self, block: &Block) -> Result<(), Flaw> {
        match self.step {
            Step::SparseMap(size) => {
                if block[SPARSE_MORE] == 0 {
                    self.data(size)?;
                }
                Ok(())
            }
            Step::PerhapsData(size) if !is_zero(block) && !is_header(block) => {
                self.data(size)?;
                self.skip = self.skip.saturating_sub(BLOCK as u64);
                Ok(())
            }
            _ if is_zero(block) => self.zeros(),
            Step::Ending => Err(flaw("it has a lone block of zeros in it")),
            step if !is_header(block) => Err(match step {
                Step::First => STRANGE,
                Step::Ended => FOLLOWED,
                _ => DAMAGED,
            }),
            _ => self.header(block),
        }
    }

    fn zeros(&mut self) -> Result<(), Flaw> {
        if self.owes_header {
            return Err(UNUSED);
        }
        self.step = match self.step {
            Step::Ending | Step::Ended => Step::Ended,
            _ => Step::Ending,
        };
        Ok(())
    }

    fn header(&mut self, block: &Block) -> Result<(), Flaw> {
        self.step = Step::Header;
        let own = number(&block[124..136]).ok_or(DAMAGED)?;
        let kind = block[156];
        // What belongs to the next header rather than being a member.
        if matches!(kind, b'x' | b'X' | b'L' | b'K') {
            self.owes_header = true;
            if matches!(kind, b'x' | b'X') && own > 0 {
                self.records = Some(Records::new(own));
                // Padding only: the records themselves are read.
                self.skip = padded(own)? - own;
                return Ok(());
            }
            return self.data(own);
        }
        if kind == b'g' {
            return self.data(own);
        }
        self.owes_header = false;
        let size = self.size.take().unwrap_or(own);
        match kind {
            // Links, devices, directories and fifos have none, whatever the field says.
            b'1'..=b'6' if size > 0 => self.step = Step::PerhapsData(size),
            b'S' if has_more_map(block) => self.step = Step::SparseMap(size),
            _ => self.data(size)?,
        }
        Ok(())
    }

    fn data(&mut self, size: u64) -> Result<(), Flaw> {
        self.step = Step::Header;
        self.skip = padded(size)?;
        Ok(())
    }
}

fn padded(size: u64) -> Result<u64, Flaw> {
    tar::padded(size).ok_or(flaw("a member in it has an impossible size"))
}

fn at_most(left: u64, length: usize) -> usize {
    usize::try_from(left).map_or(length, |left| left.min(length))
}

/// The data of an extended header, `LENGTH KEY=VALUE\n` again and again, of which only `size` matters: a file of
/// 8 GiB and more has its size here.
struct Records {
    /// Bytes of the data to come.
    left: u64,
    phase: Phase,
    /// The last size.
    size: Option<u64>,
}

#[derive(Clone, Copy)]
enum Phase {
    /// In the length; it, and how many bytes of the record were read.
    Length(u64, u64),
    /// In the key: bytes of the record to come, and how many of the key were as in `size=`.
    Key(u64, usize),
    /// In the value of `size`: bytes to come, and the number so far.
    Size(u64, u64),
    /// In what doesn't matter.
    Rest(u64),
}

const SIZE: &[u8] = b"size=";

impl Records {
    fn new(left: u64) -> Self {
        Self {
            left,
            phase: Phase::Length(0, 0),
            size: None,
        }
    }

    /// Takes what is its own; the rest comes back.
    fn take<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Flaw> {
        let (mut own, rest) = bytes.split_at(at_most(self.left, bytes.len()));
        self.left -= own.len() as u64;
        while let Some((byte, after)) = own.split_first() {
            if let Phase::Rest(more) = self.phase {
                let some = at_most(more, own.len());
                own = &own[some..];
                self.phase = match more - some as u64 {
                    0 => Phase::Length(0, 0),
                    more => Phase::Rest(more),
                };
            } else {
                self.phase = self.step(*byte).ok_or(DAMAGED)?;
                own = after;
            }
        }
        Ok(rest)
    }

    fn step(&mut self, byte: u8) -> Option<Phase> {
        Some(match self.phase {
            Phase::Length(length, read) if byte.is_ascii_digit() => {
                let digit = u64::from(byte - b'0');
                Phase::Length(length.checked_mul(10)?.checked_add(digit)?, read + 1)
            }
            Phase::Length(length, read) if byte == b' ' && read > 0 => {
                // At least a key of one byte, its equals sign and the line feed.
                let more = length.checked_sub(read + 1).filter(|more| *more >= 3)?;
                Phase::Key(more, 0)
            }
            Phase::Length(..) => return None,
            Phase::Key(more, matched) if SIZE.get(matched) == Some(&byte) => {
                let more = more - 1;
                match matched + 1 {
                    all if all == SIZE.len() && more > 1 => Phase::Size(more, 0),
                    all if all == SIZE.len() => skip(more),
                    some if more > 0 => Phase::Key(more, some),
                    _ => return None,
                }
            }
            Phase::Key(more, _) => skip(more - 1),
            Phase::Size(1, size) if byte == b'\n' => {
                self.size = Some(size);
                Phase::Length(0, 0)
            }
            Phase::Size(more, size) if byte.is_ascii_digit() && more > 1 => {
                let digit = u64::from(byte - b'0');
                Phase::Size(more - 1, size.checked_mul(10)?.checked_add(digit)?)
            }
            Phase::Size(..) => return None,
            Phase::Rest(more) => skip(more.saturating_sub(1)),
        })
    }

    /// The size that was told, after all of the data.
    fn end(&self) -> Result<Option<u64>, Flaw> {
        match self.phase {
            Phase::Length(_, 0) => Ok(self.size),
            _ => Err(DAMAGED),
        }
    }
}

fn skip(more: u64) -> Phase {
    match more {
        0 => Phase::Length(0, 0),
        more => Phase::Rest(more),
    }
}
