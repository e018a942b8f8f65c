//! Bzip2: streams of one block each, so that all cores compress; `bzip2 -d` reads them as one.
//!
//! What `bzip2` and `pbzip2` made is opened, in however many streams it comes.

mod streams;

pub use streams::{decompress, pour};

use std::io::Read;

use bzip2::{Action, Compress, Compression, Status};
use common::{Error, Result};

use crate::flow::{Bytes, stage};
use crate::input;
use crate::pool::{Chunk, Pool, Shelf};

/// A level's share of a block.
const BLOCK: usize = 100_000;

/// Compresses all that `input` has, in blocks of `level` times 100 kB.
///
/// # Errors
/// If no thread can be started.
pub fn compress(mut input: impl Read + Send + 'static, level: u32, pool: Pool) -> Result<Bytes> {
    let size = level as usize * BLOCK;
    stage(2 * pool.threads(), move |out| {
        let (inputs, outputs) = (Shelf::default(), Shelf::default());
        let mut first = true;
        loop {
            let mut block = inputs.chunk(size);
            let length = input::full(&mut input, &mut block)?;
            let ends = length < size;
            block.truncate(length);
            // Nothing at all is a stream too.
            if length > 0 || first {
                let outputs = outputs.clone();
                out.send(pool.run(move || compress_block(&block, level, &outputs)))?;
            }
            if ends {
                return Ok(());
            }
            first = false;
        }
    })
}

/// Compresses what is in memory, block after block.
///
/// # Errors
/// If the library fails.
pub fn compress_whole(bytes: &[u8], level: u32) -> Result<Chunk> {
    let outputs = Shelf::default();
    if bytes.is_empty() {
        return compress_block(bytes, level, &outputs);
    }
    let mut all = Chunk::default();
    for block in bytes.chunks(level as usize * BLOCK) {
        all.extend_from_slice(&compress_block(block, level, &outputs)?);
    }
    Ok(all)
}

fn compress_block(block: &[u8], level: u32, outputs: &Shelf<Vec<u8>>) -> Result<Chunk> {
    let mut compress = Compress::new(Compression::new(level), 0);
    // Bzip2's own bound: one percent and 600 bytes.
    let mut output = outputs.room(block.len() + block.len() / 100 + 600);
    loop {
        let taken = usize::try_from(compress.total_in()).unwrap_or(block.len());
        match compress.compress_vec(&block[taken..], &mut output, Action::Finish) {
            Ok(Status::StreamEnd) => return Ok(output),
            Ok(_) => output.reserve(block.len() / 8 + 600),
            Err(why) => return Err(Error::permanent("compress the stream", why)),
        }
    }
}
