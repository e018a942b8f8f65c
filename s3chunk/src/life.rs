//! A known file among its neighbours (doc/format/known-file.md, "Its life").
//!
//! Promised: FILE is always the whole file of one committed dump, and never goes back to an older one; two runs don't cut
//! under one known file at once. What is written is written to a new file, synced and renamed.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use common::chunks::{Cut, Entry, Id, grace};
use common::error::{Doing, Error, Result};
use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::known::{self, About, Known, Names};

/// A known file, by its path.
pub struct KnownFile {
    path: PathBuf,
}

/// Held as long as somebody cuts, or learns.
pub struct Lock(
    #[allow(dead_code, reason = "the kernel gives the lock back when it is closed")] File,
);

/// What became of a receipt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Learned {
    /// FILE tells of its dump now.
    Now,
    /// It did before.
    Already,
    /// FILE tells of a newer one.
    Older,
}

/// The dump of a receipt.
pub struct Stored<'a> {
    /// Of the chunk stream.
    pub id: Id,
    /// Where it is,
    pub place: &'a str,
    /// under which key.
    pub key: &'a str,
    /// When it was begun, in seconds since 1970.
    pub started: i64,
}

impl KnownFile {
    /// The one at this path, which may not be there yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// Takes the lock of those who cut.
    ///
    /// # Errors
    /// If somebody has it (a temporary one), or it can't be made.
    pub fn lock(&self) -> Result<Lock> {
        let (path, file) = self.lock_file(".lock")?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => Err(Error::temporary(
                format!("use {}", self.path.display()),
                "another s3chunk is cutting with it",
            )
            .hint("one set of dumps has one known file: use another for another set")),
            other => other
                .doing(format!("lock {}", path.display()))
                .map(|()| Lock(file)),
        }
    }

    /// Takes the lock of those who learn, when nobody has it any more: they have it for moments.
    fn learning(&self) -> Result<Lock> {
        let (path, file) = self.lock_file(".learning")?;
        flock(&file, FlockOperation::LockExclusive)
            .doing(format!("lock {}", path.display()))
            .map(|()| Lock(file))
    }

    fn lock_file(&self, end: &str) -> Result<(PathBuf, File)> {
        let path = self.beside(end);
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .doing(format!("open {}", path.display()))?;
        Ok((path, file))
    }

    /// Reads it; none if it isn't there.
    ///
    /// # Errors
    /// Inside: if it is damaged. Outside: if it can't be read.
    pub fn load(&self) -> Result<Option<Result<Known>>> {
        match std::fs::read(&self.path) {
            Ok(bytes) => Ok(Some(Known::parse(bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).doing(format!("read {}", self.path.display())),
        }
    }

    /// What of it the next dump may refer to: all or nothing. Then why nothing, as a remark.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn base(&self, cut: Cut, grace: u64) -> Result<Result<Known, String>> {
        let name = self.path.display();
        Ok(match self.load()? {
            None => Err(format!("{name} is not there yet, so everything is new")),
            Some(Err(flaw)) => Err(format!(
                "{name} can't be used, so everything is new: {}",
                flaw.cause()
            )),
            Some(Ok(known)) => match distrust(&known.about, cut, grace, now()) {
                None => Ok(known),
                Some(why) => Err(format!("everything is new: {why}, says {name}")),
            },
        })
    }

    /// Writes what the next dump may refer to if this one is stored.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write_pending(
        &self,
        about: &About,
        names: &Names,
        count: usize,
        chunks: impl Iterator<Item = Entry>,
    ) -> Result<()> {
        let path = self.pending(about.id);
        self.replace(&path, about.id, |to| {
            known::write(to, about, names, count, chunks)
        })
    }

    /// Makes the pending file of a dump that was stored the current one.
    ///
    /// # Errors
    /// If there is none, it is damaged, or belongs to another place; or it can't be written.
    pub fn learn(&self, stored: &Stored<'_>) -> Result<Learned> {
        let _lock = self.learning()?;
        let path = self.pending(stored.id);
        // Nothing is lost with a damaged one.
        let current = self.load()?.and_then(Result::ok).map(|known| known.about);
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return if current.is_some_and(|current| current.id == stored.id) {
                    Ok(Learned::Already)
                } else {
                    Err(Error::permanent(
                        format!("learn of the dump {}", stored.id),
                        format!("there is no {}", path.display()),
                    )
                    .hint("s3chunk --known writes it, beside the known file that it is given"))
                };
            }
            read => read.doing(format!("read {}", path.display()))?,
        };
        // One from the future doesn't count: a clock was wrong.
        let newer = |about: &About| about.started > stored.started && about.started <= now() + 3600;
        if current.as_ref().is_some_and(newer) {
            remove(&path)?;
            return Ok(Learned::Older);
        }
        let pending = Known::parse(bytes)
            .map_err(|flaw| Error::permanent(format!("read {}", path.display()), flaw.cause()))?;
        let (about, names) = stored
            .fill_in(&pending)
            .map_err(|why| Error::permanent(format!("learn of the dump {}", stored.id), why))?;
        self.replace(&self.path, stored.id, |to| {
            known::write(to, &about, &names, pending.count(), pending.chunks())
        })?;
        remove(&path)?;
        Ok(Learned::Now)
    }

    /// Removes pending files that nobody will trust any more. What can't be removed stays.
    pub fn tidy(&self, grace: u64) {
        let Some(name) = self.path.file_name() else {
            return;
        };
        let beginning = [name.as_encoded_bytes(), b".pending-"].concat();
        let old = SystemTime::now().checked_sub(Duration::from_secs(grace));
        let entries = std::fs::read_dir(self.folder()).into_iter().flatten();
        for entry in entries.filter_map(Result::ok) {
            let modified = entry.metadata().and_then(|data| data.modified()).ok();
            if entry.file_name().as_encoded_bytes().starts_with(&beginning) && modified < old {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Writes the file `path` anew, whole or not at all.
    fn replace(
        &self,
        path: &Path,
        id: Id,
        write: impl FnOnce(&mut BufWriter<File>) -> Result<()>,
    ) -> Result<()> {
        let fresh = self.beside(&format!(".pending-{id}.new"));
        let doing = || format!("write {}", fresh.display());
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)
            .doing(doing())?;
        let mut to = BufWriter::with_capacity(1 << 20, file);
        let written = write(&mut to)
            .and_then(|()| to.flush().doing(doing()))
            .and_then(|()| to.get_ref().sync_all().doing(doing()));
        let placed = written.and_then(|()| {
            std::fs::rename(&fresh, path).doing(format!("write {}", path.display()))
        });
        if placed.is_err() {
            let _ = std::fs::remove_file(&fresh);
        }
        placed?;
        let folder = self.folder();
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .doing(format!("sync {}", folder.display()))
    }

    fn pending(&self, id: Id) -> PathBuf {
        self.beside(&format!(".pending-{id}"))
    }

    fn beside(&self, end: &str) -> PathBuf {
        let mut path = OsString::from(&self.path);
        path.push(end);
        path.into()
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        }
    }
}

