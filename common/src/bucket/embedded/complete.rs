//! CompleteMultipartUpload: from parts to one object, without copying what lies in its place already.
//!
//! Nothing is changed before everything was verified, and the upload stays until the object is published: a
//! completion that was killed can be asked for again.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use crcs::CrcAlgorithm;
use s3s::crypto::{Checksum as _, Sha1, Sha256};
use s3s::dto::{CompletedPart, ETag};
use s3s::{S3Result, s3_error};

use super::bucket::Bucket;
use super::checksums::{Algorithm, decode, mismatch, named};
use super::conditions::Guard;
use super::errors::{At as _, is_damage};
use super::files::{PLAIN, copy, create, forget, length_of, plain, random_id};
use super::locks::try_exclusive;
use super::object::{Record, encode, etag, now, runs};
use super::uploads::{Part, Upload, no_such_upload, part_number};
use super::write::Draft;

/// Every part but the last must have this size at least.
const SMALLEST: u64 = 5 << 20;
/// How often, and how long each time, we wait for a part's writer that was given up to notice.
const PATIENCE: (u32, Duration) = (100, Duration::from_millis(20));

/// What the request says.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) parts: Vec<CompletedPart>,
    pub(super) guard: Guard,
    /// The whole object's checksum.
    pub(super) checksum: Option<(Algorithm, String)>,
    /// The whole object's size.
    pub(super) size: Option<i64>,
}

/// Completes an upload; once more, if it was completed before, the object is still the one it became, and the
/// request asks for just that one.
pub(super) fn complete(bucket: &Bucket, key: &str, id: &str, wanted: &Wanted) -> S3Result<Record> {
    let ours = |record: &Record| record.upload.as_deref() == Some(id);
    let locked =
        Upload::open(bucket, key, id).and_then(|upload| upload.lock().map(|lock| (upload, lock)));
    let (upload, _lock) = match locked {
        Ok(found) => found,
        Err(error) if *error.code() == s3s::S3ErrorCode::NoSuchUpload => {
            let record = Record::load(bucket, key)?.filter(ours);
            return same(record, wanted);
        }
        Err(error) => return Err(error),
    };
    let before = match Record::load(bucket, key) {
        // Whether it may be replaced is asked below.
        Err(error) if is_damage(&error) => None,
        other => other?,
    };
    if let Some(record) = before.filter(ours) {
        upload.remove()?;
        return same(Some(record), wanted);
    }
    let parts = chosen(&upload, &wanted.parts)?;
    let record = describe(&upload, &parts, wanted)?;
    wanted.guard.admit(bucket, key)?;

    let marker = upload.dir.join("completing");
    if !marker.exists() {
        create(&marker, bucket.mode).at("create", &marker)?;
    }
    let (path, file) = assemble(&upload, parts, record.size)?;
    let record = Draft::adopt(bucket, &path, file)?.publish(record, &wanted.guard)?;
    // The object is there. What is left of the upload is found again by whoever asks for it.
    let _ = upload.remove();
    Ok(record)
}

/// The object that the upload became, if it is the one that the request asks for.
fn same(record: Option<Record>, wanted: &Wanted) -> S3Result<Record> {
    record
        .filter(|record| is_wanted(record, wanted))
        .ok_or_else(no_such_upload)
}

/// True if the parts, size and checksum of the request are the object's. The parts are gone, but each ETag names
/// its part's CRC and size.
fn is_wanted(record: &Record, wanted: &Wanted) -> bool {
    let sized = wanted
        .size
        .is_none_or(|size| u64::try_from(size) == Ok(record.size));
    let summed = wanted.checksum.as_ref().is_none_or(|(algorithm, value)| {
        let held = match algorithm {
            Algorithm::Crc64Nvme => Some(&record.crc64nvme),
            other => record.checksums.get(other.name()),
        };
        held == Some(value)
    });
    let count = record.part_count().and_then(|count| count.try_into().ok());
    if !sized || !summed || count != Some(wanted.parts.len()) {
        return false;
    }
    let mut whole: Option<u64> = None;
    for (part, (number, _, size)) in wanted.parts.iter().zip(record.each_part()) {
        let tag = part.e_tag.as_ref().map(ETag::value).unwrap_or_default();
        let crc = tag.get(..16).map(|crc| u64::from_str_radix(crc, 16));
        let Some(Ok(crc)) = crc.filter(|_| part.part_number.map(u32::try_from) == Some(Ok(number)))
        else {
            return false;
        };
        if etag(crc, size, 1) != tag {
            return false;
        }
        let joined = |before| crcs::checksum_combine(CrcAlgorithm::Crc64Nvme, before, crc, size);
        whole = Some(whole.map_or(crc, joined));
    }
    whole.map(|crc| encode(&crc.to_be_bytes())).as_ref() == Some(&record.crc64nvme)
}

