//! Unfinished multipart uploads on disk.
//!
//! A part is written straight to its place in the final body where that place is known or can be guessed, so
//! that completing an upload copies nothing. A place is given away once: what is stored is never overwritten.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use s3s::dto::Timestamp;
use s3s::{S3Error, S3Result, s3_error};
use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::checksums::{Algorithm, Sums};
use super::errors::{At as _, damaged};
use super::files::{
    self, PLAIN, create, dated_id, forget, make_dir, random_id, sync_dir, sync_parent, write_new,
};
use super::intake::{Intake, LARGEST};
use super::locks::{self, Lock};
use super::object::{Description, encode, etag, now, read_json, to_json};
use super::slots::{self, Slots, boot};

/// The greatest part number.
pub(super) const MOST_PARTS: i32 = 10_000;

/// What CreateMultipartUpload said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) key: String,
    pub(super) initiated: Timestamp,
    /// The checksum that every part must carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) algorithm: Option<String>,
    /// True if the object's checksum is to be made of the parts' checksums.
    #[serde(default)]
    pub(super) composite: bool,
    #[serde(flatten)]
    pub(super) description: Description,
}

/// A stored part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) number: u32,
    /// Bytes.
    pub(super) size: u64,
    /// Without quotes.
    pub(super) etag: String,
    pub(super) crc64nvme: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) checksums: BTreeMap<String, String>,
    pub(super) modified: Timestamp,
    /// Its offset in `body`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<u64>,
    /// Or the file that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
}

impl Part {
    /// True for what can be true: sizes that add up, and a file beside this one.
    fn is_possible(&self, number: u32) -> bool {
        let beside = |file: &String| file.starts_with("part.") && !file.contains('/');
        self.number == number
            && (1..=MOST_PARTS.unsigned_abs()).contains(&number)
            && self.size <= LARGEST
            && self.at.is_none_or(|at| at <= LARGEST * u64::from(number))
            && self.file.as_ref().is_none_or(beside)
    }

    /// The part's checksum by that algorithm, if it was computed.
    pub(super) fn checksum(&self, algorithm: Algorithm) -> Option<&str> {
        match algorithm {
            Algorithm::Crc64Nvme => Some(&self.crc64nvme),
            other => self.checksums.get(other.name()).map(String::as_str),
        }
    }
}

/// An upload that has begun.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) bucket: Bucket,
    pub(super) id: String,
    pub(super) dir: PathBuf,
    pub(super) manifest: Manifest,
}

impl Upload {
    /// Begins an upload.
    pub(super) fn create(bucket: &Bucket, manifest: Manifest) -> S3Result<Self> {
        let id = dated_id();
        let dir = bucket.inner("uploads").join(&id);
        let upload = Self {
            bucket: bucket.clone(),
            id,
            dir,
            manifest,
        };
        // Held so that the bucket isn't deleted meanwhile.
        let _lock = bucket.lock(&upload.manifest.key)?;
        bucket.furnish().at("make", &upload.dir)?;
        make_dir(&upload.dir, bucket.mode).at("make", &upload.dir)?;
        // The lock is made now: on a disk that is full later, the upload can still be aborted.
        let made = ["lock", "body"]
            .iter()
            .try_for_each(|name| create(&upload.dir.join(name), bucket.mode).map(drop))
            .and_then(|()| {
                write_new(
                    &upload.dir.join("slots"),
                    format!("{}\n", boot()).as_bytes(),
                    bucket.mode,
                )?;
                files::replace(
                    &upload.dir.join("manifest.new"),
                    &upload.dir.join("manifest.json"),
                    &to_json(&upload.manifest),
                    bucket.mode,
                )?;
                sync_parent(&upload.dir)
            });
        if let Err(error) = made {
            let _ = fs::remove_dir_all(&upload.dir);
            return Err(error).at("write", &upload.dir);
        }
        Ok(upload)
    }

