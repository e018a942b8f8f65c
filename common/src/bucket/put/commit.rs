//! The one request that makes a dump visible, and finding out whether it did.
//!
//! An answer can be lost on its way, and a second try then meets the object that the first one made: the
//! server says 412 (or 404, for an upload that no longer exists) to the very run that succeeded. The token in
//! the object's metadata settles it: ours, somebody else's, or, where the key may not read, unknown. The object
//! of an upload that an earlier run began has that run's token, which we don't know: its content settles it. And
//! a later run may go on with our upload and keep our token: so the content of what has it must be ours, too.

use std::future::Future;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ChecksumType, CompletedMultipartUpload, CompletedPart};

use super::once::EXISTS;
use super::{Prepared, Stored, terms};
use crate::bucket::Bucket;
use crate::bucket::checksum;
use crate::bucket::continued::{CHUNKS, CONTINUES, says, token};
use crate::bucket::failure::{Failure, Kind};
use crate::bucket::patience::{COMPLETING, bounded};
use crate::chunks::Id;
use crate::error::{Class, Error, Result};

/// What to do where a name is taken.
const ANOTHER_OR_OVER: &str = "use another --date, --random, or --overwrite";
/// The same where nothing can be replaced.
pub(super) const ANOTHER: &str = "use another --date, or --random";

/// A commit, and what it must have brought about.
pub(super) struct Commit<'a> {
    pub(super) bucket: &'a Bucket,
    /// Key, without the place's prefix.
    pub(super) key: &'a str,
    /// How its object is known.
    pub(super) mark: Mark<'a>,
    /// Another process may have carried it out before: then the object is there, and is ours.
    pub(super) again: bool,
    pub(super) overwrite: bool,
    /// It is one of many, which can't be replaced at once.
    pub(super) piece: bool,
    /// After this moment it is not asked for any more: seconds since 1970 (UTC).
    pub(super) until: Option<i64>,
    /// The ETag of the only object that may be replaced.
    pub(super) replaces: Option<&'a str>,
    /// The storage class that was asked for.
    pub(super) class: Option<&'a str>,
    pub(super) size: u64,
    pub(super) crc64nvme: Option<String>,
    pub(super) parts: u32,
    /// Bytes that an earlier run had sent.
    pub(super) resumed: u64,
    /// An answer with the right checksum needs no look at the object.
    pub(super) brief: bool,
}

/// What tells our object from anybody else's.
pub(super) enum Mark<'a> {
    /// The token of this run, which one request of ours carries and nobody else's.
    Token(&'a str),
    /// The token of the upload, which any run that goes on with it keeps; so it must also hold what was sent. Where
    /// the server knows no CRC-64/NVME, this ETag tells.
    Upload(&'a str, Option<String>),
    /// What it holds: the size and the CRC-64/NVME, or where the server knows none this ETag.
    Content(Option<String>),
}

/// What a look at the key says.
enum Sight {
    Absent,
    Present(Box<HeadObjectOutput>),
    /// The key in use can't tell.
    Hidden,
}

/// Whose an object is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Whose {
    Ours,
    /// It was our upload, and holds something else.
    Changed,
    Another,
}

/// What the server tells of what it stored.
pub(super) struct Marks {
    pub(super) etag: Option<String>,
    pub(super) version: Option<String>,
    /// CRC-64/NVME of the whole.
    pub(super) crc64nvme: Option<String>,
}

impl Marks {
    /// Those of an object that was looked at.
    fn of(head: &HeadObjectOutput) -> Self {
        Self {
            etag: head.e_tag.clone(),
            version: head.version_id.clone(),
            crc64nvme: None,
        }
    }
}

/// Fails if `key` is taken, as far as we may look.
pub(super) async fn absent(bucket: &Bucket, key: &str) -> Result<()> {
    absent_else(bucket, key, ANOTHER_OR_OVER).await
}

/// The same, with another hint.
pub(super) async fn absent_else(bucket: &Bucket, key: &str, hint: &str) -> Result<()> {
    match look(bucket, key)
        .await
        .map_err(|failure| failure.error(format!("look for {key}")))?
    {
        Sight::Present(_) => Err(exists(key).hint(hint)),
        Sight::Absent | Sight::Hidden => Ok(()),
    }
}

