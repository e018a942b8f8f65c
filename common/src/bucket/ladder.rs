//! The sizes of the parts of an upload whose length nobody knows.
//!
//! S3 takes 10,000 parts. Parts begin small, so that a short stream is under way soon and memory stays low,
//! and double from time to time, so that the object's size limit is reached before the parts run out. With
//! S3's usual limits: 16 MiB for the first 1,000, then twice as much every 1,250 parts; 10,000 hold 5.8 TiB.
//! [`plan`] does the same arithmetic for other limits.

use std::fmt;
use std::str::FromStr;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// The smallest part that S3 takes, but for the last.
pub(super) const SMALLEST: u64 = 5 * MIB;
/// The largest.
pub(super) const LARGEST: u64 = 5 * GIB;
/// Parts of one upload.
pub(super) const MOST: u32 = 10_000;
/// What an object holds where nobody says otherwise: the limit of S3 for twenty years, and of most servers.
pub(super) const USUAL_LIMIT: u64 = 5 << 40;
/// The first parts, as long as that allows to reach the limit, and when it doesn't.
const FIRST: u64 = 16 * MIB;
const FIRST_MOST: u64 = 64 * MIB;
/// The gentlest growth: this many doublings in all the parts.
const GENTLEST: u32 = 8;
/// The growth of the form that names only its first part.
const USUAL_STEADY: u32 = 1000;
const USUAL_STEP: u32 = 1250;
/// What other programs cut uploads into, for guessing: aws, rclone, mc, s3cmd, s3dump, s5cmd and their round numbers.
const USUAL: [u64; 14] = [5, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 256, 512];

/// How an upload is cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ladder {
    /// Growing: `steady` parts of `first` bytes, then twice as much at once and again after every `step`
    /// parts, up to [`LARGEST`].
    Growing { first: u64, steady: u32, step: u32 },
    /// All parts alike.
    Fixed(u64),
}

/// How an object is cut: by a ladder, but for a first part of another size where the server copied the rest of
/// another object behind a new beginning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Cuts {
    pub(super) first: Option<u64>,
    /// The parts, or those from the second one on. They keep their numbers.
    pub(super) ladder: Ladder,
}

/// How a stream is cut: into parts, and into objects if it is longer than one may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Plan {
    pub(super) ladder: Ladder,
    /// Bytes of an object. All but the last one of a stream have exactly so many.
    pub(super) limit: u64,
}

/// The gentlest growth by which `max_parts` parts hold `max_object` bytes, and what an object then holds.
///
/// With N parts, growth takes place every `step` parts, first after `steady` = 4/5 of `step`: the largest step
/// up to N/8 that reaches the limit (N = 10,000 and 5 TiB: 1,250 and 1,000). If even a step of one part
/// doesn't, the first part is doubled, up to 64 MiB; 10,000 parts then hold 48.8 TiB, the most that AWS takes
/// since December 2025 (10,000 x 5 GiB). What can't be reached even so is not the limit: that is what the
/// steepest growth reaches. Nor is a limit reached for that nobody asked for (`None`): it is
/// [`USUAL_LIMIT`], or less if the gentlest growth holds less; steep growth means large parts early.
pub(super) fn plan(max_object: Option<u64>, max_parts: u32) -> Plan {
    let parts = max_parts.clamp(1, MOST);
    let growing = |first, step: u32| Ladder::Growing {
        first,
        steady: (step * 4 / 5).max(1),
        step,
    };
    let gentle = (parts / GENTLEST).max(1);
    let gentlest = growing(FIRST, gentle);
    let Some(limit) = max_object else {
        return Plan {
            ladder: gentlest,
            limit: USUAL_LIMIT.min(gentlest.reach(parts)),
        };
    };
    // Gentler growth holds less: the gentlest that reaches the limit is where that begins to fail.
    let (mut reaches, mut fails) = (0, gentle + 1);
    while fails - reaches > 1 {
        let step = reaches.midpoint(fails);
        if growing(FIRST, step).reach(parts) >= limit {
            reaches = step;
        } else {
            fails = step;
        }
    }
    let mut ladder = growing(FIRST, reaches.max(1));
    let mut first = FIRST;
    while ladder.reach(parts) < limit && first < FIRST_MOST {
        first *= 2;
        ladder = growing(first, 1);
    }
    Plan {
        ladder,
        limit: limit.min(ladder.reach(parts)),
    }
}

/// The same with all parts of `size` bytes.
pub(super) fn fixed(size: u64, max_object: Option<u64>, max_parts: u32) -> Plan {
    let ladder = Ladder::Fixed(size);
    Plan {
        ladder,
        limit: max_object
            .unwrap_or(USUAL_LIMIT)
            .min(ladder.reach(max_parts.clamp(1, MOST))),
    }
}