impl Stored<'_> {
    fn fill_in(&self, pending: &Known) -> Result<(About, Names), String> {
        let mut names = pending.names.clone();
        if pending.about.id != self.id || pending.about.started != 0 {
            return Err("its pending file is another one's".to_owned());
        }
        if !names.place.is_empty() && names.place != self.place {
            return Err(format!(
                "it is in {}, and refers to dumps in {}",
                self.place, names.place
            ));
        }
        self.place.clone_into(&mut names.place);
        if let Some(own) = names.objects.first_mut() {
            self.key.clone_into(&mut own.key);
        }
        let about = About {
            started: self.started,
            ..pending.about
        };
        Ok((about, names))
    }
}

fn remove(path: &Path) -> Result<()> {
    std::fs::remove_file(path).doing(format!("remove {}", path.display()))
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> i64 {
    Timestamp::now().as_second()
}

/// Why a known file may not be used now, if it may not.
fn distrust(about: &About, cut: Cut, grace: u64, now: i64) -> Option<String> {
    if about.started == 0 {
        return Some("its dump was not stored".to_owned());
    }
    if about.cut != cut {
        return Some(match about.cut {
            Cut::Average(bytes) => format!("it was made with --average {bytes}"),
            Cut::Fixed(bytes) => format!("it was made with --fixed {bytes}"),
        });
    }
    let when = || {
        let at = Timestamp::from_second(about.started);
        at.map_or_else(|_| "at an unknown time".to_owned(), |at| format!("on {at}"))
    };
    if about.started > now + 3600 {
        return Some(format!(
            "its dump was begun {}, which is in the future",
            when()
        ));
    }
    if !grace::trusted(now, about.started, about.grace.min(grace)) {
        return Some(format!(
            "its dump was begun {}, which is too long ago",
            when()
        ));
    }
    None
}

#[cfg(test)]
mod tests;
