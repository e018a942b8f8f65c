//! The receipts that `--commit` and `--abort` read: prepared dumps, a line each. Their page is
//! doc/format/receipt.md.
//!
//! They come from outside: whatever a line is, it is either understood as a whole or refused in one sentence.

use common::Error;
use common::bucket::put::Pending;
use common::error::Result;
use common::names;
use common::place::Place;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The format of a prepared dump.
const PREPARED: &str = "prepared/1";
/// The format of a stored one.
pub(crate) const STORED: &str = "receipt/1";
/// What a message shows of a complaint, in characters.
const SHOWN: usize = 120;

/// Said of what is no JSON object, or only the beginning of one.
const BROKEN: &str = "it is not a line of JSON that is whole";

/// A line that `--commit` and `--abort` understand.
#[derive(Debug)]
pub struct Receipt {
    /// Where it is.
    pub place: Place,
    /// Key, without the place's prefix.
    pub key: String,
    /// What is prepared, and what was known of the programs before us; none of a dump that is stored already.
    pub pending: Option<(Pending, Option<Box<RawValue>>)>,
}

/// What all receipts have.
#[derive(Deserialize)]
struct Envelope {
    s3pipes: String,
    bucket: String,
    key: String,
    #[serde(default)]
    upstream: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Line<'a, U> {
    s3pipes: &'static str,
    bucket: String,
    #[serde(flatten)]
    pending: &'a Pending,
    upstream: U,
}

/// The line of a prepared dump in `place`, without a line feed.
pub(crate) fn line(pending: &Pending, place: &Place, upstream: impl Serialize) -> String {
    let line = Line {
        s3pipes: PREPARED,
        bucket: place.to_string(),
        pending,
        upstream,
    };
    // Strings and finite numbers always have a JSON form.
    serde_json::to_string(&line).unwrap_or_default()
}

/// The receipts in `text`, a line each; blank lines count for nothing.
///
/// # Errors
/// If a line is anything else, or names another place than the first.
pub fn parse(text: &[u8]) -> Result<Vec<Receipt>> {
    let mut receipts: Vec<Receipt> = Vec::new();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let wrong = |why: String| {
            let why: String = why.chars().take(SHOWN).collect();
            Error::permanent(format!("read receipt line {number}"), why)
        };
        let receipt = receipt(line).map_err(wrong)?;
        if let Some(first) = receipts.first()
            && first.place != receipt.place
        {
            return Err(wrong(format!(
                "it is about {}, and the first about {}",
                receipt.place, first.place
            )));
        }
        receipts.push(receipt);
    }
    Ok(receipts)
}

fn receipt(line: &[u8]) -> std::result::Result<Receipt, String> {
    // Serde would take an array for the fields in their order.
    if !line.trim_ascii().starts_with(b"{") {
        return Err(BROKEN.to_owned());
    }
    let envelope: Envelope = serde_json::from_slice(line).map_err(|error| plain(&error))?;
    let place = Place::parse(&envelope.bucket).map_err(|error| error.to_string())?;
    let pending = match envelope.s3pipes.as_str() {
        PREPARED => {
            let pending = serde_json::from_slice(line).map_err(|error| plain(&error))?;
            Some((pending, envelope.upstream))
        }
        STORED => {
            names::literal(&envelope.key).map_err(|error| error.to_string())?;
            None
        }
        other => return Err(format!("its format is '{other}', not {PREPARED}")),
    };
    Ok(Receipt {
        place,
        key: envelope.key,
        pending,
    })
}

/// The complaint without the place in the line, which is always line 1 there.
fn plain(error: &serde_json::Error) -> String {
    if !error.is_data() {
        return BROKEN.to_owned();
    }
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map(|(what, _)| what);
    what.unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dump of 9 bytes in one part: the check value of CRC-64/NVME.
    const LINE: &str = r#"{"s3pipes":"prepared/1","bucket":"s3://b/x","key":"h:home:0:2026-11-20","size":9,"crc64nvme":"rosUhgp5mIg=","class":null,"overwrite":false,"seconds":0.25,"token":"08665dca74cff0adfc33f1290e6eab94","objects":[{"key":"h:home:0:2026-11-20","upload":"u1","size":9,"crc64nvme":"rosUhgp5mIg=","parts":[[9,"25f9e794323b453885f5181f1b624d0b","rosUhgp5mIg="]]}],"upstream":{"verdict":"clean","stages":[]}}"#;

    fn complaint(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_line_is_read_and_written_the_same() {
        let receipts = parse(format!("\n{LINE}\n \r\n{LINE}").as_bytes()).unwrap();
        assert_eq!(receipts.len(), 2);
        for receipt in receipts {
            let (pending, upstream) = receipt.pending.unwrap();
            assert_eq!(
                (receipt.key.as_str(), pending.size()),
                ("h:home:0:2026-11-20", 9)
            );
            assert_eq!(line(&pending, &receipt.place, upstream), LINE);
        }
        assert!(parse(b"\n \n").unwrap().is_empty());
    }

    #[test]
    fn a_stored_dump_is_known() {
        let stored = LINE.replace(PREPARED, STORED);
        assert!(parse(stored.as_bytes()).unwrap()[0].pending.is_none());
        assert!(complaint(&stored.replace("h:home:0:2026-11-20", "")).contains("a key is"));
    }

    #[test]
    fn anything_else_is_refused_in_a_sentence() {
        let whole = "could not read receipt line 1: it is not a line of JSON that is whole";
        for text in [
            "{",
            "x",
            &LINE[..200],
            "\u{0}",
            &"[".repeat(100_000),
            &r#"{"a":"#.repeat(100_000),
        ] {
            assert_eq!(complaint(text), whole);
        }
        for (what, by, says) in [
            (
                PREPARED,
                "prepared/2",
                "its format is 'prepared/2', not prepared/1",
            ),
            ("s3://b/x", "b", "'b' is not a place"),
            (
                r#"rosUhgp5mIg="]]"#,
                r#"AAAAAAAAAAA="]]"#,
                "its parts don't make up the whole",
            ),
            (
                "[[9,",
                "[[\"9\",",
                "invalid type: string \"9\", expected u64",
            ),
            ("\"size\"", "\"sise\"", "missing field `size`"),
        ] {
            let error = complaint(&LINE.replace(what, by));
            assert!(
                error.contains(says) && !error.contains("at line"),
                "{error}"
            );
        }
        let two = format!("{LINE}\n{}", LINE.replace("s3://b/x", "s3://b"));
        assert_eq!(
            complaint(&two),
            "could not read receipt line 2: it is about s3://b, and the first about s3://b/x"
        );
        let long = complaint(&LINE.replace(PREPARED, &"x".repeat(10_000)));
        assert!(long.len() < 250, "{long}");
    }
}
