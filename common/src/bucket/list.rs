//! Listing, and unfinished uploads.

use aws_sdk_s3::operation::list_parts::ListPartsOutput;
use aws_sdk_s3::types::EncodingType;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::failure::{Failure, Kind};
use super::patience::bounded;
use super::{Bucket, checksum};
use crate::error::Result;
use crate::listing::Entry;
use crate::units::total;

/// How many small requests are under way at once.
const AT_ONCE: usize = 16;

/// An upload that was begun and neither completed nor aborted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Upload {
    /// Key, without the place's prefix.
    pub key: String,
    /// The server's name for the upload.
    pub id: String,
    /// When it was begun, by the server's clock.
    pub started: Timestamp,
    /// Bytes in the parts stored so far; `None` where they may not be listed.
    pub bytes: Option<u64>,
}

impl Bucket {
    /// Every object whose key begins with `prefix`, in the server's order.
    ///
    /// # Errors
    /// If the bucket can't be listed.
    pub fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        self.runtime
            .block_on(self.entries(prefix))
            .map_err(|failure| failure.error(format!("list {}", self.place)))
    }

    /// The same, or `None` where the keys don't allow to list.
    ///
    /// # Errors
    /// If the bucket can't be listed for another reason.
    pub fn list_if_allowed(&self, prefix: &str) -> Result<Option<Vec<Entry>>> {
        match self.runtime.block_on(self.entries(prefix)) {
            Ok(entries) => Ok(Some(entries)),
            Err(failure) if failure.kind == Kind::Denied => Ok(None),
            Err(failure) => Err(failure.error(format!("list {}", self.place))),
        }
    }

    async fn entries(&self, prefix: &str) -> Result<Vec<Entry>, Failure> {
        let mut entries = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let page = self
                .patience
                .persist("list the bucket", || {
                    let request = self
                        .client
                        .list_objects_v2()
                        .bucket(&self.name)
                        .prefix(self.full(prefix))
                        // A key may hold what XML can't.
                        .encoding_type(EncodingType::Url)
                        .set_continuation_token(token.clone());
                    bounded(self.patience.stall, async move {
                        request.send().await.map_err(|error| Failure::of(&error))
                    })
                })
                .await?;
            for object in page.contents() {
                let Some(key) = object.key().and_then(|key| self.bare(&decoded(key))) else {
                    continue;
                };
                entries.push(Entry {
                    key,
                    size: object
                        .size()
                        .and_then(|size| u64::try_from(size).ok())
                        .unwrap_or(0),
                    modified: object
                        .last_modified()
                        .map_or(Timestamp::UNIX_EPOCH, instant),
                    etag: object
                        .e_tag()
                        .unwrap_or_default()
                        .trim_matches('"')
                        .to_owned(),
                    class: object
                        .storage_class()
                        .map_or("STANDARD", |class| class.as_str())
                        .to_owned(),
                });
            }
            if page.is_truncated() != Some(true) {
                return Ok(entries);
            }
            let next = page.next_continuation_token().map(str::to_owned);
            if next.is_none() || next == token {
                return Err(endless());
            }
            token = next;
        }
    }

    /// The checksum that the server holds of each object: `CRC64NVME:BASE64` and the like, or `None` where
    /// there is none or the keys don't allow to ask.
    ///
    /// # Errors
    /// If the server can't be asked at all.
    pub fn checksums(&self, keys: &[String]) -> Result<Vec<Option<String>>> {
        let asked = stream::iter(keys.iter().enumerate()).map(|(number, key)| async move {
            match self.head(key).await {
                Ok(head) => Ok((number, checksum::shown(&head))),
                Err(failure) if matches!(failure.kind, Kind::Denied | Kind::Missing) => {
                    Ok((number, None))
                }
                Err(failure) => Err(failure.error(format!("ask for the checksum of {key}"))),
            }
        });
        // In no order, so that one that has to wait doesn't hold up the others.
        let asked = asked.buffer_unordered(AT_ONCE);
        let mut checksums = vec![None; keys.len()];
        self.runtime
            .block_on(asked.try_for_each(|(number, checksum)| {
                checksums[number] = checksum;
                futures_util::future::ready(Ok(()))
            }))?;
        Ok(checksums)
    }

    /// Every unfinished upload under the place.
    ///
    /// # Errors
    /// If they can't be listed.
    pub fn uploads(&self) -> Result<Vec<Upload>> {
        let doing = || format!("list the unfinished uploads of {}", self.place);
        self.runtime.block_on(async {
            let mut uploads = self
                .upload_names("")
                .await
                .map_err(|failure| failure.error(doing()))?;
            let sizes = stream::iter(&uploads)
                .map(|upload| self.stored_bytes(upload))
                .buffered(AT_ONCE)
                .collect::<Vec<_>>()
                .await;
            for (upload, bytes) in uploads.iter_mut().zip(sizes) {
                upload.bytes = bytes;
            }
            Ok(uploads)
        })
    }

    /// The unfinished uploads of keys that begin with `prefix`; their bytes are not asked for.
    pub(super) async fn upload_names(&self, prefix: &str) -> Result<Vec<Upload>, Failure> {
        let mut uploads = Vec::new();
        let (mut key_marker, mut id_marker) = (None::<String>, None::<String>);
        loop {
            let page = self
                .patience
                .persist("list unfinished uploads", || {
                    let request = self
                        .client
                        .list_multipart_uploads()
                        .bucket(&self.name)
                        .prefix(self.full(prefix))
                        .encoding_type(EncodingType::Url)
                        .set_key_marker(key_marker.clone())
                        .set_upload_id_marker(id_marker.clone());
                    bounded(self.patience.stall, async move {
                        request.send().await.map_err(|error| Failure::of(&error))
                    })
                })
                .await?;
            for upload in page.uploads() {
                let Some(key) = upload.key().and_then(|key| self.bare(&decoded(key))) else {
                    continue;
                };
                let started = upload.initiated().map_or(Timestamp::UNIX_EPOCH, instant);
                uploads.push(Upload {
                    key,
                    id: upload.upload_id().unwrap_or_default().to_owned(),
                    started,
                    bytes: None,
                });
            }
            if page.is_truncated() != Some(true) {
                return Ok(uploads);
            }
            let next = (
                page.next_key_marker().map(decoded),
                page.next_upload_id_marker().map(str::to_owned),
            );
            if next.0.is_none() || next == (key_marker, id_marker) {
                return Err(endless());
            }
            (key_marker, id_marker) = next;
        }
    }

    async fn stored_bytes(&self, upload: &Upload) -> Option<u64> {
        let pages = self.parts(&upload.key, &upload.id).await.ok()?;
        let parts = pages.iter().flat_map(ListPartsOutput::parts);
        let sizes = parts.filter_map(|part| u64::try_from(part.size().unwrap_or(0)).ok());
        Some(total(sizes))
    }

    /// The parts of an upload that are stored, page by page; never no page.
    pub(super) async fn parts(&self, key: &str, id: &str) -> Result<Vec<ListPartsOutput>, Failure> {
        let mut pages = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let page = self.parts_after(key, id, marker.clone(), 1000).await?;
            let next = page.next_part_number_marker().map(str::to_owned);
            let more = page.is_truncated() == Some(true);
            pages.push(page);
            if !more {
                return Ok(pages);
            }
            if next.is_none() || next == marker {
                return Err(endless());
            }
            marker = next;
        }
    }

    /// One page of them: at most `most` after part `marker`.
    pub(super) async fn parts_after(
        &self,
        key: &str,
        id: &str,
        marker: Option<String>,
        most: i32,
    ) -> Result<ListPartsOutput, Failure> {
        self.patience
            .persist("list the parts of an upload", || {
                let request = self
                    .client
                    .list_parts()
                    .bucket(&self.name)
                    .key(self.full(key))
                    .upload_id(id)
                    .max_parts(most)
                    .set_part_number_marker(marker.clone());
                bounded(self.patience.stall, async move {
                    request.send().await.map_err(|error| Failure::of(&error))
                })
            })
            .await
    }

    /// Gives up an unfinished upload; its parts are freed.
    ///
    /// # Errors
    /// If the server refuses. An upload that is gone already is no error.
    pub fn abort(&self, upload: &Upload) -> Result<()> {
        self.runtime
            .block_on(self.give_up(&upload.key, &upload.id))
            .map_err(|failure| failure.error(format!("abort the upload of {}", upload.key)))
    }

    pub(super) async fn give_up(&self, key: &str, id: &str) -> Result<(), Failure> {
        self.aborted(key, id).await.map(|_| ())
    }

    /// Aborts an upload; false if it was gone already.
    pub(super) async fn aborted(&self, key: &str, id: &str) -> Result<bool, Failure> {
        let aborted = self
            .patience
            .persist("abort an upload", || {
                let request = self
                    .client
                    .abort_multipart_upload()
                    .bucket(&self.name)
                    .key(self.full(key))
                    .upload_id(id);
                bounded(self.patience.stall, async move {
                    request.send().await.map_err(|error| Failure::of(&error))
                })
            })
            .await;
        match aborted {
            Ok(_) => Ok(true),
            Err(failure) if failure.kind == Kind::NoUpload => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}

/// A page that says that there is more and not where.
fn endless() -> Failure {
    Failure::answered(
        200,
        None,
        Some("the server says that there is more, and not where"),
    )
}

/// A time of the SDK's as one of ours.
fn instant(time: &aws_sdk_s3::primitives::DateTime) -> Timestamp {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).unwrap_or(0))
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A key from a listing that was asked for with `encoding-type=url`: `%XX` and `+` mean bytes and a space.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                plain.push(byte);
                at += 2;
            }
            (b'+', _) => plain.push(b' '),
            (byte, _) => plain.push(byte),
        }
        at += 1;
    }
    String::from_utf8(plain).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn listed_keys_are_decoded() {
        assert_eq!(decoded("a%2Fb+c%2B%C3%A9%"), "a/b c+é%");
        assert_eq!(decoded("%zz"), "%zz");
    }
}
