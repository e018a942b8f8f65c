//! The end: where in an object index, files, refs and toc are. It has a fixed size and a fixed place.

use super::text::{Lines, number};
use super::{BLOCK, Id, flaw};
use crate::error::Result;

/// Bytes in an object.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Span {
    /// Of the first one.
    pub offset: u64,
    /// How many.
    pub size: u64,
}

/// The member `end`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct End {
    /// Of the stream.
    pub id: Id,
    /// Chunks in the object.
    pub chunks: u64,
    /// The content of `index`, as stored.
    pub index: Span,
    /// The content of `files`; nothing at 0 if there is none.
    pub files: Span,
    /// The content of `refs`.
    pub refs: Span,
    /// The content of `toc`.
    pub toc: Span,
}

impl End {
    /// Bytes of the content.
    pub const SIZE: usize = 512;
    /// Bytes from the header of this member to the end of the object: header, content, two blocks of zeros.
    pub const FROM_END: u64 = 4 * BLOCK as u64;

    /// Its content.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::SIZE] {
        let mut text = format!("s3pipes-end/1\nid {}\nchunks {}\n", self.id, self.chunks);
        for (name, span) in self.spans() {
            text.push_str(&format!("{name} {} {}\n", span.offset, span.size));
        }
        let mut content = [b'\n'; Self::SIZE];
        // The longest text is less than 300 bytes.
        content[..text.len()].copy_from_slice(text.as_bytes());
        content
    }

    /// What a content says.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn parse(content: &[u8]) -> Result<Self> {
        let mut lines = Lines::of(content, "end")?;
        let broken = lines.broken();
        let id = lines.id()?;
        let chunks = number(lines.field("chunks")?).ok_or_else(|| broken.clone())?;
        let mut span = |name| -> Result<Span> {
            let read = lines
                .field(name)?
                .split_once(' ')
                .and_then(|(offset, size)| {
                    let span = Span {
                        offset: number(offset)?,
                        size: number(size)?,
                    };
                    span.offset.checked_add(span.size).map(|_| span)
                });
            read.ok_or_else(|| broken.clone())
        };
        let end = Self {
            id,
            chunks,
            index: span("index")?,
            files: span("files")?,
            refs: span("refs")?,
            toc: span("toc")?,
        };
        if end.encode() == content {
            Ok(end)
        } else {
            Err(flaw("its end is damaged"))
        }
    }

    fn spans(&self) -> [(&'static str, Span); 4] {
        [
            ("index", self.index),
            ("files", self.files),
            ("refs", self.refs),
            ("toc", self.toc),
        ]
    }
}
