//! DeleteObject and DeleteObjects.

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::Store;
use super::bucket::Bucket;
use super::conditions::Guard;
use super::intake::blocking;
use super::ops_object::no_version;
use super::write::delete;

pub(super) async fn delete_one(
    store: &Store,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<DeleteObjectOutput> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    no_version(input.version_id.as_deref())?;
    let guard = Guard {
        create_only: false,
        if_match: input.if_match,
        size: input.if_match_size,
        modified: input.if_match_last_modified_time,
    };
    blocking(move || delete(&bucket, &input.key, &guard)).await?;
    Ok(DeleteObjectOutput::default())
}

pub(super) async fn delete_many(
    store: &Store,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<DeleteObjectsOutput> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    if input.delete.objects.is_empty() || input.delete.objects.len() > 1000 {
        return Err(s3_error!(
            MalformedXML,
            "a request must name 1 to 1000 keys"
        ));
    }
    let quiet = input.delete.quiet.unwrap_or(false);
    let (deleted, errors) = blocking(move || {
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in input.delete.objects {
            match delete_listed(&bucket, &object) {
                Ok(()) if quiet => {}
                Ok(()) => deleted.push(DeletedObject {
                    key: Some(object.key),
                    ..Default::default()
                }),
                Err(error) => errors.push(Error {
                    code: Some(error.code().as_str().to_owned()),
                    key: Some(object.key),
                    message: error.message().map(str::to_owned),
                    version_id: object.version_id,
                }),
            }
        }
        Ok((deleted, errors))
    })
    .await?;
    Ok(DeleteObjectsOutput {
        deleted: Some(deleted),
        errors: Some(errors),
        request_charged: None,
    })
}

fn delete_listed(bucket: &Bucket, object: &ObjectIdentifier) -> S3Result<()> {
    no_version(object.version_id.as_deref())?;
    if object.key.len() > 1024 {
        return Err(s3_error!(KeyTooLongError, "your key is too long"));
    }
    let guard = Guard {
        create_only: false,
        if_match: object.e_tag.clone().map(ETagCondition::ETag),
        size: object.size,
        modified: object.last_modified_time.clone(),
    };
    delete(bucket, &object.key, &guard)
}
