//! One multipart upload: begun, filled from the stream, and then prepared, which is all but visible.
//!
//! Several parts are under way at once; fewer where the reader has no room to fill more. A part whose request
//! fails is sent again, from its buffer or its file, for as long as our patience says.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, StorageClass};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::reader::{self, Part};
use super::resume::{Candidate, Unfinished};
use super::{Prepared, Run, Sent, Stage, next};
use crate::bucket::failure::Failure;
use crate::bucket::patience::{Progress, bounded, watched};
use crate::bucket::{body, checksum};
use crate::error::{Error, Result};

/// An upload that is being filled.
pub(super) struct Upload<'a> {
    run: &'a Run<'a>,
    /// Key, without the place's prefix.
    key: String,
    id: String,
    sent: Vec<Sent>,
    size: u64,
    /// Of all bytes so far; none before the first part.
    crc: Option<u64>,
    /// What an earlier run left, if this upload is that one.
    unfinished: Option<Unfinished>,
}

impl<'a> Upload<'a> {
    /// Begins an upload for `key`, which continues the first one as `number`, or goes on with an earlier one. From
    /// here on a failure of the run aborts it.
    pub(super) async fn begin(run: &'a Run<'a>, key: &str, number: u32) -> Result<Self> {
        let unfinished = run.unfinished.take().filter(|_| number == 0);
        run.standing.stage.set(Stage::Beginning);
        let id = match &unfinished {
            Some(found) => found.id.clone(),
            None => begin(run, key, About::stream(run, number)).await?,
        };
        run.standing.opened(key, &id);
        Ok(Self {
            run,
            key: key.to_owned(),
            id,
            sent: Vec::new(),
            size: 0,
            crc: None,
            unfinished,
        })
    }

    /// Sends `first` and what follows it, until the object is full or the stream ends; true if it ended.
    pub(super) async fn fill(&mut self, first: Part, parts: &mut reader::Parts) -> Result<bool> {
        let run = self.run;
        let (key, id) = (self.key.clone(), self.id.clone());
        let mut under_way = FuturesUnordered::new();
        let mut number = 0u32;
        let mut waiting = Some(first);
        let (mut reading, mut over) = (true, false);
        loop {
            if let Some(part) = waiting.take() {
                number += 1;
                self.count(&part);
                reading = !part.last && !part.full;
                over = part.last;
                let found = self.unfinished.as_ref();
                let candidate = found.and_then(|found| found.candidate(number, &part));
                under_way.push(send_unless_there(run, &key, &id, number, part, candidate));
            }
            let room = under_way.len() < run.order.parallel.max(1);
            tokio::select! {
                Some(sent) = under_way.next() => self.sent.push(sent?),
                part = next(parts), if reading && room => waiting = Some(part?),
                else => break,
            }
        }
        if self
            .unfinished
            .as_ref()
            .is_some_and(|found| found.is_longer(number))
        {
            // If this upload can't be completed, the next run must not find it.
            run.standing.keeps.set(false);
            run.bucket.patience.speaker.note(format_args!(
                "the stream is shorter than what is stored of it"
            ));
        }
        Ok(over)
    }

    fn count(&mut self, part: &Part) {
        let length = part.content.len();
        self.crc = Some(
            self.crc
                .map_or(part.crc, |crc| checksum::joined(crc, part.crc, length)),
        );
        self.size += length;
    }

    /// What completing takes.
    pub(super) fn prepared(mut self) -> Prepared {
        self.sent.sort_by_key(|part| part.number);
        let resumed = self.sent.iter().filter(|part| part.resumed);
        Prepared {
            resumed: resumed.map(|part| part.size).sum(),
            key: self.key,
            token: self.unfinished.is_none().then(|| self.run.token.clone()),
            overwrite: self.run.order.overwrite,
            class: self.run.order.class.clone(),
            upload: self.id,
            size: self.size,
            crc64nvme: Some(self.crc.unwrap_or(0)),
            replaces: None,
            parts: self.sent,
        }
    }
}

