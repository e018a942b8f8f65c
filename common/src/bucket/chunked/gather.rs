//! What a dump that is a chunk stream needs: itself and the objects that it refers to, each found, known by its id, and
//! its chunks located. Nothing is asked of an object but its tail.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::Stored;
use super::layout::Layout;
use super::plan::{Limits, Plan};
use super::select::Positions;
use super::tail::{Ending, begin, broken, may_be_chunks};
use crate::bucket::Bucket;
use crate::bucket::checksum;
use crate::bucket::continued::{CHUNKS, CONTINUES, says};
use crate::bucket::get::{Looked, Wish};
use crate::bucket::thaw::Frozen;
use crate::chunks::{BLOCK, Brought, Finder, Form, HEAD, Id, Object, Place, Refs, Run, padding};
use crate::error::{Class, Error, Result};
use crate::names;
use crate::place;
use crate::rate::Pacer;

/// Objects that are looked at at once.
const AT_ONCE: usize = 16;

/// What is wanted of a chunk stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Want {
    /// Its index and all of its chunks.
    Whole,
    /// The chunks at these positions.
    Part(Positions),
    /// Its index, files and refs.
    Tail,
}

impl Want {
    pub(super) fn form(&self) -> Form {
        match self {
            Self::Whole => Form::Whole,
            Self::Part(_) => Form::Part,
            Self::Tail => Form::Tail,
        }
    }
}

/// Why chunks have other names where they lie.
#[derive(Clone, Debug)]
pub(super) enum Renamed {
    /// They were brought into the object, and come out by the names that the index has for them.
    Back(Brought),
    /// They are being brought into the object.
    Into(Finder),
}

impl Renamed {
    /// The name of the chunk that lies there; `None` if it keeps its own.
    pub(super) fn name(&self, lies: Place) -> Option<Place> {
        match self {
            Self::Back(brought) if lies.object == 0 => brought.was_at(lies.number),
            Self::Into(finder) if lies.object > 0 => {
                let number = finder.at(lies)?;
                Some(Place { object: 0, number })
            }
            _ => None,
        }
    }
}

/// A chunk stream of which all that is wanted was found.
#[derive(Debug)]
pub struct Gathered {
    pub(super) want: Want,
    pub(super) ending: Ending,
    /// With the runs that are wanted, by where their chunks lie.
    pub(super) refs: Refs,
    /// How chunks are called in what comes out, where that isn't what they are called where they lie.
    pub(super) renamed: Option<Renamed>,
    /// By their numbers; those of which nothing is wanted are empty.
    pub(super) sources: Vec<Stored>,
    pub(super) layouts: Vec<Layout>,
    /// CRC-64/NVME of the dump, where the server holds it, and all of the dump is read.
    pub(super) crc: Option<u64>,
}

/// What is read of an object, and how.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reading {
    /// The key of the (first) object.
    pub key: String,
    /// Its storage class.
    pub class: String,
    /// Requests that are made for it.
    pub requests: u64,
    /// Bytes that they bring.
    pub bytes: u64,
    /// Its own size.
    pub size: u64,
}

impl Looked {
    /// The id of the chunk stream that it says it is.
    ///
    /// # Errors
    /// If what it says is no id.
    pub fn says_chunks(&self) -> Result<Option<Id>> {
        let Some(seen) = self.objects.first() else {
            return Ok(None);
        };
        match says(&seen.head, CHUNKS) {
            None => Ok(None),
            // By its own key it is read only as itself.
            Some(_) if says(&seen.head, CONTINUES).is_some() => Ok(None),
            Some(id) => id.parse().map(Some).map_err(|_| {
                broken(
                    &seen.key,
                    "its metadata names a chunk stream by what is no id",
                )
            }),
        }
    }

    /// Whether it may be a chunk stream, by its length.
    #[must_use]
    pub fn may_be_chunks(&self) -> bool {
        may_be_chunks(self.size())
    }

    /// What is read of each object by [`Bucket::get`].
    ///
    /// # Errors
    /// If there are no such bytes.
    pub fn readings(&self, wish: &Wish) -> Result<Vec<Reading>> {
        let (first, end) = wish.bytes_of(self)?;
        let mut base = 0;
        let mut readings = Vec::new();
        for seen in &self.objects {
            let within = |at: u64| at.clamp(base, base + seen.size) - base;
            let bytes = within(end) - within(first);
            base += seen.size;
            let stored = Stored::seen(std::slice::from_ref(seen))?;
            readings.push(Reading {
                key: seen.key.clone(),
                class: stored.class().to_owned(),
                requests: bytes.div_ceil(wish.range_size.max(1)),
                bytes,
                size: seen.size,
            });
        }
        Ok(readings)
    }

