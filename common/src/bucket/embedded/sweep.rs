//! Tidying up after requests whose process was killed.
//!
//! Never done merely because a program started, and never to anything whose owner lives: an entry of `tmp`
//! goes only if it is old and its lock is free.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use s3s::S3Result;

use super::bucket::Bucket;
use super::errors::{At as _, is_damage};
use super::files::{PLAIN, create, forget, older_than, plain};
use super::inside::Spot;
use super::locks::{Lock, try_exclusive};
use super::object::Record;
use super::write::discard;

/// Work that didn't move for this long may be abandoned, and this long passes between two looks.
pub(super) const AGE: Duration = Duration::from_secs(3600);

/// Sweeps, unless somebody did within the last hour. What goes wrong is left for the next time.
pub(super) fn now_and_then(bucket: &Bucket) {
    let stamp = bucket.inner("swept");
    match fs::symlink_metadata(&stamp) {
        Ok(_) if !older_than(&stamp, AGE) => return,
        // Writing a byte moves the time; the file stays as good as empty.
        Ok(_) if touch(&stamp).is_err() => return,
        Err(_) if create(&stamp, bucket.mode).is_err() => return,
        _ => {}
    }
    let _ = run(bucket, AGE);
}

fn touch(stamp: &Path) -> io::Result<()> {
    let opened = OpenOptions::new()
        .write(true)
        .custom_flags(PLAIN)
        .open(stamp);
    opened?.write_all(b"\n")
}

/// Settles every draft that is at least `age` old and whose owner is gone, and removes what is left of
/// uploads that were begun or ended halfway. Returns how many there were.
pub(super) fn run(bucket: &Bucket, age: Duration) -> S3Result<usize> {
    let mut settled = 0;
    let tmp = bucket.inner("tmp");
    for entry in fs::read_dir(&tmp).at("list", &tmp)? {
        let Ok(name) = entry.at("list", &tmp)?.file_name().into_string() else {
            continue;
        };
        let id = name.split('.').next().unwrap_or_default();
        let carrier = tmp.join(id);
        if !older_than(&tmp.join(&name), age) {
            continue;
        }
        // The owner removes the carrier of the lock last, so files without one are nobody's.
        let file = plain(&carrier).ok();
        if file
            .as_ref()
            .is_some_and(|file| !matches!(try_exclusive(file), Ok(true)))
        {
            continue;
        }
        match settle(bucket, id) {
            Ok(()) => settled += 1,
            // Nobody knows what the object's body is. It stays, until somebody has repaired or deleted the object.
            Err(error) if is_damage(&error) => {}
            Err(error) => return Err(error),
        }
    }
    let uploads = bucket.inner("uploads");
    for entry in fs::read_dir(&uploads).at("list", &uploads)? {
        let path = entry.at("list", &uploads)?.path();
        if is_remains(&path, age) {
            // Not if somebody is just removing it.
            if Lock::wait_for(&path.join("lock"), bucket.mode, Duration::ZERO).is_ok() {
                fs::remove_dir_all(&path).at("remove", &path)?;
                settled += 1;
            }
        }
    }
    Ok(settled)
}

fn is_remains(upload: &Path, age: Duration) -> bool {
    !upload.join("manifest.json").exists() && older_than(upload, age)
}

/// Tidies up after a draft whose owner died: undoes what was not published, finishes what was.
///
/// The caller holds the draft's own lock.
fn settle(bucket: &Bucket, id: &str) -> S3Result<()> {
    let tmp = bucket.inner("tmp");
    let (path, note, old) = (
        tmp.join(id),
        tmp.join(format!("{id}.json")),
        tmp.join(format!("{id}.old")),
    );
    if let Ok(Some(record)) = Record::read(&old) {
        let _lock = bucket.lock(&record.key)?;
        let current = Record::load(bucket, &record.key)?;
        if current.is_none_or(|current| current.body != record.body) {
            discard(bucket, &record.body);
        }
    }
    if let Ok(Some(record)) = Record::read(&note) {
        let _lock = bucket.lock(&record.key)?;
        let current = Record::load(bucket, &record.key)?;
        let ours = |spot: Spot| spot.holds(&path);
        if current.is_none_or(|current| current.body != record.body)
            && Spot::find(&bucket.dir, &record.body).is_ok_and(ours)
        {
            discard(bucket, &record.body);
        }
    }
    for leftover in [&old, &note, &path] {
        forget(leftover);
    }
    Ok(())
}
