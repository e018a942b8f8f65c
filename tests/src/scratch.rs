//! Folders for one test, gone when the test is.
//!
//! In memory where there is room: the tests make thousands of small files and ask for each of them to reach
//! the disk, and on a disk that is all they would measure.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Free bytes that memory must have before we use it as a disk.
const ROOM: u64 = 2 << 30;

/// A new empty folder; it is removed when the value is dropped.
///
/// `S3PIPES_TEST_TMP` says where; otherwise `/dev/shm` if it has room, otherwise the system's folder for
/// temporary files.
///
/// # Panics
/// If no folder can be made.
#[must_use]
pub fn folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("s3pipes-")
        .tempdir_in(root())
        .expect("make a scratch folder")
}

pub(crate) fn root() -> PathBuf {
    if let Some(named) = std::env::var_os("S3PIPES_TEST_TMP") {
        return named.into();
    }
    let memory = Path::new("/dev/shm");
    let free = rustix::fs::statvfs(memory).map_or(0, |fs| fs.f_bavail.saturating_mul(fs.f_frsize));
    if free >= ROOM {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    }
}

/// Copies a folder and what is in it: folders and files.
///
/// # Panics
/// If it can't be copied.
pub fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("make a folder");
    for entry in std::fs::read_dir(from).expect("read a folder") {
        let entry = entry.expect("read a folder");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copy a file");
        }
    }
}
