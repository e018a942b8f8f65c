//! The verbs on single objects.

use http::HeaderMap;
use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::Store;
use super::checksums::{Algorithm, Promise, shown};
use super::conditions::{Guard, Look, no_such_key};
use super::describe::{Said, tag};
use super::intake::{blocking, pour};
use super::object::{Description, Record, STANDARD_CLASS, State, encode, etag, now};
use super::write::Draft;
use super::{read, sweep, write};

/// The record of a body that came in one piece.
pub(super) fn fresh(key: String, sums: super::checksums::Sums, description: Description) -> Record {
    Record {
        key,
        body: String::new(),
        size: sums.size,
        modified: now(),
        etag: etag(sums.crc64, sums.size, 1),
        crc64nvme: encode(&sums.crc64.to_be_bytes()),
        checksums: super::uploads::other_checksums(sums.other),
        composite: false,
        description,
        parts: Vec::new(),
        upload: None,
        restore: None,
    }
}

/// The checksum that an answer shows: the one that the writer chose, else the one that is always there.
pub(super) fn shown_checksum(record: &Record) -> Checksum {
    let chosen = record
        .checksums
        .iter()
        .next()
        .and_then(|(name, value)| Some((Algorithm::named(name).ok()?, value)));
    let (algorithm, value) = chosen.unwrap_or((Algorithm::Crc64Nvme, &record.crc64nvme));
    let kind = if record.composite {
        ChecksumType::COMPOSITE
    } else {
        ChecksumType::FULL_OBJECT
    };
    Checksum {
        checksum_type: Some(ChecksumType::from_static(kind)),
        ..shown(algorithm, value)
    }
}

pub(super) async fn put(
    store: &Store,
    request: S3Request<PutObjectInput>,
) -> S3Result<PutObjectOutput> {
    let bucket = store.bucket(&request.input.bucket)?;
    let promise = Promise::of(&request.headers)?;
    let input = request.input;
    let guard = Guard::new(input.if_none_match.as_ref(), input.if_match.clone())?;
    if input.write_offset_bytes.is_some() {
        return Err(s3_error!(NotImplemented, "appending is not implemented"));
    }
    if input.object_lock_mode.is_some() || input.object_lock_legal_hold_status.is_some() {
        return Err(s3_error!(
            InvalidRequest,
            "bucket is missing Object Lock Configuration"
        ));
    }
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
        grants: has_grants(&request.headers),
        encryption: wants_encryption(&request.headers),
    }
    .description()?;
    if input.content_length.is_none() {
        return Err(s3_error!(
            MissingContentLength,
            "you must provide the Content-Length HTTP header"
        ));
    }
    let key = input.key;
    let record = pour(
        input.body,
        input.content_length,
        promise,
        request.trailing_headers,
        move |intake| {
            // Not binding, but spares the writing where it would be in vain.
            guard.admit(&bucket, &key)?;
            let draft = Draft::new(&bucket)?;
            let sums = intake.write_to(draft.file(), 0, draft.path())?;
            let record = draft.publish(fresh(key, sums, description), &guard)?;
            sweep::now_and_then(&bucket);
            Ok(record)
        },
    )
    .await?;
    let sums = shown_checksum(&record);
    Ok(PutObjectOutput {
        e_tag: Some(tag(&record.etag)),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
        size: i64::try_from(record.size).ok(),
        ..Default::default()
    })
}

/// True if access is to be granted by headers.
pub(super) fn has_grants(headers: &HeaderMap) -> bool {
    headers
        .keys()
        .any(|name| name.as_str().starts_with("x-amz-grant-"))
}

/// True if encryption is asked for that only the server could do.
pub(super) fn wants_encryption(headers: &HeaderMap) -> bool {
    headers
        .keys()
        .any(|name| name.as_str().starts_with("x-amz-server-side-encryption"))
}

/// Which bytes of an object an answer holds.
#[derive(Clone, Copy, Debug)]
struct Slice {
    from: u64,
    length: u64,
    partial: bool,
}

fn slice(record: &Record, range: Option<Range>, part: Option<PartNumber>) -> S3Result<Slice> {
    let whole = Slice {
        from: 0,
        length: record.size,
        partial: false,
    };
    match (range, part) {
        (Some(_), Some(_)) => Err(s3_error!(
            InvalidRequest,
            "cannot specify both Range header and partNumber query parameter"
        )),
        (Some(range), None) => {
            let unsatisfiable = || {
                let mut answer = s3_error!(InvalidRange, "the requested range is not satisfiable");
                if let Ok(value) = format!("bytes */{}", record.size).parse() {
                    answer
                        .set_headers(HeaderMap::from_iter([(http::header::CONTENT_RANGE, value)]));
                }
                answer
            };
            let range = range
                .check(record.size)
                .ok()
                .filter(|range| !range.is_empty())
                .ok_or_else(unsatisfiable)?;
            Ok(Slice {
                from: range.start,
                length: range.end - range.start,
                partial: true,
            })
        }
        (None, Some(part)) => {
            let number = super::uploads::part_number(part)?;
            if record.parts.is_empty() && number == 1 {
                return Ok(Slice {
                    partial: record.size > 0,
                    ..whole
                });
            }
            let found = record.each_part().find(|(found, ..)| *found == number);
            let (_, from, length) = found.ok_or_else(|| {
                super::errors::custom(
                    "InvalidPartNumber",
                    http::StatusCode::RANGE_NOT_SATISFIABLE,
                    "the requested partnumber is not satisfiable",
                )
            })?;
            Ok(Slice {
                from,
                length,
                partial: true,
            })
        }
        (None, None) => Ok(whole),
    }
}

