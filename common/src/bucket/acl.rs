//! Access control lists, as the XML documents that S3 speaks.
//!
//! The documents pass through untouched: what one tool prints is exactly what the other sets. The SDK's own
//! types would drop what they don't know.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::SdkBody;

use super::Bucket;
use super::failure::Failure;
use super::patience::bounded;
use crate::error::{Error, Result};

impl Bucket {
    /// The ACL document of an object.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn acl(&self, key: &str) -> Result<Vec<u8>> {
        let doing = || format!("read the ACL of {key}");
        let document = Arc::new(Mutex::new(Vec::new()));
        let answer = self
            .runtime
            .block_on(self.patience.persist("read an ACL", || {
                let request = self
                    .client
                    .get_object_acl()
                    .bucket(&self.name)
                    .key(self.full(key));
                let catch = Catch(Arc::clone(&document));
                bounded(self.patience.stall, async move {
                    request
                        .customize()
                        .interceptor(catch)
                        .send()
                        .await
                        .map_err(|error| Failure::of(&error))
                })
            }));
        answer.map_err(|failure| failure.error(doing()))?;
        let document =
            std::mem::take(&mut *document.lock().unwrap_or_else(PoisonError::into_inner));
        if document.is_empty() {
            return Err(Error::permanent(doing(), "the server sent no document"));
        }
        Ok(document)
    }

    /// Sets the ACL document of an object.
    ///
    /// # Errors
    /// If the server refuses it.
    pub fn set_acl(&self, key: &str, document: &[u8]) -> Result<()> {
        let answer = self
            .runtime
            .block_on(self.patience.persist("set an ACL", || {
                let request = self
                    .client
                    .put_object_acl()
                    .bucket(&self.name)
                    .key(self.full(key));
                let send = Send(document.to_vec());
                bounded(self.patience.stall, async move {
                    request
                        .customize()
                        .interceptor(send)
                        .send()
                        .await
                        .map_err(|error| Failure::of(&error))
                })
            }));
        answer
            .map(|_| ())
            .map_err(|failure| failure.error(format!("set the ACL of {key}")))
    }
}

/// Keeps the answer's body.
#[derive(Debug)]
struct Catch(Arc<Mutex<Vec<u8>>>);

impl Intercept for Catch {
    fn name(&self) -> &'static str {
        "catch the document"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(bytes) = context.response().body().bytes() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = bytes.to_vec();
        }
        Ok(())
    }
}

/// Replaces the request's body before it is hashed and signed.
#[derive(Debug)]
struct Send(Vec<u8>);

impl Intercept for Send {
    fn name(&self) -> &'static str {
        "send the document"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        *request.body_mut() = SdkBody::from(self.0.clone());
        request
            .headers_mut()
            .insert("content-length", self.0.len().to_string());
        request
            .headers_mut()
            .insert("content-type", "application/xml");
        Ok(())
    }
}
