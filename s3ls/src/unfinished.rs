//! Uploads that were begun and never finished: invisible in a listing, paid for all the same.

use common::bucket::Upload;
use common::error::{Error, Result};
use common::names::parse_key;
use common::run::Streams;
use common::units::human;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::table::visible;
use crate::wanted::Wanted;

/// One line for pipes.
#[derive(Serialize)]
struct Line<'a> {
    key: &'a str,
    upload: &'a str,
    started: String,
    /// Seconds.
    age: i64,
    bytes: Option<u64>,
}

/// Prints the uploads that are wanted, oldest first; those that no dump's name belongs to as well.
pub(crate) fn print(
    mut uploads: Vec<Upload>,
    wanted: &Wanted,
    json: bool,
    streams: &mut Streams,
) -> Result<()> {
    uploads.retain(|upload| match parse_key(&upload.key) {
        Some((name, _)) => wanted.includes(&name.host, &name.fs),
        None => wanted.fs.is_empty(),
    });
    if uploads.is_empty() {
        return Err(Error::nothing(format!(
            "there is no unfinished upload{}",
            wanted.described()
        )));
    }
    uploads.sort_by(|a, b| (a.started, &a.key).cmp(&(b.started, &b.key)));
    let now = Timestamp::now();
    for upload in &uploads {
        let age = now.duration_since(upload.started).max(SignedDuration::ZERO);
        if json {
            let line = Line {
                key: &upload.key,
                upload: &upload.id,
                started: upload.started.to_string(),
                age: age.as_secs(),
                bytes: upload.bytes,
            };
            let line = serde_json::to_string(&line).map_err(|cause| {
                Error::permanent(format!("describe the upload of {}", upload.key), cause)
            })?;
            streams.output().line(line)?;
        } else {
            let bytes = upload.bytes.map_or_else(|| "?".to_owned(), human);
            let (age, key) = (for_people(age), visible(&upload.key));
            streams.output().line(format_args!(
                "{:.0} {age:>8} {bytes:>8} {key}",
                upload.started
            ))?;
        }
    }
    Ok(())
}

/// An age as `3d 4h`, `4h 05m` or `5m`.
fn for_people(age: SignedDuration) -> String {
    let minutes = age.as_mins();
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}m"),
        (0, _) => format!("{hours}h {minutes:02}m"),
        _ => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        for (minutes, text) in [
            (0, "0m"),
            (59, "59m"),
            (60, "1h 00m"),
            (1439, "23h 59m"),
            (1440, "1d 0h"),
            (100_000, "69d 10h"),
        ] {
            assert_eq!(for_people(SignedDuration::from_mins(minutes)), text);
        }
    }
}
