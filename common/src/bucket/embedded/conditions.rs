//! Conditions on requests: `If-Match` and its relatives.

use http::header::{ETAG, HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};
use s3s::dto::{ETagCondition, Timestamp, TimestampFormat};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::bucket::Bucket;
use super::errors::is_damage;
use super::object::Record;

/// What must hold for a write to happen.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    /// Nothing may be there.
    pub(super) create_only: bool,
    /// This must be there.
    pub(super) if_match: Option<ETagCondition>,
    /// What is there must have this size.
    pub(super) size: Option<i64>,
    /// And this time, to the second.
    pub(super) modified: Option<Timestamp>,
}

impl Guard {
    /// The guard of a Put, a Complete or a Delete.
    ///
    /// # Errors
    /// `NotImplemented` for an `If-None-Match` that names an ETag, as AWS answers.
    pub(super) fn new(
        if_none_match: Option<&ETagCondition>,
        if_match: Option<ETagCondition>,
    ) -> S3Result<Self> {
        match if_none_match {
            Some(ETagCondition::ETag(_)) => Err(s3_error!(
                NotImplemented,
                "If-None-Match on writes takes * only"
            )),
            other => Ok(Self {
                create_only: other.is_some(),
                if_match,
                ..Self::default()
            }),
        }
    }

    /// The guard of a request whose type in the protocol library knows no conditions.
    pub(super) fn from_headers(headers: &HeaderMap) -> S3Result<Self> {
        let parse = |name: HeaderName| {
            let value = headers
                .get(&name)
                .map(|value| ETagCondition::parse_http_header(value.as_bytes()));
            value
                .transpose()
                .map_err(|_| s3_error!(InvalidArgument, "invalid header: {name}"))
        };
        Self::new(parse(IF_NONE_MATCH)?.as_ref(), parse(IF_MATCH)?)
    }

    /// Compares with what is there.
    pub(super) fn check(&self, current: Option<&Record>) -> S3Result<()> {
        if self.create_only && current.is_some() {
            return Err(failed("If-None-Match"));
        }
        match (&self.if_match, current) {
            (Some(_), None) => Err(no_such_key()),
            (Some(wanted), Some(record)) if !matches(wanted, record) => Err(failed("If-Match")),
            (_, Some(record)) => self.check_rest(record),
            _ => Ok(()),
        }
    }

    fn check_rest(&self, record: &Record) -> S3Result<()> {
        let same_size = |size: i64| u64::try_from(size) == Ok(record.size);
        let same_time = |time: &Timestamp| seconds(time) == seconds(&record.modified);
        if self.size.is_none_or(same_size) && self.modified.as_ref().is_none_or(same_time) {
            Ok(())
        } else {
            Err(s3_error!(
                PreconditionFailed,
                "the object has another size or time"
            ))
        }
    }

    /// What is there, if it may be replaced or deleted. A damaged record counts as nothing where nothing is asked
    /// of it: else nobody could ever get rid of it.
    ///
    /// # Errors
    /// `PreconditionFailed` or `NoSuchKey`; a damaged record's where there is a condition; or the disk's.
    pub(super) fn admit(&self, bucket: &Bucket, key: &str) -> S3Result<Option<Record>> {
        let found = match Record::load(bucket, key) {
            Err(error) if is_damage(&error) && self.asks_nothing() && !is_dir(bucket, key) => None,
            other => other?,
        };
        self.check(found.as_ref())?;
        Ok(found)
    }

    fn asks_nothing(&self) -> bool {
        !self.create_only
            && self.if_match.is_none()
            && self.size.is_none()
            && self.modified.is_none()
    }
}

/// A directory in a record's place is more than a damaged record.
fn is_dir(bucket: &Bucket, key: &str) -> bool {
    std::fs::symlink_metadata(bucket.record(key)).is_ok_and(|found| found.is_dir())
}

/// What must hold for a read to be answered with the object.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) if_modified_since: Option<Timestamp>,
    pub(super) if_unmodified_since: Option<Timestamp>,
}

impl Look {
    /// Compares with what is there, in the order of RFC 9110.
    pub(super) fn check(&self, record: &Record) -> S3Result<()> {
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(wanted), _) if !matches(wanted, record) => return Err(failed("If-Match")),
            (None, Some(since)) if seconds(&record.modified) > seconds(since) => {
                return Err(failed("If-Unmodified-Since"));
            }
            _ => {}
        }
        match (&self.if_none_match, &self.if_modified_since) {
            (Some(known), _) if matches(known, record) => Err(not_modified(record)),
            (None, Some(since)) if seconds(&record.modified) <= seconds(since) => {
                Err(not_modified(record))
            }
            _ => Ok(()),
        }
    }

    /// The same for the source of a copy, where everything that fails is `PreconditionFailed`.
    pub(super) fn check_source(&self, record: &Record) -> S3Result<()> {
        self.check(record).map_err(|error| match error.code() {
            S3ErrorCode::NotModified => {
                failed("x-amz-copy-source-if-none-match or -if-modified-since")
            }
            _ => error,
        })
    }
}

/// The object isn't there.
pub(super) fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "the specified key does not exist")
}

fn matches(condition: &ETagCondition, record: &Record) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(tag) => tag.value() == record.etag,
    }
}

fn failed(condition: &str) -> S3Error {
    s3_error!(
        PreconditionFailed,
        "at least one of the pre-conditions you specified did not hold: {condition}"
    )
}

fn not_modified(record: &Record) -> S3Error {
    let mut answer = s3_error!(NotModified);
    let mut headers = HeaderMap::new();
    if let Ok(tag) = format!("\"{}\"", record.etag).parse() {
        headers.insert(ETAG, tag);
    }
    answer.set_headers(headers);
    answer
}

/// Whole seconds: what a header can say.
pub(super) fn seconds(time: &Timestamp) -> i64 {
    let mut text = Vec::new();
    let _ = time.format(TimestampFormat::EpochSeconds, &mut text);
    let text = String::from_utf8_lossy(&text);
    text.split('.')
        .next()
        .and_then(|whole| whole.parse().ok())
        .unwrap_or_default()
}
