//! A stream as it lies in a bucket: one object, or several of which each continues the one before. Offsets count
//! through all of them.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use bytes::Bytes;

use crate::bucket::Bucket;
use crate::bucket::failure::Failure;
use crate::bucket::get::{Pin, Seen};
use crate::bucket::thaw::Frozen;
use crate::error::{Error, Result};
use crate::listing::{Dump, Entry, is_cold};
use crate::names::Piece;
use crate::rate::Pacer;

/// What a stream is stored in, and how long that is.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Never empty.
    objects: Vec<Object>,
    size: u64,
}

/// One of the objects.
#[derive(Clone, Debug)]
struct Object {
    key: String,
    size: u64,
    /// With its quotation marks.
    etag: Option<String>,
    class: String,
    /// In a class from which it must be brought back before it can be read.
    is_archived: bool,
    /// It is being brought back.
    is_coming: bool,
}

impl Stored {
    /// A dump of a listing; `None` where it is in pieces of an older program, which hold no chunk streams.
    ///
    /// # Errors
    /// If something is missing of it.
    pub fn of(dump: &Dump) -> Result<Option<Self>> {
        let newer = |(piece, _): &(Piece, Entry)| matches!(piece, Piece::Whole | Piece::Next(_));
        if !dump.pieces.iter().all(newer) {
            return Ok(None);
        }
        if let Some(flaw) = dump.flaw() {
            return Err(Error::permanent(format!("read {}", dump.key()), flaw));
        }
        Self::new(dump.pieces.iter().map(|(_, entry)| entry.into())).map(Some)
    }

    /// An object of a listing that isn't continued.
    #[must_use]
    pub fn single(entry: &Entry) -> Self {
        Self {
            objects: vec![entry.into()],
            size: entry.size,
        }
    }

    /// Objects that were looked at.
    pub(super) fn seen(objects: &[Seen]) -> Result<Self> {
        Self::new(objects.iter().map(|seen| {
            Object {
                key: seen.key.clone(),
                size: seen.size,
                etag: seen.etag.clone(),
                class: seen
                    .head
                    .storage_class()
                    .map_or("STANDARD", |class| class.as_str())
                    .to_owned(),
                is_archived: is_archived(&seen.head),
                is_coming: seen
                    .head
                    .restore()
                    .is_some_and(|restore| restore.contains("ongoing-request=\"true\"")),
            }
        }))
    }

    fn new(objects: impl Iterator<Item = Object>) -> Result<Self> {
        let objects: Vec<Object> = objects.collect();
        let size = objects
            .iter()
            .try_fold(0u64, |sum, object| sum.checked_add(object.size));
        let key = objects.first().map_or("", |object| object.key.as_str());
        match size {
            Some(size) if !objects.is_empty() => Ok(Self { objects, size }),
            _ => Err(Error::permanent(
                format!("read {key}"),
                "the server tells sizes that can't be",
            )),
        }
    }

    /// The key of its first object, by which it is known.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.objects[0].key
    }

    /// Bytes, in all objects together.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The storage class of its first object.
    #[must_use]
    pub fn class(&self) -> &str {
        &self.objects[0].class
    }

    /// True where something of it must be brought back from an archive before it can be read.
    pub(super) fn is_archived(&self) -> bool {
        self.objects.iter().any(|object| object.is_archived)
    }

    /// What of it must be brought back.
    pub(super) fn frozen(&self) -> impl Iterator<Item = Frozen> {
        let archived = self.objects.iter().filter(|object| object.is_archived);
        archived.map(|object| Frozen {
            key: object.key.clone(),
            size: object.size,
            class: object.class.clone(),
            is_coming: object.is_coming,
        })
    }

    /// The bytes `from..to`, as ranges of its objects.
    pub(super) fn ranges(&self, from: u64, to: u64) -> impl Iterator<Item = (Pin<'_>, u64, u64)> {
        let mut base = 0;
        self.objects.iter().filter_map(move |object| {
            let begin = from.clamp(base, base + object.size) - base;
            let end = to.clamp(base, base + object.size) - base;
            base += object.size;
            let pin = Pin {
                key: &object.key,
                size: object.size,
                etag: object.etag.as_deref(),
            };
            (begin < end).then_some((pin, begin, end))
        })
    }
}

impl From<&Entry> for Object {
    fn from(entry: &Entry) -> Self {
        Self {
            key: entry.key.clone(),
            size: entry.size,
            etag: (!entry.etag.is_empty()).then(|| format!("\"{}\"", entry.etag)),
            class: entry.class.clone(),
            is_archived: is_cold(&entry.class),
            is_coming: false,
        }
    }
}

/// True of an object that can't be read before it is brought back.
fn is_archived(head: &HeadObjectOutput) -> bool {
    let cold = head
        .storage_class()
        .is_some_and(|class| is_cold(class.as_str()))
        || head.archive_status().is_some();
    let is_back = |restore: &str| restore.contains("ongoing-request=\"false\"");
    cold && !head.restore().is_some_and(is_back)
}

impl Bucket {
    /// The bytes `from..to` of a stream.
    pub(super) async fn bytes(
        &self,
        pacer: &Pacer,
        stored: &Stored,
        from: u64,
        to: u64,
    ) -> Result<Vec<Bytes>, Failure> {
        let mut frames = Vec::new();
        for (pin, from, to) in stored.ranges(from, to) {
            frames.extend(self.pinned(pacer, pin, from, to).await?);
        }
        Ok(frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str, size: u64) -> Object {
        Object {
            key: key.to_owned(),
            size,
            etag: None,
            class: "STANDARD".to_owned(),
            is_archived: false,
            is_coming: false,
        }
    }

    #[test]
    fn ranges_go_through_all_objects() {
        let sizes = [("a", 10), ("a:1", 0), ("a:2", 10), ("a:3", 5)];
        let stored = Stored::new(sizes.into_iter().map(|(key, size)| object(key, size))).unwrap();
        assert_eq!((stored.key(), stored.size()), ("a", 25));
        let ranges = |from, to| {
            let ranges = stored.ranges(from, to);
            ranges
                .map(|(pin, from, to)| format!("{} {from}-{to}", pin.key))
                .collect::<Vec<_>>()
                .join(", ")
        };
        assert_eq!(ranges(0, 25), "a 0-10, a:2 0-10, a:3 0-5");
        assert_eq!(ranges(10, 20), "a:2 0-10");
        assert_eq!(ranges(9, 21), "a 9-10, a:2 0-10, a:3 0-1");
        assert_eq!(ranges(7, 7), "");
    }

    #[test]
    fn sizes_that_cant_be_are_refused() {
        let objects = [object("a", u64::MAX), object("a:1", 1)];
        assert!(Stored::new(objects.into_iter()).is_err());
    }
}
