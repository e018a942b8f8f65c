//! A dump that refers to others takes their chunks in: the object is replaced by one that needs no other.
//!
//! What the object holds already is copied by the server, as far as parts allow and the checksum of the old object proves
//! it; the rest passes through here: the chunks of other objects, each under a new name, and the end of the archive. Of
//! each range that is read of another object the server says what it comes to. The new object
//! becomes visible by one request, which replaces the object that was seen and no other. Until then the dump is
//! what it was, whatever fails. Why nobody misses what it doesn't need any more is for the caller to know (`doc/grace.md`).
//!
//! Refused: what is in several objects, or can't be read at once; and what is longer than the memory that is there for parts
//! allows.

mod exchange;
mod filling;
mod proof;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::StorageClass;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;
use tokio::sync::mpsc;

use self::exchange::{Like, Tail};
use self::proof::{Proof, mismatch};
use super::copy::{Piece, copied};
use super::original::tags;
use super::send::tagging;
use super::upload::{About, begin};
use super::{Approval, Order, Prepared, Run, Sent, Stage, Standing, Stored, terms};
use crate::bucket::checksum::{self, Check};
use crate::bucket::chunked::{Gathered, Parcel, Reading, Repacked, Want};
use crate::bucket::get::{Seen, Wish};
use crate::bucket::ladder::{Cuts, Ladder, MOST};
use crate::bucket::{Bucket, continued};
use crate::chunks::Id;
use crate::error::{Class, Error, Result};
use crate::listing::is_cold;
use crate::rate::{Pacer, Timetable};
use crate::units::human;

/// Parts of less than this would be too many requests.
const LEAST: u64 = 16 << 20;
/// Parts under way at once, as far as [`MEMORY`] allows, and copies.
const PARALLEL: usize = 4;
/// For parts. One of more than this is not sent.
const MEMORY: u64 = 256 << 20;
/// What is read by one request.
const RANGE: u64 = 8 << 20;
/// Two chunks that have no more than this between them are read as one.
const GAP: u64 = 256 << 10;
const MIB: u64 = 1 << 20;

/// A dump that was looked at, and how it will lie.
pub struct Repack {
    seen: Seen,
    id: Id,
    chunks: Gathered,
    layout: Repacked,
    part: u64,
}

impl Repack {
    /// The key of the dump.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.seen.key
    }

    /// Its storage class, which it keeps.
    #[must_use]
    pub fn class(&self) -> &str {
        let class = self.seen.head.storage_class();
        class.map_or("STANDARD", StorageClass::as_str)
    }

    /// Bytes that it has now.
    #[must_use]
    pub fn before(&self) -> u64 {
        self.seen.size
    }

    /// Bytes that it will have.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.layout.size()
    }

    /// Bytes that the server copies.
    #[must_use]
    pub fn copied(&self) -> u64 {
        match checksum::whole_crc64(&self.seen.head) {
            Some(_) => self.layout.kept / self.part * self.part,
            // What is copied could not be proven.
            None => 0,
        }
    }

    /// Bytes that are sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.size() - self.copied()
    }

    /// Requests that copy or send.
    #[must_use]
    pub fn parts(&self) -> u64 {
        self.size().div_ceil(self.part)
    }

    /// What is read of other objects.
    #[must_use]
    pub fn readings(&self) -> Vec<Reading> {
        self.chunks.chunk_readings(&wish(), GAP)
    }
}

fn wish() -> Wish {
    Wish {
        keys: Vec::new(),
        span: None,
        range_size: RANGE,
        parallel: PARALLEL,
        memory: MEMORY / 2,
        pacer: Arc::new(Pacer::new(Timetable::default())),
    }
}

