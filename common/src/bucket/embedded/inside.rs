//! Paths below the bucket's directory, taken without following a symbolic link.
//!
//! Whoever can write to the directory can put a link in the place of any directory at any time. So a path is
//! never looked at first and used later: its directory is opened in one go that refuses links, and everything
//! that happens to the name happens relative to that open directory.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::files::{plain_at, sync};
use super::keys::stays_inside;

/// Directories come and go under our hands; after this many rounds something else is wrong.
const ROUNDS: usize = 100;
/// Directories that are only stepped through.
const STEP: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// A name in an open directory.
#[derive(Debug)]
pub(super) struct Spot {
    dir: OwnedFd,
    name: String,
}

impl Spot {
    /// The spot `below`, a path relative to `base`. There may be nothing.
    ///
    /// # Errors
    /// `NotFound` if its directory isn't there, `NotADirectory` if a symbolic link, or another thing that isn't a
    /// directory, is in the way.
    pub(super) fn find(base: &Path, below: &str) -> io::Result<Self> {
        let (parents, name) = split(below)?;
        let base = open_base(base)?;
        let dir = match parents {
            Some(parents) => descend(base, parents)?,
            None => base,
        };
        Ok(Self {
            dir,
            name: name.to_owned(),
        })
    }

    /// The same, making the directories that are missing, synced.
    fn make(base: &Path, below: &str, mode: u32) -> io::Result<Self> {
        let (parents, name) = split(below)?;
        let mut dir = open_base(base)?;
        for segment in parents.iter().flat_map(|parents| parents.split('/')) {
            dir = match step(&dir, segment) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    match rustix::fs::mkdirat(&dir, segment, Mode::from_raw_mode(mode & 0o2777)) {
                        Ok(()) => sync_opened(&dir)?,
                        // Somebody was faster.
                        Err(Errno::EXIST) => {}
                        Err(error) => return Err(error.into()),
                    }
                    step(&dir, segment)?
                }
                other => other?,
            };
        }
        Ok(Self {
            dir,
            name: name.to_owned(),
        })
    }

    /// Opens the file for reading.
    ///
    /// # Errors
    /// `InvalidData` if it isn't a regular file.
    pub(super) fn open(&self) -> io::Result<File> {
        plain_at(&self.dir, self.name.as_str())
    }

    /// Gives the file at `from` this name too, if nothing has it.
    pub(super) fn link(&self, from: &Path) -> io::Result<()> {
        let (dir, name) = (&self.dir, self.name.as_str());
        Ok(rustix::fs::linkat(CWD, from, dir, name, AtFlags::empty())?)
    }

    /// Moves the file at `from` here, in the place of what is here.
    pub(super) fn take(&self, from: &Path) -> io::Result<()> {
        Ok(rustix::fs::renameat(
            CWD,
            from,
            &self.dir,
            self.name.as_str(),
        )?)
    }

    /// Moves the file that is here to `to`.
    pub(super) fn give(&self, to: &Path) -> io::Result<()> {
        Ok(rustix::fs::renameat(
            &self.dir,
            self.name.as_str(),
            CWD,
            to,
        )?)
    }

    /// Removes the file. A link that has its name is removed, never what it leads to.
    pub(super) fn remove(&self) -> io::Result<()> {
        let (dir, name) = (&self.dir, self.name.as_str());
        Ok(rustix::fs::unlinkat(dir, name, AtFlags::empty())?)
    }

    fn remove_dir(&self) -> io::Result<()> {
        let (dir, name) = (&self.dir, self.name.as_str());
        Ok(rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR)?)
    }

    /// True if nothing has the name.
    pub(super) fn is_free(&self) -> bool {
        let found =
            rustix::fs::statat(&self.dir, self.name.as_str(), AtFlags::SYMLINK_NOFOLLOW).err();
        found == Some(Errno::NOENT)
    }

    /// True if this is a name of the file at `path`.
    pub(super) fn holds(&self, path: &Path) -> bool {
        let here = rustix::fs::statat(&self.dir, self.name.as_str(), AtFlags::SYMLINK_NOFOLLOW);
        match (here, rustix::fs::lstat(path)) {
            (Ok(one), Ok(other)) => one.st_dev == other.st_dev && one.st_ino == other.st_ino,
            _ => false,
        }
    }

    /// Makes the directory's entries last.
    pub(super) fn sync_dir(&self) -> io::Result<()> {
        sync_opened(&self.dir)
    }
}

/// Runs `step` on the spot `below`, making its directories as often as they vanish.
///
/// # Errors
/// Those of `step`; `NotADirectory` as [`Spot::find`].
pub(super) fn with_dirs<T>(
    base: &Path,
    below: &str,
    mode: u32,
    mut step: impl FnMut(Spot) -> io::Result<T>,
) -> io::Result<T> {
    let mut rounds = 0;
    loop {
        match Spot::make(base, below, mode).and_then(&mut step) {
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && rounds < ROUNDS && base.is_dir() =>
            {
                rounds += 1;
            }
            other => return other,
        }
    }
}

