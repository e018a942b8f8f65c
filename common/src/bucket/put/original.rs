//! An object whose rest is to be copied: its beginning, where to cut it, and how copies of it are proven.
//!
//! What is read is a beginning of a few MiB, or all of a small object. What is copied follows it, and is proven by the
//! CRC-64/NVME of the whole that the server holds, less that of the beginning; or by the ETag, if that was made of the
//! MD5s of parts: then the beginning ends where a part does, the others are copied one by one, and their ETags have to
//! make up the old one together.

use bytes::Bytes;

use super::copy::{Piece, WHOLE};
use super::{Run, Sent};
use crate::bucket::checksum::{self, Check, Parted, Verdict};
use crate::bucket::continued;
use crate::bucket::failure::Failure;
use crate::bucket::get::Seen;
use crate::bucket::ladder::{Cuts, LARGEST, Ladder, MOST};
use crate::bucket::patience::bounded;
use crate::error::{Error, Result};

/// Read and sent by us. What follows a front of up to 3 MiB is then enough for a part of S3's least size; the header of a
/// sealed stream has 2 MiB at most.
const BEGINNING: u64 = 8 << 20;
/// The most that is read and sent by us, where less proves nothing.
pub(super) const HANDLED: u64 = 64 << 20;
/// What is copied by one request: small enough that several are under way, and that a server doesn't take minutes.
const PIECE: u64 = 256 << 20;

/// How it is known that the server copied what it should.
enum Proof {
    /// Nothing is copied.
    Read,
    /// The CRC-64/NVME of the whole object.
    Crc(u64),
    /// An ETag made of parts, of which so many are in the beginning.
    Parts(Parted, u32),
}

/// The object.
pub(super) struct Original {
    pub(super) seen: Seen,
    pub(super) beginning: Bytes,
    /// How what follows the beginning is cut; its parts count from 2.
    ladder: Ladder,
    proof: Proof,
}

impl Original {
    /// Looks at an object, and reads its beginning.
    ///
    /// # Errors
    /// If it can't be read, is damaged, or there is no way to prove what would be copied of it.
    pub(super) async fn open(run: &Run<'_>, seen: Seen) -> Result<Self> {
        let (end, ladder, proof) = cut(&seen, run.order.max_parts)?;
        let frames = run.bucket.range(&run.order.pacer, &seen, 0, end).await?;
        let beginning = Bytes::from(frames.concat());
        if matches!(proof, Proof::Read) {
            is_whole(&seen, &beginning)?;
        }
        Ok(Self {
            seen,
            beginning,
            ladder,
            proof,
        })
    }

    /// How an object is cut that has a first part of so many bytes in the place of the beginning.
    pub(super) fn cuts(&self, first: u64) -> Cuts {
        Cuts {
            first: Some(first).filter(|size| (1..=LARGEST).contains(size)),
            ladder: self.ladder,
        }
    }

    /// Bytes that are copied.
    pub(super) fn copied(&self) -> u64 {
        self.seen.size - self.beginning.len() as u64
    }

    /// What is copied, as parts from 2 on.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        let shift = match &self.proof {
            Proof::Parts(_, read) => read - 1,
            Proof::Read | Proof::Crc(_) => 0,
        };
        let mut from = self.beginning.len() as u64;
        let mut pieces = Vec::new();
        for number in 2.. {
            if from >= self.seen.size {
                break;
            }
            let to = from
                .saturating_add(self.ladder.part(number + shift))
                .min(self.seen.size);
            pieces.push(Piece { number, from, to });
            from = to;
        }
        pieces
    }

    /// The CRC-64/NVME of what was copied as `parts`, where the server tells it.
    ///
    /// # Errors
    /// If that is not what follows the beginning.
    pub(super) fn proven(&self, parts: &[Sent]) -> Result<Option<u64>> {
        let told = checksum::of_all(parts.iter().map(|part| (part.crc64nvme, part.size)));
        let is_same = match &self.proof {
            Proof::Read => true,
            Proof::Crc(whole) => {
                let crc = checksum::crc64(&self.beginning);
                let rest = checksum::remaining(*whole, crc, self.copied());
                if told.is_none() {
                    // Then it is the request that completes the upload which is refused if it is something else.
                    return Ok(Some(rest));
                }
                told == Some(rest)
            }
            Proof::Parts(parted, read) => {
                let mut left = &self.beginning[..];
                let mut etags = Vec::with_capacity(parts.len() + 1);
                for number in 1..=*read {
                    let size = usize::try_from(parted.cuts.part(number)).unwrap_or(usize::MAX);
                    let (part, after) = left.split_at(size.min(left.len()));
                    etags.push(Some(checksum::md5_of(part)));
                    left = after;
                }
                etags.extend(parts.iter().map(|part| part.etag.clone()));
                let etags = etags.iter().map(Option::as_deref);
                checksum::etag_of_parts(etags).as_ref() == Some(&parted.etag)
            }
        };
        if is_same {
            return Ok(told);
        }
        Err(Error::permanent(
            format!("copy the rest of {}", self.seen.key),
            "what the server copied does not match what it says of the object",
        )
        .hint("nothing was stored; 's3get --verify' tells whether the object is damaged"))
    }

    /// The tags of the object. Where they can't be read a warning says so.
    pub(super) async fn tags(&self, run: &Run<'_>) -> Result<Vec<(String, String)>> {
        let (bucket, key) = (run.bucket, &self.seen.key);
        let doing = || format!("read the tags of {key}");
        // Not every server tells their number by HEAD. None at all are told to a key that may not read them.
        let count = match self.seen.head.tag_count() {
            Some(count) => Some(count),
            None => bucket
                .patience
                .persist("look at an object", || {
                    let request = bucket
                        .client
                        .get_object()
                        .bucket(&bucket.name)
                        .key(bucket.full(key))
                        .range("bytes=0-0")
                        .set_if_match(self.seen.etag.clone());
                    bounded(bucket.patience.stall, async move {
                        let answer = request.send().await.map_err(|error| Failure::of(&error))?;
                        Ok(answer.tag_count())
                    })
                })
                .await
                .map_err(|failure| failure.error(doing()))?,
        };
        if count.is_none_or(|count| count <= 0) {
            return Ok(Vec::new());
        }
        let answer = bucket
            .patience
            .persist("read tags", || {
                let request = bucket
                    .client
                    .get_object_tagging()
                    .bucket(&bucket.name)
                    .key(bucket.full(key));
                bounded(bucket.patience.stall, async move {
                    request.send().await.map_err(|error| Failure::of(&error))
                })
            })
            .await
            .map_err(|failure| {
                failure.error(doing()).hint(
                    "the key in use needs the right to read tags, because the object has some",
                )
            })?;
        let tags = answer.tag_set().iter();
        Ok(tags
            .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
            .collect())
    }
}

