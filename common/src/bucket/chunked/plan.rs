//! From the chunks of a stream to requests, without asking anybody anything.
//!
//! The stream is taken in stretches. The chunks of a stretch that aren't at hand are put in the order in which they lie
//! in their objects, neighbours become one range, ranges become requests, and the requests are made in the order in
//! which the stream needs them. So objects may take turns in the stream without a request for every turn. A stretch
//! that has more than one chunk to read, or takes one twice, fits into the memory that is there for bytes under way, whatever it is: so
//! the requests of a stretch never wait for each other.
//!
//! A chunk that comes more than once in the stream is kept for a while, as long as there is room, those used
//! last the longest; that is decided here, too, so that what is planned is what is done.

use std::collections::{BTreeMap, HashMap};

use super::layout::{Layout, stored};
use crate::chunks::{BLOCK, Place, Run};

/// Chunks of a stretch, at most: small ones, or ones that are at hand, would make it endless.
const MOST: usize = 8192;

/// What a plan keeps to, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Two ranges that have no more than this between them are read as one.
    pub(super) gap: u64,
    /// The longest request.
    pub(super) request: u64,
    /// The longest stretch that has more than one chunk to read. With what lies between them it is at most twice that.
    pub(super) stretch: u64,
    /// Chunks that are kept for later.
    pub(super) keep: u64,
}

/// A range of an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Request {
    pub(super) object: u32,
    pub(super) from: u64,
    pub(super) to: u64,
    /// How many chunks are taken from it, or begin or go on in it.
    pub(super) uses: u32,
}

/// A chunk of the stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Take {
    pub(super) place: Place,
    /// Bytes of its content.
    pub(super) size: u64,
    pub(super) from: Source,
    /// It will be wanted again.
    pub(super) keep: bool,
}

/// Where a chunk is taken from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Source {
    /// From this request on; its header begins at that offset of the object.
    Read(usize, u64),
    /// It was kept.
    Kept,
}

/// A part of the stream.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Stretch {
    /// By object and offset.
    pub(super) requests: Vec<Request>,
    /// Those that are to be made, in the order in which they are needed.
    pub(super) order: Vec<usize>,
    /// The chunks, in the order of the stream.
    pub(super) takes: Vec<Take>,
    /// What was kept, and need not be any more when the stretch is done.
    pub(super) forget: Vec<Place>,
}

/// The stretches of a stream, one after the other.
pub(super) struct Plan<'a, I: Iterator<Item = Place>> {
    places: std::iter::Peekable<I>,
    layouts: &'a [Layout],
    limits: Limits,
    again: Again,
    kept: Kept,
}

impl<'a, I: Iterator<Item = Place>> Plan<'a, I> {
    /// For the chunks of `runs`, which are `places`. Each must be in its object's layout.
    pub(super) fn new(runs: &[Run], places: I, layouts: &'a [Layout], limits: Limits) -> Self {
        Self {
            places: places.peekable(),
            layouts,
            limits,
            again: Again::of(runs, layouts),
            kept: Kept::default(),
        }
    }
}

/// A chunk that a stretch must read.
struct Need {
    object: u32,
    from: u64,
    to: u64,
}

impl<I: Iterator<Item = Place>> Iterator for Plan<'_, I> {
    type Item = Stretch;

    fn next(&mut self) -> Option<Stretch> {
        let mut stretch = Stretch::default();
        let mut needs: Vec<Need> = Vec::new();
        let mut here: HashMap<Place, u64> = HashMap::new();
        let mut bytes = 0;
        while stretch.takes.len() < MOST
            && let Some(&place) = self.places.peek()
        {
            let Some(layout) = self.layouts.get(place.object as usize) else {
                break;
            };
            let size = layout.size(place.number);
            let comes_again = self.again.contains(place);
            let mut keep = false;
            let from = if let Some(&from) = here.get(&place) {
                Source::Read(0, from)
            } else if comes_again && self.kept.touch(place) {
                Source::Kept
            } else {
                let (from, length) = (layout.offset(place.number), stored(size));
                if !needs.is_empty() && bytes + length > self.limits.stretch {
                    break;
                }
                bytes += length;
                needs.push(Need {
                    object: place.object,
                    from,
                    to: from + length,
                });
                // What doesn't fit is let go piece by piece, and so can't be used twice.
                if comes_again && length <= self.limits.stretch {
                    here.insert(place, from);
                    keep = length <= self.limits.keep / 2;
                }
                Source::Read(0, from)
            };
            stretch.takes.push(Take {
                place,
                size,
                from,
                keep,
            });
            self.places.next();
        }
        if stretch.takes.is_empty() {
            return None;
        }
        self.kept.settle(&mut stretch, self.limits.keep);
        self.ask(&mut stretch, needs);
        Some(stretch)
    }
}

