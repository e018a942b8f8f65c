//! The tail of a stored chunk stream: what is needed to know which chunks it has and which it needs.
//!
//! One request for the last bytes mostly brings all of it. Where the object can't be read at once, the copy of its
//! tail is read, `KEY.tail`. What isn't a chunk stream has no tail, and that isn't an error (of what is archived and has no such copy, the
//! metadata tell whether it is one); one that begins to look
//! like a tail and then doesn't fit the object or itself is.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::Stored;
use crate::bucket::Bucket;
use crate::bucket::continued::{self, CHUNKS, CONTINUES, says};
use crate::bucket::failure::{Failure, Kind};
pub(super) use crate::bucket::get::unread;
use crate::chunks::{BLOCK, End, HEAD, Id, Member, Name, Refs, Span, Toc, padding};
use crate::error::{Error, Result};
use crate::listing::Catalogue;
use crate::names;
use crate::rate::{Pacer, Timetable};

/// What is read of an object before anything of it is known.
const LAST: u64 = 64 << 10;
/// The longest refs and toc: enough for some ten million chunks and more.
pub(super) const LONGEST: u64 = 256 << 20;
/// Streams that are asked for their tails at once.
const AT_ONCE: usize = 16;

/// A stored chunk stream, as its tail tells of it.
#[derive(Clone, Debug)]
pub struct Tail {
    ending: Ending,
    refs: Refs,
    toc: Option<Toc>,
}

impl Tail {
    /// The id of the stream.
    #[must_use]
    pub fn id(&self) -> Id {
        self.ending.end.id
    }

    /// The key of the dump.
    #[must_use]
    pub fn key(&self) -> &str {
        self.ending.stored.key()
    }

    /// Bytes stored: all of the dump, whatever its tail was read from.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.ending.stored.size()
    }

    /// Where index, files, refs and toc are, and how many chunks there are.
    #[must_use]
    pub fn end(&self) -> &End {
        &self.ending.end
    }

    /// What it needs.
    #[must_use]
    pub fn refs(&self) -> &Refs {
        &self.refs
    }

    /// The stored sizes of its chunks, where they came along; see [`Bucket::tocs`].
    #[must_use]
    pub fn toc(&self) -> Option<&Toc> {
        self.toc.as_ref()
    }

    /// True where all this was read from the copy of the tail, because the dump itself can't be read at once.
    #[must_use]
    pub fn is_copy(&self) -> bool {
        self.ending.source.key() != self.ending.stored.key()
    }
}

/// The end of a chunk stream, and from where the rest of the tail can be read.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    /// The dump.
    pub(super) stored: Stored,
    pub(super) end: End,
    /// What the tail is read from: the dump, or the copy of its tail.
    source: Arc<Stored>,
    /// What an offset in the dump exceeds that in the source by.
    shift: u64,
    /// What was read already, and at which offset in the dump it begins.
    window: Window,
}

#[derive(Clone, Debug, Default)]
struct Window {
    from: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn of(from: u64, frames: &[Bytes]) -> Self {
        Self {
            from,
            bytes: frames.concat(),
        }
    }

    /// The bytes `from..to`, if they are in it.
    fn get(&self, from: u64, to: u64) -> Option<&[u8]> {
        let from = usize::try_from(from.checked_sub(self.from)?).ok()?;
        let to = usize::try_from(to.checked_sub(self.from)?).ok()?;
        self.bytes.get(from..to)
    }
}

impl Bucket {
    /// The tail of the dump with exactly this key, which is looked at first; `None` where it is no chunk stream.
    ///
    /// # Errors
    /// If it can't be read, or is damaged.
    pub fn tail(&self, key: &str) -> Result<Option<Tail>> {
        self.runtime.block_on(self.tail_at(key))
    }

    /// The tails of dumps that a listing has shown, some at a time, in their order; `None` for those that are no
    /// chunk streams. One that can't be read doesn't keep the others from being read.
    #[must_use]
    pub fn tails(&self, stored: &[Stored]) -> Vec<Result<Option<Tail>>> {
        let read = stream::iter(stored)
            .map(|stored| self.tail_of(stored))
            .buffered(AT_ONCE);
        self.runtime.block_on(read.collect())
    }

