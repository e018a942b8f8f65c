//! Locks between processes: `flock` on small files, free again the moment their owner dies.
//!
//! Two opens of one file exclude each other even inside a process, so threads need nothing else. To stay
//! free of deadlocks: an upload's lock is taken before a key's, and nobody holds two keys but DeleteBucket,
//! which takes all of them in order.
//!
//! Nobody waits for ever: whoever holds a lock may be stopped, or may be no program of ours. Waiting ends after
//! [`PATIENCE`], or when its caller's ends, and at once when the request was given up.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::asker::given_up;
use super::files::PLAIN;

/// Locks are held for a few syncs of the disk. Who has waited this long answers that it may pass.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// How long to pause between two tries, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(10));

/// Holds a lock until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock on the file at `path`, which is created if its directory exists. No patience at all is
    /// one try.
    ///
    /// # Errors
    /// `TimedOut` if somebody else keeps it, `Interrupted` if the request is given up meanwhile.
    pub(super) fn wait_for(path: &Path, mode: u32, patience: Duration) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(mode & 0o666)
            .custom_flags(PLAIN)
            .open(path)?;
        poll(patience, || file.try_lock())?;
        Ok(Self { _file: file })
    }
}

/// Tries until it works. There is no `flock` that waits for a while only.
fn poll(patience: Duration, attempt: impl Fn() -> Result<(), TryLockError>) -> io::Result<()> {
    let begun = Instant::now();
    let mut pause = PAUSE.0;
    loop {
        if given_up() {
            return Err(io::Error::new(
                io::ErrorKind::Interrupted,
                "the request was given up",
            ));
        }
        match attempt() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {
                continue;
            }
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() >= patience => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "another process holds the lock",
                ));
            }
            Err(TryLockError::WouldBlock) => {}
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(PAUSE.1);
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
///
/// # Errors
/// As [`Lock::wait_for`].
pub(super) fn shared(file: &File, patience: Duration) -> io::Result<()> {
    poll(patience, || file.try_lock_shared())
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