/// Removes the directories above `below` as far as they are empty, but none of the outermost `kept`.
pub(super) fn prune_dirs(base: &Path, below: &str, kept: usize) {
    let mut rest = below;
    while let Some((parents, _)) = rest.rsplit_once('/') {
        if parents.split('/').count() <= kept
            || Spot::find(base, parents)
                .and_then(|spot| spot.remove_dir())
                .is_err()
        {
            return;
        }
        rest = parents;
    }
}

/// A path's directories, if it has any, and its name.
fn split(below: &str) -> io::Result<(Option<&str>, &str)> {
    if !stays_inside(below) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(match below.rsplit_once('/') {
        Some((parents, name)) => (Some(parents), name),
        None => (None, below),
    })
}

/// The bucket's directory itself is the user's choice, and may be a link.
fn open_base(base: &Path) -> io::Result<OwnedFd> {
    let flags = STEP.difference(OFlags::NOFOLLOW);
    Ok(rustix::fs::open(base, flags, Mode::empty())?)
}

/// One step down.
fn step(dir: &OwnedFd, segment: &str) -> io::Result<OwnedFd> {
    rustix::fs::openat(dir, segment, STEP, Mode::empty()).map_err(barred)
}

/// All the way down.
fn descend(base: OwnedFd, parents: &str) -> io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);
    match rustix::fs::openat2(&base, parents, STEP, Mode::empty(), resolve) {
        // Kernels before 5.6, and sandboxes that don't know the call.
        Err(Errno::NOSYS | Errno::PERM) => descend_by_steps(base, parents),
        other => other.map_err(barred),
    }
}

fn descend_by_steps(base: OwnedFd, parents: &str) -> io::Result<OwnedFd> {
    parents
        .split('/')
        .try_fold(base, |dir, segment| step(&dir, segment))
}

/// A link on the way is reported in two ways; for us it is as good as a file.
fn barred(error: Errno) -> io::Error {
    match error {
        Errno::LOOP | Errno::XDEV => Errno::NOTDIR.into(),
        other => other.into(),
    }
}

/// Directories that are only stepped through can't be synced as they are.
fn sync_opened(dir: &OwnedFd) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    sync(&rustix::fs::openat(dir, ".", flags, Mode::empty())?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_on_the_way_are_refused_with_and_without_the_kernels_help() {
        let home = tempfile::tempdir().unwrap();
        let base = home.path().join("base");
        std::fs::create_dir_all(base.join("a/b")).unwrap();
        std::fs::create_dir(home.path().join("outside")).unwrap();
        std::os::unix::fs::symlink("../outside", base.join("link")).unwrap();
        std::os::unix::fs::symlink("a", base.join("within")).unwrap();
        std::fs::write(base.join("file"), "").unwrap();
        for way in [descend, descend_by_steps] {
            let kind = |parents: &str| way(open_base(&base).unwrap(), parents).err();
            assert!(kind("a/b").is_none());
            for barred in ["link", "link/x", "within/b", "file", "file/x"] {
                let error = kind(barred).unwrap();
                assert_eq!(error.kind(), io::ErrorKind::NotADirectory, "{barred}");
            }
            assert_eq!(kind("a/c").unwrap().kind(), io::ErrorKind::NotFound);
        }
        for outside in ["../outside/x", "a/../../x", "/etc/passwd", "a//b", ""] {
            let error = Spot::find(&base, outside).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{outside}");
        }
        let made = with_dirs(&base, "link/new/x", 0o700, |_| Ok(()));
        assert_eq!(made.unwrap_err().kind(), io::ErrorKind::NotADirectory);
        // Emptied directories are pruned, but not through a link, and not those that are to stay.
        std::fs::create_dir(home.path().join("outside/empty")).unwrap();
        prune_dirs(&base, "link/empty/x", 0);
        prune_dirs(&base, "a/b/x", 1);
        assert!(home.path().join("outside/empty").exists());
        assert!(base.join("a").exists() && !base.join("a/b").exists());
    }

    #[test]
    fn only_regular_files_are_opened() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("file"), "x").unwrap();
        std::os::unix::fs::symlink("file", home.path().join("link")).unwrap();
        let fifo = home.path().join("fifo");
        rustix::fs::mknodat(
            CWD,
            &fifo,
            rustix::fs::FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let open = |name: &str| Spot::find(home.path(), name).unwrap().open();
        assert!(open("file").is_ok());
        assert_eq!(open("none").unwrap_err().kind(), io::ErrorKind::NotFound);
        for odd in ["link", "fifo"] {
            let error = open(odd).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{odd}");
        }
    }
}
