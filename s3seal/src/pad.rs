//! Hiding exact lengths: zeros after a zstd stream, up to the next length that PADMÉ allows.
//!
//! PADMÉ (Nikitin and others, "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", 2019) lets
//! a length keep only as many leading bits as its exponent has bits. The zeros are in skippable frames, so every
//! decompressor passes over them.

use common::Result;

use crate::flow::{Bytes, stage};

/// What a skippable frame has besides its content.
const HEAD: u64 = 8;
/// The content of one frame: far below the 4 GiB that its length field could say.
const FRAME: u64 = 1 << 30;
/// How much is made at a time.
const STEP: usize = 1 << 20;

/// Adds to the compressed stream.
///
/// # Errors
/// If no thread can be started.
pub fn padded(mut bytes: Bytes) -> Result<Bytes> {
    stage(2, move |out| {
        let mut length = 0;
        while let Some(chunk) = bytes.next()? {
            length += chunk.len() as u64;
            out.give(chunk)?;
        }
        for content in frames(missing(length)) {
            out.give(head(content).into())?;
            let mut left = content as usize;
            while left > 0 {
                let now = left.min(STEP);
                out.give(vec![0; now].into())?;
                left -= now;
            }
        }
        Ok(())
    })
}

/// Adds to compressed bytes that are in memory.
pub fn pad(bytes: &mut Vec<u8>) {
    for content in frames(missing(bytes.len() as u64)) {
        bytes.extend(head(content));
        bytes.resize(bytes.len() + content as usize, 0);
    }
}

/// The contents of the frames that are `missing` bytes together.
fn frames(mut missing: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        // What is left for the next frame has room for its head.
        let content = missing.checked_sub(HEAD)?.min(FRAME);
        let content = if (1..HEAD).contains(&(missing - HEAD - content)) {
            content - HEAD
        } else {
            content
        };
        missing -= HEAD + content;
        Some(u32::try_from(content).unwrap_or(u32::MAX))
    })
}

/// How a skippable frame begins.
fn head(content: u32) -> Vec<u8> {
    let mut head = 0x184d_2a50_u32.to_le_bytes().to_vec();
    head.extend(content.to_le_bytes());
    head
}

/// How many bytes to add: none, or enough for a frame.
fn missing(length: u64) -> u64 {
    match allowed(length) - length {
        0 => 0,
        few if few < HEAD => allowed(length + HEAD) - length,
        enough => enough,
    }
}

/// The next length that PADMÉ allows.
fn allowed(length: u64) -> u64 {
    if length < 2 {
        return length;
    }
    let exponent = length.ilog2();
    let kept = exponent.ilog2() + 1;
    let mask = (1 << (exponent - kept)) - 1;
    (length + mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::chunks;

    /// The examples that follow from the definition.
    #[test]
    fn lengths() {
        for (length, wanted) in [
            (0, 0),
            (1, 1),
            (8, 8),
            (9, 10),
            (1000, 1024 - 32 + 32),
            (1025, 1088),
            (1_000_000, 1_015_808),
            ((1 << 40) + 1, (1 << 40) + (1 << 34)),
        ] {
            assert_eq!(allowed(length), wanted, "{length}");
        }
    }

    #[test]
    fn what_is_added_is_allowed_and_has_room_for_a_frame() {
        for length in (0..5000).chain((20..50).map(|bits| (1 << bits) + 3)) {
            let more = missing(length);
            assert!(more == 0 || more >= HEAD, "{length}: {more}");
            assert_eq!(allowed(length + more), length + more, "{length}");
            assert!(
                length < 100 || more <= length / 8 + 2 * HEAD,
                "{length}: {more}"
            );
        }
    }

    #[test]
    fn a_padded_stream_has_that_length() {
        let mut bytes = padded(chunks(&[7; 1_000_000][..]).unwrap()).unwrap();
        let mut all = Vec::new();
        while let Some(chunk) = bytes.next().unwrap() {
            all.extend_from_slice(&chunk);
        }
        assert_eq!(all.len(), 1_015_808);
        assert_eq!(
            all[1_000_000..1_000_008],
            [0x50, 0x2a, 0x4d, 0x18, 0xb8, 0x3d, 0, 0]
        );
        assert!(all[1_000_008..].iter().all(|byte| *byte == 0));
    }
}
