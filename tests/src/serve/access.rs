//! Who gets in, and which conditions are overlooked.

use s3s::access::S3Access;
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::{CompleteMultipartUploadInput, PutObjectInput};
use s3s::{S3Request, S3Result, s3_error};

/// The only key that gets in. Another id is refused in S3's words.
pub(super) struct OneKey {
    pub(super) id: String,
    pub(super) secret: SecretKey,
}

#[async_trait::async_trait]
impl S3Auth for OneKey {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.id {
            Ok(self.secret.clone())
        } else {
            Err(s3_error!(InvalidAccessKeyId))
        }
    }
}

/// Marks a request whose conditions are to be overlooked.
#[derive(Clone, Copy)]
pub(super) struct Blind;

/// Takes the conditions away after the signature, which covers them, was checked.
pub(super) struct Blindfold;

#[async_trait::async_trait]
impl S3Access for Blindfold {
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
