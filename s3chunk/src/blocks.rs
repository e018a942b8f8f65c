//! From standard input to chunks: read in blocks, cut, hashed side by side, in order. Nothing is copied on the way: a
//! chunk is slices of blocks, and a block is used again when the last chunk in it is gone.

use std::io::Read;
use std::ops::{Deref, Range};
use std::sync::Arc;

use common::Result;
use common::chunks::Cut;
use common::flow::{Inlet, stage};
use common::input;
use common::pool::{self, Pool, Shelf, Ticket};

use crate::cutter::{Cutter, WINDOW, longest};
use crate::key::{Hash, Key};

/// How much is read before it is cut.
const BLOCK: usize = 1 << 20;

/// How many bytes may be on the way, where chunks are not so long that it takes more.
const ON_THE_WAY: u64 = 32 << 20;

/// A part of a block.
pub struct Slice {
    block: Arc<pool::Chunk>,
    range: Range<usize>,
}

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.block[self.range.clone()]
    }
}

/// A chunk of the stream.
pub struct Piece {
    /// Its bytes.
    pub parts: Vec<Slice>,
    /// Their hash; zeros if nobody asked for it.
    pub hash: Hash,
}

impl Piece {
    /// Bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.parts.iter().map(|part| part.len() as u64).sum()
    }
}

/// Cuts a stream under a key, and hashes the chunks under it where that is `hashed`. They come in their order, those
/// together that end in one block.
///
/// # Errors
/// If no thread can be started. Inside: if the stream can't be read.
pub fn pieces(
    input: impl Read + Send + 'static,
    key: Key,
    cut: Cut,
    hashed: bool,
) -> Result<Inlet<Vec<Piece>>> {
    let pool = Pool::new()?;
    let mut blocks = blocks(input)?;
    stage(on_the_way(longest(cut) / 4, &pool), move |out| {
        let mut cutter = Cutter::new(&key, cut);
        let mut begun = Vec::new();
        let hash = |mut pieces: Vec<Piece>| {
            if !hashed {
                return Ticket::ready(Ok(pieces));
            }
            pool.run(move || {
                for piece in &mut pieces {
                    piece.hash = key.hash_of(piece.parts.iter().map(Deref::deref));
                }
                Ok(pieces)
            })
        };
        while let Some(block) = blocks.next()? {
            let block = Arc::new(block);
            let mut pieces = Vec::new();
            let mut at = WINDOW;
            while at < block.len() {
                let end = cutter.next(&block, at);
                begun.push(Slice {
                    block: Arc::clone(&block),
                    range: at..end.unwrap_or(block.len()),
                });
                let Some(end) = end else { break };
                at = end;
                pieces.push(piece(&mut begun));
            }
            out.send(hash(pieces))?;
        }
        if begun.is_empty() {
            return Ok(());
        }
        let last = piece(&mut begun);
        out.send(hash(vec![last]))
    })
}

fn piece(begun: &mut Vec<Slice>) -> Piece {
    Piece {
        parts: std::mem::take(begun),
        hash: Hash::default(),
    }
}

/// How many things of this size may wait between two stages.
#[must_use]
pub fn on_the_way(size: u64, pool: &Pool) -> usize {
    let fit = ON_THE_WAY / size.max(BLOCK as u64);
    usize::try_from(fit)
        .unwrap_or(1)
        .clamp(1, 2 * pool.threads())
}

/// The stream in blocks. Each begins with the last [`WINDOW`] bytes of the one before: the cutter looks back so far.
fn blocks(mut input: impl Read + Send + 'static) -> Result<Inlet<pool::Chunk>> {
    stage(2, move |out| {
        let shelf = Shelf::default();
        let mut before = [0; WINDOW];
        loop {
            let mut block = shelf.chunk(WINDOW + BLOCK);
            block[..WINDOW].copy_from_slice(&before);
            let length = input::full(&mut input, &mut block[WINDOW..])?;
            block.truncate(WINDOW + length);
            before.copy_from_slice(&block[length..]);
            if length > 0 {
                out.give(block)?;
            }
            if length < BLOCK {
                return Ok(());
            }
        }
    })
}
