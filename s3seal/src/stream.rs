//! The payload of age: pieces of 64 KiB, each sealed with ChaCha20-Poly1305 under its number, the last one marked.
//!
//! What is sealed here opens with age, and the other way round (<https://age-encryption.org/v1>, "Payload"). Pieces
//! depend on nothing but their number, so batches of them are sealed and opened on all cores, and leave in order.
//! Opened bytes leave only when the piece that they came from is authentic; a stream is at its end only after the
//! marked piece, with nothing behind it.

use std::io::Read;
use std::sync::Arc;

use common::{Error, Result};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::flow::{Bytes, Outlet, stage};
use crate::input;
use crate::pool::{Chunk, Pool, Shelf};
use zeroize::Zeroizing;

/// Bytes in a piece, all but the last.
pub const PIECE: usize = 64 << 10;
/// What sealing adds to a piece.
pub const TAG: usize = 16;
const SEALED: usize = PIECE + TAG;
/// Pieces in a job: enough that handing it over costs nothing, few enough to stay in a core's cache.
const BATCH: usize = 16;

/// The key of one payload.
#[derive(Clone)]
pub struct PayloadKey(Arc<LessSafeKey>);

impl PayloadKey {
    /// From its 32 bytes.
    ///
    /// # Errors
    /// None that can be thought of: the length is right.
    pub fn new(key: &[u8; 32]) -> Result<Self> {
        UnboundKey::new(&CHACHA20_POLY1305, key)
            .map(|key| Self(Arc::new(LessSafeKey::new(key))))
            .map_err(|_| Error::permanent("seal", "the cipher refuses its key"))
    }
}

/// Eleven bytes of number, one that marks the last piece.
fn nonce(number: u64, last: bool) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[3..11].copy_from_slice(&number.to_be_bytes());
    bytes[11] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

/// How many batches wait to be taken while others are at work.
fn ahead(pool: &Pool) -> usize {
    pool.threads() + 2
}

/// Seals all that `fill` puts into the stream.
///
/// # Errors
/// If no thread can be started.
pub fn seal(
    key: PayloadKey,
    pool: Pool,
    fill: impl FnOnce(&mut Sealing<'_>) -> Result<()> + Send + 'static,
) -> Result<Bytes> {
    stage(ahead(&pool), move |out| {
        let shelf = Shelf::default();
        let mut sealing = Sealing {
            batch: shelf.chunk(BATCH * SEALED),
            filled: 0,
            full: None,
            number: 0,
            shelf,
            key,
            pool,
            out,
        };
        fill(&mut sealing)?;
        sealing.finish()
    })
}

/// A payload being sealed.
pub struct Sealing<'a> {
    key: PayloadKey,
    pool: Pool,
    out: &'a Outlet<Chunk>,
    shelf: Shelf<Vec<u8>>,
    /// Pieces with room for their tags between them.
    batch: Chunk,
    /// Bytes in `batch`, tags not counted.
    filled: usize,
    /// A batch that is full and may be the last: only more bytes can tell.
    full: Option<Chunk>,
    /// The number of the first piece that was not handed over.
    number: u64,
}

impl Sealing<'_> {
    /// Adds bytes.
    ///
    /// # Errors
    /// If the next stage has stopped.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let space = self.space();
            let count = space.len().min(bytes.len());
            let (now, rest) = bytes.split_at(count);
            space[..count].copy_from_slice(now);
            self.advance(count)?;
            bytes = rest;
        }
        Ok(())
    }

    /// Adds all that `input` has, without another copy.
    ///
    /// # Errors
    /// If it can't be read, or the next stage has stopped.
    pub fn write_all_of(&mut self, input: &mut impl Read) -> Result<()> {
        loop {
            let count = input::some(input, self.space())?;
            if count == 0 {
                return Ok(());
            }
            self.advance(count)?;
        }
    }

    /// The rest of the piece that is being filled: never empty.
    fn space(&mut self) -> &mut [u8] {
        let (piece, at) = (self.filled / PIECE, self.filled % PIECE);
        &mut self.batch[piece * SEALED + at..piece * SEALED + PIECE]
    }

    fn advance(&mut self, count: usize) -> Result<()> {
        if let Some(full) = self.full.take() {
            self.hand_over(full, BATCH * PIECE, false)?;
        }
        self.filled += count;
        if self.filled == BATCH * PIECE {
            let empty = self.shelf.chunk(BATCH * SEALED);
            self.full = Some(std::mem::replace(&mut self.batch, empty));
            self.filled = 0;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        match self.full.take() {
            Some(full) => self.hand_over(full, BATCH * PIECE, true),
            None => {
                let batch = std::mem::take(&mut self.batch);
                self.hand_over(batch, self.filled, true)
            }
        }
    }

    /// Has `length` bytes sealed. Only a stream without any bytes has an empty piece.
    fn hand_over(&mut self, mut batch: Chunk, length: usize, ends: bool) -> Result<()> {
        let (key, first) = (self.key.clone(), self.number);
        let pieces = length.div_ceil(PIECE).max(1);
        self.number += pieces as u64;
        self.out.send(self.pool.run(move || {
            for (number, piece) in (first..).zip(0..pieces) {
                let size = PIECE.min(length - piece * PIECE);
                let last = ends && piece + 1 == pieces;
                let (text, tag) =
                    batch[piece * SEALED..piece * SEALED + size + TAG].split_at_mut(size);
                let made = key
                    .0
                    .seal_in_place_separate_tag(nonce(number, last), Aad::empty(), text)
                    .map_err(|_| Error::permanent("seal", "the cipher refuses a piece"))?;
                tag.copy_from_slice(made.as_ref());
            }
            batch.truncate(length + pieces * TAG);
            Ok(batch)
        }))
    }
}

