//! S3 from a directory: what answers behind `file://`.
//!
//! [`Store`] implements the `S3` trait of the protocol library on files, as `doc/format/embedded-store.md` lays
//! them out. [`http_client`] lets the SDK talk to it inside the process: every tool uses the same requests
//! for a directory as for a server. The tests also serve a [`Store`] over HTTP.
//!
//! It promises: an object is visible when it is whole and on disk, and not before; conditions are atomic
//! between processes; a refused request changes nothing; killing any process at any time costs
//! nothing but its unfinished work. It refuses what it can't do instead of pretending: versions,
//! encryption, object lock, policies.
//!
//! Inside, `ops_*` turn requests into work and know no paths; `write`, `read`, `list`, `uploads` and `complete` do the
//! work and know no protocol types beyond errors; `bucket`, `keys` and `object` say what lies where.
//! Nothing on the disk is trusted: what a record says is checked when it is read, and `inside` follows no link.

mod acl;
mod asker;
mod bucket;
mod checksums;
mod complete;
mod conditions;
mod connector;
mod describe;
mod entries;
mod errors;
mod files;
mod inside;
mod intake;
mod keys;
mod list;
mod locks;
mod object;
mod ops_copy;
mod ops_delete;
mod ops_document;
mod ops_list;
mod ops_multipart;
mod ops_object;
mod ops_restore;
mod read;
mod slots;
mod store;
mod sweep;
#[cfg(test)]
mod tests;
mod uploads;
mod write;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use self::connector::http_client;
pub use self::errors::{DAMAGE_CODE, DISK_CODE, FORBIDDEN_CODE};

/// The access key that [`http_client`] expects requests to be signed with.
pub const ACCESS_KEY: &str = "embedded";
/// Its secret. It guards nothing: whoever is in this process may open the files as well.
pub const SECRET_KEY: &str = "embedded";

/// How long an archived object takes to come back after RestoreObject.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Thaw {
    /// It is there at once: there is nothing to fetch.
    #[default]
    Instant,
    /// After so many HEAD requests have seen it under way. For tests that must not sleep.
    AfterLooks(u32),
    /// After so long.
    After(Duration),
}

/// What can be chosen about a store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Options {
    /// How long a restore takes.
    pub thaw: Thaw,
    /// How long a lock that another process holds is waited for.
    pub lock_patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            thaw: Thaw::default(),
            lock_patience: locks::PATIENCE,
        }
    }
}

/// A directory that holds buckets. Clones are the same store.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    options: Options,
}

impl Store {
    /// Opens the store whose buckets are the directories in `root`. Nothing is written.
    ///
    /// # Errors
    /// If `root` isn't a directory that can be looked at.
    pub fn open(root: &Path) -> io::Result<Self> {
        Self::open_with(root, Options::default())
    }

    /// The same, with options.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(root: &Path, options: Options) -> io::Result<Self> {
        // "bucket" without a directory before it lies in the current one.
        let root = if root.as_os_str().is_empty() {
            Path::new(".")
        } else {
            root
        };
        let root = root.canonicalize()?;
        if !root.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self {
            inner: Arc::new(Inner { root, options }),
        })
    }

    /// Tidies up after killed processes in one bucket: what has not moved for `age` and is nobody's any more.
    /// Writers do this themselves now and then, with an hour. Returns how much there was.
    ///
    /// # Errors
    /// If there is no such bucket, or the disk refuses.
    pub fn sweep(&self, bucket: &str, age: Duration) -> io::Result<usize> {
        let swept = self
            .bucket(bucket)
            .and_then(|bucket| sweep::run(&bucket, age));
        swept.map_err(|error| io::Error::other(error.message().unwrap_or_default().to_owned()))
    }

    fn root(&self) -> &Path {
        &self.inner.root
    }

    fn thaw(&self) -> Thaw {
        self.inner.options.thaw
    }

    fn bucket(&self, name: &str) -> s3s::S3Result<bucket::Bucket> {
        let bucket = bucket::Bucket::open(self.root(), name)?;
        Ok(bucket::Bucket {
            patience: self.inner.options.lock_patience,
            ..bucket
        })
    }
}