/// Fails if what would be copied of an object could not be proven.
pub(super) fn check(seen: &Seen, max_parts: u32) -> Result<()> {
    cut(seen, max_parts).map(|_| ())
}

/// Where the beginning ends, how the rest is cut, and how it is proven.
fn cut(seen: &Seen, max_parts: u32) -> Result<(u64, Ladder, Proof)> {
    let (size, usual) = (seen.size, Ladder::Fixed(PIECE));
    if seen.etag.is_none() {
        return Err(refused(seen, "the server names no ETag to hold on to").hint(WHOLE));
    }
    if continued::says(&seen.head, continued::CONTINUES).is_none() && size == 0 {
        return Err(refused(seen, "it is empty"));
    }
    if size <= BEGINNING {
        return Ok((size, usual, Proof::Read));
    }
    if let Some(crc) = checksum::whole_crc64(&seen.head) {
        let pieces = u64::from(max_parts.clamp(2, MOST)) - 1;
        let least = (size - BEGINNING)
            .div_ceil(pieces)
            .next_multiple_of(1 << 20);
        if least > LARGEST {
            return Err(refused(seen, "it is longer than so many parts can be"));
        }
        return Ok((BEGINNING, Ladder::Fixed(PIECE.max(least)), Proof::Crc(crc)));
    }
    if let Some(parted) = Parted::of(&seen.head)
        && let Some((end, read)) = boundary(&parted, size)
        && end < size
        && end <= HANDLED
    {
        return Ok((end, parted.cuts.ladder, Proof::Parts(parted, read)));
    }
    if size <= HANDLED {
        return Ok((size, usual, Proof::Read));
    }
    Err(refused(
        seen,
        "the server holds no checksum of it by which a copy could be proven",
    )
    .hint(WHOLE))
}

/// Where the first part ends that ends behind the least beginning, and its number; `None` if the parts don't make up the
/// object, or those behind it would get other sizes with other numbers.
fn boundary(parted: &Parted, size: u64) -> Option<(u64, u32)> {
    let (mut end, mut found) = (0u64, None);
    for number in 1..=parted.parts.min(MOST) {
        // Each of them begins inside the object, and the last one reaches its end.
        if end >= size {
            return None;
        }
        end = end.saturating_add(parted.cuts.part(number)).min(size);
        if end >= BEGINNING && found.is_none() {
            found = Some((end, number));
        }
    }
    let keeps_sizes = |read| read == 1 || matches!(parted.cuts.ladder, Ladder::Fixed(_));
    found.filter(|(_, read)| end == size && keeps_sizes(*read))
}

/// All of the object is at hand, and must be what the server holds.
fn is_whole(seen: &Seen, bytes: &[u8]) -> Result<()> {
    let Some(mut check) = Check::of(&seen.head) else {
        return Err(refused(seen, "the server holds no checksum of it").hint(WHOLE));
    };
    check.update(bytes);
    match check.verdict() {
        Verdict::Proven => Ok(()),
        Verdict::Unknown => Err(refused(
            seen,
            "the server holds no checksum of it that could be compared",
        )
        .hint(WHOLE)),
        Verdict::Damaged => Err(Error::permanent(
            format!("read {}", seen.key),
            "it does not match its checksum",
        )),
    }
}

fn refused(seen: &Seen, why: &str) -> Error {
    Error::permanent(format!("take over the rest of {}", seen.key), why)
}