/// Fails if the object of that name, which may be replaced, is another chunk stream, or continues a dump, as far as we may
/// look.
pub(super) async fn dispensable(bucket: &Bucket, key: &str, id: Option<&Id>) -> Result<()> {
    let head = match look(bucket, key).await {
        Ok(Sight::Present(head)) => head,
        Ok(Sight::Absent | Sight::Hidden) => return Ok(()),
        Err(failure) => return Err(failure.error(format!("look for {key}"))),
    };
    if says(&head, CONTINUES).is_some() {
        return Err(exists(key).hint("a dump goes on in it: use another name"));
    }
    match says(&head, CHUNKS) {
        Some(there) if id.is_none_or(|id| id.to_string() != there) => Err(Error::permanent(
            format!("store {key}"),
            "it exists already, and other dumps may need its chunks",
        )
        .hint("use another --date; 's3prune --delete -k KEY' removes it if none needs it")),
        _ => Ok(()),
    }
}

/// Fails if `key`, in which a dump is to go on, and which may be replaced, is an object of its own, as far as we may look.
pub(super) async fn continuing(bucket: &Bucket, key: &str) -> Result<()> {
    match look(bucket, key).await {
        Ok(Sight::Present(head)) if says(&head, CONTINUES).is_none() => {
            Err(exists(key).hint("it continues no dump, and is not replaced by what does"))
        }
        Ok(_) => Ok(()),
        Err(failure) => Err(failure.error(format!("look for {key}"))),
    }
}

fn exists(key: &str) -> Error {
    Error::permanent(format!("store {key}"), EXISTS)
}

async fn look(bucket: &Bucket, key: &str) -> Result<Sight, Failure> {
    // Boxed: a look is in many places, and none of them is small.
    match Box::pin(bucket.head(key)).await {
        Ok(head) => Ok(Sight::Present(Box::new(head))),
        Err(failure) => match failure.kind {
            Kind::Missing => Ok(Sight::Absent),
            Kind::Denied => Ok(Sight::Hidden),
            _ => Err(failure),
        },
    }
}

impl<'a> Commit<'a> {
    /// The commit of what is prepared.
    pub(super) fn of(bucket: &'a Bucket, prepared: &'a Prepared) -> Self {
        Self {
            bucket,
            key: &prepared.key,
            mark: {
                let etags = prepared.parts.iter().map(|part| part.etag.as_deref());
                let etag = checksum::etag_of_parts(etags);
                match &prepared.token {
                    Some(token) => Mark::Upload(token, etag),
                    None => Mark::Content(etag),
                }
            },
            again: false,
            overwrite: prepared.overwrite,
            piece: false,
            until: None,
            replaces: prepared.replaces.as_deref(),
            class: prepared.class.as_deref(),
            size: prepared.size,
            crc64nvme: prepared.crc64nvme.map(checksum::encode),
            parts: u32::try_from(prepared.parts.len()).unwrap_or(u32::MAX),
            resumed: prepared.resumed,
            brief: false,
        }
    }

    /// The object, if it is there and ours. Fails if another one is in the way, or if the upload is gone.
    pub(super) async fn seen(&self, upload: &str) -> Result<Option<Stored>> {
        match look(self.bucket, self.key).await {
            Ok(Sight::Present(head)) if self.whose(&head) == Whose::Ours => {
                Ok(Some(self.stored(Marks::of(&head), Some(&head))))
            }
            Ok(Sight::Present(head)) if self.whose(&head) == Whose::Changed => {
                Err(self.changed("store"))
            }
            Ok(Sight::Present(_)) if !self.overwrite => Err(self.taken()),
            Ok(Sight::Hidden) => Ok(None),
            Ok(Sight::Absent | Sight::Present(_)) => {
                match self.bucket.parts_after(self.key, upload, None, 1).await {
                    // Ceph says the other one.
                    Err(failure) if matches!(failure.kind, Kind::NoUpload | Kind::Missing) => {
                        Err(gone(self.key))
                    }
                    // Whatever else is wrong, completing it will tell.
                    _ => Ok(None),
                }
            }
            Err(failure) => Err(failure.error(format!("look for {}", self.key))),
        }
    }

    /// True if the object is there and ours; `None` if we may not look. Fails if it was our upload, and holds
    /// something else.
    pub(super) async fn stands(&self) -> Result<Option<bool>> {
        match look(self.bucket, self.key).await {
            Ok(Sight::Present(head)) => match self.whose(&head) {
                Whose::Ours => Ok(Some(true)),
                Whose::Changed => Err(self.changed("abort the upload of")),
                Whose::Another => Ok(Some(false)),
            },
            Ok(Sight::Absent) => Ok(Some(false)),
            Ok(Sight::Hidden) => Ok(None),
            Err(failure) => Err(failure.error(format!("look for {}", self.key))),
        }
    }