impl Default for Ladder {
    fn default() -> Self {
        Self::from_first(FIRST)
    }
}

impl Cuts {
    /// The name under which an object carries how it was cut.
    pub(super) const METADATA: &str = "s3pipes-parts";

    /// Bytes of part `number`, which counts from 1.
    pub(super) fn part(self, number: u32) -> u64 {
        match self.first {
            Some(size) if number <= 1 => size,
            _ => self.ladder.part(number),
        }
    }
}

impl From<Ladder> for Cuts {
    fn from(ladder: Ladder) -> Self {
        Self {
            first: None,
            ladder,
        }
    }
}

/// The ladder; or `BYTES+` and the ladder, where the first part has so many bytes.
impl fmt::Display for Cuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(size) = self.first {
            write!(f, "{size}+")?;
        }
        self.ladder.fmt(f)
    }
}

impl FromStr for Cuts {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let Some((first, ladder)) = text.split_once('+') else {
            return text.parse().map(Ladder::into);
        };
        let first = first.parse().map_err(drop)?;
        if !(1..=LARGEST).contains(&first) {
            return Err(());
        }
        Ok(Self {
            first: Some(first),
            ladder: ladder.parse()?,
        })
    }
}

impl Ladder {
    fn from_first(first: u64) -> Self {
        Self::Growing {
            first,
            steady: USUAL_STEADY,
            step: USUAL_STEP,
        }
    }

    /// Bytes of part `number`, which counts from 1.
    pub(super) fn part(self, number: u32) -> u64 {
        match self {
            Self::Fixed(size) => size,
            Self::Growing {
                first,
                steady,
                step,
            } => {
                let doublings = number
                    .saturating_sub(1)
                    .checked_sub(steady)
                    .map_or(0, |beyond| beyond / step.max(1) + 1);
                // More doublings than this are beyond the largest part, whatever the first one is.
                let size = u128::from(first) << doublings.min(40);
                u64::try_from(size)
                    .unwrap_or(u64::MAX)
                    .min(LARGEST.max(first))
            }
        }
    }

    /// Bytes of the first `parts` parts.
    pub(super) fn reach(self, parts: u32) -> u64 {
        let (mut sum, mut done) = (0u64, 0);
        while done < parts {
            let size = self.part(done + 1);
            let end = match self {
                Self::Fixed(_) => parts,
                Self::Growing { .. } if size >= LARGEST => parts,
                Self::Growing { steady, .. } if done < steady => steady,
                Self::Growing { step, .. } => done.saturating_add(step.max(1)),
            }
            .min(parts);
            sum = sum.saturating_add(size.saturating_mul(u64::from(end - done)));
            done = end;
        }
        sum
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

/// `fixed:SIZE`; `growing:FIRST` for the usual growth; `growing:FIRST:STEADY:STEP` for any other.
impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Fixed(size) => write!(f, "fixed:{size}"),
            Self::Growing { first, .. } if *self == Self::from_first(first) => {
                write!(f, "growing:{first}")
            }
            Self::Growing {
                first,
                steady,
                step,
            } => write!(f, "growing:{first}:{steady}:{step}"),
        }
    }
}