    /// The tails of those objects of a catalogue of the whole place that are no dumps and of whose keys `asks` says so,
    /// as [`Bucket::tails`]. Such an object may be continued, too: by itself it doesn't look like a chunk stream then.
    pub fn tails_of_others<'a>(
        &self,
        catalogue: &'a Catalogue,
        asks: &dyn Fn(&str) -> bool,
    ) -> Vec<(&'a str, Result<Option<Tail>>)> {
        let others = &catalogue.others;
        let keys: BTreeSet<&str> = others.iter().map(|entry| entry.key.as_str()).collect();
        let is_continued = |key: &str| keys.contains(continued::key(key, 1).as_str());
        let read = stream::iter(others.iter().filter(|entry| asks(&entry.key)))
            .map(|entry| async move {
                let key = entry.key.as_str();
                let tail = match is_continued(key) {
                    true => self.tail_at(key).await,
                    false => self.tail_of(&Stored::single(entry)).await,
                };
                (key, tail)
            })
            .buffered(AT_ONCE);
        self.runtime.block_on(read.collect())
    }

    /// The stored sizes of the chunks of each, read where they didn't come along.
    #[must_use]
    pub fn tocs(&self, tails: &[&Tail]) -> Vec<Result<Toc>> {
        let pacer = Pacer::new(Timetable::default());
        let read = stream::iter(tails)
            .map(|tail| {
                let pacer = &pacer;
                async move {
                    match &tail.toc {
                        Some(toc) => Ok(toc.clone()),
                        None => self.toc(pacer, &tail.ending).await,
                    }
                }
            })
            .buffered(AT_ONCE);
        self.runtime.block_on(read.collect())
    }

    async fn tail_at(&self, key: &str) -> Result<Option<Tail>> {
        let stored = Stored::seen(&self.looks(&[key.to_owned()]).await?)?;
        self.tail_of(&stored).await
    }

    async fn tail_of(&self, stored: &Stored) -> Result<Option<Tail>> {
        let pacer = Pacer::new(Timetable::default());
        let Some(mut ending) = self.ending(&pacer, stored.clone()).await? else {
            return Ok(None);
        };
        let refs = self.refs(&pacer, &ending).await?;
        let toc = ending.span_in_window(ending.end.toc).is_some();
        let toc = match toc {
            true => Some(self.toc(&pacer, &ending).await?),
            false => None,
        };
        // There may be thousands of them.
        ending.window = Window::default();
        Ok(Some(Tail { ending, refs, toc }))
    }

    /// How a stored stream ends; `None` if it is no chunk stream.
    pub(super) async fn ending(&self, pacer: &Pacer, stored: Stored) -> Result<Option<Ending>> {
        if !may_be_chunks(stored.size()) {
            return Ok(None);
        }
        // What is archived can be read after all if it was brought back lately.
        let mut refusal = None;
        if !stored.is_archived() {
            match self.ending_in(pacer, &stored).await {
                Ok(None) => return Ok(None),
                Ok(Some(found)) => return found.of_itself(stored),
                Err(failure) if failure.kind == Kind::Archived => refusal = Some(failure),
                Err(failure) => return Err(unread(stored.key(), &failure)),
            }
        }
        if let Some(copy) = self.copy_of_tail(&stored).await? {
            return match self.ending_in(pacer, &copy).await {
                Ok(Some(found)) => match found.of_copy(copy, stored.clone()) {
                    Ok(ending) => Ok(Some(ending)),
                    // A dump that is brought back may be read by itself where its tail was left behind.
                    Err(misfit) => match self.ending_in(pacer, &stored).await {
                        Ok(Some(found)) => found.of_itself(stored),
                        Err(failure) if failure.kind == Kind::Archived => Err(Error::temporary(
                            format!("read {}", names::tail(stored.key())),
                            misfit.cause(),
                        )
                        .hint(
                            "its dump is read instead when 's3get --thaw' has brought that back",
                        )),
                        _ => Err(misfit),
                    },
                },
                Ok(None) => Err(broken(copy.key(), "it is no tail of a chunk stream")),
                Err(failure) => Err(unread(copy.key(), &failure)),
            };
        }
        let failure = match refusal {
            Some(failure) => failure,
            None => match self.ending_in(pacer, &stored).await {
                Ok(None) => return Ok(None),
                Ok(Some(found)) => return found.of_itself(stored),
                Err(failure) => failure,
            },
        };
        // What can't be read can still be looked at, and a chunk stream of ours says that it is one.
        let looked = match failure.kind {
            Kind::Archived => self.head(stored.key()).await.ok(),
            _ => None,
        };
        match looked {
            Some(head) if says(&head, CHUNKS).is_none() => Ok(None),
            // It is read only with what it continues.
            Some(head) if says(&head, CONTINUES).is_some() => Ok(None),
            _ => Err(unread(stored.key(), &failure)),
        }
    }

    /// The copy of the tail of a dump, if there is one.
    async fn copy_of_tail(&self, stored: &Stored) -> Result<Option<Stored>> {
        let key = names::tail(stored.key());
        match self.head(&key).await {
            Ok(head) => Stored::seen(&[self.seen(&key, head)?]).map(Some),
            Err(failure) if failure.kind == Kind::Missing => Ok(None),
            Err(failure) => Err(unread(&key, &failure)),
        }
    }

    /// Reads the last bytes. `None` if no chunk stream ends so.
    async fn ending_in(&self, pacer: &Pacer, stored: &Stored) -> Result<Option<Found>, Failure> {
        if !may_be_chunks(stored.size()) {
            return Ok(None);
        }
        let from = stored.size().saturating_sub(LAST);
        let window = self.bytes(pacer, stored, from, stored.size()).await?;
        let window = Window::of(from, &window);
        Ok(end_in(&window, stored.size()).map(|end| Found { end, window }))
    }

    /// Reads the refs.
    pub(super) async fn refs(&self, pacer: &Pacer, ending: &Ending) -> Result<Refs> {
        let bytes = self.text(pacer, ending, Name::Refs).await?;
        let refs = Refs::read(bytes.as_slice()).map_err(|flaw| ending.about(&flaw))?;
        // What was brought here lies behind everything else.
        let fits = refs.id == ending.end.id && refs.held() <= ending.end.chunks;
        if fits {
            Ok(refs)
        } else {
            Err(broken(
                ending.stored.key(),
                "its refs are those of another stream",
            ))
        }
    }

    /// Reads the toc.
    pub(super) async fn toc(&self, pacer: &Pacer, ending: &Ending) -> Result<Toc> {
        let bytes = self.text(pacer, ending, Name::Toc).await?;
        let toc = Toc::read(bytes.as_slice()).map_err(|flaw| ending.about(&flaw))?;
        if toc.sizes.len() as u64 == ending.end.chunks && toc.offsets().last() == begin(&ending.end)
        {
            Ok(toc)
        } else {
            Err(broken(
                ending.stored.key(),
                "its toc does not fit its length",
            ))
        }
    }

    /// The content of a member of the tail that is never sealed.
    async fn text(&self, pacer: &Pacer, ending: &Ending, name: Name) -> Result<Vec<u8>> {
        let span = match name {
            Name::Toc => ending.end.toc,
            _ => ending.end.refs,
        };
        if span.size > LONGEST {
            return Err(broken(
                ending.stored.key(),
                &format!("its {name} is longer than can be"),
            ));
        }
        let bytes = match ending.span_in_window(span) {
            Some(bytes) => bytes.to_vec(),
            None => {
                let (from, to) = (span.offset - BLOCK as u64, span.offset + span.size);
                ending.read(self, pacer, from, to).await?.concat()
            }
        };
        let (header, content) = bytes.split_at(BLOCK.min(bytes.len()));
        if header == Member::plain(name, span.size).header() {
            Ok(content.to_vec())
        } else {
            Err(broken(
                ending.stored.key(),
                &format!("there is no {name} where its end says"),
            ))
        }
    }
}