/// The stored parts that the request lists.
fn chosen(upload: &Upload, listed: &[CompletedPart]) -> S3Result<Vec<Part>> {
    if listed.is_empty() {
        return Err(s3_error!(
            MalformedXML,
            "you must specify at least one part"
        ));
    }
    let mut parts: Vec<Part> = Vec::with_capacity(listed.len());
    for wanted in listed {
        let number = part_number(wanted.part_number.unwrap_or_default())?;
        if parts.last().is_some_and(|last| last.number >= number) {
            return Err(s3_error!(
                InvalidPartOrder,
                "the list of parts was not in ascending order"
            ));
        }
        let invalid = || {
            s3_error!(
                InvalidPart,
                "part {number} could not be found, or its ETag or checksum did not match"
            )
        };
        let part = upload.part(number).ok().flatten().ok_or_else(invalid)?;
        if wanted.e_tag.as_ref().map(ETag::value) != Some(&part.etag) {
            return Err(invalid());
        }
        let checksum = named(
            wanted.checksum_crc32.as_ref(),
            wanted.checksum_crc32c.as_ref(),
            wanted.checksum_sha1.as_ref(),
            wanted.checksum_sha256.as_ref(),
            wanted.checksum_crc64nvme.as_ref(),
        );
        if checksum.is_some_and(|(algorithm, value)| part.checksum(algorithm) != Some(value)) {
            return Err(invalid());
        }
        parts.push(part);
    }
    if let Some((_, all_but_last)) = parts.split_last()
        && all_but_last.iter().any(|part| part.size < SMALLEST)
    {
        return Err(s3_error!(
            EntityTooSmall,
            "your proposed upload is smaller than the minimum allowed size: 5 MiB for every part but the last"
        ));
    }
    Ok(parts)
}

/// The record of the object to be, with every promise of the request verified.
fn describe(upload: &Upload, parts: &[Part], wanted: &Wanted) -> S3Result<Record> {
    let size = parts.iter().map(|part| part.size).sum::<u64>();
    if let Some(expected) = wanted
        .size
        .filter(|&expected| u64::try_from(expected) != Ok(size))
    {
        return Err(s3_error!(
            InvalidRequest,
            "the provided x-amz-mp-object-size header value {expected} does not match what was computed: {size}"
        ));
    }
    let crc64 = combine(parts, Algorithm::Crc64Nvme)?;
    let algorithm = upload
        .manifest
        .algorithm
        .as_deref()
        .map(Algorithm::named)
        .transpose()?;
    let value = match algorithm {
        Some(algorithm) if upload.manifest.composite => {
            Some((algorithm, composite(parts, algorithm)?))
        }
        Some(algorithm) => Some((algorithm, algorithm.encode_crc(combine(parts, algorithm)?))),
        None => None,
    };
    if let Some((promised, expected)) = &wanted.checksum {
        let computed = match &value {
            Some((algorithm, value)) if algorithm == promised => value.clone(),
            _ if *promised == Algorithm::Crc64Nvme => promised.encode_crc(crc64),
            _ => {
                return Err(s3_error!(
                    InvalidRequest,
                    "the upload was not created with checksum algorithm {}",
                    promised.name()
                ));
            }
        };
        if computed != *expected {
            return Err(mismatch(*promised));
        }
    }
    Ok(Record {
        key: upload.manifest.key.clone(),
        body: String::new(),
        size,
        modified: now(),
        etag: etag(crc64, size, parts.len()),
        crc64nvme: encode(&crc64.to_be_bytes()),
        checksums: super::uploads::other_checksums(value),
        composite: upload.manifest.composite,
        description: upload.manifest.description.clone(),
        parts: runs(parts.iter().map(|part| (part.number, part.size))),
        upload: Some(upload.id.clone()),
        restore: None,
    })
}

fn part_value(part: &Part, algorithm: Algorithm) -> S3Result<Vec<u8>> {
    let value = part.checksum(algorithm).and_then(decode);
    value.ok_or_else(|| {
        s3_error!(
            InvalidPart,
            "part {} has no {} checksum",
            part.number,
            algorithm.name()
        )
    })
}

