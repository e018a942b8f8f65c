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
        let beginning = if end == 0 {
            Bytes::new()
        } else {
            let frames = run.bucket.range(&run.order.pacer, &seen, 0, end).await?;
            Bytes::from(frames.concat())
        };
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
}

/// The tags of an object, which isn't empty.
///
/// # Errors
/// If it has some, and they can't be read.
pub(super) async fn tags(run: &Run<'_>, seen: &Seen) -> Result<Vec<(String, String)>> {
    let (bucket, key) = (run.bucket, &seen.key);
    let doing = || format!("read the tags of {key}");
    // Not every server tells their number by HEAD. None at all are told to a key that may not read them.
    let count = match seen.head.tag_count() {
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
                    .set_if_match(seen.etag.clone());
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
            failure
                .error(doing())
                .hint("the key in use needs the right to read tags, because the object has some")
        })?;
    let tags = answer.tag_set().iter();
    Ok(tags
        .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
        .collect())
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

#[cfg(test)]
mod tests {
    use aws_sdk_s3::operation::head_object::HeadObjectOutput;
    use aws_sdk_s3::operation::head_object::builders::HeadObjectOutputBuilder;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn seen(size: u64, head: HeadObjectOutputBuilder) -> Seen {
        Seen {
            key: "k".to_owned(),
            size,
            etag: Some("\"e\"".to_owned()),
            head: head.content_length(i64::try_from(size).unwrap()).build(),
        }
    }

    fn head() -> HeadObjectOutputBuilder {
        HeadObjectOutput::builder()
    }

    fn with_crc() -> HeadObjectOutputBuilder {
        head().checksum_crc64_nvme("rosUhgp5mIg=")
    }

    /// An ETag of so many parts, and how they were cut.
    fn of_parts(parts: u32, cuts: &str) -> HeadObjectOutputBuilder {
        let etag = format!("\"25f9e794323b453885f5181f1b624d0b-{parts}\"");
        head().e_tag(etag).metadata(Cuts::METADATA, cuts)
    }

    /// Where the beginning ends, and where the pieces end, in MiB.
    fn ends(size: u64, head: HeadObjectOutputBuilder) -> Option<Vec<u64>> {
        let seen = seen(size * MIB, head);
        let (end, ladder, proof) = cut(&seen, MOST).ok()?;
        let original = Original {
            seen,
            beginning: Bytes::from(vec![0; usize::try_from(end).unwrap()]),
            ladder,
            proof,
        };
        let pieces = original.pieces();
        let mut from = end;
        for (number, piece) in (2..).zip(&pieces) {
            assert_eq!((piece.number, piece.from), (number, from));
            from = piece.to;
        }
        assert_eq!(from, size * MIB);
        let ends = pieces.iter().map(|piece| piece.to / MIB);
        Some(std::iter::once(end / MIB).chain(ends).collect())
    }

    #[test]
    fn where_it_is_cut() {
        let at = |size, head| ends(size, head).unwrap_or_default();
        assert_eq!(at(8, with_crc()), [8]);
        assert_eq!(at(9, with_crc()), [8, 9]);
        assert_eq!(at(600, with_crc()), [8, 264, 520, 600]);
        // As it was cut before, where only that can be proven.
        assert_eq!(at(40, of_parts(3, "growing:16777216")), [16, 32, 40]);
        assert_eq!(
            at(40, of_parts(3, "17825792+growing:16777216")),
            [17, 33, 40]
        );
        assert_eq!(at(26, of_parts(6, "fixed:5242880")), [10, 15, 20, 25, 26]);
        // All of it, where that is no more than can be handled.
        assert_eq!(at(16, of_parts(1, "growing:16777216")), [16]);
        assert_eq!(at(10, of_parts(2, "fixed:5242880")), [10]);
        assert_eq!(
            at(64, head().e_tag("\"25f9e794323b453885f5181f1b624d0b\"")),
            [64]
        );
        assert_eq!(at(40, of_parts(4, "growing:16777216")), [40]);
    }

