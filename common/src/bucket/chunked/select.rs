//! Some chunks of a stream, by their positions in it.

use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::chunks::Run;
use crate::error::{Error, Result};

/// Positions in a stream of chunks, counted from 0: `0-3,17`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Positions(Vec<RangeInclusive<u64>>);

impl FromStr for Positions {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut ranges = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            match (number(first), number(last)) {
                (Some(first), Some(last)) if first <= last => ranges.push(first..=last),
                _ => {
                    return Err(Error::usage(format!(
                        "'{}' is no list of chunks",
                        text.escape_debug()
                    ))
                    .hint("such a list is 0-3,17"));
                }
            }
        }
        ranges.sort_by_key(|range| *range.start());
        // Each once, in the order of the stream.
        let mut joined: Vec<RangeInclusive<u64>> = Vec::new();
        for range in ranges {
            match joined.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => joined.push(range),
            }
        }
        Ok(Self(joined))
    }
}

fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

impl Positions {
    /// The runs of those chunks of `runs`; `None` if there are not so many chunks.
    pub(super) fn of(&self, runs: &[Run]) -> Option<Vec<Run>> {
        let mut found = Vec::new();
        let mut rest = runs.iter();
        let (mut base, mut run) = (0u64, None);
        for range in &self.0 {
            let (mut at, last) = (*range.start(), *range.end());
            loop {
                let current: &Run = match run {
                    Some(current) => current,
                    None => rest.next()?,
                };
                run = Some(current);
                let length = current.count.checked_mul(current.times)?;
                if at - base >= length {
                    base = base.checked_add(length)?;
                    run = None;
                    continue;
                }
                let (from, to) = (at - base, (last - base).min(length - 1));
                cut(current, from, to, &mut found);
                at = base + to;
                if at == last {
                    break;
                }
                at += 1;
            }
        }
        Some(found)
    }
}

/// The chunks `from..=to` of a run, counted through its repetitions.
fn cut(run: &Run, from: u64, to: u64, found: &mut Vec<Run>) {
    let mut push = |first: u64, count: u64, times: u64| {
        if count > 0 && times > 0 {
            found.push(Run {
                object: run.object,
                first: run.first + first,
                count,
                times,
            });
        }
    };
    let count = run.count;
    let ((begun, skipped), (ended, last)) =
        ((from / count, from % count), (to / count, to % count));
    if begun == ended {
        push(skipped, last - skipped + 1, 1);
        return;
    }
    push(skipped, count - skipped, 1);
    push(0, count, ended - begun - 1);
    push(0, last + 1, 1);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chunks::{Id, Place, Refs};

    fn places(runs: Vec<Run>) -> Vec<Place> {
        let refs = Refs {
            id: Id([0; 16]),
            grace: 0,
            bond: None,
            brought: None,
            runs,
        };
        refs.places().collect()
    }

    proptest! {
        #[test]
        fn what_is_selected_is_what_is_there(
            runs in prop::collection::vec((0u32..3, 0u64..9, 1u64..6, 1u64..5), 1..6),
            wanted in prop::collection::vec((0u64..60, 0u64..8), 1..5),
        ) {
            let runs: Vec<Run> = runs
                .into_iter()
                .map(|(object, first, count, times)| Run { object, first, count, times })
                .collect();
            let all = places(runs.clone());
            let text: Vec<String> = wanted.iter().map(|(at, more)| format!("{at}-{}", at + more)).collect();
            let positions: Positions = text.join(",").parse().unwrap();
            let mut chosen: Vec<u64> = wanted.iter().flat_map(|(at, more)| *at..=at + more).collect();
            chosen.sort_unstable();
            chosen.dedup();
            let expected: Option<Vec<Place>> = chosen
                .iter()
                .map(|at| all.get(usize::try_from(*at).unwrap()).copied())
                .collect();
            prop_assert_eq!(positions.of(&runs).map(places), expected);
        }
    }

    #[test]
    fn lists() {
        for bad in [
            "",
            "1-",
            "-1",
            "3-2",
            "a",
            "1,,2",
            "1, 2",
            "+1",
            "99999999999999999999",
        ] {
            assert!(bad.parse::<Positions>().is_err(), "{bad}");
        }
        let positions: Positions = "17,0-3,2-5,6".parse().unwrap();
        assert_eq!(positions, Positions(vec![0..=6, 17..=17]));
    }
}
