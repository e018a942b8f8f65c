//! Reading objects: many ranges at once, bytes out in order, and proof at the end.
//!
//! Each object is looked at first; every range is then tied to the content that was seen (`If-Match`), so that a
//! stream is never sewn together from two versions. A range that breaks off goes on in the middle of itself.
//! Ranges wait for their turn in a window of bounded size: a slow reader costs no memory. Success is reported
//! only after a checksum of the whole object, as the server holds it, matched what was written. An object that
//! is continued by others is read with all of them, or not at all.

mod span;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use bytes::Bytes;
use futures_util::stream::{self, FuturesUnordered};
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::mpsc;

pub use self::span::Span;
use super::Bucket;
use super::checksum::{Check, Verdict};
use super::failure::{Failure, Kind};
use super::patience::{Progress, watched};
use crate::error::{Error, Result};
use crate::rate::{Grant, Pacer};

/// Objects that are looked at at once.
const LOOKS: usize = 16;

/// What to read, and how.
pub struct Wish {
    /// Keys, without the place's prefix; their bytes follow one another. A single one stands for all the objects
    /// that continue it.
    pub keys: Vec<String>,
    /// Only these bytes of the whole.
    pub span: Option<Span>,
    /// Bytes of one ranged request.
    pub range_size: u64,
    /// Requests under way at once.
    pub parallel: usize,
    /// Bytes that the window may hold.
    pub memory: u64,
    /// How fast to read.
    pub pacer: Arc<Pacer>,
}

impl Wish {
    /// The bytes `first..end` that are to be read.
    pub(super) fn bytes_of(&self, looked: &Looked) -> Result<(u64, u64)> {
        match &self.span {
            None => Ok((0, looked.size)),
            Some(span) => span.within(looked.size),
        }
    }
}

/// What was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fetched {
    /// Bytes.
    pub size: u64,
    /// False where a server holds no checksum that could be compared, or only a part was read.
    pub proven: bool,
}

/// Bytes that came at once.
pub type Frame = Bytes;

/// Whether the first of the bytes, in frames, are none that are wanted.
pub type Decline<'a> = &'a dyn Fn(&[Frame]) -> bool;

/// Takes the bytes, in order.
pub type Sink<'a> = &'a mut (dyn FnMut(&[u8]) -> Result<()> + Send);

/// An object that was looked at.
pub(super) struct Seen {
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) etag: Option<String>,
    pub(super) head: HeadObjectOutput,
}

/// Objects that were looked at: those that make up a dump.
pub struct Looked {
    pub(super) objects: Vec<Seen>,
    size: u64,
}

impl Looked {
    /// The metadata of the first one.
    #[must_use]
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let head = self
            .objects
            .first()
            .and_then(|object| object.head.metadata());
        head.cloned().unwrap_or_default().into_iter().collect()
    }

    /// Bytes, in all of them.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// How far a reading got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flow {
    /// It goes on.
    Goes,
    /// Nobody takes the bytes any more.
    Ended,
    /// The first of them aren't wanted.
    Declined,
}

/// What ties a range to the content that was seen.
#[derive(Clone, Copy)]
pub(super) struct Pin<'a> {
    pub(super) key: &'a str,
    pub(super) size: u64,
    pub(super) etag: Option<&'a str>,
}

impl Seen {
    fn pin(&self) -> Pin<'_> {
        Pin {
            key: &self.key,
            size: self.size,
            etag: self.etag.as_deref(),
        }
    }
}

/// What goes from the window to the writer.
enum Delivery {
    /// An object begins, and this is how to check it.
    Begin(String, Option<Box<Check>>),
    Bytes(Vec<Bytes>),
    End,
}

impl Bucket {
    /// Reads the objects and hands their bytes to `sink`; `progress` is told of the total, and then of every
    /// piece that went out.
    ///
    /// # Errors
    /// If one is missing or can't be read, changed meanwhile, or did not match its checksum; some bytes may
    /// have been handed out by then.
    pub fn get(
        &self,
        wish: &Wish,
        sink: Sink<'_>,
        progress: &(dyn Fn(Told) + Sync),
    ) -> Result<Fetched> {
        self.get_seen(&self.look_at(&wish.keys)?, wish, sink, progress)
    }