    /// What of it must be brought back from an archive before it can be read.
    #[must_use]
    pub fn frozen(&self) -> Vec<Frozen> {
        Stored::seen(&self.objects).map_or(Vec::new(), |stored| stored.frozen().collect())
    }
}

impl Bucket {
    /// Finds what is wanted of the chunk stream that was looked at; `None` if it is none. One that must be the chunk
    /// stream `id` is an error then.
    ///
    /// # Errors
    /// If something that it needs isn't there, is something else, or is damaged.
    pub fn gather(
        &self,
        looked: &Looked,
        id: Option<Id>,
        want: Want,
        pacer: &Pacer,
    ) -> Result<Option<Gathered>> {
        self.runtime
            .block_on(self.gathered(looked, id, want, pacer))
    }

    async fn gathered(
        &self,
        looked: &Looked,
        id: Option<Id>,
        want: Want,
        pacer: &Pacer,
    ) -> Result<Option<Gathered>> {
        let stored = Stored::seen(&looked.objects)?;
        let key = stored.key().to_owned();
        let Some(ending) = self.ending(pacer, stored).await? else {
            return match id {
                None => Ok(None),
                Some(_) if names::tail_of(&key).is_some() => Ok(None),
                Some(_) => Err(broken(
                    &key,
                    "it is said to be a chunk stream, and does not end as one",
                )
                .hint("--raw reads it as it is")),
            };
        };
        if id.is_some_and(|id| id != ending.end.id) {
            return Err(broken(
                &key,
                "it ends as another chunk stream than it is said to be",
            )
            .hint("--raw reads it as it is"));
        }
        let mut refs = self.refs_for(pacer, &ending, &want).await?;
        let renamed = refs.brought.take().map(Renamed::Back);
        let sources = self.sources(pacer, &ending, &refs).await?;
        let (sources, layouts): (Vec<_>, Vec<_>) = sources.into_iter().unzip();
        let pieces = looked
            .objects
            .iter()
            .map(|seen| (checksum::whole_crc64(&seen.head), seen.size));
        let crc = match want {
            Want::Whole => checksum::of_all(pieces),
            _ => None,
        };
        let gathered = Gathered {
            want,
            ending,
            refs,
            renamed,
            sources,
            layouts,
            crc,
        };
        gathered.check()?;
        Ok(Some(gathered))
    }

    /// What must be brought back before the chunk stream that was looked at can be gathered, as far as that can be
    /// told: what it needs is known once its own end can be read.
    #[must_use]
    pub fn frozen_needs(&self, looked: &Looked, want: &Want, pacer: &Pacer) -> Vec<Frozen> {
        let mut frozen = looked.frozen();
        let needs = self.runtime.block_on(self.needs(looked, want, pacer));
        for one in needs.iter().flatten().flat_map(Stored::frozen) {
            if frozen.iter().all(|other| other.key != one.key) {
                frozen.push(one);
            }
        }
        frozen
    }

    /// The other objects that it needs, as far as they can be looked at.
    async fn needs(&self, looked: &Looked, want: &Want, pacer: &Pacer) -> Result<Vec<Stored>> {
        let stored = Stored::seen(&looked.objects)?;
        let Some(ending) = self.ending(pacer, stored).await? else {
            return Ok(Vec::new());
        };
        let refs = self.refs_for(pacer, &ending, want).await?;
        let place = refs.bond.as_ref().map_or("", |bond| bond.place.as_str());
        let others = wanted(&refs).into_iter().skip(1).zip(refs.objects());
        let others = others.filter_map(|(wanted, other)| wanted.then_some(other));
        let needs = stream::iter(others)
            .map(|other| self.other(ending.stored.key(), place, other))
            .buffered(AT_ONCE)
            .filter_map(|other| std::future::ready(other.ok()));
        Ok(needs.collect().await)
    }

    /// The refs, with the runs that are wanted, by where their chunks lie.
    async fn refs_for(&self, pacer: &Pacer, ending: &Ending, want: &Want) -> Result<Refs> {
        let key = ending.stored.key();
        let mut refs = self.refs(pacer, ending).await?;
        match want {
            Want::Whole => {}
            Want::Tail => refs.runs.clear(),
            Want::Part(positions) => {
                let count = refs.count();
                refs.runs = positions
                    .of(&refs.runs)
                    .ok_or_else(|| broken(key, &format!("it has only {count} chunks")))?;
            }
        }
        let lying = refs.lying().map(std::borrow::Cow::into_owned);
        refs.runs = lying.ok_or_else(|| broken(key, "its refs are damaged"))?;
        Ok(refs)
    }

