//! The record of an object: everything about it but its bytes.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use s3s::S3Result;
use s3s::dto::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::errors::{At as _, damaged};
use super::files::read_plain;
use super::keys::may_hold;
use super::uploads::MOST_PARTS;

/// The class of an object that doesn't say.
pub(super) const STANDARD_CLASS: &str = "STANDARD";

/// What a writer says about an object besides its bytes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Description {
    #[serde(default = "standard_class")]
    pub(super) class: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) metadata: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) acl: Option<String>,
}

/// One version of one object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) key: String,
    /// Where the body lies, relative to the bucket's directory.
    pub(super) body: String,
    /// Bytes.
    pub(super) size: u64,
    pub(super) modified: Timestamp,
    /// Without quotes.
    pub(super) etag: String,
    /// Base64, as in S3's headers.
    pub(super) crc64nvme: String,
    /// Other checksums that were verified: name to base64.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) checksums: BTreeMap<String, String>,
    /// True if `checksums` are made of the parts' checksums.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) composite: bool,
    #[serde(flatten)]
    pub(super) description: Description,
    /// Runs of equal parts: first number, how many, bytes each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<(u32, u32, u64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) upload: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) restore: Option<Restore>,
}

/// What a listing shows of an object: less to parse, a thousand times a page.
#[derive(Debug, Deserialize)]
pub(super) struct Brief {
    pub(super) size: u64,
    pub(super) modified: Timestamp,
    pub(super) etag: String,
    #[serde(default = "standard_class")]
    pub(super) class: String,
}

/// A copy that was asked for of an archived object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Restore {
    /// Not readable before.
    pub(super) ready: Timestamp,
    /// Nor before this many more looks (HEAD requests).
    #[serde(default)]
    pub(super) looks: u32,
    /// Not readable after.
    pub(super) expires: Timestamp,
}

fn standard_class() -> String {
    STANDARD_CLASS.to_owned()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Whether an object can be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// Yes.
    Readable,
    /// No: archived, and nobody asked for it.
    Archived,
    /// Not yet: asked for.
    Thawing,
    /// Yes, for a while: archived, asked for, and there.
    Thawed,
}

impl Record {
    /// The published record of `key`; `None` where there is no such object.
    pub(super) fn load(bucket: &Bucket, key: &str) -> S3Result<Option<Self>> {
        let path = bucket.record(key);
        match Self::read(&path)? {
            Some(record) if record.key == key => Ok(Some(record)),
            Some(_) => Err(damaged(&path, "it describes another key")),
            None => Ok(None),
        }
    }

    /// The record in a file, of whatever key. Everything that others rely on has been checked.
    pub(super) fn read(path: &Path) -> S3Result<Option<Self>> {
        let Some(record) = read_json::<Self>(path)? else {
            return Ok(None);
        };
        if !may_hold(&record.body, &record.key) {
            return Err(damaged(path, "its body is somewhere else"));
        }
        if !record.parts.is_empty() && total(&record.parts) != Some(record.size) {
            return Err(damaged(path, "its parts don't add up"));
        }
        Ok(Some(record))
    }

    /// The record as it is stored.
    pub(super) fn to_json(&self) -> Vec<u8> {
        to_json(self)
    }

    /// True if both describe one act of publishing.
    pub(super) fn is_same_version(&self, other: &Self) -> bool {
        self.body == other.body && self.modified == other.modified && self.etag == other.etag
    }

    /// Whether the object can be read now.
    pub(super) fn state(&self) -> State {
        if !crate::listing::is_cold(&self.description.class) {
            return State::Readable;
        }
        let now = now();
        match &self.restore {
            Some(restore) if restore.expires <= now => State::Archived,
            Some(restore) if restore.looks > 0 || restore.ready > now => State::Thawing,
            Some(_) => State::Thawed,
            None => State::Archived,
        }
    }

    /// How many parts the object was made of, where it was made of parts.
    pub(super) fn part_count(&self) -> Option<u32> {
        let count = self.parts.iter().map(|&(_, count, _)| count).sum();
        (count > 0).then_some(count)
    }

    /// Every part: number, offset, size.
    pub(super) fn each_part(&self) -> impl Iterator<Item = (u32, u64, u64)> + '_ {
        let runs = self
            .parts
            .iter()
            .flat_map(|&(first, count, size)| (0..count).map(move |more| (first + more, size)));
        runs.scan(0, |offset, (number, size)| {
            let at = *offset;
            *offset += size;
            Some((number, at, size))
        })
    }
}

/// How many bytes the parts have together; `None` if their numbers aren't those of parts, in order.
fn total(parts: &[(u32, u32, u64)]) -> Option<u64> {
    let (mut last, mut bytes) = (0, 0_u64);
    for &(first, count, size) in parts {
        if first <= last || count == 0 {
            return None;
        }
        last = first.checked_add(count - 1)?;
        bytes = bytes.checked_add(size.checked_mul(u64::from(count))?)?;
    }
    (i64::from(last) <= i64::from(MOST_PARTS)).then_some(bytes)
}

/// Runs of consecutive parts of one size.
pub(super) fn runs(parts: impl IntoIterator<Item = (u32, u64)>) -> Vec<(u32, u32, u64)> {
    let mut runs: Vec<(u32, u32, u64)> = Vec::new();
    for (number, size) in parts {
        match runs.last_mut() {
            Some((first, count, bytes)) if *bytes == size && *first + *count == number => {
                *count += 1;
            }
            _ => runs.push((number, 1, size)),
        }
    }
    runs
}

/// An ETag that nobody takes for an MD5.
pub(super) fn etag(crc64: u64, size: u64, parts: usize) -> String {
    format!("{crc64:016x}{size:016x}-{parts}")
}

/// A checksum as it travels in headers.
pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The current time.
pub(super) fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

/// A time to come.
pub(super) fn after(wait: Duration) -> Timestamp {
    Timestamp::from(
        SystemTime::now()
            .checked_add(wait)
            .unwrap_or_else(SystemTime::now),
    )
}

/// JSON of something that has no way to fail: only strings are keys in what we store.
pub(super) fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// What is in a JSON file; `None` if there is none.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> S3Result<Option<T>> {
    match read_plain(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| damaged(path, &error.to_string())),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error).at("read", path),
    }
}