/// Seals `content` at the end of `out`: a whole payload.
///
/// # Errors
/// None that can be thought of: a piece is short enough for the cipher.
pub fn seal_whole(key: &PayloadKey, content: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let pieces = content.len().div_ceil(PIECE).max(1);
    out.reserve(content.len() + pieces * TAG);
    for (number, piece) in (0..).zip(0..pieces) {
        let end = content.len().min((piece + 1) * PIECE);
        let at = out.len();
        out.extend_from_slice(&content[piece * PIECE..end]);
        let tag = key
            .0
            .seal_in_place_separate_tag(
                nonce(number, piece + 1 == pieces),
                Aad::empty(),
                &mut out[at..],
            )
            .map_err(|_| Error::permanent("seal", "the cipher refuses a piece"))?;
        out.extend_from_slice(tag.as_ref());
    }
    Ok(())
}

/// Opens the payload that `input` is, from the first piece on.
///
/// # Errors
/// If no thread can be started. What is wrong with the payload comes out of the stream.
pub fn open(key: PayloadKey, pool: Pool, mut input: impl Read + Send + 'static) -> Result<Bytes> {
    stage(ahead(&pool), move |out| {
        let shelf = Shelf::default();
        let mut number = 0;
        let mut batch = filled(&shelf, &mut input)?;
        loop {
            let next = filled(&shelf, &mut input)?;
            let ends = next.is_empty();
            let (key, first) = (key.clone(), number);
            number += BATCH as u64;
            out.send(pool.run(move || open_batch(&key, batch, 0, first, ends)))?;
            if ends {
                return Ok(());
            }
            batch = next;
        }
    })
}

/// Opens a whole payload at once.
///
/// # Errors
/// What is wrong with it.
pub fn open_whole(key: &PayloadKey, payload: Vec<u8>) -> Result<Zeroizing<Vec<u8>>> {
    let mut opened = open_batch(key, payload.into(), 0, 0, true)?;
    Ok(Zeroizing::new(std::mem::take(&mut *opened)))
}

/// Opens a whole payload that begins at `from` in `bytes`, in place.
///
/// # Errors
/// What is wrong with it.
pub fn open_from(key: &PayloadKey, bytes: Chunk, from: usize) -> Result<Chunk> {
    open_batch(key, bytes, from, 0, true)
}

/// Opens the first piece of a payload, which may be its only one.
///
/// # Errors
/// If it is damaged.
pub fn open_first(key: &PayloadKey, piece: Vec<u8>, only: bool) -> Result<Chunk> {
    open_batch(key, piece.into(), 0, 0, only)
}

/// As many sealed pieces as go into a batch, or all that are left.
fn filled(shelf: &Shelf<Vec<u8>>, input: &mut impl Read) -> Result<Chunk> {
    let mut chunk = shelf.chunk(BATCH * SEALED);
    let length = input::full(input, &mut chunk)?;
    chunk.truncate(length);
    Ok(chunk)
}

/// Opens sealed pieces, the first of which begins at `base`, in place, so that what they held lies side by side, from the
/// beginning on.
fn open_batch(
    key: &PayloadKey,
    mut batch: Chunk,
    base: usize,
    first: u64,
    ends: bool,
) -> Result<Chunk> {
    let pieces = batch.len().saturating_sub(base).div_ceil(SEALED).max(1);
    let mut length = 0;
    for (number, piece) in (first..).zip(0..pieces) {
        let last = ends && piece + 1 == pieces;
        let (from, to) = (base + piece * SEALED, piece * PIECE);
        let end = batch.len().min(from + SEALED);
        // An empty last piece would make two seals of one content; age allows it only where there is nothing else.
        let length_here = end.saturating_sub(from);
        if length_here < TAG || (length_here == TAG && number > 0) {
            return Err(cut_off(number));
        }
        let spare = if last {
            batch[from..end].to_vec()
        } else {
            Vec::new()
        };
        let opened = key.0.open_within(
            nonce(number, last),
            Aad::empty(),
            &mut batch[to..end],
            from - to..,
        );
        match opened {
            Ok(text) => length = to + text.len(),
            Err(_) if last && is_whole(key, number, spare) => return Err(cut_off(number + 1)),
            Err(_) => {
                let how = if last {
                    "cut off, damaged"
                } else {
                    "damaged, out of order"
                };
                return Err(Error::permanent(
                    "open the sealed stream",
                    format!(
                        "it is {how} or added to at byte {} of its content",
                        number * PIECE as u64
                    ),
                ));
            }
        }
    }
    batch.truncate(length);
    Ok(batch)
}

/// True if a piece is sound, but not the last: then what follows is missing.
fn is_whole(key: &PayloadKey, number: u64, mut piece: Vec<u8>) -> bool {
    key.0
        .open_in_place(nonce(number, false), Aad::empty(), &mut piece)
        .is_ok()
}

fn cut_off(number: u64) -> Error {
    Error::permanent(
        "open the sealed stream",
        format!(
            "it is cut off behind byte {} of its content",
            number * PIECE as u64
        ),
    )
}
