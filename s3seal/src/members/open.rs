//! Opening a chunk stream.
//!
//! A member's name says what was done to it, and that is undone: what isn't so is refused. A member leaves only when all of
//! it was found authentic, and could be decompressed or says how long it will be.

use std::io::{Read, Write};

use common::chunks::{Compression, Member, Name, Reader, Suffix, Writer};
use common::{Error, Result};

use super::{Keys, ahead, not_pieces, of, pass, pump, writer};
use crate::compress::whole::{Packed, SMALL, Unpacked, Unpacker};
use crate::flow::{Bytes, Inlet, Outlet, Reading, stage};
use crate::input::Peeked;
use crate::pool::{Chunk, Pool, Shelf};
use crate::stream::{self, PayloadKey};

/// How much longer than what is in it a stored chunk may be: its header, its tags, its padding.
fn most_stored(name: Name) -> u64 {
    name.limit() + name.limit() / 8 + (4 << 20)
}

/// What is written, in this order.
enum Made {
    /// A member that is opened.
    Whole(Name, Suffix, Chunk),
    /// One that is long when it is decompressed.
    Packed(Member, Packed),
    /// One that is too long for one thread before it is, and the key to it.
    Long(Member, Option<PayloadKey>, Bytes),
    /// One that stays as it is.
    Passed(Member, Bytes),
}

/// What the command line says of opening.
#[derive(Clone, Copy, Default)]
pub struct How<'a> {
    /// By which command, or `none`, to decompress, whatever the names say.
    pub decompress: Option<&'a str>,
    /// Whether to take what isn't sealed.
    pub plain: bool,
}

/// Opens a chunk stream; writes it to `to`, if there is somebody who wants it.
///
/// # Errors
/// If any of it isn't authentic, whole and understood, or a stream fails.
pub fn open(
    reader: Reader<impl Read + Send + 'static>,
    keys: Keys,
    how: How<'_>,
    pool: Pool,
    to: Option<&mut impl Write>,
) -> Result<()> {
    let head = reader.head();
    not_pieces(
        head,
        "open the pieces",
        "join them first, as s3get does; then they are what was cut",
    )?;
    let work = Work {
        unpacker: Unpacker::new(how.decompress),
        plain: how.plain,
    };
    let mut opening = Opening {
        unpacker: work.unpacker.clone(),
        members: members(reader, keys, work, pool.clone())?,
        pool,
    };
    let Some(to) = to else {
        return opening.check();
    };
    let mut writer = writer(to, head)?;
    opening.write(&mut writer)?;
    writer.finish().map(|_| ())
}

fn members(
    mut reader: Reader<impl Read + Send + 'static>,
    mut keys: Keys,
    work: Work,
    pool: Pool,
) -> Result<Inlet<Made>> {
    stage(ahead(&pool), move |out| {
        let inputs = Shelf::default();
        while let Some(member) = reader.next()? {
            match member.name {
                // They tell of what is stored, and that is no longer here.
                Name::Toc | Name::End => {}
                name if !name.is_sealed() => {
                    pump(&mut reader, out, |bytes| Made::Passed(member, bytes))?;
                }
                _ => {
                    work.admits(&member, &keys)?;
                    take(&mut reader, &mut keys, &member, &work, &pool, &inputs, out)?;
                }
            }
        }
        Ok(())
    })
}

/// Takes a member off the stream and has it opened.
fn take(
    reader: &mut Reader<impl Read>,
    keys: &mut Keys,
    member: &Member,
    work: &Work,
    pool: &Pool,
    inputs: &Shelf<Vec<u8>>,
    out: &Outlet<Made>,
) -> Result<()> {
    let member = *member;
    let failed = |why| of(&member, &why);
    if member.size > SMALL as u64 {
        let mut content = Peeked::new(reader);
        let key = match member.suffix.age {
            true => Some(keys.payload(&mut content).map_err(failed)?.1),
            false => None,
        };
        return pump(&mut content, out, |bytes| Made::Long(member, key, bytes));
    }
    let mut content = inputs.room(usize::try_from(member.size).unwrap_or(SMALL));
    reader.content_into(&mut content, SMALL as u64)?;
    let lock = match member.suffix.age {
        true => Some(
            keys.payload(&mut Peeked::new(&content[..]))
                .map_err(failed)?,
        ),
        false => None,
    };
    let unpacker = work.unpacker.clone();
    out.send(
        pool.run(move || {
            opened(&member, lock, content, &unpacker).map_err(|why| of(&member, &why))
        }),
    )
}

/// Opens and decompresses a member on this thread.
fn opened(
    member: &Member,
    lock: Option<(usize, PayloadKey)>,
    mut content: Chunk,
    unpacker: &Unpacker,
) -> Result<Made> {
    if let Some((start, key)) = lock {
        content = stream::open_from(&key, content, start)?;
    }
    unpacked(member, content, unpacker)
}

