//! Files and directories, with the syncing that makes them last.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fd::AsFd;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// Flags for files of ours that others may have replaced: no link is followed, and nothing that isn't a
/// regular file can keep us waiting.
pub(super) const PLAIN: i32 = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .bits()
    .cast_signed();

/// 32 hexadecimal digits that nobody else has.
pub(super) fn random_id() -> String {
    let mut bytes = [0; 16];
    // The system's generator has no way to fail for 16 bytes; if it did, exclusive creation would still tell.
    let _ = getrandom(&mut bytes, GetRandomFlags::empty());
    format!("{:032x}", u128::from_ne_bytes(bytes))
}

/// 32 hexadecimal digits that sort by the time of the call.
pub(super) fn dated_id() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_nanos() as u64;
    format!("{now:016x}{}", &random_id()[16..])
}

/// Creates a file that must not exist yet, readable and writable.
pub(super) fn create(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(mode & 0o666)
        .open(path)
}

/// Creates a file that must not exist yet, with `bytes` in it, synced.
pub(super) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = create(path, mode)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Puts `bytes` in the place of whatever is at `path`, by way of `draft` in the same file system.
pub(super) fn replace(draft: &Path, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    write_new(draft, bytes, mode)?;
    fs::rename(draft, path).inspect_err(|_| forget(draft))?;
    sync_parent(path)
}

/// Opens a file for reading, relative to an open directory.
///
/// # Errors
/// `InvalidData` if it isn't a regular file.
pub(super) fn plain_at(dir: impl AsFd, path: impl rustix::path::Arg) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let odd = || io::Error::new(io::ErrorKind::InvalidData, "it is not a regular file");
    let file = match rustix::fs::openat(dir, path, flags, Mode::empty()) {
        // How a link and a socket answer.
        Err(Errno::LOOP | Errno::NXIO) => return Err(odd()),
        other => File::from(other?),
    };
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(odd())
    }
}

/// The same for a path.
pub(super) fn plain(path: &Path) -> io::Result<File> {
    plain_at(CWD, path)
}

/// What is in a regular file.
pub(super) fn read_plain(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    plain(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes the entries of a directory last.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    sync(&File::open(path)?)
}

/// The same for one that is open.
pub(super) fn sync(dir: &File) -> io::Result<()> {
    match dir.sync_all() {
        // Some file systems have nothing to sync about a directory, and say so like this.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
}

/// Makes the entry of a file in its directory last.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync_dir)
}

/// Removes a file that may be gone already, or may stay: nobody depends on it.
pub(super) fn forget(path: &Path) {
    let _ = fs::remove_file(path);
}

/// Makes one directory with the permissions `mode`.
pub(super) fn make_dir(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().mode(mode & 0o2777).create(path)
}

/// True if the entry was last changed at least `age` ago. A clock that was set back doesn't make things old.
pub(super) fn older_than(path: &Path, age: Duration) -> bool {
    let Ok(found) = fs::symlink_metadata(path) else {
        return false;
    };
    let newest = found.mtime().max(found.ctime());
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs();
    u64::try_from(newest).is_ok_and(|newest| newest.saturating_add(age.as_secs()) <= now)
}

/// How many bytes an open file has.
pub(super) fn length_of(file: &File) -> io::Result<u64> {
    file.metadata().map(|found| found.size())
}

/// Copies `length` bytes inside the kernel, sharing blocks where the file system can.
pub(super) fn copy(
    from: &File,
    from_at: u64,
    to: &File,
    to_at: u64,
    length: u64,
) -> io::Result<()> {
    let (mut from_at, mut to_at, mut left) = (from_at, to_at, length);
    while left > 0 {
        let step = usize::try_from(left.min(1 << 30)).unwrap_or(1 << 30);
        match rustix::fs::copy_file_range(from, Some(&mut from_at), to, Some(&mut to_at), step) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(copied) => left -= copied as u64,
            Err(rustix::io::Errno::INTR) => {}
            Err(
                rustix::io::Errno::XDEV
                | rustix::io::Errno::INVAL
                | rustix::io::Errno::OPNOTSUPP
                | rustix::io::Errno::NOSYS,
            ) => {
                return copy_by_hand(from, from_at, to, to_at, left);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn copy_by_hand(from: &File, from_at: u64, to: &File, to_at: u64, length: u64) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0;
    while done < length {
        let step = usize::try_from((length - done).min(1 << 20)).unwrap_or(1 << 20);
        from.read_exact_at(&mut buffer[..step], from_at + done)?;
        to.write_all_at(&buffer[..step], to_at + done)?;
        done += step as u64;
    }
    Ok(())
}
