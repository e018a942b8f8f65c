//! Locks between processes: `flock` on small files, free again the moment their owner dies.
//!
//! Two opens of one file exclude each other even inside a process, so threads need nothing else. To stay
//! free of deadlocks: an upload's lock is taken before a key's, and nobody holds two keys but DeleteBucket,
//! which takes all of them in order.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Holds a lock until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock on the file at `path`, which is created if its directory exists.
    pub(super) fn wait(path: &Path, mode: u32) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(mode & 0o666)
            .open(path)?;
        loop {
            match file.lock() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other.map(|()| Self { _file: file }),
            }
        }
    }
}

/// Takes the lock on an open file if nobody has it: true if it is ours now, until the file is closed.
pub(super) fn try_exclusive(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Takes a shared lock on an open file, waiting for exclusive ones to end.
pub(super) fn shared(file: &File) -> io::Result<()> {
    loop {
        match file.lock_shared() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Which of the 256 lock files a key uses: FNV-1a, folded.
pub(super) fn of_key(key: &str) -> String {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let folded = hash
        .to_le_bytes()
        .into_iter()
        .fold(0, |all, byte| all ^ byte);
    format!("{folded:02x}")
}