impl<I: Iterator<Item = Place>> Plan<'_, I> {
    /// Makes requests of what a stretch needs.
    fn ask(&self, stretch: &mut Stretch, mut needs: Vec<Need>) {
        needs.sort_by_key(|need| (need.object, need.from));
        let mut ranges = joined(&needs, self.limits.gap);
        let total: u64 = ranges.iter().map(|range| range.to - range.from).sum();
        if needs.len() > 1 && total > self.limits.stretch.saturating_mul(2) {
            ranges = joined(&needs, 0);
        }
        stretch.requests = ranges
            .iter()
            .flat_map(|range| divided(range, self.limits.request))
            .collect();
        let mut order = Vec::with_capacity(stretch.requests.len());
        for take in &mut stretch.takes {
            let Source::Read(first, from) = &mut take.from else {
                continue;
            };
            let object = take.place.object;
            *first = stretch
                .requests
                .partition_point(|request| (request.object, request.to) <= (object, *from));
            let end = *from + stored(take.size);
            for (index, request) in stretch.requests.iter_mut().enumerate().skip(*first) {
                if request.object != object || request.from >= end {
                    break;
                }
                if request.uses == 0 {
                    order.push(index);
                }
                request.uses += 1;
            }
        }
        stretch.order = order;
    }
}

/// Ranges that are near to each other, in order, as one.
fn joined(needs: &[Need], gap: u64) -> Vec<Need> {
    let mut ranges: Vec<Need> = Vec::new();
    for &Need { object, from, to } in needs {
        match ranges.last_mut() {
            Some(last) if last.object == object && from <= last.to.saturating_add(gap) => {
                last.to = last.to.max(to);
            }
            _ => ranges.push(Need { object, from, to }),
        }
    }
    ranges
}

/// A range as requests of about the same length, which begin at whole blocks.
fn divided(range: &Need, most: u64) -> impl Iterator<Item = Request> + use<> {
    let block = BLOCK as u64;
    let length = range.to - range.from;
    let parts = length.div_ceil(most.max(block)).max(1);
    let step = length.div_ceil(parts).next_multiple_of(block).max(block);
    let &Need { object, from, to } = range;
    (0..length.div_ceil(step)).map(move |part| Request {
        object,
        from: from + part * step,
        to: (from + (part + 1) * step).min(to),
        uses: 0,
    })
}

/// Which chunks come more than once in a stream: two bits each.
struct Again(Vec<(Bits, Bits)>);

impl Again {
    fn of(runs: &[Run], layouts: &[Layout]) -> Self {
        let bits = |layout: &Layout| (Bits::new(layout.chunks()), Bits::new(layout.chunks()));
        let mut objects: Vec<(Bits, Bits)> = layouts.iter().map(bits).collect();
        for run in runs {
            let Some((once, again)) = objects.get_mut(run.object as usize) else {
                continue;
            };
            for number in run.first..run.first + run.count {
                if once.set(number) || run.times > 1 {
                    again.set(number);
                }
            }
        }
        Self(objects)
    }

    fn contains(&self, place: Place) -> bool {
        self.0
            .get(place.object as usize)
            .is_some_and(|(_, again)| again.get(place.number))
    }
}

struct Bits(Vec<u64>);

impl Bits {
    fn new(count: u64) -> Self {
        Self(vec![0; usize::try_from(count.div_ceil(64)).unwrap_or(0)])
    }

    /// Sets a bit, and says whether it was set.
    fn set(&mut self, number: u64) -> bool {
        let bit = 1 << (number % 64);
        let word = usize::try_from(number / 64).ok();
        word.and_then(|word| self.0.get_mut(word))
            .is_some_and(|word| {
                let was = *word & bit != 0;
                *word |= bit;
                was
            })
    }

    fn get(&self, number: u64) -> bool {
        let word = usize::try_from(number / 64).ok();
        word.and_then(|word| self.0.get(word))
            .is_some_and(|word| word & (1 << (number % 64)) != 0)
    }
}

/// What is kept, and when each was last used.
#[derive(Default)]
struct Kept {
    chunks: HashMap<Place, (u64, u64)>,
    by_use: BTreeMap<u64, Place>,
    bytes: u64,
    uses: u64,
}

impl Kept {
    /// Uses a chunk, if it is here.
    fn touch(&mut self, place: Place) -> bool {
        let Some((_, used)) = self.chunks.get_mut(&place) else {
            return false;
        };
        self.by_use.remove(used);
        self.uses += 1;
        *used = self.uses;
        self.by_use.insert(self.uses, place);
        true
    }

    /// Takes in what a stretch brings, and lets go what there is no room for.
    fn settle(&mut self, stretch: &mut Stretch, room: u64) {
        for take in stretch.takes.iter().filter(|take| take.keep) {
            self.uses += 1;
            self.bytes += stored(take.size);
            self.by_use.insert(self.uses, take.place);
            self.chunks
                .insert(take.place, (stored(take.size), self.uses));
        }
        let mut gone = Vec::new();
        while self.bytes > room
            && let Some((_, place)) = self.by_use.pop_first()
        {
            let (size, _) = self.chunks.remove(&place).unwrap_or_default();
            self.bytes -= size;
            gone.push(place);
        }
        if gone.is_empty() {
            return;
        }
        let new: HashMap<Place, usize> = (0..)
            .zip(&stretch.takes)
            .filter(|(_, take)| take.keep)
            .map(|(index, take)| (take.place, index))
            .collect();
        for place in gone {
            match new.get(&place) {
                Some(&index) => stretch.takes[index].keep = false,
                None => stretch.forget.push(place),
            }
        }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
