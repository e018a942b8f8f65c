//! What a stream says of itself, as text, and what follows from it: chunks, members, and which chunks hold which members.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use common::chunks::files::escape;
use common::chunks::hex;
use common::error::{Doing, Result};
use common::run::{Streams, written};

use crate::join::{self, Tail, chunk_stream};
use crate::output::writing;
use crate::selection::Selection;

/// Lists the chunks of a stream, a line each: position, offset, length, object, number, hash.
///
/// # Errors
/// If its index isn't there, isn't open or isn't right, or something else in the stream is wrong.
pub fn list(tail: Option<&Path>, streams: &mut Streams) -> Result<()> {
    let tail = tail_of(tail, streams)?;
    writing(streams, |out| {
        let mut offset = 0;
        for (position, entry) in tail.index.chunks.iter().enumerate() {
            written(writeln!(
                out,
                "{position} {offset} {} {} {} {}",
                entry.length,
                entry.object,
                entry.number,
                hex(&entry.hash)
            ))?;
            offset += u64::from(entry.length);
        }
        Ok(())
    })
}

/// Lists the paths of the members, a line each, written as in the list of files.
///
/// # Errors
/// As [`list`]; if there is no list of files.
pub fn files(tail: Option<&Path>, streams: &mut Streams) -> Result<()> {
    let tail = tail_of(tail, streams)?;
    let files = tail.files()?;
    writing(streams, |out| {
        files
            .iter()
            .try_for_each(|file| written(writeln!(out, "{}", escape(&file.path))))
    })
}

/// Says which chunks hold these members.
///
/// # Errors
/// As [`files`]; if one of them isn't there.
pub fn find(tail: &Path, paths: &[Vec<u8>], streams: &mut Streams) -> Result<()> {
    let tail = read(tail)?;
    let selection = Selection::of(&tail, paths)?;
    streams.output().line(selection.positions())
}

/// Writes these members, out of the chunks on standard input.
///
/// # Errors
/// As [`find`]; if they are not the chunks that [`find`] names.
pub fn pick(tail: &Path, paths: &[Vec<u8>], streams: &mut Streams) -> Result<()> {
    let tail = read(tail)?;
    let selection = Selection::of(&tail, paths)?;
    let reader = chunk_stream(streams.take_input()?)?;
    writing(streams, |out| join::part(reader, tail, selection, out))
}

fn tail_of(path: Option<&Path>, streams: &mut Streams) -> Result<Tail> {
    match path {
        Some(path) => read(path),
        None => whole(streams.take_input()?),
    }
}

fn read(path: &Path) -> Result<Tail> {
    whole(File::open(path).doing(format!("open {}", path.display()))?)
}

fn whole(input: impl Read) -> Result<Tail> {
    Tail::read(chunk_stream(input)?)
}