impl Bucket {
    /// Looks at a dump that is to take in what it needs of others. Nothing is changed.
    ///
    /// # Errors
    /// If it isn't there, is no chunk stream, or can't be repacked; if something that it needs is missing or can't be read
    /// now; [`Class::Nothing`] if it needs no other.
    pub fn look_to_repack(&self, key: &str) -> Result<Repack> {
        let refused =
            |key: &str, why: &str| Error::permanent(format!("repack {}", key.escape_debug()), why);
        let mut looked = self.look_at(&[key.to_owned()])?;
        let gathered = self.gather(&looked, looked.says_chunks()?, Want::Whole, &wish().pacer)?;
        let Some(gathered) = gathered else {
            return Err(refused(
                key,
                "it was not made by s3chunk, and needs no other object's chunks",
            ));
        };
        let frozen = gathered.frozen();
        if let Some(first) = frozen.first() {
            let why = match first.key == key {
                true => "it is in an archive".to_owned(),
                false => format!("{} is in an archive", first.key),
            };
            return Err(
                Error::new(Class::Temporary, format!("repack {key}"), why).hint(
                    "'s3get --thaw' asks the server to bring back what the dump needs, itself included",
                ),
            );
        }
        let id = gathered.id();
        let (layout, chunks) = gathered.repacked()?;
        let (Some(seen), true) = (looked.objects.pop(), looked.objects.is_empty()) else {
            return Err(refused(key, "it is continued in other objects"));
        };
        if seen.etag.is_none() {
            return Err(refused(key, "the server names no ETag to hold on to"));
        }
        let part = LEAST
            .max(layout.size().div_ceil(u64::from(MOST)))
            .next_multiple_of(MIB);
        if part > MEMORY {
            return Err(refused(
                key,
                &format!("it would be of {}, which is too long", human(layout.size())),
            ));
        }
        Ok(Repack {
            seen,
            id,
            chunks,
            layout,
            part,
        })
    }

    /// Replaces the dump by one that needs no other, if it is still the one that was looked at. `progress` is told of
    /// the bytes that are safe.
    ///
    /// # Errors
    /// If something can't be read, doesn't match its checksum, or changed; or the server can't be brought to store it.
    /// The dump is then what it was, unless the message says that it is unknown.
    pub fn repack(&self, repack: &Repack, progress: &dyn Fn(u64)) -> Result<Stored> {
        let key = repack.key();
        let order = Order {
            overwrite: true,
            part_size: Some(repack.part),
            parallel: PARALLEL,
            memory: MEMORY,
            started: terms::now(),
            id: Arc::new(OnceLock::from(repack.id)),
            ..Order::of(key.to_owned())
        };
        let standing = Standing::of(key);
        let judge = Box::new(|| Ok(Approval::default()));
        let run = self.run(&order, &standing, progress, judge)?;
        self.unless_ended(&standing, Box::pin(run.repacked(repack)))
    }
}

