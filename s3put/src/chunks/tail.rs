//! The tail of a chunk stream, kept while the stream passes: what follows its chunks, as a stream of the form `tail`.
//!
//! It is in memory as long as it is small, then in a file without a name. If that can't be written, it is in memory
//! after all: a stream that has run for hours must not die of a full disk.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::os::unix::fs::FileExt as _;

use common::chunks::{Form, Head, Id};
use common::scratch;

/// As much is in memory, and goes to the file at once.
const IN_MEMORY: usize = 4 << 20;

/// Takes what is to be kept.
pub(super) struct Tail {
    /// What comes first, if it is more than fits into memory.
    file: Option<File>,
    /// Bytes in it.
    written: u64,
    /// What comes then.
    memory: Vec<u8>,
    /// No file is to be had.
    fails: bool,
}

impl Tail {
    /// Of the stream with this id.
    pub(super) fn new(id: Id) -> Self {
        let head = Head {
            id,
            form: Form::Tail,
        };
        Self {
            file: None,
            written: 0,
            memory: head.encode().to_vec(),
            fails: false,
        }
    }

    /// The next bytes.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        if self.memory.len() + bytes.len() > IN_MEMORY && !self.fails {
            self.fails = self.pour().is_err();
        }
        self.memory.extend_from_slice(bytes);
    }

    /// What is in memory goes to the file. What doesn't get there stays.
    fn pour(&mut self) -> io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => scratch::nameless(&scratch::place())?,
        };
        let file = self.file.insert(file);
        file.write_all_at(&self.memory, self.written)?;
        self.written += self.memory.len() as u64;
        self.memory.clear();
        Ok(())
    }

    /// All of it.
    ///
    /// # Errors
    /// If the file can't be read.
    pub(super) fn bytes(self) -> io::Result<Box<dyn Read + Send>> {
        let memory = Cursor::new(self.memory);
        Ok(match self.file {
            None => Box::new(memory),
            Some(mut file) => {
                file.rewind()?;
                Box::new(file.take(self.written).chain(memory))
            }
        })
    }
}
