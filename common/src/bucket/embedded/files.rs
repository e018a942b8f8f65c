//! Files and directories, with the syncing that makes them last.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::rand::{GetRandomFlags, getrandom};

/// Directories come and go under our hands; after this many rounds something else is wrong.
const ROUNDS: usize = 100;

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

/// Makes the entries of a directory last.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
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

/// Runs `step`, which needs the directories of `below` (a path relative to `base`, its last component not
/// among them), making them as often as they vanish.
pub(super) fn with_dirs<T>(
    base: &Path,
    below: &str,
    mode: u32,
    mut step: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let mut rounds = 0;
    loop {
        make_dirs(base, below, mode)?;
        match step() {
            Err(error) if error.kind() == io::ErrorKind::NotFound && rounds < ROUNDS => rounds += 1,
            other => return other,
        }
    }
}

/// Makes the directories above `below`, synced. Something that isn't a directory in the way, or a symbolic
/// link, is `NotADirectory`.
fn make_dirs(base: &Path, below: &str, mode: u32) -> io::Result<()> {
    let Some((parents, _)) = below.rsplit_once('/') else {
        return Ok(());
    };
    let mut rounds = 0;
    'again: loop {
        let mut path = base.to_owned();
        for segment in parents.split('/') {
            let above = path.clone();
            path.push(segment);
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => continue,
                Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Err(_) => {}
            }
            match make_dir(&path, mode) {
                Ok(()) => sync_dir(&above)?,
                // Somebody was faster, or removed what was above: look again.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound
                    ) && rounds < ROUNDS =>
                {
                    if !base.is_dir() {
                        return Err(error);
                    }
                    rounds += 1;
                    continue 'again;
                }
                Err(error) => return Err(error),
            }
        }
        return Ok(());
    }
}

/// Makes one directory with the permissions `mode`.
pub(super) fn make_dir(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().mode(mode & 0o2777).create(path)
}

/// Removes the directories above `below` as far as they are empty.
pub(super) fn prune_dirs(base: &Path, below: &str) {
    let mut rest = below;
    while let Some((parents, _)) = rest.rsplit_once('/') {
        if fs::remove_dir(base.join(parents)).is_err() {
            return;
        }
        rest = parents;
    }
}

/// True if both paths are names of one file.
pub(super) fn same_file(one: &Path, other: &Path) -> bool {
    match (fs::symlink_metadata(one), fs::symlink_metadata(other)) {
        (Ok(one), Ok(other)) => one.dev() == other.dev() && one.ino() == other.ino(),
        _ => false,
    }
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