impl Run<'_> {
    async fn repacked(&self, repack: &Repack) -> Result<Stored> {
        let (seen, head) = (&repack.seen, &repack.seen.head);
        let tags = tags(self, seen).await?;
        let about = About {
            metadata: self.metadata_of(repack),
            class: head.storage_class.clone(),
            tagging: tagging(&tags),
            like: Some(head),
        };
        self.standing.stage.set(Stage::Beginning);
        let key = repack.key();
        let id = begin(self, key, about).await?;
        self.standing.opened(key, &id);
        let pieces = pieces(repack);
        let copied = copied(self, key, &id, seen, &pieces).await;
        // What others can do about it is of no use here.
        let mut parts = copied
            .map_err(|error| Error::new(error.class(), format!("repack {key}"), error.cause()))?;
        let told = checksum::of_all(parts.iter().map(|part| (part.crc64nvme, part.size)));
        let (sender, receiver) = mpsc::channel(1);
        let reading = self.read_for(repack, sender);
        let sending = self.send_filled(key, &id, repack.part, pieces.len(), receiver);
        let (read, sent) = tokio::join!(reading, sending);
        // Whoever reads stops when nobody sends any more, and the other way round: the reason comes first.
        let (sent, read) = match (sent, read) {
            (Ok(sent), read) => (sent, read?),
            (Err(error), _) => return Err(error),
        };
        let copied_crc = read.copied;
        if told.is_some() && copied_crc.is_some() && told != copied_crc {
            return Err(mismatch(key));
        }
        let lengths = sent.iter().map(|part| (part.crc64nvme, part.size));
        let crcs = copied_crc.map(|crc| (Some(crc), repack.copied()));
        let crc64nvme = checksum::of_all(crcs.into_iter().chain(lengths));
        parts.extend(sent);
        let prepared = self.replacement(key, id, parts, crc64nvme, seen);
        match read.tail {
            None => self.exchange(&prepared).await,
            Some((new, old)) => {
                let like = Like {
                    metadata: self.metadata_of(repack),
                    tagging: tagging(&tags),
                };
                self.exchange_with_tail(&prepared, &like, new, old).await
            }
        }
    }

    /// The metadata of the dump, with ours as it is for the new object.
    fn metadata_of(&self, repack: &Repack) -> HashMap<String, String> {
        let head = &repack.seen.head;
        let mut all = head.metadata().cloned().unwrap_or_default();
        all.remove(continued::BEGINS);
        let limit: Option<u64> = all.get(continued::LIMIT).and_then(|text| text.parse().ok());
        let mut say = |name: &str, value: String| all.insert(name.to_owned(), value);
        say(continued::TOKEN, self.token.clone());
        say(continued::CHUNKS, repack.id.to_string());
        say(Cuts::METADATA, Ladder::Fixed(repack.part).to_string());
        // One of exactly that length would be continued.
        if let Some(limit) = limit {
            say(continued::LIMIT, limit.max(repack.size() + 1).to_string());
        }
        if let Some(came) = came(head) {
            say(continued::CAME, came.to_string());
        }
        all
    }

    /// Reads everything that isn't copied, in the order in which it is sent.
    async fn read_for(&self, repack: &Repack, out: mpsc::Sender<Parcel>) -> Result<Read> {
        let Repack { seen, layout, .. } = repack;
        let copied = repack.copied();
        let mut proof = match copied {
            0 => Proof::Whole(Check::of(&seen.head)),
            _ => Proof::Rest(checksum::digest()),
        };
        let mut tail = is_cold(repack.class()).then(|| Tail::of(repack));
        let mut gone = false;
        for (from, to, part) in [
            (copied, layout.kept, Region::Chunks),
            (layout.kept, layout.replaced, Region::Index),
            (layout.replaced, seen.size, Region::Replaced),
        ] {
            let ranges = (0..(to - from).div_ceil(RANGE)).map(|step| from + step * RANGE);
            let mut frames = stream::iter(ranges)
                .map(|from| {
                    let to = (from + RANGE).min(to);
                    self.bucket.range(&self.order.pacer, seen, from, to)
                })
                .buffered(PARALLEL);
            while let Some(frames) = frames.next().await {
                let frames = frames?;
                frames.iter().for_each(|frame| proof.update(frame));
                if let Some(tail) = &mut tail {
                    tail.take(part, &frames);
                }
                if !matches!(part, Region::Replaced) {
                    gone |= out.send(Parcel::plain(frames)).await.is_err();
                }
                if gone {
                    return Err(Error::permanent("send the dump", "nobody takes it"));
                }
            }
            if matches!(part, Region::Chunks) {
                self.bring(repack, out.clone()).await?;
            }
        }
        let copied = proof.verdict(seen, copied)?;
        let _ = out.send(Parcel::plain(vec![layout.last.clone()])).await;
        Ok(Read {
            copied,
            tail: tail.map(|tail| tail.ended(&layout.last)),
        })
    }
}

impl Run<'_> {
    /// What takes the place of the object that was seen.
    fn replacement(
        &self,
        key: &str,
        upload: String,
        parts: Vec<Sent>,
        crc64nvme: Option<u64>,
        seen: &Seen,
    ) -> Prepared {
        let class = seen.head.storage_class();
        Prepared {
            key: key.to_owned(),
            token: Some(self.token.clone()),
            overwrite: true,
            class: class.map(|class| class.as_str().to_owned()),
            upload,
            size: parts.iter().map(|part| part.size).sum(),
            crc64nvme,
            replaces: seen.etag.clone(),
            parts,
            resumed: 0,
        }
    }
}

/// What came of reading.
struct Read {
    /// The CRC-64/NVME of what the server copies.
    copied: Option<u64>,
    /// Of a cold dump the new tail, and the old one.
    tail: Option<(Vec<Bytes>, Vec<Bytes>)>,
}

/// What is read of the old object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Region {
    /// Its own chunks.
    Chunks,
    /// What is taken over as it is.
    Index,
    /// What isn't taken over.
    Replaced,
}

/// What the server copies.
fn pieces(repack: &Repack) -> Vec<Piece> {
    let part = repack.part;
    (0..repack.copied() / part)
        .zip(1..)
        .map(|(before, number)| Piece {
            number,
            from: before * part,
            to: (before + 1) * part,
        })
        .collect()
}

/// When the server had taken it in.
fn came(head: &HeadObjectOutput) -> Option<Timestamp> {
    Timestamp::from_second(head.last_modified()?.secs()).ok()
}
