//! Directories, entry by entry: what a listing and the question "is there anything" are made of.

use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::keys::{Kind, kind};

/// True if there is any record below `meta`.
pub(super) fn any_object(meta: &Path) -> io::Result<bool> {
    has_record(meta.as_os_str().as_bytes())
}

/// True if there is any unfinished upload.
pub(super) fn any_upload(uploads: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(uploads)? {
        if entry?.path().join("manifest.json").exists() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Opens a directory, but no link to one; `None` if it is gone.
pub(super) fn open_dir(path: &[u8]) -> io::Result<Option<OwnedFd>> {
    match rustix::fs::open(
        path,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    ) {
        Ok(dir) => Ok(Some(dir)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// True if there is a record in this directory or below.
pub(super) fn has_record(path: &[u8]) -> io::Result<bool> {
    let mut waiting = vec![path.to_vec()];
    while let Some(path) = waiting.pop() {
        let Some(dir) = open_dir(&path)? else {
            continue;
        };
        let mut found = false;
        each_name(&dir, |name| match kind(name) {
            Some((Kind::Object, _)) => found = true,
            Some(_) if !found => waiting.push([&path, b"/".as_slice(), name].concat()),
            _ => {}
        })?;
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Calls `each` with every name in a directory, in no order.
pub(super) fn each_name(dir: &OwnedFd, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![MaybeUninit::uninit(); 64 * 1024];
    let mut entries = RawDir::new(dir, &mut buffer);
    while let Some(entry) = entries.next() {
        match entry {
            Ok(entry) => each(entry.file_name().to_bytes()),
            // The directory was removed while we read it.
            Err(Errno::NOENT) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
