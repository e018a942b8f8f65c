//! Small objects, read whole by one request each, by many threads at once.
//!
//! Nothing of an object comes out that doesn't match its checksum. What is larger than was asked for, isn't there, or rests in an
//! archive is an answer, not an error.

use std::cell::Cell;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumMode;

use super::Bucket;
use super::checksum::{Check, Verdict};
use super::continued::{CONTINUES, is_full};
use super::failure::{Failure, Kind};
use super::get::pace;
use super::patience::{Progress, watched};
use crate::error::{Error, Result};
use crate::members::Fields;
use crate::rate::Pacer;

/// What became of a request for an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Single {
    /// All of it.
    Whole(Object),
    /// It is too large, or goes on in another object.
    Large,
    /// It is a part of another one.
    Continues,
    /// There is none of that name.
    Missing,
    /// It must be brought back from an archive first.
    Frozen,
}

/// A small object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Object {
    /// User metadata.
    pub metadata: Fields,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// They match a checksum that the server holds.
    pub proven: bool,
}

impl Bucket {
    /// The object `key`, if it has no more than `most` bytes.
    ///
    /// # Errors
    /// If it can't be read, or doesn't match its checksum.
    pub fn get_at_once(&self, key: &str, most: u64, pacer: &Pacer) -> Result<Single> {
        let what = format!("read {key}");
        let damaged = Cell::new(0);
        let read = self.patience.persist(&what, || async {
            let progress = Progress::new();
            watched(&progress, self.patience.stall, async {
                let request = self
                    .client
                    .get_object()
                    .bucket(&self.name)
                    .key(self.full(key))
                    .checksum_mode(ChecksumMode::Enabled);
                let answer = request.send().await.map_err(|error| Failure::of(&error))?;
                if answer.e_tag().is_none() && answer.last_modified().is_none() {
                    return Err(Failure::foreign());
                }
                progress.touch();
                let head = head_of(&answer);
                let size = answer
                    .content_length()
                    .and_then(|size| u64::try_from(size).ok());
                let size = size.ok_or_else(|| {
                    Failure::answered(200, None, Some("the server does not say how long it is"))
                })?;
                if head
                    .metadata()
                    .is_some_and(|all| all.contains_key(CONTINUES))
                {
                    return Ok((head, Body::Left));
                }
                if size > most || is_full(&head) {
                    return Ok((head, Body::Left));
                }
                let mut bytes = Vec::new();
                let mut body = answer.body;
                while let Some(frame) = body.next().await {
                    let frame = match frame {
                        Ok(frame) => frame,
                        Err(error) if is_mismatch(&error) => {
                            damaged.set(damaged.get() + 1);
                            if damaged.get() > 1 {
                                return Ok((head, Body::Damaged));
                            }
                            return Err(Failure::passing("it does not match its checksum"));
                        }
                        Err(error) => {
                            let why = format!("the answer broke off: {error}");
                            return Err(Failure::passing(why));
                        }
                    };
                    pace(pacer, frame.len(), &progress).await;
                    progress.touch();
                    bytes.extend_from_slice(&frame);
                    if bytes.len() as u64 > size {
                        return Err(Failure::passing("the answer was too long"));
                    }
                }
                if bytes.len() as u64 != size {
                    return Err(Failure::passing("the answer was too short"));
                }
                Ok((head, Body::All(bytes)))
            })
            .await
        });
        let (head, bytes) = match self.runtime.block_on(read) {
            Ok(read) => read,
            Err(failure) if failure.kind == Kind::Missing => return Ok(Single::Missing),
            Err(failure) if failure.kind == Kind::Archived => return Ok(Single::Frozen),
            Err(failure) => return Err(failure.error(what)),
        };
        let metadata = head.metadata().cloned().unwrap_or_default();
        let bytes = match bytes {
            Body::All(bytes) => bytes,
            Body::Damaged => return Err(mismatch(what)),
            Body::Left if metadata.contains_key(CONTINUES) => return Ok(Single::Continues),
            Body::Left => return Ok(Single::Large),
        };
        let verdict = Check::of(&head).map_or(Verdict::Unknown, |mut check| {
            check.update(&bytes);
            check.verdict()
        });
        if verdict == Verdict::Damaged {
            return Err(mismatch(what));
        }
        Ok(Single::Whole(Object {
            metadata: metadata.into_iter().collect(),
            bytes,
            proven: verdict == Verdict::Proven,
        }))
    }

    /// True if there is an object `key`; `None` where the keys don't allow to look.
    ///
    /// # Errors
    /// If the server can't be asked.
    pub fn is_there(&self, key: &str) -> Result<Option<bool>> {
        match self.runtime.block_on(self.head(key)) {
            Ok(_) => Ok(Some(true)),
            Err(failure) if failure.kind == Kind::Missing => Ok(Some(false)),
            Err(failure) if failure.kind == Kind::Denied => Ok(None),
            Err(failure) => Err(failure.error(format!("look for {key}"))),
        }
    }
}

/// What came behind the headers of an answer.
enum Body {
    All(Vec<u8>),
    /// It is not wanted.
    Left,
    /// It came twice, and both times something else than was stored.
    Damaged,
}

/// The library compares some checksums by itself, while the bytes come.
fn is_mismatch(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(|cause| cause.to_string().contains("checksum mismatch"))
}

fn mismatch(what: String) -> Error {
    Error::permanent(what, "it does not match its checksum")
}

/// What an answer says of the object besides its bytes.
fn head_of(answer: &GetObjectOutput) -> HeadObjectOutput {
    HeadObjectOutput::builder()
        .set_content_length(answer.content_length())
        .set_e_tag(answer.e_tag().map(str::to_owned))
        .set_metadata(answer.metadata().cloned())
        .set_checksum_type(answer.checksum_type().cloned())
        .set_checksum_crc64_nvme(answer.checksum_crc64_nvme().map(str::to_owned))
        .set_checksum_crc32_c(answer.checksum_crc32_c().map(str::to_owned))
        .set_checksum_crc32(answer.checksum_crc32().map(str::to_owned))
        .set_checksum_sha256(answer.checksum_sha256().map(str::to_owned))
        .set_server_side_encryption(answer.server_side_encryption().cloned())
        .set_sse_customer_algorithm(answer.sse_customer_algorithm().map(str::to_owned))
        .build()
}
