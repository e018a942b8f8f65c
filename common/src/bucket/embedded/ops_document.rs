//! The verbs on what hangs on objects and buckets: access lists, tags, attributes, the bucket's own documents.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use s3s::dto::*;
use s3s::xml::{Deserialize, Serialize};
use s3s::{S3Error, S3Request, S3Result, s3_error};

use super::acl::{canned, from_xml, requested_acl, stored_acl, to_xml};
use super::bucket::Bucket;
use super::conditions::no_such_key;
use super::describe::{check_tags, tag};
use super::errors::{At as _, custom};
use super::files::{random_id, read_plain, replace};
use super::intake::blocking;
use super::object::Record;
use super::ops_object::{has_grants, shown_checksum};
use super::{Store, write};

const ACL: &str = "acl.xml";
const LIFECYCLE: &str = "lifecycle.xml";
const PUBLIC_ACCESS: &str = "public-access.xml";

/// Stores one of the bucket's documents.
fn store_document<T: Serialize>(bucket: &Bucket, name: &str, value: &T) -> S3Result<()> {
    let (draft, path) = (
        bucket.inner(&format!("{name}.{}", random_id())),
        bucket.inner(name),
    );
    replace(&draft, &path, to_xml(value).as_bytes(), bucket.mode).at("write", &path)
}

/// One of the bucket's documents.
fn load_document<T: for<'xml> Deserialize<'xml>>(
    bucket: &Bucket,
    name: &str,
) -> S3Result<Option<T>> {
    let path = bucket.inner(name);
    match read_plain(&path) {
        Ok(bytes) => from_xml(&bytes).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at("read", &path),
    }
}

fn remove_document(bucket: &Bucket, name: &str) -> S3Result<()> {
    let path = bucket.inner(name);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at("remove", &path),
        _ => Ok(()),
    }
}

pub(super) async fn create_bucket(
    store: &Store,
    request: S3Request<CreateBucketInput>,
) -> S3Result<CreateBucketOutput> {
    let input = request.input;
    if input.object_lock_enabled_for_bucket.unwrap_or(false) || has_grants(&request.headers) {
        return Err(s3_error!(
            NotImplemented,
            "buckets with object lock or with x-amz-grant headers are not implemented"
        ));
    }
    let acl = input
        .acl
        .as_ref()
        .map(|name| canned(name.as_str()))
        .transpose()?;
    let (root, name) = (store.root().to_owned(), input.bucket);
    let location = format!("/{name}");
    blocking(move || {
        Bucket::create(&root, &name)?;
        acl.map_or(Ok(()), |policy| {
            store_document(&Bucket::open(&root, &name)?, ACL, &policy)
        })
    })
    .await?;
    Ok(CreateBucketOutput {
        location: Some(location),
    })
}

pub(super) async fn get_object_acl(
    store: &Store,
    request: S3Request<GetObjectAclInput>,
) -> S3Result<GetObjectAclOutput> {
    let bucket = store.bucket(&request.input.bucket)?;
    let policy = blocking(move || {
        let record = Record::load(&bucket, &request.input.key)?.ok_or_else(no_such_key)?;
        stored_acl(record.description.acl.as_deref())
    })
    .await?;
    Ok(GetObjectAclOutput {
        grants: policy.grants,
        owner: policy.owner,
        request_charged: None,
    })
}

pub(super) async fn put_object_acl(
    store: &Store,
    request: S3Request<PutObjectAclInput>,
) -> S3Result<PutObjectAclOutput> {
    let grants = has_grants(&request.headers);
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let acl = requested_acl(
        input.access_control_policy,
        input.acl.as_ref().map(ObjectCannedACL::as_str),
        grants,
    )?;
    blocking(move || {
        write::amend(&bucket, &input.key, |record| {
            record.description.acl = Some(acl);
            Ok(())
        })
    })
    .await?;
    Ok(PutObjectAclOutput::default())
}

pub(super) async fn get_bucket_acl(
    store: &Store,
    request: S3Request<GetBucketAclInput>,
) -> S3Result<GetBucketAclOutput> {
    let bucket = store.bucket(&request.input.bucket)?;
    let stored = blocking(move || load_document::<AccessControlPolicy>(&bucket, ACL)).await?;
    let policy = stored.map_or_else(|| canned("private"), Ok)?;
    Ok(GetBucketAclOutput {
        grants: policy.grants,
        owner: policy.owner,
    })
}

pub(super) async fn put_bucket_acl(
    store: &Store,
    request: S3Request<PutBucketAclInput>,
) -> S3Result<PutBucketAclOutput> {
    let grants = has_grants(&request.headers);
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let acl = requested_acl(
        input.access_control_policy,
        input.acl.as_ref().map(BucketCannedACL::as_str),
        grants,
    )?;
    let policy = from_xml::<AccessControlPolicy>(acl.as_bytes())?;
    blocking(move || store_document(&bucket, ACL, &policy)).await?;
    Ok(PutBucketAclOutput::default())
}

pub(super) async fn get_tags(
    store: &Store,
    request: S3Request<GetObjectTaggingInput>,
) -> S3Result<GetObjectTaggingOutput> {
    let bucket = store.bucket(&request.input.bucket)?;
    let record =
        blocking(move || Record::load(&bucket, &request.input.key)?.ok_or_else(no_such_key))
            .await?;
    let tags = record.description.tags.into_iter().map(|(key, value)| Tag {
        key: Some(key),
        value: Some(value),
    });
    Ok(GetObjectTaggingOutput {
        tag_set: tags.collect(),
        version_id: None,
    })
}

