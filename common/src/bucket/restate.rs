//! Other metadata for a stored object, without its bytes passing through here.
//!
//! The server copies the object onto itself, with the metadata replaced. The copy is tied to the content that was seen. What S3
//! copies by one request is limited; above that the parts are copied, as `--rest-of` does it, and proven. Headers, tags
//! and the storage class stay; an ACL doesn't.

use aws_sdk_s3::types::MetadataDirective;

use super::Bucket;
use super::failure::{Failure, Kind};
use super::get::Seen;
use super::patience::{COMPLETING, bounded};
use super::put::{Approval, Order, Rest, Seam, Stored, copy_source};
use crate::error::{Error, Result};
use crate::members::Fields;

/// What S3 copies by one request.
pub const MOST_AT_ONCE: u64 = 5 << 30;
/// What is read of a large object, so that it is known for itself.
const BEGINNING: u64 = 4096;

/// What an object is to be called: the new metadata, by the old.
pub type Change<'a> = &'a dyn Fn(u64, &Fields) -> Result<Vec<(String, String)>>;

impl Bucket {
    /// Gives the object `order.key` other metadata; it is copied in parts if it has more than `most` bytes. `None` if
    /// there is no such object.
    ///
    /// # Errors
    /// If `change` refuses, or the object can't be looked at or copied, or was replaced meanwhile.
    pub fn restate(&self, order: &Order, most: u64, change: Change<'_>) -> Result<Option<Stored>> {
        let began = std::time::Instant::now();
        let key = &order.key;
        let what = || format!("look at {key}");
        let head = match self.runtime.block_on(self.head(key)) {
            Ok(head) => head,
            Err(failure) if failure.kind == Kind::Missing => return Ok(None),
            Err(failure) => return Err(failure.error(what())),
        };
        let seen = self.seen(key, head)?;
        let old: Fields = seen
            .head
            .metadata()
            .cloned()
            .unwrap_or_default()
            .into_iter()
            .collect();
        let metadata = change(seen.size, &old)?;
        if seen.size > most {
            return self.restate_in_parts(order, &seen, metadata).map(Some);
        }
        let etag = self.runtime.block_on(self.copied(order, &seen, metadata))?;
        Ok(Some(Stored {
            key: key.clone(),
            size: seen.size,
            crc64nvme: super::checksum::whole_crc64(&seen.head)
                .map(super::checksum::encode)
                .unwrap_or_default(),
            etag: etag.trim_matches('"').to_owned(),
            version: None,
            class: seen
                .head
                .storage_class()
                .map_or("STANDARD", |class| class.as_str())
                .to_owned(),
            parts: 1,
            started: Some(order.started),
            seconds: began.elapsed().as_secs_f64(),
            token: super::continued::token(&seen.head).map(str::to_owned),
            resumed: 0,
            chunks: None,
            objects: Vec::new(),
        }))
    }

    /// Copies an object onto itself, and looks whether it is still the same; returns its ETag.
    async fn copied(
        &self,
        order: &Order,
        seen: &Seen,
        metadata: Vec<(String, String)>,
    ) -> Result<String> {
        let (key, head) = (&seen.key, &seen.head);
        let what = format!("change the metadata of {key}");
        let copied =
            self.patience
                .persist(&what, || {
                    let request =
                        self.client
                            .copy_object()
                            .bucket(&self.name)
                            .key(self.full(key))
                            .copy_source(copy_source(self, key))
                            .set_copy_source_if_match(seen.etag.clone())
                            .metadata_directive(MetadataDirective::Replace)
                            .set_metadata(Some(metadata.iter().cloned().collect()))
                            .set_storage_class(head.storage_class.clone())
                            .set_cache_control(head.cache_control.clone())
                            .set_content_disposition(head.content_disposition.clone())
                            .set_content_encoding(head.content_encoding.clone())
                            .set_content_language(head.content_language.clone())
                            .set_content_type(head.content_type.clone())
                            .set_acl(order.grant_owner.then_some(
                                aws_sdk_s3::types::ObjectCannedAcl::BucketOwnerFullControl,
                            ));
                    // Ceph wants to be told that there is no body.
                    let request = request.customize().mutate_request(|request| {
                        request.headers_mut().insert("content-length", "0");
                    });
                    bounded(COMPLETING, async move {
                        let answer = request.send().await.map_err(|error| Failure::of(&error))?;
                        match answer.copy_object_result.and_then(|copied| copied.e_tag) {
                            Some(etag) if !etag.is_empty() => Ok(etag),
                            _ => Err(Failure::foreign()),
                        }
                    })
                })
                .await;
        match copied {
            Ok(etag) => {
                self.unchanged(seen, &what).await?;
                Ok(etag)
            }
            Err(failure) if failure.kind == Kind::Condition => Err(Error::permanent(
                what,
                "it was replaced while it was being copied",
            )),
            Err(failure) => Err(failure.error(what)),
        }
    }

    /// Fails if the object is another one now, as far as its size and checksum tell.
    async fn unchanged(&self, seen: &Seen, what: &str) -> Result<()> {
        let head = self.head(&seen.key).await;
        let head = head.map_err(|failure| failure.error(format!("look at {}", seen.key)))?;
        let crc = |head| super::checksum::whole_crc64(head);
        let same_size = head.content_length() == seen.head.content_length();
        let same_crc = crc(&head)
            .zip(crc(&seen.head))
            .is_none_or(|(now, then)| now == then);
        if same_size && same_crc {
            return Ok(());
        }
        Err(Error::permanent(
            what,
            "the server holds something else than before",
        ))
    }

    fn restate_in_parts(
        &self,
        order: &Order,
        seen: &Seen,
        metadata: Vec<(String, String)>,
    ) -> Result<Stored> {
        let beginning =
            self.runtime
                .block_on(self.range(&order.pacer, seen, 0, BEGINNING.min(seen.size)))?;
        let order = Order {
            metadata,
            overwrite: true,
            resume: false,
            rest: Some(Rest {
                of: order.key.clone(),
                seam: |_, _| Ok(Seam { new: 0, old: 0 }),
                restated: true,
            }),
            ..order.clone()
        };
        let input = std::io::Cursor::new(beginning.concat());
        let judge = || Ok(Approval::default());
        self.put(input, &order, &|_| (), Box::new(judge))
    }
}
