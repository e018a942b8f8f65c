//! A dump whose bytes are all with the server, while nothing of it is visible yet: what one process prepares
//! and another commits.
//!
//! Between the two it is JSON (doc/format/receipt.md, `prepared/1`), which anybody may have changed. So it is
//! believed only where it fits together: keys, numbers and sizes within S3's limits, and the checksums of the
//! parts those of the whole.

use serde::{Deserialize, Serialize};

use super::several::Bundle;
use super::{ChunkStream, Prepared, Sent};
use crate::bucket::checksum::{decode, encode, joined};
use crate::bucket::ladder::{LARGEST, MOST};
use crate::chunks::{self, Bond, Id};
use crate::names;

/// Objects that one dump may have: a bound for what comes from outside.
const OBJECTS: usize = 1000;
/// The same for what servers call uploads, parts and classes; real ones have tens or hundreds of letters.
const WORD: usize = 2000;

/// A dump that is prepared: it can be committed, or given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Pending {
    /// Bytes of the whole.
    pub(super) size: u64,
    /// CRC-64/NVME of the whole.
    pub(super) crc64nvme: u64,
    /// When sending began: seconds since 1970 (UTC).
    pub(super) started: Option<i64>,
    /// What sending took.
    pub(super) seconds: f64,
    /// What is known of the chunk stream, if it is one.
    pub(super) chunks: Option<ChunkStream>,
    /// The uploads, the one of the dump's own key first; never none.
    pub(super) objects: Vec<Prepared>,
    /// That of the tail, if it has one.
    pub(super) tail: Option<Prepared>,
}

/// As it is written; the fields in this order.
#[derive(Serialize, Deserialize)]
struct Written {
    key: String,
    size: u64,
    crc64nvme: String,
    class: Option<String>,
    overwrite: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started: Option<i64>,
    seconds: f64,
    /// The ETag of what the first object replaces, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
    token: Option<String>,
    #[serde(default, skip_serializing_if = "is_none")]
    resumed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chunks: Option<Known>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bond: Option<Ties>,
    objects: Vec<Object>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tail: Option<Object>,
}

/// What a receipt says of a chunk stream, too.
#[derive(Serialize, Deserialize)]
struct Known {
    id: String,
    total: u64,
    new: u64,
    objects: usize,
}

/// What it refers to.
#[derive(Serialize, Deserialize)]
struct Ties {
    place: String,
    until: i64,
    /// Ids and keys.
    objects: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
struct Object {
    key: String,
    upload: String,
    size: u64,
    crc64nvme: String,
    /// Size, ETag, CRC-64/NVME: an upload has up to 10,000 of them.
    parts: Vec<(u64, Option<String>, String)>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_none(bytes: &u64) -> bool {
    *bytes == 0
}

impl Pending {
    /// The dump that `objects` make together, in this order; `None` if a checksum is not known, without which
    /// nobody could tell whether the line was changed.
    pub(super) fn of(objects: Vec<Prepared>, seconds: f64) -> Option<Self> {
        let parts = objects.iter().flat_map(|object| &object.parts);
        if parts.clone().any(|part| part.crc64nvme.is_none()) {
            return None;
        }
        let (size, crc64nvme) = whole(objects.iter().map(Prepared::sum))?;
        Some(Self {
            size,
            crc64nvme,
            started: None,
            seconds,
            chunks: None,
            objects,
            tail: None,
        })
    }

    /// What becomes visible.
    pub(super) fn bundle(&self) -> Bundle<'_> {
        Bundle {
            objects: &self.objects,
            tail: self.tail.as_ref(),
            until: self.chunks.as_ref().and_then(ChunkStream::until),
            id: self.chunks.as_ref().map(|chunks| &chunks.id),
        }
    }

    /// Key, without the place's prefix.
    #[must_use]
    pub fn key(&self) -> &str {
        self.objects
            .first()
            .map_or("", |object| object.key.as_str())
    }

