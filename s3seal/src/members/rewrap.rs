//! New recipients for a chunk stream: another header before each member, and what follows it as it is.
//!
//! Members that share a header share the new one. As for any stream, what is in the seals passes unread.

use std::io::{Read, Write};

use common::chunks::{Member, Name, Reader, Writer};
use common::{Error, Result};

use super::{Keys, STEP, not_pieces, of, writer};
use crate::input::{self, Peeked};
use crate::keys::Recipients;

/// Seals a chunk stream for others, and writes it to `to`.
///
/// # Errors
/// If a member is not sealed or none of the identities opens it, a recipient fails, or a stream does.
pub fn rewrap(
    mut reader: Reader<impl Read>,
    mut keys: Keys,
    mut recipients: Recipients,
    mixed: bool,
    to: &mut impl Write,
) -> Result<()> {
    let head = reader.head();
    not_pieces(
        head,
        "change the recipients of the pieces",
        "join them first: then they are one sealed stream",
    )?;
    let mut writer = writer(to, head)?;
    let mut buffer = vec![0; STEP];
    while let Some(mut member) = reader.next()? {
        // They tell where things are in a stored object, and headers may have another length.
        if matches!(member.name, Name::Toc | Name::End) {
            continue;
        }
        if member.name.is_sealed() != member.suffix.age {
            return Err(of(&member, &not_sealed()));
        }
        let mut content = Peeked::new(&mut reader);
        let mut start = &[][..];
        if member.suffix.age {
            let wrap = |key: &_| Ok(recipients.wrap(key, mixed)?.bytes);
            let (old, new) = keys
                .rewrapped(&mut content, wrap)
                .map_err(|why| of(&member, &why))?;
            member.size = member.size - old as u64 + new.len() as u64;
            start = new;
        }
        pass_on(&mut writer, &member, start, &mut content, &mut buffer)?;
    }
    writer.finish().map(|_| ())
}

fn pass_on(
    writer: &mut Writer<impl Write>,
    member: &Member,
    start: &[u8],
    content: &mut impl Read,
    buffer: &mut [u8],
) -> Result<()> {
    writer.begin(member)?;
    writer.content(start)?;
    loop {
        match input::some(content, buffer)? {
            0 => return Ok(()),
            length => writer.content(&buffer[..length])?,
        }
    }
}

fn not_sealed() -> Error {
    Error::permanent("change the recipients", "it is not sealed")
}
