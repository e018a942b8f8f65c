//! Zstandard (RFC 8878): independent frames, so that all cores compress one stream, and all decompress it.
//!
//! A frame holds some MiB and says how many. `zstd -d` reads them one after the other as one stream. Where a frame's
//! bytes don't shrink, hardly any work is spent on them. With a long window there is one frame, made by the workers
//! of the library. What others made is opened too, in whatever frames it comes.

use std::io::{Read, Write};

use common::{Error, Result};
use zstd::bulk::{Compressor, Decompressor};
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};
use zstd::zstd_safe::{CParameter, compress_bound};

use super::cut_off;
use crate::flow::{Bytes, stage};
use crate::input;
use crate::pool::{Chunk, Pool, Shelf};

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What all frames at work together may hold before they are compressed.
const BUDGET: usize = 32 << 20;
/// Frames are no larger: history beyond the window doesn't help, and these lose half a percent by being apart.
const FRAME: usize = 8 << 20;
/// Nor smaller, at levels with the usual window.
const LEAST: usize = 2 << 20;
/// What is opened as a whole; larger frames are opened as they come.
const WHOLE: usize = 16 << 20;
/// The window that `zstd -d` opens without being told to.
const LONG: u32 = 27;
/// The level for what doesn't shrink: little more than copying.
const ASIDE: i32 = -100;
/// A frame is judged by this many samples of this size.
const SAMPLES: usize = 16;
const SAMPLE: usize = 4 << 10;

/// Compresses all that `input` has. With `checksum`, damage is noticed without a seal around it.
///
/// # Errors
/// If no thread can be started.
pub fn compress(
    mut input: impl Read + Send + 'static,
    level: i32,
    checksum: bool,
    pool: Pool,
) -> Result<Bytes> {
    let frame = frame_size(level, pool.threads());
    stage(pool.threads(), move |out| {
        let (inputs, outputs) = (Shelf::default(), Shelf::default());
        let compressors = Shelf::default();
        let mut first = true;
        loop {
            let mut chunk = inputs.chunk(frame);
            let length = input::full(&mut input, &mut chunk)?;
            let ends = length < frame;
            chunk.truncate(length);
            // Nothing at all is a frame too.
            if length > 0 || first {
                let (outputs, compressors) = (outputs.clone(), compressors.clone());
                out.send(pool.run(move || {
                    compressors.lend(
                        || compressor(checksum),
                        |one| compress_frame(one, &chunk, level, &outputs),
                    )
                }))?;
            }
            if ends {
                return Ok(());
            }
            first = false;
        }
    })
}

/// As much as is worth while at this level, and not more than the memory that is meant for it.
fn frame_size(level: i32, threads: usize) -> usize {
    let share = BUDGET / (threads + 2);
    // The highest levels look back 8 MiB; they are asked for by people who would rather wait.
    let least = if level > 16 { FRAME } else { LEAST };
    let fits = if share.is_power_of_two() {
        share
    } else {
        share.next_power_of_two() / 2
    };
    fits.clamp(least, FRAME)
}

fn compressor(checksum: bool) -> Result<Compressor<'static>> {
    let mut compressor = Compressor::new(0).map_err(|why| failed(&why))?;
    compressor
        .set_parameter(CParameter::ChecksumFlag(checksum))
        .map_err(|why| failed(&why))?;
    Ok(compressor)
}

fn compress_frame(
    compressor: &mut Compressor<'static>,
    bytes: &[u8],
    level: i32,
    outputs: &Shelf<Vec<u8>>,
) -> Result<Chunk> {
    let mut output = outputs.room(compress_bound(bytes.len()));
    let level = if shrinks(compressor, bytes, &mut output)? {
        level
    } else {
        ASIDE
    };
    let mut squeeze = || {
        compressor.set_parameter(CParameter::CompressionLevel(level))?;
        compressor.compress_to_buffer(bytes, &mut *output)
    };
    squeeze().map_err(|why| failed(&why))?;
    Ok(output)
}

/// Tries the fastest level on samples from all over the frame: false if it saves less than a thirtieth.
fn shrinks(compressor: &mut Compressor<'static>, bytes: &[u8], room: &mut Vec<u8>) -> Result<bool> {
    let apart = bytes.len() / SAMPLES;
    if apart <= SAMPLE {
        return Ok(true);
    }
    let samples: Vec<u8> = bytes
        .chunks(apart)
        .flat_map(|part| &part[..SAMPLE.min(part.len())])
        .copied()
        .collect();
    let mut squeeze = || {
        compressor.set_parameter(CParameter::CompressionLevel(1))?;
        compressor.compress_to_buffer(&samples, room)
    };
    let size = squeeze().map_err(|why| failed(&why))?;
    Ok(size < samples.len() / 30 * 29)
}

/// Compresses all that `input` has into one frame with a window of 128 MiB.
///
/// # Errors
/// If no thread can be started.
pub fn compress_long(
    mut input: impl Read + Send + 'static,
    level: i32,
    checksum: bool,
    pool: &Pool,
) -> Result<Bytes> {
    let workers = u32::try_from(pool.threads()).unwrap_or(1);
    stage(2, move |out| {
        let begin = || {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), level)?;
            encoder.include_checksum(checksum)?;
            encoder.long_distance_matching(true)?;
            encoder.window_log(LONG)?;
            encoder.multithread(workers)?;
            std::io::Result::Ok(encoder)
        };
        let mut encoder = begin().map_err(|why| failed(&why))?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let length = input::full(&mut input, &mut buffer)?;
            encoder
                .write_all(&buffer[..length])
                .map_err(|why| failed(&why))?;
            if !encoder.get_ref().is_empty() {
                out.give(std::mem::take(encoder.get_mut()).into())?;
            }
            if length < buffer.len() {
                break;
            }
        }
        out.give(encoder.finish().map_err(|why| failed(&why))?.into())
    })
}

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

fn failed(why: &std::io::Error) -> Error {
    Error::permanent("compress the stream", why)
}

fn damaged(why: &std::io::Error) -> Error {
    Error::permanent("decompress the stream", format!("it is damaged ({why})"))
}
