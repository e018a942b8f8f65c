//! The sizes of the parts of an upload whose length nobody knows.
//!
//! S3 takes 10,000 parts. Parts begin small, so that a short stream is under way soon and memory stays low,
//! and double from time to time, so that the object's size limit is reached before the parts run out:
//! 16 MiB for the first 1,000, then twice as much every 1,250 parts, up to 4 GiB. That is 5.8 TiB.

use std::fmt;
use std::str::FromStr;

const MIB: u64 = 1 << 20;
/// The smallest part that S3 takes, but for the last.
pub(super) const SMALLEST: u64 = 5 * MIB;
/// The largest.
pub(super) const LARGEST: u64 = 5 << 30;
/// Parts of one upload.
pub(super) const MOST: u32 = 10_000;
/// Doubling stops here.
const TOP: u64 = 4 << 30;
/// The first parts, and the parts between two doublings.
const FIRST: u32 = 1000;
const STEP: u32 = 1250;
/// What other programs cut uploads into, for guessing: aws, rclone, mc, s3cmd, s3dump, s5cmd and their round numbers.
const USUAL: [u64; 14] = [5, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 256, 512];

/// How an upload is cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ladder {
    /// Growing, from this many bytes.
    Growing(u64),
    /// All parts alike.
    Fixed(u64),
}

impl Default for Ladder {
    fn default() -> Self {
        Self::Growing(16 * MIB)
    }
}

impl Ladder {
    /// The name under which an object carries how it was cut.
    pub(super) const METADATA: &str = "s3pipes-parts";

    /// Bytes of part `number`, which counts from 1.
    pub(super) fn part(self, number: u32) -> u64 {
        match self {
            Self::Fixed(size) => size,
            Self::Growing(first) => {
                let doublings = number
                    .saturating_sub(1)
                    .checked_sub(FIRST)
                    .map_or(0, |beyond| beyond / STEP + 1);
                first
                    .checked_shl(doublings)
                    .unwrap_or(TOP)
                    .clamp(first, TOP.max(first))
            }
        }
    }

    /// How another program may have cut an object of `size` bytes into `parts`: alike, in a usual size.
    pub(super) fn guess(size: u64, parts: u32) -> Option<Self> {
        USUAL
            .into_iter()
            .map(|mib| mib * MIB)
            .find(|part| size.div_ceil(*part) == u64::from(parts))
            .map(Self::Fixed)
    }
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Growing(first) => write!(f, "growing:{first}"),
            Self::Fixed(size) => write!(f, "fixed:{size}"),
        }
    }
}

impl FromStr for Ladder {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (kind, size) = text.split_once(':').ok_or(())?;
        let size = size
            .parse()
            .ok()
            .filter(|size| (1..=LARGEST).contains(size))
            .ok_or(())?;
        match kind {
            "growing" => Ok(Self::Growing(size)),
            "fixed" => Ok(Self::Fixed(size)),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reaches_the_largest_object_within_the_parts() {
        let ladder = Ladder::default();
        let total: u64 = (1..=MOST).map(|number| ladder.part(number)).sum();
        assert!(total > 5 << 40, "{total}");
        assert_eq!(
            (
                ladder.part(1),
                ladder.part(1000),
                ladder.part(1001),
                ladder.part(2251)
            ),
            (16 * MIB, 16 * MIB, 32 * MIB, 64 * MIB)
        );
    }

    #[test]
    fn no_part_is_out_of_bounds_or_smaller_than_the_one_before() {
        for first in [5 * MIB, 16 * MIB, 1 << 30, 5 << 30] {
            let ladder = Ladder::Growing(first);
            let sizes: Vec<u64> = (1..=MOST).map(|number| ladder.part(number)).collect();
            assert!(sizes.iter().all(|size| (SMALLEST..=LARGEST).contains(size)));
            assert!(sizes.windows(2).all(|pair| pair[0] <= pair[1]));
        }
    }

    #[test]
    fn reads_what_it_wrote() {
        for ladder in [Ladder::default(), Ladder::Fixed(7)] {
            assert_eq!(ladder.to_string().parse(), Ok(ladder));
        }
        for text in [
            "",
            "fixed",
            "fixed:0",
            "growing:x",
            "other:5",
            "fixed:99999999999999999999",
        ] {
            assert!(text.parse::<Ladder>().is_err(), "{text}");
        }
    }
}
