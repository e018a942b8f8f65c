//! Where in an object each of its chunks is.

use crate::chunks::{BLOCK, Toc, padding};

/// Every how many chunks the offset is noted: few enough to add up, many enough to take no memory.
const STEP: usize = 64;

/// The chunks of an object: 8 bytes of memory each, and a little more.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    sizes: Vec<u64>,
    /// Of every [`STEP`]th header.
    marks: Vec<u64>,
}

impl Layout {
    pub(super) fn new(toc: Toc) -> Self {
        Self {
            marks: toc.offsets().step_by(STEP).collect(),
            sizes: toc.sizes,
        }
    }

    /// How many there are.
    pub(super) fn chunks(&self) -> u64 {
        self.sizes.len() as u64
    }

    /// Bytes of the content of a chunk.
    pub(super) fn size(&self, number: u64) -> u64 {
        usize::try_from(number)
            .ok()
            .and_then(|number| self.sizes.get(number).copied())
            .unwrap_or(0)
    }

    /// Where the header of a chunk begins; of one behind the last one, where the chunks end.
    pub(super) fn offset(&self, number: u64) -> u64 {
        let number = usize::try_from(number)
            .unwrap_or(usize::MAX)
            .min(self.sizes.len());
        let (mark, rest) = (number / STEP, number % STEP);
        let before = &self.sizes[number - rest..number];
        let base = self.marks.get(mark).copied().unwrap_or(0);
        base + before.iter().map(|size| stored(*size)).sum::<u64>()
    }
}

/// Bytes of a chunk with its header and what fills it up.
pub(super) fn stored(size: u64) -> u64 {
    BLOCK as u64 + size + padding(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_those_of_the_toc() {
        for count in [0u64, 1, 63, 64, 65, 128, 1000] {
            let toc = Toc {
                sizes: (0..count).map(|number| number * 37 % 2000).collect(),
            };
            let offsets: Vec<u64> = toc.offsets().collect();
            let layout = Layout::new(toc);
            assert_eq!(layout.chunks(), count);
            let found: Vec<u64> = (0..=count).map(|number| layout.offset(number)).collect();
            assert_eq!(found, offsets);
        }
    }
}