    /// Bytes of the whole.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Prepared {
    fn sum(&self) -> (u64, Option<u64>) {
        (self.size, self.crc64nvme)
    }
}

/// Size and CRC-64/NVME of pieces put together; `None` if that is more than 2^64 bytes, or a sum is not known.
fn whole(pieces: impl Iterator<Item = (u64, Option<u64>)>) -> Option<(u64, u64)> {
    let mut all: Option<(u64, u64)> = None;
    for (size, crc) in pieces {
        let crc = crc?;
        all = Some(match all {
            None => (size, crc),
            Some((before, sum)) => (before.checked_add(size)?, joined(sum, crc, size)),
        });
    }
    Some(all.unwrap_or_default())
}

impl Known {
    fn of(chunks: &ChunkStream) -> Self {
        Self {
            id: chunks.id.to_string(),
            total: chunks.total,
            new: chunks.new,
            objects: chunks.objects(),
        }
    }
}

impl Ties {
    fn of(bond: &Bond) -> Self {
        let objects = bond.objects.iter();
        Self {
            place: bond.place.clone(),
            until: bond.until,
            objects: objects
                .map(|object| (object.id.to_string(), object.key.clone()))
                .collect(),
        }
    }

    fn bond(self) -> Result<Bond, String> {
        let objects = self.objects.into_iter().map(|(id, key)| {
            names::literal(&key).map_err(|error| error.to_string())?;
            Ok(chunks::Object {
                id: parsed(&id)?,
                key,
            })
        });
        Ok(Bond {
            place: self.place,
            until: self.until,
            objects: objects.collect::<Result<_, String>>()?,
        })
    }
}

/// What is known of a chunk stream, from both places where it is written.
fn chunk_stream(known: Option<Known>, ties: Option<Ties>) -> Result<Option<ChunkStream>, String> {
    let tied = ties.as_ref().map_or(0, |ties| ties.objects.len());
    if known.as_ref().map_or(0, |known| known.objects) != tied || (ties.is_some() && tied == 0) {
        return Err("what it refers to doesn't fit together".to_owned());
    }
    let Some(known) = known else {
        return Ok(None);
    };
    Ok(Some(ChunkStream {
        id: parsed(&known.id)?,
        total: known.total,
        new: known.new,
        bond: ties.map(Ties::bond).transpose()?,
    }))
}

fn parsed(id: &str) -> Result<Id, String> {
    id.parse().map_err(|_| "an id in it is not one".to_owned())
}

impl From<Pending> for Written {
    fn from(pending: Pending) -> Self {
        let first = pending.objects.first();
        let chunks = pending.chunks.as_ref();
        Self {
            key: pending.key().to_owned(),
            size: pending.size,
            crc64nvme: encode(pending.crc64nvme),
            class: first.and_then(|object| object.class.clone()),
            overwrite: first.is_some_and(|object| object.overwrite),
            started: pending.started,
            seconds: (pending.seconds * 1000.0).round() / 1000.0,
            replaces: first.and_then(|object| object.replaces.as_deref().map(bare)),
            token: first.and_then(|object| object.token.clone()),
            resumed: pending.objects.iter().map(|object| object.resumed).sum(),
            chunks: chunks.map(Known::of),
            bond: chunks.and_then(|chunks| chunks.bond.as_ref()).map(Ties::of),
            objects: pending.objects.into_iter().map(Object::from).collect(),
            tail: pending.tail.map(Object::from),
        }
    }
}

impl From<Prepared> for Object {
    fn from(object: Prepared) -> Self {
        let parts = object.parts.into_iter();
        Self {
            key: object.key,
            upload: object.upload,
            size: object.size,
            crc64nvme: sum_text(object.crc64nvme),
            parts: parts
                .map(|part| {
                    let etag = part.etag.as_deref().map(bare);
                    (part.size, etag, sum_text(part.crc64nvme))
                })
                .collect(),
        }
    }
}

impl TryFrom<Written> for Pending {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        if written.objects.is_empty() || written.objects.len() > OBJECTS {
            return Err(format!("it has {} objects", written.objects.len()));
        }
        let crc64nvme = sum(&written.crc64nvme)?;
        let token = written.token.as_deref();
        if token.is_some_and(|token| {
            token.len() != 32 || !token.bytes().all(|byte| byte.is_ascii_hexdigit())
        }) {
            return Err("its token is not one".to_owned());
        }
        word("class", written.class.as_deref().unwrap_or("STANDARD"))?;
        if let Some(etag) = &written.replaces {
            word("predecessor", etag)?;
        }
        if written.seconds < 0.0 || written.resumed > written.size {
            return Err("its numbers are impossible".to_owned());
        }
        let mut objects = Vec::with_capacity(written.objects.len());
        for (number, object) in written.objects.into_iter().enumerate() {
            let key = match number {
                0 => written.key.clone(),
                number => format!("{}:{number}", written.key),
            };
            if object.key != key {
                return Err(format!("object {number} has another key"));
            }
            objects.push(Prepared {
                token: written.token.clone(),
                overwrite: written.overwrite,
                class: written.class.clone(),
                replaces: written
                    .replaces
                    .as_ref()
                    .filter(|_| number == 0)
                    .map(|etag| format!("\"{etag}\"")),
                resumed: if number == 0 { written.resumed } else { 0 },
                ..object.prepared()?
            });
        }
        if whole(objects.iter().map(Prepared::sum)) != Some((written.size, crc64nvme)) {
            return Err("its objects don't make up the whole".to_owned());
        }
        let tail = match written.tail {
            Some(tail) if tail.key == names::tail(&written.key) => Some(Prepared {
                token: written.token,
                overwrite: written.overwrite,
                ..tail.prepared()?
            }),
            Some(_) => return Err("its tail has another key".to_owned()),
            None => None,
        };
        Ok(Self {
            size: written.size,
            crc64nvme,
            started: written.started,
            seconds: written.seconds,
            chunks: chunk_stream(written.chunks, written.bond)?,
            objects,
            tail,
        })
    }
}

