//! Uploads that were begun and never finished: nobody lists them, and they are paid for all the same.

use common::bucket::Upload;
use common::error::{Error, Result};
use common::names::parse_key;
use common::units::human;
use jiff::Timestamp;
use serde::Serialize;

/// One line for pipes.
#[derive(Serialize)]
struct Line<'a> {
    key: &'a str,
    action: &'a str,
    upload: &'a str,
    started: String,
    size: Option<u64>,
}

/// Those that were begun before `limit`, oldest first. With a host only those of its dumps: whose an
/// upload to any other key is can't be told.
pub(crate) fn stale(mut uploads: Vec<Upload>, host: Option<&str>, limit: Timestamp) -> Vec<Upload> {
    uploads.retain(|upload| {
        let ours = host
            .is_none_or(|host| parse_key(&upload.key).is_some_and(|(name, _)| name.host == host));
        ours && upload.started < limit
    });
    uploads.sort_by(|a, b| (a.started, &a.key).cmp(&(b.started, &b.key)));
    uploads
}

/// The line of the plan for people.
pub(crate) fn line(upload: &Upload) -> String {
    let bytes = upload.bytes.map_or_else(|| "?".to_owned(), human);
    format!(
        "abort  {} {bytes:>8}  unfinished since {:.0}",
        upload.key.escape_debug(),
        upload.started
    )
}

/// The line of the plan for pipes.
///
/// # Errors
/// If it can't be written as JSON.
pub(crate) fn json(upload: &Upload, failed: bool) -> Result<String> {
    serde_json::to_string(&Line {
        key: &upload.key,
        action: if failed { "failed" } else { "abort" },
        upload: &upload.id,
        started: upload.started.to_string(),
        size: upload.bytes,
    })
    .map_err(|cause| Error::permanent(format!("describe the upload of {}", upload.key), cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(key: &str, started: &str) -> Upload {
        Upload {
            key: key.to_owned(),
            id: "u".to_owned(),
            started: started.parse().unwrap(),
            bytes: None,
        }
    }

    #[test]
    fn only_old_ones_and_only_ours() {
        let uploads = || {
            vec![
                upload("h:f:0:2026-11-02", "2026-11-02T00:00:00Z"),
                upload("h:f:0:2026-11-01", "2026-11-01T00:00:00Z"),
                upload("h:f:0:2026-11-09", "2026-11-09T00:00:00Z"),
                upload("g:f:0:2026-11-01", "2026-11-01T00:00:00Z"),
                upload("h", "2026-11-01T00:00:00Z"),
            ]
        };
        let limit = "2026-11-09T00:00:00Z".parse().unwrap();
        let found = |host| {
            stale(uploads(), host, limit)
                .into_iter()
                .map(|upload| upload.key)
                .collect::<Vec<_>>()
        };
        assert_eq!(found(Some("h")), ["h:f:0:2026-11-01", "h:f:0:2026-11-02"]);
        assert_eq!(found(None).len(), 4);
    }
}
