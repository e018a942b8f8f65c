//! Request bodies on their way to a file.
//!
//! The asynchronous side only hands frames over; one blocking task per request checks and writes them. If the
//! request is dropped, the task sees its channel close and gives up like after any other failure; later it hears
//! of it from [`asker`].

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use bytes::Bytes;
use futures_util::StreamExt as _;
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3Result, TrailingHeaders, s3_error};
use tokio::sync::mpsc::{Receiver, channel};

use super::asker;
use super::checksums::{Promise, Running, Sums};
use super::errors::At as _;

/// Frames in flight between the two sides.
const AHEAD: usize = 8;
/// Bytes are hashed and written in pieces that stay in the cache between the two.
const PIECE: usize = 256 * 1024;
/// What one Put or one part may hold: 5 GiB.
pub(super) const LARGEST: u64 = 5 << 30;

enum Frame {
    Bytes(Bytes),
    End,
    Failed(S3Error),
}

/// The body of a request, seen from the blocking side.
pub(super) struct Intake {
    frames: Receiver<Frame>,
    trailers: Option<TrailingHeaders>,
    promise: Promise,
    length: Option<u64>,
}

impl Intake {
    /// How many bytes the sender announced.
    pub(super) fn length(&self) -> Option<u64> {
        self.length
    }

    /// The checksum that the sender promised.
    pub(super) fn promise(&self) -> &Promise {
        &self.promise
    }

    /// Writes the whole body to `file` at `offset` and verifies it.
    ///
    /// # Errors
    /// If the body breaks off, is longer or shorter than announced or longer than S3 allows, or doesn't
    /// match its checksum; or the disk's.
    pub(super) fn write_to(mut self, file: &File, offset: u64, path: &Path) -> S3Result<Sums> {
        let mut running = Running::new(self.promise);
        let limit = self.length.unwrap_or(LARGEST);
        loop {
            match self.frames.blocking_recv() {
                Some(Frame::Bytes(bytes)) => {
                    if running.size() + bytes.len() as u64 > limit {
                        return Err(if limit < LARGEST {
                            incomplete()
                        } else {
                            too_large()
                        });
                    }
                    for piece in bytes.chunks(PIECE) {
                        let at = offset + running.size();
                        running.update(piece);
                        file.write_all_at(piece, at).at("write", path)?;
                    }
                }
                Some(Frame::End) => break,
                Some(Frame::Failed(error)) => return Err(error),
                None => return Err(s3_error!(RequestTimeout, "the request was given up")),
            }
        }
        if self.length.is_some_and(|length| length != running.size()) {
            return Err(incomplete());
        }
        let trailers = self.trailers;
        let trailer = |name: &str| {
            let read =
                |headers: &http::HeaderMap| headers.get(name)?.to_str().ok().map(str::to_owned);
            trailers
                .as_ref()
                .and_then(|trailers| trailers.read(read))
                .flatten()
        };
        running.finish(trailer, true)
    }
}

/// Runs `work` on the body in a blocking task.
///
/// # Errors
/// Those of `work`; `EntityTooLarge` before anything is read if the announced length is too large.
pub(super) async fn pour<T: Send + 'static>(
    body: Option<StreamingBlob>,
    length: Option<i64>,
    promise: Promise,
    trailers: Option<TrailingHeaders>,
    work: impl FnOnce(Intake) -> S3Result<T> + Send + 'static,
) -> S3Result<T> {
    let length = length
        .map(|length| u64::try_from(length).map_err(|_| incomplete()))
        .transpose()?;
    if length.is_some_and(|length| length > LARGEST) {
        return Err(too_large());
    }
    let (frames, receiver) = channel(AHEAD);
    let intake = Intake {
        frames: receiver,
        trailers,
        promise,
        length,
    };
    let (_asker, task) = asker::spawn(move || work(intake));
    let mut body = body;
    let mut open = true;
    while open && let Some(stream) = &mut body {
        let frame = match stream.next().await {
            Some(Ok(bytes)) => Frame::Bytes(bytes),
            Some(Err(error)) => Frame::Failed(broken(&*error)),
            None => break,
        };
        let last = matches!(frame, Frame::Failed(_));
        // The task went away early: its result says why.
        open = frames.send(frame).await.is_ok() && !last;
    }
    let _ = frames.send(Frame::End).await;
    drop(frames);
    joined(task.await)
}

/// Runs `work` in a blocking task.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> S3Result<T> + Send + 'static,
) -> S3Result<T> {
    let (_asker, task) = asker::spawn(work);
    joined(task.await)
}

fn joined<T>(result: Result<S3Result<T>, tokio::task::JoinError>) -> S3Result<T> {
    result.unwrap_or_else(|_| {
        Err(s3_error!(
            InternalError,
            "the embedded store is shutting down"
        ))
    })
}

/// What to answer when the body's stream fails. Its error types are private to the protocol library.
fn broken(error: &(dyn std::error::Error + 'static)) -> S3Error {
    let text = error.to_string();
    if text.contains("Sha256Mismatch") {
        let mut answer = s3_error!(
            BadDigest,
            "the provided x-amz-content-sha256 header does not match what was computed"
        );
        answer.set_code(s3s::S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into()));
        answer.set_status_code(http::StatusCode::BAD_REQUEST);
        return answer;
    }
    if text.contains("SignatureMismatch") {
        return s3_error!(
            SignatureDoesNotMatch,
            "the signature of a chunk does not match"
        );
    }
    s3_error!(IncompleteBody, "the request body broke off: {text}")
}

fn incomplete() -> S3Error {
    s3_error!(
        IncompleteBody,
        "you did not provide the number of bytes specified by the Content-Length HTTP header"
    )
}

fn too_large() -> S3Error {
    s3_error!(
        EntityTooLarge,
        "your proposed upload exceeds the maximum allowed size of 5 GiB"
    )
}