    /// Completes the upload.
    pub(super) async fn complete(&self, prepared: &Prepared) -> Result<Stored> {
        let bucket = self.bucket;
        if self.again
            && let Some(stored) = self.seen(&prepared.upload).await?
        {
            return Ok(stored);
        }
        if let Some(etag) = self.replaces {
            self.unreplaced(etag).await?;
        } else if !self.again && !self.overwrite {
            // Some servers ignore the condition on this request; a look beforehand is the best there is.
            absent_else(bucket, self.key, self.instead()).await?;
        }
        let parts = prepared.parts.iter().map(|part| {
            CompletedPart::builder()
                .part_number(i32::try_from(part.number).unwrap_or(i32::MAX))
                .set_e_tag(part.etag.clone())
                .set_checksum_crc64_nvme(part.crc64nvme.map(checksum::encode))
                .build()
        });
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts.collect()))
            .build();
        let key = bucket.full(self.key);
        self.settle(|| {
            let request = bucket
                .client
                .complete_multipart_upload()
                .bucket(&bucket.name)
                .key(&key)
                .upload_id(&prepared.upload)
                .multipart_upload(parts.clone())
                .set_checksum_crc64_nvme(self.crc64nvme.clone())
                .checksum_type(ChecksumType::FullObject)
                .mpu_object_size(i64::try_from(self.size).unwrap_or(i64::MAX))
                .set_if_none_match((!self.overwrite).then(|| "*".to_owned()))
                .set_if_match(self.replaces.map(str::to_owned));
            let sent = async move { request.send().await.map_err(|error| Failure::of(&error)) };
            async {
                bounded(COMPLETING, sent).await.map(|answer| Marks {
                    etag: answer.e_tag,
                    version: answer.version_id,
                    crc64nvme: answer.checksum_crc64_nvme,
                })
            }
        })
        .await
    }

    /// Carries out `attempt` until it is certain how it ended.
    pub(super) async fn settle<F>(&self, attempt: impl Fn() -> F) -> Result<Stored>
    where
        F: Future<Output = Result<Marks, Failure>>,
    {
        let (bucket, key) = (self.bucket, self.key);
        let doing = || format!("store {key}");
        // Once an answer was lost, a refusal may be the echo of our own success.
        let doubt = std::cell::Cell::new(false);
        let changed = std::cell::Cell::new(false);
        let outcome = bucket
            .patience
            .persist("commit", || async {
                let is_late = self.until.is_some_and(terms::has_passed);
                let asked = if is_late {
                    Err(Failure::late())
                } else {
                    attempt().await
                };
                let failure = match asked {
                    Ok(marks) => return Ok((marks, None)),
                    Err(failure) => failure,
                };
                let first = !doubt.get();
                doubt.set(doubt.get() || failure.kind == Kind::Passing);
                // An earlier attempt may have come in time.
                let in_doubt = failure.leaves_doubt() || (is_late && doubt.get());
                if !in_doubt {
                    return Err(failure);
                }
                match look(bucket, key).await {
                    Ok(Sight::Present(head)) if self.whose(&head) == Whose::Ours => {
                        Ok((Marks::of(&head), Some(head)))
                    }
                    Ok(Sight::Present(head)) if self.whose(&head) == Whose::Changed => {
                        changed.set(true);
                        Err(Failure::taken())
                    }
                    Ok(Sight::Present(_)) if self.overwrite => Err(failure),
                    Ok(Sight::Present(_)) => Err(Failure::taken()),
                    // What was to be replaced is gone.
                    Ok(Sight::Absent)
                        if self.replaces.is_some() && failure.kind == Kind::Condition =>
                    {
                        Err(failure)
                    }
                    // It shows nothing, and says that something is there.
                    Ok(Sight::Absent) if failure.kind == Kind::Condition => {
                        Err(Failure::passing(failure.text()))
                    }
                    Ok(Sight::Absent) => {
                        doubt.set(false);
                        Err(failure)
                    }
                    Ok(Sight::Hidden)
                        if first && !self.again && failure.kind == Kind::Condition =>
                    {
                        Err(match self.replaces {
                            Some(_) => failure,
                            None => Failure::taken(),
                        })
                    }
                    Ok(Sight::Hidden) if failure.may_pass() => Err(failure),
                    Ok(Sight::Hidden) | Err(_) => Err(failure.unknown()),
                }
            })
            .await;
        let (marks, head) = match outcome {
            Ok(done) => done,
            Err(_) if changed.get() => return Err(self.changed("store")),
            Err(failure) if failure.kind == Kind::Taken => return Err(self.taken()),
            Err(failure) if failure.kind == Kind::Late => {
                return Err(terms::late(key, self.until.unwrap_or_default()));
            }
            Err(failure) if failure.kind == Kind::Condition && self.replaces.is_some() => {
                return Err(self.replaced());
            }
            Err(failure) if failure.kind == Kind::NoUpload && self.again => return Err(gone(key)),
            Err(failure)
                if failure.kind == Kind::Unknown
                    || (doubt.get() && failure.kind == Kind::Passing) =>
            {
                return Err(unknown(key, &failure));
            }
            Err(failure) => return Err(failure.error(doing())),
        };
        let head = match head {
            Some(head) => Some(head),
            None if marks.etag.as_deref().unwrap_or_default().is_empty() => {
                let shown = self.shown().await;
                shown.map_err(|failure| unknown(key, &failure))?
            }
            None if self.brief && self.crc64nvme.is_some() && marks.crc64nvme == self.crc64nvme => {
                None
            }
            None => match look(bucket, key).await {
                Ok(Sight::Present(head)) => Some(head),
                // A key that only writes, or a server that is slow to show what it has: it said that it is done.
                _ => None,
            },
        };
        self.compared(marks.etag.as_deref(), head.as_deref())?;
        Ok(self.stored(marks, head.as_deref()))
    }

    /// The object, after a success that says nothing of it. Ceph answers so; so does who never saw the request.
    async fn shown(&self) -> Result<Option<Box<HeadObjectOutput>>, Failure> {
        let patience = &self.bucket.patience;
        let look = || async {
            match look(self.bucket, self.key).await? {
                Sight::Present(head) if self.may_be_ours(&head) => Ok(Some(head)),
                Sight::Present(_) => Err(Failure::passing("another object is there")),
                // Some servers take a while until they show what they have.
                Sight::Absent => Err(Failure::passing(
                    "the server says that it is done, and shows no object",
                )),
                Sight::Hidden => Ok(None),
            }
        };
        patience.persist("look at what was stored", look).await
    }

    /// False of an object that somebody else made.
    fn may_be_ours(&self, head: &HeadObjectOutput) -> bool {
        match &self.mark {
            Mark::Token(ours) | Mark::Upload(ours, _) => token(head) == Some(*ours),
            Mark::Content(_) => size(head) == Some(self.size),
        }
    }

    /// Whether an object is the one that this commit makes.
    fn whose(&self, head: &HeadObjectOutput) -> Whose {
        let same = size(head) == Some(self.size);
        let same_crc = crc64nvme(head)
            .zip(self.crc64nvme.as_deref())
            .map(|(theirs, ours)| theirs == ours);
        match &self.mark {
            Mark::Token(ours) | Mark::Upload(ours, _) if token(head) != Some(*ours) => {
                Whose::Another
            }
            // Nobody else could send it: what it holds is compared afterwards.
            Mark::Token(_) => Whose::Ours,
            Mark::Upload(_, etag) => {
                // Who encrypts, or copied it, may have made an ETag of another kind.
                let same_etag = || match (etag, bare(head).filter(|etag| is_of_parts(etag))) {
                    (Some(etag), Some(shown)) => etag == shown,
                    _ => true,
                };
                if same && same_crc.unwrap_or_else(same_etag) {
                    Whose::Ours
                } else {
                    Whose::Changed
                }
            }
            Mark::Content(etag) => {
                let same_etag = || etag.is_some() && bare(head) == etag.as_deref();
                if same && same_crc.unwrap_or_else(same_etag) {
                    Whose::Ours
                } else {
                    Whose::Another
                }
            }
        }
    }

    /// Some servers ignore the condition on the last request; a look beforehand is the best there is.
    async fn unreplaced(&self, etag: &str) -> Result<()> {
        match look(self.bucket, self.key).await {
            Ok(Sight::Present(head)) if head.e_tag() == Some(etag) => Ok(()),
            Ok(Sight::Hidden) => Ok(()),
            Ok(Sight::Present(_) | Sight::Absent) => Err(self.replaced()),
            Err(failure) => Err(failure.error(format!("look for {}", self.key))),
        }
    }

    /// The object whose beginning was to be replaced is not the one that is there.
    fn replaced(&self) -> Error {
        Error::permanent(
            format!("store {}", self.key),
            "somebody else has replaced or removed it meanwhile",
        )
        .hint("nothing was stored: see what is there")
    }

    /// What to do where the name is taken.
    fn instead(&self) -> &'static str {
        if self.piece { ANOTHER } else { ANOTHER_OR_OVER }
    }

    /// Somebody else's object has the key.
    fn taken(&self) -> Error {
        exists(self.key).hint(if self.again {
            "'s3put --abort' gives the prepared dump up"
        } else {
            self.instead()
        })
    }

    /// The upload became an object with other bytes than this commit is about.
    fn changed(&self, verb: &str) -> Error {
        Error::permanent(
            format!("{verb} {}", self.key),
            "another run went on with this upload and stored something else",
        )
        .hint(if self.again {
            "the receipt can't be committed any more: see what is there"
        } else {
            "what this run sent is not stored: see what is there"
        })
    }

    /// Some servers answer success and store something else. `answered` is the ETag that they answered with.
    fn compared(&self, answered: Option<&str>, head: Option<&HeadObjectOutput>) -> Result<()> {
        // Somebody may have replaced it since.
        let still_ours = |head: &&HeadObjectOutput| match &self.mark {
            Mark::Token(ours) | Mark::Upload(ours, _) => token(head) == Some(*ours),
            Mark::Content(_) => answered.is_some() && head.e_tag() == answered,
        };
        let Some(head) = head.filter(still_ours) else {
            return Ok(());
        };
        let damaged = size(head).is_some_and(|size| size != self.size)
            || crc64nvme(head)
                .zip(self.crc64nvme.as_deref())
                .is_some_and(|(theirs, ours)| theirs != ours);
        if damaged {
            return Err(Error::permanent(
                format!("store {}", self.key),
                "the server holds something else than was sent",
            )
            .hint("delete it; don't trust this server with backups"));
        }
        Ok(())
    }

    fn stored(&self, marks: Marks, head: Option<&HeadObjectOutput>) -> Stored {
        let Marks { etag, version, .. } = marks;
        // Some servers leave the ETag out of this answer.
        let etag = etag
            .filter(|etag| !etag.is_empty())
            .or_else(|| head.and_then(|head| head.e_tag.clone()));
        let class = head
            .and_then(|head| head.storage_class())
            .map(|class| class.as_str().to_owned());
        Stored {
            key: self.key.to_owned(),
            size: self.size,
            crc64nvme: self.crc64nvme.clone().unwrap_or_default(),
            etag: etag.unwrap_or_default().trim_matches('"').to_owned(),
            version: version.or_else(|| head.and_then(|head| head.version_id.clone())),
            class: class
                .or_else(|| self.class.map(str::to_owned))
                .unwrap_or_else(|| "STANDARD".to_owned()),
            parts: self.parts,
            started: None,
            seconds: 0.0,
            token: match &self.mark {
                Mark::Token(ours) | Mark::Upload(ours, _) => Some((*ours).to_owned()),
                // It has the token of the run that began the upload.
                Mark::Content(_) => head
                    .filter(|head| self.whose(head) == Whose::Ours)
                    .and_then(|head| token(head))
                    .map(str::to_owned),
            },
            resumed: self.resumed,
            chunks: None,
            objects: Vec::new(),
        }
    }
}

