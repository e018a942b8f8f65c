//! The requests that carry the bytes: one for a stream that fits into a part, many for a longer one.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedPart, StorageClass};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::commit::Commit;
use super::reader::{self, Part};
use super::{Run, Stage, Stored, TOKEN, buffers, next};
use crate::bucket::failure::Failure;
use crate::bucket::ladder::{Ladder, MOST};
use crate::bucket::patience::{IDLE, Progress, bounded, watched};
use crate::bucket::{body, checksum};
use crate::error::{Error, Result};
use crate::units::human;

impl Run<'_> {
    /// One request for a stream that fits into it.
    pub(super) async fn store_at_once(&self, part: Part) -> Result<Stored> {
        self.stage.set(Stage::Committing);
        let size = part.bytes.len() as u64;
        let crc64nvme = checksum::encode(part.crc);
        let commit = Commit {
            run: self,
            size,
            crc64nvme: crc64nvme.clone(),
            parts: 1,
        };
        let stored = commit
            .settle(|| {
                let progress = Arc::new(Progress::new());
                let request = self
                    .bucket
                    .client
                    .put_object()
                    .bucket(&self.bucket.name)
                    .key(&self.key)
                    .content_length(i64::try_from(size).unwrap_or(i64::MAX))
                    .body(body::paced(
                        part.bytes.clone(),
                        Arc::clone(&self.order.pacer),
                        Arc::clone(&progress),
                    ))
                    .checksum_crc64_nvme(&crc64nvme)
                    .set_metadata(Some(self.metadata()))
                    .set_storage_class(self.class())
                    .set_tagging(self.tagging())
                    .set_if_none_match((!self.order.overwrite).then(|| "*".to_owned()));
                async move {
                    // Hashing what TLS already protects would cost as much as everything else together.
                    let sent = async {
                        request
                            .customize()
                            .disable_payload_signing()
                            .send()
                            .await
                            .map_err(|error| Failure::of(&error))
                    };
                    watched(&progress, IDLE, sent)
                        .await
                        .map(|answer| (answer.e_tag, answer.version_id))
                }
            })
            .await?;
        (self.progress)(size);
        Ok(stored)
    }

    /// A multipart upload for everything else.
    pub(super) async fn store_in_parts(
        &self,
        first: Part,
        mut parts: reader::Parts,
    ) -> Result<Stored> {
        self.stage.set(Stage::Beginning);
        let id = self.begin().await?;
        *self.open.borrow_mut() = Some(id.clone());
        self.stage.set(Stage::Sending);
        self.begun.notify_one();
        let mut under_way = FuturesUnordered::new();
        let mut done: Vec<CompletedPart> = Vec::new();
        let (mut size, mut crc, mut number) = (0u64, None, 0u32);
        let mut waiting = Some(first);
        let mut reading = true;
        let mut remarked = false;
        loop {
            if let Some(part) = waiting.take() {
                number += 1;
                if number > MOST {
                    return Err(Error::permanent(
                        format!("store {}", self.order.key),
                        format!("it is longer than {MOST} parts"),
                    )
                    .hint("use a larger --part-size"));
                }
                let length = part.bytes.len() as u64;
                crc = Some(crc.map_or(part.crc, |crc| checksum::joined(crc, part.crc, length)));
                size += length;
                reading = !part.last;
                if !remarked && 2 * self.ladder.part(number + 1) > self.order.memory {
                    remarked = true;
                    self.bucket.patience.speaker.note(format_args!(
                        "parts of {} are larger than half of --memory; it is exceeded from here on",
                        human(self.ladder.part(number + 1))
                    ));
                }
                under_way.push(self.send(&id, number, part));
            }
            let room = under_way.len() < self.at_once(number + 1);
            tokio::select! {
                Some(sent) = under_way.next() => done.push(sent?),
                part = next(&mut parts), if reading && room => waiting = Some(part?),
                else => break,
            }
        }
        self.judged().await?;
        done.sort_by_key(CompletedPart::part_number);
        self.stage.set(Stage::Committing);
        let commit = Commit {
            run: self,
            size,
            crc64nvme: checksum::encode(crc.unwrap_or(0)),
            parts: number,
        };
        let stored = commit.complete(&id, done).await?;
        // Nothing is left to abort.
        self.open.borrow_mut().take();
        Ok(stored)
    }

    /// Parts that may be under way when the next one is `number`.
    fn at_once(&self, number: u32) -> usize {
        let size = self.ladder.part(number);
        buffers(self.order.memory, self.order.parallel, size)
            .saturating_sub(2)
            .max(1)
    }

    async fn begin(&self) -> Result<String> {
        let doing = || format!("begin the upload of {}", self.order.key);
        let answer = self
            .bucket
            .patience
            .persist("begin an upload", || {
                let request = self
                    .bucket
                    .client
                    .create_multipart_upload()
                    .bucket(&self.bucket.name)
                    .key(&self.key)
                    .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
                    .checksum_type(ChecksumType::FullObject)
                    .set_metadata(Some(self.metadata()))
                    .set_storage_class(self.class())
                    .set_tagging(self.tagging());
                bounded(IDLE, async move {
                    request.send().await.map_err(|error| Failure::of(&error))
                })
            })
            .await
            .map_err(|failure| failure.error(doing()))?;
        answer
            .upload_id
            .ok_or_else(|| Error::permanent(doing(), "the server named no upload"))
    }

    async fn send(&self, id: &str, number: u32, part: Part) -> Result<CompletedPart> {
        let crc64nvme = checksum::encode(part.crc);
        let wire_number = i32::try_from(number).unwrap_or(i32::MAX);
        let what = format!("upload part {number} of {}", self.order.key);
        let answer = self
            .bucket
            .patience
            .persist(&what, || {
                let progress = Arc::new(Progress::new());
                let request = self
                    .bucket
                    .client
                    .upload_part()
                    .bucket(&self.bucket.name)
                    .key(&self.key)
                    .upload_id(id)
                    .part_number(wire_number)
                    .content_length(i64::try_from(part.bytes.len()).unwrap_or(i64::MAX))
                    .body(body::paced(
                        part.bytes.clone(),
                        Arc::clone(&self.order.pacer),
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
                    watched(&progress, IDLE, sent).await
                }
            })
            .await
            .map_err(|failure| failure.error(&what))?;
        (self.progress)(part.bytes.len() as u64);
        Ok(CompletedPart::builder()
            .part_number(wire_number)
            .set_e_tag(answer.e_tag)
            .checksum_crc64_nvme(crc64nvme)
            .build())
    }

    fn class(&self) -> Option<StorageClass> {
        self.order.class.as_deref().map(StorageClass::from)
    }

    fn metadata(&self) -> HashMap<String, String> {
        let ours = [
            (TOKEN.to_owned(), self.token.clone()),
            (Ladder::METADATA.to_owned(), self.ladder.to_string()),
        ];
        self.order.metadata.iter().cloned().chain(ours).collect()
    }

    /// Tags travel as a query string.
    fn tagging(&self) -> Option<String> {
        let pairs: Vec<String> = self
            .order
            .tags
            .iter()
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("&"))
    }
}

/// `text` for a query string.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn tags_are_escaped() {
        assert_eq!(escaped("a b&c=é~"), "a%20b%26c%3D%C3%A9~");
    }
}
