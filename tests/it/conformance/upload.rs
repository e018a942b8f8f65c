//! A multipart upload in the hands of a check.

use aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder;
use aws_sdk_s3::operation::create_multipart_upload::builders::CreateMultipartUploadFluentBuilder;
use aws_sdk_s3::operation::upload_part::builders::UploadPartFluentBuilder;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use super::answers::Answer;
use super::store::Room;

/// The smallest size of a part that isn't the last.
pub const MIN_PART: usize = 5 << 20;

/// An upload that was started.
pub struct Upload<'a> {
    room: &'a Room,
    key: String,
    pub id: String,
}

impl<'a> Upload<'a> {
    /// Starts an upload of `name`.
    pub async fn start(room: &'a Room, name: &str) -> Result<Self, String> {
        Self::start_with(room, name, |create| create).await
    }

    /// Starts an upload of `name` with something more to say about it.
    pub async fn start_with(
        room: &'a Room,
        name: &str,
        more: impl FnOnce(CreateMultipartUploadFluentBuilder) -> CreateMultipartUploadFluentBuilder,
    ) -> Result<Self, String> {
        let key = room.key(name);
        let create = more(
            room.client
                .create_multipart_upload()
                .bucket(&room.bucket)
                .key(&key),
        );
        let answer = create.send().await.done("start an upload")?;
        let id = answer
            .upload_id()
            .ok_or("the started upload has no id")?
            .to_owned();
        Ok(Self { room, key, id })
    }

    /// A request to upload part `number`.
    pub fn request(&self, number: i32, bytes: impl Into<Vec<u8>>) -> UploadPartFluentBuilder {
        let bytes: Vec<u8> = bytes.into();
        let request = self
            .room
            .client
            .upload_part()
            .bucket(&self.room.bucket)
            .key(&self.key);
        request
            .upload_id(&self.id)
            .part_number(number)
            .body(bytes.into())
    }

    /// Uploads part `number`.
    pub async fn part(
        &self,
        number: i32,
        bytes: impl Into<Vec<u8>>,
    ) -> Result<CompletedPart, String> {
        let answer = self
            .request(number, bytes)
            .send()
            .await
            .done(&format!("upload part {number}"))?;
        let etag = answer
            .e_tag()
            .ok_or_else(|| format!("part {number} has no ETag"))?;
        Ok(part(number, etag))
    }

    /// A request to complete the upload with these parts.
    pub fn complete(
        &self,
        parts: impl IntoIterator<Item = CompletedPart>,
    ) -> CompleteMultipartUploadFluentBuilder {
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts.into_iter().collect()))
            .build();
        let request = self
            .room
            .client
            .complete_multipart_upload()
            .bucket(&self.room.bucket)
            .key(&self.key);
        request.upload_id(&self.id).multipart_upload(parts)
    }

    /// Completes the upload with these parts.
    pub async fn finish(
        &self,
        parts: impl IntoIterator<Item = CompletedPart>,
    ) -> Result<(), String> {
        self.complete(parts).send().await.done("complete").map(drop)
    }

    /// Gives the upload up.
    pub async fn abort(&self) -> Result<(), String> {
        let abort = self
            .room
            .client
            .abort_multipart_upload()
            .bucket(&self.room.bucket)
            .key(&self.key);
        abort
            .upload_id(&self.id)
            .send()
            .await
            .done("abort")
            .map(drop)
    }
}

/// A part as it is named to Complete.
pub fn part(number: i32, etag: &str) -> CompletedPart {
    CompletedPart::builder()
        .part_number(number)
        .e_tag(etag)
        .build()
}
