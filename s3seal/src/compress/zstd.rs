//! Zstandard (RFC 8878): independent frames, so that all cores compress one stream, and all decompress it.
//!
//! A frame holds some MiB and says how many. `zstd -d` reads them one after the other as one stream. Where a frame's
//! bytes don't shrink, hardly any work is spent on them. With a long window there is one frame, made by the workers
//! of the library. What others made is opened too, in whatever frames it comes.

mod frames;

pub use frames::{Decompressors, content_size, decompress, decompress_whole, pour};

use std::io::{Read, Write};

use common::{Error, Result};
use zstd::bulk::Compressor;
use zstd::zstd_safe::{CParameter, compress_bound};

use crate::flow::{Bytes, stage};
use crate::input;
use crate::pool::{Chunk, Pool, Shelf};

/// What all frames at work together may hold before they are compressed.
const BUDGET: usize = 32 << 20;
/// Frames are no larger: history beyond the window doesn't help, and these lose half a percent by being apart.
const FRAME: usize = 8 << 20;
/// Nor smaller, at levels with the usual window.
const LEAST: usize = 2 << 20;
/// The window that `zstd -d` opens without being told to.
const LONG: u32 = 27;
/// The level for what doesn't shrink: little more than copying.
const ASIDE: i32 = -100;
/// A frame is judged by this many samples, of this size; in small frames they are smaller, so that judging stays cheap.
const SAMPLES: usize = 16;
const SAMPLE: usize = 4 << 10;
const SHARE: usize = 64;

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
        let inputs = Shelf::default();
        let compressors = Compressors::new(level, checksum);
        let mut first = true;
        loop {
            let mut chunk = inputs.chunk(frame);
            let length = input::full(&mut input, &mut chunk)?;
            let ends = length < frame;
            chunk.truncate(length);
            // Nothing at all is a frame too.
            if length > 0 || first {
                let compressors = compressors.clone();
                out.send(pool.run(move || compressors.frame(&chunk)))?;
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

/// Compressors that make frames of one kind, for whoever works on one. Copies are the same.
#[derive(Clone)]
pub struct Compressors {
    level: i32,
    checksum: bool,
    idle: Shelf<Compressor<'static>>,
    outputs: Shelf<Vec<u8>>,
}

impl Compressors {
    /// For frames of this level; with a checksum or without.
    #[must_use]
    pub fn new(level: i32, checksum: bool) -> Self {
        Self {
            level,
            checksum,
            idle: Shelf::default(),
            outputs: Shelf::default(),
        }
    }

    /// The frame that holds `bytes`, and says how many they are.
    ///
    /// # Errors
    /// If the library fails.
    pub fn frame(&self, bytes: &[u8]) -> Result<Chunk> {
        self.idle.lend(
            || compressor(self.checksum),
            |one| compress_frame(one, bytes, self.level, &self.outputs),
        )
    }
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
    let sample = SAMPLE.min(apart / SHARE);
    if sample == 0 {
        return Ok(true);
    }
    let samples: Vec<u8> = bytes
        .chunks(apart)
        .flat_map(|part| &part[..sample.min(part.len())])
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

fn failed(why: &std::io::Error) -> Error {
    Error::permanent("compress the stream", why)
}