impl FromStr for Ladder {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (kind, numbers) = text.split_once(':').ok_or(())?;
        let numbers: Vec<u64> = numbers
            .split(':')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(drop)?;
        let size = numbers
            .first()
            .copied()
            .filter(|size| (1..=LARGEST).contains(size))
            .ok_or(())?;
        let count = |number: u64| {
            u32::try_from(number)
                .ok()
                .filter(|count| (1..=MOST).contains(count))
                .ok_or(())
        };
        match (kind, numbers.as_slice()) {
            ("fixed", [_]) => Ok(Self::Fixed(size)),
            ("growing", [_]) => Ok(Self::from_first(size)),
            ("growing", &[_, steady, step]) => Ok(Self::Growing {
                first: size,
                steady: count(steady)?,
                step: count(step)?,
            }),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TIB: u64 = 1 << 40;

    #[test]
    fn the_usual_plan() {
        let usual = Plan {
            ladder: Ladder::default(),
            limit: 5 * TIB,
        };
        assert_eq!(plan(None, MOST), usual);
        assert_eq!(plan(Some(5 * TIB), MOST), usual);
        let ladder = usual.ladder;
        assert_eq!(
            [1, 1000, 1001, 2250, 2251, 9750, 9751, 10_000].map(|number| ladder.part(number) / MIB),
            [16, 16, 32, 32, 64, 2048, 4096, 4096]
        );
        assert_eq!(ladder.reach(MOST) / GIB, 5976);
    }

    #[test]
    fn other_limits() {
        let plans = |max_object, max_parts| {
            let plan = plan(max_object, max_parts);
            (plan.ladder.to_string(), plan.limit / GIB)
        };
        // All that AWS takes.
        let (ladder, limit) = plans(Some(499_712 * GIB / 10), MOST);
        assert_eq!((ladder.as_str(), limit), ("growing:67108864:1:1", 49_971));
        // A server with a thousand parts: as it comes, and when all of it is asked for.
        assert_eq!(
            plans(None, 1000),
            ("growing:16777216:100:125".to_owned(), 597)
        );
        assert_eq!(
            plans(Some(5 * TIB), 1000),
            ("growing:67108864:1:1".to_owned(), 4972)
        );
        assert_eq!(
            fixed(100 * MIB, Some(5 * TIB), 1000).limit,
            100_000 * MIB,
            "a thousand of them"
        );
        assert_eq!(fixed(LARGEST, None, MOST).limit, 5 * TIB);
    }

    proptest! {
        #[test]
        fn a_plan_keeps_what_it_promises(max_object in SMALLEST..=LARGEST * u64::from(MOST), max_parts in 1..=MOST) {
            let asked = plan(Some(max_object), max_parts);
            let sizes: Vec<u64> = (1..=max_parts).map(|number| asked.ladder.part(number)).collect();
            prop_assert!(sizes.iter().all(|size| (SMALLEST..=LARGEST).contains(size)));
            prop_assert!(sizes.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!(sizes[0] <= FIRST_MOST);
            let sum: u64 = sizes.iter().sum();
            prop_assert_eq!(sum, asked.ladder.reach(max_parts));
            // The limit is reached within the parts; and it is the one asked for, unless the steepest plan falls short.
            prop_assert!(asked.limit <= sum);
            let steepest = Ladder::Growing { first: FIRST_MOST, steady: 1, step: 1 };
            prop_assert_eq!(asked.limit, max_object.min(steepest.reach(max_parts)));
            // No gentler plan would do: there is none, or it falls short.
            if let Ladder::Growing { first, step, .. } = asked.ladder {
                if step < (max_parts / GENTLEST).max(1) {
                    let gentler = Ladder::Growing { first, steady: ((step + 1) * 4 / 5).max(1), step: step + 1 };
                    prop_assert!(gentler.reach(max_parts) < max_object);
                }
                if first > FIRST {
                    let lower = Ladder::Growing { first: first / 2, steady: 1, step: 1 };
                    prop_assert!(lower.reach(max_parts) < max_object);
                }
            }
            prop_assert_eq!(asked.ladder.to_string().parse(), Ok(asked.ladder));
        }

        #[test]
        fn nobody_gets_steep_growth_unasked(max_parts in 1..=MOST) {
            let plan = plan(None, max_parts);
            prop_assert_eq!(plan.limit, plan.ladder.reach(max_parts).min(USUAL_LIMIT));
            prop_assert_eq!(plan.ladder.part(1), FIRST);
            // Memory: a part is at most a fiftieth of what came before it, once there is more than 1/600 of the whole.
            if max_parts >= 1000 {
                for number in (max_parts / 5..max_parts).step_by(97) {
                    prop_assert!(plan.ladder.part(number) <= plan.ladder.reach(number - 1) / 50, "part {}", number);
                }
            }
        }

        #[test]
        fn any_text_is_read_without_panic(text in "([0-9]{0,12}\\+)?(fixed|growing|x)?(:[0-9]{0,21}){0,5}", number in any::<u32>()) {
            if let Ok(cuts) = text.parse::<Cuts>() {
                prop_assert!(cuts.part(number) <= LARGEST);
            }
        }
    }

    #[test]
    fn reads_what_it_wrote() {
        for (ladder, text) in [
            (Ladder::default(), "growing:16777216"),
            (Ladder::Fixed(7), "fixed:7"),
        ] {
            assert_eq!(ladder.to_string(), text);
            assert_eq!(text.parse(), Ok(ladder));
            assert_eq!(text.parse(), Ok(Cuts::from(ladder)));
            let behind = Cuts {
                first: Some(3),
                ladder,
            };
            assert_eq!(behind.to_string(), format!("3+{text}"));
            assert_eq!(behind.to_string().parse(), Ok(behind));
            assert_eq!((behind.part(1), behind.part(2)), (3, ladder.part(2)));
        }
        for text in [
            "",
            "fixed",
            "fixed:0",
            "fixed:1:1:1",
            "growing:x",
            "growing:5:1",
            "growing:5:0:1",
            "growing:5:1:1:1",
            "other:5",
            "fixed:99999999999999999999",
        ] {
            assert!(text.parse::<Ladder>().is_err(), "{text}");
            assert!(text.parse::<Cuts>().is_err(), "{text}");
        }
        for text in [
            "0+fixed:7",
            "+fixed:7",
            "3+",
            "3+3+fixed:7",
            "5368709121+fixed:7",
        ] {
            assert!(text.parse::<Cuts>().is_err(), "{text}");
        }
    }
}
