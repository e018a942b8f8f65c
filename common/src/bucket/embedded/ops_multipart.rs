//! The verbs of multipart uploads.

use std::os::unix::fs::FileExt as _;

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::Store;
use super::acl::owner;
use super::checksums::{Algorithm, Promise, Running, named, shown};
use super::complete::{self, Wanted};
use super::conditions::{Guard, Look};
use super::describe::{Said, tag};
use super::errors::At as _;
use super::intake::{LARGEST, blocking, pour};
use super::object::now;
use super::ops_copy::source;
use super::ops_object::{has_grants, must_be_readable, shown_checksum, wants_encryption};
use super::uploads::{Manifest, Part, Upload, part_number};
use super::{read, sweep};

/// What an upload's object's checksum will be made of.
pub(super) fn checksum_type(manifest: &Manifest) -> Option<ChecksumType> {
    let kind = if manifest.composite {
        ChecksumType::COMPOSITE
    } else {
        ChecksumType::FULL_OBJECT
    };
    manifest
        .algorithm
        .as_ref()
        .map(|_| ChecksumType::from_static(kind))
}

/// Whoever began an upload: the only one there is.
pub(super) fn initiator() -> Initiator {
    let owner = owner();
    Initiator {
        display_name: owner.display_name,
        id: owner.id,
    }
}

pub(super) async fn create(
    store: &Store,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<CreateMultipartUploadOutput> {
    let (grants, encryption) = (
        has_grants(&request.headers),
        wants_encryption(&request.headers),
    );
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let description = Said {
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
    let algorithm = input
        .checksum_algorithm
        .as_ref()
        .map(|name| Algorithm::named(name.as_str()))
        .transpose()?;
    let composite = composite(
        algorithm,
        input.checksum_type.as_ref().map(ChecksumType::as_str),
    )?;
    let manifest = Manifest {
        key: input.key.clone(),
        initiated: now(),
        algorithm: algorithm.map(|algorithm| algorithm.name().to_owned()),
        composite,
        description,
    };
    let upload = blocking(move || Upload::create(&bucket, manifest)).await?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        checksum_algorithm: upload.manifest.algorithm.clone().map(Into::into),
        checksum_type: checksum_type(&upload.manifest),
        upload_id: Some(upload.id),
        ..Default::default()
    })
}

/// Whether the object's checksum is to be made of the parts' checksums.
fn composite(algorithm: Option<Algorithm>, kind: Option<&str>) -> S3Result<bool> {
    let refused = |kind: &str, name: &str| {
        s3_error!(
            InvalidRequest,
            "the {kind} checksum type cannot be used with the {name} checksum algorithm"
        )
    };
    match (algorithm, kind) {
        (None, None) => Ok(false),
        (None, Some(_)) => Err(s3_error!(
            InvalidRequest,
            "the x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header"
        )),
        (Some(Algorithm::Crc64Nvme), Some(ChecksumType::COMPOSITE)) => {
            Err(refused("COMPOSITE", "crc64nvme"))
        }
        (Some(Algorithm::Crc64Nvme), _) => Ok(false),
        (Some(algorithm), Some(ChecksumType::FULL_OBJECT)) if algorithm.crc().is_none() => {
            Err(refused("FULL_OBJECT", algorithm.name()))
        }
        (Some(_), kind) => Ok(kind != Some(ChecksumType::FULL_OBJECT)),
    }
}

pub(super) async fn part(
    store: &Store,
    request: S3Request<UploadPartInput>,
) -> S3Result<UploadPartOutput> {
    let promise = Promise::of(&request.headers)?;
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let number = part_number(input.part_number)?;
    if input.content_length.is_none() {
        return Err(s3_error!(
            MissingContentLength,
            "you must provide the Content-Length HTTP header"
        ));
    }
    let (key, id) = (input.key, input.upload_id);
    let part = pour(input.body, input.content_length, promise, request.trailing_headers, move |intake| {
        let upload = Upload::open(&bucket, &key, &id)?;
        if let Some(name) = &upload.manifest.algorithm {
            let sent = intake.promise().algorithm().map_or("null", Algorithm::name);
            if sent != name {
                return Err(s3_error!(InvalidRequest, "checksum type mismatch occurred, expected checksum type: {name}, actual checksum type: {sent}"));
            }
        }
        upload.store(number, intake)
    })
    .await?;
    let sums = sent_checksum(&part);
    Ok(UploadPartOutput {
        e_tag: Some(tag(&part.etag)),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        ..Default::default()
    })
}

/// The checksum that a part was sent with, else the one that is always there.
fn sent_checksum(part: &Part) -> Checksum {
    let chosen = part
        .checksums
        .iter()
        .next()
        .and_then(|(name, value)| Some((Algorithm::named(name).ok()?, value)));
    let (algorithm, value) = chosen.unwrap_or((Algorithm::Crc64Nvme, &part.crc64nvme));
    shown(algorithm, value)
}

