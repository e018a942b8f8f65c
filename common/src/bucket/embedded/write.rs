//! Publishing, changing and deleting objects: the only code that touches records.
//!
//! Everything here leaves the old state or the new one, whenever the process dies. A [`Draft`] is the work of
//! one request; its files in `tmp` are enough for a later sweep to undo or finish what a killed one began.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use s3s::{S3Result, s3_error};

use super::asker::still_wanted;
use super::bucket::Bucket;
use super::conditions::{Guard, no_such_key};
use super::errors::At as _;
use super::files::{create, forget, random_id, sync_parent, write_new};
use super::inside::{Spot, prune_dirs, with_dirs};
use super::keys::{INNER, is_spare, own_path, record_path, spare_path};
use super::locks;
use super::object::{Record, now};

/// Work in progress: `tmp/ID`, locked for as long as its owner lives.
#[derive(Debug)]
pub(super) struct Draft {
    bucket: Bucket,
    id: String,
    path: PathBuf,
    file: File,
    /// Leave the files to a sweep.
    keep: bool,
}

impl Draft {
    /// An empty draft.
    pub(super) fn new(bucket: &Bucket) -> S3Result<Self> {
        let id = random_id();
        let path = bucket.inner("tmp").join(&id);
        let file = match create(&path, bucket.mode) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                bucket.check()?;
                bucket.furnish().and_then(|()| create(&path, bucket.mode))
            }
            other => other,
        }
        .at("create", &path)?;
        let draft = Self {
            bucket: bucket.clone(),
            id,
            path,
            file,
            keep: false,
        };
        locks::try_exclusive(&draft.file).at("lock", &draft.path)?;
        Ok(draft)
    }

    /// A draft whose body is a file that is there already; `file` must be that file, open and locked.
    pub(super) fn adopt(bucket: &Bucket, body: &Path, file: File) -> S3Result<Self> {
        let id = random_id();
        let path = bucket.inner("tmp").join(&id);
        fs::hard_link(body, &path).at("link", &path)?;
        Ok(Self {
            bucket: bucket.clone(),
            id,
            path,
            file,
            keep: false,
        })
    }

    /// The file for the body.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Its path, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        self.bucket
            .inner("tmp")
            .join(format!("{}.{suffix}", self.id))
    }

    fn note(&self, record: &Record) -> S3Result<PathBuf> {
        let path = self.beside("json");
        write_new(&path, &record.to_json(), self.bucket.mode).at("write", &path)?;
        Ok(path)
    }

    /// Makes the draft the object `record.key`, if `guard` allows. Returns the record as published.
    ///
    /// # Errors
    /// `PreconditionFailed`, `NoSuchKey` (for `If-Match` on nothing), `NoSuchBucket`, or the disk's. Then
    /// nothing has changed.
    pub(super) fn publish(mut self, mut record: Record, guard: &Guard) -> S3Result<Record> {
        self.file.sync_all().at("sync", &self.path)?;
        record.modified = now();
        record.body = self.choose_place(&record.key);
        let mut note = self.note(&record)?;
        let bucket = self.bucket.clone();
        let target = bucket.record(&record.key);

        let lock = bucket.lock(&record.key)?;
        let current = guard.admit(&bucket, &record.key)?;
        let placed = match self.place_body(&record.body)? {
            None => {
                record.body = spare_path(&self.id);
                forget(&note);
                note = self.note(&record)?;
                self.place_body(&record.body)?
            }
            placed => placed,
        };
        let body = bucket.dir.join(&record.body);
        let synced = placed.map_or(Ok(()), |spot| spot.sync_dir());
        let published = synced.at("sync", &body).and_then(|()| {
            if current.is_some() {
                self.keep_old(&target)?;
            }
            still_wanted()?;
            publish_note(&bucket, &note, &record.key, guard.create_only)
        });
        if let Err(error) = published {
            discard(&bucket, &record.body);
            return Err(error);
        }
        if let Err(error) = sync_parent(&target) {
            // It is published, and may or may not last: nothing may be undone any more.
            self.keep = true;
            return Err(error).at("sync", &target);
        }
        drop(lock);
        if let Some(old) = current.filter(|old| old.body != record.body) {
            self.remove_body(&old.body);
        }
        Ok(record)
    }

    fn choose_place(&self, key: &str) -> String {
        // The place may be taken by this very body, if an earlier try was killed.
        let free = |own: &str| match Spot::find(&self.bucket.dir, own) {
            Ok(spot) => spot.is_free() || spot.holds(&self.path),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        match own_path(key) {
            Some(own) if free(own) => own.to_owned(),
            _ => spare_path(&self.id),
        }
    }

    /// Links the body to its place and says where that is; `None` if that place can't be had.
    fn place_body(&self, place: &str) -> S3Result<Option<Spot>> {
        let path = self.bucket.dir.join(place);
        let own = !is_spare(place);
        let linked = with_dirs(&self.bucket.dir, place, self.bucket.mode, |spot| match spot
            .link(&self.path)
        {
            Err(error)
                if own
                    && error.kind() == io::ErrorKind::AlreadyExists
                    && spot.holds(&self.path) =>
            {
                Ok(spot)
            }
            other => other.map(|()| spot),
        });
        match linked {
            Ok(spot) => Ok(Some(spot)),
            Err(error) if own && unusable(&error) => Ok(None),
            Err(error) => Err(error).at("link", &path),
        }
    }

    /// Keeps a name of the current record, so that the removal of what it describes can be finished later.
    fn keep_old(&self, target: &Path) -> S3Result<()> {
        let old = self.beside("old");
        fs::hard_link(target, &old).at("link", &old)
    }

    fn remove_body(&mut self, body: &str) {
        match Spot::find(&self.bucket.dir, body).and_then(|spot| spot.remove()) {
            Ok(()) if !is_spare(body) => prune_dirs(&self.bucket.dir, body, 0),
            Ok(()) => {}
            // Behind a link or a foreign file there is no body of ours.
            Err(error) => {
                self.keep = !matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                );
            }
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        // The file that carries the lock goes last: without it, the others are nobody's.
        forget(&self.beside("old"));
        forget(&self.beside("json"));
        forget(&self.path);
    }
}

