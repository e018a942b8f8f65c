//! Parts that the server copies from another object, tied to the content that was seen of it.
//!
//! Ceph 16 takes no notice of that condition. So what was copied has to be proven by whoever asked for it.

use aws_sdk_s3::types::CopyPartResult;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::send::escaped;
use super::{Run, Sent};
use crate::bucket::failure::{Failure, Kind};
use crate::bucket::get::Seen;
use crate::bucket::patience::{COMPLETING, bounded};
use crate::bucket::{Bucket, checksum};
use crate::error::{Error, Result};

/// What to do where the server can't copy, or what it copied can't be proven.
pub(super) const WHOLE: &str = "all of it can be sent instead, by s3get | s3seal --rewrap | s3put, without --head and --rest-of";

/// The bytes `from..to` of an object, which become part `number`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Piece {
    pub(super) number: u32,
    pub(super) from: u64,
    pub(super) to: u64,
}

/// Has the server copy `pieces` of `source` into the upload `id` of `key`; the parts come in the order of their numbers.
///
/// # Errors
/// If the server doesn't copy, or the source was replaced.
pub(super) async fn copied(
    run: &Run<'_>,
    key: &str,
    id: &str,
    source: &Seen,
    pieces: &[Piece],
) -> Result<Vec<Sent>> {
    let mut waiting = pieces.iter();
    let mut under_way = FuturesUnordered::new();
    let mut sent = Vec::with_capacity(pieces.len());
    loop {
        while under_way.len() < run.order.parallel.max(1) {
            let Some(piece) = waiting.next() else {
                break;
            };
            under_way.push(copy(
                run,
                key,
                id,
                (&source.key, source.etag.as_deref()),
                *piece,
            ));
        }
        match under_way.next().await {
            Some(part) => sent.push(part?),
            None => break,
        }
    }
    sent.sort_by_key(|part: &Sent| part.number);
    Ok(sent)
}

/// Has the server copy one piece, of an object with this key and ETag.
///
/// # Errors
/// As [`copied`].
pub(super) async fn copy(
    run: &Run<'_>,
    key: &str,
    id: &str,
    (source, etag): (&str, Option<&str>),
    piece: Piece,
) -> Result<Sent> {
    let bucket = run.bucket;
    let Piece { number, from, to } = piece;
    let what = format!("copy part {number} of {key} from {source}");
    let copied = bucket
        .patience
        .persist(&what, || {
            let request = bucket
                .client
                .upload_part_copy()
                .bucket(&bucket.name)
                .key(bucket.full(key))
                .upload_id(id)
                .part_number(i32::try_from(number).unwrap_or(i32::MAX))
                .copy_source(copy_source(bucket, source))
                .copy_source_range(format!("bytes={from}-{}", to - 1))
                .set_copy_source_if_match(etag.map(str::to_owned));
            // Ceph wants to be told that there is no body.
            let request = request.customize().mutate_request(|request| {
                request.headers_mut().insert("content-length", "0");
            });
            // It takes the server as long as copying takes, and meanwhile nothing moves that we could see.
            bounded(COMPLETING, async move {
                let answer = request.send().await.map_err(|error| Failure::of(&error))?;
                match answer.copy_part_result {
                    Some(copied) if copied.e_tag().is_some_and(|etag| !etag.is_empty()) => {
                        Ok(copied)
                    }
                    Some(_) => Err(Failure::foreign()),
                    // It took the request for an ordinary part of no bytes.
                    None => Err(Failure::answered(
                        501,
                        None,
                        Some("the server says that it is done, and nothing of a copy"),
                    )),
                }
            })
        })
        .await
        .map_err(|failure| refused(&failure, what.clone()))?;
    (run.progress)(to - from);
    Ok(sent(piece, copied))
}

fn sent(piece: Piece, copied: CopyPartResult) -> Sent {
    Sent {
        number: piece.number,
        size: piece.to - piece.from,
        crc64nvme: copied.checksum_crc64_nvme().and_then(checksum::decode),
        etag: copied.e_tag,
        resumed: false,
    }
}

fn refused(failure: &Failure, what: String) -> Error {
    match failure.kind {
        Kind::Condition => Error::permanent(what, "it was replaced while it was being copied")
            .hint("nothing was stored: start again"),
        Kind::Unsupported => Error::permanent(what, failure.text()).hint(WHOLE),
        _ => failure.error(what),
    }
}

/// The object as the source of a copy: a path of a URL.
pub(in crate::bucket) fn copy_source(bucket: &Bucket, key: &str) -> String {
    let key = bucket.full(key);
    let segments: Vec<String> = key.split('/').map(escaped).collect();
    format!("{}/{}", escaped(&bucket.name), segments.join("/"))
}
