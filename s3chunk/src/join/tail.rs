//! The tail of a dump: its index, and perhaps its list of files.

use std::io::Read;

use common::Result;
use common::chunks::{FileLine, Files, Form, Index, Name, Reader};

use super::{index, is_open, refuse, rest};

/// What a stream tells of itself.
pub struct Tail {
    /// Every chunk.
    pub index: Index,
    /// The members of the archive that was cut.
    pub files: Option<Files>,
}

impl Tail {
    /// Reads a stream to its end, if it has its index in it.
    ///
    /// # Errors
    /// If it has none, it is sealed, or something in it is damaged. Chunks are passed over.
    pub fn read<R: Read>(mut reader: Reader<R>) -> Result<Self> {
        let form = reader.head().form;
        if matches!(form, Form::Part | Form::Pieces) {
            return Err(refuse("it has no index"));
        }
        let index = loop {
            let member = reader.next()?.ok_or_else(|| refuse("it has no index"))?;
            is_open(&member)?;
            if member.name == Name::Index {
                break index(&mut reader, &member)?;
            }
        };
        if form == Form::Whole {
            while reader.next()?.is_some() {}
            return Ok(Self { index, files: None });
        }
        let files = rest(&mut reader, &index, None)?.files;
        Ok(Self { index, files })
    }

    /// The list of files.
    ///
    /// # Errors
    /// If there is none.
    pub fn files(&self) -> Result<&[FileLine]> {
        match &self.files {
            Some(files) => Ok(&files.files),
            None => Err(refuse("it has no list of files")
                .hint("s3chunk --members makes one, of a tar archive, when it is cut")),
        }
    }
}
