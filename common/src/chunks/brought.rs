//! What a repacked stream says of the chunks that were brought into its object: in which objects they were, and where
//! they lie now.
//!
//! The index is sealed, and names the places in which chunks were when the stream was cut; so does whoever opens it. So
//! the runs keep those places, and this says of each of them where it is. Promised: chunks that were brought lie
//! behind the stream's own, without gaps, each once, and every one that a run names is among them.

use std::fmt;

use super::refs::object;
use super::text::number;
use super::{Object, Place, Run};

/// The most runs that those of a stream may fall into: what it takes to hold them is a matter of a few hundred MiB.
const MOST: usize = 1 << 24;

/// What was brought here.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Brought {
    /// The objects that the stream referred to when it was cut: numbers 1, 2, 3 … It needs nothing of them any more.
    pub was: Vec<Object>,
    /// Their chunks, in the order in which they lie here.
    pub here: Vec<Here>,
}

/// Chunks that were brought here together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Here {
    /// In which object they were.
    pub object: u32,
    /// The first one's number there.
    pub first: u64,
    /// How many; at least 1.
    pub count: u64,
    /// The first one's number here.
    pub at: u64,
}

impl fmt::Display for Here {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            object,
            first,
            count,
            at,
        } = self;
        write!(f, "here {object} {first} {count} {at}")
    }
}

impl Brought {
    /// What is brought into an object that holds `own` chunks, for a stream of these runs that refers to `was`: each
    /// chunk once, in the order in which they first appear.
    #[must_use]
    pub fn of(runs: &[Run], own: u64, was: Vec<Object>) -> Self {
        let mut brought = Self {
            was,
            here: Vec::new(),
        };
        // Of each object what is brought already: where each stretch begins, and where it ends.
        let mut known: Vec<std::collections::BTreeMap<u64, u64>> =
            vec![<_>::default(); brought.was.len() + 1];
        let mut at = own;
        for run in runs.iter().filter(|run| run.object > 0) {
            let Some(known) = known.get_mut(run.object as usize) else {
                continue;
            };
            let (mut next, end) = (run.first, run.first.saturating_add(run.count));
            while next < end {
                let before = known.range(..=next).next_back().map(|(_, end)| *end);
                if let Some(end) = before.filter(|end| *end > next) {
                    next = end;
                    continue;
                }
                let until = known.range(next..).next().map_or(end, |(begin, _)| *begin);
                let count = until.min(end) - next;
                known.insert(next, next + count);
                brought.push(Here {
                    object: run.object,
                    first: next,
                    count,
                    at,
                });
                at += count;
                next += count;
            }
        }
        brought
    }

    /// The next chunks; as one with those before, where they follow them.
    fn push(&mut self, here: Here) {
        match self.here.last_mut() {
            Some(last) if last.object == here.object && last.first + last.count == here.first => {
                last.count += here.count;
            }
            _ => self.here.push(here),
        }
    }

    /// The number behind the last one's here.
    pub(super) fn end(&self) -> Option<u64> {
        let last = self.here.last()?;
        last.at.checked_add(last.count)
    }

    /// Where a chunk was that is number `number` here; `None` of one that was here before.
    #[must_use]
    pub fn was_at(&self, number: u64) -> Option<Place> {
        let after = self.here.partition_point(|here| here.at <= number);
        let here = self.here.get(after.checked_sub(1)?)?;
        Some(Place {
            object: here.object,
            number: here.first + (number - here.at),
        })
    }

    /// For finding where chunks lie now.
    #[must_use]
    pub fn finder(&self) -> Finder {
        let mut by_place = self.here.clone();
        by_place.sort_by_key(|here| (here.object, here.first));
        Finder(by_place)
    }

    /// Runs, by where their chunks lie now; `None` if there is one that isn't here. One that comes more than once must have
    /// been brought as one.
    #[must_use]
    pub fn lying(&self, runs: &[Run]) -> Option<Vec<Run>> {
        let finder = self.finder();
        let mut lying: Vec<Run> = Vec::new();
        for run in runs {
            if run.object == 0 {
                lying.push(*run);
                continue;
            }
            let (mut next, end) = (run.first, run.first.checked_add(run.count)?);
            while next < end {
                let (first, left) = finder.find(run.object, next)?;
                let count = left.min(end - next);
                if (run.times > 1 && count < run.count) || lying.len() == MOST {
                    return None;
                }
                lying.push(Run {
                    object: 0,
                    first,
                    count,
                    times: run.times,
                });
                next += count;
            }
        }
        Some(lying)
    }