/// True where another place for a body may do.
fn unusable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AlreadyExists
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::TooManyLinks
    )
}

fn publish_note(bucket: &Bucket, note: &Path, key: &str, create_only: bool) -> S3Result<()> {
    let target = bucket.record(key);
    let step = |spot: Spot| {
        if create_only {
            spot.link(note)
        } else {
            spot.take(note)
        }
    };
    match with_dirs(&bucket.dir, &below_meta(key), bucket.mode, step) {
        Err(error) if create_only && error.kind() == io::ErrorKind::AlreadyExists => Err(
            s3_error!(PreconditionFailed, "the key was created meanwhile"),
        ),
        other => other.at("publish", &target),
    }
}

/// Where the record of `key` lies, relative to the bucket's directory.
fn below_meta(key: &str) -> String {
    format!("{INNER}/meta/{}", record_path(key))
}

/// Changes an object's record and leaves its body alone.
///
/// # Errors
/// `NoSuchKey`, those of `change`, or the disk's.
pub(super) fn amend(
    bucket: &Bucket,
    key: &str,
    change: impl FnOnce(&mut Record) -> S3Result<()>,
) -> S3Result<Record> {
    let draft = Draft::new(bucket)?;
    let _lock = bucket.lock(key)?;
    let mut record = Record::load(bucket, key)?.ok_or_else(no_such_key)?;
    change(&mut record)?;
    let note = draft.note(&record)?;
    still_wanted()?;
    publish_note(bucket, &note, key, false)?;
    let target = bucket.record(key);
    sync_parent(&target).at("sync", &target)?;
    Ok(record)
}

/// Deletes an object; one that isn't there is as good as deleted. Of a damaged one, the record goes; what lies
/// where its body may have been stays, for nothing says that it is the body.
///
/// # Errors
/// `PreconditionFailed` or `NoSuchKey` if `guard` says so, or the disk's.
pub(super) fn delete(bucket: &Bucket, key: &str, guard: &Guard) -> S3Result<()> {
    let target = bucket.record(key);
    if fs::symlink_metadata(&target).is_err() {
        return guard.admit(bucket, key).map(|_| ());
    }
    let mut draft = Draft::new(bucket)?;
    let lock = bucket.lock(key)?;
    let current = guard.admit(bucket, key)?;
    still_wanted()?;
    let (below, old) = (below_meta(key), draft.beside("old"));
    match Spot::find(&bucket.dir, &below).and_then(|spot| spot.give(&old)) {
        Err(error) if current.is_none() && error.kind() == io::ErrorKind::NotFound => {
            return Ok(());
        }
        other => other.at("delete", &target)?,
    }
    let synced = sync_parent(&target);
    drop(lock);
    if let Err(error) = synced {
        draft.keep = true;
        return Err(error).at("sync", &target);
    }
    if let Some(record) = current {
        draft.remove_body(&record.body);
    }
    prune_dirs(&bucket.dir, &below, 2);
    Ok(())
}

/// Removes a body that no record names.
pub(super) fn discard(bucket: &Bucket, body: &str) {
    let _ = Spot::find(&bucket.dir, body).and_then(|spot| spot.remove());
    if !is_spare(body) {
        prune_dirs(&bucket.dir, body, 0);
    }
}
