//! Chunk streams: their members are sealed and opened each by itself, and stay in their order.
//!
//! What is sealed has one header and one file key for the whole stream, and a nonce of its own for each member: so each
//! is a whole age file (doc/format/sealed.md). Members are worked on side by side. Those of the usual sizes are held in
//! memory, a few for each core; of a longer one there is only its compressed form, which has to be whole before its
//! header can be written.

mod keys;
mod lock;
mod open;
mod rewrap;
mod seal;
#[cfg(test)]
mod tests;

pub use keys::Keys;
pub use lock::Lock;
pub use open::{How as HowOpened, open};
pub use rewrap::rewrap;
pub use seal::{How as HowSealed, seal};

use std::io::{BufWriter, Cursor, Read, Write};

use common::chunks::{self, Form, Head, Member, Opened, Writer};
use common::run::Input;
use common::{Error, Result};

use crate::flow::{Bytes, Outlet, way};
use crate::pool::{Pool, Shelf};

/// What is written at once.
const STEP: usize = 256 << 10;

/// Looks at the first bytes of standard input. A person who types isn't waited for.
///
/// # Errors
/// As [`chunks::open`].
pub fn look(input: Input) -> Result<Opened<Input>> {
    if input.is_terminal() {
        return Ok(Opened::Other(Cursor::new(Vec::new()).chain(input)));
    }
    chunks::open(input)
}

/// How many members may wait for their turn to be written.
fn ahead(pool: &Pool) -> usize {
    2 * pool.threads() + 2
}

/// Begins the stream that is written.
fn writer<W: Write>(to: W, head: Head) -> Result<Writer<BufWriter<W>>> {
    Writer::new(BufWriter::with_capacity(STEP, to), &head)
}

/// # Errors
/// For plain pieces, which are neither sealed nor opened.
fn not_pieces(head: Head, doing: &str, hint: &str) -> Result<()> {
    if head.form == Form::Pieces {
        return Err(Error::permanent(doing, "these are plain pieces").hint(hint));
    }
    Ok(())
}

/// Hands the content of a member on as it comes, as a stream that `made` wraps up.
fn pump<T>(reader: &mut impl Read, out: &Outlet<T>, made: impl FnOnce(Bytes) -> T) -> Result<()> {
    let (content, bytes) = way(2);
    out.give(made(bytes))?;
    let shelf = Shelf::default();
    let outcome = loop {
        let mut chunk = shelf.chunk(STEP);
        match crate::input::full(reader, &mut chunk) {
            Err(why) => break Err(why),
            Ok(0) => break Ok(()),
            Ok(length) => {
                chunk.truncate(length);
                if let Err(why) = content.give(chunk) {
                    break Err(why);
                }
            }
        }
    };
    content.end(outcome.clone());
    outcome
}

/// Writes a member whose content comes bit by bit.
fn pass<W: Write>(writer: &mut Writer<W>, member: &Member, mut bytes: Bytes) -> Result<()> {
    writer.begin(member)?;
    while let Some(chunk) = bytes.next()? {
        writer.content(&chunk)?;
    }
    Ok(())
}

/// Says in which member something went wrong.
pub fn of(member: &Member, why: &Error) -> Error {
    let error = Error::new(why.class(), format!("open {member}"), why.cause());
    match why.advice() {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
