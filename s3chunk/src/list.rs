//! The index of a stream as text: a line a chunk, fields separated by one blank.

use std::io::Write;

use common::Result;
use common::chunks::hex;
use common::run::{Streams, written};

use crate::join::{Tail, chunk_stream};
use crate::output::writing;

/// Lists the chunks of the stream on standard input: position, offset, length, object, number, hash.
///
/// # Errors
/// If its index isn't there, isn't open or isn't right, or something else in the stream is wrong.
pub fn list(streams: &mut Streams) -> Result<()> {
    let tail = Tail::read(chunk_stream(streams.take_input()?)?)?;
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