/// The CRC of all parts together.
fn combine(parts: &[Part], algorithm: Algorithm) -> S3Result<u64> {
    let Some(crc) = algorithm.crc() else {
        return Err(s3_error!(
            InvalidRequest,
            "{} can't be a full object checksum",
            algorithm.name()
        ));
    };
    let mut shifts = Shifts::of(crc, parts);
    let mut whole: Option<u64> = None;
    for part in parts {
        let bytes = part_value(part, algorithm)?;
        let value = bytes
            .iter()
            .fold(0, |value, &byte| value << 8 | u64::from(byte));
        whole = Some(whole.map_or(value, |before| shifts.by(before, part.size) ^ value));
    }
    Ok(whole.unwrap_or_default())
}

/// What a CRC becomes when so many bytes follow. It is a linear map, so where many parts have one size, it is
/// worth finding out once what becomes of each bit.
struct Shifts {
    crc: CrcAlgorithm,
    /// How many parts have which size.
    uses: HashMap<u64, usize>,
    bits: HashMap<u64, Vec<u64>>,
}

impl Shifts {
    fn of(crc: CrcAlgorithm, parts: &[Part]) -> Self {
        let mut uses = HashMap::new();
        for part in parts {
            *uses.entry(part.size).or_default() += 1;
        }
        Self {
            crc,
            uses,
            bits: HashMap::new(),
        }
    }

    fn by(&mut self, value: u64, length: u64) -> u64 {
        let crc = self.crc;
        if self.uses.get(&length).is_none_or(|&uses| uses <= 64) {
            return crcs::checksum_combine(crc, value, 0, length);
        }
        let each = |bit: u32| crcs::checksum_combine(crc, 1 << bit, 0, length);
        let bits = self
            .bits
            .entry(length)
            .or_insert_with(|| (0..64).map(each).collect());
        let set = bits
            .iter()
            .enumerate()
            .filter(|(bit, _)| value >> bit & 1 == 1);
        set.fold(0, |all, (_, shifted)| all ^ shifted)
    }
}

/// The checksum of the parts' checksums.
fn composite(parts: &[Part], algorithm: Algorithm) -> S3Result<String> {
    let mut all = Vec::new();
    for part in parts {
        all.extend(part_value(part, algorithm)?);
    }
    let value = match (algorithm, algorithm.crc()) {
        (Algorithm::Sha1, _) => encode(Sha1::checksum(&all).as_slice()),
        (Algorithm::Sha256, _) => encode(Sha256::checksum(&all).as_slice()),
        (_, Some(crc)) => algorithm.encode_crc(crcs::checksum(crc, &all)),
        (_, None) => return Err(s3_error!(NotImplemented)),
    };
    Ok(format!("{value}-{}", parts.len()))
}

/// Brings every part to its place in one file, which nobody else writes any more: its path and the open,
/// locked file. The caller holds the upload's lock.
fn assemble(upload: &Upload, mut parts: Vec<Part>, size: u64) -> S3Result<(PathBuf, File)> {
    let path = upload.dir.join("body");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(PLAIN)
        .open(&path)
        .at("open", &path)?;
    let length = length_of(&file).at("look at", &path)?;
    let mut offset = 0;
    for part in &mut parts {
        // A body that was cut short must not be taken for zeros.
        if part.at.is_some_and(|at| at + part.size > length) {
            return Err(s3_error!(InvalidPart, "part {} was lost", part.number));
        }
        if part.at.is_some_and(|at| at != offset) {
            move_out(upload, &file, part)?;
        }
        offset += part.size;
    }
    let settled = is_ours(&file).at("lock", &path)?;
    let (path, body) = if settled {
        let body = file.try_clone().at("open", &path)?;
        (path, body)
    } else {
        // Somebody still writes a part that nobody waits for. What he writes must not end up in the object.
        let path = upload.dir.join(format!("body-{}", random_id()));
        let body = create(&path, upload.bucket.mode).at("create", &path)?;
        is_ours(&body).at("lock", &path)?;
        (path, body)
    };
    let mut offset = 0;
    for part in &parts {
        match (&part.file, part.at) {
            (Some(name), _) => {
                let source = upload.dir.join(name);
                let from = plain(&source).at("open", &source)?;
                copy(&from, 0, &body, offset, part.size).at("copy", &source)?;
            }
            (None, Some(at)) if !settled => {
                copy(&file, at, &body, offset, part.size).at("copy", &path)?;
            }
            _ => {}
        }
        offset += part.size;
    }
    if length_of(&body).at("look at", &path)? != size {
        body.set_len(size).at("cut", &path)?;
    }
    Ok((path, body))
}