impl Ending {
    /// The bytes `from..to` of the dump, which must be of its tail.
    pub(super) async fn read(
        &self,
        bucket: &Bucket,
        pacer: &Pacer,
        from: u64,
        to: u64,
    ) -> Result<Vec<Bytes>> {
        if let Some(bytes) = self.window.get(from, to) {
            return Ok(vec![Bytes::copy_from_slice(bytes)]);
        }
        let (first, last) = (from - self.shift, to - self.shift);
        let read = bucket.bytes(pacer, &self.source, first, last).await;
        read.map_err(|failure| unread(self.source.key(), &failure))
    }

    /// True where the bytes `from..to` were read already.
    pub(super) fn has(&self, from: u64, to: u64) -> bool {
        self.window.get(from, to).is_some()
    }

    /// A member of the tail with its header, if it was read already.
    fn span_in_window(&self, span: Span) -> Option<&[u8]> {
        self.window
            .get(span.offset - BLOCK as u64, span.offset + span.size)
    }

    fn about(&self, flaw: &Error) -> Error {
        broken(self.source.key(), flaw.cause())
    }
}

/// An end, in a window of the object that it was found in.
struct Found {
    end: Result<End>,
    window: Window,
}

impl Found {
    /// It is that of the object that it was found in.
    /// `None` where what was read is itself a copy of a tail.
    fn of_itself(self, stored: Stored) -> Result<Option<Ending>> {
        if let Ok(end) = &self.end
            && let Some(shift) = begin(end).and_then(|begin| begin.checked_sub(HEAD as u64))
            && shift > 0
            && let Some(size) = stored.size().checked_add(shift)
            && is_laid_out(end, size)
        {
            return Ok(None);
        }
        self.fitting(Arc::new(stored.clone()), 0, stored).map(Some)
    }