    /// The objects that are needed, by their numbers.
    async fn sources(
        &self,
        pacer: &Pacer,
        ending: &Ending,
        refs: &Refs,
    ) -> Result<Vec<(Stored, Layout)>> {
        let place = refs.bond.as_ref().map_or("", |bond| bond.place.as_str());
        let others = wanted(refs)
            .into_iter()
            .zip(std::iter::once(None).chain(refs.objects().iter().map(Some)));
        stream::iter(others)
            .map(|(wanted, other)| async move {
                match other {
                    _ if !wanted => Ok((ending.stored.clone(), Layout::new(<_>::default()))),
                    None => Ok((
                        ending.stored.clone(),
                        Layout::new(self.toc(pacer, ending).await?),
                    )),
                    Some(other) => self.located(pacer, ending.stored.key(), place, other).await,
                }
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    /// An object that `key` needs.
    async fn other(&self, key: &str, place: &str, other: &Object) -> Result<Stored> {
        let theirs = self.key_here(place, &other.key);
        let objects = match self.head(&theirs).await {
            Ok(head) => {
                let first = self.seen(&theirs, head)?;
                let more = self.continuations(&theirs, &first.head).await?;
                let more = more.into_iter().map(|(key, head)| self.seen(&key, head));
                std::iter::once(Ok(first))
                    .chain(more)
                    .collect::<Result<Vec<_>>>()?
            }
            Err(failure) if failure.kind == crate::bucket::failure::Kind::Missing => {
                let why = format!("it needs {theirs}, which is not in {}", self.place);
                return Err(broken(key, &why));
            }
            Err(failure) => return Err(failure.error(format!("read {theirs}, which {key} needs"))),
        };
        Stored::seen(&objects)
    }

    /// An object that `key` needs, and where its chunks are.
    async fn located(
        &self,
        pacer: &Pacer,
        key: &str,
        place: &str,
        other: &Object,
    ) -> Result<(Stored, Layout)> {
        let stored = self.other(key, place, other).await?;
        let theirs = stored.key().to_owned();
        let needed = |why: &str| broken(key, &format!("it needs {theirs}, {why}"));
        let ending = self.ending(pacer, stored).await?;
        let ending = ending.ok_or_else(|| needed("and what is there is no chunk stream"))?;
        if ending.end.id != other.id {
            return Err(needed(
                "and what is there is another dump than the one needed",
            ));
        }
        let layout = Layout::new(self.toc(pacer, &ending).await?);
        Ok((ending.stored, layout))
    }

    /// A key below `place`, seen from here: the same, unless both are prefixes of one bucket.
    pub(super) fn key_here(&self, place: &str, key: &str) -> String {
        use place::Place::S3;
        match (place::Place::parse(place), &self.place) {
            (
                Ok(S3 {
                    bucket: theirs,
                    prefix,
                }),
                S3 { bucket: ours, .. },
            ) if theirs == *ours => self
                .bare(&format!("{prefix}{key}"))
                .unwrap_or_else(|| key.to_owned()),
            _ => key.to_owned(),
        }
    }
}

impl Gathered {
    /// Whether all chunks are where they are said to be.
    fn check(&self) -> Result<()> {
        let mut total = 0u64;
        for run in &self.refs.runs {
            let object = run.object as usize;
            let has = self.layouts.get(object).map_or(0, Layout::chunks);
            let needs = run.first.checked_add(run.count);
            if needs.is_none_or(|needs| needs > has) {
                return Err(broken(
                    self.key(),
                    &format!(
                        "it needs {} chunks of {}, which has {has}",
                        needs.unwrap_or(u64::MAX),
                        self.sources[object].key()
                    ),
                ));
            }
            let length = self
                .length(run)
                .and_then(|length| total.checked_add(length));
            total = length.ok_or_else(|| broken(self.key(), "it is longer than can be"))?;
        }
        Ok(())
    }

    /// Bytes of a run, as it is written.
    fn length(&self, run: &Run) -> Option<u64> {
        let layout = &self.layouts[run.object as usize];
        let once = layout.offset(run.first + run.count) - layout.offset(run.first);
        once.checked_mul(run.times)
    }

    /// The key of the dump.
    #[must_use]
    pub fn key(&self) -> &str {
        self.ending.stored.key()
    }

    /// The id of its stream.
    pub(in crate::bucket) fn id(&self) -> Id {
        self.ending.end.id
    }

    /// Bytes of what is written, with head and end.
    #[must_use]
    pub fn size(&self) -> u64 {
        let chunks = self.refs.runs.iter().filter_map(|run| self.length(run));
        let (from, to) = self.written_tail();
        chunks.fold(2 * HEAD as u64 + (to - from), u64::saturating_add)
    }

    /// The part of the tail that is written.
    pub(super) fn written_tail(&self) -> (u64, u64) {
        let end = &self.ending.end;
        let first = begin(end).unwrap_or(0);
        let after = |span: crate::chunks::Span| span.offset + span.size + padding(span.size);
        match self.want {
            Want::Whole => (first, after(end.index)),
            Want::Part(_) => (first, first),
            Want::Tail => (first, after(end.refs)),
        }
    }

    /// The objects of which something is read, the dump first.
    pub(super) fn used(&self) -> impl Iterator<Item = (usize, &Stored)> {
        let read =
            |&(number, _): &(usize, &Stored)| number == 0 || self.layouts[number].chunks() > 0;
        self.sources.iter().enumerate().filter(read)
    }

    /// How many objects are read.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.used().count()
    }

    /// What must be brought back from an archive before it can be read.
    #[must_use]
    pub fn frozen(&self) -> Vec<Frozen> {
        if self.want == Want::Tail {
            return Vec::new();
        }
        self.used()
            .flat_map(|(_, stored)| stored.frozen())
            .collect()
    }

    /// Why it can't be read yet.
    ///
    /// # Errors
    /// If it can't.
    pub fn is_readable(&self) -> Result<()> {
        let frozen = self.frozen();
        let [Frozen { key: first, .. }, more @ ..] = frozen.as_slice() else {
            return Ok(());
        };
        let why = match more.len() {
            0 => format!("{first} is in an archive"),
            more => format!("{first} and {more} more that it needs are in an archive"),
        };
        Err(
            Error::new(Class::Temporary, format!("read {}", self.key()), why)
                .hint("--thaw asks the server to bring back what this dump needs"),
        )
    }

    /// The limits that a wish comes to.
    pub(super) fn limits(&self, wish: &Wish, gap: u64) -> Limits {
        let room = room(wish);
        Limits {
            gap,
            request: wish.range_size,
            // With what lies between its chunks, and with what the one before it still holds, see `window`.
            stretch: room * 3 / 8,
            keep: room / 8,
        }
    }

    pub(super) fn plan(&self, wish: &Wish, gap: u64) -> Plan<'_, impl Iterator<Item = Place>> {
        Plan::new(
            &self.refs.runs,
            self.refs.places(),
            &self.layouts,
            self.limits(wish, gap),
        )
    }

    /// What is read of each object, with how many requests: what will be done, not an estimate.
    #[must_use]
    pub fn readings(&self, wish: &Wish, gap: u64) -> Vec<Reading> {
        let mut readings: Vec<Option<Reading>> = self.sources.iter().map(|_| None).collect();
        for (number, stored) in self.used() {
            readings[number] = Some(Reading {
                key: stored.key().to_owned(),
                class: stored.class().to_owned(),
                requests: 0,
                bytes: 0,
                size: stored.size(),
            });
        }
        let mut count = |object: usize, from: u64, to: u64| {
            if let Some(Some(reading)) = readings.get_mut(object) {
                reading.requests += 1;
                reading.bytes += to - from;
            }
        };
        if self.crc.is_some() {
            count(0, 0, HEAD as u64);
        }
        for (from, to) in self.tail_ranges(wish.range_size) {
            if !self.ending.has(from, to) {
                count(0, from, to);
            }
        }
        for stretch in self.plan(wish, gap) {
            for request in stretch.order.iter().map(|index| &stretch.requests[*index]) {
                count(request.object as usize, request.from, request.to);
            }
        }
        readings.into_iter().flatten().collect()
    }

    /// The ranges in which what is needed of the tail is read.
    pub(super) fn tail_ranges(&self, most: u64) -> impl Iterator<Item = (u64, u64)> + use<> {
        let (from, mut to) = self.written_tail();
        if self.crc.is_some() {
            // To the last byte, for the proof.
            to = self.ending.stored.size();
        }
        let step = most.next_multiple_of(BLOCK as u64).max(BLOCK as u64);
        let range = move |part: u64| {
            let from = from + part * step;
            (from, (from + step).min(to))
        };
        (0..(to - from).div_ceil(step)).map(range)
    }
}

/// Whether something of each object is needed, by its number.
fn wanted(refs: &Refs) -> Vec<bool> {
    let mut wanted = vec![false; refs.objects().len() + 1];
    for run in &refs.runs {
        if let Some(wanted) = wanted.get_mut(run.object as usize) {
            *wanted = true;
        }
    }
    wanted
}

/// Bytes that may be under way, waiting, or kept.
pub(super) fn room(wish: &Wish) -> u64 {
    let (size, parallel) = (wish.range_size.max(1), wish.parallel.max(1) as u64);
    let useful = size.saturating_mul(2 * parallel + 2);
    wish.memory.min(useful).max(size.saturating_mul(3))
}
