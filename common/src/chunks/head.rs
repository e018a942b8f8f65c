//! The beginning of a chunk stream: a pax global header, by which the tools know it without being told.

use super::member::{block, checksum_holds};
use super::{BLOCK, HEAD, Id, flaw};
use crate::error::Result;

/// The format that this module writes and reads.
const FORMAT: &str = "chunks/1";

/// What a chunk stream holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// New chunks, then index, files, refs: as `s3chunk` makes it and as it is stored.
    New,
    /// The index, then every chunk in order.
    Whole,
    /// Some chunks, in order.
    Part,
    /// Index, files, refs; perhaps toc and end.
    Tail,
    /// Plain pieces of a stream, numbered from 1 on.
    Pieces,
}

impl Form {
    const ALL: [(Self, &'static str); 5] = [
        (Self::New, "new"),
        (Self::Whole, "whole"),
        (Self::Part, "part"),
        (Self::Tail, "tail"),
        (Self::Pieces, "pieces"),
    ];

    /// Its name in the header.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(form, _)| *form == self)
            .map_or("", |(_, name)| name)
    }
}

/// The global header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Head {
    /// Of the stream.
    pub id: Id,
    /// What it holds.
    pub form: Form,
}

impl Head {
    /// Its two blocks.
    #[must_use]
    pub fn encode(&self) -> [u8; HEAD] {
        let records = [
            record("S3PIPES.format", FORMAT),
            record("S3PIPES.id", &self.id.to_string()),
            record("S3PIPES.form", self.form.name()),
        ]
        .concat();
        let mut head = [0; HEAD];
        head[..BLOCK].copy_from_slice(&block("s3pipes", b'g', records.len() as u64));
        head[BLOCK..BLOCK + records.len()].copy_from_slice(records.as_bytes());
        head
    }

    /// What the first bytes of a stream say; `None` if it is no chunk stream, which `first` being shorter than
    /// [`HEAD`] means, too.
    ///
    /// # Errors
    /// Inside the result: it is a chunk stream of another format, or of a form that isn't known.
    #[must_use]
    pub fn parse(first: &[u8]) -> Option<Result<Self>> {
        let first = first.get(..HEAD)?;
        let (header, records) = first.split_at(BLOCK);
        if !header.starts_with(b"s3pipes\0") || header[156] != b'g' || !checksum_holds(header) {
            return None;
        }
        let length = records.iter().position(|byte| *byte == 0).unwrap_or(BLOCK);
        let records = std::str::from_utf8(&records[..length]).ok()?;
        let rest = value(records, "S3PIPES.format")?;
        Some(Self::known(rest.0, rest.1, first))
    }

    fn known(format: &str, records: &str, first: &[u8]) -> Result<Self> {
        if format != FORMAT {
            return Err(flaw(format!(
                "its format is {format}, and this program knows {FORMAT}"
            ))
            .hint("a newer version of these tools may know it"));
        }
        let broken = || flaw("its first header is damaged");
        let (id, records) = value(records, "S3PIPES.id").ok_or_else(broken)?;
        let (form, rest) = value(records, "S3PIPES.form").ok_or_else(broken)?;
        let (form, _) = Form::ALL
            .into_iter()
            .find(|(_, name)| *name == form)
            .ok_or_else(|| flaw(format!("its form is {form:.20}, which is not known")))?;
        let head = Self {
            id: id.parse()?,
            form,
        };
        // So that there is one way to write it.
        if rest.is_empty() && head.encode() == first {
            Ok(head)
        } else {
            Err(broken())
        }
    }
}

/// A pax record: its own length, a blank, the name, `=`, the value, a line feed.
fn record(name: &str, value: &str) -> String {
    let rest = format!(" {name}={value}\n");
    let mut length = rest.len() + 1;
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}")
}

/// The value of the first record, which must be called `name`, and what follows it.
fn value<'a>(records: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let (line, rest) = records.split_once('\n')?;
    let (_, pair) = line.split_once(' ')?;
    Some((pair.strip_prefix(name)?.strip_prefix('=')?, rest))
}
