//! Frames, found in a stream and opened: those that say that they are small side by side, the others as they come.

use std::io::Read;

use common::{Error, Result};
use zeroize::Zeroizing;
use zstd::bulk::Decompressor;
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};
use zstd::zstd_safe::{find_frame_compressed_size, get_frame_content_size};

use super::super::cut_off;
use super::failed;
use crate::flow::{Bytes, stage};
use crate::pool::{Chunk, Pool, Shelf};

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What is opened as a whole; larger frames are opened as they come.
const WHOLE: usize = 16 << 20;

/// Decompresses a stream of frames.
///
/// # Errors
/// If no thread can be started. What is wrong with the frames comes out of the stream.
pub fn decompress(bytes: Bytes, pool: Pool) -> Result<Bytes> {
    stage(pool.threads(), move |out| {
        let (outputs, decompressors) = (Shelf::default(), Shelf::default());
        let mut frames = Frames {
            bytes,
            ahead: Vec::new(),
            taken: 0,
        };
        while frames.have(4)? {
            match frames.seen() {
                [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => frames.skip()?,
                start if start.starts_with(&MAGIC) => match frames.whole()? {
                    Some((frame, size)) => {
                        let (outputs, decompressors) = (outputs.clone(), decompressors.clone());
                        out.send(pool.run(move || {
                            decompressors.lend(
                                || Decompressor::new().map_err(|why| failed(&why)),
                                |one: &mut Decompressor<'static>| {
                                    let mut output: Chunk = outputs.room(size);
                                    one.decompress_to_buffer(&frame, &mut *output)
                                        .map_err(|why| damaged(&why))?;
                                    Ok(output)
                                },
                            )
                        }))?;
                    }
                    None => frames.stream(|chunk| out.give(chunk))?,
                },
                _ => {
                    return Err(Error::permanent(
                        "decompress the stream",
                        "something follows the compressed data that is not compressed",
                    ));
                }
            }
        }
        if frames.seen().is_empty() {
            Ok(())
        } else {
            Err(cut_off())
        }
    })
}

/// Decompressors, for whoever works on frames that are in memory. Copies are the same.
#[derive(Clone, Default)]
pub struct Decompressors {
    idle: Shelf<Decompressor<'static>>,
    outputs: Shelf<Vec<u8>>,
}

impl Decompressors {
    /// What is in frames that hold `size` bytes together.
    ///
    /// # Errors
    /// If they are damaged.
    pub fn opened(&self, frames: &[u8], size: usize) -> Result<Chunk> {
        let mut output = self.outputs.room(size);
        self.idle.lend(
            || Decompressor::new().map_err(|why| failed(&why)),
            |one| {
                one.decompress_to_buffer(frames, &mut *output)
                    .map_err(|why| damaged(&why))
            },
        )?;
        Ok(output)
    }
}

/// How much is in frames, if all of them say so.
///
/// # Errors
/// If they don't follow each other to the end.
pub fn content_size(mut frames: &[u8]) -> Result<Option<u64>> {
    let broken = || Error::permanent("decompress the stream", "it is damaged or cut off");
    let mut size: u64 = 0;
    while !frames.is_empty() {
        let Some(content) = get_frame_content_size(frames).map_err(|_| broken())? else {
            return Ok(None);
        };
        let end = find_frame_compressed_size(frames).map_err(|_| broken())?;
        frames = frames.get(end..).ok_or_else(broken)?;
        size = size.saturating_add(content);
    }
    Ok(Some(size))
}

/// Decompresses frames that are in memory, whatever they say of themselves, and gives `sink` what they hold.
///
/// # Errors
/// If they are damaged; those of `sink`.
pub fn pour(frames: &[u8], sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut decoder =
        zstd::stream::read::Decoder::with_buffer(frames).map_err(|why| failed(&why))?;
    let mut buffer = vec![0; 256 << 10];
    loop {
        match decoder.read(&mut buffer).map_err(|why| damaged(&why))? {
            0 => return Ok(()),
            length => sink(&buffer[..length])?,
        }
    }
}

