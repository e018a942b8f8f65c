//! Sealing a chunk stream.

use std::io::{Read, Write};
use std::sync::Arc;

use common::chunks::{Compression, Member, Name, Reader, Suffix};
use common::{Error, Result};

use super::{Lock, ahead, not_pieces, pass, pump, writer};
use crate::compress::Method;
use crate::compress::whole::{Packer, SMALL, can_be_padded};
use crate::flow::{Bytes, Outlet, Reading, stage};
use crate::pad;
use crate::pool::{Chunk, Pool, Shelf};
use crate::seal::{chunks, compressed, sealed};

/// What is done to each member that may be sealed.
pub struct How {
    /// How it is compressed.
    pub method: Method,
    /// Whether its length is hidden.
    pub pad: bool,
    /// What it is sealed with, if it is.
    pub lock: Option<Lock>,
}

/// What is written, in this order.
enum Made {
    /// A member that is done.
    Whole(Name, Suffix, Chunk),
    /// One that stays as it is.
    Passed(Member, Bytes),
    /// One that is too long for one thread.
    Long(Member, Bytes),
}

/// Seals a chunk stream, and writes it to `to`.
///
/// # Errors
/// If it is damaged, cut off, sealed already or not to be sealed; if a stream or a compressor fails.
pub fn seal(
    mut reader: Reader<impl Read + Send + 'static>,
    how: How,
    pool: &Pool,
    to: &mut impl Write,
) -> Result<()> {
    let head = reader.head();
    not_pieces(
        head,
        "seal the pieces",
        "seal the stream before it is cut: s3seal | s3chunk --numbered",
    )?;
    let work = Arc::new(Work {
        packer: Packer::new(how.method.clone(), how.lock.is_none(), how.pad),
        outputs: Shelf::default(),
        how,
    });
    let (at_work, workers) = (Arc::clone(&work), pool.clone());
    let mut members = stage(ahead(pool), move |out| {
        let inputs = Shelf::default();
        while let Some(member) = reader.next()? {
            take(&mut reader, &member, &at_work, &workers, &inputs, out)?;
        }
        Ok(())
    })?;
    let mut writer = writer(to, head)?;
    while let Some(made) = members.next()? {
        match made {
            Made::Whole(name, suffix, content) => writer.member(name, suffix, &content)?,
            Made::Passed(member, bytes) => pass(&mut writer, &member, bytes)?,
            Made::Long(member, bytes) => {
                let (suffix, content) = work.long(&member, bytes, pool)?;
                writer.begin(&Member {
                    name: member.name,
                    suffix,
                    size: content.iter().map(|part| part.len() as u64).sum(),
                })?;
                for part in content {
                    writer.content(&part)?;
                }
            }
        }
    }
    writer.finish().map(|_| ())
}

/// Takes a member off the stream, and has done with it what is to be done.
fn take(
    reader: &mut Reader<impl Read>,
    member: &Member,
    work: &Arc<Work>,
    pool: &Pool,
    inputs: &Shelf<Vec<u8>>,
    out: &Outlet<Made>,
) -> Result<()> {
    let member = *member;
    match member.name {
        // They tell of a stored object, and what is sealed has to be stored anew.
        Name::Toc | Name::End => Ok(()),
        name if !name.is_sealed() => pump(reader, out, |bytes| Made::Passed(member, bytes)),
        _ if member.suffix.age => Err(Error::permanent(
            format!("seal {member}"),
            "it is sealed already",
        )
        .hint("--rewrap seals for others")),
        _ if member.size > SMALL as u64 => pump(reader, out, |bytes| Made::Long(member, bytes)),
        _ => {
            let mut content = inputs.room(usize::try_from(member.size).unwrap_or(SMALL));
            reader.content_into(&mut content, SMALL as u64)?;
            let work = Arc::clone(work);
            out.send(pool.run(move || work.small(&member, content)))
        }
    }
}

struct Work {
    how: How,
    packer: Packer,
    outputs: Shelf<Vec<u8>>,
}

impl Work {
    /// Compresses and seals a member on this thread.
    fn small(&self, member: &Member, content: Chunk) -> Result<Made> {
        let (compression, packed) = self.packer.pack(member.suffix.compression, content)?;
        let (suffix, content) = self.locked(compression, packed)?;
        Ok(Made::Whole(member.name, suffix, content))
    }

    fn locked(&self, compression: Compression, packed: Chunk) -> Result<(Suffix, Chunk)> {
        let age = self.how.lock.is_some();
        let content = match &self.how.lock {
            Some(lock) => {
                let mut sealed = self.outputs.room(lock.size(packed.len()));
                lock.seal(&packed, &mut sealed)?;
                sealed
            }
            None => packed,
        };
        Ok((Suffix { compression, age }, content))
    }

    /// Compresses and seals a member on all threads.
    fn long(&self, member: &Member, bytes: Bytes, pool: &Pool) -> Result<(Suffix, Vec<Chunk>)> {
        let before = member.suffix.compression;
        if let (Method::Command(_), Compression::None) = (&self.how.method, before) {
            let mut content = Chunk::default();
            for part in all(bytes)? {
                content.extend_from_slice(&part);
            }
            let (compression, packed) = self.packer.pack(before, content)?;
            let (suffix, content) = self.locked(compression, packed)?;
            return Ok((suffix, vec![content]));
        }
        let (compression, mut packed) = match &self.how.method {
            _ if before != Compression::None => (before, bytes),
            Method::Zstd { level, .. } => {
                let method = Method::Zstd {
                    level: *level,
                    long: false,
                };
                let plain = self.how.lock.is_none();
                (
                    Compression::Zst,
                    compressed(&method, plain, pool, Reading::new(bytes))?,
                )
            }
            Method::Bzip2(_) => (
                Compression::Bz2,
                compressed(&self.how.method, false, pool, Reading::new(bytes))?,
            ),
            Method::None | Method::Command(_) => (Compression::None, chunks(Reading::new(bytes))?),
        };
        if self.how.pad {
            can_be_padded(compression)?;
            packed = pad::padded(packed)?;
        }
        let mut content = Vec::new();
        if let Some(lock) = &self.how.lock {
            let (start, key) = lock.begin()?;
            content.push(start.into());
            packed = sealed(key, pool.clone(), packed)?;
        }
        content.extend(all(packed)?);
        let age = self.how.lock.is_some();
        Ok((Suffix { compression, age }, content))
    }
}

/// All of a stream.
fn all(mut bytes: Bytes) -> Result<Vec<Chunk>> {
    let mut all = Vec::new();
    while let Some(chunk) = bytes.next()? {
        all.push(chunk);
    }
    Ok(all)
}