    /// Where the chunks are taken from, in the order in which they lie here.
    pub fn taken(&self) -> impl Iterator<Item = Run> + '_ {
        self.here.iter().map(|here| Run {
            object: here.object,
            first: here.first,
            count: here.count,
            times: 1,
        })
    }

    /// The next line; `None` if it isn't one that may come.
    pub(super) fn take(&mut self, field: &str, value: &str) -> Option<()> {
        if field == "was" {
            if self.here.is_empty() {
                self.was.push(object(value, self.was.len())?);
                return Some(());
            }
            return None;
        }
        let mut fields = value.split(' ');
        let here = Here {
            object: number(fields.next()?)?,
            first: number(fields.next()?)?,
            count: number(fields.next()?)?,
            at: number(fields.next()?)?,
        };
        let fits = usize::try_from(here.object).is_ok_and(|object| object <= self.was.len())
            && here.object > 0
            && here.count > 0
            && here.first.checked_add(here.count).is_some()
            && here.at.checked_add(here.count).is_some();
        (fits && fields.next().is_none()).then(|| self.here.push(here))
    }

    /// Whether the chunks lie behind `own` ones without gaps, each once.
    pub(super) fn is_sound(&self, own: u64) -> bool {
        let mut next = own;
        for here in &self.here {
            if here.at != next {
                return false;
            }
            next += here.count;
        }
        let mut by_place: Vec<&Here> = self.here.iter().collect();
        by_place.sort_by_key(|here| (here.object, here.first));
        let apart = |pair: &[&Here]| {
            pair[0].object < pair[1].object || pair[0].first + pair[0].count <= pair[1].first
        };
        !self.here.is_empty() && by_place.windows(2).all(apart)
    }
}

/// Finds chunks by where they were.
#[derive(Clone, Debug)]
pub struct Finder(Vec<Here>);

impl Finder {
    /// Where a chunk of another object lies here, if it was brought.
    #[must_use]
    pub fn at(&self, was: Place) -> Option<u64> {
        self.find(was.object, was.number).map(|(at, _)| at)
    }

