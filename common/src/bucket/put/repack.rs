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

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::StorageClass;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, FuturesUnordered};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::copy::{Piece, copied, copy};
use super::original::tags;
use super::reader::Part;
use super::send::tagging;
use super::several::Bundle;
use super::upload::{About, begin, send_part};
use super::{Approval, Order, Prepared, Run, Sent, Stage, Standing, Stored, terms};
use crate::bucket::checksum::{self, Check, Verdict};
use crate::bucket::chunked::{Evidence, Gathered, Parcel, Reading, Repacked, Want};
use crate::bucket::content::Content;
use crate::bucket::failure::Kind;
use crate::bucket::get::{Seen, Wish};
use crate::bucket::ladder::{Cuts, Ladder, MOST};
use crate::bucket::{Bucket, continued};
use crate::chunks::Id;
use crate::error::{Class, Error, Result};
use crate::listing::is_cold;
use crate::names;
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
            let why = format!("{} is in an archive", first.key);
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
        let part = LEAST.max(layout.size().div_ceil(u64::from(MOST))).next_multiple_of(MIB);
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
            key: key.to_owned(),
            overwrite: true,
            class: None,
            metadata: Vec::new(),
            tags: Vec::new(),
            grant_owner: false,
            allow_empty: false,
            part_size: Some(repack.part),
            max_object: None,
            max_parts: MOST,
            parallel: PARALLEL,
            memory: MEMORY,
            pacer: Arc::new(Pacer::new(Timetable::default())),
            resume: false,
            rest: None,
            started: terms::now(),
            id: Arc::new(OnceLock::from(repack.id)),
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
        let mut parts =
            copied.map_err(|error| Error::new(error.class(), format!("repack {key}"), error.cause()))?;
        let told = checksum::of_all(parts.iter().map(|part| (part.crc64nvme, part.size)));
        let (sender, receiver) = mpsc::channel(1);
        let reading = self.read_for(repack, sender);
        let sending = self.send_pieces(key, &id, repack.part, pieces.len(), receiver);
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
            Some((new, old)) => self.exchange_with_tail(&prepared, new, old).await,
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
            tail: tail.map(|tail| (tail.new, tail.old)),
        })
    }

    /// Reads the chunks of other objects. What was read is what the server holds: it copies the same bytes into an upload
    /// that nothing comes of, and tells what they come to.
    async fn bring(&self, repack: &Repack, out: mpsc::Sender<Parcel>) -> Result<()> {
        let key = repack.key();
        let about = About {
            metadata: HashMap::new(),
            class: None,
            tagging: None,
            like: None,
        };
        let scratch = begin(self, key, about).await?;
        self.standing.opened(key, &scratch);
        let (next, id) = (Cell::new(0), scratch.as_str());
        let witness = |evidence: Evidence| -> LocalBoxFuture<'_, Result<()>> {
            next.set(next.get() % MOST + 1);
            Box::pin(self.compare(key, id, next.get(), evidence))
        };
        self.bucket
            .chunks(&repack.chunks, &wish(), GAP, out, &witness)
            .await?;
        if let Err(failure) = self.bucket.give_up(key, &scratch).await {
            self.bucket.patience.speaker.warning(format_args!(
                "an upload of {key} could not be aborted; 's3ls --uploads' shows it: {}",
                failure.text()
            ));
        }
        self.standing.closed(&scratch);
        Ok(())
    }

    async fn compare(&self, key: &str, id: &str, number: u32, read: Evidence) -> Result<()> {
        let doing = || format!("prove what was read of {}", read.key);
        let (from, to) = (read.from, read.to);
        let piece = Piece { number, from, to };
        let source = (read.key.as_str(), read.etag.as_deref());
        let copied = copy(self, key, id, source, piece).await;
        let copied = copied.map_err(|error| Error::new(error.class(), doing(), error.cause()))?;
        let etag = copied.etag.as_deref().map(|etag| etag.trim_matches('"'));
        let is_same = match (copied.crc64nvme, etag) {
            (Some(crc), _) => {
                let mut digest = checksum::digest();
                read.frames.iter().for_each(|frame| digest.update(frame));
                digest.finalize() == crc
            }
            (None, Some(etag)) if checksum::is_md5(etag) => {
                let content = Content::Memory(Arc::from(read.frames.clone()));
                checksum::md5(&content).as_deref() == Some(etag)
            }
            _ => {
                return Err(Error::permanent(
                    doing(),
                    "the server tells no checksum of what it copies",
                ));
            }
        };
        match is_same {
            true => Ok(()),
            false => Err(
                Error::temporary(doing(), "what came is not what the server holds")
                    .hint("nothing was changed; the connection may have damaged it"),
            ),
        }
    }

    /// Sends what comes, in parts of this size; the first of them follows `before` others.
    async fn send_pieces(
        &self,
        key: &str,
        id: &str,
        size: u64,
        before: usize,
        mut from: mpsc::Receiver<Parcel>,
    ) -> Result<Vec<Sent>> {
        let parallel = usize::try_from(MEMORY / size).unwrap_or(1).clamp(1, PARALLEL);
        let mut number = u32::try_from(before).unwrap_or(u32::MAX);
        let mut filling = Filling::default();
        let mut under_way = FuturesUnordered::new();
        let (mut sent, mut over) = (Vec::new(), false);
        loop {
            if under_way.len() < parallel
                && let Some(part) = filling.part(size, over)
            {
                number += 1;
                under_way.push(send_part(self, key, id, number, part));
                continue;
            }
            let has_room = filling.length < size;
            tokio::select! {
                Some(part) = under_way.next() => sent.push(part?),
                parcel = from.recv(), if !over && has_room => match parcel {
                    Some(parcel) => filling.take(parcel.pieces),
                    None => over = true,
                },
                else => break,
            }
        }
        sent.sort_by_key(|part: &Sent| part.number);
        Ok(sent)
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

    async fn exchange(&self, prepared: &Prepared) -> Result<Stored> {
        let bundle = Bundle::of(std::slice::from_ref(prepared));
        self.bucket.complete(bundle, self.standing, false).await
    }

    /// The hot tail goes first: a dump that can't be read without one must not be there with another's. If the dump
    /// stays what it was, so does its tail.
    async fn exchange_with_tail(
        &self,
        prepared: &Prepared,
        new: Vec<Bytes>,
        old: Vec<Bytes>,
    ) -> Result<Stored> {
        let key = names::literal(&names::tail(&prepared.key))?;
        let there = match self.bucket.head(&key).await {
            Ok(head) => Some(self.bucket.seen(&key, head)?),
            Err(failure) if failure.kind == Kind::Missing => None,
            Err(failure) => return Err(failure.error(format!("look at {key}"))),
        };
        let is_ours = |seen: &Seen| [&new, &old].into_iter().any(|one| length(one) == seen.size);
        if there.as_ref().is_some_and(|seen| !is_ours(seen)) {
            return Err(Error::permanent(
                format!("replace {key}"),
                format!("what is there is not the tail of {}", prepared.key),
            ));
        }
        let tail = self.tail(&key, new, there.as_ref()).await?;
        let stored = self.exchange(&tail).await?;
        let exchanged = self.exchange(prepared).await;
        if exchanged.is_err()
            && let Ok(head) = self.bucket.head(&prepared.key).await
            && head.e_tag() == prepared.replaces.as_deref()
        {
            let back = async {
                let now = self.bucket.look(&stored.key).await?;
                let tail = self.tail(&key, old, Some(&now)).await?;
                self.exchange(&tail).await
            };
            if let Err(error) = back.await {
                self.bucket.patience.speaker.warning(format_args!(
                    "{key} is that of a dump which was not stored, and the same command is needed again: {error}"
                ));
            }
        }
        exchanged
    }

    /// An upload of a tail, in the place of the one that is there.
    async fn tail(&self, key: &str, bytes: Vec<Bytes>, there: Option<&Seen>) -> Result<Prepared> {
        let size = Ladder::Fixed(LEAST);
        let about = About {
            metadata: HashMap::from([
                (continued::TOKEN.to_owned(), self.token.clone()),
                (Cuts::METADATA.to_owned(), size.to_string()),
            ]),
            class: None,
            tagging: None,
            like: None,
        };
        self.standing.stage.set(Stage::Beginning);
        let id = begin(self, key, about).await?;
        self.standing.opened(key, &id);
        let (sender, receiver) = mpsc::channel(1);
        let sending = self.send_pieces(key, &id, LEAST, 0, receiver);
        let (sent, _) = tokio::join!(sending, async move {
            sender.send(Parcel::plain(bytes)).await
        });
        let parts = sent?;
        let crc = checksum::of_all(parts.iter().map(|part| (part.crc64nvme, part.size)));
        Ok(Prepared {
            key: key.to_owned(),
            token: Some(self.token.clone()),
            overwrite: true,
            class: None,
            upload: id,
            size: parts.iter().map(|part| part.size).sum(),
            crc64nvme: crc,
            replaces: there.and_then(|seen| seen.etag.clone()),
            parts,
            resumed: 0,
        })
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

/// The tails of a cold dump, as they come.
struct Tail {
    new: Vec<Bytes>,
    old: Vec<Bytes>,
}

impl Tail {
    fn of(repack: &Repack) -> Self {
        let head = repack.chunks.tail_head();
        Self {
            new: vec![head.clone()],
            old: vec![head],
        }
    }

    fn take(&mut self, region: Region, frames: &[Bytes]) {
        if region != Region::Chunks {
            self.old.extend_from_slice(frames);
        }
        if region == Region::Index {
            self.new.extend_from_slice(frames);
        }
    }
}

/// How it is known that what is read and copied is what was stored.
enum Proof {
    /// All of it is read.
    Whole(Option<Check>),
    /// What follows the part that is copied.
    Rest(crcs::Digest),
}

impl Proof {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Whole(Some(check)) => check.update(bytes),
            Self::Whole(None) => {}
            Self::Rest(digest) => digest.update(bytes),
        }
    }

    /// The CRC-64/NVME of the first `copied` bytes of `seen`, of which the rest was read; none if all was.
    fn verdict(self, seen: &Seen, copied: u64) -> Result<Option<u64>> {
        let doing = || format!("read {}", seen.key);
        match self {
            Self::Rest(digest) => {
                let whole = checksum::whole_crc64(&seen.head).ok_or_else(|| mismatch(&seen.key))?;
                let length = seen.size - copied;
                Ok(Some(checksum::beginning(whole, digest.finalize(), length)))
            }
            Self::Whole(check) => match check.map_or(Verdict::Unknown, Check::verdict) {
                Verdict::Proven => Ok(None),
                Verdict::Damaged => Err(Error::permanent(
                    doing(),
                    "it does not match its checksum",
                )),
                Verdict::Unknown => Err(Error::permanent(
                    doing(),
                    "the server holds no checksum of it that could be compared",
                )),
            },
        }
    }
}

