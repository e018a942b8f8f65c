//! A dump that is being made: which of its chunks are new, and where the others lie.
//!
//! Promised: a chunk is new once; what isn't new has the same hash and length as what it refers to, and lies where the
//! known file says; only objects that are used are named.

use common::chunks::{Bond, Entry, Index, Object, Place, Refs, Runs, grace};
use common::{Error, Result};

use crate::key::{Hash, Total};
use crate::known::{About, Known, Names};

/// What has come so far.
pub struct Dump {
    about: About,
    base: Option<Known>,
    chunks: Vec<Entry>,
    seen: Seen,
    /// The numbers that objects of the known file have here; 0 of those that aren't used.
    numbers: Vec<u32>,
    /// Those that are used.
    objects: Vec<Object>,
    runs: Runs,
    total: Total,
    length: u64,
    fresh: u64,
}

impl Dump {
    /// A dump that refers to what `base` knows.
    #[must_use]
    pub fn new(about: About, base: Option<Known>) -> Self {
        let known = base.as_ref().map_or(0, |base| base.names.objects.len());
        Self {
            total: about.key.total(),
            about,
            base,
            chunks: Vec::new(),
            seen: Seen::default(),
            numbers: vec![0; known],
            objects: Vec::new(),
            runs: Runs::default(),
            length: 0,
            fresh: 0,
        }
    }

    /// The next chunk. Where it is new, its number is told: it has to be written.
    ///
    /// # Errors
    /// If there are more chunks than can be counted.
    pub fn add(&mut self, hash: Hash, length: u32) -> Result<Option<u64>> {
        let (place, is_new) = match self.seen.find(&hash, &self.chunks) {
            Some(entry) => (place(&entry), false),
            None => match self.elsewhere(&hash, length)? {
                Some(place) => (place, false),
                None => (
                    Place {
                        object: 0,
                        number: self.fresh,
                    },
                    true,
                ),
            },
        };
        let entry = Entry {
            hash,
            length,
            object: place.object,
            number: place.number,
        };
        self.total.add(&entry);
        self.runs.push(place);
        self.length += u64::from(length);
        self.chunks.push(entry);
        self.seen.add(&self.chunks)?;
        Ok(is_new.then(|| {
            self.fresh += 1;
            place.number
        }))
    }

    /// Where the known file says that it lies.
    fn elsewhere(&mut self, hash: &Hash, length: u32) -> Result<Option<Place>> {
        let Some(base) = &self.base else {
            return Ok(None);
        };
        let Some(found) = base.find(hash).filter(|found| found.length == length) else {
            return Ok(None);
        };
        let there = usize::try_from(found.object).unwrap_or(usize::MAX);
        let (Some(number), Some(object)) =
            (self.numbers.get_mut(there), base.names.objects.get(there))
        else {
            return Ok(None);
        };
        if *number == 0 {
            self.objects.push(object.clone());
            *number = u32::try_from(self.objects.len()).map_err(|_| too_many())?;
        }
        Ok(Some(Place {
            object: *number,
            number: found.number,
        }))
    }

    /// Chunks so far, and how many of them are new.
    #[must_use]
    pub fn counts(&self) -> (usize, u64) {
        (self.chunks.len(), self.fresh)
    }

    /// It is at its end.
    #[must_use]
    pub fn finish(self) -> Finished {
        let bond = self.base.filter(|_| !self.objects.is_empty()).map(|base| {
            let grace = base.about.grace.min(self.about.grace);
            Bond {
                place: base.names.place,
                until: grace::until(base.about.started, grace),
                objects: self.objects,
            }
        });
        Finished {
            index: Index {
                id: self.about.id,
                key: self.about.key.0,
                cut: self.about.cut,
                chunks: self.chunks,
                length: self.length,
                hash: self.total.finish(),
            },
            refs: Refs {
                id: self.about.id,
                grace: self.about.grace,
                bond,
                brought: None,
                runs: self.runs.finish(),
            },
            about: self.about,
            first: self.seen.all(),
        }
    }
}

/// A dump with all its chunks.
pub struct Finished {
    about: About,
    /// What is in it.
    pub index: Index,
    /// What it needs.
    pub refs: Refs,
    /// Where in the index each chunk comes for the first time.
    first: Vec<u32>,
}

impl Finished {
    /// What a known file would say of it, before it is stored.
    pub fn pending(&mut self) -> (&About, Names, usize, impl Iterator<Item = Entry> + '_) {
        let chunks = &self.index.chunks;
        let entry = |n: &u32| chunks[usize::try_from(*n).unwrap_or(0)];
        self.first.sort_unstable_by_key(|n| entry(n).hash);
        let own = Object {
            id: self.about.id,
            key: String::new(),
        };
        let names = Names {
            place: self
                .refs
                .bond
                .as_ref()
                .map_or(String::new(), |bond| bond.place.clone()),
            objects: std::iter::once(own)
                .chain(self.refs.objects().iter().cloned())
                .collect(),
        };
        (
            &self.about,
            names,
            self.first.len(),
            self.first.iter().map(entry),
        )
    }
}

fn place(entry: &Entry) -> Place {
    Place {
        object: entry.object,
        number: entry.number,
    }
}

fn too_many() -> Error {
    Error::permanent("cut the stream", "it has too many chunks")
        .hint("a larger --average makes fewer of them")
}

/// Which chunks have come: a table of positions, found by hash. Hashes are random to whoever doesn't know the key, so
/// their beginnings can be used as they are.
#[derive(Default)]
struct Seen {
    /// A position, plus 1; 0 where nothing is. The length is 0 or a power of two.
    slots: Vec<u32>,
    count: usize,
}

impl Seen {
    fn find(&self, hash: &Hash, chunks: &[Entry]) -> Option<Entry> {
        let at = self.slot(hash, chunks)?;
        entry_of(*self.slots.get(at)?, chunks)
    }

    /// Notes the last of the chunks, unless one like it is there.
    fn add(&mut self, chunks: &[Entry]) -> Result<()> {
        if (self.count + 1) * 2 > self.slots.len() {
            self.grow(chunks);
        }
        let Some(last) = chunks.last() else {
            return Ok(());
        };
        if let Some(at) = self.slot(&last.hash, chunks)
            && self.slots[at] == 0
        {
            self.slots[at] = u32::try_from(chunks.len()).map_err(|_| too_many())?;
            self.count += 1;
        }
        Ok(())
    }

    fn grow(&mut self, chunks: &[Entry]) {
        let larger = vec![0; (self.slots.len() * 2).max(1024)];
        for number in std::mem::replace(&mut self.slots, larger) {
            if let Some(entry) = entry_of(number, chunks)
                && let Some(at) = self.slot(&entry.hash, chunks)
            {
                self.slots[at] = number;
            }
        }
    }

    /// The slot in which a chunk with this hash is, or else should be; none if there are no slots.
    fn slot(&self, hash: &Hash, chunks: &[Entry]) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let start = hash
            .first_chunk()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let mut at = start as usize & mask;
        // There are always empty ones.
        while entry_of(self.slots[at], chunks).is_some_and(|entry| entry.hash != *hash) {
            at = (at + 1) & mask;
        }
        Some(at)
    }

    /// The positions of all.
    fn all(self) -> Vec<u32> {
        let mut all = self.slots;
        all.retain(|number| *number > 0);
        all.iter_mut().for_each(|number| *number -= 1);
        all.shrink_to_fit();
        all
    }
}

fn entry_of(number: u32, chunks: &[Entry]) -> Option<Entry> {
    let position = usize::try_from(number.checked_sub(1)?).ok()?;
    chunks.get(position).copied()
}
