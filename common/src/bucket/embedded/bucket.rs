//! Bucket directories: how one is recognised, made and removed, and where things lie in it.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use s3s::{S3Result, s3_error};

use super::entries;
use super::errors::{At as _, damaged};
use super::files::{self, forget, make_dir, random_id, read_plain, sync_dir, write_new};
use super::keys::{INNER, record_path};
use super::locks::{self, Lock};

/// The one line in `.s3pipes/format`.
const FORMAT: &str = "s3pipes-store/1\n";
/// The permissions of a bucket directory that we make: backups are nobody else's business.
const PRIVATE: u32 = 0o700;
/// What lies in `.s3pipes` beside the files.
const PARTS: [&str; 5] = ["meta", "bodies", "tmp", "uploads", "locks"];

/// A directory that is a bucket.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    /// The directory.
    pub(super) dir: PathBuf,
    /// Its permissions, which new files and directories get.
    pub(super) mode: u32,
    /// How long its locks are waited for.
    pub(super) patience: Duration,
}

/// True for a name that can be a directory's: anything but a path.
pub(super) fn name_is_possible(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && !matches!(name, "." | "..")
        && !name.contains(['/', '\0'])
}

impl Bucket {
    /// Opens an existing bucket.
    ///
    /// # Errors
    /// `NoSuchBucket`, or the disk's.
    pub(super) fn open(root: &Path, name: &str) -> S3Result<Self> {
        if !name_is_possible(name) {
            return Err(s3_error!(
                InvalidBucketName,
                "the specified bucket is not valid"
            ));
        }
        let dir = root.join(name);
        let bucket = Self {
            mode: 0,
            dir,
            patience: locks::PATIENCE,
        };
        bucket.check()?;
        bucket.must_be_whole()?;
        let mode = fs::metadata(&bucket.dir)
            .at("look at", &bucket.dir)?
            .permissions()
            .mode();
        Ok(Self { mode, ..bucket })
    }

