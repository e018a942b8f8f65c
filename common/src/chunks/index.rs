//! The index: every chunk of the whole stream. Sealed; only `s3chunk` reads it.

use std::io::{BufRead, Write};

use super::text::{Lines, number};
use super::{Id, LONGEST, flaw, hex, unhex};
use crate::error::{Doing, Result};

/// How a stream was cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cut {
    /// Where the content says, into chunks of so many bytes on average.
    Average(u64),
    /// Into chunks of so many bytes.
    Fixed(u64),
}

/// A chunk of the stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry {
    /// BLAKE3, under the key.
    pub hash: [u8; 32],
    /// Bytes.
    pub length: u32,
    /// Which object of `refs` it lies in; 0 is the stream's own.
    pub object: u32,
    /// Which chunk of that object it is.
    pub number: u64,
}

impl Entry {
    /// Its line, as it is written and hashed into the total.
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            "chunk {} {} {} {}\n",
            hex(&self.hash),
            self.length,
            self.object,
            self.number
        )
    }
}

/// The index. It takes 48 bytes of memory a chunk.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Index {
    /// Of the stream.
    pub id: Id,
    /// Of the hashes; the cuts follow from it, too.
    pub key: [u8; 32],
    /// How it was cut.
    pub cut: Cut,
    /// Every chunk, in the order of the stream.
    pub chunks: Vec<Entry>,
    /// Bytes of the stream.
    pub length: u64,
    /// The hash of all the lines of chunks, under the key. Whoever hashes compares it.
    pub hash: [u8; 32],
}

impl Index {
    /// Writes its text.
    ///
    /// # Errors
    /// If `to` fails.
    pub fn write(&self, mut to: impl Write) -> Result<()> {
        let mut write = |text: &str| to.write_all(text.as_bytes()).doing("write the index");
        let cut = match self.cut {
            Cut::Average(bytes) => format!("average {bytes}"),
            Cut::Fixed(bytes) => format!("fixed {bytes}"),
        };
        write(&format!(
            "s3pipes-index/1\nid {}\nkey {}\ncut {cut}\n",
            self.id,
            hex(&self.key)
        ))?;
        for entry in &self.chunks {
            write(&entry.line())?;
        }
        write(&format!("total {} {}\n", self.length, hex(&self.hash)))
    }

    /// Reads its text, to the end of `from`.
    ///
    /// # Errors
    /// If it is damaged, or its lengths don't add up. The hashes are not computed here.
    pub fn read(from: impl BufRead) -> Result<Self> {
        let mut lines = Lines::of(from, "index")?;
        let broken = lines.broken();
        let id = lines.id()?;
        let key = unhex(lines.field("key")?).ok_or_else(|| broken.clone())?;
        let cut = match lines.field("cut")?.split_once(' ') {
            Some(("average", bytes)) => number(bytes).map(Cut::Average),
            Some(("fixed", bytes)) => number(bytes).map(Cut::Fixed),
            _ => None,
        }
        .ok_or_else(|| broken.clone())?;
        let mut index = Self {
            id,
            key,
            cut,
            chunks: Vec::new(),
            length: 0,
            hash: [0; 32],
        };
        loop {
            let line = lines.next()?.ok_or_else(|| broken.clone())?;
            if let Some(total) = line.strip_prefix("total ") {
                let read = total
                    .split_once(' ')
                    .and_then(|(length, hash)| Some((number::<u64>(length)?, unhex(hash)?)));
                let (length, hash) = read.ok_or_else(|| broken.clone())?;
                if length != index.length {
                    return Err(flaw("the lengths in its index don't add up"));
                }
                index.hash = hash;
                return if lines.next()?.is_none() {
                    Ok(index)
                } else {
                    Err(broken)
                };
            }
            let entry = entry(line).ok_or_else(|| broken.clone())?;
            index.length = index
                .length
                .checked_add(u64::from(entry.length))
                .ok_or_else(|| broken.clone())?;
            index.chunks.push(entry);
        }
    }
}

fn entry(line: &str) -> Option<Entry> {
    let mut fields = line.strip_prefix("chunk ")?.split(' ');
    let entry = Entry {
        hash: unhex(fields.next()?)?,
        length: number(fields.next()?)?,
        object: number(fields.next()?)?,
        number: number(fields.next()?)?,
    };
    let fits = (1..=LONGEST).contains(&u64::from(entry.length));
    (fits && fields.next().is_none()).then_some(entry)
}