pub(super) async fn part_copy(
    store: &Store,
    request: S3Request<UploadPartCopyInput>,
) -> S3Result<UploadPartCopyOutput> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let number = part_number(input.part_number)?;
    let from = source(store, input.copy_source.clone(), &request.extensions)?;
    let look = Look {
        if_match: input.copy_source_if_match,
        if_none_match: input.copy_source_if_none_match,
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    let range = input
        .copy_source_range
        .as_deref()
        .map(copy_range)
        .transpose()?;
    let (key, id) = (input.key, input.upload_id);
    let part = blocking(move || {
        let upload = Upload::open(&bucket, &key, &id)?;
        let (record, file) = read::open(&from.bucket, &from.key)?;
        look.check_source(&record)?;
        must_be_readable(&record)?;
        let (first, last) = range.unwrap_or((0, record.size.saturating_sub(1)));
        if last >= record.size && !(range.is_none() && record.size == 0) {
            return Err(s3_error!(InvalidRange, "range specified is not valid for source object of size: {}", record.size));
        }
        let length = if record.size == 0 { 0 } else { last - first + 1 };
        if length > LARGEST {
            return Err(s3_error!(InvalidRequest, "the specified copy source is larger than the maximum allowable size for a copy source: {LARGEST}"));
        }
        let algorithm = upload.manifest.algorithm.as_deref().map(Algorithm::named).transpose()?;
        upload.store_with(number, length, |to, offset, path| {
            let mut running = Running::new(Promise::compute(algorithm));
            let mut buffer = vec![0; 1 << 20];
            while running.size() < length {
                let step = usize::try_from((length - running.size()).min(1 << 20)).unwrap_or(1 << 20);
                let done = running.size();
                file.read_exact_at(&mut buffer[..step], first + done).at("read", &from.bucket.dir.join(&record.body))?;
                running.update(&buffer[..step]);
                to.write_all_at(&buffer[..step], offset + done).at("write", path)?;
            }
            running.finish(|_| None, false)
        })
    })
    .await?;
    let sums = sent_checksum(&part);
    Ok(UploadPartCopyOutput {
        copy_part_result: Some(CopyPartResult {
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            e_tag: Some(tag(&part.etag)),
            last_modified: Some(part.modified),
        }),
        ..Default::default()
    })
}

/// `bytes=FIRST-LAST`, both given: the only form that copies take.
fn copy_range(text: &str) -> S3Result<(u64, u64)> {
    match Range::parse(text) {
        Ok(Range::Int {
            first,
            last: Some(last),
        }) => Ok((first, last)),
        _ => Err(s3_error!(
            InvalidArgument,
            "the x-amz-copy-source-range value must be of the form bytes=first-last"
        )),
    }
}

pub(super) async fn parts(
    store: &Store,
    request: S3Request<ListPartsInput>,
) -> S3Result<ListPartsOutput> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let after = u32::try_from(input.part_number_marker.unwrap_or(0)).unwrap_or(0);
    let most = input.max_parts.unwrap_or(1000).clamp(0, 1000);
    let limit = usize::try_from(most).unwrap_or_default();
    let (key, id) = (input.key.clone(), input.upload_id.clone());
    let (upload, parts, more) = blocking(move || {
        let upload = Upload::open(&bucket, &key, &id)?;
        let numbers = upload.part_numbers()?;
        let mut parts = Vec::new();
        let mut more = false;
        for &number in numbers.range(after + 1..) {
            if parts.len() == limit {
                more = true;
                break;
            }
            if let Some(part) = upload.part(number)? {
                parts.push(part);
            }
        }
        Ok((upload, parts, more))
    })
    .await?;
    let next = parts
        .last()
        .and_then(|part| i32::try_from(part.number).ok());
    let shown_parts = parts.into_iter().map(|part| {
        let sums = sent_checksum(&part);
        s3s::dto::Part {
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            e_tag: Some(tag(&part.etag)),
            last_modified: Some(part.modified),
            part_number: i32::try_from(part.number).ok(),
            size: i64::try_from(part.size).ok(),
        }
    });
    Ok(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        checksum_algorithm: upload.manifest.algorithm.clone().map(Into::into),
        checksum_type: checksum_type(&upload.manifest),
        initiator: Some(initiator()),
        owner: Some(owner()),
        is_truncated: Some(more),
        max_parts: Some(most),
        next_part_number_marker: next,
        part_number_marker: Some(input.part_number_marker.unwrap_or(0)),
        parts: Some(shown_parts.collect()),
        storage_class: Some(upload.manifest.description.class.into()),
        ..Default::default()
    })
}

pub(super) async fn complete(
    store: &Store,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<CompleteMultipartUploadOutput> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let checksum = named(
        input.checksum_crc32.as_ref(),
        input.checksum_crc32c.as_ref(),
        input.checksum_sha1.as_ref(),
        input.checksum_sha256.as_ref(),
        input.checksum_crc64nvme.as_ref(),
    );
    let wanted = Wanted {
        guard: Guard::new(input.if_none_match.as_ref(), input.if_match.clone())?,
        checksum: checksum.map(|(algorithm, value)| (algorithm, value.to_owned())),
        size: input.mpu_object_size,
        parts: input
            .multipart_upload
            .and_then(|upload| upload.parts)
            .unwrap_or_default(),
    };
    let (key, id) = (input.key.clone(), input.upload_id);
    let record = blocking(move || {
        let record = complete::complete(&bucket, &key, &id, &wanted)?;
        sweep::now_and_then(&bucket);
        Ok(record)
    })
    .await?;
    let sums = shown_checksum(&record);
    Ok(CompleteMultipartUploadOutput {
        location: Some(format!(
            "/{}/{}",
            super::describe::url_encode(&input.bucket),
            super::describe::url_encode(&input.key)
        )),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(tag(&record.etag)),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
        ..Default::default()
    })
}

pub(super) async fn abort(
    store: &Store,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<AbortMultipartUploadOutput> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    blocking(move || {
        let upload = Upload::open(&bucket, &input.key, &input.upload_id)?;
        let _lock = upload.lock()?;
        upload.remove()
    })
    .await?;
    Ok(AbortMultipartUploadOutput::default())
}
