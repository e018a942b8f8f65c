//! Contents that are in memory, each compressed and decompressed by itself: members of a chunk stream.
//!
//! Here a name says how a content is compressed, so nothing is guessed: what doesn't begin as its name says is refused,
//! and what has no such name is not decompressed, whatever it looks like.

use std::sync::Arc;

use common::chunks::Compression;
use common::{Error, Result};

use super::command::{self, Program};
use super::zstd::{self, Compressors, Decompressors};
use super::{Method, bzip2};
use crate::magic::Packing;
use crate::pad;
use crate::pool::Chunk;

/// What is compressed or decompressed by one thread, and held in memory, at once. Chunks of the usual sizes are smaller.
/// Tests have them longer more often.
pub const SMALL: usize = if cfg!(test) { 512 << 10 } else { 8 << 20 };

/// Compresses one content after the other, on any thread. Copies are the same.
#[derive(Clone)]
pub struct Packer {
    method: Method,
    pad: bool,
    frames: Compressors,
}

impl Packer {
    /// By this method; with a checksum, where the method has one, or without.
    #[must_use]
    pub fn new(method: Method, checksum: bool, pad: bool) -> Self {
        let level = match method {
            Method::Zstd { level, .. } => level,
            _ => 0,
        };
        Self {
            method,
            pad,
            frames: Compressors::new(level, checksum),
        }
    }

    /// A content, compressed, and how. What was compressed before stays as it is.
    ///
    /// # Errors
    /// If a compressor fails, or makes what nobody would know how to open; if there is to be padding and no place for it.
    pub fn pack(&self, before: Compression, content: Chunk) -> Result<(Compression, Chunk)> {
        let (compression, mut packed) = match &self.method {
            _ if before != Compression::None => (before, content),
            Method::Zstd { .. } => (Compression::Zst, self.frames.frame(&content)?),
            Method::Bzip2(level) => (Compression::Bz2, bzip2::compress_whole(&content, *level)?),
            Method::None => (Compression::None, content),
            Method::Command(text) => {
                let program = Program::Shell(text.clone());
                let packed = command::compress_whole(program, content)?;
                (named(&packed, text)?, packed)
            }
        };
        if self.pad {
            can_be_padded(compression)?;
            pad::pad(&mut packed);
        }
        Ok((compression, packed))
    }
}

/// # Errors
/// If nothing passes over what would be added.
pub fn can_be_padded(compression: Compression) -> Result<()> {
    if compression == Compression::Zst {
        Ok(())
    } else {
        Err(Error::permanent(
            "pad the chunks",
            "they are compressed already, and not by zstd",
        ))
    }
}

/// The name of what a command made.
fn named(packed: &[u8], command: &str) -> Result<Compression> {
    match Packing::of(packed) {
        Packing::None => Err(Error::permanent(
            format!("compress the chunks by '{command}'"),
            "what it makes begins like nothing that would be known when it is opened",
        )
        .hint("known are the formats of zstd, bzip2, gzip, xz, lz4, lzop and lzip")),
        known => Ok(known.compression()),
    }
}

/// Decompresses one content after the other, on any thread. Copies are the same.
#[derive(Clone)]
pub struct Unpacker {
    /// Whatever the names say: a command, or none at all.
    by: Option<Option<Program>>,
    frames: Decompressors,
}

/// What came of a content.
pub enum Unpacked {
    /// All of it.
    Here(Chunk),
    /// It is long: it has to be poured.
    Long(Packed),
}

impl Unpacker {
    /// As the names say, or as the command line does: by a command, or `none`.
    #[must_use]
    pub fn new(by: Option<&str>) -> Self {
        Self {
            by: by.map(|text| (text != "none").then(|| Program::Shell(text.to_owned()))),
            frames: Decompressors::default(),
        }
    }

    /// What a name still says of a content that was unpacked.
    #[must_use]
    pub fn left(&self, compression: Compression) -> Compression {
        match self.by {
            Some(None) => compression,
            _ => Compression::None,
        }
    }

    /// True if the command line says how.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.by.is_some()
    }

    /// A content whose name says that it is compressed so.
    ///
    /// # Errors
    /// If it isn't, or is damaged.
    pub fn unpack(&self, compression: Compression, bytes: Chunk) -> Result<Unpacked> {
        let packing = Packing::of(&bytes);
        let how = match (&self.by, compression) {
            (Some(None), _) | (None, Compression::None) => return Ok(Unpacked::Here(bytes)),
            (Some(Some(program)), _) => How::By(program.clone()),
            (None, named) if packing.compression() != named => {
                return Err(Error::permanent(
                    "decompress the stream",
                    "its name says that it is compressed in another way than it is",
                ));
            }
            (None, _) => match packing {
                Packing::Zstd => How::Zstd,
                Packing::Bzip2 => How::Bzip2,
                Packing::Program(name) => How::By(Program::Named(name)),
                Packing::None => return Ok(Unpacked::Here(bytes)),
            },
        };
        let size = match how {
            How::Zstd => zstd::content_size(&bytes)?,
            How::Bzip2 | How::By(_) => None,
        };
        match size.map(usize::try_from) {
            Some(Ok(size)) if size <= SMALL => {
                return self.frames.opened(&bytes, size).map(Unpacked::Here);
            }
            Some(_) => return Ok(Unpacked::Long(Packed::new(bytes, how, size))),
            None => {}
        }
        let packed = Packed::new(bytes, how, None);
        let mut content = Chunk::default();
        let poured = packed.pour(SMALL as u64, &mut |part| {
            content.extend_from_slice(part);
            Ok(())
        })?;
        Ok(if poured {
            Unpacked::Here(content)
        } else {
            Unpacked::Long(packed)
        })
    }
}

#[derive(Clone)]
enum How {
    Zstd,
    Bzip2,
    By(Program),
}

/// A content that is too long to be had at once.
pub struct Packed {
    bytes: Arc<Chunk>,
    how: How,
    size: Option<u64>,
}

impl Packed {
    fn new(bytes: Chunk, how: How, size: Option<u64>) -> Self {
        Self {
            bytes: Arc::new(bytes),
            how,
            size,
        }
    }

    /// How long it is, if it says so or is poured once for nothing; none if it is longer than `most`.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn size(&self, most: u64) -> Result<Option<u64>> {
        if let Some(size) = self.size {
            return Ok(Some(size).filter(|size| *size <= most));
        }
        let mut size = 0;
        let poured = self.pour(most, &mut |part| {
            size += part.len() as u64;
            Ok(())
        })?;
        Ok(poured.then_some(size))
    }

    /// Gives all of it to `sink`; false, if it would be more than `most` bytes.
    ///
    /// # Errors
    /// If it is damaged; those of `sink`.
    pub fn pour(&self, most: u64, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<bool> {
        let mut left = most;
        let mut fits = true;
        let mut within = |part: &[u8]| {
            let rest = left.checked_sub(part.len() as u64);
            left = rest.ok_or_else(|| {
                fits = false;
                Error::permanent("decompress the stream", "it is too long")
            })?;
            sink(part)
        };
        let outcome = match &self.how {
            How::Zstd => zstd::pour(&self.bytes, &mut within),
            How::Bzip2 => bzip2::pour(&self.bytes, &mut within),
            How::By(program) => command::pour(program, Arc::clone(&self.bytes), &mut within),
        };
        if fits {
            outcome.map(|()| true)
        } else {
            Ok(false)
        }
    }
}
