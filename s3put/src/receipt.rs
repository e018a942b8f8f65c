//! The receipt: one line of JSON that says what was stored. Its page is doc/format/receipt.md.

use common::bucket::put::Stored;
use common::place::Place;
use serde::Serialize;

use crate::producer::Stage;

/// The fields in the order in which they are written.
#[derive(Serialize)]
struct Receipt<'a> {
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
    token: &'a str,
    upstream: Option<Upstream<'a>>,
}

/// What is known of the programs before us.
#[derive(Serialize)]
struct Upstream<'a> {
    verdict: &'static str,
    stages: [&'a Stage; 1],
}

/// The receipt of `stored` in `place`, without a line feed.
pub(crate) fn line(stored: &Stored, place: &Place, stage: Option<&Stage>) -> String {
    let receipt = Receipt {
        s3pipes: "receipt/1",
        bucket: place.to_string(),
        key: &stored.key,
        size: stored.size,
        crc64nvme: &stored.crc64nvme,
        etag: Some(stored.etag.as_str()).filter(|etag| !etag.is_empty()),
        version: stored.version.as_deref(),
        class: &stored.class,
        parts: stored.parts,
        seconds: (stored.seconds * 1000.0).round() / 1000.0,
        token: &stored.token,
        upstream: stage.map(|stage| Upstream {
            verdict: "clean",
            stages: [stage],
        }),
    };
    // Strings and finite numbers always have a JSON form.
    serde_json::to_string(&receipt).unwrap_or_default()
}
