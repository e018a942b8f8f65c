//! The bytes of a range, as they came: in frames, which are shared and not copied.

use bytes::Bytes;

use crate::chunks::{BLOCK, Member};

/// The bytes `from..end` of an object.
pub(super) struct Rope {
    pub(super) end: u64,
    /// Where each frame begins.
    starts: Vec<u64>,
    frames: Vec<Bytes>,
}

impl Rope {
    pub(super) fn new(from: u64, frames: Vec<Bytes>) -> Self {
        let mut end = from;
        let starts = frames
            .iter()
            .map(|frame| {
                let start = end;
                end += frame.len() as u64;
                start
            })
            .collect();
        Self {
            end,
            starts,
            frames,
        }
    }

    /// The bytes `from..to`, as far as they are in it.
    pub(super) fn slice(&self, from: u64, to: u64) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        self.each(from, to, |piece| pieces.push(piece));
        pieces
    }

    /// The same, one piece after the other.
    pub(super) fn each(&self, from: u64, to: u64, mut take: impl FnMut(Bytes)) {
        let first = self.starts.partition_point(|start| *start <= from);
        for index in first.saturating_sub(1)..self.frames.len() {
            let (start, frame) = (self.starts[index], &self.frames[index]);
            if start >= to {
                break;
            }
            let within = |at: u64| {
                let at = usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
                at.min(frame.len())
            };
            let (begin, end) = (within(from), within(to));
            if begin < end {
                take(frame.slice(begin..end));
            }
        }
    }

    /// What the header at an offset says, if there is one.
    pub(super) fn member(&self, at: u64) -> Option<Member> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        self.each(at, at.checked_add(BLOCK as u64)?, |piece| {
            block[filled..filled + piece.len()].copy_from_slice(&piece);
            filled += piece.len();
        });
        if filled < BLOCK {
            return None;
        }
        Member::parse(&block).ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_go_through_frames() {
        let frames = ["ab", "", "c", "defg"].map(|text| Bytes::from_static(text.as_bytes()));
        let rope = Rope::new(10, frames.to_vec());
        assert_eq!(rope.end, 17);
        for from in 10..=17 {
            for to in from..=19 {
                let found = rope.slice(from, to).concat();
                let expected = &b"abcdefg"[from as usize - 10..(to.min(17)) as usize - 10];
                assert_eq!(found, expected, "{from}..{to}");
            }
        }
    }
}
