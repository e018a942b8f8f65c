//! CopyObject, and where copies come from.
//!
//! A copy onto itself changes the record only. Any other copy has a body of its own.

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::Store;
use super::bucket::Bucket;
use super::conditions::{Guard, Look};
use super::describe::{Said, tag};
use super::errors::At as _;
use super::files::copy;
use super::intake::{LARGEST, blocking};
use super::object::{Record, etag, now};
use super::ops_object::{
    has_grants, must_be_readable, no_version, shown_checksum, wants_encryption,
};
use super::write::Draft;
use super::{read, write};

/// The bucket and key that a copy reads.
pub(super) struct Source {
    pub(super) bucket: Bucket,
    pub(super) key: String,
}

/// What `x-amz-copy-source` names.
pub(super) fn source(
    store: &Store,
    named: CopySource,
    extensions: &http::Extensions,
) -> S3Result<Source> {
    match named {
        CopySource::Bucket {
            bucket,
            key,
            version_id,
        } => {
            no_version(version_id.as_deref())?;
            let bucket = extensions
                .get::<super::connector::CopyBucket>()
                .map_or(&*bucket, |real| real.0.as_str());
            Ok(Source {
                bucket: store.bucket(bucket)?,
                key: key.into(),
            })
        }
        _ => Err(s3_error!(
            NotImplemented,
            "copying from access points is not implemented"
        )),
    }
}

pub(super) async fn copy_object(
    store: &Store,
    request: S3Request<CopyObjectInput>,
) -> S3Result<CopyObjectOutput> {
    let guard = Guard::from_headers(&request.headers)?;
    let (grants, encryption) = (
        has_grants(&request.headers),
        wants_encryption(&request.headers),
    );
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let from = source(store, input.copy_source.clone(), &request.extensions)?;
    let replace = input
        .metadata_directive
        .as_ref()
        .is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
    let replace_tags = input
        .tagging_directive
        .as_ref()
        .is_some_and(|directive| directive.as_str() == TaggingDirective::REPLACE);
    let said = Said {
        class: input.storage_class.as_ref().map(StorageClass::as_str),
        content_type: input.content_type.as_deref(),
        content_encoding: input.content_encoding.as_deref(),
        content_disposition: input.content_disposition.as_deref(),
        content_language: input.content_language.as_deref(),
        cache_control: input.cache_control.as_deref(),
        expires: input.expires.as_ref(),
        metadata: input.metadata.as_ref(),
        tagging: input.tagging.as_deref(),
        acl: input.acl.as_ref().map(ObjectCannedACL::as_str),
        grants,
        encryption,
    }
    .description()?;
    let look = Look {
        if_match: input.copy_source_if_match,
        if_none_match: input.copy_source_if_none_match,
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    let key = input.key;
    let record = blocking(move || {
        let (old, file) = read::open(&from.bucket, &from.key)?;
        look.check_source(&old)?;
        must_be_readable(&old)?;
        if old.size > LARGEST {
            return Err(s3_error!(InvalidRequest, "the specified copy source is larger than the maximum allowable size for a copy source: {LARGEST}"));
        }
        let same = from.bucket.dir == bucket.dir && from.key == key;
        if same && !replace && !replace_tags && said.class == old.description.class {
            return Err(s3_error!(
                InvalidRequest,
                "this copy request is illegal because it is trying to copy an object to itself without changing the object's metadata or storage class"
            ));
        }
        let mut description = said;
        if !replace {
            description.headers.clone_from(&old.description.headers);
            description.metadata.clone_from(&old.description.metadata);
        }
        if !replace_tags {
            description.tags.clone_from(&old.description.tags);
        }
        if same {
            return write::amend(&bucket, &key, |record| {
                guard.check(Some(record))?;
                if !record.is_same_version(&old) {
                    return Err(s3_error!(OperationAborted, "the object was changed meanwhile"));
                }
                record.description = description;
                record.modified = now();
                record.restore = None;
                Ok(())
            });
        }
        guard.admit(&bucket, &key)?;
        let draft = Draft::new(&bucket)?;
        copy(&file, 0, draft.file(), 0, old.size).at("copy to", draft.path())?;
        let crc64 = old.etag.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default();
        let record = Record {
            key,
            etag: etag(crc64, old.size, 1),
            checksums: if old.composite { Default::default() } else { old.checksums.clone() },
            composite: false,
            description,
            parts: Vec::new(),
            upload: None,
            restore: None,
            ..old
        };
        draft.publish(record, &guard)
    })
    .await?;
    let sums = shown_checksum(&record);
    Ok(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            checksum_type: sums.checksum_type,
            e_tag: Some(tag(&record.etag)),
            last_modified: Some(record.modified),
        }),
        ..Default::default()
    })
}
