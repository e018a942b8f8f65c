//! Listing lines for pipes: one JSON object for each dump or other object.
//!
//! The fields are promised in s3ls(1) and read by s3prune; a new one may be added at the end.

use common::error::{Error, Result};
use common::levels::is_trusted;
use common::listing::{Dump, Entry};
use jiff::Timestamp;
use serde::Serialize;

use crate::chunks::Chunks;

/// One line. What is not a dump has a key and no name.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// Name of the dump, or key of the object.
    pub(crate) key: String,
    host: Option<String>,
    fs: Option<String>,
    level: Option<u32>,
    date: Option<String>,
    size: u64,
    class: String,
    #[serde(serialize_with = "rfc3339")]
    modified: Timestamp,
    /// Key of the dump that this one is relative to.
    parent: Option<String>,
    /// None where several objects have one each.
    etag: Option<String>,
    /// None where several objects have one each, and where the server tells none.
    pub(crate) checksum: Option<String>,
    /// Number of objects.
    pub(crate) pieces: usize,
    date_trusted: Option<bool>,
    /// What keeps a dump from being whole.
    flaw: Option<String>,
    /// None where they weren't asked for; null for a dump that is no chunk stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chunks: Option<Option<Chunks>>,
    /// Key of the first object.
    #[serde(skip)]
    pub(crate) object: String,
}

impl Row {
    /// The line of `dump`, and of its parent.
    pub(crate) fn dump(dump: &Dump, parent: Option<&Dump>) -> Self {
        Self {
            key: dump.key(),
            host: Some(dump.name.host.clone()),
            fs: Some(dump.name.fs.clone()),
            level: Some(dump.name.level),
            date: Some(dump.name.date.to_string()),
            size: dump.size(),
            class: dump.class().to_owned(),
            modified: dump.modified(),
            parent: parent.map(Dump::key),
            etag: (dump.pieces.len() == 1).then(|| dump.etag().to_owned()),
            checksum: None,
            pieces: dump.pieces.len(),
            date_trusted: Some(is_trusted(dump)),
            flaw: dump.flaw(),
            chunks: None,
            object: dump
                .pieces
                .first()
                .map_or_else(String::new, |(_, entry)| entry.key.clone()),
        }
    }

    /// The line of an object that is not a dump.
    pub(crate) fn other(entry: &Entry) -> Self {
        Self {
            key: entry.key.clone(),
            host: None,
            fs: None,
            level: None,
            date: None,
            size: entry.size,
            class: entry.class.clone(),
            modified: entry.modified,
            parent: None,
            etag: Some(entry.etag.clone()),
            checksum: None,
            pieces: 1,
            date_trusted: None,
            flaw: None,
            chunks: None,
            object: entry.key.clone(),
        }
    }

    /// The line, without its line feed.
    pub(crate) fn line(&self) -> Result<String> {
        serde_json::to_string(self)
            .map_err(|cause| Error::permanent(format!("describe {}", self.key), cause))
    }
}

fn rfc3339<S: serde::Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

#[cfg(test)]
mod tests {
    use common::listing::Catalogue;

    use super::*;

    fn entry(key: &str) -> Entry {
        Entry {
            key: key.to_owned(),
            size: 5,
            modified: "2026-11-20T10:00:00Z".parse().unwrap(),
            etag: "e".to_owned(),
            class: "STANDARD".to_owned(),
        }
    }

    #[test]
    fn a_dump_and_its_parent() {
        let keys = [
            "h:/home:0:2026-11-19",
            "h:/home:1:2026-11-20:0",
            "h:/home:1:2026-11-20:1",
        ];
        let catalogue: Catalogue = keys.into_iter().map(entry).collect();
        let dumps = catalogue.dumps;
        assert_eq!(
            Row::dump(&dumps[1], Some(&dumps[0])).line().unwrap(),
            r#"{"key":"h:/home:1:2026-11-20","host":"h","fs":"/home","level":1,"date":"2026-11-20","size":10,"class":"STANDARD","modified":"2026-11-20T10:00:00Z","parent":"h:/home:0:2026-11-19","etag":null,"checksum":null,"pieces":2,"date_trusted":true,"flaw":null}"#
        );
    }

    #[test]
    fn what_is_not_a_dump() {
        assert_eq!(
            Row::other(&entry("a\nb")).line().unwrap(),
            r#"{"key":"a\nb","host":null,"fs":null,"level":null,"date":null,"size":5,"class":"STANDARD","modified":"2026-11-20T10:00:00Z","parent":null,"etag":"e","checksum":null,"pieces":1,"date_trusted":null,"flaw":null}"#
        );
    }
}