fn restore_header(record: &Record) -> Option<String> {
    match (record.state(), &record.restore) {
        (State::Thawing, _) => Some("ongoing-request=\"true\"".to_owned()),
        (State::Thawed, Some(restore)) => {
            let mut date = Vec::new();
            restore
                .expires
                .format(TimestampFormat::HttpDate, &mut date)
                .ok()?;
            Some(format!(
                "ongoing-request=\"false\", expiry-date=\"{}\"",
                String::from_utf8_lossy(&date)
            ))
        }
        _ => None,
    }
}

/// Refuses to read what is archived.
pub(super) fn must_be_readable(record: &Record) -> S3Result<()> {
    match record.state() {
        State::Readable | State::Thawed => Ok(()),
        State::Archived | State::Thawing => Err(s3_error!(
            InvalidObjectState,
            "the operation is not valid for the object's storage class"
        )),
    }
}

macro_rules! described {
    ($output:ident, $record:ident, $slice:ident, $part:expr, $checksums:expr, { $($field:ident: $value:expr,)* }) => {{
        let sums = if $checksums && !$slice.partial { shown_checksum(&$record) } else { Checksum::default() };
        let headers = &$record.description.headers;
        let header = |name: &str| headers.get(name).cloned();
        let end = $slice.from + $slice.length.saturating_sub(1);
        $output {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: header("cache-control"),
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            checksum_type: sums.checksum_type,
            content_disposition: header("content-disposition"),
            content_encoding: header("content-encoding"),
            content_language: header("content-language"),
            content_length: i64::try_from($slice.length).ok(),
            content_range: $slice.partial.then(|| format!("bytes {}-{end}/{}", $slice.from, $record.size)),
            content_type: Some(header("content-type").unwrap_or_else(|| "binary/octet-stream".to_owned())),
            e_tag: Some(tag(&$record.etag)),
            expires: header("expires").and_then(|text| Timestamp::parse(TimestampFormat::HttpDate, &text).ok()),
            last_modified: Some($record.modified.clone()),
            metadata: Some($record.description.metadata.clone().into_iter().collect()),
            parts_count: $part.and($record.part_count()).and_then(|count| i32::try_from(count).ok()),
            restore: restore_header(&$record),
            storage_class: ($record.description.class != STANDARD_CLASS).then(|| $record.description.class.clone().into()),
            $($field: $value,)*
            ..Default::default()
        }
    }};
}

pub(super) async fn get(
    store: &Store,
    request: S3Request<GetObjectInput>,
) -> S3Result<GetObjectOutput> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    no_version(input.version_id.as_deref())?;
    let look = Look {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    let (range, part, key) = (input.range, input.part_number, input.key);
    let (record, file, slice, path) = blocking(move || {
        let (record, file) = read::open(&bucket, &key)?;
        look.check(&record)?;
        must_be_readable(&record)?;
        let slice = slice(&record, range, part)?;
        let path = bucket.dir.join(&record.body);
        Ok((record, file, slice, path))
    })
    .await?;
    let checksums = input
        .checksum_mode
        .is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED);
    let tags = i32::try_from(record.description.tags.len())
        .ok()
        .filter(|&count| count > 0);
    Ok(
        described!(GetObjectOutput, record, slice, part, checksums, {
            body: Some(read::stream(file, &path, slice.from, slice.length)),
            tag_count: tags,
        }),
    )
}

pub(super) async fn head(
    store: &Store,
    request: S3Request<HeadObjectInput>,
) -> S3Result<HeadObjectOutput> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    no_version(input.version_id.as_deref())?;
    let look = Look {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    let (range, part, key) = (input.range, input.part_number, input.key);
    let (record, slice) = blocking(move || {
        let record = Record::load(&bucket, &key)?.ok_or_else(no_such_key)?;
        look.check(&record)?;
        let slice = slice(&record, range, part)?;
        if record
            .restore
            .as_ref()
            .is_some_and(|restore| restore.looks > 0)
        {
            write::amend(&bucket, &key, |record| {
                if let Some(restore) = &mut record.restore {
                    restore.looks = restore.looks.saturating_sub(1);
                }
                Ok(())
            })?;
        }
        Ok((record, slice))
    })
    .await?;
    let checksums = input
        .checksum_mode
        .is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED);
    Ok(described!(
        HeadObjectOutput,
        record,
        slice,
        part,
        checksums,
        {}
    ))
}

/// There are no versions but the one.
pub(super) fn no_version(version: Option<&str>) -> S3Result<()> {
    match version {
        None | Some("null") => Ok(()),
        Some(_) => Err(s3_error!(
            NoSuchVersion,
            "the specified version does not exist"
        )),
    }
}
