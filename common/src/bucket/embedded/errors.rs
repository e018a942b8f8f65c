//! How failures of the disk become answers of S3.
//!
//! What may pass by itself is `InternalError` (500), which clients try again. A disk that is full, read-only or
//! broken, and a store that is damaged, is [`DISK_CODE`] or [`DAMAGE_CODE`] with status 507, which clients don't: the
//! message carries the system's words. Files that this user may not touch are [`FORBIDDEN_CODE`] with status 403.

use std::io;
use std::path::Path;

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode, S3Result};

/// The error code of an embedded store whose disk is full, over quota, read-only or broken. Trying again
/// won't help.
pub const DISK_CODE: &str = "StoreDiskFailure";
/// The error code of an embedded store whose files are damaged or foreign.
pub const DAMAGE_CODE: &str = "StoreDamaged";

/// The error code of an embedded store in which this user may not read or write some file: no access key
/// will help, only the file's permissions.
pub const FORBIDDEN_CODE: &str = "StoreForbidden";

/// The system's numbers for too many open files: in all of it, and in this process.
const NFILE: i32 = rustix::io::Errno::NFILE.raw_os_error();
const MFILE: i32 = rustix::io::Errno::MFILE.raw_os_error();

/// Says what was being done to which file when it failed.
pub(super) trait At<T> {
    /// `could not DOING PATH: REASON`.
    fn at(self, doing: &str, path: &Path) -> S3Result<T>;
}

impl<T, E: Into<io::Error>> At<T> for Result<T, E> {
    fn at(self, doing: &str, path: &Path) -> S3Result<T> {
        self.map_err(|error| failure(doing, path, &error.into()))
    }
}

/// The answer to a request that met `error`.
pub(super) fn failure(doing: &str, path: &Path, error: &io::Error) -> S3Error {
    let text = format!(
        "could not {doing} {}: {}",
        path.display(),
        crate::error::plain(error)
    );
    match error.kind() {
        io::ErrorKind::PermissionDenied => lasting(FORBIDDEN_CODE, StatusCode::FORBIDDEN, text),
        io::ErrorKind::InvalidData => lasting(DAMAGE_CODE, StatusCode::INSUFFICIENT_STORAGE, text),
        io::ErrorKind::OutOfMemory
        | io::ErrorKind::Interrupted
        | io::ErrorKind::TimedOut
        | io::ErrorKind::WouldBlock
        | io::ErrorKind::ResourceBusy
        | io::ErrorKind::StaleNetworkFileHandle => {
            S3Error::with_message(S3ErrorCode::InternalError, text)
        }
        _ if matches!(error.raw_os_error(), Some(NFILE | MFILE)) => {
            S3Error::with_message(S3ErrorCode::InternalError, text)
        }
        _ => lasting(DISK_CODE, StatusCode::INSUFFICIENT_STORAGE, text),
    }
}

/// An answer that clients don't try again.
fn lasting(code: &'static str, status: StatusCode, text: String) -> S3Error {
    let mut answer = S3Error::with_message(S3ErrorCode::Custom(code.into()), text);
    answer.set_status_code(status);
    answer
}

/// An answer with a code that the protocol library has no name for.
pub(super) fn custom(code: &'static str, status: StatusCode, text: &'static str) -> S3Error {
    let mut answer = S3Error::with_message(S3ErrorCode::Custom(code.into()), text);
    answer.set_status_code(status);
    answer
}

/// A damaged or foreign file where one of ours is expected.
pub(super) fn damaged(path: &Path, reason: &str) -> S3Error {
    lasting(
        DAMAGE_CODE,
        StatusCode::INSUFFICIENT_STORAGE,
        format!("could not understand {}: {reason}", path.display()),
    )
}

/// True for an answer that [`damaged`] made.
pub(super) fn is_damage(error: &S3Error) -> bool {
    error.code().as_str() == DAMAGE_CODE
}
