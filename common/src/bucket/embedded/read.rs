//! Reading bodies.
//!
//! One open file serves a whole answer, so an object that is overwritten or deleted meanwhile is still read
//! to its end.

use std::fs::File;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use rustix::buffer::spare_capacity;
use s3s::dto::StreamingBlob;
use s3s::stream::{ByteStream, RemainingLength};
use s3s::{S3Result, StdError};
use tokio::task::{JoinHandle, spawn_blocking};

use super::bucket::Bucket;
use super::conditions::no_such_key;
use super::errors::{At as _, damaged};
use super::files::length_of;
use super::inside::Spot;
use super::object::Record;

/// Bytes per frame of an answer.
const FRAME: u64 = 512 * 1024;
/// A body that vanishes this often under our hands isn't being overwritten; it is lost.
const ROUNDS: usize = 100;

/// Opens an object: its record and its body, of one and the same version.
///
/// # Errors
/// `NoSuchKey`, `NoSuchBucket`, or the disk's, among them a body that is missing or too short.
pub(super) fn open(bucket: &Bucket, key: &str) -> S3Result<(Record, File)> {
    let target = bucket.record(key);
    let mut last = String::new();
    for _ in 0..ROUNDS {
        let record = Record::load(bucket, key)?.ok_or_else(no_such_key)?;
        let path = bucket.dir.join(&record.body);
        match Spot::find(&bucket.dir, &record.body).and_then(|spot| spot.open()) {
            // Another version may have taken the name between the two steps: only an unchanged record is proof.
            Ok(file)
                if Record::load(bucket, key)?
                    .is_some_and(|again| again.is_same_version(&record)) =>
            {
                let found = length_of(&file).at("look at", &path)?;
                if found != record.size {
                    return Err(damaged(
                        &path,
                        &format!("it has {found} bytes, not {}", record.size),
                    ));
                }
                return Ok((record, file));
            }
            Ok(_) => {}
            // A directory that goes, and a file that takes its name, belong to another version too.
            Err(error) if is_gone(&error) && last != record.body => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged(&path, "the object's bytes are gone"));
            }
            Err(error) if is_gone(&error) => {
                return Err(damaged(
                    &path,
                    "a link or a file is in the place of a directory",
                ));
            }
            Err(error) => return Err(error).at("read", &path),
        }
        last = record.body;
    }
    Err(damaged(&target, "the object changes all the time"))
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// The bytes `from..from + length` of `file` as the body of an answer.
pub(super) fn stream(file: File, path: &Path, from: u64, length: u64) -> StreamingBlob {
    StreamingBlob::new(Frames {
        file: Arc::new(file),
        path: path.into(),
        at: from,
        left: length,
        ahead: None,
    })
}

/// Reads one frame ahead of whoever takes them.
struct Frames {
    file: Arc<File>,
    path: Arc<Path>,
    at: u64,
    /// Not asked for yet.
    left: u64,
    ahead: Option<(JoinHandle<io::Result<Bytes>>, u64)>,
}

impl Frames {
    fn ask(&mut self) {
        let length = self.left.min(FRAME);
        if length > 0 {
            let (file, at) = (Arc::clone(&self.file), self.at);
            self.ahead = Some((
                spawn_blocking(move || read_frame(&file, at, length)),
                length,
            ));
            self.at += length;
            self.left -= length;
        }
    }
}

impl Stream for Frames {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ahead.is_none() {
            self.ask();
        }
        let Some((task, _)) = &mut self.ahead else {
            return Poll::Ready(None);
        };
        let frame = match ready!(Pin::new(task).poll(cx)) {
            Ok(frame) => frame,
            Err(_) => Err(io::Error::other("the embedded store is shutting down")),
        };
        self.ahead = None;
        if frame.is_ok() {
            self.ask();
        } else {
            self.left = 0;
        }
        Poll::Ready(Some(frame.map_err(|error| {
            format!("could not read {}: {error}", self.path.display()).into()
        })))
    }
}

impl ByteStream for Frames {
    fn remaining_length(&self) -> RemainingLength {
        let ahead = self.ahead.as_ref().map_or(0, |(_, length)| *length);
        RemainingLength::new_exact(usize::try_from(self.left + ahead).unwrap_or(usize::MAX))
    }
}

fn read_frame(file: &File, at: u64, length: u64) -> io::Result<Bytes> {
    let wanted = usize::try_from(length).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(wanted);
    while bytes.len() < wanted {
        // The capacity is exact as far as we asked for, but an allocator may give more.
        let before = bytes.len();
        match rustix::io::pread(file, spare_capacity(&mut bytes), at + before as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(wanted);
    Ok(bytes.into())
}
