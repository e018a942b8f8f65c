//! The verbs that list: objects, and buckets.

use std::path::Path;

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::Store;
use super::acl::owner;
use super::bucket::{self, Bucket};
use super::describe::{tag, url_encode};
use super::errors::At as _;
use super::intake::blocking;
use super::list::{Entry, Query, page};
use super::object::{Brief, read_json};

/// The most that a page holds.
pub(super) const MOST_KEYS: i32 = 1000;

/// What both versions of the request say.
struct Listing {
    bucket: Bucket,
    prefix: String,
    delimiter: String,
    after: String,
    limit: i32,
    encode: bool,
    owner: bool,
}

/// What both versions of the answer say.
struct Listed {
    contents: Vec<Object>,
    prefixes: Vec<CommonPrefix>,
    last: Option<String>,
    more: bool,
}

impl Listing {
    /// Keys as the client asked for them.
    fn shown(&self, key: &str) -> String {
        if self.encode {
            url_encode(key)
        } else {
            key.to_owned()
        }
    }

    fn run(&self) -> S3Result<Listed> {
        let meta = self.bucket.inner("meta");
        let query = Query {
            prefix: &self.prefix,
            delimiter: &self.delimiter,
            after: &self.after,
            limit: usize::try_from(self.limit).unwrap_or_default(),
        };
        let page = page(&meta, query).at("list", &meta)?;
        let mut listed = Listed {
            contents: Vec::new(),
            prefixes: Vec::new(),
            last: page.entries.last().map(|entry| entry.name().to_owned()),
            more: page.more,
        };
        for entry in page.entries {
            match entry {
                Entry::Prefix(prefix) => listed.prefixes.push(CommonPrefix {
                    prefix: Some(self.shown(&prefix)),
                }),
                // A key that was deleted since its directory was read is left out.
                Entry::Key(key) => listed
                    .contents
                    .extend(self.object(&key, &self.bucket.record(&key))?),
            }
        }
        Ok(listed)
    }

    fn object(&self, key: &str, path: &Path) -> S3Result<Option<Object>> {
        let Some(brief) = read_json::<Brief>(path)? else {
            return Ok(None);
        };
        Ok(Some(Object {
            key: Some(self.shown(key)),
            e_tag: Some(tag(&brief.etag)),
            last_modified: Some(brief.modified),
            size: i64::try_from(brief.size).ok(),
            storage_class: Some(brief.class.into()),
            owner: self.owner.then(owner),
            ..Default::default()
        }))
    }
}

fn limit(asked: Option<i32>) -> S3Result<i32> {
    match asked {
        Some(asked) if asked < 0 => {
            Err(s3_error!(InvalidArgument, "max-keys must not be negative"))
        }
        asked => Ok(asked.unwrap_or(MOST_KEYS).min(MOST_KEYS)),
    }
}

fn wants_encoding(asked: Option<&EncodingType>) -> S3Result<bool> {
    match asked.map(EncodingType::as_str) {
        None => Ok(false),
        Some(EncodingType::URL) => Ok(true),
        Some(_) => Err(s3_error!(
            InvalidArgument,
            "invalid encoding method specified in request"
        )),
    }
}

/// A continuation token says where the last page ended; nobody but us should read it.
fn token(last: &str) -> String {
    last.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn from_token(token: &str) -> S3Result<String> {
    let digits: Vec<u8> = token.bytes().collect();
    let pairs = digits.chunks(2).map(|pair| {
        std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.len() == 2)
    });
    let bytes: Option<Vec<u8>> = pairs
        .map(|pair| pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    let text = bytes
        .filter(|bytes| !bytes.is_empty())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| {
        s3_error!(
            InvalidArgument,
            "the continuation token provided is incorrect"
        )
    })
}

pub(super) async fn objects_v2(
    store: &Store,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<ListObjectsV2Output> {
    let input = request.input;
    let after = match &input.continuation_token {
        Some(token) => from_token(token)?,
        None => input.start_after.clone().unwrap_or_default(),
    };
    let listing = Listing {
        bucket: store.bucket(&input.bucket)?,
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        after,
        limit: limit(input.max_keys)?,
        encode: wants_encoding(input.encoding_type.as_ref())?,
        owner: input.fetch_owner.unwrap_or(false),
    };
    let (listing, listed) = blocking(move || listing.run().map(|listed| (listing, listed))).await?;
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(listing.shown(&listing.prefix)),
        delimiter: input.delimiter.map(|delimiter| listing.shown(&delimiter)),
        max_keys: Some(listing.limit),
        key_count: i32::try_from(listed.contents.len() + listed.prefixes.len()).ok(),
        is_truncated: Some(listed.more),
        next_continuation_token: listed.last.filter(|_| listed.more).map(|last| token(&last)),
        continuation_token: input.continuation_token,
        start_after: input.start_after.map(|after| listing.shown(&after)),
        encoding_type: input.encoding_type,
        contents: Some(listed.contents),
        common_prefixes: Some(listed.prefixes),
        request_charged: None,
    })
}