    /// Looks at the objects with these keys; a single one stands for all the objects that continue it.
    ///
    /// # Errors
    /// If one is missing, or the server can't be asked.
    pub fn look_at(&self, keys: &[String]) -> Result<Looked> {
        let objects = self.runtime.block_on(self.looks(keys))?;
        let size = objects
            .iter()
            .try_fold(0u64, |sum, object| sum.checked_add(object.size));
        let size = size.ok_or_else(|| {
            let first = keys.first().map_or("", String::as_str);
            Error::permanent(
                format!("read {first}"),
                "the server tells sizes that can't be",
            )
        })?;
        Ok(Looked { objects, size })
    }

    /// As [`Bucket::get`], of objects that were looked at.
    ///
    /// # Errors
    /// The same.
    pub fn get_seen(
        &self,
        looked: &Looked,
        wish: &Wish,
        sink: Sink<'_>,
        progress: &(dyn Fn(Told) + Sync),
    ) -> Result<Fetched> {
        let fetched = self.get_unless(looked, wish, &|_| false, sink, progress)?;
        fetched.ok_or_else(|| Error::permanent("read the dump", "nothing came"))
    }

    /// The same, unless the first range is `declined`: then nothing is handed out, and `None` comes back.
    ///
    /// # Errors
    /// The same.
    pub fn get_unless(
        &self,
        looked: &Looked,
        wish: &Wish,
        declined: Decline<'_>,
        sink: Sink<'_>,
        progress: &(dyn Fn(Told) + Sync),
    ) -> Result<Option<Fetched>> {
        let (sender, receiver) = mpsc::channel(1);
        std::thread::scope(|scope| {
            let writer = scope.spawn(move || write(receiver, sink, progress));
            let read = self.read(looked, wish, declined, sender, progress);
            let read = self.runtime.block_on(read);
            let written = writer
                .join()
                .unwrap_or_else(|_| Err(Error::permanent("write the bytes", "the writer stopped")));
            // When the writer stops, reading fails too; the writer's reason is the one to tell.
            let (size, proven) = written?;
            if read? == Flow::Declined {
                return Ok(None);
            }
            Ok(Some(Fetched {
                size,
                proven: proven && wish.span.is_none(),
            }))
        })
    }

    async fn read(
        &self,
        looked: &Looked,
        wish: &Wish,
        declined: Decline<'_>,
        out: mpsc::Sender<Delivery>,
        progress: &(dyn Fn(Told) + Sync),
    ) -> Result<Flow> {
        let (first, end) = wish.bytes_of(looked)?;
        progress(Told::Total(end - first));
        let mut base = 0;
        for (number, object) in looked.objects.iter().enumerate() {
            let (from, to) = (
                first.clamp(base, base + object.size) - base,
                end.clamp(base, base + object.size) - base,
            );
            base += object.size;
            if wish.span.is_some() && from == to {
                continue;
            }
            let check = if wish.span.is_none() {
                Check::of(&object.head).map(Box::new)
            } else {
                None
            };
            if out
                .send(Delivery::Begin(object.key.clone(), check))
                .await
                .is_err()
            {
                return Ok(Flow::Ended);
            }
            let declined = (number == 0).then_some(declined);
            let flow = self
                .deliver(wish, object, (from, to), declined, &out)
                .await?;
            if flow != Flow::Goes {
                return Ok(flow);
            }
            if out.send(Delivery::End).await.is_err() {
                return Ok(Flow::Ended);
            }
        }
        Ok(Flow::Goes)
    }

