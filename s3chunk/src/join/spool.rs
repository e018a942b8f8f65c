//! Chunks that came before the index: kept in a file without a name.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;

use common::chunks::{Entry, LONGEST, Member, Name, Reader};
use common::error::{Doing, Result};
use common::pool::{self, Shelf};
use common::scratch::{nameless, place};

use super::refuse;

/// The chunks that have come, by number.
#[derive(Default)]
pub struct Spool {
    file: Option<File>,
    /// Where each of them ends in the file.
    ends: Vec<u64>,
    buffer: Vec<u8>,
}

impl Spool {
    /// Keeps the chunk at which the stream stands. They come in the order of their numbers.
    pub fn keep<R: Read>(&mut self, reader: &mut Reader<R>, member: &Member) -> Result<()> {
        if !matches!(member.name, Name::Chunk { object: 0, .. }) {
            return Err(refuse(format!("{} comes too early", member.name)));
        }
        let folder = place();
        let doing = || format!("keep chunks in {}", folder.display());
        let mut file = match self.file.take() {
            Some(file) => file,
            None => nameless(&folder).doing(doing())?,
        };
        self.buffer.clear();
        reader.content_into(&mut self.buffer, LONGEST)?;
        file.write_all(&self.buffer).doing(doing())?;
        self.file = Some(file);
        let before = self.ends.last().copied().unwrap_or(0);
        self.ends.push(before + member.size);
        Ok(())
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.ends.len() as u64
    }

    /// The length of one of them.
    pub fn size(&self, number: u64) -> Option<u64> {
        self.place(number).map(|(begin, end)| end - begin)
    }

    /// The bytes of one of them, which has the length that the index says.
    pub fn chunk(&self, entry: &Entry, shelf: &Shelf<Vec<u8>>) -> Result<pool::Chunk> {
        let mut chunk = shelf.chunk(usize::try_from(entry.length).unwrap_or(0));
        let (Some(file), Some((begin, _))) = (&self.file, self.place(entry.number)) else {
            return Err(refuse("a chunk is missing"));
        };
        file.read_exact_at(&mut chunk, begin)
            .doing(format!("keep chunks in {}", place().display()))?;
        Ok(chunk)
    }

    fn place(&self, number: u64) -> Option<(u64, u64)> {
        let number = usize::try_from(number).ok()?;
        let end = *self.ends.get(number)?;
        let begin = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some((begin, end))
    }
}
