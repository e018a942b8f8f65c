//! The receipt: one line of JSON that says what was stored. Its page is doc/format/receipt.md.

use common::bucket::put::Stored;
use common::place::Place;
use serde::Serialize;

use crate::producer::Stage;

/// The fields in the order in which they are written.
#[derive(Serialize)]
struct Receipt<'a, U> {
    s3pipes: &'static str,
    bucket: String,
    key: &'a str,
    size: u64,
    crc64nvme: &'a str,
    etag: Option<&'a str>,
    version: Option<&'a str>,
    class: &'a str,
    parts: u32,
    seconds: f64,
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resumed: Option<u64>,
    upstream: U,
    /// Where they are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    objects: Vec<Object<'a>>,
}

/// One of several objects that are a dump together.
#[derive(Serialize)]
struct Object<'a> {
    key: &'a str,
    size: u64,
    crc64nvme: &'a str,
    etag: Option<&'a str>,
    version: Option<&'a str>,
    parts: u32,
}

impl<'a> Object<'a> {
    fn of(stored: &'a Stored) -> Self {
        Self {
            key: &stored.key,
            size: stored.size,
            crc64nvme: &stored.crc64nvme,
            etag: etag(stored),
            version: stored.version.as_deref(),
            parts: stored.parts,
        }
    }
}

fn etag(stored: &Stored) -> Option<&str> {
    Some(stored.etag.as_str()).filter(|etag| !etag.is_empty())
}

/// What is known of the programs before us.
#[derive(Serialize)]
pub(crate) struct Upstream<'a> {
    verdict: &'static str,
    stages: [&'a Stage; 1],
}

/// What the receipt says of the programs before us.
pub(crate) fn upstream(stage: Option<&Stage>) -> Option<Upstream<'_>> {
    stage.map(|stage| Upstream {
        verdict: "clean",
        stages: [stage],
    })
}

/// The receipt of `stored` in `place`, without a line feed.
pub(crate) fn line(stored: &Stored, place: &Place, upstream: impl Serialize) -> String {
    let receipt = Receipt {
        s3pipes: "receipt/1",
        bucket: place.to_string(),
        key: &stored.key,
        size: stored.size,
        crc64nvme: &stored.crc64nvme,
        etag: etag(stored),
        version: stored.version.as_deref(),
        class: &stored.class,
        parts: stored.parts,
        seconds: (stored.seconds * 1000.0).round() / 1000.0,
        token: stored.token.as_deref(),
        resumed: Some(stored.resumed).filter(|bytes| *bytes > 0),
        upstream,
        objects: stored.objects.iter().map(Object::of).collect(),
    };
    // Strings and finite numbers always have a JSON form.
    serde_json::to_string(&receipt).unwrap_or_default()
}