/// It can't be known what became of the object.
fn unknown(key: &str, failure: &Failure) -> Error {
    Error::new(
        Class::Temporary,
        format!("learn whether {key} was stored"),
        failure.text(),
    )
    .hint("it may be there: look with a key that may read before storing it again")
}

/// The upload can't be completed any more, and wasn't.
fn gone(key: &str) -> Error {
    Error::permanent(
        format!("store {key}"),
        "the upload is gone (aborted, or expired by a lifecycle rule)",
    )
    .hint("it was not stored: send it once more")
}

fn size(head: &HeadObjectOutput) -> Option<u64> {
    head.content_length()
        .and_then(|size| u64::try_from(size).ok())
}

/// The whole object's checksum, where the server keeps that one.
fn crc64nvme(head: &HeadObjectOutput) -> Option<&str> {
    head.checksum_crc64_nvme()
        .filter(|_| head.checksum_type() != Some(&ChecksumType::Composite))
}

/// The ETag without its quotation marks.
fn bare(head: &HeadObjectOutput) -> Option<&str> {
    head.e_tag().map(|etag| etag.trim_matches('"'))
}

/// True of an ETag in the form that servers make of a multipart upload's MD5s.
fn is_of_parts(etag: &str) -> bool {
    etag.rsplit_once('-')
        .is_some_and(|(digest, _)| checksum::is_md5(digest))
}