/// Gives a part that lies in the wrong place of `body` a file of its own.
fn move_out(upload: &Upload, body: &File, part: &mut Part) -> S3Result<()> {
    let name = format!("part.{}-{}", part.number, random_id());
    let path = upload.dir.join(&name);
    let file = create(&path, upload.bucket.mode).at("create", &path)?;
    let moved = copy(body, part.at.unwrap_or_default(), &file, 0, part.size)
        .and_then(|()| file.sync_data());
    if let Err(error) = moved {
        forget(&path);
        return Err(error).at("copy", &path);
    }
    *part = Part {
        at: None,
        file: Some(name),
        ..part.clone()
    };
    upload.rewrite_part(part)
}

/// Takes the lock of a body, waiting a little for writers whose request was given up.
fn is_ours(body: &File) -> std::io::Result<bool> {
    for _ in 0..PATIENCE.0 {
        if try_exclusive(body)? {
            return Ok(true);
        }
        std::thread::sleep(PATIENCE.1);
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crcs_of_many_parts_are_those_of_the_whole() {
        let algorithms = [Algorithm::Crc64Nvme, Algorithm::Crc32, Algorithm::Crc32c];
        for (algorithm, count) in algorithms
            .into_iter()
            .flat_map(|each| [(each, 3), (each, 100)])
        {
            let crc = algorithm.crc().unwrap();
            let bytes: Vec<u8> = (0..count * 37 + 5)
                .map(|at: usize| (at * 7 % 251) as u8)
                .collect();
            let part = |(at, piece): (usize, &[u8])| {
                let value = algorithm.encode_crc(crcs::checksum(crc, piece));
                Part {
                    number: at as u32 + 1,
                    size: piece.len() as u64,
                    etag: String::new(),
                    crc64nvme: value.clone(),
                    checksums: [(algorithm.name().to_owned(), value)].into(),
                    modified: now(),
                    at: None,
                    file: None,
                }
            };
            let parts: Vec<Part> = bytes.chunks(37).enumerate().map(part).collect();
            assert_eq!(
                combine(&parts, algorithm).unwrap(),
                crcs::checksum(crc, &bytes)
            );
        }
    }

    /// A completion is repeated for who asks for that object, and not for who names the upload and other parts.
    #[test]
    fn what_was_completed_is_compared_with_what_is_wanted() {
        let crc = |bytes: &[u8]| crcs::checksum(CrcAlgorithm::Crc64Nvme, bytes);
        let value = |bytes: &[u8]| Algorithm::Crc64Nvme.encode_crc(crc(bytes));
        let record: Record = serde_json::from_value(serde_json::json!({
            "key": "k", "body": "k", "size": 7, "modified": now(), "etag": etag(crc(b"onetwo!"), 7, 2),
            "crc64nvme": value(b"onetwo!"), "parts": runs([(1, 3), (2, 4)]), "upload": "u",
        }))
        .unwrap();
        let wanted = |pieces: &[(i32, &[u8])], size, checksum: Option<&[u8]>| Wanted {
            parts: pieces
                .iter()
                .map(|&(number, piece)| CompletedPart {
                    part_number: Some(number),
                    e_tag: Some(ETag::Strong(etag(crc(piece), piece.len() as u64, 1))),
                    ..CompletedPart::default()
                })
                .collect(),
            size,
            checksum: checksum.map(|bytes| (Algorithm::Crc64Nvme, value(bytes))),
            ..Wanted::default()
        };
        let parts: [(i32, &[u8]); 2] = [(1, b"one"), (2, b"two!")];
        assert!(is_wanted(&record, &wanted(&parts, None, None)));
        assert!(is_wanted(
            &record,
            &wanted(&parts, Some(7), Some(b"onetwo!"))
        ));
        for other in [
            wanted(&[(1, b"one"), (2, b"six!")], None, None),
            wanted(&[(1, b"one"), (3, b"two!")], None, None),
            wanted(&[(1, b"onet"), (2, b"wo!")], None, None),
            wanted(&parts[..1], None, None),
            wanted(&[], None, None),
            wanted(&parts, Some(8), None),
            wanted(&parts, None, Some(b"onesix!")),
        ] {
            assert!(!is_wanted(&record, &other), "{other:?}");
        }
    }
}
