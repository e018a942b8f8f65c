//! The one request that carries a stream which fits into a part, and what every request says of the object.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_s3::types::{ObjectCannedAcl, StorageClass};

use super::commit::{Commit, Mark, Marks};
use super::reader::Part;
use super::{Run, Stage, Stored};
use crate::bucket::continued;
use crate::bucket::failure::Failure;
use crate::bucket::ladder::Cuts;
use crate::bucket::patience::{Progress, watched};
use crate::bucket::{body, checksum};
use crate::error::Result;

impl Run<'_> {
    /// One request for a stream that fits into it. Where it is to be `brief` the object isn't looked at if the answer
    /// proves what was stored.
    pub(super) async fn store_at_once(&self, part: Part, brief: bool) -> Result<Stored> {
        self.standing.stage.set(Stage::Committing);
        let size = part.content.len();
        let commit = Commit {
            bucket: self.bucket,
            key: &self.order.key,
            mark: Mark::Token(&self.token),
            again: false,
            overwrite: self.order.overwrite,
            piece: false,
            until: None,
            replaces: None,
            class: self.order.class.as_deref(),
            size,
            crc64nvme: Some(checksum::encode(part.crc)),
            parts: 1,
            resumed: 0,
            brief,
        };
        let key = self.bucket.full(&self.order.key);
        let stored = commit
            .settle(|| {
                let progress = Arc::new(Progress::new());
                let request = self
                    .bucket
                    .client
                    .put_object()
                    .bucket(&self.bucket.name)
                    .key(&key)
                    .content_length(i64::try_from(size).unwrap_or(i64::MAX))
                    .body(body::paced(
                        &part.content,
                        Arc::clone(&self.order.pacer),
                        Arc::clone(&progress),
                    ))
                    .set_checksum_crc64_nvme(commit.crc64nvme.clone())
                    .set_metadata(Some(self.metadata(0)))
                    .set_storage_class(self.class())
                    .set_tagging(self.tagging())
                    .set_acl(self.acl())
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
                    let answer = watched(&progress, self.bucket.patience.stall, sent).await?;
                    // Without one it was somebody else who answered, and the object is perhaps nowhere.
                    match answer.e_tag.filter(|etag| !etag.is_empty()) {
                        Some(etag) => Ok(Marks {
                            etag: Some(etag),
                            version: answer.version_id,
                            crc64nvme: answer.checksum_crc64_nvme,
                        }),
                        None => Err(Failure::foreign()),
                    }
                }
            })
            .await?;
        self.answered();
        (self.progress)(size);
        Ok(stored)
    }

    pub(super) fn acl(&self) -> Option<ObjectCannedAcl> {
        self.order
            .grant_owner
            .then_some(ObjectCannedAcl::BucketOwnerFullControl)
    }

    pub(super) fn class(&self) -> Option<StorageClass> {
        self.order.class.as_deref().map(StorageClass::from)
    }

    /// Of the object that continues the stream's first one as `number`; 0 is the first one.
    pub(super) fn metadata(&self, number: u32) -> HashMap<String, String> {
        let ours = [
            (continued::TOKEN, self.token.clone()),
            (continued::LIMIT, self.plan.limit.to_string()),
            (Cuts::METADATA, self.plan.ladder.to_string()),
        ];
        let continues =
            (number > 0).then(|| (continued::CONTINUES, continued::mark(&self.token, number)));
        let chunks = self
            .order
            .id
            .get()
            .map(|id| (continued::CHUNKS, id.to_string()));
        let ours = ours.into_iter().chain(continues).chain(chunks);
        let ours = ours.map(|(name, value)| (name.to_owned(), value));
        self.order.metadata.iter().cloned().chain(ours).collect()
    }

    pub(super) fn tagging(&self) -> Option<String> {
        tagging(&self.order.tags)
    }
}

/// Tags as a query string; `None` if there are none.
pub(super) fn tagging(tags: &[(String, String)]) -> Option<String> {
    let pairs: Vec<String> = tags
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
        .collect();
    (!pairs.is_empty()).then(|| pairs.join("&"))
}

/// `text` for a query string, or for a segment of a path.
pub(super) fn escaped(text: &str) -> String {
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