    /// Sends the bytes `from..to` of one object.
    async fn deliver(
        &self,
        wish: &Wish,
        object: &Seen,
        (from, to): (u64, u64),
        declined: Option<Decline<'_>>,
        out: &mpsc::Sender<Delivery>,
    ) -> Result<Flow> {
        let size = wish.range_size.max(1);
        // Besides the window one range is being written and one waits for the writer.
        let window = usize::try_from(wish.memory / size)
            .unwrap_or(usize::MAX)
            .saturating_sub(2)
            .max(1);
        let parallel = wish.parallel.max(1);
        let mut starts = (0..(to - from).div_ceil(size))
            .map(|index| from + index * size)
            .enumerate();
        let mut under_way = FuturesUnordered::new();
        // Ranges that came before one that had to be asked for again, and those whose turn it is.
        let mut early: BTreeMap<usize, Vec<Bytes>> = BTreeMap::new();
        let mut ready: VecDeque<Vec<Bytes>> = VecDeque::new();
        let mut expected = 0;
        loop {
            // A slow reader holds few of them; one range that is late may hold as many as memory takes.
            while under_way.len() < parallel
                && ready.len() <= parallel
                && under_way.len() + early.len() + ready.len() < window
            {
                let Some((number, start)) = starts.next() else {
                    break;
                };
                let end = (start + size).min(to);
                under_way.push(async move {
                    (number, self.range(&wish.pacer, object, start, end).await)
                });
            }
            // What is under way goes on while the writer is busy; otherwise a slow reader would look like a dead server.
            tokio::select! {
                Some((number, frames)) = under_way.next() => {
                    let frames = frames?;
                    if number == 0
                        && declined.is_some_and(|declined| declined(&frames))
                    {
                        return Ok(Flow::Declined);
                    }
                    early.insert(number, frames);
                    while let Some(frames) = early.remove(&expected) {
                        ready.push_back(frames);
                        expected += 1;
                    }
                }
                permit = out.reserve(), if !ready.is_empty() => match (permit, ready.pop_front()) {
                    (Ok(permit), Some(frames)) => permit.send(Delivery::Bytes(frames)),
                    _ => return Ok(Flow::Ended),
                },
                else => return Ok(Flow::Goes),
            }
        }
    }

    /// The bytes `from..to` of an object, all of them.
    pub(super) async fn range(
        &self,
        pacer: &Pacer,
        object: &Seen,
        from: u64,
        to: u64,
    ) -> Result<Vec<Bytes>> {
        let read = self.pinned(pacer, object.pin(), from, to).await;
        read.map_err(|failure| unread(&object.key, &failure))
    }

    /// The same, of an object that need not have been looked at.
    pub(super) async fn pinned(
        &self,
        pacer: &Pacer,
        object: Pin<'_>,
        from: u64,
        to: u64,
    ) -> Result<Vec<Bytes>, Failure> {
        let frames = RefCell::new(Vec::new());
        let at = Cell::new(from);
        let what = format!("read {}", object.key);
        let read = self.patience.persist(&what, || async {
            let progress = Progress::new();
            watched(&progress, self.patience.stall, async {
                let request = self
                    .client
                    .get_object()
                    .bucket(&self.name)
                    .key(self.full(object.key))
                    .range(format!("bytes={}-{}", at.get(), to - 1))
                    .set_if_match(object.etag.map(str::to_owned));
                let answer = request.send().await.map_err(|error| Failure::of(&error))?;
                if object.etag.is_some() && answer.e_tag() != object.etag {
                    // An error in the place of the bytes, or somebody's page.
                    return Err(Failure::passing("the answer is not the object"));
                }
                let promised = format!("bytes {}-{}/", at.get(), to - 1);
                let whole = at.get() == 0 && to == object.size;
                if !answer
                    .content_range()
                    .map_or(whole, |range| range.starts_with(&promised))
                {
                    return Err(Failure::answered(
                        200,
                        None,
                        Some("the server sends other bytes than it was asked for"),
                    ));
                }
                let mut body = answer.body;
                progress.touch();
                while at.get() < to {
                    let Some(frame) = body.next().await else {
                        return Err(Failure::passing("the answer was too short"));
                    };
                    let frame = frame.map_err(|error| {
                        Failure::passing(format!("the answer broke off: {error}"))
                    })?;
                    let left = usize::try_from(to - at.get()).unwrap_or(usize::MAX);
                    if frame.len() > left {
                        return Err(Failure::passing("the answer was too long"));
                    }
                    pace(pacer, frame.len(), &progress).await;
                    progress.touch();
                    at.set(at.get() + frame.len() as u64);
                    frames.borrow_mut().push(frame);
                }
                Ok(())
            })
            .await
        });
        read.await.map(|()| frames.into_inner())
    }

