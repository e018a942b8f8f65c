//! The list of files: where in the stream each member of the tar archive begins that was cut. Sealed.

use std::io::{BufRead, Write};

use super::Id;
use super::text::{Lines, number};
use crate::error::{Doing, Result};

/// A member of the archive that was cut.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileLine {
    /// Where its first header begins in the stream.
    pub offset: u64,
    /// Bytes up to the next member.
    pub length: u64,
    /// Its path, as the archive has it.
    pub path: Vec<u8>,
}

/// The list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Files {
    /// Of the stream.
    pub id: Id,
    /// In the order of the archive.
    pub files: Vec<FileLine>,
}

impl Files {
    /// Writes its text.
    ///
    /// # Errors
    /// If `to` fails.
    pub fn write(&self, mut to: impl Write) -> Result<()> {
        let mut write = |text: &str| {
            to.write_all(text.as_bytes())
                .doing("write the list of files")
        };
        write(&format!("s3pipes-files/1\nid {}\n", self.id))?;
        for file in &self.files {
            write(&format!(
                "file {} {} {}\n",
                file.offset,
                file.length,
                escape(&file.path)
            ))?;
        }
        Ok(())
    }

    /// Reads its text, to the end of `from`.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn read(from: impl BufRead) -> Result<Self> {
        let mut lines = Lines::of(from, "files")?;
        let broken = lines.broken();
        let id = lines.id()?;
        let mut files = Vec::new();
        while let Some(line) = lines.next()? {
            files.push(file(line).ok_or_else(|| broken.clone())?);
        }
        Ok(Self { id, files })
    }
}

fn file(line: &str) -> Option<FileLine> {
    let mut fields = line.strip_prefix("file ")?.splitn(3, ' ');
    let (offset, length) = (number::<u64>(fields.next()?)?, number(fields.next()?)?);
    offset.checked_add(length)?;
    Some(FileLine {
        offset,
        length,
        path: unescape(fields.next()?)?,
    })
}

/// A path on one line: control characters, `\` and what isn't UTF-8 as `\ooo`.
#[must_use]
pub fn escape(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    let octal = |text: &mut String, bytes: &[u8]| {
        for byte in bytes {
            text.push_str(&format!("\\{byte:03o}"));
        }
    };
    for part in path.utf8_chunks() {
        for letter in part.valid().chars() {
            if letter.is_control() || letter == '\\' {
                octal(&mut text, letter.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(letter);
            }
        }
        octal(&mut text, part.invalid());
    }
    text
}

/// The path that [`escape`] made `text` of; `None` if it made it of none.
#[must_use]
pub fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut path = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'\\' {
            let digits = std::str::from_utf8(rest.get(..3)?).ok()?;
            path.push(u8::from_str_radix(digits, 8).ok()?);
            rest = &rest[3..];
        } else {
            path.push(*byte);
        }
    }
    (escape(&path) == text).then_some(path)
}
