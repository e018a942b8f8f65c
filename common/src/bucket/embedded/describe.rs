//! What requests say about objects, checked: storage classes, headers, metadata, tags, access lists.

use std::collections::BTreeMap;

use s3s::dto::{ETag, Metadata, Timestamp, TimestampFormat};
use s3s::{S3Result, s3_error};

use super::acl::{canned, to_xml};
use super::errors::custom;
use super::object::{Description, STANDARD_CLASS};

/// Every class that AWS knows.
const CLASSES: [&str; 12] = [
    STANDARD_CLASS,
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "GLACIER_IR",
    "DEEP_ARCHIVE",
    "OUTPOSTS",
    "SNOW",
    "EXPRESS_ONEZONE",
    "FSX_OPENZFS",
];
/// Bytes of user metadata, names and values together.
const MOST_METADATA: usize = 2048;
/// The headers of a Put, a Copy or a CreateMultipartUpload, as the protocol library gives them.
#[derive(Default)]
pub(super) struct Said<'a> {
    pub(super) class: Option<&'a str>,
    pub(super) content_type: Option<&'a str>,
    pub(super) content_encoding: Option<&'a str>,
    pub(super) content_disposition: Option<&'a str>,
    pub(super) content_language: Option<&'a str>,
    pub(super) cache_control: Option<&'a str>,
    pub(super) expires: Option<&'a Timestamp>,
    pub(super) metadata: Option<&'a Metadata>,
    pub(super) tagging: Option<&'a str>,
    pub(super) acl: Option<&'a str>,
    /// True if any `x-amz-grant-…` header was there.
    pub(super) grants: bool,
    /// True if any encryption was asked for.
    pub(super) encryption: bool,
}

impl Said<'_> {
    /// The description that this amounts to.
    ///
    /// # Errors
    /// `InvalidStorageClass`, `MetadataTooLarge`, `InvalidTag`, `InvalidArgument`; `NotImplemented` for what
    /// the store can't do and must not pretend to.
    pub(super) fn description(&self) -> S3Result<Description> {
        if self.encryption {
            return Err(s3_error!(
                NotImplemented,
                "the embedded store does not encrypt"
            ));
        }
        if self.grants {
            return Err(s3_error!(
                NotImplemented,
                "x-amz-grant headers are not implemented; use PutObjectAcl"
            ));
        }
        let class = self.class.unwrap_or(STANDARD_CLASS);
        if !CLASSES.contains(&class) {
            return Err(s3_error!(
                InvalidStorageClass,
                "the storage class you specified is not valid: {class}"
            ));
        }
        let metadata: BTreeMap<String, String> = self
            .metadata
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if metadata
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>()
            > MOST_METADATA
        {
            return Err(s3_error!(
                MetadataTooLarge,
                "your metadata headers exceed the maximum allowed metadata size of 2 KiB"
            ));
        }
        Ok(Description {
            class: class.to_owned(),
            headers: self.headers(),
            metadata,
            tags: self.tagging.map_or_else(|| Ok(Vec::new()), parse_tags)?,
            acl: self
                .acl
                .map(|name| canned(name).map(|policy| to_xml(&policy)))
                .transpose()?,
        })
    }

    fn headers(&self) -> BTreeMap<String, String> {
        // What only said how the request was sent is not the object's.
        let encoding = self.content_encoding.map(|value| {
            let kept: Vec<&str> = value
                .split(',')
                .map(str::trim)
                .filter(|coding| !coding.eq_ignore_ascii_case("aws-chunked"))
                .collect();
            kept.join(",")
        });
        let given = [
            ("content-type", self.content_type.map(str::to_owned)),
            ("content-encoding", encoding),
            (
                "content-disposition",
                self.content_disposition.map(str::to_owned),
            ),
            ("content-language", self.content_language.map(str::to_owned)),
            ("cache-control", self.cache_control.map(str::to_owned)),
            ("expires", self.expires.and_then(http_date)),
        ];
        let present = given.into_iter().filter_map(|(name, value)| {
            Some((name.to_owned(), value.filter(|value| !value.is_empty())?))
        });
        present.collect()
    }
}

fn http_date(time: &Timestamp) -> Option<String> {
    let mut text = Vec::new();
    time.format(TimestampFormat::HttpDate, &mut text).ok()?;
    String::from_utf8(text).ok()
}

/// An ETag as the protocol library wants it.
pub(super) fn tag(etag: &str) -> ETag {
    ETag::Strong(etag.to_owned())
}

/// Tags from the header `x-amz-tagging`, a query string.
fn parse_tags(header: &str) -> S3Result<Vec<(String, String)>> {
    let tags = header
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((
                percent_decoded(&key.replace('+', " "))?,
                percent_decoded(&value.replace('+', " "))?,
            ))
        });
    let tags: Option<Vec<_>> = tags.collect();
    check_tags(tags.ok_or_else(|| {
        s3_error!(
            InvalidArgument,
            "the header x-amz-tagging shall be encoded as a UTF-8 query string"
        )
    })?)
}

/// Refuses tags that S3 refuses.
pub(super) fn check_tags(tags: Vec<(String, String)>) -> S3Result<Vec<(String, String)>> {
    if tags.len() > 10 {
        return Err(custom(
            "BadRequest",
            http::StatusCode::BAD_REQUEST,
            "object tags cannot be greater than 10",
        ));
    }
    for (at, (key, value)) in tags.iter().enumerate() {
        if key.is_empty()
            || key.chars().count() > 128
            || value.chars().count() > 256
            || key.starts_with("aws:")
        {
            return Err(s3_error!(
                InvalidTag,
                "a tag you have provided is not valid"
            ));
        }
        if tags.iter().skip(at + 1).any(|(other, _)| other == key) {
            return Err(s3_error!(
                InvalidTag,
                "cannot provide multiple tags with the same key"
            ));
        }
    }
    Ok(tags)
}

/// The text before it was percent-encoded.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Percent-encodes what `encoding-type=url` asks for: everything but unreserved characters and `/`.
pub(super) fn url_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