impl Object {
    fn prepared(self) -> Result<Prepared, String> {
        names::literal(&self.key).map_err(|error| error.to_string())?;
        word("upload", &self.upload)?;
        let most = usize::try_from(MOST).unwrap_or(usize::MAX);
        if self.parts.is_empty() || self.parts.len() > most {
            return Err(format!("an upload of it has {} parts", self.parts.len()));
        }
        let mut parts = Vec::with_capacity(self.parts.len());
        for (number, (size, etag, crc64nvme)) in (1..).zip(self.parts) {
            if size > LARGEST {
                return Err(format!("part {number} is larger than a part can be"));
            }
            if let Some(etag) = &etag {
                word("part", etag)?;
            }
            parts.push(Sent {
                number,
                size,
                etag: etag.map(|etag| format!("\"{etag}\"")),
                crc64nvme: Some(sum(&crc64nvme)?),
                resumed: false,
            });
        }
        let crc64nvme = sum(&self.crc64nvme)?;
        if whole(parts.iter().map(|part| (part.size, part.crc64nvme)))
            != Some((self.size, crc64nvme))
        {
            return Err("its parts don't make up the whole".to_owned());
        }
        Ok(Prepared {
            key: self.key,
            token: None,
            overwrite: false,
            class: None,
            upload: self.upload,
            size: self.size,
            crc64nvme: Some(crc64nvme),
            replaces: None,
            parts,
            resumed: 0,
        })
    }
}

/// An ETag without its quotation marks.
fn bare(etag: &str) -> String {
    etag.trim_matches('"').to_owned()
}

/// The sum, which [`Pending::of`] has seen to be known.
fn sum_text(crc: Option<u64>) -> String {
    crc.map(encode).unwrap_or_default()
}

fn sum(text: &str) -> Result<u64, String> {
    decode(text).ok_or_else(|| "a checksum is not one".to_owned())
}

