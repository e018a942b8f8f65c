//! The members of a tar archive, seen while it passes: their paths, and where each begins.
//!
//! Promised: the bytes from a member's offset on, as long as it says, are the member with all headers that belong to it,
//! and those of all members follow each other up to the end of the archive. What stops being tar has no list: no part of
//! the stream depends on one.

use common::chunks::FileLine;
use common::tar::{
    BLOCK, Block, SPARSE_MORE, first_record, has_more_map, is_header, is_zero, number, padded, path,
};

/// The longest extended header that is read. Linux has no path that is longer than 4 KiB.
const LONGEST_HEADER: u64 = 1 << 20;
/// The longest path that a line of the list can hold, however its bytes are written there.
const LONGEST_PATH: usize = 15 << 10;

/// Why there is no list.
pub type Flaw = &'static str;

/// What has been seen.
#[derive(Default)]
pub struct Members {
    /// Bytes before the next one.
    offset: u64,
    step: Step,
    /// A block that came in several portions.
    filled: Vec<u8>,
    /// Bytes to pass over before the next block.
    skip: u64,
    /// An extended header that is being read.
    extended: Option<Extended>,
    /// What extended headers say of the member that follows.
    told: Told,
    /// Where the first header of that member began.
    began: Option<u64>,
    flaw: Option<Flaw>,
    found: Vec<FileLine>,
}

#[derive(Clone, Copy, Default)]
enum Step {
    #[default]
    Header,
    /// More of the map of a sparse file, whose data of so many bytes comes afterwards.
    SparseMap(u64),
    /// Data of so many bytes, or another header: some programs give a size to what has no data.
    PerhapsData(u64),
    /// Blocks of zeros were seen: that many, but no more than two.
    End(u8),
}

struct Extended {
    is_records: bool,
    left: u64,
    content: Vec<u8>,
}

#[derive(Default)]
struct Told {
    path: Option<Vec<u8>>,
    /// A sparse file has this name; its path names what its holes are kept in.
    sparse: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Members {
    /// The next bytes of the stream.
    pub fn take(&mut self, mut bytes: &[u8]) {
        while self.flaw.is_none() && !bytes.is_empty() {
            let before = bytes.len();
            let outcome = self.some(&mut bytes);
            self.offset += (before - bytes.len()) as u64;
            if let Err(flaw) = outcome {
                self.flaw = Some(flaw);
                self.found = Vec::new();
            }
        }
    }

    /// All members, if it was an archive to its end.
    ///
    /// # Errors
    /// Why not.
    pub fn finish(mut self) -> Result<Vec<FileLine>, Flaw> {
        if let Some(flaw) = self.flaw {
            return Err(flaw);
        }
        let ended = match self.step {
            // Behind the end there may be anything.
            Step::End(2) => true,
            Step::SparseMap(_) => false,
            _ => self.skip == 0 && self.filled.is_empty() && self.extended.is_none(),
        };
        if !ended || self.began.is_some() {
            return Err("it breaks off inside a member");
        }
        self.close(self.offset);
        Ok(self.found)
    }

    /// Takes what belongs together from the beginning of `bytes`.
    fn some(&mut self, bytes: &mut &[u8]) -> Result<(), Flaw> {
        if let Some(extended) = &mut self.extended {
            let own = split(bytes, extended.left);
            extended.content.extend_from_slice(own);
            extended.left -= own.len() as u64;
            if extended.left == 0
                && let Some(extended) = self.extended.take()
            {
                self.read(&extended)?;
            }
        } else if self.skip > 0 {
            self.skip -= split(bytes, self.skip).len() as u64;
        } else {
            let own = split(bytes, (BLOCK - self.filled.len()) as u64);
            self.filled.extend_from_slice(own);
            if let Ok(block) = <&Block>::try_from(&self.filled[..]) {
                let block = *block;
                self.filled.clear();
                // The part of it that came now is counted when this is done.
                let at = self.offset + own.len() as u64 - BLOCK as u64;
                self.block(&block, at)?;
            }
        }
        Ok(())
    }

    fn block(&mut self, block: &Block, at: u64) -> Result<(), Flaw> {
        match self.step {
            Step::SparseMap(size) => {
                if block[SPARSE_MORE] == 0 {
                    self.data(size)?;
                }
            }
            Step::PerhapsData(size) if !is_zero(block) && !is_header(block) => {
                self.data(size)?;
                self.skip = self.skip.saturating_sub(BLOCK as u64);
            }
            step if is_zero(block) => {
                if self.began.is_some() {
                    return Err("a header in it belongs to no member");
                }
                self.close(at);
                self.step = Step::End(if matches!(step, Step::End(_)) { 2 } else { 1 });
            }
            Step::End(2) if !is_header(block) => {}
            _ if is_header(block) => self.header(block, at)?,
            _ if self.found.is_empty() => return Err("it is not a tar archive"),
            _ => return Err("a header in it is damaged"),
        }
        Ok(())
    }

    fn header(&mut self, block: &Block, at: u64) -> Result<(), Flaw> {
        let damaged = "a header in it is damaged";
        let own = number(&block[124..136]).ok_or(damaged)?;
        let began = *self.began.get_or_insert(at);
        let kind = block[156];
        match kind {
            b'x' | b'X' | b'L' if own > LONGEST_HEADER => {
                return Err("an extended header in it is too long");
            }
            b'x' | b'X' | b'L' => {
                self.data(own)?;
                self.skip -= own;
                self.extended = (own > 0).then(|| Extended {
                    is_records: kind != b'L',
                    left: own,
                    content: Vec::new(),
                });
                return Ok(());
            }
            b'K' | b'g' => return self.data(own),
            _ => {}
        }
        let told = std::mem::take(&mut self.told);
        let path = told.sparse.or(told.path).unwrap_or_else(|| path(block));
        if path.len() > LONGEST_PATH {
            return Err("a path in it is too long");
        }
        self.close(began);
        self.began = None;
        self.found.push(FileLine {
            offset: began,
            length: 0,
            path,
        });
        let size = told.size.unwrap_or(own);
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
        self.skip = padded(size).ok_or("a member in it has an impossible size")?;
        Ok(())
    }

    /// The last member ends where something else begins.
    fn close(&mut self, at: u64) {
        if let Some(last) = self.found.last_mut()
            && last.length == 0
        {
            last.length = at - last.offset;
        }
    }

    fn read(&mut self, extended: &Extended) -> Result<(), Flaw> {
        if !extended.is_records {
            let end = extended.content.iter().position(|byte| *byte == 0);
            let path = &extended.content[..end.unwrap_or(extended.content.len())];
            self.told.path = Some(path.to_vec());
            return Ok(());
        }
        let mut rest = &extended.content[..];
        while !rest.is_empty() {
            let (key, value, after) =
                first_record(rest).ok_or("an extended header in it is damaged")?;
            rest = after;
            match key {
                b"path" => self.told.path = Some(value.to_vec()),
                b"GNU.sparse.name" => self.told.sparse = Some(value.to_vec()),
                b"size" => {
                    let size = std::str::from_utf8(value)
                        .ok()
                        .and_then(|text| text.parse().ok());
                    self.told.size = Some(size.ok_or("a size in it is damaged")?);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// At most `most` bytes from the beginning.
fn split<'a>(bytes: &mut &'a [u8], most: u64) -> &'a [u8] {
    let length = usize::try_from(most).map_or(bytes.len(), |most| most.min(bytes.len()));
    let (own, rest) = bytes.split_at(length);
    *bytes = rest;
    own
}

#[cfg(test)]
mod tests;
