//! The receipt: one line of JSON that says what was stored. Its page is doc/format/receipt.md.

use common::bucket::put::{ChunkStream, Stored};
use common::members::Fields;
use common::place::Place;
use common::upstream::{End, Verdict};
use serde::Serialize;

/// The fields in the order in which they are written.
#[derive(Serialize)]
struct Receipt<'a, U> {
    s3pipes: &'static str,
    bucket: String,
    key: &'a str,
    size: u64,
    crc64nvme: Option<&'a str>,
    etag: Option<&'a str>,
    version: Option<&'a str>,
    class: &'a str,
    parts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<i64>,
    seconds: f64,
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resumed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunks: Option<Chunks>,
    upstream: U,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<&'a Fields>,
    /// Where they are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    objects: Vec<Object<'a>>,
}

/// What is known of a chunk stream.
#[derive(Serialize)]
struct Chunks {
    id: String,
    total: u64,
    new: u64,
    objects: usize,
}

impl Chunks {
    fn of(stream: &ChunkStream) -> Self {
        Self {
            id: stream.id.to_string(),
            total: stream.total,
            new: stream.new,
            objects: stream.objects(),
        }
    }
}

/// One of several objects that are a dump together.
#[derive(Serialize)]
struct Object<'a> {
    key: &'a str,
    size: u64,
    crc64nvme: Option<&'a str>,
    etag: Option<&'a str>,
    version: Option<&'a str>,
    parts: u32,
}

impl<'a> Object<'a> {
    fn of(stored: &'a Stored) -> Self {
        Self {
            key: &stored.key,
            size: stored.size,
            crc64nvme: known(&stored.crc64nvme),
            etag: known(&stored.etag),
            version: stored.version.as_deref(),
            parts: stored.parts,
        }
    }
}

/// What is not known is empty there, and null here.
fn known(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// What is known of the programs before us.
#[derive(Serialize)]
pub(crate) struct Upstream<'a> {
    verdict: &'static str,
    reason: Option<&'a str>,
    stages: Vec<Stage<'a>>,
}

/// One of them. Neither number is there if it isn't known how it ended.
#[derive(Serialize)]
struct Stage<'a> {
    name: &'a str,
    status: Option<u8>,
    signal: Option<u8>,
}

impl<'a> Upstream<'a> {
    pub(crate) fn of(verdict: &'a Verdict) -> Self {
        let stages = verdict.stages.iter().map(|stage| {
            let (status, signal) = match stage.end {
                End::Exited(status) => (Some(status), None),
                End::Signaled(signal) => (None, Some(signal)),
                End::Running | End::Unknown => (None, None),
            };
            Stage {
                name: &stage.name,
                status,
                signal,
            }
        });
        Self {
            verdict: verdict.kind.word(),
            reason: verdict.reason.as_deref(),
            stages: stages.collect(),
        }
    }
}

/// The receipt of `stored` in `place`, without a line feed.
pub(crate) fn line(stored: &Stored, place: &Place, upstream: impl Serialize) -> String {
    text(stored, place, upstream, None)
}

/// That of a member, whose metadata is `fields`.
pub(crate) fn of_member(stored: &Stored, place: &Place, fields: &Fields) -> String {
    text(stored, place, None::<Upstream<'_>>, Some(fields))
}

fn text(
    stored: &Stored,
    place: &Place,
    upstream: impl Serialize,
    member: Option<&Fields>,
) -> String {
    let receipt = Receipt {
        s3pipes: "receipt/1",
        bucket: place.to_string(),
        key: &stored.key,
        size: stored.size,
        crc64nvme: known(&stored.crc64nvme),
        etag: known(&stored.etag),
        version: stored.version.as_deref(),
        class: &stored.class,
        parts: stored.parts,
        started: stored.started,
        seconds: (stored.seconds * 1000.0).round() / 1000.0,
        token: stored.token.as_deref(),
        resumed: Some(stored.resumed).filter(|bytes| *bytes > 0),
        chunks: stored.chunks.as_ref().map(Chunks::of),
        upstream,
        member,
        objects: stored.objects.iter().map(Object::of).collect(),
    };
    // Strings and finite numbers always have a JSON form.
    serde_json::to_string(&receipt).unwrap_or_default()
}