/// Replaces an object's tags.
pub(super) async fn set_tags(
    store: &Store,
    bucket: &str,
    key: String,
    tags: Vec<Tag>,
) -> S3Result<()> {
    let bucket = store.bucket(bucket)?;
    let tags = tags
        .into_iter()
        .map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()));
    let tags = check_tags(tags.collect())?;
    blocking(move || {
        write::amend(&bucket, &key, |record| {
            record.description.tags = tags;
            Ok(())
        })
    })
    .await?;
    Ok(())
}

pub(super) async fn get_lifecycle(
    store: &Store,
    request: S3Request<GetBucketLifecycleConfigurationInput>,
) -> S3Result<GetBucketLifecycleConfigurationOutput> {
    let bucket = store.bucket(&request.input.bucket)?;
    let stored =
        blocking(move || load_document::<BucketLifecycleConfiguration>(&bucket, LIFECYCLE)).await?;
    let stored = stored.ok_or_else(|| {
        s3_error!(
            NoSuchLifecycleConfiguration,
            "the lifecycle configuration does not exist"
        )
    })?;
    Ok(GetBucketLifecycleConfigurationOutput {
        rules: Some(stored.rules),
        transition_default_minimum_object_size: None,
    })
}

pub(super) async fn put_lifecycle(
    store: &Store,
    request: S3Request<PutBucketLifecycleConfigurationInput>,
) -> S3Result<()> {
    let bucket = store.bucket(&request.input.bucket)?;
    let given = request
        .input
        .lifecycle_configuration
        .filter(|given| !given.rules.is_empty());
    let given = given.ok_or_else(|| {
        s3_error!(
            MalformedXML,
            "a lifecycle configuration needs at least one rule"
        )
    })?;
    blocking(move || store_document(&bucket, LIFECYCLE, &given)).await
}

pub(super) async fn delete_lifecycle(store: &Store, bucket: &str) -> S3Result<()> {
    let bucket = store.bucket(bucket)?;
    blocking(move || remove_document(&bucket, LIFECYCLE)).await
}

pub(super) async fn get_public_access(
    store: &Store,
    bucket: &str,
) -> S3Result<GetPublicAccessBlockOutput> {
    let bucket = store.bucket(bucket)?;
    let stored =
        blocking(move || load_document::<PublicAccessBlockConfiguration>(&bucket, PUBLIC_ACCESS))
            .await?;
    let missing = || -> S3Error {
        custom(
            "NoSuchPublicAccessBlockConfiguration",
            http::StatusCode::NOT_FOUND,
            "the public access block configuration was not found",
        )
    };
    Ok(GetPublicAccessBlockOutput {
        public_access_block_configuration: Some(stored.ok_or_else(missing)?),
    })
}

pub(super) async fn put_public_access(
    store: &Store,
    request: S3Request<PutPublicAccessBlockInput>,
) -> S3Result<()> {
    let bucket = store.bucket(&request.input.bucket)?;
    blocking(move || {
        store_document(
            &bucket,
            PUBLIC_ACCESS,
            &request.input.public_access_block_configuration,
        )
    })
    .await
}

pub(super) async fn delete_public_access(store: &Store, bucket: &str) -> S3Result<()> {
    let bucket = store.bucket(bucket)?;
    blocking(move || remove_document(&bucket, PUBLIC_ACCESS)).await
}

pub(super) async fn attributes(
    store: &Store,
    request: S3Request<GetObjectAttributesInput>,
) -> S3Result<GetObjectAttributesOutput> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let record =
        blocking(move || Record::load(&bucket, &input.key)?.ok_or_else(no_such_key)).await?;
    // The list may come as one header with commas, or as several headers.
    let wanted: BTreeSet<&str> = input
        .object_attributes
        .iter()
        .flat_map(|names| names.as_str().split(','))
        .map(str::trim)
        .collect();
    let wants = |name: &str| wanted.contains(name);
    Ok(GetObjectAttributesOutput {
        checksum: wants(ObjectAttributes::CHECKSUM).then(|| shown_checksum(&record)),
        e_tag: wants(ObjectAttributes::ETAG).then(|| tag(&record.etag)),
        object_parts: if wants(ObjectAttributes::OBJECT_PARTS) {
            object_parts(&record, input.max_parts, input.part_number_marker)
        } else {
            None
        },
        object_size: wants(ObjectAttributes::OBJECT_SIZE)
            .then(|| i64::try_from(record.size).unwrap_or(i64::MAX)),
        storage_class: wants(ObjectAttributes::STORAGE_CLASS)
            .then(|| record.description.class.clone().into()),
        last_modified: Some(record.modified),
        ..Default::default()
    })
}

fn object_parts(
    record: &Record,
    most: Option<i32>,
    marker: Option<i32>,
) -> Option<GetObjectAttributesParts> {
    let total = record.part_count()?;
    let most = most.unwrap_or(1000).clamp(0, 1000);
    let limit = usize::try_from(most).unwrap_or_default();
    let after = u32::try_from(marker.unwrap_or(0)).unwrap_or(0);
    let mut parts: Vec<ObjectPart> = Vec::new();
    let mut later = record.each_part().filter(|(number, ..)| *number > after);
    for (number, _, size) in later.by_ref().take(limit) {
        parts.push(ObjectPart {
            part_number: i32::try_from(number).ok(),
            size: i64::try_from(size).ok(),
            ..Default::default()
        });
    }
    Some(GetObjectAttributesParts {
        is_truncated: Some(later.next().is_some()),
        max_parts: Some(most),
        next_part_number_marker: parts.last().and_then(|part| part.part_number),
        part_number_marker: Some(marker.unwrap_or(0)),
        parts: Some(parts),
        total_parts_count: i32::try_from(total).ok(),
    })
}
