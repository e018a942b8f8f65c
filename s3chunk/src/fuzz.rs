//! What a fuzzer calls: bytes of anybody's go in, and nothing may come of it but an error, or what they say.

use std::io::Cursor;

use common::Result;

use crate::join::{Tail, chunk_stream, joined};
use crate::known::{self, Known};
use crate::members::Members;

/// Joins a chunk stream, as `s3chunk -d` would.
///
/// # Errors
/// If it isn't whole, or not in order.
pub fn join(bytes: Vec<u8>) -> Result<Vec<u8>> {
    let mut chunks = joined(chunk_stream(Cursor::new(bytes))?)?;
    let mut content = Vec::new();
    while let Some(chunk) = chunks.next()? {
        content.extend_from_slice(&chunk);
    }
    Ok(content)
}

/// Reads what a stream says of itself.
///
/// # Errors
/// If it is damaged.
pub fn tail(bytes: Vec<u8>) -> Result<usize> {
    Tail::read(chunk_stream(Cursor::new(bytes))?).map(|tail| tail.index.chunks.len())
}

/// Reads a known file, and writes it again.
///
/// # Errors
/// If it is damaged.
pub fn known(bytes: Vec<u8>) -> Result<Vec<u8>> {
    let known = Known::parse(bytes)?;
    for chunk in known.chunks() {
        if known.find(&chunk.hash) != Some(chunk) {
            return Ok(Vec::new());
        }
    }
    let mut again = Vec::new();
    let chunks = known.chunks();
    known::write(
        &mut again,
        &known.about,
        &known.names,
        known.count(),
        chunks,
    )?;
    Ok(again)
}

/// The hash at the end of a known file, made to fit: else nothing behind it would be reached.
#[must_use]
pub fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len().saturating_sub(32));
    let seal = blake3::hash(&bytes);
    bytes.extend(seal.as_bytes());
    bytes
}

/// Walks through a tar archive; gives back how many of its bytes belong to members.
///
/// # Errors
/// Why it is none.
pub fn members(portions: &[&[u8]]) -> Result<u64, &'static str> {
    let mut members = Members::default();
    portions.iter().for_each(|portion| members.take(portion));
    members
        .finish()
        .map(|found| found.iter().map(|file| file.length).sum())
}