    /// What the objects with these keys are; after a single one those that continue it.
    pub(super) async fn looks(&self, keys: &[String]) -> Result<Vec<Seen>> {
        let mut objects: Vec<Seen> = stream::iter(keys)
            .map(|key| self.look(key))
            .buffered(LOOKS)
            .try_collect()
            .await?;
        if let [only] = objects.as_slice() {
            for (key, head) in self.continuations(&only.key, &only.head).await? {
                objects.push(self.seen(&key, head)?);
            }
        }
        Ok(objects)
    }

    pub(super) async fn look(&self, key: &str) -> Result<Seen> {
        let head = self.head(key).await.map_err(|failure| match failure.kind {
            Kind::Missing => Error::permanent(
                format!("read {key}"),
                format!("it is not in {}", self.place),
            ),
            _ => failure.error(format!("read {key}")),
        })?;
        self.seen(key, head)
    }

    pub(super) fn seen(&self, key: &str, head: HeadObjectOutput) -> Result<Seen> {
        let size = head
            .content_length()
            .and_then(|size| u64::try_from(size).ok());
        let size = size.ok_or_else(|| {
            Error::permanent(
                format!("read {key}"),
                "the server does not say how long it is",
            )
        })?;
        Ok(Seen {
            key: key.to_owned(),
            size,
            etag: head.e_tag().map(str::to_owned),
            head,
        })
    }
}

/// Why an object could not be read.
pub(super) fn unread(key: &str, failure: &Failure) -> Error {
    let what = format!("read {key}");
    match failure.kind {
        Kind::Condition => {
            Error::permanent(what, "it was replaced while it was being read").hint("start again")
        }
        _ => failure.error(what),
    }
}

/// What a reader is told of.
#[derive(Clone, Copy, Debug)]
pub enum Told {
    /// Bytes to come.
    Total(u64),
    /// Bytes that went out.
    Out(u64),
}

/// Waits until `bytes` may pass.
pub(super) async fn pace(pacer: &Pacer, mut bytes: usize, progress: &Progress) {
    while bytes > 0 {
        match pacer.take(bytes) {
            Grant::Go(granted) => bytes -= granted,
            Grant::Wait(time) => {
                progress.touch();
                tokio::time::sleep(time).await;
            }
        }
    }
}

/// Writes what arrives, and checks it; returns the number of bytes and whether all of them were proven.
fn write(
    mut deliveries: mpsc::Receiver<Delivery>,
    sink: Sink<'_>,
    progress: &(dyn Fn(Told) + Sync),
) -> Result<(u64, bool)> {
    let (mut size, mut proven) = (0, true);
    let mut current: Option<(String, Option<Box<Check>>)> = None;
    while let Some(delivery) = deliveries.blocking_recv() {
        match delivery {
            Delivery::Begin(key, check) => current = Some((key, check)),
            Delivery::Bytes(frames) => {
                for frame in frames {
                    if let Some((_, Some(check))) = &mut current {
                        check.update(&frame);
                    }
                    sink(&frame)?;
                    size += frame.len() as u64;
                    progress(Told::Out(frame.len() as u64));
                }
            }
            Delivery::End => {
                let (key, check) = current.take().unwrap_or_default();
                match check.map_or(Verdict::Unknown, |check| check.verdict()) {
                    Verdict::Proven => {}
                    Verdict::Unknown => proven = false,
                    Verdict::Damaged => {
                        return Err(Error::permanent(
                            format!("read {key}"),
                            "it does not match its checksum",
                        )
                        .hint("don't use what came out"));
                    }
                }
            }
        }
    }
    Ok((size, proven))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::rate::Rate;

    #[test]
    fn frames_wait_for_the_pacer() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime.unwrap().block_on(async {
            let (limited, unlimited) = (
                Pacer::new(Rate::per_second(1024)),
                Pacer::new(Rate::UNLIMITED),
            );
            let progress = Progress::new();
            // A pacer begins without anything to give away.
            assert!(pace(&limited, 1 << 20, &progress).now_or_never().is_none());
            assert!(
                pace(&unlimited, 1 << 20, &progress)
                    .now_or_never()
                    .is_some()
            );
        });
    }
}