    /// It was found in the copy of the dump's tail.
    fn of_copy(mut self, copy: Stored, stored: Stored) -> Result<Ending> {
        let shift = match &self.end {
            Ok(end) => begin(end).and_then(|begin| begin.checked_sub(HEAD as u64)),
            Err(_) => Some(0),
        };
        let moved = shift.and_then(|shift| Some((shift, self.window.from.checked_add(shift)?)));
        let (shift, from) = moved.ok_or_else(|| misplaced(copy.key()))?;
        self.window.from = from;
        self.fitting(Arc::new(copy), shift, stored)
    }

    fn fitting(self, source: Arc<Stored>, shift: u64, stored: Stored) -> Result<Ending> {
        let end = self
            .end
            .map_err(|flaw| broken(source.key(), flaw.cause()))?;
        if source.size().checked_add(shift) != Some(stored.size())
            || !is_laid_out(&end, stored.size())
        {
            return Err(misplaced(source.key()));
        }
        Ok(Ending {
            stored,
            end,
            source,
            shift,
            window: self.window,
        })
    }
}

/// Where the first header behind the chunks begins.
pub(super) fn begin(end: &End) -> Option<u64> {
    end.index.offset.checked_sub(BLOCK as u64)
}

fn misplaced(key: &str) -> Error {
    broken(key, "its end does not fit its length")
}

/// What is wrong with the chunk stream in an object.
pub(super) fn broken(key: &str, why: &str) -> Error {
    Error::permanent(format!("read {key}"), why)
}

/// Whether a stream of this length may be a chunk stream with an end.
pub(super) fn may_be_chunks(size: u64) -> bool {
    size.is_multiple_of(BLOCK as u64) && size >= HEAD as u64 + End::FROM_END
}

/// The end that the last bytes of a stream of `size` bytes hold, if they are those of a chunk stream.
fn end_in(window: &Window, size: u64) -> Option<Result<End>> {
    let from = size - End::FROM_END;
    let last = window.get(from, size)?;
    let (header, rest) = last.split_at(BLOCK);
    let (content, zeros) = rest.split_at(End::SIZE);
    let fits = header == Member::plain(Name::End, End::SIZE as u64).header()
        && zeros.iter().all(|byte| *byte == 0);
    fits.then(|| End::parse(content))
}

/// Whether index, files, refs and toc follow each other without gaps, up to the end, behind as many chunks as there
/// are said to be.
fn is_laid_out(end: &End, size: u64) -> bool {
    let block = BLOCK as u64;
    let least = end
        .chunks
        .checked_mul(block)
        .and_then(|chunks| chunks.checked_add(HEAD as u64 + block));
    if least.is_none_or(|least| end.index.offset < least) {
        return false;
    }
    let mut at = end.index.offset - block;
    let spans = [
        Some(end.index),
        (end.files != Span::default()).then_some(end.files),
    ];
    let spans = spans.into_iter().flatten().chain([end.refs, end.toc]);
    for span in spans {
        let next = span
            .offset
            .checked_add(span.size)
            .and_then(|next| next.checked_add(padding_of(span.size)?));
        match next {
            Some(next) if at.checked_add(block) == Some(span.offset) => at = next,
            _ => return false,
        }
    }
    at.is_multiple_of(block) && at.checked_add(End::FROM_END) == Some(size)
}

fn padding_of(size: u64) -> Option<u64> {
    size.checked_next_multiple_of(BLOCK as u64)
        .map(|_| padding(size))
}
