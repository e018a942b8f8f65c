//! What a fuzzer calls: bytes of anybody's go in, and nothing may come of it but an error, or content.

use std::path::Path;

use common::args::Voice;
use common::chunks::{self, Opened};
use common::run::Streams;
use common::{Error, Result};

use crate::header::Header;
use crate::keys::Identities;
use crate::members::{self, HowOpened, Keys};
use crate::open;
use crate::passphrase::Asker;
use crate::pool::Pool;

/// The identities of what a corpus holds: anybody may know them.
pub const IDENTITIES: &str = include_str!("../../tests/vectors/seal/identities.txt");

/// Opens what is sealed or compressed, with [`IDENTITIES`], as `s3seal -d` would.
///
/// # Errors
/// If it is not sealed for them, or not in order.
pub fn opener(bytes: Vec<u8>) -> Result<Vec<u8>> {
    open::whole(
        std::io::Cursor::new(bytes),
        &identities()?,
        &Pool::with_threads(1)?,
    )
}

fn identities() -> Result<Identities> {
    let voice = Streams::standard("s3seal", Voice::default()).voice();
    let mut identities = Identities::new(Asker::new(None, voice)?, voice);
    identities.add_lines(Path::new("the corpus"), IDENTITIES)?;
    Ok(identities)
}

/// Opens a chunk stream member by member, as `s3seal -d` would.
///
/// # Errors
/// If it is none, is not sealed for them, or not in order.
pub fn members(bytes: Vec<u8>) -> Result<Vec<u8>> {
    let Opened::Chunks(reader) = chunks::open(std::io::Cursor::new(bytes))? else {
        return Err(Error::permanent("open it", "it is no chunk stream"));
    };
    let mut opened = Vec::new();
    let (keys, pool) = (Keys::new(identities()?), Pool::with_threads(1)?);
    members::open(reader, keys, HowOpened::default(), pool, Some(&mut opened))?;
    Ok(opened)
}

/// Understands a header. What was understood is the whole of `bytes`.
///
/// # Errors
/// If it isn't one.
pub fn header(bytes: &[u8]) -> Result<()> {
    match Header::parse(bytes)? {
        header if header.bytes == bytes => Ok(()),
        _ => Err(Error::permanent(
            "read the header",
            "it was read as another one",
        )),
    }
}
