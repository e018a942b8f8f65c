//! Learning: a receipt on standard input makes the pending file of its dump the known file.
//!
//! Promised: without a receipt nothing changes; the receipt is passed on, so that this can stand in the middle of a
//! line, and it is passed on even if nothing can be learned of it: the dump is stored.

use std::io::{Read, Write};
use std::path::Path;

use common::chunks::Id;
use common::error::{Doing, Error, Result};
use common::run::{Streams, written};
use serde_json::Value;

use crate::life::{KnownFile, Learned, Stored};

/// More than any receipt has.
const MOST: u64 = 16 << 20;

/// Learns from standard input.
///
/// # Errors
/// If there is no receipt, or nothing can be learned from it.
pub fn learn(path: &Path, streams: &mut Streams) -> Result<()> {
    let mut text = Vec::new();
    let input = streams.take_input()?;
    input
        .take(MOST)
        .read_to_end(&mut text)
        .doing("read standard input")?;
    let learned = receipt(&text).and_then(|receipt| {
        KnownFile::new(path).learn(&Stored {
            id: receipt.id,
            place: &receipt.place,
            key: &receipt.key,
            started: receipt.started,
        })
    });
    let passed = written(streams.output().write_all(&text));
    let voice = streams.voice();
    let path = path.display();
    match learned? {
        Learned::Now => {}
        Learned::Already => voice.detail(format!("{path} told of this dump already")),
        Learned::Older => voice.note(format!("{path} tells of a newer dump, and keeps to it")),
    }
    passed
}

struct Receipt {
    id: Id,
    place: String,
    key: String,
    started: i64,
}

fn receipt(text: &[u8]) -> Result<Receipt> {
    let refuse = |why: &str| Error::permanent("learn from the receipt", why);
    if text.trim_ascii().is_empty() {
        return Err(refuse("there is none on standard input")
            .hint("no dump was stored, so the known file stays as it is"));
    }
    let value: Value =
        serde_json::from_slice(text).map_err(|_| refuse("it is not one line of JSON"))?;
    let word = |name: &str| value[name].as_str().map(str::to_owned);
    match word("s3pipes").as_deref() {
        Some("receipt/1") => {}
        Some(other) if other.starts_with("prepared/") => {
            return Err(refuse("the dump is prepared and not stored yet")
                .hint("the receipt comes from s3put --commit"));
        }
        Some(other) if other.starts_with("receipt/") => {
            return Err(refuse("its format is not receipt/1"));
        }
        _ => return Err(refuse("it is none of s3put's")),
    }
    let id = value["chunks"]["id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| refuse("it is not about a chunk stream"))?;
    let (Some(place), Some(key), Some(started)) =
        (word("bucket"), word("key"), value["started"].as_i64())
    else {
        return Err(refuse("it doesn't say what was stored, where and when"));
    };
    // These end lines in files of ours.
    let fits = |text: &String| !text.is_empty() && !text.contains('\n');
    if fits(&place) && fits(&key) && started > 0 {
        Ok(Receipt {
            id,
            place,
            key,
            started,
        })
    } else {
        Err(refuse("what it says makes no sense"))
    }
}