pub(super) async fn objects(
    store: &Store,
    request: S3Request<ListObjectsInput>,
) -> S3Result<ListObjectsOutput> {
    let input = request.input;
    let listing = Listing {
        bucket: store.bucket(&input.bucket)?,
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        after: input.marker.clone().unwrap_or_default(),
        limit: limit(input.max_keys)?,
        encode: wants_encoding(input.encoding_type.as_ref())?,
        owner: true,
    };
    let (listing, listed) = blocking(move || listing.run().map(|listed| (listing, listed))).await?;
    let rolls_up = !listing.delimiter.is_empty();
    Ok(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(listing.shown(&listing.prefix)),
        marker: Some(listing.shown(&listing.after)),
        delimiter: input.delimiter.map(|delimiter| listing.shown(&delimiter)),
        max_keys: Some(listing.limit),
        is_truncated: Some(listed.more),
        next_marker: listed
            .last
            .filter(|_| listed.more && rolls_up)
            .map(|last| listing.shown(&last)),
        encoding_type: input.encoding_type,
        contents: Some(listed.contents),
        common_prefixes: Some(listed.prefixes),
        request_charged: None,
    })
}

pub(super) async fn buckets(
    store: &Store,
    request: S3Request<ListBucketsInput>,
) -> S3Result<ListBucketsOutput> {
    let input = request.input;
    let root = store.root().to_owned();
    let found = blocking(move || bucket::all(&root).at("list", &root)).await?;
    let prefix = input.prefix.unwrap_or_default();
    let after = input
        .continuation_token
        .as_deref()
        .map(from_token)
        .transpose()?
        .unwrap_or_default();
    let most = usize::try_from(input.max_buckets.unwrap_or(10_000)).unwrap_or_default();
    let mut wanted: Vec<_> = found
        .into_iter()
        .filter(|(name, _)| name.starts_with(&prefix) && *name > after)
        .collect();
    let more = wanted.len() > most;
    wanted.truncate(most);
    let next = wanted.last().filter(|_| more).map(|(name, _)| token(name));
    let buckets = wanted.into_iter().map(|(name, made)| s3s::dto::Bucket {
        name: Some(name),
        creation_date: Some(made.into()),
        bucket_region: None,
    });
    Ok(ListBucketsOutput {
        buckets: Some(buckets.collect()),
        continuation_token: next,
        owner: Some(owner()),
        prefix: Some(prefix),
    })
}

/// Unfinished uploads.
pub(super) async fn uploads(
    store: &Store,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<ListMultipartUploadsOutput> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let encode = wants_encoding(input.encoding_type.as_ref())?;
    let most = usize::try_from(limit(input.max_uploads)?).unwrap_or_default();
    let found = blocking(move || super::uploads::all(&bucket)).await?;
    let shown = |key: &str| {
        if encode {
            url_encode(key)
        } else {
            key.to_owned()
        }
    };
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.clone().unwrap_or_default();
    let (key_marker, id_marker) = (
        input.key_marker.clone().unwrap_or_default(),
        input.upload_id_marker.clone().unwrap_or_default(),
    );
    let mut answer = ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: Some(shown(&prefix)),
        delimiter: input.delimiter.map(|delimiter| shown(&delimiter)),
        key_marker: Some(shown(&key_marker)),
        upload_id_marker: input.upload_id_marker,
        max_uploads: i32::try_from(most).ok(),
        encoding_type: input.encoding_type,
        is_truncated: Some(false),
        ..Default::default()
    };
    let (mut uploads, mut prefixes): (Vec<MultipartUpload>, Vec<String>) = (Vec::new(), Vec::new());
    let mut last = None;
    for upload in found {
        let key = &upload.manifest.key;
        let Some(rest) = key.strip_prefix(&prefix) else {
            continue;
        };
        let later = *key > key_marker
            || (*key == key_marker && !id_marker.is_empty() && upload.id > id_marker);
        let rolled = if delimiter.is_empty() {
            None
        } else {
            rest.find(&delimiter)
        };
        let rolled = rolled.map(|at| key[..prefix.len() + at + delimiter.len()].to_owned());
        if !later
            || rolled
                .as_ref()
                .is_some_and(|rolled| *rolled == key_marker || prefixes.last() == Some(rolled))
        {
            continue;
        }
        if uploads.len() + prefixes.len() == most {
            answer.is_truncated = Some(true);
            break;
        }
        if let Some(rolled) = rolled {
            last = Some((rolled.clone(), None));
            prefixes.push(rolled);
            continue;
        }
        last = Some((key.clone(), Some(upload.id.clone())));
        uploads.push(MultipartUpload {
            checksum_algorithm: upload.manifest.algorithm.clone().map(Into::into),
            checksum_type: super::ops_multipart::checksum_type(&upload.manifest),
            initiated: Some(upload.manifest.initiated.clone()),
            initiator: Some(super::ops_multipart::initiator()),
            key: Some(shown(key)),
            owner: Some(owner()),
            storage_class: Some(upload.manifest.description.class.clone().into()),
            upload_id: Some(upload.id),
        });
    }
    if answer.is_truncated == Some(true)
        && let Some((key, id)) = last
    {
        answer.next_key_marker = Some(shown(&key));
        answer.next_upload_id_marker = id;
    }
    answer.uploads = Some(uploads);
    answer.common_prefixes = Some(
        prefixes
            .into_iter()
            .map(|prefix| CommonPrefix {
                prefix: Some(shown(&prefix)),
            })
            .collect(),
    );
    Ok(answer)
}