    /// The same, and how many that were brought with it lie there from it on.
    fn find(&self, object: u32, number: u64) -> Option<(u64, u64)> {
        let after = self
            .0
            .partition_point(|here| (here.object, here.first) <= (object, number));
        let here = self.0.get(after.checked_sub(1)?)?;
        let into = number.checked_sub(here.first)?;
        let left = here.count.checked_sub(into).filter(|left| *left > 0)?;
        (here.object == object).then_some((here.at + into, left))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chunks::{Id, Refs};

    fn object(number: u8) -> Object {
        Object {
            id: Id([number; 16]),
            key: format!("key {number}"),
        }
    }

    fn refs(runs: Vec<Run>) -> Refs {
        let mut refs = Refs {
            id: Id([9; 16]),
            grace: 1,
            bond: None,
            brought: None,
            runs,
        };
        let was = vec![object(1), object(2)];
        let brought = Brought::of(&refs.runs, refs.held(), was);
        refs.brought = (!brought.here.is_empty()).then_some(brought);
        refs
    }

    fn read(text: &str) -> Option<Refs> {
        let head = format!("s3pipes-refs/1\nid {}\ngrace 1\n", Id([9; 16]));
        Refs::read(format!("{head}{text}").as_bytes()).ok()
    }

    proptest! {
        #[test]
        fn everything_is_here_and_keeps_its_name(
            runs in prop::collection::vec((0u32..3, 0u64..20, 1u64..6, 1u64..4), 1..12),
        ) {
            let runs: Vec<Run> = runs
                .into_iter()
                // What comes again is a single chunk, as s3chunk makes it.
                .map(|(object, first, count, times)| match times {
                    1 => Run { object, first, count, times },
                    _ => Run { object, first, count: 1, times },
                })
                .collect();
            let refs = refs(runs);
            let mut text = Vec::new();
            refs.write(&mut text).unwrap();
            prop_assert_eq!(&Refs::read(text.as_slice()).unwrap(), &refs);
            let lying = Refs { runs: refs.lying().unwrap().into_owned(), brought: None, ..refs.clone() };
            prop_assert_eq!(lying.count(), refs.count());
            let mut seen = std::collections::BTreeSet::new();
            for (place, here) in refs.places().zip(lying.places()) {
                prop_assert_eq!(here.object, 0);
                prop_assert!(here.number < refs.held());
                seen.insert(here.number);
                match &refs.brought {
                    Some(brought) if place.object > 0 => {
                        prop_assert_eq!(brought.was_at(here.number), Some(place));
                        prop_assert_eq!(brought.finder().at(place), Some(here.number));
                    }
                    brought => {
                        prop_assert_eq!(here, place);
                        prop_assert!(brought.as_ref().is_none_or(|brought| brought.was_at(here.number).is_none()));
                    }
                }
            }
            // Each that was brought is needed.
            let own = refs.own();
            prop_assert!((own..refs.held()).all(|number| seen.contains(&number)));
        }
    }

    #[test]
    fn chunks_come_in_the_order_in_which_they_appear() {
        let run = |object, first, count| Run {
            object,
            first,
            count,
            times: 1,
        };
        let refs = refs(vec![
            run(1, 5, 2),
            run(0, 0, 3),
            run(1, 4, 6),
            run(2, 0, 1),
            run(1, 5, 1),
        ]);
        let mut text = Vec::new();
        refs.write(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let id = |n: u8| Id([n; 16]);
        let wanted = format!(
            "s3pipes-refs/1\nid {}\ngrace 1\nwas 1 {} key 1\nwas 2 {} key 2\n\
             here 1 5 2 3\nhere 1 4 1 5\nhere 1 7 3 6\nhere 2 0 1 9\n\
             run 1 5 2 1\nrun 0 0 3 1\nrun 1 4 6 1\nrun 2 0 1 1\nrun 1 5 1 1\n",
            id(9),
            id(1),
            id(2)
        );
        assert_eq!(text, wanted);
        assert_eq!(refs.held(), 10);
    }

    #[test]
    fn damaged_ones_are_refused() {
        let was = format!("was 1 {} a\nwas 2 {} b\n", Id([1; 16]), Id([2; 16]));
        let good = "here 1 5 2 3\nhere 2 0 1 5\n";
        let runs = "run 0 0 3 1\nrun 1 5 2 1\nrun 2 0 1 7\n";
        assert!(read(&format!("{was}{good}{runs}")).is_some());
        for (why, text) in [
            ("nothing is here", format!("{was}run 0 0 3 1\n")),
            ("of no object", format!("here 1 5 2 3\n{was}{runs}")),
            ("in the wrong order", format!("{good}{was}{runs}")),
            ("after the runs", format!("{was}{runs}{good}")),
            ("a gap", format!("{was}here 1 5 2 3\nhere 2 0 1 6\n{runs}")),
            (
                "not behind its own",
                format!("{was}here 1 5 2 4\nhere 2 0 1 6\n{runs}"),
            ),
            (
                "among its own",
                format!("{was}here 1 5 2 2\nhere 2 0 1 4\n{runs}"),
            ),
            (
                "twice",
                format!("{was}here 1 5 2 3\nhere 1 6 1 5\nhere 2 0 1 6\n{runs}"),
            ),
            ("none", format!("{was}here 1 5 0 3\n{good}{runs}")),
            (
                "object 0",
                format!("{was}here 0 5 2 3\nhere 2 0 1 5\n{runs}"),
            ),
            (
                "object 3",
                format!("{was}here 3 5 2 3\nhere 2 0 1 5\n{runs}"),
            ),
            (
                "too many fields",
                format!("{was}here 1 5 2 3 1\nhere 2 0 1 5\n{runs}"),
            ),
            (
                "not here",
                format!("{was}here 1 5 1 3\nhere 2 0 1 4\n{runs}"),
            ),
            ("not all of it", format!("{was}here 1 5 2 3\n{runs}")),
            (
                "too large",
                format!("{was}here 1 18446744073709551615 2 3\n{runs}"),
            ),
            (
                "both",
                format!(
                    "{was}{good}place x\nuntil 1\nobject 1 {} a\n{runs}",
                    Id([1; 16])
                ),
            ),
            (
                "in two, many times",
                format!(
                    "{was}here 1 5 1 3\nhere 1 6 1 4\nhere 2 0 1 5\nrun 0 0 3 1\nrun 1 5 2 9\n"
                ),
            ),
        ] {
            assert!(read(&text).is_none(), "{why}");
        }
        // A stream that refers to others has nothing here.
        let bond = format!("place x\nuntil 1\nobject 1 {} a\n", Id([1; 16]));
        assert!(read(&format!("{bond}run 1 5 2 1\n")).is_some());
        assert!(read(&format!("{bond}{was}{good}{runs}")).is_none());
    }
}