fn mismatch(key: &str) -> Error {
    Error::permanent(
        format!("copy what {key} holds"),
        "what the server copied does not match what it says of the object",
    )
    .hint("nothing was changed; 's3get --verify' tells whether the object is damaged")
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

fn length(pieces: &[Bytes]) -> u64 {
    pieces.iter().map(|piece| piece.len() as u64).sum()
}

/// Pieces that become a part.
#[derive(Default)]
struct Filling {
    pieces: Vec<Bytes>,
    length: u64,
}

impl Filling {
    fn take(&mut self, pieces: Vec<Bytes>) {
        self.length += length(&pieces);
        self.pieces.extend(pieces);
    }

    /// The next part, if there is enough for one; what is there, if it is `over` and there is something.
    fn part(&mut self, size: u64, over: bool) -> Option<Part> {
        if self.length < size && !(over && self.length > 0) {
            return None;
        }
        let mut left = size.min(self.length);
        self.length -= left;
        let (mut pieces, mut digest) = (Vec::new(), checksum::digest());
        let mut rest = std::mem::take(&mut self.pieces).into_iter();
        while left > 0
            && let Some(mut piece) = rest.next()
        {
            let taken = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
            let first = piece.split_to(taken);
            if !piece.is_empty() {
                self.pieces.push(piece);
            }
            if first.is_empty() {
                continue;
            }
            digest.update(&first);
            left -= first.len() as u64;
            pieces.push(first);
        }
        self.pieces.extend(rest);
        Some(Part {
            content: Content::Memory(Arc::from(pieces)),
            crc: digest.finalize(),
            full: false,
            last: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_filled() {
        let mut filling = Filling::default();
        assert!(filling.part(4, true).is_none());
        filling.take(["ab", "", "cdefghi", "j"].map(|text| Bytes::from_static(text.as_bytes())).into());
        let mut parts = Vec::new();
        while let Some(part) = filling.part(4, true) {
            let mut reading = part.content.read();
            let mut bytes = Vec::new();
            while reading.left() > 0 {
                bytes.extend_from_slice(&reading.take(99).unwrap());
            }
            assert_eq!(part.crc, checksum::crc64(&bytes));
            parts.push(String::from_utf8(bytes).unwrap());
            assert_eq!(filling.length, length(&filling.pieces));
        }
        assert_eq!(parts, ["abcd", "efgh", "ij"]);
        filling.take(vec![Bytes::from_static(b"abc")]);
        assert!(filling.part(4, false).is_none());
    }
}