/// Decompresses a short secret text of at most `most` bytes, without leaving copies of it.
///
/// # Errors
/// If it is damaged, or longer.
pub fn decompress_whole(bytes: &[u8], most: u64) -> Result<Zeroizing<Vec<u8>>> {
    let room = usize::try_from(most + 1).unwrap_or(usize::MAX);
    // All at once: what has to grow leaves its content behind.
    let mut text = Zeroizing::new(Vec::with_capacity(room));
    zstd::stream::read::Decoder::with_buffer(bytes)
        .and_then(|decoder| decoder.take(most + 1).read_to_end(&mut text))
        .map_err(|why| damaged(&why))?;
    if text.len() < room {
        Ok(text)
    } else {
        Err(Error::permanent(
            "decompress the stream",
            "it is too long for this",
        ))
    }
}

/// Compressed bytes, frame by frame.
struct Frames {
    bytes: Bytes,
    ahead: Vec<u8>,
    taken: usize,
}

impl Frames {
    fn seen(&self) -> &[u8] {
        &self.ahead[self.taken..]
    }

    /// Reads on until `count` bytes are there; false if there are not so many.
    fn have(&mut self, count: usize) -> Result<bool> {
        while self.seen().len() < count {
            self.ahead.drain(..self.taken);
            self.taken = 0;
            match self.bytes.next()? {
                Some(chunk) => self.ahead.extend_from_slice(&chunk),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn need(&mut self, count: usize) -> Result<()> {
        if self.have(count)? {
            Ok(())
        } else {
            Err(cut_off())
        }
    }

    /// Leaves out a frame that means nothing.
    fn skip(&mut self) -> Result<()> {
        self.need(8)?;
        let seen = self.seen();
        let mut rest = u32::from_le_bytes([seen[4], seen[5], seen[6], seen[7]]) as usize;
        self.taken += 8;
        while rest > 0 {
            self.need(1)?;
            let now = rest.min(self.seen().len());
            self.taken += now;
            rest -= now;
        }
        Ok(())
    }

    /// The next frame, and the size of its content, if it says so and is small enough.
    fn whole(&mut self) -> Result<Option<(Vec<u8>, usize)>> {
        self.need(5)?;
        let descriptor = self.seen()[4];
        let single = descriptor & 0x20 != 0;
        let field = match descriptor >> 6 {
            0 => usize::from(single),
            power => 1 << power,
        };
        if field == 0 {
            return Ok(None);
        }
        let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let at = 5 + usize::from(!single) + dictionary;
        self.need(at + field)?;
        let mut number = [0; 8];
        number[..field].copy_from_slice(&self.seen()[at..at + field]);
        let content = u64::from_le_bytes(number) + if field == 2 { 256 } else { 0 };
        let Some(content) = usize::try_from(content).ok().filter(|size| *size <= WHOLE) else {
            return Ok(None);
        };
        let mut end = at + field;
        loop {
            self.need(end + 3)?;
            let block = &self.seen()[end..end + 3];
            let head = u32::from_le_bytes([block[0], block[1], block[2], 0]);
            let size = if head >> 1 & 3 == 1 { 1 } else { head >> 3 };
            end += 3 + size as usize;
            if head & 1 == 1 {
                break;
            }
            // No encoder makes a frame so much larger than its content.
            if end > 2 * WHOLE {
                return Ok(None);
            }
        }
        end += if descriptor & 4 != 0 { 4 } else { 0 };
        self.need(end)?;
        let frame = self.seen()[..end].to_vec();
        self.taken += end;
        Ok(Some((frame, content)))
    }

    /// Opens the next frame as it comes.
    fn stream(&mut self, mut give: impl FnMut(Chunk) -> Result<()>) -> Result<()> {
        let mut decoder = Decoder::new().map_err(|why| failed(&why))?;
        let outputs = Shelf::default();
        loop {
            let mut output: Chunk = outputs.chunk(256 << 10);
            let mut to = OutBuffer::around(&mut output[..]);
            let mut left = 1;
            while left > 0 && to.pos() < to.capacity() {
                if self.seen().is_empty() {
                    self.need(1)?;
                }
                let mut from = InBuffer::around(&self.ahead[self.taken..]);
                left = decoder
                    .run(&mut from, &mut to)
                    .map_err(|why| damaged(&why))?;
                self.taken += from.pos();
            }
            let length = to.pos();
            output.truncate(length);
            give(output)?;
            if left == 0 {
                return Ok(());
            }
        }
    }
}

fn damaged(why: &std::io::Error) -> Error {
    Error::permanent("decompress the stream", format!("it is damaged ({why})"))
}