    /// Finds an upload of `key`.
    ///
    /// # Errors
    /// `NoSuchUpload`, or the disk's.
    pub(super) fn open(bucket: &Bucket, key: &str, id: &str) -> S3Result<Self> {
        if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(no_such_upload());
        }
        let dir = bucket.inner("uploads").join(id);
        match read_json::<Manifest>(&dir.join("manifest.json"))? {
            Some(manifest) if manifest.key == key => Ok(Self {
                bucket: bucket.clone(),
                id: id.to_owned(),
                dir,
                manifest,
            }),
            _ => Err(no_such_upload()),
        }
    }

    /// Takes the upload's lock, and makes sure that it wasn't completed or aborted meanwhile.
    pub(super) fn lock(&self) -> S3Result<Lock> {
        let path = self.dir.join("lock");
        let lock = match Lock::wait_for(&path, self.bucket.mode, self.bucket.patience) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(no_such_upload()),
            other => other.at("lock", &path)?,
        };
        if self.dir.join("manifest.json").exists() {
            Ok(lock)
        } else {
            Err(no_such_upload())
        }
    }

    /// Removes the upload. The caller holds its lock.
    pub(super) fn remove(&self) -> S3Result<()> {
        let manifest = self.dir.join("manifest.json");
        // Without this file there is no upload, whatever else is left.
        fs::remove_file(&manifest).at("remove", &manifest)?;
        sync_dir(&self.dir).at("sync", &self.dir)?;
        fs::remove_dir_all(&self.dir).at("remove", &self.dir)
    }

    /// The numbers of the parts that are stored.
    pub(super) fn part_numbers(&self) -> S3Result<BTreeSet<u32>> {
        let mut parts = BTreeSet::new();
        for entry in fs::read_dir(&self.dir).at("list", &self.dir)? {
            let name = entry.at("list", &self.dir)?.file_name();
            let number = name
                .to_str()
                .and_then(|name| name.strip_suffix(".json"))
                .and_then(|number| number.parse::<u32>().ok());
            parts.extend(number);
        }
        Ok(parts)
    }

    /// One stored part.
    pub(super) fn part(&self, number: u32) -> S3Result<Option<Part>> {
        let path = self.dir.join(format!("{number}.json"));
        let part = read_json::<Part>(&path)?;
        if part.as_ref().is_some_and(|part| !part.is_possible(number)) {
            return Err(damaged(&path, "it describes no part of this upload"));
        }
        Ok(part)
    }

    /// Takes one part in.
    ///
    /// # Errors
    /// Those of the body, `NoSuchUpload` if the upload ends meanwhile, or the disk's.
    pub(super) fn store(&self, number: u32, intake: Intake) -> S3Result<Part> {
        let seat = self.seat(number, intake.length())?;
        let stored = intake.write_to(&seat.file, seat.offset, &seat.path);
        self.record(number, &seat, stored)
    }

    /// The same with bytes that are here already.
    pub(super) fn store_with(
        &self,
        number: u32,
        length: u64,
        write: impl FnOnce(&File, u64, &Path) -> S3Result<Sums>,
    ) -> S3Result<Part> {
        let seat = self.seat(number, Some(length))?;
        let stored = write(&seat.file, seat.offset, &seat.path);
        self.record(number, &seat, stored)
    }

    /// Gives away a place: in `body` if one is known or can be guessed, else a file of its own.
    fn seat(&self, number: u32, length: Option<u64>) -> S3Result<Seat> {
        let _lock = self.lock()?;
        let path = self.dir.join("slots");
        let slots = Slots::read(&path).at("read", &path)?;
        let direct = !self.dir.join("completing").exists();
        let offset = length
            .filter(|_| direct)
            .and_then(|length| slots.place(number, length));
        if let Some(length) = length.filter(|_| !slots.knows(number)) {
            let mut log = OpenOptions::new()
                .append(true)
                .custom_flags(PLAIN)
                .open(&path)
                .at("open", &path)?;
            log.write_all(slots::line(number, offset, length).as_bytes())
                .at("write", &path)?;
        }
        if let Some(offset) = offset {
            let path = self.dir.join("body");
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .custom_flags(PLAIN)
                .open(&path)
                .at("open", &path)?;
            locks::shared(&file, self.bucket.patience).at("lock", &path)?;
            return Ok(Seat {
                file,
                path,
                offset,
                own: None,
            });
        }
        let name = format!("part.{number}-{}", random_id());
        let path = self.dir.join(&name);
        let file = create(&path, self.bucket.mode).at("create", &path)?;
        Ok(Seat {
            file,
            path,
            offset: 0,
            own: Some(name),
        })
    }

    fn record(&self, number: u32, seat: &Seat, stored: S3Result<Sums>) -> S3Result<Part> {
        let recorded = stored.and_then(|sums| {
            seat.file.sync_data().at("sync", &seat.path)?;
            let part = Part {
                number,
                size: sums.size,
                etag: etag(sums.crc64, sums.size, 1),
                crc64nvme: encode(&sums.crc64.to_be_bytes()),
                checksums: other_checksums(sums.other),
                modified: now(),
                at: seat.own.is_none().then_some(seat.offset),
                file: seat.own.clone(),
            };
            let _lock = self.lock()?;
            let before = self.part(number)?;
            self.write_part(&part)?;
            if let Some(file) = before.and_then(|before| before.file) {
                forget(&self.dir.join(file));
            }
            Ok(part)
        });
        if recorded.is_err() && seat.own.is_some() {
            forget(&seat.path);
        }
        recorded
    }

    /// Publishes a part's file. The caller holds the upload's lock.
    ///
    /// Not synced: a part that a power cut takes away is missed, and its bytes were synced before.
    fn write_part(&self, part: &Part) -> S3Result<()> {
        let (draft, path) = self.part_paths(part.number);
        let written =
            create(&draft, self.bucket.mode).and_then(|mut file| file.write_all(&to_json(part)));
        written
            .and_then(|()| fs::rename(&draft, &path))
            .inspect_err(|_| forget(&draft))
            .at("write", &path)
    }

    /// The same, synced: for a part whose old bytes will be overwritten.
    pub(super) fn rewrite_part(&self, part: &Part) -> S3Result<()> {
        let (draft, path) = self.part_paths(part.number);
        files::replace(&draft, &path, &to_json(part), self.bucket.mode).at("write", &path)
    }

    fn part_paths(&self, number: u32) -> (PathBuf, PathBuf) {
        (
            self.dir.join(format!("draft-{}", random_id())),
            self.dir.join(format!("{number}.json")),
        )
    }
}