/// What an upload's object will say of itself besides its bytes.
pub(super) struct About<'a> {
    pub(super) metadata: HashMap<String, String>,
    pub(super) class: Option<StorageClass>,
    pub(super) tagging: Option<String>,
    /// The object whose headers it shall have.
    pub(super) like: Option<&'a HeadObjectOutput>,
}

impl About<'_> {
    /// An object of the stream, by its number.
    fn stream(run: &Run<'_>, number: u32) -> Self {
        Self {
            metadata: run.metadata(number),
            class: run.class(),
            tagging: run.tagging(),
            like: None,
        }
    }
}

/// Begins an upload, and returns its name.
pub(super) async fn begin(run: &Run<'_>, key: &str, about: About<'_>) -> Result<String> {
    let header =
        |of: fn(&HeadObjectOutput) -> Option<&str>| about.like.and_then(of).map(str::to_owned);
    let bucket = run.bucket;
    let doing = || format!("begin the upload of {key}");
    let answer = bucket
        .patience
        .persist("begin an upload", || {
            let request = bucket
                .client
                .create_multipart_upload()
                .bucket(&bucket.name)
                .key(bucket.full(key))
                .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
                .checksum_type(ChecksumType::FullObject)
                .set_metadata(Some(about.metadata.clone()))
                .set_storage_class(about.class.clone())
                .set_tagging(about.tagging.clone())
                .set_cache_control(header(HeadObjectOutput::cache_control))
                .set_content_disposition(header(HeadObjectOutput::content_disposition))
                .set_content_encoding(header(HeadObjectOutput::content_encoding))
                .set_content_language(header(HeadObjectOutput::content_language))
                .set_content_type(header(HeadObjectOutput::content_type))
                .set_acl(run.acl());
            bounded(bucket.patience.stall, async move {
                request.send().await.map_err(|error| Failure::of(&error))
            })
        })
        .await
        .map_err(|failure| failure.error(doing()))?;
    run.answered();
    answer
        .upload_id
        .ok_or_else(|| Error::permanent(doing(), "the server named no upload"))
}

/// Sends a part, unless the candidate is that part.
async fn send_unless_there(
    run: &Run<'_>,
    key: &str,
    id: &str,
    number: u32,
    part: Part,
    candidate: Option<Candidate>,
) -> Result<Sent> {
    if let Some(candidate) = candidate
        && let Some(sent) = candidate.settled().await
    {
        (run.progress)(sent.size);
        return Ok(sent);
    }
    send_part(run, key, id, number, part).await
}

/// Sends a part.
pub(super) async fn send_part(
    run: &Run<'_>,
    key: &str,
    id: &str,
    number: u32,
    part: Part,
) -> Result<Sent> {
    let bucket = run.bucket;
    let crc64nvme = checksum::encode(part.crc);
    let wire_number = i32::try_from(number).unwrap_or(i32::MAX);
    let what = format!("upload part {number} of {key}");
    let length = part.content.len();
    let etag = bucket
        .patience
        .persist(&what, || {
            let progress = Arc::new(Progress::new());
            let request = bucket
                .client
                .upload_part()
                .bucket(&bucket.name)
                .key(bucket.full(key))
                .upload_id(id)
                .part_number(wire_number)
                .content_length(i64::try_from(length).unwrap_or(i64::MAX))
                .body(body::paced(
                    &part.content,
                    Arc::clone(&run.order.pacer),
                    Arc::clone(&progress),
                ))
                .checksum_crc64_nvme(&crc64nvme);
            async move {
                let sent = async {
                    request
                        .customize()
                        .disable_payload_signing()
                        .send()
                        .await
                        .map_err(|error| Failure::of(&error))
                };
                let answer = watched(&progress, bucket.patience.stall, sent).await?;
                // The upload can't be completed without it.
                match answer.e_tag.filter(|etag| !etag.is_empty()) {
                    Some(etag) => Ok(etag),
                    None => Err(Failure::foreign()),
                }
            }
        })
        .await
        .map_err(|failure| failure.error(&what))?;
    (run.progress)(length);
    Ok(Sent {
        number,
        size: length,
        resumed: false,
        etag: Some(etag),
        crc64nvme: Some(part.crc),
    })
}