    /// Makes sure that the bucket is (still) there.
    pub(super) fn check(&self) -> S3Result<()> {
        let path = self.inner("format");
        match read_plain(&path) {
            Ok(found) if found == FORMAT.as_bytes() => Ok(()),
            Ok(_) => Err(damaged(
                &path,
                "the bucket has another format, perhaps that of a newer version",
            )),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Err(s3_error!(
                    NoSuchBucket,
                    "the specified bucket does not exist: {}",
                    self.dir.display()
                ))
            }
            Err(error) => Err(error).at("read", &path),
        }
    }

    /// Makes sure that what we write to in `.s3pipes` is there, and doesn't lead elsewhere by a link.
    fn must_be_whole(&self) -> S3Result<()> {
        let inner = self.dir.join(INNER);
        for path in PARTS.map(|part| inner.join(part)).iter().chain([&inner]) {
            if fs::symlink_metadata(path).is_ok_and(|found| !found.is_dir()) {
                return Err(damaged(path, "it is not a directory"));
            }
        }
        Ok(())
    }

    /// Makes a bucket; the directory may exist, and may hold files.
    ///
    /// # Errors
    /// `BucketAlreadyOwnedByYou`, `InvalidBucketName`, or the disk's.
    pub(super) fn create(root: &Path, name: &str) -> S3Result<()> {
        if !name_is_possible(name) || name.eq_ignore_ascii_case(INNER) {
            return Err(s3_error!(
                InvalidBucketName,
                "the specified bucket is not valid"
            ));
        }
        let dir = root.join(name);
        match make_dir(&dir, PRIVATE) {
            Ok(()) => sync_dir(root).at("sync", root)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).at("make", &dir),
        }
        let mode = fs::metadata(&dir).at("look at", &dir)?.permissions().mode();
        let bucket = Self {
            dir,
            mode,
            patience: locks::PATIENCE,
        };
        bucket.must_be_whole()?;
        bucket.furnish().at("make", &bucket.dir.join(INNER))?;
        let (draft, format) = (
            bucket.inner(&format!("format.{}", random_id())),
            bucket.inner("format"),
        );
        write_new(&draft, FORMAT.as_bytes(), mode).at("write", &draft)?;
        // A link, unlike a rename, tells whether we are the first.
        let made = fs::hard_link(&draft, &format);
        forget(&draft);
        match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(s3_error!(
                BucketAlreadyOwnedByYou,
                "the bucket exists already and is yours"
            )),
            other => {
                other.at("write", &format)?;
                files::sync_parent(&format).at("sync", &format)
            }
        }
    }

    /// Makes the directories that a bucket has, as far as they are missing.
    pub(super) fn furnish(&self) -> io::Result<()> {
        let inner = self.dir.join(INNER);
        let made = |path: &Path| match make_dir(path, self.mode) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        };
        made(&inner)?;
        for part in PARTS {
            made(&inner.join(part))?;
        }
        sync_dir(&inner)?;
        sync_dir(&self.dir)
    }

    /// Removes a bucket that holds nothing.
    ///
    /// # Errors
    /// `BucketNotEmpty` where there are objects, unfinished uploads, or files that aren't ours.
    pub(super) fn remove(&self) -> S3Result<()> {
        // Whoever publishes anything holds one of these locks and then looks whether the bucket is there.
        let mut held = Vec::with_capacity(256);
        for number in 0..=255_u8 {
            held.push(self.lock_file(&format!("{number:02x}"))?);
        }
        self.check()?;
        let meta = self.inner("meta");
        let objects = entries::any_object(&meta).at("list", &meta)?;
        let uploads =
            entries::any_upload(&self.inner("uploads")).at("list", &self.inner("uploads"))?;
        if objects || uploads || self.holds_foreign_files().at("list", &self.dir)? {
            return Err(s3_error!(
                BucketNotEmpty,
                "the bucket you tried to delete is not empty"
            ));
        }
        let format = self.inner("format");
        fs::remove_file(&format).at("remove", &format)?;
        let inner = self.dir.join(INNER);
        fs::remove_dir_all(&inner).at("remove", &inner)?;
        remove_empty_tree(&self.dir).at("remove", &self.dir)?;
        files::sync_parent(&self.dir).at("sync", &self.dir)
    }

    fn holds_foreign_files(&self) -> io::Result<bool> {
        let mut waiting = vec![self.dir.clone()];
        while let Some(dir) = waiting.pop() {
            for entry in fs::read_dir(&dir)? {
                let entry = entry?;
                if dir == self.dir && entry.file_name() == INNER {
                    continue;
                }
                if !entry.file_type()?.is_dir() {
                    return Ok(true);
                }
                waiting.push(entry.path());
            }
        }
        Ok(false)
    }

    /// A path in `.s3pipes`.
    pub(super) fn inner(&self, name: &str) -> PathBuf {
        let mut path = self.dir.join(INNER);
        path.push(name);
        path
    }

    /// Where the record of `key` lies.
    pub(super) fn record(&self, key: &str) -> PathBuf {
        let mut path = self.inner("meta");
        path.push(record_path(key));
        path
    }

    /// Takes the lock of `key`, and makes sure that the bucket was not deleted while waiting for it.
    pub(super) fn lock(&self, key: &str) -> S3Result<Lock> {
        let lock = self.lock_file(&locks::of_key(key))?;
        self.check()?;
        Ok(lock)
    }

    fn lock_file(&self, name: &str) -> S3Result<Lock> {
        let mut path = self.inner("locks");
        path.push(name);
        match Lock::wait_for(&path, self.mode, self.patience) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.check()?;
                self.furnish().at("make", &path)?;
                Lock::wait_for(&path, self.mode, self.patience).at("lock", &path)
            }
            other => other.at("lock", &path),
        }
    }
}

/// The buckets under `root`, sorted, with the time each was made.
pub(super) fn all(root: &Path) -> io::Result<Vec<(String, std::time::SystemTime)>> {
    let mut buckets = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if let Ok(format) = fs::metadata(entry.path().join(INNER).join("format")) {
            buckets.push((name, format.modified()?));
        }
    }
    buckets.sort();
    Ok(buckets)
}

/// Removes a directory in which there are only directories.
fn remove_empty_tree(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_empty_tree(&entry.path())?;
        }
    }
    fs::remove_dir(dir)
}