    #[test]
    fn what_could_not_be_proven_is_refused() {
        for head in [
            head(),
            head().e_tag("\"25f9e794323b453885f5181f1b624d0b\""),
            // Not so many parts, or so large a first one.
            of_parts(9, "fixed:16777216"),
            of_parts(2, "fixed:83886080"),
            // Another ladder would be needed behind two of them.
            of_parts(30, "growing:5242880:2:2"),
        ] {
            assert_eq!(ends(100, head), None);
        }
        let empty = seen(0, with_crc());
        assert!(check(&empty, MOST).is_err());
        let nameless = Seen {
            etag: None,
            ..seen(9 * MIB, with_crc())
        };
        assert!(check(&nameless, MOST).is_err());
        // What continues another object may be empty.
        let last = with_crc().metadata(continued::CONTINUES, "t:1");
        assert!(check(&seen(0, last), MOST).is_ok());
    }

    #[test]
    fn pieces_grow_where_parts_are_few() {
        let huge = seen(5 << 40, with_crc());
        for (parts, piece) in [(MOST, 525), (2000, 2623)] {
            let (_, ladder, _) = cut(&huge, parts).unwrap();
            assert_eq!(ladder, Ladder::Fixed(piece * MIB));
        }
        assert!(cut(&huge, 1000).is_err(), "a part is 5 GiB at most");
    }

    fn part(number: u32, bytes: &[u8], tells: bool) -> Sent {
        Sent {
            number,
            size: bytes.len() as u64,
            etag: Some(format!("\"{}\"", checksum::md5_of(bytes))),
            crc64nvme: tells.then(|| checksum::crc64(bytes)),
            resumed: false,
        }
    }

    fn original(proof: Proof) -> Original {
        Original {
            seen: seen(19, head()),
            beginning: Bytes::from_static(b"backup "),
            ladder: Ladder::Fixed(7),
            proof,
        }
    }

    #[test]
    fn copies_are_proven_by_the_whole() {
        let original = original(Proof::Crc(checksum::crc64(b"backup of a machine")));
        let rest = checksum::crc64(b"of a machine");
        for tells in [true, false] {
            let parts = [part(2, b"of a ma", tells), part(3, b"chine", tells)];
            assert_eq!(original.proven(&parts).unwrap(), Some(rest), "{tells}");
        }
        let wrong = [part(2, b"of a ma", true), part(3, b"chinE", true)];
        assert!(original.proven(&wrong).is_err());
        // The CRC that the request is sent with then doesn't fit what was copied.
        let wrong = [part(2, b"of a ma", true), part(3, b"chinE", false)];
        assert_eq!(original.proven(&wrong).unwrap(), Some(rest));
    }

    #[test]
    fn copies_are_proven_by_their_etags() {
        let etags = [&b"backup "[..], b"of a ma", b"chine"].map(checksum::md5_of);
        let etag = checksum::etag_of_parts(etags.iter().map(|etag| Some(etag.as_str())));
        let head = head()
            .content_length(19)
            .e_tag(format!("\"{}\"", etag.unwrap()))
            .metadata(Cuts::METADATA, "fixed:7")
            .build();
        let proof = || Proof::Parts(Parted::of(&head).unwrap(), 1);
        let right = [part(2, b"of a ma", false), part(3, b"chine", false)];
        assert_eq!(original(proof()).proven(&right).unwrap(), None);
        let right = [part(2, b"of a ma", true), part(3, b"chine", true)];
        let crc = checksum::crc64(b"of a machine");
        assert_eq!(original(proof()).proven(&right).unwrap(), Some(crc));
        let mut nameless = right.clone();
        nameless[1].etag = Some("\"no MD5\"".to_owned());
        for wrong in [
            vec![part(2, b"of a ma", true), part(3, b"chinE", true)],
            vec![part(2, b"of a ma", true)],
            nameless.to_vec(),
        ] {
            assert!(original(proof()).proven(&wrong).is_err());
        }
        let other = Original {
            beginning: Bytes::from_static(b"BACKUP "),
            ..original(proof())
        };
        assert!(other.proven(&right).is_err(), "the beginning counts, too");
    }
}