/// Where a part goes.
struct Seat {
    file: File,
    path: PathBuf,
    offset: u64,
    /// The name of a file of its own.
    own: Option<String>,
}

/// All uploads, sorted by key and then by age.
pub(super) fn all(bucket: &Bucket) -> S3Result<Vec<Upload>> {
    let home = bucket.inner("uploads");
    let mut found = Vec::new();
    for entry in fs::read_dir(&home).at("list", &home)? {
        let Ok(id) = entry.at("list", &home)?.file_name().into_string() else {
            continue;
        };
        let dir = home.join(&id);
        // One that is being completed or aborted right now is as good as gone.
        if let Ok(Some(manifest)) = read_json::<Manifest>(&dir.join("manifest.json")) {
            found.push(Upload {
                bucket: bucket.clone(),
                id,
                dir,
                manifest,
            });
        }
    }
    found.sort_by(|one, other| (&one.manifest.key, &one.id).cmp(&(&other.manifest.key, &other.id)));
    Ok(found)
}

/// Checksums besides the one that is always there.
pub(super) fn other_checksums(other: Option<(Algorithm, String)>) -> BTreeMap<String, String> {
    let wanted = other.filter(|(algorithm, _)| *algorithm != Algorithm::Crc64Nvme);
    wanted
        .map(|(algorithm, value)| (algorithm.name().to_owned(), value))
        .into_iter()
        .collect()
}

/// The upload isn't there.
pub(super) fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "the specified multipart upload does not exist; it may have been aborted or completed"
    )
}

/// A part number in S3's range.
pub(super) fn part_number(number: i32) -> S3Result<u32> {
    match u32::try_from(number) {
        Ok(part) if (1..=MOST_PARTS).contains(&number) => Ok(part),
        _ => Err(s3_error!(
            InvalidArgument,
            "part number must be an integer between 1 and 10000, inclusive"
        )),
    }
}
