//! Who gets in, which conditions are overlooked, and how much of a listing is seen at once.

use std::path::PathBuf;

use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::{CompleteMultipartUploadInput, ListObjectsV2Input, PutObjectInput};
use s3s::{S3Request, S3Result, s3_error};

/// Who gets in: one key that may do all, and perhaps some that may only write. Another id is refused in S3's words.
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: SecretKey,
    pub(super) writers: Vec<Writer>,
    /// A file that holds `ID SECRET` of the key that gets in instead. It is read for each request; whoever comes
    /// with another id is told that it has expired.
    pub(super) instead: Option<PathBuf>,
}

/// A key that may only write.
#[derive(Clone, Debug)]
pub struct Writer {
    /// Access key id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// It may only create: what makes an object visible must carry `If-None-Match`, as a policy at AWS can demand.
    pub create_only: bool,
}

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if let Some(file) = &self.instead {
            let pair = std::fs::read_to_string(file).unwrap_or_default();
            return match pair.trim().split_once(' ') {
                Some((id, secret)) if id == access_key => Ok(secret.into()),
                _ => Err(s3_error!(ExpiredToken)),
            };
        }
        if access_key == self.id {
            return Ok(self.secret.clone());
        }
        self.writers
            .iter()
            .find(|writer| writer.id == access_key)
            .map(|writer| writer.secret.as_str().into())
            .ok_or_else(|| s3_error!(InvalidAccessKeyId))
    }
}

/// Marks a request whose conditions are to be overlooked.
#[derive(Clone, Copy)]
pub(super) struct Blind;

/// Refuses what a writer may not do, takes the conditions away where they are to be overlooked, and makes pages smaller.
/// All of it comes after the signature, which covers the request, was checked.
pub(super) struct Guard {
    pub(super) writers: Vec<Writer>,
    /// The most keys on a page of a listing.
    pub(super) page: Option<i32>,
}

impl Guard {
    fn check_writer(&self, cx: &S3AccessContext<'_>) -> S3Result<()> {
        let Some(credentials) = cx.credentials() else {
            return Err(s3_error!(AccessDenied, "who are you?"));
        };
        let Some(writer) = self
            .writers
            .iter()
            .find(|writer| writer.id == credentials.access_key)
        else {
            return Ok(());
        };
        let allowed = match cx.s3_op().name() {
            "CreateMultipartUpload" | "UploadPart" | "AbortMultipartUpload" => true,
            "PutObject" | "CompleteMultipartUpload" => {
                !writer.create_only || cx.headers().contains_key("if-none-match")
            }
            _ => false,
        };
        if allowed {
            Ok(())
        } else {
            Err(s3_error!(AccessDenied, "this key may only write"))
        }
    }
}

#[async_trait::async_trait]
impl S3Access for Guard {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        self.check_writer(cx)
    }

    async fn list_objects_v2(&self, request: &mut S3Request<ListObjectsV2Input>) -> S3Result<()> {
        if let Some(page) = self.page {
            let asked = request.input.max_keys.unwrap_or(page);
            request.input.max_keys = Some(asked.min(page));
        }
        Ok(())
    }

    async fn put_object(&self, request: &mut S3Request<PutObjectInput>) -> S3Result<()> {
        if request.extensions.get::<Blind>().is_some() {
            request.input.if_none_match = None;
            request.input.if_match = None;
        }
        Ok(())
    }

    async fn complete_multipart_upload(
        &self,
        request: &mut S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<()> {
        if request.extensions.get::<Blind>().is_some() {
            request.input.if_none_match = None;
            request.input.if_match = None;
        }
        Ok(())
    }
}