fn unpacked(member: &Member, content: Chunk, unpacker: &Unpacker) -> Result<Made> {
    let compression = member.suffix.compression;
    Ok(match unpacker.unpack(compression, content)? {
        Unpacked::Here(content) => {
            if content.len() as u64 > member.name.limit() {
                return Err(too_long());
            }
            Made::Whole(member.name, left(member, unpacker), content)
        }
        Unpacked::Long(packed) => Made::Packed(*member, packed),
    })
}

/// What is left of a member's suffix.
fn left(member: &Member, unpacker: &Unpacker) -> Suffix {
    Suffix {
        compression: unpacker.left(member.suffix.compression),
        age: false,
    }
}

fn too_long() -> Error {
    Error::permanent(
        "open the sealed stream",
        "it is longer than such a member may be",
    )
}

struct Work {
    unpacker: Unpacker,
    plain: bool,
}

impl Work {
    /// # Errors
    /// If a member is not to be opened: it isn't sealed although keys were given, or the other way round.
    fn admits(&self, member: &Member, keys: &Keys) -> Result<()> {
        let refused =
            |why: &str, hint: &str| Err(Error::permanent(format!("open {member}"), why).hint(hint));
        if member.size > most_stored(member.name) {
            return Err(of(member, &too_long()));
        }
        if member.suffix.age {
            return if keys.is_empty() {
                refused(
                    "no key was given",
                    "use -i FILE, or -p if it was sealed with a passphrase",
                )
            } else {
                Ok(())
            };
        }
        if !keys.is_empty() && !self.plain {
            return refused(
                "it is not sealed, though keys were given",
                "--plain opens what is only compressed",
            );
        }
        let told = self.plain || self.unpacker.is_told();
        if member.suffix.compression == Compression::None && !told {
            return refused(
                "it is neither sealed nor compressed",
                "--plain passes on what isn't compressed",
            );
        }
        Ok(())
    }
}

struct Opening {
    members: Inlet<Made>,
    unpacker: Unpacker,
    pool: Pool,
}

impl Opening {
    /// The next member, opened as far as memory allows.
    fn next(&mut self) -> Result<Option<Made>> {
        Ok(match self.members.next()? {
            Some(Made::Long(member, key, bytes)) => {
                let content = self.whole(key, bytes);
                let made = content.and_then(|content| unpacked(&member, content, &self.unpacker));
                // What the stream itself failed of comes from there, too.
                Some(made.map_err(|why| of(&member, &why))?)
            }
            other => other,
        })
    }

    fn whole(&self, key: Option<PayloadKey>, mut bytes: Bytes) -> Result<Chunk> {
        if let Some(key) = key {
            bytes = stream::open(key, self.pool.clone(), Reading::new(bytes))?;
        }
        let mut content = Chunk::default();
        while let Some(chunk) = bytes.next()? {
            content.extend_from_slice(&chunk);
        }
        Ok(content)
    }

    fn write<W: Write>(&mut self, writer: &mut Writer<W>) -> Result<()> {
        while let Some(made) = self.next()? {
            match made {
                Made::Whole(name, suffix, content) => writer.member(name, suffix, &content)?,
                Made::Passed(member, bytes) => pass(writer, &member, bytes)?,
                Made::Long(..) => {}
                Made::Packed(member, packed) => {
                    let name = member.name;
                    let size = packed
                        .size(name.limit())
                        .and_then(|size| size.ok_or_else(too_long))
                        .map_err(|why| of(&member, &why))?;
                    writer.begin(&Member {
                        name,
                        suffix: left(&member, &self.unpacker),
                        size,
                    })?;
                    let mut failed = None;
                    let poured = packed.pour(size, &mut |part| {
                        writer
                            .content(part)
                            .inspect_err(|why| failed = Some(why.clone()))
                    });
                    if let Some(why) = failed {
                        return Err(why);
                    }
                    poured.map_err(|why| of(&member, &why))?;
                }
            }
        }
        Ok(())
    }

    fn check(&mut self) -> Result<()> {
        while let Some(made) = self.next()? {
            match made {
                Made::Whole(..) | Made::Long(..) => {}
                Made::Passed(_, mut bytes) => while bytes.next()?.is_some() {},
                Made::Packed(member, packed) => {
                    let poured = packed.pour(member.name.limit(), &mut |_| Ok(()));
                    match poured {
                        Ok(true) => {}
                        Ok(false) => return Err(of(&member, &too_long())),
                        Err(why) => return Err(of(&member, &why)),
                    }
                }
            }
        }
        Ok(())
    }
}