/// A server's name for something: it goes into a URL, a header or XML, and a message may show it.
fn word(what: &str, text: &str) -> Result<(), String> {
    let fits = |byte| matches!(byte, b'!'..=b'~') && byte != b'"';
    if text.is_empty() || text.len() > WORD || !text.bytes().all(fits) {
        return Err(format!("the name of its {what} is not one"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bucket::checksum::crc64;

    fn object(key: &str, pieces: &[&[u8]]) -> Prepared {
        let parts: Vec<Sent> = (1..)
            .zip(pieces)
            .map(|(number, piece)| Sent {
                number,
                size: piece.len() as u64,
                etag: Some("\"25f9e794323b453885f5181f1b624d0b\"".to_owned()),
                crc64nvme: Some(crc64(piece)),
                resumed: false,
            })
            .collect();
        let all = pieces.concat();
        Prepared {
            key: key.to_owned(),
            token: Some("08665dca74cff0adfc33f1290e6eab94".to_owned()),
            overwrite: false,
            class: Some("STANDARD_IA".to_owned()),
            upload: "u1".to_owned(),
            size: all.len() as u64,
            crc64nvme: Some(crc64(&all)),
            replaces: None,
            parts,
            resumed: 0,
        }
    }

    fn dump() -> Pending {
        let mut objects = vec![
            object("k", &[b"backup ", b"of a "]),
            object("k:1", &[b"machine"]),
        ];
        objects[0].replaces = Some("\"f00d-9\"".to_owned());
        let tail = Prepared {
            class: None,
            ..object("k.tail", &[b"its end"])
        };
        let bond = Bond {
            place: "s3://b".to_owned(),
            until: 1_795_000_000,
            objects: vec![chunks::Object {
                id: Id([9; 16]),
                key: "h:f:0:2026-11-01".to_owned(),
            }],
        };
        Pending {
            started: Some(1_794_000_000),
            tail: Some(tail),
            chunks: Some(ChunkStream {
                id: Id([7; 16]),
                total: 5,
                new: 3,
                bond: Some(bond),
            }),
            ..Pending::of(objects, 1.5).unwrap()
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let text = serde_json::to_string(&dump()).unwrap();
        assert_eq!(serde_json::from_str::<Pending>(&text).unwrap(), dump());
        assert_eq!(dump().size(), 19);
        assert_eq!(dump().crc64nvme, crc64(b"backup of a machine"));
    }

    /// Each of these replaces something once, and makes nonsense of the line.
    #[test]
    fn what_does_not_fit_together_is_refused() {
        let text = serde_json::to_string(&dump()).unwrap();
        for (what, by, says) in [
            ("\"k\"", "\"q\"", "another key"),
            ("\"k\"", "\"\"", "another key"),
            ("\"k:1\"", "\"k:2\"", "another key"),
            ("\"u1\"", "\"\"", "its upload is not one"),
            ("\"u1\"", "\"a\\nb\"", "its upload is not one"),
            ("\"size\":19", "\"size\":20", "the whole"),
            ("\"size\":19", "\"size\":-1", "invalid value"),
            ("[7,", "[8,", "the whole"),
            ("[7,", "[9999999999,", "larger than a part"),
            ("STANDARD_IA", "A B", "its class is not one"),
            ("f00d", "f d", "its predecessor is not one"),
            ("25f9", "25\\\"9", "its part is not one"),
            ("0866", "086", "token"),
            ("1.5", "-1.5", "impossible"),
            ("k.tail", "x.tail", "its tail has another key"),
            ("\"objects\":1}", "\"objects\":2}", "doesn't fit together"),
            ("\"bond\"", "\"bund\"", "doesn't fit together"),
            ("\"chunks\"", "\"chanks\"", "doesn't fit together"),
            ("0707", "070g", "an id in it"),
            ("0909", "090g", "an id in it"),
            ("h:f:0:2026-11-01", "", "a key is"),
            ("\"objects\":[{", "\"objects\":[],\"x\":[{", "0 objects"),
            ("\"parts\":[", "\"parts\":[],\"x\":[", "0 parts"),
            (
                &crate::bucket::checksum::encode(dump().crc64nvme),
                "AAAA",
                "a checksum",
            ),
        ] {
            let changed = text.replacen(what, by, 1);
            assert_ne!(changed, text, "{what}");
            let error = serde_json::from_str::<Pending>(&changed)
                .unwrap_err()
                .to_string();
            assert!(error.contains(says), "{what} -> {by}: {error}");
        }
    }

    #[test]
    fn what_nobody_can_check_is_not_written() {
        let mut copied = object("k", &[b"backup ", b"of a "]);
        copied.parts[1].crc64nvme = None;
        assert_eq!(Pending::of(vec![copied], 1.5), None);
    }

    #[test]
    fn the_largest_upload_is_a_line_below_a_mebibyte() {
        let parts: Vec<&[u8]> = vec![b"part"; 10_000];
        let dump = Pending::of(vec![object("k", &parts)], 0.0).unwrap();
        let text = serde_json::to_string(&dump).unwrap();
        assert!(text.len() < 1 << 20, "{}", text.len());
        assert_eq!(serde_json::from_str::<Pending>(&text).unwrap(), dump);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(at in 0usize..600, by in "\\PC{0,4}") {
            let text = serde_json::to_string(&dump()).unwrap();
            let at = at.min(text.len());
            let changed = format!("{}{by}{}", &text[..at], text.get(at + by.len()..).unwrap_or(""));
            if let Ok(read) = serde_json::from_str::<Pending>(&changed) {
                prop_assert_eq!(read.crc64nvme, dump().crc64nvme);
            }
        }
    }
}
